//! The connection to Redis: one multiplexed link for commands, made anew whenever it is in doubt.
//!
//! Owns connecting, deadlines and retries. The crate's own connection manager does not reconnect after response
//! time-outs, so a link that failed once for any reason but an answer from Redis is thrown away here.

use std::sync::PoisonError;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError};
use tokio::sync::Mutex;

use super::StoreError;
use crate::ids;

#[derive(Clone)]
pub struct RedisConfig {
    pub url: String,
    /// Before every key and channel.
    pub prefix: String,
    pub max_retries: u32,
    /// Doubles with every try.
    pub retry_delay: Duration,
    pub timeout: Duration,
}

pub(super) struct Link {
    client: Client,
    config: RedisConfig,
    current: Mutex<Option<MultiplexedConnection>>,
    /// The name of the server's present life, as the newest connection was told; empty where it does not tell.
    life: std::sync::Mutex<String>,
}

impl Link {
    pub(super) fn new(config: RedisConfig) -> Result<Self, StoreError> {
        let client = Client::open(config.url.as_str())
            .map_err(|e| StoreError::Down(format!("{} is not a Redis address: {e}", masked(&config.url))))?;
        Ok(Self { client, config, current: Mutex::new(None), life: std::sync::Mutex::default() })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Which life of the server commands reach: another one after it was started anew, or another took its place.
    pub(super) fn life(&self) -> String {
        self.life.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn url(&self) -> &str {
        &self.config.url
    }

    async fn connection(&self) -> Result<MultiplexedConnection, RedisError> {
        let mut current = self.current.lock().await;
        if let Some(connection) = current.as_ref() {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.config.timeout))
            .set_response_timeout(Some(self.config.timeout));
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        // A user who may not ask is told nothing; then nothing follows from it either.
        let info: Result<String, RedisError> =
            redis::cmd("INFO").arg("server").query_async(&mut connection).await;
        let life = info.ok().and_then(|info| {
            info.lines().find_map(|line| line.strip_prefix("run_id:").map(|id| id.trim().to_owned()))
        });
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = life.unwrap_or_default();
        *current = Some(connection.clone());
        Ok(connection)
    }

    /// Runs `work` on the link, again on a new one if the old one broke. `work` must be safe to run twice: a
    /// command that timed out may have been carried out.
    pub(super) async fn run<T, F, R>(&self, work: F) -> Result<T, StoreError>
    where
        F: Fn(MultiplexedConnection) -> R,
        R: Future<Output = Result<T, RedisError>>,
    {
        let mut delay = self.config.retry_delay;
        let mut tries = 0;
        loop {
            let result = match self.connection().await {
                Ok(connection) => work(connection).await,
                Err(e) => Err(e),
            };
            let error = match result {
                Ok(value) => return Ok(value),
                Err(e) => e,
            };
            if is_answer(&error) {
                return Err(StoreError::Down(explain(&error)));
            }
            *self.current.lock().await = None;
            if tries >= self.config.max_retries {
                return Err(StoreError::Down(format!("{}: {error}", masked(&self.config.url))));
            }
            tries += 1;
            let full = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            tokio::time::sleep(Duration::from_millis(full / 2 + ids::below(full / 2 + 1))).await;
            delay *= 2;
        }
    }
}

/// Redis said no, as opposed to nothing having been heard.
fn is_answer(error: &RedisError) -> bool {
    let unheard = error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_connection_refusal()
        || matches!(error.kind(), ErrorKind::Io);
    !unheard
}

/// The answers that operators meet, in plain words.
fn explain(error: &RedisError) -> String {
    let hint = match error.code() {
        Some("READONLY") => "this Redis is a read-only replica; give the address of the primary",
        Some("NOAUTH" | "WRONGPASS") => {
            "Redis wants a user name and password: redis://user:password@host:6379/0"
        }
        Some("MOVED" | "ASK" | "CROSSSLOT") => "this is a Redis Cluster; give a single Redis",
        Some("NOPERM") => "this Redis user may not run the commands that locks need",
        Some("LOADING") => "Redis is still loading its data",
        Some("OOM") => "Redis has no memory left",
        _ => return error.to_string(),
    };
    format!("{error} ({hint})")
}

/// An address that may be printed: without its password.
pub(super) fn masked(address: &str) -> String {
    match url::Url::parse(address) {
        Ok(mut parsed) if parsed.password().is_some() => {
            let _ = parsed.set_password(Some("***"));
            parsed.to_string()
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn passwords_are_never_printed() {
        assert_eq!(super::masked("redis://u:secret@h:1/2"), "redis://u:***@h:1/2");
        assert_eq!(super::masked("redis://h:1/2"), "redis://h:1/2");
    }
}
