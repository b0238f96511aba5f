//! The only reader of time that rules depend on. Tests set it by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::collab::record::Millis;

#[derive(Clone, Debug)]
pub enum Clock {
    /// Starts at the wall clock and goes on by the monotonic one, so that a stepped clock moves no lease.
    System {
        start: Instant,
        epoch: Millis,
    },
    Manual(Arc<AtomicU64>),
}

impl Clock {
    pub fn system() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self::System { start: Instant::now(), epoch: millis(since) }
    }

    /// Never earlier than what was seen before, though somebody may have set the wall clock back since.
    pub fn system_from(least: Millis) -> Self {
        match Self::system() {
            Self::System { start, epoch } => Self::System { start, epoch: epoch.max(least) },
            manual => manual,
        }
    }

    pub fn manual(now: Millis) -> Self {
        Self::Manual(Arc::new(AtomicU64::new(now)))
    }

    pub fn now(&self) -> Millis {
        match self {
            Self::System { start, epoch } => epoch + millis(start.elapsed()),
            Self::Manual(now) => now.load(Ordering::SeqCst),
        }
    }

    /// For tests; the system's clock goes by itself.
    pub fn advance(&self, by: Millis) {
        if let Self::Manual(now) = self {
            now.fetch_add(by, Ordering::SeqCst);
        }
    }
}

pub fn millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// As people and machines read it, in UTC: `2026-11-27T16:04:05.678Z`.
pub fn rfc3339(at: Millis) -> String {
    let (day, within) = (at / 86_400_000, at % 86_400_000);
    // The civil calendar of a day's number, with years that begin in March (Howard Hinnant, "date algorithms").
    let shifted = day + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (seconds, millis) = (within / 1_000, within % 1_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{of_month:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn times_as_others_write_them() {
        for (at, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
            (1_772_323_199_999, "2026-02-28T23:59:59.999Z"),
            (1_772_323_200_000, "2026-03-01T00:00:00.000Z"),
            (4_102_444_799_000, "2099-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(rfc3339(at), text);
        }
    }
}
