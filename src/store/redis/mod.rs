//! The Redis store: a compare-and-set cell an object, and a channel of hints to the other proxies.
//!
//! Owns the names of keys, and whose time it is: Redis's own, so that the proxies' clocks do not matter; in a cluster each
//! object's is its primary's. `record` reads and commits records, `links` is the way to the servers.

mod cluster;
mod config;
mod errors;
mod keeper;
mod life;
mod link;
mod links;
mod look;
mod news;
mod people;
mod place;
mod probe;
mod record;
mod slots;
mod trail;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use redis::Script;
use redis::aio::MultiplexedConnection;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

pub use self::config::RedisConfig;
pub use self::errors::masked;
use self::life::Life;
use self::links::Links;
pub use self::news::{Heard, Notice};
pub use self::place::{Certificates, Sentinels};
use crate::clock::Clock;
use crate::collab::protocol::Values;
use crate::collab::record::{Millis, NodeId, PageId, Rules, UNSAVED_KEEP};
use crate::django::object::ObjectKey;
use crate::ids;
use crate::settable::Settable;
use crate::store::{SESSION_KEEP, Session, StoreError, Witness};

/// Objects of one proxy's that can be written at a time.
const STRIPES: usize = 64;

pub struct Redis {
    links: Links,
    pub(super) rules: Settable<Rules>,
    prefix: String,
    node: NodeId,
    /// None: Redis's own clock. Tests set time by hand.
    clock: Option<Clock>,
    commit: Script,
    life: Life,
    meet: Script,
    leave: Script,
    take: Script,
    /// One local writer an object at a time, so that only other proxies can be in the way.
    stripes: Vec<Mutex<()>>,
    witness: Option<Witness>,
    /// The one that was found, or made, at the start.
    secret: OnceLock<Vec<u8>>,
    /// Another one is there by now, and that has been said.
    odd: AtomicBool,
}

/// `{` and `}` would break the hash tag that keeps an object's keys in one cluster slot.
const IN_TAG: &AsciiSet = &CONTROLS.add(b'{').add(b'}').add(b'%');

impl Redis {
    pub fn new(
        config: RedisConfig,
        rules: Rules,
        node: NodeId,
        clock: Option<Clock>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            life: Life::new(format!("{}life", config.prefix)),
            prefix: config.prefix.clone(),
            links: Links::new(config)?,
            rules: Settable::new(rules),
            node,
            clock,
            commit: Script::new(include_str!("commit.lua")),
            meet: Script::new(include_str!("meet.lua")),
            leave: Script::new(include_str!("leave.lua")),
            take: Script::new(include_str!("take.lua")),
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            witness: None,
            secret: OnceLock::new(),
            odd: AtomicBool::new(false),
        })
    }

    /// Other settings, which lead to the same locks. If they do not, those of before go on.
    pub async fn renew(&self, config: &RedisConfig) -> Result<(), String> {
        self.links.renew(config).await
    }

    pub(super) fn witnessed(mut self, witness: Witness) -> Self {
        self.links.count(witness.metrics());
        Self { witness: Some(witness), ..self }
    }

    fn key(&self, object: &ObjectKey) -> String {
        self.key_of("lock", object, "")
    }

    /// Everything of an object is in one slot of a cluster.
    fn key_of(&self, kind: &str, object: &ObjectKey, more: &str) -> String {
        let tag = object.to_string();
        let colon = if more.is_empty() { "" } else { ":" };
        format!("{}{kind}:{{{}}}{colon}{more}", self.prefix, utf8_percent_encode(&tag, IN_TAG))
    }

    /// The secret that all proxies on this Redis share, if none is configured.
    pub async fn shared_secret(&self) -> Result<Vec<u8>, StoreError> {
        let secret = self.secret_or(&ids::random::<32>()).await?;
        Ok(self.secret.get_or_init(|| secret).clone())
    }

    /// What is there, or else this from now on.
    async fn secret_or(&self, own: &[u8]) -> Result<Vec<u8>, StoreError> {
        let key = &format!("{}secret", self.prefix);
        self.links
            .run(key, |mut c| async move {
                redis::cmd("SET").arg(key).arg(own).arg("NX").exec_async(&mut c).await?;
                redis::cmd("GET").arg(key).query_async(&mut c).await
            })
            .await
    }

    /// A Redis that has lost the secret is told it again, or the next proxy that starts would make another: then people are
    /// others at each proxy, and pages of one are nothing to the next.
    async fn keep_secret(&self) {
        let Some(own) = self.secret.get() else {
            return;
        };
        if self.secret_or(own).await.is_ok_and(|there| there != *own)
            && !self.odd.swap(true, Ordering::Relaxed)
        {
            tracing::error!(
                "the proxies on this Redis sign with different secrets, since it lost the one they shared: restart this \
                 proxy, or give all of them the same `secret`"
            );
        }
    }

    fn time(&self, redis_time: (u64, u64)) -> Millis {
        match &self.clock {
            Some(clock) => clock.now(),
            None => redis_time.0 * 1000 + redis_time.1 / 1000,
        }
    }

    pub async fn now(&self) -> Result<Millis, StoreError> {
        Ok(self.time(self.links.time().await?))
    }

    pub async fn set_unsaved(
        &self,
        object: &ObjectKey,
        page: &PageId,
        values: &Values,
    ) -> Result<(), StoreError> {
        let key = &self.key_of("unsaved", object, page.as_str());
        let text = &serde_json::to_string(values).unwrap_or_default();
        let set = |mut c: MultiplexedConnection| async move {
            redis::cmd("SET").arg(key).arg(text).arg("PX").arg(UNSAVED_KEEP).exec_async(&mut c).await
        };
        self.links.run(key, set).await
    }

    pub async fn unsaved(&self, object: &ObjectKey, page: &PageId) -> Result<Option<Values>, StoreError> {
        self.get_json(&self.key_of("unsaved", object, page.as_str())).await
    }

    async fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self
            .links
            .run(key, |mut c| async move { redis::cmd("GET").arg(key).query_async(&mut c).await })
            .await?;
        text.map(|t| serde_json::from_str(&t).map_err(|e| StoreError::Corrupt(format!("{key}: {e}"))))
            .transpose()
    }

    /// Why it is away, if it is, and not just for a moment.
    pub(super) fn trouble(&self) -> Option<String> {
        self.links.trouble()
    }

    /// Returns when it is away, or the part of it that keeps this object.
    pub(super) async fn lost(&self, object: Option<&ObjectKey>) -> StoreError {
        self.links.lost(object.map(|object| self.key(object)).as_deref()).await
    }

    fn session_key(&self, hash: &str) -> String {
        format!("{}session:{hash}", self.prefix)
    }

    pub async fn session(&self, hash: &str) -> Result<Option<Session>, StoreError> {
        self.get_json(&self.session_key(hash)).await
    }

    pub async fn set_session(&self, hash: &str, session: Option<&Session>) -> Result<(), StoreError> {
        let key = &self.session_key(hash);
        let text = &session.map(|s| serde_json::to_string(s).unwrap_or_default());
        self.links
            .run(key, |mut c| async move {
                match text {
                    Some(text) => {
                        redis::cmd("SET")
                            .arg(key)
                            .arg(text)
                            .arg("PX")
                            .arg(SESSION_KEEP)
                            .exec_async(&mut c)
                            .await
                    }
                    None => redis::cmd("DEL").arg(key).exec_async(&mut c).await,
                }
            })
            .await
    }

    /// The address, for the operator.
    pub fn describe(&self) -> String {
        self.links.describe()
    }
}
