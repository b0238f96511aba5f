//! The embedded store's memory on its way over a restart: what a proxy that ends well knew, its successor knows.
//!
//! Owns the form in which it is kept. Where, and that nobody else can write it, is the caller's. A memory that is read must be
//! thrown away before anything is granted by it: found once more after a crash, it would not know what was saved since.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Session;
use super::memory::{Kept, Memory};
use crate::clock::Clock;
use crate::collab::chat::{Line, Pair};
use crate::collab::protocol::Values;
use crate::collab::record::{Millis, PageId, Record, Rules};
use crate::collab::resume::resume;
use crate::django::object::ObjectKey;

/// Another one is not read.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Saved {
    format: u32,
    at: Millis,
    epoch: Millis,
    records: Vec<(ObjectKey, Millis, Record)>,
    sessions: Vec<(String, Millis, Session)>,
    unsaved: Vec<(ObjectKey, PageId, Millis, Values)>,
    talks: Vec<(ObjectKey, Pair, Millis, VecDeque<Line>)>,
}

impl Memory {
    /// All of it, as [`Memory::resumed`] takes it.
    pub fn dump(&self) -> Vec<u8> {
        let (at, inner) = (self.now(), self.lock());
        let saved = Saved {
            format: FORMAT,
            at,
            epoch: self.epoch,
            records: inner.records.iter().map(|(key, k)| (key.clone(), k.until, k.value.clone())).collect(),
            sessions: inner
                .sessions
                .iter()
                .map(|(hash, k)| (hash.clone(), k.until, k.value.clone()))
                .collect(),
            unsaved: inner
                .unsaved
                .iter()
                .map(|((key, page), k)| (key.clone(), page.clone(), k.until, k.value.clone()))
                .collect(),
            talks: inner
                .talks
                .iter()
                .flat_map(|(key, talks)| talks.iter().map(move |talk| (key, talk)))
                .map(|(key, (pair, k))| (key.clone(), pair.clone(), k.until, k.value.clone()))
                .collect(),
        };
        serde_json::to_vec(&saved).unwrap_or_default()
    }

    /// Goes on where another process ended. The wall clock may have been set back meanwhile; versions never go back.
    pub fn resumed(rules: Rules, saved: &[u8]) -> Result<Self, String> {
        let saved: Saved = serde_json::from_slice(saved).map_err(|e| e.to_string())?;
        if saved.format != FORMAT {
            return Err(format!("it has format {}, and {FORMAT} is known", saved.format));
        }
        let mut memory = Self::new(Clock::system_from(saved.at), rules);
        memory.epoch = saved.epoch;
        let now = memory.now();
        let mut inner = memory.lock();
        for (key, until, mut value) in saved.records {
            resume(&mut value, now, &memory.rules.get());
            inner.records.insert(key, Kept { value, until });
        }
        inner
            .sessions
            .extend(saved.sessions.into_iter().map(|(hash, until, value)| (hash, Kept { value, until })));
        for (key, page, until, value) in saved.unsaved {
            inner.unsaved.insert((key, page), Kept { value, until });
        }
        for (key, pair, until, value) in saved.talks {
            inner.talks.entry(key).or_default().insert(pair, Kept { value, until });
        }
        drop(inner);
        Ok(memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collab::chat::Keep;
    use crate::collab::command::{Command, Outcome};
    use crate::collab::record::{Page, Person};

    #[test]
    fn what_one_process_knew_the_next_one_knows() {
        let key = ObjectKey::new("shop", "product", "3");
        let other = ObjectKey::new("shop", "product", "4");
        let before = Memory::new(Clock::system(), Rules::default());
        let version = before.read(&key).record.version;
        let ada =
            Page { id: "p".into(), person: Person { user: "ada".into(), name: "Ada".to_owned() }, version };
        assert_eq!(before.apply(&key, &Command::Join { page: ada.clone() }).step.outcome, Outcome::Editor);
        let session = Session { user: Some("ada".into()), name: Some("Ada".to_owned()) };
        before.set_session("hash", Some(&session));
        before.set_unsaved(&key, &"p".into(), &Values { too_large: true, ..Values::default() });
        let line = Line {
            sender_id: "a".to_owned(),
            sender_name: "Ada".to_owned(),
            recipient_id: "b".to_owned(),
            message: "still here".to_owned(),
            timestamp: before.now(),
            reference: "r".to_owned(),
        };
        before.say(&key, &line, Keep::default());
        let after = Memory::resumed(Rules::default(), &before.dump()).unwrap();
        assert!(after.read(&key).record.is_away());
        assert_eq!(after.apply(&key, &Command::Join { page: ada }).step.outcome, Outcome::Editor);
        assert_eq!(after.session("hash"), Some(session));
        assert!(after.unsaved(&key, &"p".into()).is_some_and(|v| v.too_large));
        assert_eq!(after.said(&key, "b"), [line]);
        // A page of an object that nobody had touched fits as well.
        assert_eq!(after.read(&other).record.version, before.read(&other).record.version);
        assert!(after.now() >= before.read(&key).now - 1);
    }

    #[test]
    fn what_cannot_be_read_is_not_believed() {
        for text in [
            "",
            "{}",
            "{\"format\":2,\"at\":0,\"epoch\":0,\"records\":[],\"sessions\":[],\"unsaved\":[],\"talks\":[]}",
        ] {
            assert!(Memory::resumed(Rules::default(), text.as_bytes()).is_err(), "{text}");
        }
    }
}
