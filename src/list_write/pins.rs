//! The pins of many rows at once: all of them or none, kept alive, and ended one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::collab::command::{Command, Outcome, Refusal, WriteEnd, WriteProof};
use crate::collab::record::{Millis, Person, Record, RequestId};
use crate::django::object::ObjectKey;
use crate::ids;
use crate::store::StoreError;

/// Rows that nobody else may save until these are ended.
pub(super) struct Pins {
    app: Arc<App>,
    person: Person,
    fences: BTreeMap<ObjectKey, u64>,
    keeping: tokio::task::JoinHandle<()>,
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
    app: &Arc<App>,
    person: Person,
    rows: &BTreeSet<ObjectKey>,
    proof: &WriteProof,
) -> Result<Asked, StoreError> {
    let mut fences = BTreeMap::new();
    let mut refused = BTreeMap::new();
    let mut records = BTreeMap::new();
    let mut now = 0;
    let mut failed = None;
    for key in rows {
        let id = RequestId::from(ids::id());
        let begin = Command::BeginWrite { id, person: person.clone(), proof: proof.clone() };
        match app.hub.run(key, &begin).await {
            Ok(applied) => {
                now = applied.now;
                match applied.step.outcome {
                    Outcome::Granted { fence, .. } => {
                        fences.insert(key.clone(), fence);
                        records.insert(key.clone(), applied.step.record);
                    }
                    Outcome::Refused(refusal) => {
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
    let keeping = keep(app, fences.clone());
    let pins = Pins { app: Arc::clone(app), person, fences, keeping };
    match failed {
        Some(error) => {
            pins.release().await;
            Err(error)
        }
        None => Ok(Asked { pins, refused, records, now }),
    }
}

/// Renews the pins as long as Django works.
fn keep(app: &Arc<App>, fences: BTreeMap<ObjectKey, u64>) -> tokio::task::JoinHandle<()> {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(app.keep_write).await;
            for (key, fence) in &fences {
                if let Err(error) = app.hub.run(key, &Command::KeepWrite { fence: *fence }).await {
                    tracing::warn!(object = %key, %error, "a row on its way could not be renewed");
                }
            }
        }
    })
}

impl Pins {
    /// Nothing was written.
    pub(super) async fn release(self) {
        self.end(|_| WriteEnd::NotSaved).await;
    }

    /// Tells the store how it ended, row by row. What cannot be told ends by itself, as a possible save.
    pub(super) async fn end(mut self, how: impl Fn(&ObjectKey) -> WriteEnd) {
        for pause in [0, 200, 1_000] {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let mut left = BTreeMap::new();
            for (key, fence) in std::mem::take(&mut self.fences) {
                let end = how(&key);
                let command = Command::EndWrite { fence, person: self.person.clone(), page: None, end };
                match self.app.hub.run(&key, &command).await {
                    Ok(_) => tracing::debug!(object = %key, ?end, "a row's write ended"),
                    Err(error) => {
                        tracing::warn!(object = %key, %error, ?end, "a row's end could not be stored");
                        left.insert(key, fence);
                    }
                }
            }
            self.fences = left;
            if self.fences.is_empty() {
                break;
            }
        }
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}
