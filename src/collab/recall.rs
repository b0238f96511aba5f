//! A store that has lost what it knew, and proxies that still know it.
//!
//! While its memory is young (`Record::recalling`) a store gives nobody the lock and lets no save through: those who held
//! or waited before are told of by the proxies that serve them, and saves on their way by those that carry them
//! (`Command::KeepWrite`). What is told then is believed, though not more than it can be: saves may be missing, so the
//! record stays doubtful, and what is saved next is compared with what Django has.

use super::record::{Millis, Record, Rules};

impl Record {
    /// Until when the store's memory is too young for anything to follow from what it does not hold.
    pub fn recalling(&self, now: Millis, rules: &Rules) -> Option<Millis> {
        self.recalled(rules).filter(|until| now < *until)
    }

    pub(super) fn recalled(&self, rules: &Rules) -> Option<Millis> {
        self.doubtful.map(|since| since + rules.recall)
    }
}

/// `known`: what a proxy told its people last.
pub(super) fn restore(record: &mut Record, now: Millis, known: &Record, rules: &Rules) {
    if record.doubtful.is_none() {
        return;
    }
    if record.revision < known.revision {
        // Nothing has happened here since.
        let Record { revision, doubtful, .. } = *record;
        let write = record.write.take().or_else(|| known.write.clone());
        *record = Record { revision, doubtful, write, ..known.clone() };
    } else if record.recalling(now, rules).is_some() && record.holder.is_none() && known.holder.is_some() {
        // Somebody came in, or a save was told of; before whoever had been there.
        let came = std::mem::take(&mut record.queue);
        record.holder.clone_from(&known.holder);
        record.queue.clone_from(&known.queue);
        let here = |record: &Record, w: &super::record::Waiter| {
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
    if let Some(write) = &mut record.write {
        write.deadline = write.deadline.max(now + rules.pin);
    }
}
