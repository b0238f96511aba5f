//! Asking for the editor's attention: once in an interval a person, kept until the editor has seen it.
//!
//! Pure rules. It asks for no lock (`handover.rs` does); whoever can see the page may do it.

use super::command::{Event, Outcome};
use super::handover::Denied;
use super::record::{Millis, Nudge, PageId, Person, Record, Rules, UserKey};

/// Requests that are remembered; the oldest go first.
const MOST: usize = 50;

pub(super) fn request(
    record: &mut Record,
    now: Millis,
    by: &Person,
    rules: &Rules,
    events: &mut Vec<Event>,
) -> Outcome {
    let Some(holder) = record.holder.as_ref().filter(|h| h.page.person.user != by.user) else {
        return Outcome::NotAllowed(Denied::NobodyEdits);
    };
    if request_from(record, &by.user, rules).is_some_and(|from| from > now) {
        return Outcome::NotAllowed(Denied::AskedJustNow);
    }
    let to = holder.page.id.clone();
    record.nudges.retain(|n| n.by.user != by.user);
    record.nudges.push(Nudge { by: by.clone(), at: now, seen: None });
    record.nudges.drain(..record.nudges.len().saturating_sub(MOST));
    events.push(Event::Attention { to, by: by.clone() });
    Outcome::Done
}

/// The editor has seen all of them.
pub(super) fn seen(record: &mut Record, now: Millis, page: &PageId) -> Outcome {
    let Some(holder) = record.holder.as_mut().filter(|h| h.page.id == *page) else {
        return Outcome::NotAllowed(Denied::NotEditor);
    };
    // Who answers is there.
    holder.active = now;
    for nudge in &mut record.nudges {
        nudge.seen = nudge.seen.or(Some(now));
    }
    Outcome::Done
}

/// From when on this person may request attention; `None`: there is nobody to request it of.
pub fn request_from(record: &Record, user: &UserKey, rules: &Rules) -> Option<Millis> {
    record.holder.as_ref().filter(|h| h.page.person.user != *user)?;
    let last = record.nudges.iter().find(|n| n.by.user == *user);
    Some(last.map_or(0, |n| n.at + rules.attention_interval))
}

/// Requests that the editor has not seen.
pub fn unseen(record: &Record) -> impl DoubleEndedIterator<Item = &Nudge> {
    record.nudges.iter().filter(|n| n.seen.is_none())
}
