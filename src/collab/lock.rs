//! The lock: who may edit an object, who waits, and when it becomes free.
//!
//! [`apply`] is the only way a record changes: total, deterministic, no I/O. A store runs it and keeps what it
//! gives. Writes (`BeginWrite` … `EndWrite`) are in `write.rs`, asking and taking over in `handover.rs`.
//!
//! | command | free | held by the same person, page gone | held by the same person, page alive | held by another |
//! | --- | --- | --- | --- | --- |
//! | `Join`, page current | editor | editor (the lock moves) | editor if that page, else viewer | waits |
//! | `Join`, page older than the last save | viewer | viewer | viewer | viewer |
//! | `Claim` ("Edit here instead") | editor | editor | editor (the lock moves, the other page is told) | waits |
//! | `Leave` | – | – | kept for the grace | place kept for the grace |
//! | `Release` | – | free | free | leaves the queue |
//! | `ForceRelease` | – | free | free | free |
//!
//! "Free" gives the lock to the first in the queue, at once: as editor if that page is current, else as its
//! *turn*, for as long as it may take to load the page again.

use super::attention;
use super::command::{Cause, Command, Event, Outcome};
use super::handover;
use super::join::{self, drop_holder, hold};
use super::recall;
use super::record::{Ended, Holder, Millis, NodeId, PageId, Record, Rules, Viewers};
use super::write;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub record: Record,
    pub outcome: Outcome,
    pub events: Vec<Event>,
    /// The record differs from the one that came in.
    pub changed: bool,
}

/// The one way a record changes.
pub fn apply(before: &Record, now: Millis, command: &Command, rules: &Rules) -> Step {
    let mut record = before.clone();
    let mut events = Vec::new();
    settle(&mut record, now, rules, &mut events);
    let outcome = run(&mut record, now, command, rules, &mut events);
    settle(&mut record, now, rules, &mut events);
    recall::passed_on(&mut record, now, &events, rules);
    let outcome = match (outcome, command) {
        // Joining an object that is just being freed can end in another place than it began.
        (Outcome::Waiting(_), Command::Join { page } | Command::Claim { page }) => {
            join::standing(&record, &page.id)
        }
        (outcome, _) => outcome,
    };
    let changed = record != *before;
    if changed {
        record.revision = Record::next(before.revision.max(record.revision), now);
    }
    Step { record, outcome, events, changed }
}

fn run(
    record: &mut Record,
    now: Millis,
    command: &Command,
    rules: &Rules,
    events: &mut Vec<Event>,
) -> Outcome {
    match command {
        Command::Join { page } => match record.operator_ended.take_if(|ended| ended.page == page.id) {
            // Given the lock again at once, its person would never read why it was taken.
            Some(Ended { page, reason }) => {
                events.push(Event::ToldLate { page, reason });
                Outcome::Viewer
            }
            None => join::join(record, now, page, rules, events, false),
        },
        Command::Claim { page } => {
            record.operator_ended.take_if(|ended| ended.page == page.id);
            join::join(record, now, page, rules, events, true)
        }
        Command::Touch { node, pages, viewers } => {
            touch(record, now, pages, rules);
            count(record, now, node, *viewers, rules);
            Outcome::Done
        }
        Command::Input { page, dirty } => {
            if let Some(holder) = record.holder.as_mut().filter(|h| h.page.id == *page) {
                holder.active = now;
                holder.dirty = *dirty;
            }
            Outcome::Done
        }
        Command::Leave { page } => {
            leave(record, now, page, rules);
            Outcome::Done
        }
        Command::Release { page } => {
            record.queue.retain(|w| w.page.id != *page);
            if record.is_holder(page) {
                drop_holder(record, Cause::Released, events);
            }
            Outcome::Done
        }
        Command::Ask { page } => handover::ask(record, now, page, events),
        Command::Answer { page, answer } => handover::answer(record, now, page, *answer, rules, events),
        Command::RequestAttention { by } => attention::request(record, now, by, rules, events),
        Command::AttentionSeen { page } => attention::seen(record, now, page),
        Command::TakeOver { page } => handover::take_over(record, now, page, rules, events),
        Command::PassOn { page } => handover::pass_on(record, now, page),
        Command::ForceRelease { user, reason, .. } => {
            let wanted = user.as_ref().is_none_or(|u| record.is_held_by(u));
            let freed = record.holder.clone().filter(|_| wanted);
            if freed.is_some() {
                drop_holder(record, Cause::Operator, events);
                if let Some(Event::Lost { reason: told, .. }) = events.last_mut() {
                    told.clone_from(reason);
                }
            }
            if let (Some(holder), Some(reason)) = (&freed, reason) {
                record.operator_ended = Some(Ended { page: holder.page.id.clone(), reason: reason.clone() });
            }
            Outcome::Freed(freed.map(Box::new))
        }
        Command::BeginWrite { id, person, proof } => write::begin(record, now, id, person, proof, rules),
        Command::KeepWrite { write } => write::keep(record, now, write, rules),
        Command::EndWrite { fence, person, page, end } => {
            write::end(record, now, *fence, person, page.as_ref(), *end, rules, events)
        }
        Command::Restore { known } => {
            recall::restore(record, now, known, rules);
            Outcome::Done
        }
        Command::Tick => Outcome::Done,
    }
}

