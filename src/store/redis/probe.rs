//! A Redis that cannot serve is found at the start, and it is said why.
//!
//! Owns the trying out: everything that locks need is done once, with keys of its own.

use std::time::Duration;

use redis::RedisError;
use redis::aio::MultiplexedConnection;
use tokio::time::timeout;

use super::Redis;
use super::errors::explain;
use crate::ids;
use crate::store::StoreError;

/// GETEX came with it.
const OLDEST: (u32, u32) = (6, 2);
/// Should the rest fail, the keys go by themselves.
const KEEP: u64 = 10_000;

impl Redis {
    /// Gives what the operator should know of a Redis that serves.
    pub async fn probe(&self) -> Result<Vec<String>, StoreError> {
        let warnings = self.fits().await?;
        self.keys().await?;
        self.scripts().await?;
        self.channels().await?;
        Ok(warnings)
    }

    /// As far as can be seen without writing: for who only looks.
    pub async fn fits(&self) -> Result<Vec<String>, StoreError> {
        let mut infos = self.infos().await?;
        if infos.iter().any(|info| field(info, "cluster_enabled") == Some("1")) {
            self.links.join().await?;
            infos = self.infos().await?;
        }
        for version in infos.iter().filter_map(|info| field(info, "redis_version")) {
            if parsed(version).is_some_and(|version| version < OLDEST) {
                let (major, minor) = OLDEST;
                return Err(StoreError::Down(format!(
                    "this is Redis {version}; {major}.{minor} or newer is needed"
                )));
            }
        }
        Ok(infos.iter().find_map(|info| eviction(info)).into_iter().collect())
    }

    /// Of every server; empty where the user may not ask.
    async fn infos(&self) -> Result<Vec<String>, StoreError> {
        let sections = |mut c: MultiplexedConnection| async move {
            let mut all = String::new();
            for section in ["server", "cluster", "memory"] {
                match redis::cmd("INFO").arg(section).query_async::<String>(&mut c).await {
                    Ok(text) => all.push_str(&text),
                    Err(error) if error.code() == Some("NOPERM") => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(all)
        };
        self.links.each(sections).await
    }

    async fn keys(&self) -> Result<(), StoreError> {
        let key = &format!("{}probe:{}", self.prefix, ids::id());
        let told = &ids::id();
        let back: Option<String> = self
            .links
            .run(key, |mut c| async move {
                redis::cmd("SET").arg(key).arg(told).arg("PX").arg(KEEP).exec_async(&mut c).await?;
                let back = redis::cmd("GETEX").arg(key).arg("PX").arg(KEEP).query_async(&mut c).await?;
                redis::cmd("DEL").arg(key).exec_async(&mut c).await?;
                Ok::<_, RedisError>(back)
            })
            .await?;
        match back.as_ref() == Some(told) {
            true => Ok(()),
            false => {
                Err(StoreError::Down("what is written does not come back: is this one server?".to_owned()))
            }
        }
    }

    async fn scripts(&self) -> Result<(), StoreError> {
        let key = &format!("{}probe:{}", self.prefix, ids::id());
        let mut call = self.commit.prepare_invoke();
        call.key(key).arg(0).arg("1|").arg(KEEP).arg(self.own_channel()).arg("");
        let call = &call;
        let written = self.links.run(key, |mut c| async move {
            let written = call.invoke_async::<u8>(&mut c).await?;
            redis::cmd("DEL").arg(key).exec_async(&mut c).await?;
            Ok::<_, RedisError>(written)
        });
        written.await.map(|_| ())
    }

    async fn channels(&self) -> Result<(), StoreError> {
        let down = |why: String| StoreError::Down(format!("channels: {why}"));
        let patience = self.links.timeout() + Duration::from_secs(1);
        match timeout(patience, self.subscribe()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(down(explain(&error))),
            Err(_) => Err(down("Redis did not answer".to_owned())),
        }
    }
}

fn field<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn parsed(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// A lock that Redis throws away to save memory is free, and what was saved before is forgotten with it.
fn eviction(info: &str) -> Option<String> {
    let policy = field(info, "maxmemory_policy")?;
    let bounded = field(info, "maxmemory").is_some_and(|bytes| bytes != "0");
    (bounded && policy != "noeviction").then(|| {
        format!(
            "Redis throws keys away when its memory is full (maxmemory-policy {policy}), and locks with them: set it to \
             noeviction, or give locks a Redis of their own"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_info_says_is_read() {
        let info = "# Server\r\nredis_version:6.0.16\r\n# Memory\r\nmaxmemory:1000\r\nmaxmemory_policy:allkeys-lru\r\n";
        assert_eq!(field(info, "redis_version").and_then(parsed), Some((6, 0)));
        assert!(eviction(info).is_some_and(|said| said.contains("allkeys-lru")));
        assert_eq!(eviction(&info.replace(":1000", ":0")), None);
        assert_eq!(eviction(&info.replace("allkeys-lru", "noeviction")), None);
        assert_eq!(eviction(""), None, "who may not ask knows nothing");
    }
}
