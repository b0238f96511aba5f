//! The embedded store: records in this process, one mutex, short sections.
//!
//! A process that ends well hands its memory to the next (`memory_kept.rs`). With one that is killed it ends; pages that
//! were rendered before are then checked, or told to load again (see `Record::fresh`).

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Applied, SESSION_KEEP, Session, Snapshot, Witness};
use crate::clock::Clock;
use crate::collab::chat::{self, Line, Pair};
use crate::collab::command::Command;
use crate::collab::lock;
use crate::collab::protocol::Values;
use crate::collab::record::{Millis, PageId, Record, Rules, UNSAVED_KEEP};
use crate::django::object::ObjectKey;
use crate::settable::Settable;

/// Forgotten things are swept out after so many changes.
const SWEEP_EVERY: u32 = 1024;

pub struct Memory {
    clock: Clock,
    pub(super) rules: Settable<Rules>,
    pub(super) epoch: Millis,
    inner: Mutex<Inner>,
    witness: Witness,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) records: HashMap<ObjectKey, Kept<Record>>,
    pub(super) sessions: HashMap<String, Kept<Session>>,
    pub(super) unsaved: HashMap<(ObjectKey, PageId), Kept<Values>>,
    pub(super) talks: HashMap<ObjectKey, HashMap<Pair, Kept<VecDeque<Line>>>>,
    until_sweep: u32,
}

pub(super) struct Kept<T> {
    pub(super) value: T,
    pub(super) until: Millis,
}

impl Memory {
    pub fn new(clock: Clock, rules: Rules) -> Self {
        Self {
            epoch: clock.now(),
            clock,
            rules: Settable::new(rules),
            inner: Mutex::default(),
            witness: Witness::nobody(),
        }
    }

    pub(super) fn witnessed(self, witness: Witness) -> Self {
        Self { witness, ..self }
    }

    /// The data is plain and every change is complete before the lock is let go, so a panic elsewhere in the
    /// process does not make it less true.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    pub fn apply(&self, key: &ObjectKey, command: &Command) -> Applied {
        let mut inner = self.lock();
        let now = self.clock.now();
        let fresh;
        let before = match inner.record(key, now) {
            Some(record) => record,
            None => {
                fresh = Record::fresh(self.epoch);
                &fresh
            }
        };
        let step = lock::apply(before, now, command, &self.rules.get());
        if step.changed {
            // Within the mutex: the trail's order is the steps'.
            self.witness.saw(key, before, command, &step, now, true);
            let value = step.record.clone();
            let until = now + value.keep_for();
            inner.records.insert(key.clone(), Kept { value, until });
        }
        inner.sweep(now);
        Applied { step, now }
    }

    pub fn read(&self, key: &ObjectKey) -> Snapshot {
        let mut inner = self.lock();
        let now = self.clock.now();
        let record = match inner.records.get_mut(key).filter(|k| k.until > now) {
            Some(kept) => {
                kept.until = now + kept.value.keep_for();
                kept.value.clone()
            }
            None => Record::fresh(self.epoch),
        };
        Snapshot { record, now }
    }

    /// For who only wants to see.
    pub fn look(&self, key: &ObjectKey) -> Option<Snapshot> {
        let inner = self.lock();
        let now = self.clock.now();
        let record = lock::apply(inner.record(key, now)?, now, &Command::Tick, &self.rules.get()).record;
        Some(Snapshot { record, now })
    }

    pub fn list(&self) -> Vec<(ObjectKey, Snapshot)> {
        let inner = self.lock();
        let now = self.clock.now();
        let mut found: Vec<_> = inner
            .records
            .iter()
            .filter(|(_, kept)| kept.until > now)
            .map(|(key, kept)| (key, lock::apply(&kept.value, now, &Command::Tick, &self.rules.get()).record))
            .filter(|(_, record)| record.is_live())
            .map(|(key, record)| (key.clone(), Snapshot { record, now }))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    pub fn session(&self, hash: &str) -> Option<Session> {
        let now = self.clock.now();
        self.lock().sessions.get(hash).filter(|k| k.until > now).map(|k| k.value.clone())
    }

    pub fn set_session(&self, hash: &str, session: Option<&Session>) {
        let now = self.clock.now();
        let mut inner = self.lock();
        match session {
            Some(session) => {
                let until = now + SESSION_KEEP;
                inner.sessions.insert(hash.to_owned(), Kept { value: session.clone(), until });
            }
            None => {
                inner.sessions.remove(hash);
            }
        }
        inner.sweep(now);
    }

    pub fn set_unsaved(&self, key: &ObjectKey, page: &PageId, values: &Values) {
        let now = self.clock.now();
        let mut inner = self.lock();
        // These are large, so they do not wait for the sweep.
        inner.unsaved.retain(|_, kept| kept.until > now);
        let kept = Kept { value: values.clone(), until: now + UNSAVED_KEEP };
        inner.unsaved.insert((key.clone(), page.clone()), kept);
    }

    pub fn unsaved(&self, key: &ObjectKey, page: &PageId) -> Option<Values> {
        let now = self.clock.now();
        let inner = self.lock();
        let kept = inner.unsaved.get(&(key.clone(), page.clone()))?;
        (kept.until > now).then(|| kept.value.clone())
    }
}

/// What people say to each other.
impl Memory {
    pub fn say(&self, key: &ObjectKey, line: &Line, keep: chat::Keep) {
        let now = self.clock.now();
        let mut inner = self.lock();
        let talks = inner.talks.entry(key.clone()).or_default();
        talks.retain(|_, talk| talk.until > now);
        let talk = talks.entry(line.pair()).or_insert_with(|| Kept { value: VecDeque::new(), until: 0 });
        talk.value.push_back(line.clone());
        talk.value.drain(..talk.value.len().saturating_sub(keep.lines));
        talk.until = now + keep.age;
        inner.sweep(now);
    }

    pub fn said(&self, key: &ObjectKey, user_id: &str) -> Vec<Line> {
        let now = self.clock.now();
        let inner = self.lock();
        let talks = inner.talks.get(key).into_iter().flatten();
        let own = talks.filter(|(pair, talk)| talk.until > now && pair.partner_of(user_id).is_some());
        own.flat_map(|(_, talk)| talk.value.iter().cloned()).collect()
    }
}

impl Inner {
    fn record(&self, key: &ObjectKey, now: Millis) -> Option<&Record> {
        self.records.get(key).filter(|k| k.until > now).map(|k| &k.value)
    }

    fn sweep(&mut self, now: Millis) {
        if self.until_sweep > 0 {
            self.until_sweep -= 1;
            return;
        }
        self.until_sweep = SWEEP_EVERY;
        self.records.retain(|_, kept| kept.until > now);
        self.sessions.retain(|_, kept| kept.until > now);
        self.unsaved.retain(|_, kept| kept.until > now);
        self.talks.retain(|_, talks| {
            talks.retain(|_, talk| talk.until > now);
            !talks.is_empty()
        });
    }
}
