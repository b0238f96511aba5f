//! What a step did to the lock, told one thing at a time: for the audit trail, and to be counted.
//!
//! Owns reading it out of the step, whoever took it: before, after, and what was lost in between. Knows neither names
//! of files nor of counters, and makes nothing of its own: everything is borrowed, so that it costs nothing where
//! nobody listens.

use super::command::{Cause, Command, Event};
use super::lock::Step;
use super::record::{Page, PageId, Person, Record, UserKey};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Granted,
    /// To another page of the same person's.
    Moved,
    Lost(Cause),
    QueueJoined,
    /// A save of which nobody has heard the end: its proxy is gone.
    GivenUp,
}

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub kind: Kind,
    pub person: Option<&'a Person>,
    pub page: Option<&'a PageId>,
    /// Moved: the page that had it before.
    pub from: Option<&'a PageId>,
    /// Who has taken it.
    pub by: Option<&'a Person>,
    /// The operator's own words.
    pub reason: Option<&'a str>,
    /// Who that was.
    pub operator: Option<&'a str>,
}

impl<'a> Entry<'a> {
    fn of(kind: Kind, person: Option<&'a Person>, page: Option<&'a PageId>) -> Self {
        Self { kind, person, page, from: None, by: None, reason: None, operator: None }
    }
}

impl Kind {
    /// Its name in the trail.
    pub fn event(self) -> &'static str {
        match self {
            Self::Granted => "lock_granted",
            Self::Moved | Self::Lost(Cause::Moved) => "lock_moved",
            Self::Lost(Cause::Released | Cause::Saved) => "lock_released",
            Self::Lost(Cause::Expired) => "lock_expired",
            Self::Lost(Cause::Operator) => "lock_force_released",
            Self::Lost(Cause::HandedOver) => "lock_handed_over",
            Self::Lost(Cause::TakenOver) => "lock_taken_over",
            Self::Lost(Cause::Idle | Cause::TimeUp) => "lock_lost",
            Self::QueueJoined => "queue_joined",
            Self::GivenUp => "write_unknown",
        }
    }

    /// Where the name does not say why.
    pub fn why(self) -> Option<&'static str> {
        match self {
            Self::Lost(Cause::Saved) => Some("saved"),
            Self::Lost(Cause::Idle) => Some("idle"),
            Self::Lost(Cause::TimeUp) => Some("time_up"),
            Self::GivenUp => Some("given_up"),
            _ => None,
        }
    }
}

/// Tells what a step did, in its order.
pub fn each<'a>(before: &'a Record, command: &'a Command, step: &'a Step, mut tell: impl FnMut(Entry<'a>)) {
    if !step.changed {
        return;
    }
    let after = &step.record;
    if let Some(write) = before.write.as_ref().filter(|w| after.given_up.contains(&w.fence)) {
        tell(Entry::of(Kind::GivenUp, Some(&write.person), write.page.as_ref()));
    }
    let mut holder = before.holder.as_ref().map(|h| (&h.page.person, &h.page.id));
    for event in &step.events {
        let Event::Lost { page, cause, by, reason } = event else { continue };
        if holder.is_none_or(|(_, id)| id != page)
            // Whoever lost it must have had it: let in and out again in one step.
            && let Some(had) = whose(page, before, command)
        {
            tell(change(holder, had));
            holder = Some((&had.person, &had.id));
        }
        if *cause == Cause::Moved {
            continue;
        }
        let person = holder.map(|(person, _)| person);
        let (by, reason) = (by.as_ref(), reason.as_deref());
        let operator = match command {
            Command::ForceRelease { operator, .. } if *cause == Cause::Operator => operator.as_deref(),
            _ => None,
        };
        tell(Entry { by, reason, operator, ..Entry::of(Kind::Lost(*cause), person, Some(page)) });
        holder = None;
    }
    let waited = |user: &UserKey| before.queue.iter().any(|w| w.page.person.user == *user);
    for new in after.queue.iter().map(|w| &w.page).filter(|page| !waited(&page.person.user)) {
        tell(Entry::of(Kind::QueueJoined, Some(&new.person), Some(&new.id)));
    }
    if let Some(now) = after.holder.as_ref().map(|h| &h.page)
        && holder.is_none_or(|(_, id)| *id != now.id)
    {
        tell(change(holder, now));
    }
}

fn change<'a>(holder: Option<(&'a Person, &'a PageId)>, now: &'a Page) -> Entry<'a> {
    let from = holder.filter(|(person, _)| person.user == now.person.user).map(|(_, id)| id);
    let kind = if from.is_some() { Kind::Moved } else { Kind::Granted };
    Entry { from, ..Entry::of(kind, Some(&now.person), Some(&now.id)) }
}

fn whose<'a>(page: &PageId, before: &'a Record, command: &'a Command) -> Option<&'a Page> {
    let comes = match command {
        Command::Join { page } | Command::Claim { page } | Command::TakeOver { page } => Some(page),
        _ => None,
    };
    before.queue.iter().map(|w| &w.page).chain(comes).find(|known| known.id == *page)
}

#[cfg(test)]
mod tests {
    use super::super::lock::apply;
    use super::super::record::{Millis, Rules, Takeover};
    use super::*;

