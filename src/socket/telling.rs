//! Telling the people here what a record says, and seeing to it that somebody looks again in time.
//!
//! Owns when that is: leases that end, turns, pins, and what has to be renewed.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::hub::{Hub, Place};
use super::room::ToDo;
use crate::collab::command::{Command, Event};
use crate::collab::lock::deadline;
use crate::collab::record::{Millis, PageId, Record};
use crate::django::object::ObjectKey;
use crate::store::{Snapshot, Store, StoreError};

/// A changed number of viewers reaches the record this late at most: for operators, not for people.
const COUNT_DELAY: Millis = 500;
/// After the time that was set, so that one look is enough.
const SLACK: Millis = 2;

pub(super) struct Wake {
    at: Instant,
    task: AbortHandle,
}

impl Hub {
    /// Reads the record afresh and tells everybody here.
    pub(super) async fn look(
        self: &Arc<Self>,
        object: &ObjectKey,
        events: &[Event],
    ) -> Result<(), StoreError> {
        let asked = Instant::now();
        let Snapshot { record, now } = self.store.read(object).await?;
        self.tell(object, &record, (now, asked), events);
        Ok(())
    }

    /// `now`: the store's, and when it was asked.
    pub(super) fn tell(
        self: &Arc<Self>,
        object: &ObjectKey,
        record: &Record,
        (now, asked): (Millis, Instant),
        events: &[Event],
    ) {
        self.lists.tell(object, record, &self.key);
        let mut rooms = self.rooms();
        let Some(place) = rooms.get_mut(object) else {
            return;
        };
        let rules = self.rules.get();
        let has = |page: &PageId| place.room.has(page);
        let lost = if self.store.is_remote() { place.known.newer(record, (now, asked), has) } else { None };
        // What is true in a moment is told then: nobody's form is taken away, and given back, for a store that forgot.
        let to_do = match &lost {
            Some(_) => ToDo::default(),
            None => place.room.tell(record, now, events, &self.key, &rules),
        };
        let touch = now + rules.lease / 3;
        let mut wake = deadline(record, &rules).map_or(touch, |t| t.min(touch));
        if place.room.viewers(record) != place.room.counted {
            wake = wake.min(now + COUNT_DELAY);
        }
        self.wake(object, place, wake.saturating_sub(now) + SLACK);
        drop(rooms);
        self.restore(object, lost);
        if let Some((page, unsaved)) = to_do.offer {
            self.offer(object, page, unsaved);
        }
        for page in to_do.misplaced {
            let (hub, object) = (Arc::clone(self), object.clone());
            tokio::spawn(async move {
                if let Err(error) = hub.run(&object, &Command::Join { page }).await {
                    tracing::debug!(%object, %error, "a page could not be put back in its place");
                }
            });
        }
    }

    /// Sees to it that the object is looked at after `delay`, or earlier.
    fn wake(self: &Arc<Self>, object: &ObjectKey, place: &mut Place, delay: Millis) {
        let at = Instant::now() + Duration::from_millis(delay);
        match &place.wake {
            Some(wake) if wake.at <= at => return,
            Some(wake) => wake.task.abort(),
            None => {}
        }
        let (hub, name) = (Arc::clone(self), object.clone());
        let task = tokio::spawn(async move {
            tokio::time::sleep_until(at).await;
            hub.touch(&name).await;
        });
        place.wake = Some(Wake { at, task: task.abort_handle() });
    }

    /// Renews what lives here, counts the viewers, and lets the rules work off what time has brought.
    async fn touch(self: &Arc<Self>, object: &ObjectKey) {
        let read = self.store.read(object).await;
        let Ok(Snapshot { record, .. }) = read.inspect_err(|error| self.not_renewed(object, error)) else {
            return self.try_again(object);
        };
        let command = {
            let mut rooms = self.rooms();
            let Some(place) = rooms.get_mut(object) else {
                return;
            };
            // This very task is the wake that is being worked off.
            place.wake = None;
            place.room.counted = place.room.viewers(&record);
            Command::Touch {
                node: self.node.clone(),
                pages: place.room.editing_pages(),
                viewers: place.room.counted,
            }
        };
        if let Err(error) = self.run(object, &command).await {
            self.not_renewed(object, &error);
            return self.try_again(object);
        }
        if matches!(*self.store, Store::Redis(_)) {
            self.gather(object).await;
        }
        self.close_if_empty(object);
    }

    /// Of a store that is away the log says so once, and not for every object.
    fn not_renewed(&self, object: &ObjectKey, error: &StoreError) {
        match self.store.trouble() {
            Some(_) => tracing::debug!(%object, %error, "locks cannot be renewed"),
            None => tracing::warn!(%object, %error, "locks cannot be renewed"),
        }
    }

    fn try_again(self: &Arc<Self>, object: &ObjectKey) {
        if let Some(place) = self.rooms().get_mut(object) {
            place.wake = None;
            self.wake(object, place, self.rules.get().lease / 10);
        }
    }
}
