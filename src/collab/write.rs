//! The gate's rules: which save may go to Django, and what its end changes.
//!
//! | state of the record | same person, page current | same person, no token | other person | rendered before the last save |
//! | --- | --- | --- | --- | --- |
//! | free | grant | grant | grant | stale (409) |
//! | held by this person | grant | grant | – | stale (409) |
//! | held by someone else | – | – | locked (423) | locked (423) |
//! | a save by someone else on its way | – | – | locked (423) | locked (423) |
//!
//! From the grant until Django's answer is understood the object is pinned: nobody else is let in, whatever the
//! lease says. Lock, version and pin together keep a save from overwriting one that its author has not seen;
//! any two of them do not.

use super::command::{Cause, Event, Outcome, Refusal, WriteEnd, WriteProof};
use super::join::drop_holder;
use super::record::{Millis, PageId, Person, Record, RequestId, Rules, Saved, UserKey, Write};

/// Ended writes that are remembered.
const ENDED: usize = 16;
/// Pages of saves that are remembered.
const SAVED_PAGES: usize = 16;

pub(super) fn begin(
    record: &mut Record,
    now: Millis,
    id: &RequestId,
    person: &Person,
    proof: &WriteProof,
    rules: &Rules,
) -> Outcome {
    if let Some(write) = &record.write {
        if write.id == *id {
            return Outcome::Granted { fence: write.fence, base: record.version };
        }
        return Outcome::Refused(Refusal::Saving {
            own: write.person.user == person.user,
            by: write.person.clone(),
            since: write.since,
        });
    }
    let beside = *proof == WriteProof::Beside;
    let other = record.holder.as_ref().filter(|h| h.page.person.user != person.user);
    if let Some(holder) = other.filter(|_| !beside) {
        return Outcome::Refused(Refusal::Held { by: holder.page.person.clone(), since: holder.since });
    }
    if let Some(until) = record.hears(now, rules) {
        return Outcome::Recalling { until };
    }
    let page = match proof {
        WriteProof::Unfit => return Outcome::Refused(Refusal::Unfit),
        WriteProof::Page { version, .. } if *version != record.version => {
            return Outcome::Refused(Refusal::Stale { saved: record.saved.clone(), deleted: record.deleted });
        }
        WriteProof::Page { page, .. } => Some(page.clone()),
        WriteProof::None | WriteProof::Beside => None,
    };
    let fence = Record::next(record.fence, now);
    record.fence = fence;
    record.write = Some(Write {
        id: id.clone(),
        person: person.clone(),
        page,
        fence,
        since: now,
        deadline: now + rules.pin,
        quiet: beside,
    });
    Outcome::Granted { fence, base: record.version }
}

pub(super) fn keep(record: &mut Record, now: Millis, known: &Write, rules: &Rules) -> Outcome {
    match &mut record.write {
        // Who asks more often than that only wants to know.
        Some(write) if write.fence == known.fence && write.deadline < now + rules.pin * 2 / 3 => {
            write.deadline = now + rules.pin;
        }
        Some(_) => {}
        None if record.ended.contains(&known.fence) || record.given_up.contains(&known.fence) => {}
        // The store has lost it.
        None => {
            record.write = Some(Write { deadline: now + rules.pin, ..known.clone() });
            record.fence = record.fence.max(known.fence);
        }
    }
    Outcome::Done
}

/// A pin that nobody renewed: its proxy is gone, and with it the truth about the save.
pub(super) fn give_up(record: &mut Record, now: Millis, events: &mut Vec<Event>) {
    if let Some(write) = record.write.take_if(|w| w.deadline <= now) {
        remember(record, write.fence);
        record.given_up.push_back(write.fence);
        record.given_up.drain(..record.given_up.len().saturating_sub(ENDED));
        moved(record, now, &write.person, write.page.as_ref(), events);
        record.uncertain = true;
    }
}

