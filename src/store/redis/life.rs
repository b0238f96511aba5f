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
    /// The life that was seen last, and since when our proxies know it; by the key that says so in Redis.
    seen: Mutex<HashMap<String, (Arc<str>, Millis)>>,
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
        let life = primary.link.life().await?;
        if life.is_empty() {
            return Ok(0);
        }
        let key = format!("{}{}", self.key, primary.mark);
        {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((seen, since)) = seen.get(&key)
                && *seen == life
            {
                return Ok(*since);
            }
        }
        let mut call = self.script.prepare_invoke();
        call.key(&key).arg(&*life).arg(now);
        let call = &call;
        let since: Millis = links.run(&key, |mut c| async move { call.invoke_async(&mut c).await }).await?;
        // Perhaps on yet another connection: then the next look asks again.
        if primary.link.life().await? == life {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (life, since));
        }
        Ok(since)
    }
}
