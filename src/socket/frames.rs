//! What a page's frame asks for: the command that it stands for, or the error that answers it.
//!
//! Must not know how frames travel (`wire.rs`), nor whether a wish is granted: that is the rules' to say.

use tokio_tungstenite::tungstenite::Message;

use super::connection::Session;
use super::wire::Take;
use crate::collab::command::{Command, Outcome};
use crate::collab::protocol::{ErrorCode, FromPage, ToPage};
use crate::store::StoreError;

impl Take for Session {
    fn reaches_store(&self) -> bool {
        self.hub.store().trouble().is_none()
    }

    async fn take(&mut self, frame: &Message) -> Result<bool, ToPage> {
        let Message::Text(frame) = frame else {
            return Err(bad_frame("frames are text".to_owned()));
        };
        let message = FromPage::parse(frame).map_err(bad_frame)?;
        let page = self.page.id.clone();
        let command = match message {
            FromPage::Join { .. } => return Err(not_allowed("this socket has joined already")),
            FromPage::Leave {} => return Ok(false),
            FromPage::ClaimEditor {} | FromPage::RequestEdit {} | FromPage::TakeOver {} if !self.can_edit => {
                return Err(not_allowed("this page shows no save button, so it cannot hold the lock"));
            }
            FromPage::ClaimEditor {} => {
                self.hub.set_wants(&self.object, &page, true);
                Command::Claim { page: self.page.clone() }
            }
            FromPage::ReleaseLock {} => {
                self.hub.set_wants(&self.object, &page, false);
                Command::Release { page }
            }
            FromPage::Input { dirty } => {
                self.watch.look(&self.hub, &self.object, &page, false);
                self.hub.set_dirty(&self.object, &page, dirty);
                Command::Input { page, dirty }
            }
            FromPage::CheckSession {} => {
                self.watch.look(&self.hub, &self.object, &page, true);
                return Ok(true);
            }
            FromPage::Presence { activity } => {
                self.hub.set_activity(&self.object, &page, activity);
                return Ok(true);
            }
            FromPage::RequestAttention {} => Command::RequestAttention { by: self.page.person.clone() },
            FromPage::AttentionSeen {} => Command::AttentionSeen { page },
            FromPage::ChatMessage { recipient_id, message, reference } => {
                return self.say(recipient_id, message, reference).await;
            }
            FromPage::FieldChanged(_) | FromPage::FieldFocus { .. }
                if !self.hub.shares_live(&self.object) =>
            {
                return Err(not_allowed("what is typed here is shown to nobody"));
            }
            FromPage::FieldChanged(change) => {
                return done(Ok(self.hub.typed(&self.object, &self.page, change).await));
            }
            FromPage::FieldFocus { name } => {
                return done(Ok(self.hub.focused(&self.object, &self.page, name).await));
            }
            FromPage::RequestEdit {} => Command::Ask { page },
            FromPage::AnswerRequest { answer } => Command::Answer { page, answer },
            FromPage::TakeOver {} => Command::TakeOver { page: self.page.clone() },
            FromPage::UnsavedValues(values) => {
                return done(self.hub.pass_on(&self.object, &page, values).await);
            }
        };
        let outcome = self.hub.run(&self.object, &command).await.map(|applied| applied.step.outcome);
        if matches!((&command, &outcome), (Command::TakeOver { .. }, Ok(Outcome::Editor))) {
            self.hub.set_wants(&self.object, &self.page.id, true);
        }
        done(outcome)
    }
}

/// What the page is told of its wish, if it was not granted.
fn done(outcome: Result<Outcome, StoreError>) -> Result<bool, ToPage> {
    match outcome {
        Ok(Outcome::NotAllowed(denied)) => Err(not_allowed(denied.message())),
        Ok(_) => Ok(true),
        Err(error) => Err(store_error(&error)),
    }
}

pub(super) fn store_error(error: &StoreError) -> ToPage {
    ToPage::Error { code: ErrorCode::StoreDown, message: error.to_string(), reference: None }
}

pub(super) fn bad_frame(message: String) -> ToPage {
    ToPage::Error { code: ErrorCode::BadFrame, message, reference: None }
}

pub(super) fn not_allowed(message: &str) -> ToPage {
    ToPage::Error { code: ErrorCode::NotAllowed, message: message.to_owned(), reference: None }
}
