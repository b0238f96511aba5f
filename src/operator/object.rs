//! One object, as an operator sees it: who edits, who waits, who else is there, and what was saved last.
//!
//! Owns what is told of it. Looking changes nothing, not even how long something is kept.

use serde::{Deserialize, Serialize};

use super::{Answer, Lock, Via};
use crate::collab::presence::{Activity, Present, Role, roster};
use crate::collab::record::{Millis, Person, Record};
use crate::django::object::ObjectKey;
use crate::store::{Snapshot, StoreError};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// As `locks list` has it.
    #[serde(flatten)]
    pub lock: Lock,
    /// Grows with every save.
    pub version: Millis,
    pub saved: Option<LastSave>,
    pub deleted: bool,
    /// A save was let through whose end was never seen.
    pub uncertain: bool,
    /// The editor's page is gone; it may come back until then.
    pub back_by: Option<Millis>,
    /// When the editor hands it over, as they have promised.
    pub promised: Option<Millis>,
    /// Who waits, the next one first.
    pub queue: Vec<Waiting>,
    /// Everybody who has it open.
    pub people: Vec<Somebody>,
    /// So many more are there and not named.
    #[serde(default)]
    pub more_people: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastSave {
    pub by: String,
    pub user: String,
    pub at: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub name: String,
    pub user: String,
    pub since: Millis,
    /// Asks the editor for the lock, since when.
    pub asked: Option<Millis>,
    pub away: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Somebody {
    pub name: String,
    pub user: String,
    pub since: Millis,
    pub role: Role,
    pub activity: Activity,
    pub pages: usize,
    pub unsaved: bool,
}

impl Detail {
    fn of(object: ObjectKey, record: &Record, present: &[Present], now: Millis) -> Self {
        let named = |person: &Person| (person.name.clone(), person.user.as_str().to_owned());
        let roster = roster(present, record, |person| person.user.as_str().to_owned());
        let people = roster.users.into_iter().map(|user| Somebody {
            name: user.name,
            user: user.user_id,
            since: user.since,
            role: user.role,
            activity: user.activity,
            pages: user.pages,
            unsaved: user.dirty,
        });
        let queue = record.queue.iter().map(|waiter| {
            let (name, user) = named(&waiter.page.person);
            Waiting { name, user, since: waiter.since, asked: waiter.asked, away: waiter.away.is_some() }
        });
        let holder = record.holder.as_ref();
        Self {
            lock: Lock::of(object, record, now),
            version: record.version,
            saved: record.saved.as_ref().map(|saved| {
                let (by, user) = named(&saved.by);
                LastSave { by, user, at: saved.at }
            }),
            deleted: record.deleted,
            uncertain: record.uncertain,
            back_by: holder.and_then(|h| h.away),
            promised: holder.and_then(|h| h.promised),
            queue: queue.collect(),
            people: people.collect(),
            more_people: roster.more,
        }
    }
}

pub(super) async fn show(via: &Via<'_>, object: &ObjectKey) -> Result<Answer, StoreError> {
    let store = via.store();
    let present = match via {
        Via::Store(_) => store.present(object).await?,
        Via::Hub(hub) => hub.present(object),
    };
    let (record, now) = match store.look(object).await? {
        Some(Snapshot { record, now }) => (record, now),
        None if present.is_empty() => {
            return Ok(Answer::Object { detail: None, now: store.now().await? });
        }
        // Somebody looks at it who may not edit.
        None => (Record::default(), store.now().await?),
    };
    let detail = Detail::of(object.clone(), &record, &present, now);
    Ok(Answer::Object { detail: Some(Box::new(detail)), now })
}
