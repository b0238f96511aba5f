//! The way to Redis: one link to one server, or one to each primary of a Redis Cluster.
//!
//! Owns which it is, and measures. Everything else of the store asks by key, and need not know.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{Client, RedisError};
use tokio::time::Instant;

use super::cluster::{Cluster, Primary};
use super::config::RedisConfig;
use super::errors::masked;
use super::link::{Failed, Link};
use crate::metrics::Metrics;
use crate::store::StoreError;

pub(super) struct Links {
    /// To the address of the settings; at rest with a cluster.
    seed: Arc<Link>,
    /// Once it is known to be one.
    cluster: OnceLock<Cluster>,
    metrics: Option<Arc<Metrics>>,
}

impl Links {
    pub(super) fn new(config: RedisConfig) -> Result<Self, StoreError> {
        Ok(Self { seed: Arc::new(Link::new(config)?), cluster: OnceLock::new(), metrics: None })
    }

    /// Other settings, which lead to the same servers.
    pub(super) async fn renew(&self, config: &RedisConfig) -> Result<(), String> {
        if self.seed.config() == *config {
            return Ok(());
        }
        self.any().map_err(|e| e.to_string())?.renew(config.clone()).await
    }

    pub(super) fn count(&mut self, metrics: Option<Arc<Metrics>>) {
        self.metrics = metrics;
    }

    /// The server at the address is a node of a cluster: from now on all of it is served.
    pub(super) async fn join(&self) -> Result<(), StoreError> {
        let place = self.seed.place();
        let wrong = |why: &str| Err(StoreError::Down(why.to_owned()));
        if self.cluster.get().is_some() {
            return Ok(());
        }
        if place.is_found() {
            return wrong(
                "the Sentinels name a node of a Redis Cluster, which looks after itself: leave redis.sentinels out, and \
                 give the address of any node",
            );
        }
        if place.database() != 0 {
            return wrong("a Redis Cluster has database 0 only: redis://host:6379/0");
        }
        let cluster = Cluster::open(Arc::clone(&self.seed)).await?;
        if self.cluster.set(cluster).is_ok() {
            self.seed.rest();
        }
        Ok(())
    }

    /// Runs `work` where `key` is, and perhaps again: it must be safe to run twice. All its keys are in one slot.
    pub(super) async fn run<T, F, R>(&self, key: &str, work: F) -> Result<T, StoreError>
    where
        F: Fn(MultiplexedConnection) -> R,
        R: Future<Output = Result<T, RedisError>>,
    {
        Ok(self.run_in(key, None, work).await?)
    }

    /// The same, but never in another `life` of the server.
    pub(super) async fn run_in<T, F, R>(&self, key: &str, life: Option<&str>, work: F) -> Result<T, Failed>
    where
        F: Fn(MultiplexedConnection) -> R,
        R: Future<Output = Result<T, RedisError>>,
    {
        let began = Instant::now();
        let done = match self.cluster.get() {
            Some(cluster) => cluster.run(key, life, work).await,
            None => self.seed.run_in(life, work).await,
        };
        self.measured(began, done)
    }

    /// For what has no key: any server does.
    pub(super) async fn run_anywhere<T, F, R>(&self, work: F) -> Result<T, StoreError>
    where
        F: Fn(MultiplexedConnection) -> R,
        R: Future<Output = Result<T, RedisError>>,
    {
        let began = Instant::now();
        let done = self.any()?.run(work).await.map_err(StoreError::from);
        self.measured(began, done)
    }

    /// For what concerns every server.
    pub(super) async fn each<T, F, R>(&self, work: F) -> Result<Vec<T>, StoreError>
    where
        F: Fn(MultiplexedConnection) -> R,
        R: Future<Output = Result<T, RedisError>>,
    {
        let began = Instant::now();
        let primaries = self.primaries();
        let all = join_all(primaries.iter().map(|primary| primary.link.run(&work))).await;
        let done = all.into_iter().map(|done| done.map_err(StoreError::from)).collect();
        self.measured(began, done)
    }

