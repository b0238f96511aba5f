//! The Redis store: a compare-and-set cell an object, and a channel of hints to the other proxies.
//!
//! Read (record, Redis's TIME) → the pure rules → `commit.lua` → again if somebody else was first. Time is
//! Redis's own, so the proxies' clocks do not matter; in a cluster each object's is its primary's. A read never lets a
//! write through: only a committed `BeginWrite` does. Sending a commit twice is safe, since the second finds another revision.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use redis::aio::MultiplexedConnection;
use redis::{RedisError, Script};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::redis_cluster::Primary;
use super::redis_config::RedisConfig;
use super::redis_life::Life;
use super::redis_links::Links;
use super::redis_news::ANEW;
pub use super::redis_news::{Heard, Notice};
use super::redis_people::meet_script;
use super::{Applied, SESSION_KEEP, Session, Snapshot, StoreError, Witness};
use crate::clock::Clock;
use crate::collab::command::Command;
use crate::collab::lock;
use crate::collab::protocol::Values;
use crate::collab::record::{KEEP, Millis, NodeId, PageId, Record, Rules, UNSAVED_KEEP};
use crate::django::object::ObjectKey;
use crate::ids;
use crate::settable::Settable;

/// Tries to win a commit against other proxies before giving up. Within one proxy the stripes queue.
const TRIES: u32 = 64;
const STRIPES: usize = 64;

