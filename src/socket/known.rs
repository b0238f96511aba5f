//! What this proxy told the people on an object last, for a store in another process that may lose it, or be away.
//!
//! Owns noticing the loss, and whether an editor's lease still holds while nobody can be asked. What is believed of it
//! afterwards is `collab::recall`'s.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::hub::Hub;
use crate::clock::millis;
use crate::collab::command::Command;
use crate::collab::record::{Millis, PageId, Person, Record, RequestId, Write};
use crate::django::object::ObjectKey;
use crate::token::UNKNOWN_VERSION;

/// A lease is believed for so much less than it lasts: a save has to be on its way by then.
const MARGIN: Duration = Duration::from_secs(1);

/// Before each try to tell the store that a page has left.
const LATER: Duration = Duration::from_secs(1);

/// Boxed: an embedded store loses nothing while its rooms live, and is never away.
#[derive(Default)]
pub(super) struct Known(Option<Box<Last>>);

struct Last {
    record: Record,
    /// The store's time, and a moment that was not after it.
    now: Millis,
    asked: Instant,
    /// The editor's page went away while the store could not be told.
    left: Option<PageId>,
}

impl Known {
    /// It is still needed, though nobody may be here.
    pub(super) fn is_needed(&self) -> bool {
        self.0.as_ref().is_some_and(|last| last.left.is_some())
    }

    /// Takes what the store has now. Gives what was known and is lost there. `has`: is this page open here?
    pub(super) fn newer(
        &mut self,
        record: &Record,
        (now, asked): (Millis, Instant),
        has: impl Fn(&PageId) -> bool,
    ) -> Option<Box<Record>> {
        // Who left while the store was away is given the time to be back, as if it had been told.
        let lost = self.0.as_ref().filter(|last| {
            is_lost(&last.record, record, &|page| has(page) || last.left.as_ref() == Some(page))
        });
        let lost = lost.map(|last| last.told_again(now, &has));
        if self.0.as_ref().is_none_or(|last| last.record.revision <= record.revision) {
            let left = self.0.take().and_then(|last| last.left);
            self.0 = Some(Box::new(Last { record: record.clone(), now, asked, left }));
        }
        lost
    }
}

fn is_lost(known: &Record, record: &Record, has: &dyn Fn(&PageId) -> bool) -> bool {
    // Since another moment than was known: it has begun anew.
    let anew = record.doubtful.is_some() && record.doubtful != known.doubtful;
    let robbed = record.holder.is_none() && known.holder.as_ref().is_some_and(|holder| has(&holder.page.id));
    anew && (record.revision < known.revision || robbed)
}

impl Last {
    /// An editor's page that is not here may be gone by now: the proxy that serves it, if it is not, says so.
    fn told_again(&self, now: Millis, has: impl Fn(&PageId) -> bool) -> Box<Record> {
        let mut record = Box::new(self.record.clone());
        if let Some(holder) = record.holder.as_mut().filter(|holder| !has(&holder.page.id)) {
            holder.away = holder.away.or(Some(now));
        }
        record
    }

    /// A save of the editor's, as the store would have granted it: as long as nobody else can have got the lock there.
    fn begin(
        &mut self,
        id: RequestId,
        person: &Person,
        page: (PageId, Millis),
        pin: Millis,
    ) -> Option<Write> {
        let now = self.present();
        let holder = self.record.holder.as_ref()?;
        let holds = holder.page.person.user == person.user && self.holds();
        // A page that was rendered while nobody could be asked shows what it shows.
        let fits = page.1 == self.record.version || page.1 == UNKNOWN_VERSION;
        if !holds || !fits || self.record.write.is_some() || self.record.deleted {
            return None;
        }
        let write = Write {
            id,
            person: person.clone(),
            page: Some(page.0),
            fence: Record::next(self.record.fence, now),
            since: now,
            deadline: now + pin,
            quiet: false,
        };
        self.record.write = Some(write.clone());
        Some(write)
    }
}

