//! The connection to one Redis server: one multiplexed link for commands, watched over and made anew by one task.
//!
//! Owns connecting, deadlines and retries. The crate's own connection manager does not reconnect after response
//! time-outs. Here a task asks the server all the time whether it is there, so that nobody has to find out by waiting
//! for an answer of their own; and only that task connects, so that a server that is away is not stormed.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, RedisError};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::config::{MOMENT, RedisConfig, Spec};
use super::errors::{Class, class, explain, masked};
use super::keeper::{Live, State, at, broke, connect, down, keep};
use super::place::Where;
use super::slots::Address;
use crate::ids;
use crate::store::StoreError;

/// Refusals that are further apart are two.
const REFUSAL: Duration = Duration::from_secs(10);

pub(super) struct Link {
    /// The same for all links of a store.
    spec: Arc<watch::Sender<Arc<Spec>>>,
    /// A node of a cluster, which the settings do not name.
    node: Option<Address>,
    /// Its address, for people.
    name: Arc<str>,
    state: Arc<watch::Sender<State>>,
    keeper: OnceLock<Keeper>,
    /// When it said "not now" for the first time, and for the last.
    refusing: Mutex<Option<(Instant, Instant)>>,
}

/// Why something was not done.
pub(super) enum Failed {
    /// Another node of the cluster serves the key.
    Moved(String),
    /// The server lives another life than the one that was meant.
    Anew,
    Store(StoreError),
}

/// A task that ends with what it is kept for.
pub(super) struct Keeper(pub(super) tokio::task::JoinHandle<()>);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Link {
    pub(super) fn new(config: RedisConfig) -> Result<Self, StoreError> {
        let name = masked(&config.url);
        let spec = Spec::new(config).map_err(StoreError::Down)?;
        Ok(Self::with(Arc::new(watch::Sender::new(Arc::new(spec))), None, name))
    }

    fn with(spec: Arc<watch::Sender<Arc<Spec>>>, node: Option<Address>, name: String) -> Self {
        let state = Arc::new(watch::Sender::new(down("", false)));
        Self { spec, node, name: name.into(), state, keeper: OnceLock::new(), refusing: Mutex::default() }
    }

    /// To another node of the same cluster.
    pub(super) fn to(&self, address: &Address) -> Self {
        Self::with(Arc::clone(&self.spec), Some(address.clone()), address.to_string())
    }

    /// From now on it is made by other settings, which lead to the same server; so are all that were made from it. One that
    /// works is not given up for settings that do not.
    pub(super) async fn renew(&self, config: RedisConfig) -> Result<(), String> {
        let spec = Spec::new(config)?;
        if self.connection().is_some() {
            let tried =
                timeout(spec.config.timeout, connect(&at(&spec, self.node.as_ref()), &spec.config)).await;
            tried.map_err(|_| "it does not answer")?.map_err(|error| explain(&error))?;
        }
        self.spec.send_replace(Arc::new(spec));
        Ok(())
    }

    /// It is needed no more.
    pub(super) fn rest(&self) {
        if let Some(keeper) = self.keeper.get() {
            keeper.0.abort();
        }
        self.state.send_replace(down("", false));
    }

    pub(super) fn place(&self) -> Where {
        at(&self.spec.borrow(), self.node.as_ref())
    }

    pub(super) fn config(&self) -> RedisConfig {
        self.spec.borrow().config.clone()
    }

    /// Nothing that is asked of it may take longer.
    pub(super) fn patience(&self) -> Duration {
        self.spec.borrow().config.timeout
    }

    /// It says "not now"; for how long by now. It may do so to some and not to others: reads go on where writes do not.
    fn refuses_for(&self) -> Duration {
        let now = Instant::now();
        let mut refusing = self.refusing.lock().unwrap_or_else(PoisonError::into_inner);
        let first = refusing.filter(|(_, last)| last.elapsed() < REFUSAL).map_or(now, |(first, _)| first);
        *refusing = Some((first, now));
        first.elapsed()
    }

    /// How long an outage is waited out.
    fn span(&self) -> Duration {
        self.spec.borrow().config.span()
    }

    /// How long to wait before what failed is tried again, and how often.
    pub(super) fn retries(&self) -> (Duration, u32) {
        let config = &self.spec.borrow().config;
        (config.retry_delay, config.max_retries)
    }

    /// As it is at this moment.
    pub(super) fn connection(&self) -> Option<MultiplexedConnection> {
        match &*self.watched().borrow() {
            State::Up(live) => Some(live.connection.clone()),
            State::Down { .. } => None,
        }
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
        let timeout = self.patience();
        self.place().client(timeout).await
    }

