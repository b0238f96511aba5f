//! Coming in: who becomes editor, who waits, who only watches.

use super::command::{Cause, Event, Outcome};
use super::handover;
use super::record::{Holder, Lost, Millis, Page, PageId, Person, Record, Rules, Waiter};
use crate::token::UNKNOWN_VERSION;

pub(super) fn standing(record: &Record, page: &PageId) -> Outcome {
    match record.position(page) {
        Some(position) => Outcome::Waiting(position),
        None if record.is_holder(page) => Outcome::Editor,
        None => Outcome::Viewer,
    }
}

pub(super) fn join(
    record: &mut Record,
    now: Millis,
    page: &Page,
    rules: &Rules,
    events: &mut Vec<Event>,
    insist: bool,
) -> Outcome {
    if page.version != record.version {
        back_soon(record, now, page, rules);
        return Outcome::Viewer;
    }
    // Django showed it after the deletion: somebody made it again.
    record.deleted = false;
    let Some(holder) = &mut record.holder else {
        return join_free(record, now, page, rules);
    };
    if holder.page.person.user != page.person.user {
        return enqueue(record, now, page, rules);
    }
    if holder.page.id == page.id {
        holder.away = None;
        holder.lease_end = now + rules.lease;
        holder.page = page.clone();
        return Outcome::Editor;
    }
    if holder.away.is_none() && !insist {
        return Outcome::Viewer;
    }
    let (since, promised) = (holder.since, holder.promised);
    if holder.away.is_none() {
        drop_holder(record, Cause::Moved, events);
    }
    hold(record, now, page, None, rules);
    if let Some(holder) = &mut record.holder {
        holder.since = since;
        // A promise is the person's, whatever page they are on.
        holder.promised = promised;
    }
    Outcome::Editor
}

/// A page that was rendered while the store was away has to be loaded again, whatever it shows: its person, who is here, is
/// given the time for it. The lease still ends when it does.
fn back_soon(record: &mut Record, now: Millis, page: &Page, rules: &Rules) {
    let mine = record.holder.as_mut().filter(|h| h.page.person.user == page.person.user);
    if page.version == UNKNOWN_VERSION
        && let Some(back_by) = mine.and_then(|holder| holder.away.as_mut())
    {
        *back_by = (*back_by).max(now + rules.grace);
    }
}

/// Nobody holds it, but a save that carried no page may be on its way, or somebody may be about to say that they hold it:
/// then even the first one waits.
fn join_free(record: &mut Record, now: Millis, page: &Page, rules: &Rules) -> Outcome {
    match &record.write {
        Some(write) if write.person.user != page.person.user => enqueue(record, now, page, rules),
        _ if record.recalling(now, rules).is_some() => enqueue(record, now, page, rules),
        _ => {
            record.queue.retain(|w| w.page.person.user != page.person.user);
            hold(record, now, page, None, rules);
            handover::new_editor(record, now);
            Outcome::Editor
        }
    }
}

/// One place a person; a page that comes back, or replaces one that is gone, keeps it.
fn enqueue(record: &mut Record, now: Millis, page: &Page, rules: &Rules) -> Outcome {
    let lease_end = now + rules.lease;
    let full = record.queue.len() >= rules.queue;
    let mine = record.queue.iter_mut().find(|w| w.page.person.user == page.person.user);
    match mine {
        Some(place) if place.page.id == page.id || place.away.is_some() => {
            place.page = page.clone();
            place.lease_end = lease_end;
            place.away = None;
        }
        Some(_) => return Outcome::Viewer,
        None if full => return Outcome::Viewer,
        None => record.queue.push(Waiter {
            page: page.clone(),
            since: now,
            lease_end,
            away: None,
            asked: None,
            ask_from: None,
        }),
    }
    standing(record, &page.id)
}

pub(super) fn hold(record: &mut Record, now: Millis, page: &Page, away: Option<Millis>, rules: &Rules) {
    let fence = Record::next(record.fence, now);
    record.fence = fence;
    record.holder = Some(Holder {
        page: page.clone(),
        fence,
        since: now,
        active: now,
        dirty: false,
        lease_end: now + rules.lease,
        away,
        promised: None,
        node: None,
    });
    record.operator_ended.take_if(|ended| ended.page == page.id);
    // It has its work back; there is nothing of it to pass on.
    record.lost.take_if(|lost| lost.page == page.id);
    record.unsaved.take_if(|unsaved| unsaved.page == page.id);
}

pub(super) fn drop_holder(record: &mut Record, cause: Cause, events: &mut Vec<Event>) {
    drop_for(record, cause, None, events);
}

pub(super) fn drop_for(record: &mut Record, cause: Cause, by: Option<Person>, events: &mut Vec<Event>) {
    if let Some(Holder { page, .. }) = record.holder.take() {
        if cause.leaves_work() {
            record.lost = Some(Lost { page: page.id.clone(), by: page.person });
        }
        if cause != Cause::Moved {
            record.nudges.clear();
        }
        events.push(Event::Lost { page: page.id, cause, by, reason: None });
    }
}
