//! The connection to Redis: one multiplexed link for commands, watched over and made anew by one task.
//!
//! Owns connecting, deadlines and retries. The crate's own connection manager does not reconnect after response
//! time-outs. Here a task asks the server all the time whether it is there, so that nobody has to find out by waiting
//! for an answer of their own; and only that task connects, so that a server that is away is not stormed.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::StoreError;
use super::redis_config::{MOMENT, RedisConfig, SELDOM};
use super::redis_errors::{Class, class, explain, masked};
use super::redis_where::Where;
use crate::ids;
use crate::metrics::Metrics;

/// The server is asked so often whether it is there,
const BEAT: Duration = Duration::from_millis(500);
/// and taken for gone if it has not answered within this.
const PATIENCE: Duration = Duration::from_millis(1500);

#[derive(Clone)]
struct Live {
    /// Counts connections.
    number: u64,
    connection: MultiplexedConnection,
    life: Arc<str>,
}

#[derive(Clone)]
enum State {
    Up(Live),
    Down {
        /// Empty as long as nothing is known.
        why: Arc<str>,
        since: Instant,
        /// It was reached, and said no: waiting does not help.
        refused: bool,
    },
}

pub(super) struct Link {
    place: Arc<Where>,
    config: RedisConfig,
    state: Arc<watch::Sender<State>>,
    keeper: OnceLock<Keeper>,
    metrics: Option<Arc<Metrics>>,
}

/// Ends with the link.
struct Keeper(tokio::task::JoinHandle<()>);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Link {
    pub(super) fn new(config: RedisConfig) -> Result<Self, StoreError> {
        let place = Arc::new(Where::new(&config).map_err(StoreError::Down)?);
        let (state, _) = watch::channel(down("", false));
        Ok(Self { place, config, state: Arc::new(state), keeper: OnceLock::new(), metrics: None })
    }

    pub(super) fn count(&mut self, metrics: Option<Arc<Metrics>>) {
        self.metrics = metrics;
    }

    /// Why it is away, if it is, and not just for a moment.
    pub(super) fn trouble(&self) -> Option<String> {
        match &*self.watched().borrow() {
            State::Up(_) => None,
            State::Down { since, .. } if since.elapsed() < MOMENT => None,
            State::Down { why, .. } => Some(self.error(why).to_string()),
        }
    }

    /// Where it is now, for those who need a connection of their own.
    pub(super) async fn client(&self) -> Result<Client, RedisError> {
        self.place.client(self.config.timeout).await
    }

    /// Nothing that is asked of it may take longer.
    pub(super) fn timeout(&self) -> Duration {
        self.config.timeout
    }

