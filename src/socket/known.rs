//! What this proxy told the people on an object last, for a store in another process that may lose it.
//!
//! Owns noticing the loss. What is believed of it is `collab::recall`'s.

use std::sync::Arc;

use super::hub::Hub;
use crate::collab::command::Command;
use crate::collab::record::Record;
use crate::django::object::ObjectKey;

/// Boxed: an embedded store loses nothing while its rooms live.
#[derive(Default)]
pub(super) struct Known(Option<Box<Record>>);

impl Known {
    /// Takes what the store has now. Gives what was known and is lost there.
    pub(super) fn newer(&mut self, record: &Record) -> Option<Box<Record>> {
        let lost = self.0.as_ref().filter(|known| is_lost(known, record)).cloned();
        if self.0.as_ref().is_none_or(|known| known.revision < record.revision) {
            self.0 = Some(Box::new(record.clone()));
        }
        lost
    }
}

fn is_lost(known: &Record, record: &Record) -> bool {
    // Since another moment than was known: it has begun anew.
    let anew = record.doubtful.is_some() && record.doubtful != known.doubtful;
    let robbed = known.holder.is_some() && record.holder.is_none();
    anew && (record.revision < known.revision || robbed)
}

impl Hub {
    /// Tells a store that has lost it what was known here.
    pub(super) fn restore(self: &Arc<Self>, object: &ObjectKey, known: Option<Box<Record>>) {
        let Some(known) = known else {
            return;
        };
        let (hub, object) = (Arc::clone(self), object.clone());
        tokio::spawn(async move {
            tracing::info!(%object, "the store has lost what was known of it, and is told");
            if let Err(error) = hub.run(&object, &Command::Restore { known }).await {
                tracing::warn!(%object, %error, "the store could not be told what it has lost");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collab::record::{Millis, Rules};

    fn record(revision: u64, doubtful: Option<Millis>, held: bool) -> Record {
        let mut record = Record { revision, doubtful, ..Record::default() };
        if held {
            let person = crate::collab::record::Person { user: "ada".into(), name: "Ada".to_owned() };
            let page = crate::collab::record::Page { id: "a".into(), person, version: 0 };
            let joined = crate::collab::lock::apply(&record, 100, &Command::Join { page }, &Rules::default());
            record.holder = joined.record.holder;
        }
        record
    }

    #[test]
    fn a_loss_is_noticed_and_a_late_answer_is_none() {
        for (number, (then, now, lost)) in [
            (record(5, None, true), record(0, Some(9), false), true),
            (record(5, None, true), record(3, Some(9), true), true),
            // Somebody came in first.
            (record(5, None, true), record(12, Some(9), false), true),
            (record(5, None, true), record(12, Some(9), true), false),
            (record(5, None, false), record(12, Some(9), false), false),
            // An answer that was overtaken; and a lock that was given up while there is doubt.
            (record(5, None, true), record(4, None, false), false),
            (record(5, Some(2), true), record(4, Some(2), false), false),
            (record(5, Some(2), true), record(6, Some(2), false), false),
        ]
        .into_iter()
        .enumerate()
        {
            let mut known = Known::default();
            assert!(known.newer(&then).is_none());
            assert_eq!(known.newer(&now), lost.then(|| Box::new(then)), "{number}");
        }
    }
}