/// Whose page has been saved: its draft is work no more.
fn keep_page(record: &mut Record, person: &Person, page: Option<&PageId>) {
    if let Some(page) = page {
        record.saved_pages.push_back((person.user.clone(), page.clone()));
        record.saved_pages.drain(..record.saved_pages.len().saturating_sub(SAVED_PAGES));
    }
}

#[expect(clippy::too_many_arguments, reason = "the command's own fields, and the record's surroundings")]
pub(super) fn end(
    record: &mut Record,
    now: Millis,
    fence: u64,
    person: &Person,
    page: Option<&PageId>,
    end: WriteEnd,
    rules: &Rules,
    events: &mut Vec<Event>,
) -> Outcome {
    let pinned = record.write.take_if(|w| w.fence == fence).is_some();
    // A write whose pin was given up still tells the truth about the save. Anything else that has ended was heard.
    let late = record.given_up.iter().position(|f| *f == fence);
    if !pinned && late.is_none() && record.ended.contains(&fence) {
        return Outcome::Done;
    }
    late.map(|at| record.given_up.remove(at));
    remember(record, fence);
    match end {
        // Heard after the pin was given up: now it is known that nothing will land.
        WriteEnd::NotSaved if !pinned => record.uncertain = false,
        WriteEnd::NotSaved => {}
        // The object stays as it is, but what was typed on that page is saved.
        WriteEnd::SavedAsNew => {
            keep_page(record, person, page);
            if !pinned {
                record.uncertain = false;
            }
        }
        WriteEnd::Saved { .. } => {
            keep_page(record, person, page);
            moved(record, now, person, page, events);
            record.was_saved(now, rules);
        }
        WriteEnd::Deleted => {
            record.saved = Some(Saved { by: person.clone(), at: now });
            deleted(record, now, person, page, rules, events);
        }
        WriteEnd::Gone => {
            record.saved = None;
            let nobody = Person { user: UserKey::default(), name: String::new() };
            deleted(record, now, &nobody, None, rules, events);
        }
        WriteEnd::Unknown { may_land } => {
            moved(record, now, person, page, events);
            record.uncertain = may_land;
        }
    }
    let leaves = matches!(end, WriteEnd::Saved { stays: false });
    let Some(holder) = record.holder.as_mut().filter(|h| h.page.person.user == person.user) else {
        return Outcome::Done;
    };
    let posted_it = page.is_none_or(|p| holder.page.id == *p) || holder.away.is_some();
    if leaves && posted_it {
        drop_holder(record, Cause::Saved, events);
    } else {
        // The posting page is on its way to the next one; the person's time to come back starts now.
        holder.lease_end = holder.lease_end.max(now + rules.lease);
        holder.away = holder.away.map(|_| now + rules.grace);
    }
    Outcome::Done
}

fn remember(record: &mut Record, fence: u64) {
    if !record.ended.contains(&fence) {
        record.ended.push_back(fence);
    }
    while record.ended.len() > ENDED {
        record.ended.pop_front();
    }
}

fn deleted(
    record: &mut Record,
    now: Millis,
    by: &Person,
    page: Option<&PageId>,
    rules: &Rules,
    events: &mut Vec<Event>,
) {
    record.version = Record::next(record.version, now);
    record.deleted = true;
    record.was_saved(now, rules);
    events.push(Event::Deleted { version: record.version, by: by.clone(), page: page.cloned() });
    drop_holder(record, Cause::Saved, events);
}

/// The object was, or may have been, saved: no page that was rendered before may save again.
fn moved(record: &mut Record, now: Millis, by: &Person, page: Option<&PageId>, events: &mut Vec<Event>) {
    record.version = Record::next(record.version, now);
    record.saved = Some(Saved { by: by.clone(), at: now });
    record.deleted = false;
    // What somebody left unsaved belonged to what was there before.
    (record.lost, record.unsaved) = (None, None);
    events.push(Event::Saved { version: record.version, by: by.clone(), page: page.cloned() });
}
