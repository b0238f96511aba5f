//! All rooms of this proxy, and the only way to change a record: run a command, then tell everybody.
//!
//! The rules are `collab::lock`'s, the keeping the store's; who is told, and who looks again when, is `telling`'s.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::known::Known;
use super::lists::Lists;
use super::outbox::Outbox;
use super::owed::Owed;
use super::room::{Guest, Member, Room};
use super::telling::Wake;
use crate::collab::chat;
use crate::collab::command::Command;
use crate::collab::protocol::{Close, ToPage};
use crate::collab::record::{Millis, NodeId, PageId, Rules};
use crate::django::object::ObjectKey;
use crate::settable::Settable;
use crate::store::{Applied, Store, StoreError};
use crate::token::Key;
use crate::token::shown::ShownFields;

/// What people share besides the lock.
#[derive(Clone, Debug, Default)]
pub struct Sharing {
    /// How long conversations are kept; none: no chat at all.
    pub chat: Option<chat::Keep>,
    /// A request for attention can be heard.
    pub sound: bool,
    pub live_view: bool,
    /// Models (`shop.credential`) whose unsaved values nobody else sees.
    pub live_view_except: Vec<String>,
}

pub struct Hub {
    pub(super) store: Arc<Store>,
    pub(super) key: Key,
    pub(super) node: NodeId,
    pub(super) rules: Settable<Rules>,
    sharing: Settable<Sharing>,
    rooms: Mutex<HashMap<ObjectKey, Place>>,
    sockets: AtomicU64,
    draining: AtomicBool,
    /// Change lists that are open here: told of every record.
    pub(super) lists: Lists,
    pub(super) owed: Owed,
}

#[derive(Default)]
pub(super) struct Place {
    pub(super) room: Room,
    pub(super) known: Known,
    pub(super) wake: Option<Wake>,
}

impl Hub {
    pub fn new(store: Arc<Store>, key: Key, node: NodeId, rules: Rules, sharing: Sharing) -> Arc<Self> {
        Arc::new(Self {
            store,
            key,
            node,
            rules: Settable::new(rules),
            sharing: Settable::new(sharing),
            rooms: Mutex::default(),
            sockets: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            lists: Lists::default(),
            owed: Owed::default(),
        })
    }

