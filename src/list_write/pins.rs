//! The pins of many rows at once: all of them or none, kept alive, and ended one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use crate::collab::command::{Command, Outcome, Refusal, WriteEnd, WriteProof};
use crate::collab::record::{Millis, Person, Record, RequestId, Write};
use crate::django::object::ObjectKey;
use crate::gate::pin::{self, Keeping, Pinned};
use crate::ids;
use crate::socket::hub::Hub;
use crate::store::StoreError;

/// Rows that nobody else may save until these are ended.
pub(super) struct Pins {
    hub: Arc<Hub>,
    person: Person,
    pinned: Pinned,
    /// Renews them until they are ended.
    _keeping: Keeping,
}

/// What was asked, and what came of it.
pub(super) struct Asked {
    pub(super) pins: Pins,
    pub(super) refused: BTreeMap<ObjectKey, Refusal>,
    /// The pinned rows' records, as they were at that moment.
    pub(super) records: BTreeMap<ObjectKey, Record>,
    pub(super) now: Millis,
}

/// Asks for every row, also after a refusal: people are told of all of them at once.
pub(super) async fn ask(
    hub: &Arc<Hub>,
    every: Duration,
    person: Person,
    rows: &BTreeSet<ObjectKey>,
    proof: &WriteProof,
) -> Result<Asked, StoreError> {
    let pinned = Pinned::default();
    // From the first one on: before the last of many is pinned, the first could be given up.
    let keeping = pin::keep(hub, every, &pinned);
    let mut refused = BTreeMap::new();
    let mut records = BTreeMap::new();
    let mut now = 0;
    let mut failed = None;
    // One wait for all of them together. Everybody pins in the keys' order, so nobody waits in a ring.
    let until = pin::quiet_until();
    for key in rows {
        let id = RequestId::from(ids::id());
        let begin = Command::BeginWrite { id, person: person.clone(), proof: proof.clone() };
        match pin::begin(hub, key, &begin, until).await {
            Ok(applied) => {
                now = applied.now;
                let record = applied.step.record;
                match (applied.step.outcome, &record.write) {
                    (Outcome::Granted { .. }, Some(write)) => {
                        lock(&pinned).insert(key.clone(), write.clone());
                        records.insert(key.clone(), record);
                    }
                    (Outcome::Refused(refusal), _) => {
                        refused.insert(key.clone(), refusal);
                    }
                    _ => failed = Some(StoreError::Corrupt("neither granted nor refused".to_owned())),
                }
            }
            Err(error) => failed = Some(error),
        }
        if failed.is_some() {
            break;
        }
    }
    let pins = Pins { hub: Arc::clone(hub), person, pinned, _keeping: keeping };
    match failed {
        Some(error) => {
            pins.release().await;
            Err(error)
        }
        None => Ok(Asked { pins, refused, records, now }),
    }
}

impl Pins {
    /// Nothing was written.
    pub(super) async fn release(self) {
        self.end(|_| WriteEnd::NotSaved).await;
    }

    /// Tells the store how it ended, row by row. What cannot be told ends by itself, as a possible save.
    /// Gives the store's time, if it could be told anything.
    pub(super) async fn end(self, how: impl Fn(&ObjectKey) -> WriteEnd) -> Option<Millis> {
        let mut at = None;
        let mut left = lock(&self.pinned).clone();
        for pause in pin::END_PAUSES {
            tokio::time::sleep(pause).await;
            let mut down = false;
            for (key, write) in std::mem::take(&mut left) {
                // Thousands of rows would each wait for a store that is not there, and the answer with them.
                if down {
                    left.insert(key, write);
                    continue;
                }
                let end = how(&key);
                let command = self.ended(&write, end);
                match self.hub.run(&key, &command).await {
                    Ok(applied) => {
                        at = Some(applied.now);
                        tracing::debug!(object = %key, ?end, "a row's write ended");
                        // Renewing it any longer would find nothing to renew.
                        lock(&self.pinned).remove(&key);
                    }
                    Err(error) => {
                        tracing::warn!(object = %key, %error, ?end, "a row's end could not be stored");
                        down = matches!(error, StoreError::Down(_));
                        left.insert(key, write);
                    }
                }
            }
            if left.is_empty() {
                return at;
            }
        }
        let ends = left.into_iter().map(|(key, write)| {
            let end = self.ended(&write, how(&key));
            (key, end)
        });
        pin::end_later(&self.hub, ends.collect());
        at
    }

    fn ended(&self, write: &Write, end: WriteEnd) -> Command {
        Command::EndWrite { fence: write.fence, person: self.person.clone(), page: None, end }
    }
}

fn lock(pinned: &Pinned) -> MutexGuard<'_, BTreeMap<ObjectKey, Write>> {
    pinned.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::pin::tests::{PIN, granted, hub, person};

    /// The second row is in the way for longer than a pin lives.
    #[tokio::test(start_paused = true)]
    async fn the_first_pin_outlives_the_wait_for_the_last() {
        let hub = hub();
        let rows = ["1", "2"].map(|pk| ObjectKey::new("shop", "product", pk));
        let write = granted(&hub, &rows[1], "carol", WriteProof::Beside).await;
        let fence = write.fence;
        let carols = Pinned::default();
        lock(&carols).insert(rows[1].clone(), write);
        let every = Duration::from_millis(PIN / 3);
        let keeping = pin::keep(&hub, every, &carols);
        let (listing, all) = (Arc::clone(&hub), BTreeSet::from(rows.clone()));
        let asking = tokio::spawn(async move {
            ask(&listing, every, person("bob"), &all, &WriteProof::Beside).await.unwrap()
        });
        tokio::time::sleep(Duration::from_millis(PIN + 1_000)).await;
        drop(keeping);
        let end = WriteEnd::NotSaved;
        let ended = Command::EndWrite { fence, person: person("carol"), page: None, end };
        pin::end(&hub, &rows[1], &ended).await.unwrap();
        let asked = asking.await.unwrap();
        assert!(asked.refused.is_empty());
        for row in &rows {
            let record = hub.run(row, &Command::Tick).await.unwrap().step.record;
            assert_eq!(record.write.map(|w| w.person), Some(person("bob")), "{row}");
            assert!(!record.uncertain, "{row} was given up");
        }
        asked.pins.release().await;
        assert!(hub.store().list().await.unwrap().is_empty());
    }
}
