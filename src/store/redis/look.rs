//! Redis, as an operator looks at it: reads that change nothing, not even how long something is kept.
//!
//! Owns looking; what is done with it is `operator`'s. Works on a Redis that takes no writes, too.

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, ServerErrorKind, Value};

use super::Redis;
use super::record::decode;
use crate::collab::command::Command;
use crate::collab::lock;
use crate::collab::presence::Present;
use crate::collab::record::Millis;
use crate::django::object::ObjectKey;
use crate::store::{Snapshot, StoreError};

/// Keys that are looked through in one go.
const AT_ONCE: usize = 500;

impl Redis {
    pub async fn list(&self) -> Result<Vec<(ObjectKey, Snapshot)>, StoreError> {
        let pattern = format!("{}lock:*", self.prefix.replace(['*', '?', '[', '\\'], "?"));
        let start = format!("{}lock:{{", self.prefix);
        let servers = self.links.each(|c| everything(c, pattern.clone())).await?;
        let mut found = Vec::new();
        for Kept { key, time, text } in servers.into_iter().flatten() {
            let inner = key.strip_prefix(&start).and_then(|k| k.strip_suffix('}')).unwrap_or_default();
            let name = percent_encoding::percent_decode_str(inner).decode_utf8_lossy();
            // Not ours.
            let Ok(object) = ObjectKey::parse(&name) else { continue };
            let seen = match text {
                Text::Here(text) => Some(self.settled(&text, self.time(time))?),
                Text::Elsewhere => self.look(&object).await?,
                // Gone since it was found.
                Text::Gone => None,
            };
            found.extend(seen.filter(|seen| seen.record.is_live()).map(|seen| (object, seen)));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found.dedup_by(|a, b| a.0 == b.0);
        Ok(found)
    }

    /// One object. None: nothing is known of it.
    pub async fn look(&self, object: &ObjectKey) -> Result<Option<Snapshot>, StoreError> {
        let key = &self.key(object);
        let (now, text) = self.kept(key).await?;
        text.map(|text| self.settled(&text, now)).transpose()
    }

    /// A record as it is kept, with what time has brought since worked off.
    fn settled(&self, text: &str, now: Millis) -> Result<Snapshot, StoreError> {
        let record = lock::apply(&decode(text)?, now, &Command::Tick, &self.rules.get()).record;
        Ok(Snapshot { record, now })
    }

    /// Who is there, on all proxies.
    pub async fn present(&self, object: &ObjectKey) -> Result<Vec<Present>, StoreError> {
        let key = &self.key_of("people", object, "");
        let (time, nodes): ((u64, u64), Vec<String>) = self
            .links
            .run(key, |mut c| async move {
                let mut pipe = redis::pipe();
                pipe.cmd("TIME").cmd("HVALS").arg(key);
                pipe.query_async(&mut c).await
            })
            .await?;
        let now = self.time(time);
        let mut all = Vec::new();
        for people in nodes.iter().filter_map(|node| still_good(node, now)) {
            let pages: Vec<Present> =
                serde_json::from_str(people).map_err(|e| StoreError::Corrupt(e.to_string()))?;
            all.extend(pages);
        }
        Ok(all)
    }
}

struct Kept {
    key: String,
    /// As this server tells it.
    time: (u64, u64),
    text: Text,
}

enum Text {
    Here(String),
    Gone,
    /// Its slot is on its way to another node of the cluster.
    Elsewhere,
}

/// All that one server has under such names.
async fn everything(mut c: MultiplexedConnection, pattern: String) -> Result<Vec<Kept>, RedisError> {
    let mut all = Vec::new();
    let mut cursor = 0_u64;
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(AT_ONCE);
        let (next, keys): (u64, Vec<String>) = scan.query_async(&mut c).await?;
        if !keys.is_empty() {
            // Only looked at: a list is asked for again and again, and would keep every record for ever.
            let mut pipe = redis::pipe();
            pipe.ignore_errors().cmd("TIME");
            for key in &keys {
                pipe.cmd("GET").arg(key);
            }
            let mut answers = pipe.query_async::<Vec<Value>>(&mut c).await?.into_iter();
            let time = redis::from_redis_value(answers.next().unwrap_or(Value::Nil).extract_error()?)?;
            for (key, answer) in keys.into_iter().zip(answers) {
                all.push(Kept { key, time, text: text(answer)? });
            }
        }
        if next == 0 {
            return Ok(all);
        }
        cursor = next;
    }
}

fn text(answer: Value) -> Result<Text, RedisError> {
    match answer.extract_error() {
        Ok(value) => Ok(redis::from_redis_value::<Option<String>>(value)?.map_or(Text::Gone, Text::Here)),
        Err(error) => match error.kind() {
            ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::TryAgain) => {
                Ok(Text::Elsewhere)
            }
            _ => Err(error),
        },
    }
}

/// What a proxy says of its people (meet.lua), until when it says so.
fn still_good(node: &str, now: Millis) -> Option<&str> {
    let (until, people) = node.split_once('|')?;
    (until.parse::<Millis>().ok()? > now).then_some(people)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_proxy_said_is_not_heard() {
        assert_eq!(still_good("20|[]", 19), Some("[]"));
        assert_eq!(still_good("20|[]", 20), None);
        assert_eq!(still_good("[]", 0), None);
    }
}
