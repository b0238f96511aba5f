//! What the proxies on one Redis tell each other: hints that an object changed.
//!
//! Nothing hangs on a hint: who missed one is told to look at everything again. A subscription that has gone deaf looks
//! like one on which nothing happens, so each proxy talks to itself through Redis, and connects again when it does not
//! hear that.

use std::time::Duration;

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{Stream, StreamExt};
use redis::aio::PubSub;
use redis::{Msg, RedisError};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::Redis;
use super::errors::explain;
use super::link::jittered;
use crate::collab::command::Event;
use crate::collab::news::News;
use crate::collab::record::NodeId;
use crate::django::object::ObjectKey;

/// Said when Redis's memory begins, perhaps not for the first time.
pub(super) const ANEW: &str = "anew";
/// A proxy says something to itself so often, and hears it before the next time.
const PROBE: Duration = Duration::from_secs(2);
/// How long a new try waits: at first, and at most.
const SOON: Duration = Duration::from_millis(100);
const SELDOM: Duration = Duration::from_secs(2);

/// Told to the other proxies: this object changed, look again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub from: NodeId,
    pub object: ObjectKey,
    pub events: Vec<Event>,
    /// What does not change the record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub news: Vec<News>,
}

/// What a subscriber hears.
#[derive(Clone, Debug)]
pub enum Heard {
    Notice(Notice),
    /// Something may have been missed: look at everything again.
    Gap,
}

impl Redis {
    pub(super) fn channel(&self) -> String {
        format!("{}events", self.prefix)
    }

    /// Only this proxy hears what is said here.
    pub(super) fn own_channel(&self) -> String {
        format!("{}:{}", self.channel(), self.node.as_str())
    }

    /// Listens to the other proxies until the receiver is dropped; connects again for ever. What was missed in
    /// between is healed by [`Heard::Gap`].
    pub async fn listen(&self, to: mpsc::Sender<Heard>) {
        let mut delay = SOON;
        let mut said = false;
        while !to.is_closed() {
            let began = Instant::now();
            let why = tokio::select! {
                why = self.subscribed(&to) => why,
                () = to.closed() => return,
            };
            let was_heard = began.elapsed() > SELDOM;
            // Once an outage, which the link tells more of.
            match std::mem::replace(&mut said, true) && !was_heard {
                true => tracing::debug!(why, "nothing is heard from Redis; subscribing again"),
                false => tracing::warn!(why, "nothing is heard from Redis; subscribing again"),
            }
            delay = if was_heard { SOON } else { (delay * 2).min(SELDOM) };
            sleep(jittered(delay)).await;
        }
    }

    pub(super) async fn subscribe(&self) -> Result<PubSub, RedisError> {
        let mut pubsub = self.links.pubsub().await?;
        pubsub.subscribe(&[self.channel(), self.own_channel()]).await?;
        Ok(pubsub)
    }

    /// One subscription, as long as it hears. Gives why it does not any more.
    async fn subscribed(&self, to: &mpsc::Sender<Heard>) -> String {
        // The crate waits for ever for a server that takes the connection and says nothing.
        let (_sink, messages) = match timeout(self.links.timeout(), self.subscribe()).await {
            Ok(Ok(pubsub)) => pubsub.split(),
            Ok(Err(error)) => return explain(&error),
            Err(_) => return "it did not answer".to_owned(),
        };
        let _ = to.send(Heard::Gap).await;
        // How many of our own words have come back.
        let back = AtomicU64::new(0);
        // A server that dies takes its subscriptions along. In a cluster this one may be at another server.
        let gap = || async {
            let _ = to.send(Heard::Gap).await;
        };
        tokio::select! {
            () = self.links.each_life(gap) => String::new(),
            () = self.pass_on(messages, to, &back) => "the connection ended".to_owned(),
            () = self.deaf(&back) => "what this proxy says there does not come back".to_owned(),
        }
    }

    async fn pass_on(
        &self,
        mut messages: impl Stream<Item = Msg> + Unpin,
        to: &mpsc::Sender<Heard>,
        back: &AtomicU64,
    ) {
        let own = self.own_channel();
        // Whoever takes long over what was heard must not keep us from hearing ourselves, or a gap would beget gaps.
        let mut missed = false;
        loop {
            let message = tokio::select! {
                message = messages.next() => message,
                Ok(place) = to.reserve(), if missed => {
                    place.send(Heard::Gap);
                    missed = false;
                    continue;
                }
            };
            let Some(message) = message else {
                return;
            };
            if message.get_channel_name() == own {
                back.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let text = message.get_payload::<String>().ok();
            if text.as_deref() == Some(ANEW) {
                missed = true;
                continue;
            }
            match text.and_then(|text| serde_json::from_str::<Notice>(&text).ok()) {
                Some(notice) if notice.from == self.node || missed => {}
                Some(notice) => missed = to.try_send(Heard::Notice(notice)).is_err(),
                None => tracing::warn!(channel = self.channel(), "a notice that cannot be read"),
            }
        }
    }

    /// Returns when our own words do not come back, although the server takes them.
    async fn deaf(&self, back: &AtomicU64) {
        let own = &self.own_channel();
        loop {
            self.keep_secret().await;
            let before = back.load(Ordering::Relaxed);
            let said = |mut c: redis::aio::MultiplexedConnection| async move {
                redis::cmd("PUBLISH").arg(own).arg("").exec_async(&mut c).await
            };
            let said = self.links.run_anywhere(said).await;
            sleep(PROBE).await;
            if said.is_ok() && back.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }
}
