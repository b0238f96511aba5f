//! A change list's socket: the door, the welcome, and its stay.
//!
//! The door is the token that the proxy put into Django's own page; it stands for the rows that this page showed.

use std::sync::Arc;

use hyper::upgrade::Upgraded;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::TaskTracker;

use super::frames::{bad_frame, not_allowed, store_error};
use super::hub::Hub;
use super::lists::Watcher;
use super::outbox::outbox;
use super::visit::VisitLine;
use super::wire::{Patience, Socket, Take, Visit, converse, first_frame, shut, switched, text, write};
use crate::collab::protocol::{Close, FromPage, ToPage};
use crate::django::changelist::Model;
use crate::django::list_page::WATCHED;
use crate::identity::Who;
use crate::token::list::ListClaims;

/// What the handshake knew.
pub struct Guest {
    pub model: Model,
    pub who: Who,
    pub tasks: TaskTracker,
    pub patience: Patience,
    pub line: VisitLine,
}

/// The first frame of a list.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum FromList {
    Join { token: String, rows: Vec<String> },
}

struct ListVisit {
    hub: Arc<Hub>,
    guest: Guest,
}

/// Takes over a connection that has switched to WebSocket, for a list.
pub async fn open(hub: Arc<Hub>, guest: Guest, stream: Upgraded) {
    switched(stream, ListVisit { hub, guest }).await;
}

impl Visit for ListVisit {
    async fn visit<S>(self, mut socket: Socket<S>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let joined = tokio::time::timeout(self.guest.patience.join, first_frame(&mut socket)).await;
        let admitted = match joined {
            Ok(Some(text)) => self.admit(&text).await,
            Ok(None) => return,
            Err(_) => Err(Close::Silent),
        };
        match admitted {
            Ok((claims, rows)) => self.stay(socket, claims, rows).await,
            Err(close) => shut(&mut socket, close).await,
        }
    }
}

impl ListVisit {
    /// The door: a token that Django's own page brought, for this list, this person and these rows.
    async fn admit(&self, text: &str) -> Result<(ListClaims, Vec<String>), Close> {
        let Ok(FromList::Join { token, rows }) = serde_json::from_str(text) else {
            return Err(Close::BadJoin);
        };
        let now = self.hub.store().now().await.map_err(|_| Close::Restart)?;
        let claims = self.hub.key().verify_list(&token, now).map_err(|_| Close::Unfit)?;
        let shown = self.hub.key().digest_of_rows(rows.iter().map(String::as_str));
        if claims.model != self.guest.model || claims.rows.as_ref() != Some(&shown) || rows.len() > WATCHED {
            return Err(Close::Unfit);
        }
        let who = &self.guest.who;
        if who.session.is_empty() || (who.session != claims.session && who.user != claims.user) {
            return Err(Close::SignedOut);
        }
        Ok((claims, rows))
    }

    async fn stay<S>(self, mut socket: Socket<S>, claims: ListClaims, rows: Vec<String>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Self { hub, guest } = self;
        let model = guest.model.label();
        let welcome = ToPage::Welcome {
            user_id: hub.key().public_id(&guest.who.user),
            page_id: claims.page.clone(),
            object: model.clone(),
            version: claims.asked,
            alive: crate::clock::millis(guest.patience.ping),
        };
        if write(&mut socket, text(&welcome), guest.patience).await.is_err() {
            return;
        }
        let (outbox, inbox) = outbox();
        let rows = rows.into_iter().map(|pk| (guest.model.object(&pk), pk)).collect();
        let watcher = Watcher { user: guest.who.user.clone(), rows, outbox, ready: false };
        let number = hub.next_socket();
        let first = hub.lists.enter(&model, number, watcher);
        if first {
            hub.watch_list(model.clone());
        }
        // Too late for the proxy's stop to see it.
        if hub.is_draining() {
            hub.lists.exit(&model, number);
            return shut(&mut socket, Close::Restart).await;
        }
        if let Err(error) = hub.look_at_list(&model).await {
            tracing::warn!(model, %error, "a list could not be told who edits its rows");
            hub.lists.exit(&model, number);
            let _ = write(&mut socket, text(&store_error(&error)), guest.patience).await;
            return shut(&mut socket, Close::Restart).await;
        }
        hub.lists.tell_all(&model, number, hub.key());
        let Guest { tasks, patience, line, .. } = guest;
        tasks.spawn(async move {
            converse(&mut socket, inbox, patience, &mut Listens(Arc::clone(&hub))).await;
            hub.lists.exit(&model, number);
            drop(line);
        });
    }
}

/// A list has nothing to say but good-bye.
struct Listens(Arc<Hub>);

impl Take for Listens {
    fn reaches_store(&self) -> bool {
        self.0.store().trouble().is_none()
    }

    async fn take(&mut self, frame: &Message) -> Result<bool, ToPage> {
        let Message::Text(frame) = frame else {
            return Err(bad_frame("frames are text".to_owned()));
        };
        match FromPage::parse(frame).map_err(bad_frame)? {
            FromPage::Leave {} => Ok(false),
            _ => Err(not_allowed("a list only listens")),
        }
    }
}