pub struct Redis {
    pub(super) links: Links,
    pub(super) rules: Settable<Rules>,
    pub(super) prefix: String,
    pub(super) node: NodeId,
    /// None: Redis's own clock. Tests set time by hand.
    pub(super) clock: Option<Clock>,
    pub(super) commit: Script,
    life: Life,
    pub(super) meet: Script,
    /// One local writer an object at a time, so that only other proxies can be in the way.
    stripes: Vec<Mutex<()>>,
    pub(super) witness: Option<Witness>,
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
            meet: meet_script(),
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            witness: None,
        })
    }

    pub(super) fn witnessed(mut self, witness: Witness) -> Self {
        self.links.count(witness.metrics());
        Self { witness: Some(witness), ..self }
    }

    pub(super) fn key(&self, object: &ObjectKey) -> String {
        self.key_of("lock", object, "")
    }

    /// Everything of an object is in one slot of a cluster.
    pub(super) fn key_of(&self, kind: &str, object: &ObjectKey, more: &str) -> String {
        let tag = object.to_string();
        let colon = if more.is_empty() { "" } else { ":" };
        format!("{}{kind}:{{{}}}{colon}{more}", self.prefix, utf8_percent_encode(&tag, IN_TAG))
    }

    /// The secret that all proxies on this Redis share, if none is configured.
    pub async fn shared_secret(&self) -> Result<Vec<u8>, StoreError> {
        let key = &format!("{}secret", self.prefix);
        let own = &ids::random::<32>();
        self.links
            .run(key, |mut c| async move {
                redis::cmd("SET").arg(key).arg(&own[..]).arg("NX").exec_async(&mut c).await?;
                redis::cmd("GET").arg(key).query_async(&mut c).await
            })
            .await
    }

    pub(super) fn time(&self, redis_time: (u64, u64)) -> Millis {
        match &self.clock {
            Some(clock) => clock.now(),
            None => redis_time.0 * 1000 + redis_time.1 / 1000,
        }
    }

    pub async fn now(&self) -> Result<Millis, StoreError> {
        Ok(self.time(self.links.time().await?))
    }

    /// `renew`: it is kept as long as a page that is rendered now may ask for it.
    async fn fetch(&self, object: &ObjectKey, renew: bool) -> Result<Snapshot, StoreError> {
        let key = &self.key(object);
        let (time, text): ((u64, u64), Option<String>) = self
            .links
            .run(key, |mut c| async move {
                let mut pipe = redis::pipe();
                pipe.cmd("TIME");
                match renew {
                    true => pipe.cmd("GETEX").arg(key).arg("PX").arg(KEEP),
                    false => pipe.cmd("GET").arg(key),
                };
                pipe.query_async(&mut c).await
            })
            .await?;
        let now = self.time(time);
        let primary = self.links.of(key)?;
        let mut record = match text {
            Some(text) => decode(&text)?,
            None => {
                let epoch = self.epoch(&primary, now).await?;
                let mut record = Record::fresh(epoch);
                // What began only just now may have been something else before.
                record.doubtful = Some(epoch);
                record.doubtful = record.recalling(now, &self.rules.get()).and(record.doubtful);
                record
            }
        };
        // Revisions and epochs are times (`Record::next`): what was written last before the server's present life may
        // not be the last that was written.
        let last = if record.revision > 0 { record.revision } else { record.version };
        let since = self.life.since(&self.links, &primary, now).await?;
        if last < since {
            record.doubt(since, &self.rules.get());
        }
        Ok(Snapshot { record, now })
    }

    /// Begins the memory of locks of each server that has none: the sooner, the sooner it can be relied on.
    pub async fn begin(&self) -> Result<(), StoreError> {
        for primary in self.links.primaries() {
            let key = &self.epoch_key(&primary);
            let ask = |mut c: MultiplexedConnection| async move {
                let mut pipe = redis::pipe();
                pipe.cmd("TIME").cmd("GET").arg(key);
                pipe.query_async(&mut c).await
            };
            let (time, _): ((u64, u64), Option<String>) = self.links.run(key, ask).await?;
            let now = self.time(time);
            self.epoch(&primary, now).await?;
            self.life.since(&self.links, &primary, now).await?;
        }
        Ok(())
    }

    fn epoch_key(&self, primary: &Primary) -> String {
        format!("{}epoch{}", self.prefix, primary.mark)
    }

    /// When this server's memory of locks began. It goes with the rest if the memory is lost.
    async fn epoch(&self, primary: &Primary, now: Millis) -> Result<Millis, StoreError> {
        let (key, channel) = (&self.epoch_key(primary), &self.channel());
        self.links
            .run(key, |mut c| async move {
                let mut pipe = redis::pipe();
                pipe.cmd("SET").arg(key).arg(now).arg("NX").cmd("GET").arg(key);
                let (begun, epoch): (Option<String>, Millis) = pipe.query_async(&mut c).await?;
                // Every proxy says what it still knows.
                if begun.is_some() {
                    redis::cmd("PUBLISH").arg(channel).arg(ANEW).exec_async(&mut c).await?;
                }
                Ok::<_, RedisError>(epoch)
            })
            .await
    }

    pub async fn apply(&self, object: &ObjectKey, command: &Command) -> Result<Applied, StoreError> {
        let mut hasher = DefaultHasher::new();
        object.hash(&mut hasher);
        let stripe = usize::try_from(hasher.finish() % STRIPES as u64).unwrap_or(0);
        let _queued = self.stripes[stripe].lock().await;
        for attempt in 0..TRIES {
            let Snapshot { record, now } = self.fetch(object, false).await?;
            let step = lock::apply(&record, now, command, &self.rules.get());
            if !step.changed {
                return Ok(Applied { step, now });
            }
            let committed = self.commit(object, record.revision, &step).await;
            if !matches!(committed, Ok(false)) {
                self.leave_trail(object, &record, command, &step, now, committed.is_ok()).await;
            }
            if committed? {
                return Ok(Applied { step, now });
            }
            tokio::time::sleep(Duration::from_millis(ids::below(u64::from(2 + attempt)))).await;
        }
        Err(StoreError::Contended)
    }

    async fn commit(&self, object: &ObjectKey, revision: u64, step: &lock::Step) -> Result<bool, StoreError> {
        let notice = Notice {
            from: self.node.clone(),
            object: object.clone(),
            events: step.events.clone(),
            news: Vec::new(),
        };
        let key = &self.key(object);
        let mut call = self.commit.prepare_invoke();
        call.key(key)
            .arg(revision)
            .arg(encode(&step.record))
            .arg(step.record.keep_for())
            .arg(self.channel())
            .arg(serde_json::to_string(&notice).unwrap_or_default());
        let call = &call;
        let sent = self.links.run(key, |mut c| async move { call.invoke_async::<u8>(&mut c).await }).await?;
        if sent == 1 {
            return Ok(true);
        }
        // Not written, or written by a first sending whose answer was lost: the revision tells, as no two steps
        // of different proxies have both the same revision and the same record.
        let there = self.fetch(object, false).await?.record;
        Ok(there == step.record)
    }

    pub async fn read(&self, object: &ObjectKey) -> Result<Snapshot, StoreError> {
        self.fetch(object, true).await
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

    pub(super) async fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self
            .links
            .run(key, |mut c| async move { redis::cmd("GET").arg(key).query_async(&mut c).await })
            .await?;
        text.map(|t| serde_json::from_str(&t).map_err(|e| StoreError::Corrupt(format!("{key}: {e}"))))
            .transpose()
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

fn encode(record: &Record) -> String {
    format!("{}|{}", record.revision, serde_json::to_string(record).unwrap_or_default())
}

pub(super) fn decode(text: &str) -> Result<Record, StoreError> {
    let json = text.split_once('|').map_or("", |(_, json)| json);
    serde_json::from_str(json).map_err(|e| StoreError::Corrupt(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_the_way_to_redis() {
        let record = Record { revision: 7, version: 3, uncertain: true, ..Record::default() };
        assert_eq!(decode(&encode(&record)).unwrap(), record);
        assert!(decode("no record").is_err());
    }
}
