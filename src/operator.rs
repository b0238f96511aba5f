//! What an operator may ask and do: list locks, look at one, free them. The same over Redis and over the control
//! socket.
//!
//! Owns the questions and answers as data; printing them is the command line's. Both ends may be of different
//! versions: what one does not know of, it leaves out.

mod object;

pub use object::{Detail, LastSave, Somebody, Waiting};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::collab::command::{Command, Outcome};
use crate::collab::record::{Holder, Millis, Person, Record, UserKey};
use crate::django::object::ObjectKey;
use crate::socket::hub::Hub;
use crate::store::{Applied, Store, StoreError};

/// Of a reason, in characters.
const REASON_LIMIT: usize = 200;
/// Of a name as the system has it, with its host, in characters.
const OPERATOR_LIMIT: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    List,
    Show {
        object: ObjectKey,
    },
    Release {
        which: Which,
        /// Shown to who edits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Who asks, for the audit trail.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operator: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    Object(ObjectKey),
    /// A display name, a user name, or the key as `locks list` shows it.
    User(String),
    All,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    Locks {
        locks: Vec<Lock>,
        now: Millis,
    },
    /// None: nothing is known of it.
    Object {
        detail: Option<Box<Detail>>,
        now: Millis,
    },
    Released {
        locks: Vec<Lock>,
        now: Millis,
        /// A proxy of an older version tells nobody a reason.
        #[serde(default)]
        tells_reasons: bool,
    },
    Failed {
        message: String,
    },
}

/// One line of `locks list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    pub object: ObjectKey,
    pub editor: Option<String>,
    pub user: Option<String>,
    pub since: Option<Millis>,
    pub active: Option<Millis>,
    pub state: State,
    pub unsaved: bool,
    pub waiting: usize,
    pub viewers: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Editing,
    /// The page is gone; the lock waits for the person a moment.
    Away,
    /// A save is on its way through Django.
    Saving,
    /// Nobody holds it; people wait.
    Waiting,
    /// Nobody holds it, and nobody waits.
    Free,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            Self::Editing => "editing",
            Self::Away => "away",
            Self::Saving => "saving",
            Self::Waiting => "waiting",
            Self::Free => "free",
        }
    }
}

impl Lock {
    pub fn of(object: ObjectKey, record: &Record, now: Millis) -> Self {
        let holder = record.holder.as_ref();
        let person: Option<&Person> =
            holder.map(|h| &h.page.person).or(record.write.as_ref().map(|w| &w.person));
        let state = match (&record.write, holder) {
            (Some(_), _) => State::Saving,
            (None, Some(h)) if h.away.is_some() => State::Away,
            (None, Some(_)) => State::Editing,
            (None, None) if record.queue.is_empty() => State::Free,
            (None, None) => State::Waiting,
        };
        Self {
            object,
            editor: person.map(|p| p.name.clone()),
            user: person.map(|p| p.user.as_str().to_owned()),
            since: holder.map(|h| h.since).or(record.write.as_ref().map(|w| w.since)),
            active: holder.map(|h| h.active),
            state,
            unsaved: holder.is_some_and(|h| h.dirty),
            waiting: record.queue.len(),
            viewers: record.viewers_at(now),
        }
    }

    /// Somebody edits, or a page that went away may come back: there is something to release.
    pub fn is_held(&self) -> bool {
        self.active.is_some()
    }

    /// Is this what `release` with the same words frees?
    pub fn is_meant(&self, which: &Which) -> bool {
        match which {
            Which::Object(key) => self.object == *key,
            Which::User(wanted) => {
                let (user, name) = (self.user.as_deref(), self.editor.as_deref());
                is_named(user.unwrap_or_default(), name.unwrap_or_default(), wanted)
            }
            Which::All => true,
        }
    }

    fn freed(object: ObjectKey, holder: &Holder, applied: &Applied) -> Self {
        let record = Record {
            holder: Some(holder.clone()),
            queue: applied.step.record.queue.clone(),
            viewers: applied.step.record.viewers.clone(),
            ..Record::default()
        };
        Self::of(object, &record, applied.now)
    }
}

/// How a step is taken: straight on the store, or through the hub that also tells the people of this proxy.
pub enum Via<'a> {
    Store(&'a Store),
    Hub(&'a Arc<Hub>),
}

impl Via<'_> {
    fn store(&self) -> &Store {
        match self {
            Self::Store(store) => store,
            Self::Hub(hub) => hub.store(),
        }
    }

    async fn run(&self, key: &ObjectKey, command: &Command) -> Result<Applied, StoreError> {
        match self {
            Self::Store(store) => store.apply(key, command).await,
            Self::Hub(hub) => hub.run(key, command).await,
        }
    }
}

