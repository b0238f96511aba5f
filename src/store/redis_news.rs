//! What the proxies on one Redis tell each other: hints that an object changed.
//!
//! Nothing hangs on a hint: who missed one is told to look at everything again.

use std::time::Duration;

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::redis::Redis;
use crate::collab::command::Event;
use crate::collab::news::News;
use crate::collab::record::NodeId;
use crate::django::object::ObjectKey;
use crate::ids;

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

    /// Listens to the other proxies until the receiver is dropped; connects again for ever. What was missed in
    /// between is healed by [`Heard::Gap`].
    pub async fn listen(&self, to: mpsc::Sender<Heard>) {
        let mut delay = 100;
        while !to.is_closed() {
            match self.link.client().get_async_pubsub().await {
                Ok(mut pubsub) => {
                    if pubsub.subscribe(self.channel()).await.is_ok() {
                        delay = 100;
                        let _ = to.send(Heard::Gap).await;
                        let mut messages = pubsub.on_message();
                        while let Some(message) = messages.next().await {
                            let notice = message
                                .get_payload::<String>()
                                .ok()
                                .and_then(|text| serde_json::from_str::<Notice>(&text).ok());
                            match notice {
                                Some(notice) if notice.from == self.node => {}
                                Some(notice) => {
                                    let _ = to.send(Heard::Notice(notice)).await;
                                }
                                None => {
                                    tracing::warn!(channel = self.channel(), "a notice that cannot be read")
                                }
                            }
                        }
                    }
                    tracing::warn!("the subscription to Redis ended; connecting again");
                }
                Err(error) => tracing::warn!(%error, "cannot subscribe to Redis; trying again"),
            }
            tokio::time::sleep(Duration::from_millis(delay / 2 + ids::below(delay))).await;
            delay = (delay * 2).min(5_000);
        }
    }
}
