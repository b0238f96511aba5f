//! The one task that connects to a Redis server, asks it all the time whether it is there, and connects again.
//!
//! Owns the state of a link (`link`). It must not know what the link is used for.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisError};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::config::{RedisConfig, SELDOM, Spec};
use super::errors::{Class, class, explain};
use super::link::jittered;
use super::place::Where;
use super::slots::Address;
use crate::clock::millis;

/// The server is asked so often whether it is there,
const BEAT: Duration = Duration::from_millis(500);
/// and taken for gone if it has not answered within this.
const PATIENCE: Duration = Duration::from_millis(1500);

#[derive(Clone)]
pub(super) struct Live {
    /// Counts connections.
    pub(super) number: u64,
    pub(super) connection: MultiplexedConnection,
    pub(super) life: Arc<str>,
    /// It is of no more use. One that has only been replaced by another brings what is on its way to its end.
    pub(super) gone: CancellationToken,
}

#[derive(Clone)]
pub(super) enum State {
    Up(Live),
    Down {
        /// Empty as long as nothing is known.
        why: Arc<str>,
        since: Instant,
        /// It was reached, and said no: waiting does not help.
        refused: bool,
    },
}

impl State {
    pub(super) fn is(&self, number: u64) -> bool {
        matches!(self, Self::Up(live) if live.number == number)
    }
}

/// This connection is of no more use; nothing happens if it is not the present one any more.
pub(super) fn broke(state: &watch::Sender<State>, number: u64, why: &str) {
    state.send_if_modified(|state| match state {
        State::Up(live) if live.number == number => {
            live.gone.cancel();
            *state = down(why, false);
            true
        }
        _ => false,
    });
}

pub(super) fn down(why: &str, refused: bool) -> State {
    State::Down { why: why.into(), since: Instant::now(), refused }
}

/// Where the settings lead, or the node of their cluster.
pub(super) fn at(spec: &Spec, node: Option<&Address>) -> Where {
    node.map_or_else(|| spec.place.clone(), |node| spec.place.to(node))
}

/// Connects, watches, and connects again, for ever; also when the settings change.
pub(super) async fn keep(
    mut told: watch::Receiver<Arc<Spec>>,
    node: Option<Address>,
    name: Arc<str>,
    state: Arc<watch::Sender<State>>,
) {
    let mut delay = None;
    let mut number = 0;
    let mut lost: Option<Instant> = None;
    loop {
        let spec = Arc::clone(&told.borrow_and_update());
        let first = spec.config.retry_delay;
        match connect(&at(&spec, node.as_ref()), &spec.config).await {
            Ok((connection, life)) => {
                if let Some(lost) = lost.take() {
                    tracing::info!(server = &*name, ms = millis(lost.elapsed()), "Redis answers again");
                }
                delay = None;
                number += 1;
                state.send_replace(State::Up(Live {
                    number,
                    connection: connection.clone(),
                    life,
                    gone: CancellationToken::new(),
                }));
                tokio::select! {
                    () = beats(connection, spec.config.timeout, &state, number) => {}
                    Ok(()) = told.changed() => continue,
                }
                if let State::Down { why, .. } = &*state.borrow() {
                    tracing::warn!(
                        server = &*name,
                        why = &**why,
                        "the link to Redis broke; connecting again"
                    );
                }
                lost = Some(Instant::now());
            }
            Err(error) => {
                cannot(&name, &state, &error);
                lost.get_or_insert_with(Instant::now);
                let wait: Duration = delay.unwrap_or(first);
                // New settings are tried at once.
                let _ = timeout(jittered(wait), told.changed()).await;
                delay = Some((wait * 2).min(SELDOM.max(first)));
            }
        }
    }
}

/// There is no such socket, or nobody at that address.
fn is_nowhere(error: &RedisError) -> bool {
    let source = std::error::Error::source(error).and_then(|e| e.downcast_ref::<std::io::Error>());
    source.is_some_and(|e| matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused))
}

/// It is said once for each reason.
fn cannot(name: &str, state: &watch::Sender<State>, error: &RedisError) {
    let refused = class(error) == Class::No;
    let mut why = explain(error);
    // What it says to whom it turns away is mostly lost: it hangs up while it is being spoken to.
    if error.is_connection_dropped() && !error.is_connection_refusal() && !is_nowhere(error) {
        why.push_str(" (it takes connections and closes them: perhaps it serves as many clients as it may)");
    }
    let why: Arc<str> = why.into();
    state.send_if_modified(|state| {
        let news = match state {
            // It was asked by other settings until now.
            State::Up(_) => true,
            State::Down { why: before, refused: already, .. } => *before != why || *already != refused,
        };
        if news {
            tracing::warn!(server = name, why = &*why, "Redis cannot be reached; trying again");
            let since = match state {
                State::Up(_) => Instant::now(),
                State::Down { since, .. } => *since,
            };
            *state = State::Down { why: Arc::clone(&why), since, refused };
        }
        news
    });
}

/// A connection, and the name of the server's present life.
pub(super) async fn connect(
    place: &Where,
    config: &RedisConfig,
) -> Result<(MultiplexedConnection, Arc<str>), RedisError> {
    let limits = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(config.timeout))
        .set_response_timeout(Some(config.timeout));
    let client = place.client(config.timeout).await?;
    let mut connection = client.get_multiplexed_async_connection_with_config(&limits).await?;
    if place.is_found() {
        let role: Vec<redis::Value> = redis::cmd("ROLE").query_async(&mut connection).await?;
        let role: String =
            role.into_iter().next().map(redis::from_redis_value).transpose()?.unwrap_or_default();
        if role != "master" {
            let kind = ErrorKind::MasterNameNotFoundBySentinel;
            return Err((kind, "the server that the Sentinels name is no primary yet", role).into());
        }
    }
    let info: Result<String, RedisError> =
        redis::cmd("INFO").arg("server").query_async(&mut connection).await;
    let info = match info {
        Ok(info) => info,
        // A user who may not ask is told nothing; then nothing follows from it either.
        Err(error) if error.code() == Some("NOPERM") => String::new(),
        Err(error) => return Err(error),
    };
    let life = info.lines().find_map(|line| line.strip_prefix("run_id:").map(str::trim));
    Ok((connection, life.unwrap_or_default().into()))
}

/// Returns when the connection is of no more use: it has stopped answering, or somebody has found it broken.
async fn beats(
    mut connection: MultiplexedConnection,
    limit: Duration,
    state: &watch::Sender<State>,
    number: u64,
) {
    let mut states = state.subscribe();
    let patience = PATIENCE.min(limit);
    loop {
        if timeout(BEAT, states.wait_for(|state| !state.is(number))).await.is_ok() {
            return;
        }
        let ping = timeout(patience, redis::cmd("PING").exec_async(&mut connection)).await;
        let why = match ping {
            Ok(Ok(())) => continue,
            // It may not ask, or not now; it has answered.
            Ok(Err(error)) if matches!(class(&error), Class::No | Class::Later) => continue,
            Ok(Err(error)) => explain(&error),
            Err(_) => format!("it did not answer within {} ms", patience.as_millis()),
        };
        broke(state, number, &why);
        return;
    }
}
