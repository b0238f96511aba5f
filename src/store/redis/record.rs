//! An object's record in Redis: read, stepped by the rules, and committed if it is still what was read.
//!
//! Owns that compare and set. A read never lets a write through: only a committed `BeginWrite` does. Sending a commit twice
//! is safe, since the second finds another revision; and it is never sent to a server that is not what it was when the
//! record was read, as that may have forgotten what somebody else has written since.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use redis::RedisError;
use redis::aio::MultiplexedConnection;

use super::cluster::Primary;
use super::link::Failed;
use super::news::{ANEW, Notice};
use super::{Redis, STRIPES};
use crate::collab::command::Command;
use crate::collab::lock;
use crate::collab::recall;
use crate::collab::record::{KEEP, Millis, Record};
use crate::django::object::ObjectKey;
use crate::ids;
use crate::store::{Applied, Snapshot, StoreError};

/// Tries to win a commit against other proxies before giving up. Within one proxy the stripes queue.
const TRIES: u32 = 64;

/// A look renews what was written longer ago than this. Pages are good for a day, so that KEEP is long enough all the same.
const RENEWED_BY: Millis = 30 * 60 * 1000;

/// What was read, and in which life of the server. None: in one of two, or none was known.
struct Fetched {
    snapshot: Snapshot,
    life: Option<Arc<str>>,
}

impl Redis {
    /// `renew`: it is kept as long as a page that is rendered now may ask for it.
    async fn fetch(&self, object: &ObjectKey, renew: bool) -> Result<Fetched, StoreError> {
        let key = &self.key(object);
        let life = self.links.present_life(key);
        let (now, text) = self.kept(key).await?;
        let primary = self.links.of(key)?;
        let mut record = match text {
            Some(text) => {
                let record = decode(&text)?;
                if renew && wants_more(&record, now) {
                    self.renew_record(key).await?;
                }
                record
            }
            None => {
                let epoch = self.epoch(&primary, now).await?;
                let mut record = Record::fresh(epoch);
                // What began not long ago may have been something else before, and pages may be open from then; also
                // from just after, when a proxy that was cut off may still have let somebody save.
                record.doubtful = (now < epoch + KEEP && self.rules.get().recall > 0).then_some(epoch);
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
        let after = self.links.present_life(key);
        Ok(Fetched {
            snapshot: Snapshot { record, now },
            life: life.filter(|life| after.as_ref() == Some(life)),
        })
    }

    /// The record as it stands there, and the time.
    pub(super) async fn kept(&self, key: &str) -> Result<(Millis, Option<String>), StoreError> {
        let ask = |mut c: MultiplexedConnection| async move {
            let mut pipe = redis::pipe();
            pipe.cmd("TIME").cmd("GET").arg(key);
            pipe.query_async(&mut c).await
        };
        let (time, text): ((u64, u64), Option<String>) = self.links.run(key, ask).await?;
        Ok((self.time(time), text))
    }

    async fn renew_record(&self, key: &str) -> Result<(), StoreError> {
        let renew = |mut c: MultiplexedConnection| async move {
            redis::cmd("PEXPIRE").arg(key).arg(KEEP).exec_async(&mut c).await
        };
        self.links.run(key, renew).await
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
        let mut narrowed = None;
        for attempt in 0..TRIES {
            let Fetched { snapshot: Snapshot { record, now }, life } = self.fetch(object, false).await?;
            // Sent again, it is not to free whoever has come after the one that was meant.
            if let (Command::ForceRelease { user: None, reason, operator }, Some(holder)) =
                (command, &record.holder)
            {
                let user = Some(holder.page.person.user.clone());
                narrowed.get_or_insert_with(|| Command::ForceRelease {
                    user,
                    reason: reason.clone(),
                    operator: operator.clone(),
                });
            }
            let command = narrowed.as_ref().unwrap_or(command);
            let mut step = lock::apply(&record, now, command, &self.rules.get());
            if !step.changed {
                return Ok(Applied { step, now });
            }
            recall::lend(&record, &mut step, command, &self.node, now);
            let committed = match &life {
                Some(life) => self.commit(object, &record, life, &step).await,
                None => Ok(false),
            };
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

    /// `read`: what the step was made from, in this `life` of the server.
    async fn commit(
        &self,
        object: &ObjectKey,
        read: &Record,
        life: &str,
        step: &lock::Step,
    ) -> Result<bool, StoreError> {
        let notice = Notice {
            from: self.node.clone(),
            object: object.clone(),
            events: step.events.clone(),
            news: Vec::new(),
        };
        let key = &self.key(object);
        let mut call = self.commit.prepare_invoke();
        call.key(key);
        // In a cluster it may be in a slot of its own, which a script must not look into.
        if !self.links.is_cluster() {
            call.key(self.epoch_key(&self.links.of(key)?));
        }
        call.arg(read.revision)
            .arg(encode(&step.record))
            .arg(step.record.keep_for())
            .arg(self.channel())
            .arg(serde_json::to_string(&notice).unwrap_or_default())
            // Of a record that was not there it is the version.
            .arg(read.version);
        let call = &call;
        let sent =
            self.links.run_in(key, Some(life), |mut c| async move { call.invoke_async::<u8>(&mut c).await });
        match sent.await {
            Ok(1) => return Ok(true),
            Ok(_) | Err(Failed::Anew) => {}
            Err(failed) => return Err(failed.into()),
        }
        // Not written, or written by a first sending whose answer was lost: the revision tells, as no two steps
        // of different proxies have both the same revision and the same record.
        let there = self.fetch(object, false).await?.snapshot.record;
        Ok(there == step.record)
    }

    pub async fn read(&self, object: &ObjectKey) -> Result<Snapshot, StoreError> {
        Ok(self.fetch(object, true).await?.snapshot)
    }
}

/// Is it to be kept for longer than since it was written? What says nothing is not, however often it is looked at; and what
/// was written just now need not be.
fn wants_more(record: &Record, now: Millis) -> bool {
    record.keep_for() == KEEP && now > record.revision + RENEWED_BY
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
