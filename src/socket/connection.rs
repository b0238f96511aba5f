//! One task a socket: reads the page's frames, writes what its outbox holds, and notices when it is dead.
//!
//! Owns the limits: frame size, rate, patience. What a frame means is decided in the hub.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_util::task::TaskTracker;

use super::hub::Hub;
use super::room::{OUTBOX, Out};
use crate::collab::command::Command;
use crate::collab::protocol::{Close, ErrorCode, FRAME_LIMIT, FromPage, ToPage};
use crate::collab::record::Page;
use crate::django::object::ObjectKey;
use crate::identity::{NAMELESS, Who};
use crate::store::StoreError;
use crate::token::{Claims, Key};

/// How patient a socket is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub join: Duration,
    pub ping: Duration,
    /// Without any sign of life for so long it is dead.
    pub dead: Duration,
}

/// More frames than this within [`RATE_WINDOW`] close the socket.
const RATE: u32 = 60;
const RATE_WINDOW: Duration = Duration::from_secs(10);
/// A frame that cannot be written within this goes to a dead or stalled reader.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

fn config() -> WebSocketConfig {
    // The crate's defaults are 128 KiB to read and no bound on what is written: too much for an idle page.
    WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_write_buffer_size(256 * 1024)
        .max_message_size(Some(FRAME_LIMIT))
        .max_frame_size(Some(FRAME_LIMIT))
}

/// What the handshake knew.
pub struct Guest {
    pub object: ObjectKey,
    pub who: Who,
    /// Counts the sockets' tasks, so that a proxy which is being stopped has told every page before it goes.
    pub tasks: TaskTracker,
}

pub(super) type Socket<S> = WebSocketStream<S>;

/// What a socket is for.
pub(super) trait Visit {
    fn visit<S>(self, socket: Socket<S>) -> impl Future<Output = ()> + Send
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static;
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

pub(super) async fn switched(stream: Upgraded, visit: impl Visit) {
    // The plain connection without hyper's wrapping is smaller, and there are thousands of these.
    match stream.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) if parts.read_buf.is_empty() => {
            let socket =
                WebSocketStream::from_raw_socket(parts.io.into_inner(), Role::Server, Some(config())).await;
            visit.visit(socket).await;
        }
        Ok(parts) => {
            let stream = parts.io.into_inner();
            let socket = WebSocketStream::from_partially_read(
                stream,
                parts.read_buf.to_vec(),
                Role::Server,
                Some(config()),
            )
            .await;
            visit.visit(socket).await;
        }
        Err(stream) => {
            let socket =
                WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Server, Some(config())).await;
            visit.visit(socket).await;
        }
    }
}

/// Lets a page join, and leaves its socket to a task.
async fn serve<S>(hub: Arc<Hub>, key: Key, guest: Guest, mut socket: Socket<S>, patience: Patience)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let joined = tokio::time::timeout(patience.join, first_frame(&mut socket)).await;
    let claims = match joined {
        Ok(Some(text)) => admit(&hub, &key, &guest, &text).await,
        Ok(None) => return,
        Err(_) => Err(Close::Silent),
    };
    let claims = match claims {
        Ok(claims) => claims,
        Err(close) => return shut(&mut socket, close).await,
    };
    let page = page_of(&guest, &claims);
    let (outbox, inbox) = mpsc::channel(OUTBOX);
    let welcome = ToPage::Welcome {
        user_id: key.public_id(&page.person.user),
        page_id: page.id.clone(),
        object: guest.object.to_string(),
        version: page.version,
    };
    if write(&mut socket, text(&welcome)).await.is_err() {
        return;
    }
    let can_edit = claims.join.is_some_and(|j| j.can_edit);
    let number = match hub.enter(&guest.object, page.clone(), can_edit, outbox).await {
        Ok(number) => number,
        Err(error) => {
            tracing::warn!(object = %guest.object, %error, "a page could not join");
            let _ = write(&mut socket, text(&store_error(&error))).await;
            return shut(&mut socket, Close::Restart).await;
        }
    };
    let session = Session { hub: Arc::clone(&hub), object: guest.object, page, can_edit, patience };
    // A task of its own: joining needs far more room than staying, and thousands stay.
    guest.tasks.spawn(stay(Box::new(session), Box::new(socket), inbox, number));
}

/// The rest of a socket's life.
async fn stay<S>(session: Box<Session>, mut socket: Box<Socket<S>>, inbox: mpsc::Receiver<Out>, number: u64)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    converse(&mut socket, inbox, session.patience, &*session).await;
    session.hub.exit(&session.object, &session.page.id, number).await;
}

pub(super) async fn first_frame<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut Socket<S>,
) -> Option<Utf8Bytes> {
    loop {
        match socket.next().await? {
            Ok(Message::Text(text)) => return Some(text),
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Binary(_)) => return Some(Utf8Bytes::default()),
            Ok(Message::Close(_) | Message::Frame(_)) | Err(_) => return None,
        }
    }
}

