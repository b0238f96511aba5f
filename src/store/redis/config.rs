//! What the link to Redis is told: where it is, and how patient to be.

use std::fmt;
use std::time::Duration;

use super::errors::masked;
use super::place::{Certificates, Sentinels, Where};
use crate::clock::millis;
use crate::collab::record::Millis;

/// It is looked for no less often.
pub(super) const SELDOM: Duration = Duration::from_secs(2);
/// For what a proxy says to a Redis that is back: also one that is slow.
const AT_ONCE: Duration = Duration::from_secs(2);
/// One that is back within this was not away.
pub(super) const MOMENT: Duration = Duration::from_millis(250);

#[derive(Clone, PartialEq, Eq)]
pub struct RedisConfig {
    pub url: String,
    /// Before every key and channel.
    pub prefix: String,
    pub max_retries: u32,
    /// Doubles with every try.
    pub retry_delay: Duration,
    pub timeout: Duration,
    pub certificates: Certificates,
    pub sentinels: Sentinels,
}

/// Never its passwords and keys.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(&self.url))
    }
}

impl RedisConfig {
    /// How long an outage is waited out before callers are told of it: all the retries together.
    pub(super) fn span(&self) -> Duration {
        let retries = self.retry_delay * (2_u32.saturating_pow(self.max_retries.min(16)) - 1);
        retries.max(MOMENT)
    }

    /// Does it lead to the same locks? All else can change while the program runs.
    pub fn is_same_place(&self, other: &Self) -> bool {
        let place = |config| Where::new(config).ok();
        let same = place(self).zip(place(other)).is_some_and(|(place, other)| place.is_same(&other));
        same && self.prefix == other.prefix
    }

    /// How long to wait, after Redis has lost what it knew, for other proxies to say what they know: the last of them
    /// comes back so much later than the first (`SELDOM`), and then tells at once.
    pub fn recall(&self) -> Millis {
        millis(SELDOM.max(self.retry_delay) + AT_ONCE)
    }
}

/// What links are made by, at this moment.
pub(super) struct Spec {
    pub(super) place: Where,
    pub(super) config: RedisConfig,
}

impl Spec {
    pub(super) fn new(config: RedisConfig) -> Result<Self, String> {
        Ok(Self { place: Where::new(&config)?, config })
    }
}
