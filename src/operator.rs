//! What an operator may ask and do: list locks, free them. The same over Redis and over the control socket.
//!
//! Owns the questions and answers as data; printing them is the command line's.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::collab::command::{Command, Outcome};
use crate::collab::record::{Holder, Millis, Person, Record, UserKey};
use crate::django::object::ObjectKey;
use crate::socket::hub::Hub;
use crate::store::{Applied, Store, StoreError};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    List,
    Release { which: Which },
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
    Locks { locks: Vec<Lock>, now: Millis },
    Released { locks: Vec<Lock>, now: Millis },
    Failed { message: String },
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
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            Self::Editing => "editing",
            Self::Away => "away",
            Self::Saving => "saving",
            Self::Waiting => "waiting",
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
        Ask::Release { which } => release(&via, which).await,
    };
    done.unwrap_or_else(|error| Answer::Failed { message: error.to_string() })
}

async fn list(store: &Store) -> Result<Answer, StoreError> {
    let now = store.now().await?;
    let locks = store.list().await?.into_iter().map(|(key, s)| Lock::of(key, &s.record, s.now)).collect();
    Ok(Answer::Locks { locks, now })
}

async fn release(via: &Via<'_>, which: &Which) -> Result<Answer, StoreError> {
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
                Which::User(wanted) if !is_named(&person, wanted) => {}
                // Named by user, so that a lock that passes on in this moment is not taken from the next one.
                _ => targets.push((key, Some(person.user))),
            }
        }
    }
    let mut locks = Vec::new();
    for (key, user) in targets {
        let applied = via.run(&key, &Command::ForceRelease { user }).await?;
        if let Outcome::Freed(Some(holder)) = &applied.step.outcome {
            locks.push(Lock::freed(key, holder, &applied));
        }
    }
    Ok(Answer::Released { locks, now })
}

fn is_named(person: &Person, wanted: &str) -> bool {
    let key = person.user.as_str();
    let bare = key.split_once(':').map_or(key, |(_, bare)| bare);
    key == wanted || bare == wanted || person.name.eq_ignore_ascii_case(wanted)
}