/// Answers an operator.
pub async fn answer(via: Via<'_>, ask: &Ask) -> Answer {
    let done = match ask {
        Ask::List => list(via.store()).await,
        Ask::Show { object } => object::show(&via, object).await,
        Ask::Release { which, reason, operator } => match reason.as_deref().map(checked_reason).transpose() {
            Ok(reason) => release(&via, which, reason, operator.as_deref().map(named)).await,
            Err(message) => return Answer::Failed { message },
        },
    };
    done.unwrap_or_else(|error| Answer::Failed { message: error.to_string() })
}

async fn list(store: &Store) -> Result<Answer, StoreError> {
    let now = store.now().await?;
    let locks = store.list().await?.into_iter().map(|(key, s)| Lock::of(key, &s.record, s.now)).collect();
    Ok(Answer::Locks { locks, now })
}

async fn release(
    via: &Via<'_>,
    which: &Which,
    reason: Option<String>,
    operator: Option<String>,
) -> Result<Answer, StoreError> {
    let store = via.store();
    let now = store.now().await?;
    let mut targets: Vec<(ObjectKey, Option<UserKey>)> = Vec::new();
    if let Which::Object(key) = which {
        targets.push((key.clone(), None));
    } else {
        for (key, found) in store.list().await? {
            let Some(holder) = found.record.holder else {
                continue;
            };
            let person = holder.page.person;
            match which {
                Which::User(wanted) if !is_named(person.user.as_str(), &person.name, wanted) => {}
                // Named by user, so that a lock that passes on in this moment is not taken from the next one.
                _ => targets.push((key, Some(person.user))),
            }
        }
    }
    let mut locks = Vec::new();
    for (key, user) in targets {
        let (reason, operator) = (reason.clone(), operator.clone());
        let applied = via.run(&key, &Command::ForceRelease { user, reason, operator }).await?;
        if let Outcome::Freed(Some(holder)) = &applied.step.outcome {
            locks.push(Lock::freed(key, holder, &applied));
        }
    }
    Ok(Answer::Released { locks, now, tells_reasons: true })
}

/// `user`: the key, such as `login:ada`.
fn is_named(user: &str, name: &str, wanted: &str) -> bool {
    let bare = user.split_once(':').map_or(user, |(_, bare)| bare);
    user == wanted || bare == wanted || name.eq_ignore_ascii_case(wanted)
}

/// Whoever asks says who they are: it is cut to what a line of the trail has room for.
fn named(operator: &str) -> String {
    operator.chars().filter(|c| !c.is_control()).take(OPERATOR_LIMIT).collect()
}

/// A sentence for who edits.
pub fn checked_reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    let length = text.chars().count();
    match length {
        0 => Err("expected a reason in words".to_owned()),
        _ if length > REASON_LIMIT => {
            Err(format!("expected at most {REASON_LIMIT} characters, found {length}"))
        }
        _ if text.chars().any(char::is_control) => {
            Err("expected one line, without control characters".to_owned())
        }
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_named_as_people_name_each_other() {
        for (wanted, meant) in [
            ("Ada Lovelace", true),
            ("ada lovelace", true),
            ("login:ada", true),
            ("ada", true),
            ("Ada", false),
            ("lovelace", false),
            ("", false),
        ] {
            assert_eq!(is_named("login:ada", "Ada Lovelace", wanted), meant, "{wanted}");
        }
    }

    #[test]
    fn a_reason_is_one_short_line() {
        assert_eq!(checked_reason(" Import at 9 ").unwrap(), "Import at 9");
        assert_eq!(checked_reason(&"ä".repeat(200)).unwrap().chars().count(), 200);
        for wrong in ["", "  ", "a\nb", "a\u{1b}[2J", &"ä".repeat(201)] {
            assert!(checked_reason(wrong).unwrap_err().starts_with("expected"), "{wrong:?}");
        }
    }

    #[test]
    fn what_nobody_holds_and_nobody_waits_for_is_free() {
        let lock = Lock::of(ObjectKey::new("shop", "product", "3"), &Record::default(), 1);
        assert_eq!((lock.state, lock.state.word()), (State::Free, "free"));
        assert_eq!(serde_json::to_value(&lock).unwrap()["state"], "free");
    }

    /// A program of another version on the other side.
    #[test]
    fn old_and_new_understand_each_other() {
        let ask: Ask = serde_json::from_str(r#"{"ask":"release","which":"all"}"#).unwrap();
        assert_eq!(ask, Ask::Release { which: Which::All, reason: None, operator: None });
        assert_eq!(serde_json::to_string(&ask).unwrap(), r#"{"ask":"release","which":"all"}"#);
        let answer: Answer = serde_json::from_str(r#"{"answer":"released","locks":[],"now":1}"#).unwrap();
        assert_eq!(answer, Answer::Released { locks: Vec::new(), now: 1, tells_reasons: false });
        // What proxies tell each other of it.
        let event: crate::collab::command::Event =
            serde_json::from_str(r#"{"event":"lost","page":"p","cause":"operator"}"#).unwrap();
        let back = serde_json::to_string(&event).unwrap();
        assert_eq!(back, r#"{"event":"lost","page":"p","cause":"operator"}"#);
    }
}
