//! Since when the Redis that answers is known to live.
//!
//! Owns telling one life of a server from the next; what follows from it is the reader's to say. A server may come back
//! with what it knew a while ago: from a snapshot, or as a replica that had not heard the last of it.

use std::sync::{Mutex, PoisonError};

use redis::Script;

use super::StoreError;
use super::redis_link::Link;
use crate::collab::record::Millis;

pub(super) struct Life {
    key: String,
    script: Script,
    /// The life that was seen last, and since when our proxies know it.
    seen: Mutex<(String, Millis)>,
}

impl Life {
    pub(super) fn new(key: String) -> Self {
        Self { key, script: Script::new(include_str!("life.lua")), seen: Mutex::default() }
    }

    /// 0 where the server does not name its life.
    pub(super) async fn since(&self, link: &Link, now: Millis) -> Result<Millis, StoreError> {
        let life = link.life();
        {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.0 == life {
                return Ok(seen.1);
            }
        }
        let mut call = self.script.prepare_invoke();
        call.key(&self.key).arg(&life).arg(now);
        let call = &call;
        let since: Millis = link.run(|mut c| async move { call.invoke_async(&mut c).await }).await?;
        // Perhaps on yet another connection: then the next look asks again.
        if link.life() == life {
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = (life, since);
        }
        Ok(since)
    }
}
