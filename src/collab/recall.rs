//! A store that has lost what it knew, and proxies that still know it.
//!
//! While its memory is young (`Record::recalling`) a store gives nobody the lock and lets no save through: those who held
//! or waited before are told of by the proxies that serve them, and saves on their way by those that carry them
//! (`Command::KeepWrite`). What is told then is believed, though not more than it can be: saves may be missing, so the
//! record stays doubtful, and what is saved next is compared with what Django has.

use super::command::{Command, Event};
use super::lock::Step;
use super::record::{Millis, NodeId, PageId, Record, Rules, Waiter};

impl Record {
    /// Until when the store's memory is too young for anything to follow from what it does not hold.
    pub fn recalling(&self, now: Millis, rules: &Rules) -> Option<Millis> {
        self.recalled(rules).filter(|until| now < *until)
    }

    /// Until when nothing may be saved: what is on its way, or was saved without the store, may still be told of.
    pub(super) fn hears(&self, now: Millis, rules: &Rules) -> Option<Millis> {
        let passed = self.passed.map(|at| at + rules.recall).filter(|until| now < *until);
        self.recalling(now, rules).max(passed)
    }

    /// May it have been saved without the store's knowing?
    pub fn is_unsure(&self) -> bool {
        self.uncertain || self.doubtful.is_some() || self.passed.is_some() || self.lent.is_some()
    }

    /// Until when such a save may still land. What showed the object before then, may show what was there before it.
    pub fn unseen_until(&self, rules: &Rules) -> Millis {
        let since = self.doubtful.max(self.passed).map_or(0, |since| since + unseen(rules));
        let given_up = self.saved.as_ref().filter(|_| self.uncertain).map_or(0, |saved| saved.at + rules.pin);
        since.max(given_up)
    }

    /// It was saved, and whoever has it open from before that has to load it again. Who loads it now may still be shown what
    /// was there before a save that the store does not know of.
    pub(super) fn was_saved(&mut self, now: Millis, rules: &Rules) {
        self.uncertain = false;
        let over = |since: &mut Millis| rules.recall == 0 || *since + unseen(rules) <= now;
        self.doubtful.take_if(over);
        self.passed.take_if(over);
        self.lent.take_if(over);
    }

    pub(super) fn recalled(&self, rules: &Rules) -> Option<Millis> {
        self.doubtful.map(|since| since + rules.recall)
    }

    /// The store was found started anew, and may have lost the last of what it knew. A save that was on its way then may
    /// have ended long ago; if it has not, who carries it says so in time.
    pub fn doubt(&mut self, since: Millis, rules: &Rules) {
        self.doubtful = Some(since);
        if let Some(write) = &mut self.write {
            write.deadline = write.deadline.min(since + rules.recall);
        }
    }
}

/// A proxy that is cut off believes its editor's lease to its end, and what it lets through then Django may take its time over.
fn unseen(rules: &Rules) -> Millis {
    rules.recall + rules.lease + rules.pin
}

/// The editor's lease has ended and nobody has said why. The proxy may have been cut off from this store, and have let its
/// editor save by that lease: whoever has the lock next waits for what it has to say, and is checked.
pub(super) fn went_silent(record: &mut Record, now: Millis, rules: &Rules) {
    let silent = record.holder.as_ref().is_some_and(|holder| holder.away.is_none());
    if silent && rules.recall > 0 {
        (record.doubtful, record.passed) = (Some(now), Some(now));
    }
}

/// Others took the lock, or time did. That is good at once; but what the editor's proxy may have let through meanwhile is
/// waited for before the next save, and looked for.
pub(super) fn passed_on(record: &mut Record, now: Millis, events: &[Event], rules: &Rules) {
    let lost = |event: &Event| matches!(event, Event::Lost { cause, .. } if cause.is_others_doing());
    if rules.recall > 0 && events.iter().any(lost) {
        record.passed = Some(now);
    }
}

/// The step was taken by this proxy. If the lock leaves a page that another one serves, that one may not have heard of it.
pub fn lend(before: &Record, step: &mut Step, command: &Command, node: &NodeId, now: Millis) {
    let speaks = |page: &PageId| match command {
        Command::Join { page: own } | Command::Claim { page: own } | Command::TakeOver { page: own } => {
            own.id == *page
        }
        Command::Input { page: own, .. }
        | Command::Leave { page: own }
        | Command::Release { page: own }
        | Command::Answer { page: own, .. } => own == page,
        Command::Touch { pages, .. } => pages.contains(page),
        _ => false,
    };
    let after = &mut step.record;
    if let Some(held) = &before.holder {
        let stays = after.is_holder(&held.page.id);
        let own = held.node.as_ref() == Some(node);
        let moved = stays && speaks(&held.page.id) && held.node.is_some();
        let left = !stays && !speaks(&held.page.id);
        if !own && (moved || left) {
            after.lent = Some(now);
        }
    }
    if let Some(holder) = after.holder.as_mut().filter(|holder| speaks(&holder.page.id)) {
        holder.node = Some(node.clone());
    }
}

/// `known`: what a proxy told its people last.
pub(super) fn restore(record: &mut Record, now: Millis, known: &Record, rules: &Rules) {
    if record.doubtful.is_none() {
        return;
    }
    if record.revision < known.revision {
        // Nothing has happened here since.
        let Record { doubtful, .. } = *record;
        let told = record.write.take();
        // The revision is the known one, or a server whose clock is behind would seem to have lost it again.
        *record = Record { doubtful, ..known.clone() };
        if let Some(since) = doubtful {
            record.doubt(since, rules);
        }
        record.write = told.or(record.write.take());
    } else if record.recalling(now, rules).is_some() && record.holder.is_none() && known.holder.is_some() {
        // Somebody came in, or a save was told of; before whoever had been there.
        let came = std::mem::take(&mut record.queue);
        record.holder.clone_from(&known.holder);
        record.queue.clone_from(&known.queue);
        let here = |record: &Record, w: &Waiter| {
            let user = &w.page.person.user;
            record.is_held_by(user) || record.queue.iter().any(|other| other.page.person.user == *user)
        };
        for waiter in came {
            if !here(record, &waiter) {
                record.queue.push(waiter);
            }
        }
        if record.saved.is_none() && !record.deleted {
            (record.version, record.saved) = (known.version, known.saved.clone());
        }
        record.fence = record.fence.max(known.fence);
    } else {
        return;
    }
    // Whoever is still there says so within a lease.
    let lease_end = now + rules.lease;
    if let Some(holder) = &mut record.holder {
        holder.lease_end = lease_end;
        holder.away = holder.away.map(|back_by| back_by.max(now + rules.grace));
    }
    for waiter in &mut record.queue {
        waiter.lease_end = lease_end;
        waiter.away = waiter.away.map(|back_by| back_by.max(now + rules.grace));
    }
}