/// When somebody must look at the record again, if nothing happens before.
pub fn deadline(record: &Record, rules: &Rules) -> Option<Millis> {
    let pinned = record.write.as_ref().map(|w| w.deadline);
    let holder = record.holder.as_ref().map(|h| holder_end(record, h));
    let waiters = record.queue.iter().map(|w| w.away.unwrap_or(w.lease_end).min(w.lease_end));
    // While a save is on its way the lock passes on to nobody; its end is looked at anyway.
    let due = handover::passes_on(record, rules).filter(|_| pinned.is_none()).map(|(at, _)| at);
    let recalled = record.recalled(rules).filter(|_| record.holder.is_none() && !record.queue.is_empty());
    pinned
        .into_iter()
        .chain(recalled.filter(|_| pinned.is_none()))
        .chain(holder)
        .chain(waiters)
        .chain(due)
        .min()
}

/// Works off what time has brought: pins given up, leases ended, the next one let in.
fn settle(record: &mut Record, now: Millis, rules: &Rules, events: &mut Vec<Event>) {
    write::give_up(record, now, events);
    if record.holder.as_ref().is_some_and(|h| holder_end(record, h) <= now) {
        recall::went_silent(record, now, rules);
        drop_holder(record, Cause::Expired, events);
    }
    record.queue.retain(|w| w.lease_end > now && w.away.is_none_or(|t| t > now));
    record.viewers.retain(|_, v| v.until > now);
    if record.deleted {
        record.queue.clear();
    }
    handover::settle(record, now, rules, events);
    let young = record.recalling(now, rules).is_some();
    if record.holder.is_none() && record.write.is_none() && !record.queue.is_empty() && !young {
        let next = record.queue.remove(0);
        let away = match next.away {
            Some(back_by) => Some(back_by),
            // It shows what was there before the last save: the person has to load it again first.
            None if next.page.version != record.version => Some(now + rules.turn),
            None => None,
        };
        hold(record, now, &next.page, away, rules);
        handover::new_editor(record, now);
    }
}

/// While the person's own save is on its way, the page that posted it is gone as a matter of course.
fn holder_end(record: &Record, holder: &Holder) -> Millis {
    match &record.write {
        Some(write) if write.person.user == holder.page.person.user => write.deadline,
        _ => holder.away.unwrap_or(holder.lease_end).min(holder.lease_end),
    }
}

fn touch(record: &mut Record, now: Millis, pages: &[PageId], rules: &Rules) {
    let lease_end = now + rules.lease;
    if let Some(holder) = &mut record.holder
        && pages.contains(&holder.page.id)
    {
        // Renewing never shortens, whatever the clock did.
        holder.lease_end = holder.lease_end.max(lease_end);
    }
    for waiter in &mut record.queue {
        if pages.contains(&waiter.page.id) {
            waiter.lease_end = waiter.lease_end.max(lease_end);
        }
    }
}

fn count(record: &mut Record, now: Millis, node: &NodeId, viewers: u32, rules: &Rules) {
    if viewers == 0 {
        record.viewers.remove(node);
    } else {
        let until = now + rules.lease;
        record.viewers.insert(node.clone(), Viewers { count: viewers, until });
    }
}

fn leave(record: &mut Record, now: Millis, page: &PageId, rules: &Rules) {
    let back_by = now + rules.grace;
    if let Some(holder) = record.holder.as_mut().filter(|h| h.page.id == *page) {
        // A turn is not prolonged by the reload that it asks for.
        holder.away = Some(holder.away.map_or(back_by, |t| t.max(back_by)));
    }
    if let Some(waiter) = record.queue.iter_mut().find(|w| w.page.id == *page) {
        waiter.away = Some(back_by);
    }
}