    /// From now on.
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.get()
    }

    pub fn set(&self, rules: Rules, sharing: Sharing) {
        self.store.set_rules(rules.clone());
        self.rules.set(rules);
        self.sharing.set(sharing);
    }

    /// What people here have of each other.
    pub fn sharing(&self) -> Arc<Sharing> {
        self.sharing.get()
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    pub(super) fn next_socket(&self) -> u64 {
        self.sockets.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// How often what lives elsewhere is looked at.
    pub(super) fn look_every(&self) -> Duration {
        Duration::from_millis(self.rules.get().lease / 3)
    }

    /// For so long what this proxy says of its people holds.
    pub(super) fn lease(&self) -> Millis {
        self.rules.get().lease
    }

    /// How long a write stays pinned that nobody renews.
    pub fn pin(&self) -> Millis {
        self.rules.get().pin
    }

    /// For so long a pin is surely there: neither given up, nor lost by the store and not told again.
    pub fn believed(&self) -> Duration {
        let Rules { pin, recall, .. } = &*self.rules.get();
        let shorter = if *recall > 0 { pin.min(recall) } else { pin };
        Duration::from_millis(shorter / 2)
    }

    /// Looks into a room, or changes it, if it is open here.
    pub(super) fn in_room<T>(&self, object: &ObjectKey, work: impl FnOnce(&mut Room) -> T) -> Option<T> {
        self.rooms().get_mut(object).map(|place| work(&mut place.room))
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn rooms(&self) -> MutexGuard<'_, HashMap<ObjectKey, Place>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a step and tells everybody here what came of it.
    pub async fn run(self: &Arc<Self>, object: &ObjectKey, command: &Command) -> Result<Applied, StoreError> {
        let asked = Instant::now();
        let applied = self.store.apply(object, command).await?;
        self.tell(object, &applied.step.record, (applied.now, asked), &applied.step.events);
        Ok(applied)
    }

    /// A page opened its socket. Gives the number that [`Hub::exit`] wants back.
    pub async fn enter(
        self: &Arc<Self>,
        object: &ObjectKey,
        guest: Guest,
        outbox: Outbox,
    ) -> Result<u64, StoreError> {
        let socket = self.sockets.fetch_add(1, Ordering::Relaxed);
        let (page, can_edit) = (guest.page.clone(), guest.can_edit);
        let member = Member::new(guest, socket, outbox);
        {
            let mut rooms = self.rooms();
            let room = &mut rooms.entry(object.clone()).or_default().room;
            room.enter(member);
            // Too late for `drain` to see it.
            if self.draining.load(Ordering::Relaxed) {
                room.close_all(Close::Restart);
            }
        }
        let told = if can_edit {
            self.run(object, &Command::Join { page: page.clone() }).await.map(|_| ())
        } else {
            self.look(object, &[]).await
        };
        match told {
            Ok(()) => {
                self.gather_soon(object);
                self.greet(object, &page.id);
                Ok(socket)
            }
            Err(error) => {
                self.exit(object, &page.id, socket).await;
                Err(error)
            }
        }
    }

    /// A page's socket is gone.
    pub async fn exit(self: &Arc<Self>, object: &ObjectKey, page: &PageId, socket: u64) {
        let was_there = match self.rooms().get_mut(object) {
            Some(place) => place.room.exit(page, socket),
            None => false,
        };
        // A proxy that is being stopped leaves the locks to their leases: people will be back with the next.
        if was_there && !self.draining.load(Ordering::Relaxed) {
            let leave = Command::Leave { page: page.clone() };
            if let Err(error) = self.run(object, &leave).await {
                tracing::warn!(%object, %error, "a page's leaving could not be stored");
                self.leave_later(object, page);
            }
        }
        if was_there {
            self.gather_after_leaving(object);
        }
        self.close_if_empty(object);
    }

    pub(super) fn close_if_empty(&self, object: &ObjectKey) {
        let mut rooms = self.rooms();
        let over = |Place { room, known, .. }: &Place| {
            let is_needed = room.has_leaving() || room.sees_to_a_lock() || known.is_needed();
            room.is_empty() && room.counted == 0 && !is_needed
        };
        if rooms.get(object).is_some_and(over) {
            rooms.remove(object);
        }
    }

    /// The person wants to edit again, or no more.
    pub fn set_wants(&self, object: &ObjectKey, page: &PageId, wants: bool) {
        if let Some(place) = self.rooms().get_mut(object) {
            place.room.set_wants(page, wants);
        }
    }

    /// Sends a frame to one page, if it is here.
    pub(super) fn send(&self, object: &ObjectKey, page: &PageId, message: &ToPage) {
        if let Some(place) = self.rooms().get(object) {
            place.room.send(page, message);
        }
    }

    /// The fields that a page here shows its person.
    pub(super) fn shown_to(&self, object: &ObjectKey, page: &PageId) -> ShownFields {
        self.rooms().get(object).map(|place| place.room.shown_to(page)).unwrap_or_default()
    }

    /// Tells one page whether its person is signed in.
    pub fn tell_session(&self, object: &ObjectKey, page: &PageId, signed_in: bool) {
        if let Some(place) = self.rooms().get(object) {
            place.room.tell_session(|member| member.page.id == *page, signed_in);
        }
    }

    /// A session has ended: every page that was opened in it is told. Rare, so that looking everywhere is fine.
    pub fn session_ended(&self, session: &str) {
        for place in self.rooms().values() {
            place.room.tell_session(|member| &*member.session == session, false);
        }
    }

    /// Objects of a model that are open on pages here.
    pub fn open_objects(&self, model: &str) -> BTreeSet<ObjectKey> {
        self.rooms().keys().filter(|key| key.model() == model).cloned().collect()
    }

    /// The proxy is being stopped: every page is sent to come back, and keeps its lock meanwhile.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        for place in self.rooms().values() {
            place.room.close_all(Close::Restart);
        }
        self.lists.close_all(Close::Restart);
    }
}