    /// Which life of the server commands reach: another one after it was started anew, or another took its place; and by
    /// which connection. Empty where it does not tell.
    pub(super) async fn life(&self) -> Result<(Arc<str>, u64), StoreError> {
        let Live { life, number, .. } = self.live().await?;
        Ok((life, number))
    }

    /// The same, as far as it is known at this moment.
    pub(super) fn present_life(&self) -> Option<Arc<str>> {
        match &*self.watched().borrow() {
            State::Up(live) => Some(Arc::clone(&live.life)),
            State::Down { .. } => None,
        }
    }

    /// The present state, and what becomes of it.
    fn watched(&self) -> watch::Receiver<State> {
        self.keeper.get_or_init(|| {
            let (spec, node, state) = (self.spec.subscribe(), self.node.clone(), Arc::clone(&self.state));
            Keeper(tokio::spawn(keep(spec, node, Arc::clone(&self.name), state)))
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
                    let config = &self.spec.borrow().config;
                    let span = if why.is_empty() { config.timeout } else { config.span() };
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
        StoreError::Down(format!("{}: {why}", self.name))
    }

    /// Returns when the server is away, and not just for a moment.
    pub(super) async fn lost(&self) -> StoreError {
        let mut states = self.watched();
        loop {
            let (why, left) = match &*states.borrow_and_update() {
                State::Up(_) => (None, Duration::MAX),
                State::Down { why, since, .. } => (
                    Some(Arc::clone(why)),
                    (if why.is_empty() { self.patience() } else { MOMENT }).saturating_sub(since.elapsed()),
                ),
            };
            if timeout(left, states.changed()).await.is_err() {
                return self.error(&why.unwrap_or_default());
            }
        }
    }

    /// Runs `work` on the link, again on a new one if the old one broke. `work` must be safe to run twice: a
    /// command that timed out may have been carried out.
    pub(super) async fn run<T, F, R>(&self, work: F) -> Result<T, Failed>
    where
        F: Fn(MultiplexedConnection) -> R,
        R: Future<Output = Result<T, RedisError>>,
    {
        self.run_in(None, work).await
    }

    /// The same, but never in another `life` of the server.
    pub(super) async fn run_in<T, F, R>(&self, life: Option<&str>, work: F) -> Result<T, Failed>
    where
        F: Fn(MultiplexedConnection) -> R,
        R: Future<Output = Result<T, RedisError>>,
    {
        let (mut delay, most) = self.retries();
        let mut tries = 0;
        loop {
            let live = self.live().await.map_err(Failed::Store)?;
            if life.is_some_and(|life| life != &*live.life) {
                return Err(Failed::Anew);
            }
            let why = tokio::select! {
                done = work(live.connection.clone()) => match done {
                    Ok(value) => return Ok(value),
                    Err(error) => match class(&error) {
                        Class::No => return Err(Failed::Store(StoreError::Down(explain(&error)))),
                        Class::Moved => return Err(Failed::Moved(explain(&error))),
                        Class::Later => {
                            // Who comes later in it is told at once.
                            let left = self.span().saturating_sub(self.refuses_for());
                            if tries >= most || left.is_zero() {
                                return Err(Failed::Store(self.error(&explain(&error))));
                            }
                            sleep(jittered(delay).min(left)).await;
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
                () = live.gone.cancelled() => "it stopped answering".to_owned(),
            };
            if tries >= most {
                return Err(Failed::Store(self.error(&why)));
            }
            tries += 1;
        }
    }

    /// Runs `work` on the connection as it is at this moment. None: there is none, or it did not.
    pub(super) async fn run_once<T, F, R>(&self, work: F) -> Option<T>
    where
        F: Fn(MultiplexedConnection) -> R,
        R: Future<Output = Result<T, RedisError>>,
    {
        let live = match &*self.watched().borrow() {
            State::Up(live) => live.clone(),
            State::Down { .. } => return None,
        };
        tokio::select! {
            done = work(live.connection.clone()) => done.ok(),
            () = live.gone.cancelled() => None,
        }
    }
}

impl From<Failed> for StoreError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Moved(why) => Self::Down(why),
            Failed::Anew => Self::Down("it has begun anew".to_owned()),
            Failed::Store(error) => error,
        }
    }
}

/// From half of it to all of it, so that many do not come at once.
pub(super) fn jittered(delay: Duration) -> Duration {
    let full = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(full / 2 + ids::below(full / 2 + 1))
}
