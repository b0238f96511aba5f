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
