//! Where records live: in this process, or in Redis. One enum, one contract; `tests/it/store.rs` runs the same
//! suite on both and on the pure rules.
//!
//! Owns keeping and comparing. The rules are `collab::lock`'s; a store only runs them.

mod memory;
mod memory_kept;
mod redis;
mod witness;

use std::fmt;

pub use memory::Memory;
pub use redis::{Certificates, Heard, Notice, Redis, RedisConfig, Sentinels, masked};
pub use witness::Witness;

use serde::{Deserialize, Serialize};

use crate::collab::chat::{self, Line};
use crate::collab::command::Command;
use crate::collab::live::Live;
use crate::collab::lock::Step;
use crate::collab::news::News;
use crate::collab::presence::Present;
use crate::collab::protocol::Values;
use crate::collab::record::{Millis, PageId, Record, Rules, UserKey};
use crate::django::object::ObjectKey;

/// How long a session is remembered: Django's own default age (`SESSION_COOKIE_AGE`).
pub const SESSION_KEEP: Millis = 14 * 24 * 60 * 60 * 1000;

/// What a session is known for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub user: Option<UserKey>,
    pub name: Option<String>,
}

/// A step, and the store's time when it was taken.
#[derive(Clone, Debug)]
pub struct Applied {
    pub step: Step,
    pub now: Millis,
}

/// The record as it is, and the store's time.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub record: Record,
    pub now: Millis,
}

#[derive(Debug)]
pub enum StoreError {
    /// It cannot be reached, or did not answer in time.
    Down(String),
    /// Too many wrote at once; try again.
    Contended,
    /// It answered with what we did not write.
    Corrupt(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down(why) => write!(f, "the store of locks cannot be reached: {why}"),
            Self::Contended => f.write_str("the object is being fought over; try again"),
            Self::Corrupt(why) => {
                write!(f, "the store holds something that collab-proxy did not write: {why}")
            }
        }
    }
}

impl std::error::Error for StoreError {}

pub enum Store {
    Memory(Box<Memory>),
    Redis(Box<Redis>),
}

/// The waits for Redis are boxed: a future is as large as the largest thing it may wait for, and each of thousands
/// of sockets would keep that room for a store that is not even there.
impl Store {
    /// Everything that is committed here from now on is told to `witness`.
    #[must_use]
    pub fn witnessed(self, witness: Witness) -> Self {
        match self {
            Self::Memory(store) => Self::Memory(Box::new(store.witnessed(witness))),
            Self::Redis(store) => Self::Redis(Box::new(store.witnessed(witness))),
        }
    }

    /// From now on.
    pub fn set_rules(&self, rules: Rules) {
        match self {
            Self::Memory(store) => store.rules.set(rules),
            Self::Redis(store) => store.rules.set(rules),
        }
    }

    /// Why it cannot be reached, if it cannot.
    pub fn trouble(&self) -> Option<String> {
        match self {
            Self::Memory(_) => None,
            Self::Redis(store) => store.trouble(),
        }
    }

    /// It may be away while this process lives.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Redis(_))
    }

    /// The same, unless the store is away: then nobody waits until it is back. For what can do without it. `object`: what
    /// it is about, as a part of the store may be away.
    pub async fn unless_down<T>(
        &self,
        object: Option<&ObjectKey>,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Memory(_) => work.await,
            Self::Redis(store) => tokio::select! {
                done = work => done,
                error = Box::pin(store.lost(object)) => Err(error),
            },
        }
    }

    /// Takes one step by the rules, atomically.
    pub async fn apply(&self, key: &ObjectKey, command: &Command) -> Result<Applied, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.apply(key, command)),
            Self::Redis(store) => Box::pin(store.apply(key, command)).await,
        }
    }

    /// Looks; and if there is a record, keeps it as long as a page that is rendered now may ask for it.
    pub async fn read(&self, key: &ObjectKey) -> Result<Snapshot, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.read(key)),
            Self::Redis(store) => Box::pin(store.read(key)).await,
        }
    }

    /// Every record that somebody holds or waits for.
    pub async fn list(&self) -> Result<Vec<(ObjectKey, Snapshot)>, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.list()),
            Self::Redis(store) => Box::pin(store.list()).await,
        }
    }

    /// Looks at one object, and changes nothing at all. None: nothing is known of it.
    pub async fn look(&self, key: &ObjectKey) -> Result<Option<Snapshot>, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.look(key)),
            Self::Redis(store) => store.look(key).await,
        }
    }

    /// Who has an object open, on all proxies. The embedded store does not know; the room does.
    pub async fn present(&self, key: &ObjectKey) -> Result<Vec<Present>, StoreError> {
        match self {
            Self::Memory(_) => Ok(Vec::new()),
            Self::Redis(store) => store.present(key).await,
        }
    }

    pub async fn session(&self, hash: &str) -> Result<Option<Session>, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.session(hash)),
            Self::Redis(store) => Box::pin(store.session(hash)).await,
        }
    }

    /// `None` forgets it.
    pub async fn set_session(&self, hash: &str, session: Option<&Session>) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => {
                store.set_session(hash, session);
                Ok(())
            }
            Self::Redis(store) => Box::pin(store.set_session(hash, session)).await,
        }
    }

    /// Keeps what a page left unsaved, for a while.
    pub async fn set_unsaved(
        &self,
        key: &ObjectKey,
        page: &PageId,
        values: &Values,
    ) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => {
                store.set_unsaved(key, page, values);
                Ok(())
            }
            Self::Redis(store) => Box::pin(store.set_unsaved(key, page, values)).await,
        }
    }

    pub async fn unsaved(&self, key: &ObjectKey, page: &PageId) -> Result<Option<Values>, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.unsaved(key, page)),
            Self::Redis(store) => Box::pin(store.unsaved(key, page)).await,
        }
    }

    /// Tells the other proxies.
    pub async fn tell(&self, key: &ObjectKey, news: News) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Redis(store) => Box::pin(store.tell(key, news)).await,
        }
    }

    /// Says who is on this proxy, for so long, and gives everybody who is on any.
    pub async fn meet(
        &self,
        key: &ObjectKey,
        own: Vec<Present>,
        keep: Millis,
    ) -> Result<Vec<Present>, StoreError> {
        match self {
            Self::Memory(_) => Ok(own),
            Self::Redis(store) => Box::pin(store.meet(key, &own, keep)).await,
        }
    }

    /// Keeps a message of two people, and tells the other proxies of it.
    pub async fn say(&self, key: &ObjectKey, line: &Line, keep: chat::Keep) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => {
                store.say(key, line, keep);
                Ok(())
            }
            Self::Redis(store) => Box::pin(store.say(key, line, keep)).await,
        }
    }

    /// What is kept of a person's conversations, each in its order. `user_id`: as others see it.
    pub async fn said(&self, key: &ObjectKey, user_id: &str) -> Result<Vec<Line>, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.said(key, user_id)),
            Self::Redis(store) => Box::pin(store.said(key, user_id)).await,
        }
    }

    /// What is being typed, for rooms of other proxies that open later. The embedded store has no such.
    pub async fn set_live(&self, key: &ObjectKey, live: &Live) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Redis(store) => Box::pin(store.set_live(key, live)).await,
        }
    }

    pub async fn live(&self, key: &ObjectKey) -> Result<Option<Live>, StoreError> {
        match self {
            Self::Memory(_) => Ok(None),
            Self::Redis(store) => Box::pin(store.live(key)).await,
        }
    }

    pub async fn now(&self) -> Result<Millis, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.now()),
            Self::Redis(store) => Box::pin(store.now()).await,
        }
    }
}
