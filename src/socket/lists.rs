//! The change lists that are open on this proxy: who sees which rows, and what they are told of them.
//!
//! A list's door is the token that the proxy put into Django's own page; it stands for the rows that this page
//! showed, and of no others is ever told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::upgrade::Upgraded;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_util::task::TaskTracker;

use super::connection::{bad_frame, not_allowed, store_error};
use super::hub::Hub;
use super::room::{OUTBOX, Out};
use super::wire::{Patience, Socket, Take, Visit, converse, first_frame, shut, switched, text, write};
use crate::collab::badge::{Badge, Busy};
use crate::collab::protocol::{Close, FromPage, ToPage};
use crate::collab::record::{Person, Record, UserKey};
use crate::django::changelist::Model;
use crate::django::list_page::ROWS;
use crate::django::object::ObjectKey;
use crate::identity::Who;
use crate::store::StoreError;
use crate::token::Key;
use crate::token::list::ListClaims;

/// What the handshake knew.
pub struct Guest {
    pub model: Model,
    pub who: Who,
    pub tasks: TaskTracker,
    pub patience: Patience,
}

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

struct Watcher {
    user: UserKey,
    /// Rows that Django showed to this person, and how the page spells their keys.
    rows: HashMap<ObjectKey, String>,
    outbox: mpsc::Sender<Out>,
    /// Has been told the whole state; what comes before that is part of it.
    ready: bool,
}

impl Watcher {
    fn send(&self, rows: BTreeMap<String, Option<Badge>>) {
        let message = ToPage::ListStatus { rows };
        // A full outbox means a reader that is too slow; its task notices that the outbox is full.
        let _ = self.outbox.try_send(Out::Text(Utf8Bytes::from(message.text())));
    }
}

impl Lists {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, List>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
            let _ = watcher.outbox.try_send(Out::Close(close));
        }
    }

    /// True for the first one of its model.
    fn enter(&self, model: &str, number: u64, watcher: Watcher) -> bool {
        let mut lists = self.lock();
        let list = lists.entry(model.to_owned()).or_default();
        list.watchers.insert(number, watcher);
        list.watchers.len() == 1
    }

    fn exit(&self, model: &str, number: u64) {
        let mut lists = self.lock();
        if let Some(list) = lists.get_mut(model) {
            list.watchers.remove(&number);
            if list.watchers.is_empty() {
                lists.remove(model);
            }
        }
    }

    /// The whole state, for one that has just come.
    fn tell_all(&self, model: &str, number: u64, key: &Key) {
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
    async fn look_at_list(self: &Arc<Self>, model: &str) -> Result<(), StoreError> {
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
    fn watch_list(self: &Arc<Self>, model: String) {
        let hub = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(hub.look_every()).await;
                let Some(busy) = hub.lists.busy(&model) else {
                    return;
                };
                for object in busy {
                    let run = hub.run(&object, &crate::collab::command::Command::Tick).await;
                    if let Err(error) = run {
                        tracing::debug!(%object, %error, "a row could not be looked at");
                    }
                }
            }
        });
    }
}

/// The first frame of a list.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum FromList {
    Join { token: String, rows: Vec<String> },
}

struct ListVisit {
    hub: Arc<Hub>,
    guest: Guest,
}

/// Takes over a connection that has switched to WebSocket, for a list.
pub async fn open(hub: Arc<Hub>, guest: Guest, stream: Upgraded) {
    switched(stream, ListVisit { hub, guest }).await;
}

impl Visit for ListVisit {
    async fn visit<S>(self, mut socket: Socket<S>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let joined = tokio::time::timeout(self.guest.patience.join, first_frame(&mut socket)).await;
        let admitted = match joined {
            Ok(Some(text)) => self.admit(&text).await,
            Ok(None) => return,
            Err(_) => Err(Close::Silent),
        };
        match admitted {
            Ok((claims, rows)) => self.stay(socket, claims, rows).await,
            Err(close) => shut(&mut socket, close).await,
        }
    }
}

impl ListVisit {
    /// The door: a token that Django's own page brought, for this list, this person and these rows.
    async fn admit(&self, text: &str) -> Result<(ListClaims, Vec<String>), Close> {
        let Ok(FromList::Join { token, rows }) = serde_json::from_str(text) else {
            return Err(Close::BadJoin);
        };
        let now = self.hub.store().now().await.map_err(|_| Close::Restart)?;
        let claims = self.hub.key().verify_list(&token, now).map_err(|_| Close::Unfit)?;
        let shown = self.hub.key().digest_of_rows(rows.iter().map(String::as_str));
        if claims.model != self.guest.model || claims.rows.as_ref() != Some(&shown) || rows.len() > ROWS {
            return Err(Close::Unfit);
        }
        let who = &self.guest.who;
        if who.session.is_empty() || (who.session != claims.session && who.user != claims.user) {
            return Err(Close::SignedOut);
        }
        Ok((claims, rows))
    }

    async fn stay<S>(self, mut socket: Socket<S>, claims: ListClaims, rows: Vec<String>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Self { hub, guest } = self;
        let model = guest.model.label();
        let welcome = ToPage::Welcome {
            user_id: hub.key().public_id(&guest.who.user),
            page_id: claims.page.clone(),
            object: model.clone(),
            version: claims.asked,
        };
        if write(&mut socket, text(&welcome)).await.is_err() {
            return;
        }
        let (outbox, inbox) = mpsc::channel(OUTBOX);
        let rows = rows.into_iter().map(|pk| (guest.model.object(&pk), pk)).collect();
        let watcher = Watcher { user: guest.who.user.clone(), rows, outbox, ready: false };
        let number = hub.next_socket();
        let first = hub.lists.enter(&model, number, watcher);
        if first {
            hub.watch_list(model.clone());
        }
        // Too late for the proxy's stop to see it.
        if hub.is_draining() {
            hub.lists.exit(&model, number);
            return shut(&mut socket, Close::Restart).await;
        }
        if let Err(error) = hub.look_at_list(&model).await {
            tracing::warn!(model, %error, "a list could not be told who edits its rows");
            hub.lists.exit(&model, number);
            let _ = write(&mut socket, text(&store_error(&error))).await;
            return shut(&mut socket, Close::Restart).await;
        }
        hub.lists.tell_all(&model, number, hub.key());
        let tasks = guest.tasks.clone();
        tasks.spawn(async move {
            converse(&mut socket, inbox, guest.patience, &Listens).await;
            hub.lists.exit(&model, number);
        });
    }
}

/// A list has nothing to say but good-bye.
struct Listens;

impl Take for Listens {
    async fn take(&self, frame: &Message) -> Result<bool, ToPage> {
        let Message::Text(frame) = frame else {
            return Err(bad_frame("frames are text".to_owned()));
        };
        match FromPage::parse(frame).map_err(bad_frame)? {
            FromPage::Leave {} => Ok(false),
            _ => Err(not_allowed("a list only listens")),
        }
    }
}
