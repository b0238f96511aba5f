//! Since when the Redis that answers is known to live.
//!
//! Owns telling one life of a server from the next; what follows from it is the reader's to say. A server may come back
//! with what it knew a while ago: from a snapshot, or as a replica that had not heard the last of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use redis::Script;

use super::cluster::Primary;
use super::links::Links;
use crate::collab::record::Millis;
use crate::store::StoreError;

pub(super) struct Life {
    key: String,
    script: Script,
    /// By the key that says so in Redis.
    seen: Mutex<HashMap<String, Seen>>,
}

/// The life that was seen last, and since when our proxies know it.
struct Seen {
    life: Arc<str>,
    /// Between two connections a server may have been another's replica, and forgotten what it knew, in one life.
    connection: u64,
    since: Millis,
}

impl Life {
    pub(super) fn new(key: String) -> Self {
        Self { key, script: Script::new(include_str!("life.lua")), seen: Mutex::default() }
    }

    /// 0 where the server does not name its life.
    pub(super) async fn since(
        &self,
        links: &Links,
        primary: &Primary,
        now: Millis,
    ) -> Result<Millis, StoreError> {
        let (life, connection) = primary.link.life().await?;
        if life.is_empty() {
            return Ok(0);
        }
        let key = format!("{}{}", self.key, primary.mark);
        {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let here = |seen: &&Seen| seen.connection == connection && seen.life == life;
            if let Some(seen) = seen.get(&key).filter(here) {
                return Ok(seen.since);
            }
        }
        let mut call = self.script.prepare_invoke();
        call.key(&key).arg(&*life).arg(now);
        let call = &call;
        let since: Millis = links.run(&key, |mut c| async move { call.invoke_async(&mut c).await }).await?;
        // Perhaps on yet another connection: then the next look asks again.
        if primary.link.life().await?.1 == connection {
            let seen = Seen { life, connection, since };
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(key, seen);
        }
        Ok(since)
    }
}