    fn page(id: &str, user: &str) -> Page {
        let person = Person { user: user.into(), name: user.to_owned() };
        Page { id: id.into(), person, version: 0 }
    }

    struct Told {
        record: Record,
        rules: Rules,
    }

    impl Told {
        fn step(&mut self, now: Millis, command: &Command) -> Vec<String> {
            let before = self.record.clone();
            let step = apply(&before, now, command, &self.rules);
            let mut lines = Vec::new();
            each(&before, command, &step, |entry| {
                let of = |text: &str| text.to_owned();
                let page = entry.page.map_or("-", |p| p.as_str());
                let mut line = format!("{} {page}", entry.kind.event());
                line.extend(entry.person.map(|p| format!(" {}", p.user.as_str())));
                line.extend(entry.kind.why().map(|w| of(" why ") + w));
                line.extend(entry.from.map(|p| of(" from ") + p.as_str()));
                line.extend(entry.by.map(|p| of(" by ") + p.user.as_str()));
                lines.push(line);
            });
            self.record = step.record;
            lines
        }
    }

    #[test]
    fn a_day_of_a_lock() {
        let rules = Rules { takeover: Takeover::Always, ..Rules::default() };
        let mut told = Told { record: Record::default(), rules };
        let (a, a2, b, c) = (page("a", "ada"), page("a2", "ada"), page("b", "bob"), page("c", "cy"));
        let touch = |pages: &[&Page]| Command::Touch {
            node: "n".into(),
            pages: pages.iter().map(|p| p.id.clone()).collect(),
            viewers: 0,
        };
        let end = told.rules.lease + 1_000;
        for (now, command, want) in [
            (1_000, Command::Join { page: a.clone() }, &["lock_granted a ada"][..]),
            (1_000, touch(&[&a]), &[]),
            (1_001, Command::Claim { page: a2.clone() }, &["lock_moved a2 ada from a"]),
            (1_002, Command::Join { page: b.clone() }, &["queue_joined b bob"]),
            (1_003, Command::Join { page: b.clone() }, &[]),
            (1_004, Command::Release { page: "a2".into() }, &["lock_released a2 ada", "lock_granted b bob"]),
            (
                1_005,
                Command::TakeOver { page: c.clone() },
                &["lock_taken_over b bob by cy", "lock_granted c cy"],
            ),
            (1_006, Command::Join { page: b.clone() }, &["queue_joined b bob"]),
            (
                1_007,
                Command::ForceRelease { user: None, reason: None, operator: None },
                &["lock_force_released c cy", "lock_granted b bob"],
            ),
            (1_008, Command::Join { page: a.clone() }, &["queue_joined a ada"]),
            // Bob's lease ends, Ada's does not: she is let in, and out again, in one step.
            (1_010, touch(&[&a]), &[]),
            (
                end + 9,
                Command::Release { page: "a".into() },
                &["lock_expired b bob", "lock_granted a ada", "lock_released a ada"],
            ),
        ] {
            assert_eq!(told.step(now, &command), want, "{now}: {command:?}");
        }
    }

    /// Whatever happens, who was let in last and not out again is who holds it.
    #[test]
    fn the_trail_tells_who_holds_it() {
        use proptest::prelude::*;
        let user = |n: usize| ["ada", "bob", "cy"][n % 3];
        let pages: Vec<Page> = (0..6).map(|n| page(&format!("p{n}"), user(n))).collect();
        let rules = Rules {
            takeover: Takeover::Always,
            idle_after: 20_000,
            idle_warning: 1_000,
            max_hold: 60_000,
            ..Rules::default()
        };
        let steps = prop::collection::vec((0_usize..9, 0_usize..6, 0_u64..40_000), 1..40);
        proptest!(|(steps in steps)| {
            let mut told = Told { record: Record::default(), rules: rules.clone() };
            let (mut now, mut holder) = (1_000, None);
            for (what, who, pass) in steps {
                now += pass;
                let page = pages[who].clone();
                let id = page.id.clone();
                let command = match what {
                    0 | 1 => Command::Join { page },
                    2 => Command::Claim { page },
                    3 => Command::TakeOver { page },
                    4 => Command::Leave { page: id },
                    5 => Command::Release { page: id },
                    6 => Command::ForceRelease { user: None, reason: None, operator: None },
                    7 => Command::Touch { node: "n".into(), pages: pages.iter().map(|p| p.id.clone()).collect(), viewers: 0 },
                    _ => Command::Tick,
                };
                for line in told.step(now, &command) {
                    let words: Vec<&str> = line.split(' ').collect();
                    match words[0] {
                        "lock_granted" => {
                            prop_assert_eq!(&holder, &None, "{}", line);
                            holder = Some(words[1].to_owned());
                        }
                        "lock_moved" => {
                            prop_assert_eq!(holder.as_deref(), Some(words[4]), "{}", line);
                            holder = Some(words[1].to_owned());
                        }
                        "queue_joined" => {}
                        _ => {
                            prop_assert_eq!(holder.as_deref(), Some(words[1]), "{}", line);
                            prop_assert!(words.len() > 2, "nobody knows whose: {}", line);
                            holder = None;
                        }
                    }
                }
                let held = told.record.holder.as_ref().map(|h| h.page.id.as_str().to_owned());
                prop_assert_eq!(&holder, &held);
            }
        });
    }
}