impl Last {
    /// No earlier than the store's time, by so much that a save is on its way meanwhile.
    fn present(&self) -> Millis {
        self.now + millis(self.asked.elapsed() + MARGIN)
    }

    /// Can nobody else have got the lock?
    fn holds(&self) -> bool {
        let now = self.present();
        self.record.holder.as_ref().is_some_and(|holder| holder.away.is_none() && now < holder.lease_end)
    }
}

impl Hub {
    /// Tells a store that has lost it what was known here.
    pub(super) fn restore(self: &Arc<Self>, object: &ObjectKey, known: Option<Box<Record>>) {
        let Some(known) = known else {
            return;
        };
        let (hub, object) = (Arc::clone(self), object.clone());
        tokio::spawn(async move {
            tracing::info!(%object, "the store has lost what was known of it, and is told");
            if let Err(error) = hub.run(&object, &Command::Restore { known }).await {
                tracing::warn!(%object, %error, "the store could not be told what it has lost");
            }
        });
    }

    /// The editor's save while the store is away: granted by what was known last. `page`: what was posted, and its
    /// version. Gives the version that it builds on too.
    pub fn begin_by_lease(
        &self,
        object: &ObjectKey,
        id: RequestId,
        person: &Person,
        page: (PageId, Millis),
    ) -> Option<(Write, Millis)> {
        let pin = self.pin();
        let mut rooms = self.rooms();
        let last = rooms.get_mut(object)?.known.0.as_mut()?;
        let write = last.begin(id, person, page, pin)?;
        Some((write, last.record.version))
    }

    /// A page went away, and the store cannot be told: it is when it is back, or its lock would stay with that page for the
    /// rest of the lease, and its person be a reader on the next.
    pub(super) fn leave_later(self: &Arc<Self>, object: &ObjectKey, page: &PageId) {
        if let Some(last) = self.rooms().get_mut(object).and_then(|place| place.known.0.as_mut()) {
            last.left = Some(page.clone());
        }
        let (hub, object, page) = (Arc::clone(self), object.clone(), page.clone());
        let until = Instant::now() + Duration::from_millis(self.lease());
        tokio::spawn(async move {
            while Instant::now() < until {
                tokio::time::sleep(LATER).await;
                let back = hub.in_room(&object, |room| room.has(&page)) == Some(true);
                if back || hub.run(&object, &Command::Leave { page: page.clone() }).await.is_ok() {
                    break;
                }
            }
            if let Some(last) = hub.rooms().get_mut(&object).and_then(|place| place.known.0.as_mut()) {
                last.left.take_if(|left| *left == page);
            }
            hub.close_if_empty(&object);
        });
    }

    /// Is that save still the editor's to send?
    pub fn lasts_by_lease(&self, object: &ObjectKey, fence: u64) -> bool {
        let mut rooms = self.rooms();
        let last = rooms.get_mut(object).and_then(|place| place.known.0.as_mut());
        last.is_some_and(|last| {
            last.record.write.as_ref().is_some_and(|write| write.fence == fence) && last.holds()
        })
    }

    /// It has ended, and the store could not be told; or was, and its answer was lost: then nobody edits here any more.
    pub fn leaves_by_lease(&self, object: &ObjectKey, fence: u64) {
        if let Some(last) = self.rooms().get_mut(object).and_then(|place| place.known.0.as_mut()) {
            last.record.write.take_if(|write| write.fence == fence);
            last.record.holder = None;
        }
    }