/// The room's door: a token that Django's own page brought, for this object and this person.
async fn admit(hub: &Hub, key: &Key, guest: &Guest, text: &str) -> Result<Claims, Close> {
    let Ok(FromPage::Join { token }) = FromPage::parse(text) else {
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
    Ok(claims)
}

fn page_of(guest: &Guest, claims: &Claims) -> Page {
    let mut person = guest.who.person();
    if let Some(join) = &claims.join
        && person.name == NAMELESS
    {
        person.name = join.name.clone();
    }
    Page { id: claims.page.clone(), person, version: claims.version }
}

pub(super) fn text(message: &ToPage) -> Message {
    Message::Text(Utf8Bytes::from(message.text()))
}

pub(super) fn store_error(error: &StoreError) -> ToPage {
    ToPage::Error { code: ErrorCode::StoreDown, message: error.to_string() }
}

pub(super) async fn write<S>(socket: &mut Socket<S>, message: Message) -> Result<(), ()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match tokio::time::timeout(WRITE_PATIENCE, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(()),
    }
}

fn close_frame(close: Close) -> CloseFrame {
    CloseFrame { code: CloseCode::from(close.code()), reason: Utf8Bytes::from_static(close.reason()) }
}

pub(super) async fn shut<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<S>, close: Close) {
    let closing = async {
        socket.close(Some(close_frame(close))).await?;
        // The page answers with its own close; only then is the frame sure to have arrived.
        while socket.next().await.transpose()?.is_some() {}
        Ok::<_, tungstenite::Error>(())
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), closing).await;
}

/// Nobody is there to answer, and people wait for the lock.
async fn abandon<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<S>, close: Close) {
    let _ = tokio::time::timeout(Duration::from_millis(100), socket.close(Some(close_frame(close)))).await;
}

struct Session {
    hub: Arc<Hub>,
    object: ObjectKey,
    page: Page,
    can_edit: bool,
    patience: Patience,
}

/// What the page's frames mean.
pub(super) trait Take {
    /// `Ok(false)`: the page says good-bye.
    fn take(&self, frame: &Message) -> impl Future<Output = Result<bool, ToPage>> + Send;
}

/// Reads and writes until the socket ends.
pub(super) async fn converse<S>(
    socket: &mut Socket<S>,
    mut inbox: mpsc::Receiver<Out>,
    patience: Patience,
    listener: &impl Take,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut pinged = Instant::now();
    let mut heard = pinged;
    let mut window = (Instant::now(), 0);
    loop {
        tokio::select! {
            frame = socket.next() => {
                let frame = match frame {
                    Some(Ok(Message::Close(_))) | None => return,
                    Some(Ok(frame)) => frame,
                    Some(Err(tungstenite::Error::Capacity(_))) => {
                        let size = CloseFrame { code: CloseCode::Size, reason: "a frame over 64 KiB".into() };
                        let _ = tokio::time::timeout(WRITE_PATIENCE, socket.close(Some(size))).await;
                        return;
                    }
                    Some(Err(_)) => return,
                };
                heard = Instant::now();
                if matches!(frame, Message::Ping(_) | Message::Pong(_)) {
                    continue;
                }
                if too_fast(&mut window, heard) {
                    return shut(socket, Close::TooMuch).await;
                }
                match listener.take(&frame).await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(answer) => if write(socket, text(&answer)).await.is_err() { return },
                }
            }
            out = inbox.recv() => match out {
                Some(Out::Text(frame)) => {
                    if inbox.len() + 1 >= OUTBOX {
                        return shut(socket, Close::TooMuch).await;
                    }
                    if write(socket, Message::Text(frame)).await.is_err() { return }
                }
                Some(Out::Close(close)) => return shut(socket, close).await,
                None => return,
            },
            // Death has a time of its own: found at the next ping only, it could be one ping late.
            () = tokio::time::sleep_until((pinged + patience.ping).min(heard + patience.dead)) => {
                pinged = Instant::now();
                if pinged.duration_since(heard) >= patience.dead {
                    return abandon(socket, Close::Silent).await;
                }
                if write(socket, Message::Ping(bytes::Bytes::new())).await.is_err() { return }
            }
        }
    }
}

impl Take for Session {
    async fn take(&self, frame: &Message) -> Result<bool, ToPage> {
        let Message::Text(frame) = frame else {
            return Err(bad_frame("frames are text".to_owned()));
        };
        let message = FromPage::parse(frame).map_err(bad_frame)?;
        let page = self.page.id.clone();
        let command = match message {
            FromPage::Join { .. } => return Err(not_allowed("this socket has joined already")),
            FromPage::Leave {} => return Ok(false),
            FromPage::ClaimEditor {} if !self.can_edit => {
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
            FromPage::Input { dirty } => Command::Input { page, dirty },
        };
        match self.hub.run(&self.object, &command).await {
            Ok(_) => Ok(true),
            Err(error) => Err(store_error(&error)),
        }
    }
}

pub(super) fn bad_frame(message: String) -> ToPage {
    ToPage::Error { code: ErrorCode::BadFrame, message }
}

pub(super) fn not_allowed(message: &str) -> ToPage {
    ToPage::Error { code: ErrorCode::NotAllowed, message: message.to_owned() }
}

fn too_fast(window: &mut (Instant, u32), now: Instant) -> bool {
    if now.duration_since(window.0) > RATE_WINDOW {
        *window = (now, 0);
    }
    window.1 += 1;
    window.1 > RATE
}
