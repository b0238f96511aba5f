//! A word from one person to another, both on the same object.
//!
//! Owns the way: kept in the store, and told to every page of the two on every proxy. To somebody who is not there
//! nothing is sent; that is said to the page that tried.

use std::sync::Arc;

use super::connection::Session;
use super::frames::not_allowed;
use super::hub::Hub;
use crate::collab::chat::{Line, check};
use crate::collab::protocol::{ErrorCode, ToPage};
use crate::collab::record::PageId;
use crate::django::object::ObjectKey;

/// A page's own name for its message; what is longer, in bytes, is no name.
const REFERENCE: usize = 64;

impl Session {
    pub(super) async fn say(
        &self,
        recipient_id: String,
        message: String,
        reference: String,
    ) -> Result<bool, ToPage> {
        let hub = &self.hub;
        let Some(keep) = hub.sharing().chat else {
            return Err(not_allowed("this site has no chat"));
        };
        let undelivered = |why: String, reference: String| ToPage::Error {
            code: ErrorCode::NotDelivered,
            message: why,
            reference: Some(reference),
        };
        if reference.len() > REFERENCE {
            return Err(not_allowed("a message's ref has at most 64 bytes"));
        }
        let sender_id = hub.key().public_id(&self.page.person.user);
        if let Err(unfit) = check(&sender_id, &recipient_id, &message) {
            return Err(undelivered(unfit.message().to_owned(), reference));
        }
        if hub.in_room(&self.object, |room| room.is_here(&recipient_id, hub.key())) != Some(true) {
            return Err(undelivered(
                "this person does not have the page open any more".to_owned(),
                reference,
            ));
        }
        let sent = async {
            let timestamp = hub.store().now().await?;
            let sender_name = self.page.person.name.clone();
            let line = Line {
                sender_id,
                sender_name,
                recipient_id,
                message,
                timestamp,
                reference: reference.clone(),
            };
            hub.store().say(&self.object, &line, keep).await?;
            hub.in_room(&self.object, |room| room.deliver(&line, hub.key()));
            Ok::<_, crate::store::StoreError>(())
        };
        match sent.await {
            Ok(()) => Ok(true),
            Err(error) => Err(undelivered(error.to_string(), reference)),
        }
    }
}

impl Hub {
    /// What was said before, for a page that has just come in.
    pub(super) async fn tell_history(self: &Arc<Self>, object: &ObjectKey, page: &PageId) {
        if self.sharing().chat.is_none() {
            return;
        }
        let user = self.in_room(object, |room| room.member_mut(page).map(|m| m.page.person.user.clone()));
        let Some(Some(user)) = user else { return };
        match self.store().said(object, &self.key().public_id(&user)).await {
            Ok(messages) if messages.is_empty() => {}
            Ok(messages) => {
                for messages in in_frames(messages) {
                    self.send(object, page, &ToPage::ChatHistory { messages });
                }
            }
            Err(error) => tracing::warn!(%object, %error, "a conversation could not be read"),
        }
    }
}

/// A frame must not get larger than a page takes at once, nor they all together more than its outbox holds: of very
/// much, the newest.
fn in_frames(mut messages: Vec<Line>) -> Vec<Vec<Line>> {
    const MOST: usize = 32 * 1024;
    const ALL: usize = 16 * MOST;
    let cost = |line: &Line| line.message.len() + line.sender_name.len() + 200;
    messages.sort_by_key(|line| line.timestamp);
    let mut left = ALL;
    let fits = |line: &&Line| {
        left = left.saturating_sub(cost(line));
        left > 0
    };
    let kept = messages.iter().rev().take_while(fits).count();
    messages.drain(..messages.len() - kept);
    let mut frames: Vec<Vec<Line>> = Vec::new();
    let mut size = MOST;
    for line in messages {
        let more = cost(&line);
        if size + more > MOST {
            frames.push(Vec::new());
            size = 0;
        }
        size += more;
        if let Some(frame) = frames.last_mut() {
            frame.push(line);
        }
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than an outbox holds would cut the page off, again and again.
    #[test]
    fn of_very_much_the_newest_is_told() {
        let line = |n: u64| Line {
            sender_id: "a".to_owned(),
            sender_name: "A".to_owned(),
            recipient_id: "b".to_owned(),
            message: "漢".repeat(4_000),
            timestamp: n,
            reference: n.to_string(),
        };
        let frames = in_frames((0..400).rev().map(line).collect());
        assert!((2..30).contains(&frames.len()), "{}", frames.len());
        let told: Vec<u64> = frames.iter().flatten().map(|l| l.timestamp).collect();
        assert!(told.len() > 30 && told.is_sorted() && told.last() == Some(&399), "{told:?}");
        assert!(frames.iter().all(|f| f.iter().map(|l| l.message.len()).sum::<usize>() <= 40 * 1024));
        assert_eq!(in_frames(vec![line(1)]).len(), 1);
    }
}
