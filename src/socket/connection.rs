//! A form's socket: the door, the welcome, and what the page's frames ask for.
//!
//! Reading and writing is `wire`'s, what a frame means `frames`'. What it changes is decided in the hub.

use std::sync::Arc;

use hyper::upgrade::Upgraded;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::task::TaskTracker;

use super::frames::store_error;
use super::hub::Hub;
use super::outbox::{Inbox, outbox};
use super::room;
use super::session::{Eyes, Watch};
use super::visit::VisitLine;
use super::vouch::{self, Vouch};
pub use super::wire::Patience;
use super::wire::{Socket, Visit, converse, first_frame, shut, switched, text, write};
use crate::clock::millis;
use crate::collab::command::Command;
use crate::collab::protocol::{Close, FromPage, ToPage};
use crate::collab::record::{Millis, Page, PageId};
use crate::django::object::ObjectKey;
use crate::identity::Who;
use crate::store::StoreError;
use crate::token::{Claims, JoinClaims, Key, UNKNOWN_VERSION};

/// What the handshake knew.
pub struct Guest {
    pub object: ObjectKey,
    pub who: Who,
    pub eyes: Eyes,
    /// Counts the sockets' tasks, so that a proxy which is being stopped has told every page before it goes.
    pub tasks: TaskTracker,
    pub line: VisitLine,
    pub vouch: Option<Vouch>,
}

struct FormVisit {
    hub: Arc<Hub>,
    key: Key,
    guest: Guest,
    patience: Patience,
}

impl Visit for FormVisit {
    async fn visit<S>(self, socket: Socket<S>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        serve(self.hub, self.key, self.guest, socket, self.patience).await;
    }
}

/// Takes over a connection that has switched to WebSocket, for an object's page.
pub async fn open(hub: Arc<Hub>, key: Key, guest: Guest, stream: Upgraded, patience: Patience) {
    switched(stream, FormVisit { hub, key, guest, patience }).await;
}

/// Lets a page join, and leaves its socket to a task.
async fn serve<S>(hub: Arc<Hub>, key: Key, mut guest: Guest, mut socket: Socket<S>, patience: Patience)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let joined = tokio::time::timeout(patience.join, first_frame(&mut socket)).await;
    let claims = match joined {
        Ok(Some(text)) => admit(&hub, &key, &guest, &text).await,
        Ok(None) => return,
        Err(_) => Err(Close::Silent),
    };
    let Admitted { claims, base, after, now } = match claims {
        Ok(admitted) => admitted,
        Err(close) => return shut(&mut socket, close).await,
    };
    if let Some(session) = guest.who.reminded(&claims)
        && let Err(error) = hub.store().set_session(&guest.who.session, Some(&session)).await
    {
        tracing::warn!(%error, "what a session is known for could not be stored");
    }
    let page = vouched(&hub, &mut guest, &claims, base).await;
    if let Some(after) = after.map(PageId::from) {
        gone(&hub, &guest.object, &page, &after).await;
    }
    let (outbox, inbox) = outbox();
    let welcome = ToPage::Welcome {
        user_id: key.public_id(&page.person.user),
        page_id: page.id.clone(),
        object: guest.object.to_string(),
        version: page.version,
        alive: millis(patience.ping),
    };
    if write(&mut socket, text(&welcome), patience).await.is_err() {
        return;
    }
    let Some(JoinClaims { can_edit, root, shown, .. }) = claims.join else {
        return;
    };
    let coming = room::Guest {
        page: page.clone(),
        session: guest.who.session.as_str().into(),
        can_edit,
        shown,
        avatar: guest.who.avatar.as_deref().map(Box::from),
        now,
    };
    let number = match hub.enter(&guest.object, coming, outbox).await {
        Ok(number) => number,
        Err(error) => {
            tracing::warn!(object = %guest.object, %error, "a page could not join");
            let _ = write(&mut socket, text(&store_error(&error)), patience).await;
            return shut(&mut socket, Close::Restart).await;
        }
    };
    let watch = Watch::new(guest.eyes, &root);
    let (object, line) = (guest.object, guest.line);
    let session = Session { hub: Arc::clone(&hub), object, page, can_edit, patience, watch, _line: line };
    // A task of its own: joining needs far more room than staying, and thousands stay.
    guest.tasks.spawn(stay(Box::new(session), Box::new(socket), inbox, number));
}

/// The rest of a socket's life.
async fn stay<S>(session: Box<Session>, mut socket: Box<Socket<S>>, inbox: Inbox, number: u64)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let patience = session.patience;
    let mut session = session;
    converse(&mut socket, inbox, patience, &mut *session).await;
    session.hub.exit(&session.object, &session.page.id, number).await;
}

/// What a page came in with.
struct Admitted {
    claims: Claims,
    base: Option<String>,
    after: Option<String>,
    now: Millis,
}

/// The room's door: a token that Django's own page brought, for this object and this person.
async fn admit(hub: &Hub, key: &Key, guest: &Guest, text: &str) -> Result<Admitted, Close> {
    let Ok(FromPage::Join { token, base, after }) = FromPage::parse(text) else {
        return Err(Close::BadJoin);
    };
    let now = hub.store().now().await.map_err(|_| Close::Restart)?;
    let claims = key.verify(&token, now).map_err(|_| Close::Unfit)?;
    if claims.object != guest.object || claims.join.is_none() {
        return Err(Close::Unfit);
    }
    if !guest.who.fits(&claims) {
        return Err(Close::SignedOut);
    }
    Ok(Admitted { claims, base, after, now })
}

/// A page says which page its tab showed before. Mostly that has said itself that it goes; not where its proxy was killed or
/// hangs, and then nobody else would say it until its lease ends.
async fn gone(hub: &Arc<Hub>, object: &ObjectKey, page: &Page, after: &PageId) {
    let done = async {
        // A page is one person's for ever, so that nothing changes between the look and the step.
        if hub.store().read(object).await?.record.is_there(after, &page.person.user) {
            hub.run(object, &Command::Leave { page: after.clone() }).await?;
        }
        Ok::<_, StoreError>(())
    };
    if let Err(error) = done.await {
        tracing::debug!(%object, %error, "the page before this one could not be said to be gone");
    }
}

/// The page, of the version that its token has, or that can be found out.
async fn vouched(hub: &Hub, guest: &mut Guest, claims: &Claims, base: Option<String>) -> Page {
    let mut page = page_of(guest, claims);
    let vouch = guest.vouch.take().filter(|_| page.version == UNKNOWN_VERSION);
    if let (Some(vouch), Some(base), Some(join)) = (vouch, base, &claims.join)
        && let Some(version) = vouch::version(hub, &guest.object, (join.root.clone(), base), vouch).await
    {
        page.version = version;
    }
    page
}

fn page_of(guest: &Guest, claims: &Claims) -> Page {
    let mut person = guest.who.person();
    if let Some(join) = &claims.join
        && guest.who.name.is_none()
    {
        person.name = join.name.clone();
    }
    Page { id: claims.page.clone(), person, version: claims.version }
}

pub(super) struct Session {
    pub(super) hub: Arc<Hub>,
    pub(super) object: ObjectKey,
    pub(super) page: Page,
    pub(super) can_edit: bool,
    patience: Patience,
    pub(super) watch: Watch,
    _line: VisitLine,
}
