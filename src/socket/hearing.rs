//! What the other proxies of the site tell: hints that a record has changed, and news of people.
//!
//! Owns the listening. Nothing hangs on a hint: after a gap everything is looked at again.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::hub::Hub;
use crate::collab::command::Event;
use crate::collab::news::News;
use crate::django::object::ObjectKey;
use crate::store::Heard;

/// Rooms that are looked at at a time, where all of them have to be.
const AT_ONCE: usize = 16;

impl Hub {
    /// Hears the other proxies, until the store stops talking.
    pub async fn hear(self: Arc<Self>, mut from: mpsc::Receiver<Heard>) {
        while let Some(heard) = from.recv().await {
            match heard {
                Heard::Notice(notice) if !notice.news.is_empty() => {
                    self.heard(&notice.object, notice.news).await;
                }
                Heard::Notice(notice)
                    if self.rooms().contains_key(&notice.object) || self.lists.watch(&notice.object) =>
                {
                    self.look_again(&notice.object, &notice.events).await;
                }
                Heard::Notice(_) => {}
                Heard::Gap => self.after_gap().await,
            }
        }
    }

    async fn after_gap(self: &Arc<Self>) {
        self.lists_after_gap();
        let open: Vec<ObjectKey> = self.rooms().keys().cloned().collect();
        let looks = futures_util::stream::iter(open).for_each_concurrent(AT_ONCE, |object| async move {
            self.look_again(&object, &[]).await;
            self.catch_up(&object).await;
        });
        looks.await;
    }

    async fn look_again(self: &Arc<Self>, object: &ObjectKey, events: &[Event]) {
        if let Err(error) = self.look(object, events).await {
            tracing::warn!(%object, %error, "another proxy's change could not be read");
        }
    }

    /// What another proxy tells of its people.
    pub(super) async fn heard(self: &Arc<Self>, object: &ObjectKey, news: Vec<News>) {
        for news in news {
            match news {
                News::People => {
                    if self.in_room(object, |_| ()).is_some() {
                        self.gather_soon(object);
                    }
                }
                News::Chat { line } => {
                    self.in_room(object, |room| room.deliver(&line, self.key()));
                }
                News::Typed { page, version, change } => {
                    self.in_room(object, |room| room.typed(&page, version, change));
                }
                News::Focus { page, version, name } => {
                    self.in_room(object, |room| room.focused(&page, version, name.as_deref()));
                }
            }
        }
    }
}
