//! How the lock passes on although its editor is there: asked for, promised, taken over, or because nobody
//! works with it. The line stays first come, first served; only a takeover goes past it.
//!
//! | the editor says | what happens |
//! | --- | --- |
//! | now | free at once (`handed_over`): the first in line has it |
//! | in a moment | promised for a time; the promise holds as long as anybody who asked still waits |
//! | no | everybody who asks is told, and may ask again after a pause |
//! | nothing | after `answer_within`, who asked may take over, where the site allows that |
//!
//! Idle and `max_hold` end a lock only while somebody waits, and never sooner than `idle_warning` after the
//! first of them came.

use serde::{Deserialize, Serialize};

use super::command::{Cause, Event, Outcome};
use super::join::{self, drop_for, drop_holder, hold};
use super::record::{Millis, Page, PageId, Record, Rules, Takeover, UNSAVED_KEEP, Unsaved, UserKey, Waiter};

/// What the editor says to those who ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Now,
    Later,
    No,
}

/// Why a wish was not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    NotWaiting,
    TooSoon,
    NotEditor,
    NobodyAsks,
    Promised,
    TakeoverOff,
    TakeoverNotYou,
    AskFirst,
    Saving,
    Stale,
    NothingLost,
    NobodyEdits,
    AskedJustNow,
}

impl Denied {
    /// For the page's person.
    pub fn message(self) -> &'static str {
        match self {
            Self::NotWaiting => "only who waits in line can ask for the lock",
            Self::TooSoon => "the last request was declined; ask again a little later",
            Self::NotEditor => "only the page that holds the lock can say this",
            Self::NobodyAsks => "nobody asks for the lock any more",
            Self::Promised => "the lock has been promised already",
            Self::TakeoverOff => "this site does not allow taking over",
            Self::TakeoverNotYou => "this site allows taking over to certain people only",
            Self::AskFirst => "ask first: taking over is possible when a request goes unanswered",
            Self::Saving => "a save is on its way; try again when it has ended",
            Self::Stale => "this page was rendered before the last save; load it again first",
            Self::NobodyEdits => "nobody else edits this just now",
            Self::AskedJustNow => "you have just asked for attention; wait a little before you ask again",
            Self::NothingLost => "only the page that lost the lock last can pass its values on",
        }
    }
}

pub(super) fn ask(record: &mut Record, now: Millis, page: &PageId, events: &mut Vec<Event>) -> Outcome {
    let Some(holder) = &record.holder else {
        return Outcome::NotAllowed(Denied::NotWaiting);
    };
    let Some(waiter) = record.queue.iter_mut().find(|w| w.page.id == *page) else {
        return Outcome::NotAllowed(Denied::NotWaiting);
    };
    if waiter.ask_from.is_some_and(|from| from > now) {
        return Outcome::NotAllowed(Denied::TooSoon);
    }
    if waiter.asked.is_none() {
        waiter.asked = Some(now);
        waiter.ask_from = None;
        let to = holder.page.id.clone();
        events.push(Event::Asked { to, names: askers(record).map(|w| w.page.person.name.clone()).collect() });
    }
    Outcome::Done
}

pub(super) fn answer(
    record: &mut Record,
    now: Millis,
    page: &PageId,
    answer: Answer,
    rules: &Rules,
    events: &mut Vec<Event>,
) -> Outcome {
    let to: Vec<PageId> = askers(record).map(|w| w.page.id.clone()).collect();
    let Some(holder) = record.holder.as_mut().filter(|h| h.page.id == *page) else {
        return Outcome::NotAllowed(Denied::NotEditor);
    };
    if to.is_empty() {
        return Outcome::NotAllowed(Denied::NobodyAsks);
    }
    if answer == Answer::No && holder.promised.is_some() {
        return Outcome::NotAllowed(Denied::Promised);
    }
    // Who answers is there.
    holder.active = now;
    let by = holder.page.person.clone();
    let mut at = None;
    match answer {
        Answer::Now => drop_holder(record, Cause::HandedOver, events),
        Answer::Later => {
            // Said twice it does not become later.
            let when = now + rules.handover_later;
            holder.promised = Some(holder.promised.map_or(when, |t| t.min(when)));
            at = holder.promised;
        }
        Answer::No => {
            for waiter in record.queue.iter_mut().filter(|w| w.asked.is_some()) {
                waiter.asked = None;
                waiter.ask_from = Some(now + rules.ask_again);
            }
        }
    }
    events.push(Event::Answered { to, by, answer, at });
    Outcome::Done
}

