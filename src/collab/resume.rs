//! What a restart of the proxy does to a lock: nothing, if its people come back in time.
//!
//! Only the embedded store needs it; with Redis other proxies have worked off what time brought.

use super::record::{Millis, Record, Rules};

/// A page whose proxy restarts comes back within about a second of being able to (assets/widget/connection.js); a slow
/// browser gets this long, counted from when the proxy is there again.
pub const BACK_WITHIN: Millis = 10_000;

/// Everybody who held or waited is away since now, and keeps their place until they had time to come back: nobody slips
/// in between. A save that was cut off may still land, and pins the object as any that is on its way.
pub fn resume(record: &mut Record, now: Millis, rules: &Rules) {
    let back_by = now + BACK_WITHIN;
    let lease_end = now + rules.lease.max(BACK_WITHIN);
    if let Some(holder) = &mut record.holder {
        (holder.away, holder.lease_end) = (Some(back_by), lease_end);
    }
    for waiter in &mut record.queue {
        // The editor's page may be back first, or theirs: a place in the line is not lost by who is later.
        (waiter.away, waiter.lease_end) = (Some(back_by), lease_end);
    }
    if let Some(write) = &mut record.write {
        write.deadline = now + rules.pin;
    }
    // Counted by a proxy that is no more.
    record.viewers.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collab::command::{Command, Outcome};
    use crate::collab::lock::{apply, deadline};
    use crate::collab::record::{Page, Person};

    fn page(name: &str, version: Millis) -> Page {
        let person = Person { user: name.into(), name: name.to_owned() };
        Page { id: format!("page of {name}").as_str().into(), person, version }
    }

    fn restarted() -> (Record, Rules, Millis) {
        let (rules, mut record) = (Rules::default(), Record::fresh(1));
        for name in ["ada", "grace"] {
            record = apply(&record, 1_000, &Command::Join { page: page(name, 1) }, &rules).record;
        }
        // Down for longer than the lease.
        let now = 1_000 + rules.lease * 3;
        resume(&mut record, now, &rules);
        (record, rules, now)
    }

    #[test]
    fn whoever_is_back_first_the_lock_is_still_the_editors() {
        let (record, rules, now) = restarted();
        let step = apply(&record, now + 100, &Command::Join { page: page("grace", 1) }, &rules);
        assert_eq!(step.outcome, Outcome::Waiting(1));
        let step =
            apply(&step.record, now + BACK_WITHIN - 1, &Command::Join { page: page("ada", 1) }, &rules);
        assert_eq!(step.outcome, Outcome::Editor);
        // And of somebody new nobody is robbed.
        let step = apply(&record, now + 100, &Command::Join { page: page("linus", 1) }, &rules);
        assert_eq!(step.outcome, Outcome::Waiting(2));
    }

    #[test]
    fn who_does_not_come_back_is_not_waited_for() {
        let (record, rules, now) = restarted();
        let step = apply(&record, now + 100, &Command::Join { page: page("grace", 1) }, &rules);
        let end = deadline(&step.record, &rules).unwrap();
        assert_eq!(end, now + BACK_WITHIN);
        let step = apply(&step.record, end, &Command::Tick, &rules);
        assert!(step.record.is_holder(&page("grace", 1).id));
    }
}
