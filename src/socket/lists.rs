//! The change lists that are open on this proxy: who sees which rows, and what they are told of them.
//!
//! Of rows that Django did not show to a page, that page is never told. The door is `list_door`'s.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::hub::Hub;
use super::outbox::{Out, Outbox};
use crate::collab::badge::{Badge, Busy};
use crate::collab::command::Command;
use crate::collab::protocol::{Close, ToPage};
use crate::collab::record::{Person, Record, UserKey};
use crate::django::object::ObjectKey;
use crate::store::StoreError;
use crate::token::Key;

/// All lists of this proxy, by the model's label.
#[derive(Default)]
pub(super) struct Lists(Mutex<HashMap<String, List>>);

#[derive(Default)]
struct List {
    watchers: HashMap<u64, Watcher>,
    /// Rows that somebody has, and the newest record that was told of each row.
    busy: HashMap<ObjectKey, Busy>,
    told: HashMap<ObjectKey, u64>,
}

pub(super) struct Watcher {
    pub(super) user: UserKey,
    /// Rows that Django showed to this person, and how the page spells their keys.
    pub(super) rows: HashMap<ObjectKey, String>,
    pub(super) outbox: Outbox,
    /// Has been told the whole state; what comes before that is part of it.
    pub(super) ready: bool,
}

impl Watcher {
    fn send(&self, rows: BTreeMap<String, Option<Badge>>) {
        let message = ToPage::ListStatus { rows };
        self.outbox.push(Out::Text(Utf8Bytes::from(message.text())));
    }
}

impl Lists {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, List>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sockets(&self) -> usize {
        self.lock().values().map(|list| list.watchers.len()).sum()
    }

    /// Is anybody here shown this object in a list?
    pub(super) fn watch(&self, object: &ObjectKey) -> bool {
        let lists = self.lock();
        lists.get(&object.model()).is_some_and(|l| l.watchers.values().any(|w| w.rows.contains_key(object)))
    }

    /// Tells whoever was shown this row, if anything is new.
    pub(super) fn tell(&self, object: &ObjectKey, record: &Record, key: &Key) {
        let mut lists = self.lock();
        let Some(list) = lists.get_mut(&object.model()) else {
            return;
        };
        // Whoever comes later is told the whole state, read afresh.
        if !list.watchers.values().any(|w| w.rows.contains_key(object)) {
            return;
        }
        let told = list.told.entry(object.clone()).or_default();
        if record.revision < *told {
            return;
        }
        *told = record.revision;
        let now = Busy::of(record);
        let before = match now.clone() {
            Some(busy) => list.busy.insert(object.clone(), busy),
            None => list.busy.remove(object),
        };
        if before == now {
            return;
        }
        let public = |person: &Person| key.public_id(&person.user);
        for watcher in list.watchers.values().filter(|w| w.ready) {
            if let Some(pk) = watcher.rows.get(object) {
                let badge = now.as_ref().map(|busy| busy.for_user(&watcher.user, public));
                watcher.send(BTreeMap::from([(pk.clone(), badge)]));
            }
        }
    }

    pub(super) fn close_all(&self, close: Close) {
        for watcher in self.lock().values().flat_map(|l| l.watchers.values()) {
            watcher.outbox.push(Out::Close(close));
        }
    }

    /// True for the first one of its model.
    pub(super) fn enter(&self, model: &str, number: u64, watcher: Watcher) -> bool {
        let mut lists = self.lock();
        let list = lists.entry(model.to_owned()).or_default();
        list.watchers.insert(number, watcher);
        list.watchers.len() == 1
    }

    pub(super) fn exit(&self, model: &str, number: u64) {
        let mut lists = self.lock();
        if let Some(list) = lists.get_mut(model) {
            list.watchers.remove(&number);
            if list.watchers.is_empty() {
                lists.remove(model);
            }
        }
    }

    /// The whole state, for one that has just come.
    pub(super) fn tell_all(&self, model: &str, number: u64, key: &Key) {
        let mut lists = self.lock();
        let Some(List { watchers, busy, .. }) = lists.get_mut(model) else {
            return;
        };
        let Some(watcher) = watchers.get_mut(&number) else {
            return;
        };
        watcher.ready = true;
        let public = |person: &Person| key.public_id(&person.user);
        let rows = busy.iter().filter_map(|(object, busy)| {
            Some((watcher.rows.get(object)?.clone(), Some(busy.for_user(&watcher.user, public))))
        });
        watcher.send(rows.collect());
    }

    fn models(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// None, once nobody watches.
    fn busy(&self, model: &str) -> Option<Vec<ObjectKey>> {
        self.lock().get(model).map(|l| l.busy.keys().cloned().collect())
    }
}

impl Hub {
    /// Reads who has which row of a model afresh.
    pub(super) async fn look_at_list(self: &Arc<Self>, model: &str) -> Result<(), StoreError> {
        let mut left: BTreeSet<ObjectKey> = self.lists.busy(model).unwrap_or_default().into_iter().collect();
        for (object, snapshot) in self.store().list().await? {
            if object.model() == model {
                left.remove(&object);
                self.lists.tell(&object, &snapshot.record, self.key());
            }
        }
        for object in left {
            self.look(&object, &[]).await?;
        }
        Ok(())
    }

    /// Other proxies may have said something that was not heard.
    pub(super) fn lists_after_gap(self: &Arc<Self>) {
        for model in self.lists.models() {
            let hub = Arc::clone(self);
            tokio::spawn(async move {
                if let Err(error) = hub.look_at_list(&model).await {
                    tracing::warn!(model, %error, "the rows of open lists could not be read");
                }
            });
        }
    }

    /// Looks again now and then as long as the list is open: a lock may end in silence with its proxy.
    pub(super) fn watch_list(self: &Arc<Self>, model: String) {
        let hub = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(hub.look_every()).await;
                let Some(busy) = hub.lists.busy(&model) else {
                    return;
                };
                for object in busy {
                    let run = hub.run(&object, &Command::Tick).await;
                    if let Err(error) = run {
                        tracing::debug!(%object, %error, "a row could not be looked at");
                    }
                }
            }
        });
    }
}