    /// By the servers' clocks, as `TIME` tells it. In a cluster by the slowest: whatever is written later is later than
    /// this, wherever it is written.
    pub(super) async fn time(&self) -> Result<(u64, u64), StoreError> {
        let ask = |mut c: MultiplexedConnection| async move { redis::cmd("TIME").query_async(&mut c).await };
        if self.cluster.get().is_some() {
            let began = Instant::now();
            let primaries = self.primaries();
            let all = join_all(primaries.iter().map(|primary| primary.link.run_once(ask))).await;
            if let Some(time) = all.into_iter().flatten().min() {
                return self.measured(began, Ok(time));
            }
        }
        self.run_anywhere(ask).await
    }

    fn measured<T, E>(&self, began: Instant, done: Result<T, E>) -> Result<T, E> {
        if let Some(metrics) = &self.metrics {
            metrics.store(began.elapsed(), done.is_err());
        }
        done
    }

    /// Whoever serves this key at the moment.
    pub(super) fn of(&self, key: &str) -> Result<Primary, StoreError> {
        match self.cluster.get() {
            Some(cluster) => cluster.of(key),
            None => Ok(self.alone()),
        }
    }

    /// Which life of the server serves this key at this moment, if one does.
    pub(super) fn present_life(&self, key: &str) -> Option<Arc<str>> {
        self.of(key).ok()?.link.present_life()
    }

    /// Is it more than one server?
    pub(super) fn is_cluster(&self) -> bool {
        self.cluster.get().is_some()
    }

    pub(super) fn primaries(&self) -> Vec<Primary> {
        self.cluster.get().map_or_else(|| vec![self.alone()], Cluster::primaries)
    }

    /// What is said of a server that is alone needs no mark.
    fn alone(&self) -> Primary {
        Primary { link: Arc::clone(&self.seed), mark: String::new() }
    }

    fn any(&self) -> Result<Arc<Link>, StoreError> {
        match self.cluster.get() {
            Some(cluster) => cluster
                .any()
                .map(|primary| primary.link)
                .ok_or_else(|| StoreError::Down("no node of the Redis Cluster is known".to_owned())),
            None => Ok(Arc::clone(&self.seed)),
        }
    }

    /// A connection of its own. The nodes of a cluster pass on what is published at any of them.
    pub(super) async fn pubsub(&self) -> Result<PubSub, RedisError> {
        let link = self.any().map_err(|e| RedisError::from(std::io::Error::other(e.to_string())))?;
        let client: Client = link.client().await?;
        client.get_async_pubsub().await
    }

    /// Waits for ever; calls `then` each time that a server of a cluster is reached that was not, or that has begun anew.
    pub(super) async fn each_life<R: Future<Output = ()>>(&self, then: impl Fn() -> R) {
        if let Some(cluster) = self.cluster.get() {
            let mut lives = cluster.lives();
            while lives.changed().await.is_ok() {
                then().await;
            }
        }
        std::future::pending().await
    }

    /// Nothing that is asked of it may take longer.
    pub(super) fn timeout(&self) -> Duration {
        self.seed.patience()
    }

    /// Why it is away, if it is, and not just for a moment.
    pub(super) fn trouble(&self) -> Option<String> {
        self.cluster.get().map_or_else(|| self.seed.trouble(), Cluster::trouble)
    }

    /// Returns when it is away, and not just for a moment. `key`: the part of it that is meant.
    pub(super) async fn lost(&self, key: Option<&str>) -> StoreError {
        match self.cluster.get() {
            Some(cluster) => cluster.lost(key).await,
            None => self.seed.lost().await,
        }
    }

    /// For the operator.
    pub(super) fn describe(&self) -> String {
        let address = masked(&self.seed.config().url);
        match self.cluster.get() {
            Some(cluster) => {
                format!("{address} (a Redis Cluster of {} primaries)", cluster.primaries().len())
            }
            None => address,
        }
    }
}
