//! Whoever commits a step tells of it: to the audit trail, and to what is counted. So that every proxy on one Redis
//! has its own steps in its own trail, and none is told twice.

use std::sync::Arc;

use crate::audit::{Audit, Happened};
use crate::collab::command::{Cause, Command};
use crate::collab::lock::Step;
use crate::collab::record::{Millis, Record};
use crate::collab::trail::{self, Entry, Kind};
use crate::django::object::ObjectKey;
use crate::metrics::{Metrics, Transition};

#[derive(Clone)]
pub struct Witness {
    audit: Audit,
    metrics: Option<Arc<Metrics>>,
}

impl Witness {
    pub fn new(audit: Audit, metrics: Arc<Metrics>) -> Self {
        Self { audit, metrics: Some(metrics) }
    }

    pub(super) fn nobody() -> Self {
        Self { audit: Audit::off(), metrics: None }
    }

    pub(super) fn audit(&self) -> Audit {
        self.audit.clone()
    }

    pub(super) fn metrics(&self) -> Option<Arc<Metrics>> {
        self.metrics.clone()
    }

    /// A step was committed; or it was sent, and is not `sure` to have been: then it is told, and not counted.
    pub(super) fn saw(
        &self,
        object: &ObjectKey,
        before: &Record,
        command: &Command,
        step: &Step,
        now: Millis,
        sure: bool,
    ) {
        if sure {
            self.count(before, command, step);
        }
        if self.audit.is_on() {
            each_line(object, before, command, step, now, !sure, |happened| self.audit.tell(happened));
        }
    }

    fn count(&self, before: &Record, command: &Command, step: &Step) {
        let Some(metrics) = &self.metrics else { return };
        trail::each(before, command, step, |entry| {
            if let Some(transition) = transition(entry.kind) {
                metrics.transition(transition);
            }
        });
    }
}

fn transition(kind: Kind) -> Option<Transition> {
    Some(match kind {
        Kind::Granted => Transition::Granted,
        Kind::Moved | Kind::Lost(Cause::Moved) => Transition::Moved,
        Kind::Lost(Cause::Released) => Transition::Released,
        Kind::Lost(Cause::Saved) => Transition::Saved,
        Kind::Lost(Cause::Expired) => Transition::Expired,
        Kind::Lost(Cause::Idle) => Transition::Idle,
        Kind::Lost(Cause::TimeUp) => Transition::TimeUp,
        Kind::Lost(Cause::HandedOver) => Transition::HandedOver,
        Kind::Lost(Cause::TakenOver) => Transition::TakenOver,
        Kind::Lost(Cause::Operator) => Transition::ForceReleased,
        Kind::QueueJoined | Kind::GivenUp => return None,
    })
}

pub(super) fn each_line(
    object: &ObjectKey,
    before: &Record,
    command: &Command,
    step: &Step,
    now: Millis,
    unconfirmed: bool,
    mut tell: impl FnMut(&Happened),
) {
    let mut name = String::new();
    trail::each(before, command, step, |Entry { kind, person, page, from, by, reason, operator }| {
        if name.is_empty() {
            name = object.to_string();
        }
        tell(&Happened {
            at: Some(now),
            event: kind.event(),
            object: &name,
            person,
            page,
            from_page: from,
            by,
            operator,
            why: kind.why().or(reason),
            request: None,
            unconfirmed,
        });
    });
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use super::*;
    use crate::clock::Clock;
    use crate::collab::lock;
    use crate::collab::record::{Page, Person, Rules};

    #[derive(Clone, Default)]
    struct File(Arc<Mutex<Vec<u8>>>);

    impl io::Write for File {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_not_sure_is_told_and_said_to_be_so_and_not_counted() {
        let (file, metrics) = (File::default(), Metrics::new());
        let to = file.clone();
        let open: crate::audit::Open = Box::new(move || Ok(Box::new(to.clone())));
        let audit = Audit::start(open, 10, "n".into(), Clock::manual(0), Arc::clone(&metrics)).unwrap();
        let witness = Witness::new(audit.clone(), Arc::clone(&metrics));
        let person = Person { user: "login:ada".into(), name: "Ada".to_owned() };
        let command = Command::Join { page: Page { id: "p".into(), person, version: 0 } };
        let before = Record::default();
        let step = lock::apply(&before, 1_000, &command, &Rules::default());
        let key = ObjectKey::new("shop", "product", "3");
        witness.saw(&key, &before, &command, &step, 1_000, true);
        witness.saw(&key, &before, &command, &step, 1_000, false);
        audit.finish();
        let text = String::from_utf8(file.0.lock().unwrap().clone()).unwrap();
        let line = r#"{"time":"1970-01-01T00:00:01.000Z","node":"n","event":"lock_granted","object":"shop.product/3","user":"login:ada","name":"Ada","page":"p""#;
        assert_eq!(text, format!("{line}}}\n{line},\"unconfirmed\":true}}\n"));
        let page = metrics.page(crate::metrics::Now::default());
        assert!(page.contains("lock_transitions_total{kind=\"granted\"} 1\n"), "{page}");
    }
}