    /// It has ended, and the store is still away.
    pub fn end_by_lease(&self, object: &ObjectKey, fence: u64) {
        if let Some(last) = self.rooms().get_mut(object).and_then(|place| place.known.0.as_mut()) {
            last.record.write.take_if(|write| write.fence == fence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collab::lock::apply;
    use crate::collab::record::{Page, Rules};

    fn ada() -> Person {
        Person { user: "ada".into(), name: "Ada".to_owned() }
    }

    fn record(revision: u64, doubtful: Option<Millis>, held: bool) -> Record {
        let mut record = Record { revision, doubtful, version: 7, ..Record::default() };
        if held {
            let page = Page { id: "a".into(), person: ada(), version: 7 };
            record.holder = apply(&record, 100, &Command::Join { page }, &Rules::default()).record.holder;
        }
        record
    }

    #[tokio::test(start_paused = true)]
    async fn a_loss_is_noticed_and_a_late_answer_is_none() {
        let at = (100, Instant::now());
        for (number, (then, now, lost)) in [
            (record(5, None, true), record(0, Some(9), false), true),
            (record(5, None, true), record(3, Some(9), true), true),
            // Somebody came in first.
            (record(5, None, true), record(12, Some(9), false), true),
            (record(5, None, true), record(12, Some(9), true), false),
            (record(5, None, false), record(12, Some(9), false), false),
            // An answer that was overtaken; and a lock that was given up while there is doubt.
            (record(5, None, true), record(4, None, false), false),
            (record(5, Some(2), true), record(4, Some(2), false), false),
            (record(5, Some(2), true), record(6, Some(2), false), false),
        ]
        .into_iter()
        .enumerate()
        {
            let mut known = Known::default();
            assert!(known.newer(&then, at, |_| true).is_none());
            assert_eq!(known.newer(&now, at, |_| true), lost.then(|| Box::new(then)), "{number}");
        }
        // The editor's page is on another proxy, which says so itself, or is gone.
        let elsewhere = |now: Record| {
            let mut known = Known::default();
            known.newer(&record(5, None, true), at, |_| false);
            known.newer(&now, at, |_| false)
        };
        assert_eq!(elsewhere(record(12, Some(9), false)), None);
        let told = elsewhere(record(0, Some(9), false)).unwrap();
        assert_eq!(told.holder.and_then(|holder| holder.away), Some(100));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_holds_as_long_as_nobody_can_have_got_the_lock() {
        let lease = Rules::default().lease;
        let known = |record: Record| {
            let mut known = Known::default();
            known.newer(&record, (100, Instant::now()), |_| true);
            known.0.unwrap()
        };
        let begin = |last: &mut Last, who: &str, version: Millis| {
            let person = Person { user: who.into(), name: String::new() };
            last.begin("r".into(), &person, ("a".into(), version), 1_000).map(|write| write.fence)
        };
        let mut last = known(record(5, None, true));
        assert_eq!(begin(&mut last, "bob", 7), None);
        assert_eq!(begin(&mut last, "ada", 6), None, "a page of before");
        tokio::time::advance(Duration::from_millis(lease) - MARGIN - Duration::from_millis(1)).await;
        let fence = begin(&mut last, "ada", 7).unwrap();
        assert!(fence > last.record.fence);
        assert_eq!(begin(&mut last, "ada", 7), None, "one at a time");
        last.record.write = None;
        assert!(begin(&mut last, "ada", UNKNOWN_VERSION).is_some());
        last.record.write = None;
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(begin(&mut last, "ada", 7), None, "it may be somebody else's by now");
        let mut away = record(5, None, true);
        away.holder.as_mut().unwrap().away = Some(20_000);
        assert_eq!(begin(&mut known(away), "ada", 7), None);
        assert_eq!(begin(&mut known(record(5, None, false)), "ada", 7), None);
    }

    /// The server that took over has a clock that is behind.
    #[tokio::test(start_paused = true)]
    async fn what_is_lost_is_told_once_whatever_the_clock() {
        let rules = Rules { recall: 4_000, ..Rules::default() };
        let mut known = Known::default();
        known.newer(&record(1_000_000, None, true), (1_000_000, Instant::now()), |_| true);
        // Ten seconds behind.
        let mut now = 990_000;
        let mut there = record(0, Some(now), false);
        let mut told = 0;
        while let Some(lost) = known.newer(&there, (now, Instant::now()), |_| true) {
            now += 1;
            there = apply(&there, now, &Command::Restore { known: lost }, &rules).record;
            told += 1;
            if told > 100_000 {
                break;
            }
        }
        assert_eq!(told, 1);
    }
}
