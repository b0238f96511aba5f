//! What the other proxies of the site tell: hints that a record has changed, and news of people.
//!
//! Owns the listening. Nothing hangs on a hint: after a gap everything is looked at again.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::hub::Hub;
use crate::collab::command::Event;
use crate::collab::news::News;
use crate::django::object::ObjectKey;
use crate::store::Heard;

impl Hub {
    /// Hears the other proxies, until the store stops talking.
    pub async fn hear(self: Arc<Self>, mut from: mpsc::Receiver<Heard>) {
        while let Some(heard) = from.recv().await {
            let gap = matches!(heard, Heard::Gap);
            let wanted: Vec<(ObjectKey, Vec<Event>)> = match heard {
                Heard::Notice(notice) if !notice.news.is_empty() => {
                    self.heard(&notice.object, notice.news).await;
                    Vec::new()
                }
                Heard::Notice(notice)
                    if self.rooms().contains_key(&notice.object) || self.lists.watch(&notice.object) =>
                {
                    vec![(notice.object, notice.events)]
                }
                Heard::Notice(_) => Vec::new(),
                Heard::Gap => {
                    self.lists_after_gap();
                    self.rooms().keys().map(|object| (object.clone(), Vec::new())).collect()
                }
            };
            for (object, events) in wanted {
                if let Err(error) = self.look(&object, &events).await {
                    tracing::warn!(%object, %error, "another proxy's change could not be read");
                }
                if gap {
                    self.catch_up(&object).await;
                }
            }
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