    /// Which life of the server commands reach: another one after it was started anew, or another took its place. Empty
    /// where it does not tell.
    pub(super) fn life(&self) -> String {
        match &*self.state.borrow() {
            State::Up(live) => live.life.to_string(),
            State::Down { .. } => String::new(),
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.config.url
    }

    /// The present state, and what becomes of it.
    fn watched(&self) -> watch::Receiver<State> {
        self.keeper.get_or_init(|| {
            let (place, config, state) =
                (Arc::clone(&self.place), self.config.clone(), Arc::clone(&self.state));
            Keeper(tokio::spawn(keep(place, config, state)))
        });
        self.state.subscribe()
    }

    /// A connection that answers. An outage that has only begun is waited out; who comes later is told at once.
    async fn live(&self) -> Result<Live, StoreError> {
        let mut states = self.watched();
        loop {
            let (why, left) = match &*states.borrow_and_update() {
                State::Up(live) => return Ok(live.clone()),
                State::Down { why, since, refused } => {
                    let span = if why.is_empty() { self.config.timeout } else { self.config.span() };
                    (
                        Arc::clone(why),
                        if *refused { Duration::ZERO } else { span.saturating_sub(since.elapsed()) },
                    )
                }
            };
            if left.is_zero() || timeout(left, states.changed()).await.is_err() {
                return Err(self.error(&why));
            }
        }
    }

    fn error(&self, why: &str) -> StoreError {
        let why = if why.is_empty() { "it does not answer" } else { why };
        StoreError::Down(format!("{}: {why}", masked(&self.config.url)))
    }

    /// Returns when the server is away, and not just for a moment.
    pub(super) async fn lost(&self) -> StoreError {
        let mut states = self.watched();
        loop {
            let (why, left) = match &*states.borrow_and_update() {
                State::Up(_) => (None, Duration::MAX),
                State::Down { why, since, .. } => (
                    Some(Arc::clone(why)),
                    (if why.is_empty() { self.config.timeout } else { MOMENT })
                        .saturating_sub(since.elapsed()),
                ),
            };
            if timeout(left, states.changed()).await.is_err() {
                return self.error(&why.unwrap_or_default());
            }
        }
    }

    /// Runs `work` on the link, again on a new one if the old one broke. `work` must be safe to run twice: a
    /// command that timed out may have been carried out.
    pub(super) async fn run<T, F, R>(&self, work: F) -> Result<T, StoreError>
    where
        F: Fn(MultiplexedConnection) -> R,
        R: Future<Output = Result<T, RedisError>>,
    {
        let began = Instant::now();
        let done = self.try_run(work).await;
        if let Some(metrics) = &self.metrics {
            metrics.store(began.elapsed(), done.is_err());
        }
        done
    }

    async fn try_run<T, F, R>(&self, work: F) -> Result<T, StoreError>
    where
        F: Fn(MultiplexedConnection) -> R,
        R: Future<Output = Result<T, RedisError>>,
    {
        let mut delay = self.config.retry_delay;
        let mut tries = 0;
        loop {
            let live = self.live().await?;
            let why = tokio::select! {
                done = work(live.connection.clone()) => match done {
                    Ok(value) => return Ok(value),
                    Err(error) => match class(&error) {
                        Class::No => return Err(StoreError::Down(explain(&error))),
                        Class::Later => {
                            sleep(jittered(delay)).await;
                            delay *= 2;
                            explain(&error)
                        }
                        // Slow, and there all the same: its heart beats.
                        Class::Unheard if error.is_timeout() => error.to_string(),
                        Class::Unheard | Class::Elsewhere => {
                            broke(&self.state, live.number, &explain(&error));
                            explain(&error)
                        }
                    },
                },
                () = self.outlived(live.number) => "it stopped answering".to_owned(),
            };
            if tries >= self.config.max_retries {
                return Err(self.error(&why));
            }
            tries += 1;
        }
    }

    /// Returns when this connection is not the present one any more.
    async fn outlived(&self, number: u64) {
        let mut states = self.state.subscribe();
        let _ = states.wait_for(|state| !state.is(number)).await;
    }
}

impl State {
    fn is(&self, number: u64) -> bool {
        matches!(self, Self::Up(live) if live.number == number)
    }
}

/// This connection is of no more use; nothing happens if it is not the present one any more.
fn broke(state: &watch::Sender<State>, number: u64, why: &str) {
    state.send_if_modified(|state| {
        let present = state.is(number);
        if present {
            *state = down(why, false);
        }
        present
    });
}

fn down(why: &str, refused: bool) -> State {
    State::Down { why: why.into(), since: Instant::now(), refused }
}

/// From half of it to all of it, so that many do not come at once.
fn jittered(delay: Duration) -> Duration {
    let full = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(full / 2 + ids::below(full / 2 + 1))
}

/// Connects, watches, and connects again, for ever.
async fn keep(place: Arc<Where>, config: RedisConfig, state: Arc<watch::Sender<State>>) {
    let mut delay = config.retry_delay;
    let mut number = 0;
    let mut lost: Option<Instant> = None;
    loop {
        match connect(&place, &config).await {
            Ok((connection, life)) => {
                if let Some(lost) = lost.take() {
                    tracing::info!(after = ?lost.elapsed(), "Redis answers again");
                }
                delay = config.retry_delay;
                number += 1;
                state.send_replace(State::Up(Live { number, connection: connection.clone(), life }));
                beats(connection, &config, &state, number).await;
                if let State::Down { why, .. } = &*state.borrow() {
                    tracing::warn!(why = &**why, "the link to Redis broke; connecting again");
                }
                lost = Some(Instant::now());
            }
            Err(error) => {
                let refused = class(&error) == Class::No;
                let mut why = explain(&error);
                // What it says to whom it turns away is mostly lost: it hangs up while it is being spoken to.
                if error.is_connection_dropped() {
                    why.push_str(" (it takes connections and closes them: perhaps it serves as many clients as it may)");
                }
                let why: Arc<str> = why.into();
                state.send_if_modified(|state| {
                    let State::Down { why: before, refused: already, .. } = state else { return false };
                    let news = *before != why || *already != refused;
                    if news {
                        tracing::warn!(why = &*why, "Redis cannot be reached; trying again");
                        (*before, *already) = (Arc::clone(&why), refused);
                    }
                    news
                });
                lost.get_or_insert_with(Instant::now);
                sleep(jittered(delay)).await;
                delay = (delay * 2).min(SELDOM.max(config.retry_delay));
            }
        }
    }
}

/// A connection, and the name of the server's present life.
async fn connect(
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
    config: &RedisConfig,
    state: &watch::Sender<State>,
    number: u64,
) {
    let mut states = state.subscribe();
    let patience = PATIENCE.min(config.timeout);
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