pub(super) fn take_over(
    record: &mut Record,
    now: Millis,
    page: &Page,
    rules: &Rules,
    events: &mut Vec<Event>,
) -> Outcome {
    let user = &page.person.user;
    if record.holder.is_none() || record.is_held_by(user) {
        return join::join(record, now, page, rules, events, true);
    }
    if page.version != record.version {
        return Outcome::NotAllowed(Denied::Stale);
    }
    if record.write.is_some() {
        return Outcome::NotAllowed(Denied::Saving);
    }
    match take_over_from(record, user, &page.id, rules) {
        Some(from) if from <= now => {}
        _ if rules.takeover == Takeover::Off => return Outcome::NotAllowed(Denied::TakeoverOff),
        _ if !rules.may_take_over(user) => return Outcome::NotAllowed(Denied::TakeoverNotYou),
        _ => return Outcome::NotAllowed(Denied::AskFirst),
    }
    record.queue.retain(|w| w.page.person.user != *user);
    drop_for(record, Cause::TakenOver, Some(page.person.clone()), events);
    hold(record, now, page, None, rules);
    new_editor(record, now);
    Outcome::Editor
}

/// From when on this page may take the lock from its editor; `None`: not as things stand.
pub fn take_over_from(record: &Record, user: &UserKey, page: &PageId, rules: &Rules) -> Option<Millis> {
    let holder = record.holder.as_ref().filter(|h| h.page.person.user != *user)?;
    if !rules.may_take_over(user) {
        return None;
    }
    if rules.takeover == Takeover::Always {
        return Some(0);
    }
    // "In a moment" is an answer.
    let asked = askers(record).find(|w| w.page.id == *page)?.asked?;
    holder.promised.is_none().then_some(asked + rules.answer_within)
}

/// The page has left its values beside the record.
pub(super) fn pass_on(record: &mut Record, now: Millis, page: &PageId) -> Outcome {
    match &record.lost {
        Some(lost) if lost.page == *page => {
            record.unsaved = Some(Unsaved { page: page.clone(), by: lost.by.clone(), at: now });
            // Once: from now on they are the next editor's affair.
            record.lost = None;
            Outcome::Done
        }
        _ => Outcome::NotAllowed(Denied::NothingLost),
    }
}

pub fn askers(record: &Record) -> impl Iterator<Item = &Waiter> {
    record.queue.iter().filter(|w| w.asked.is_some())
}

/// When the lock passes on by itself although its editor is there, and why. Who waits and is just loading the page
/// again counts, or the editor's countdown would come and go with it.
pub fn due(record: &Record, rules: &Rules) -> Option<(Millis, Cause)> {
    let holder = record.holder.as_ref()?;
    let waited = record.queue.iter().map(|w| w.since).min();
    let after = |start: Millis, limit: Millis, cause: Cause| {
        let warned = waited? + rules.idle_warning;
        (limit > 0).then(|| ((start + limit).max(warned), cause))
    };
    let promised = holder.promised.map(|at| (at, Cause::HandedOver));
    let idle = after(holder.active, rules.idle_after, Cause::Idle);
    let time_up = after(holder.since, rules.max_hold, Cause::TimeUp);
    [promised, idle, time_up].into_iter().flatten().min_by_key(|(at, _)| *at)
}

/// As `due`, if there is somebody to pass it on to: an editor makes way for nobody who may not come back.
pub(super) fn passes_on(record: &Record, rules: &Rules) -> Option<(Millis, Cause)> {
    let here = record.queue.iter().any(|w| w.away.is_none());
    due(record, rules).filter(|(_, cause)| here || *cause == Cause::HandedOver)
}

pub(super) fn settle(record: &mut Record, now: Millis, rules: &Rules, events: &mut Vec<Event>) {
    record.unsaved.take_if(|unsaved| unsaved.at + UNSAVED_KEEP <= now);
    if askers(record).next().is_none()
        && let Some(holder) = &mut record.holder
    {
        // Nobody is left to whom it was promised.
        holder.promised = None;
    }
    if record.write.is_none()
        && let Some((_, cause)) = passes_on(record, rules).filter(|(at, _)| *at <= now)
    {
        drop_holder(record, cause, events);
    }
}

/// Somebody else edits now: requests stand, but to a person who has not heard them yet.
pub(super) fn new_editor(record: &mut Record, now: Millis) {
    for waiter in &mut record.queue {
        waiter.asked = waiter.asked.map(|_| now);
        waiter.ask_from = None;
    }
    // Attention was asked of somebody else.
    record.nudges.clear();
}
