//! A socket on the wire: takes the connection over, reads and writes, and notices when the other side is dead.
//!
//! Owns the limits: frame size, rate, patience. What a frame means is said by whoever listens.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

use super::outbox::{Inbox, Out};
use crate::collab::protocol::{Close, FRAME_LIMIT, ToPage};

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
/// Somebody who is signed out may come back within this; the lock is theirs so long.
const SIGNED_OUT: Duration = Duration::from_secs(300);

fn config() -> WebSocketConfig {
    // The crate's defaults are 128 KiB to read and no bound on what is written: too much for an idle page.
    WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_write_buffer_size(256 * 1024)
        .max_message_size(Some(FRAME_LIMIT))
        .max_frame_size(Some(FRAME_LIMIT))
}

pub(super) type Socket<S> = WebSocketStream<S>;

/// What a socket is for.
pub(super) trait Visit {
    fn visit<S>(self, socket: Socket<S>) -> impl Future<Output = ()> + Send
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static;
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

pub(super) async fn first_frame<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut Socket<S>,
) -> Option<Utf8Bytes> {
    loop {
        match socket.next().await? {
            Ok(Message::Text(text)) => return Some(text),
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Binary(_)) => return Some(Utf8Bytes::default()),
            Ok(Message::Close(_) | Message::Frame(_)) => return None,
            Err(error) => {
                expel(socket, &error).await;
                return None;
            }
        }
    }
}

pub(super) fn text(message: &ToPage) -> Message {
    Message::Text(Utf8Bytes::from(message.text()))
}

/// A frame that cannot be written within `patience` goes to a dead or stalled reader.
pub(super) async fn write<S>(socket: &mut Socket<S>, message: Message, patience: Patience) -> Result<(), ()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match tokio::time::timeout(patience.dead, socket.send(message)).await {
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

/// What cannot be read any more, closed with the code for it (RFC 6455, 7.4.1).
async fn expel<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<S>, error: &tungstenite::Error) {
    let (code, reason) = match error {
        tungstenite::Error::Capacity(_) => (CloseCode::Size, "a frame over 64 KiB"),
        tungstenite::Error::Utf8(_) => (CloseCode::Invalid, "text that is not UTF-8"),
        tungstenite::Error::Protocol(_) => (CloseCode::Protocol, "not as RFC 6455 has it"),
        // The connection is gone.
        _ => return,
    };
    let closing = async {
        let _ = socket.close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) })).await;
        let stream = socket.get_mut();
        stream.shutdown().await?;
        // An end over bytes that nobody has read is a reset, and the close frame may be lost by it.
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), closing).await;
}

/// Nobody is there to answer, and people wait for the lock.
async fn abandon<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<S>, close: Close) {
    let _ = tokio::time::timeout(Duration::from_millis(100), socket.close(Some(close_frame(close)))).await;
}

/// What the page's frames mean.
pub(super) trait Take {
    /// `Ok(false)`: the page says good-bye.
    fn take(&mut self, frame: &Message) -> impl Future<Output = Result<bool, ToPage>> + Send;

    /// Can the store be asked? The page is told with every sign of life.
    fn reaches_store(&self) -> bool;
}

/// Reads and writes until the socket ends.
pub(super) async fn converse<S>(
    socket: &mut Socket<S>,
    mut inbox: Inbox,
    patience: Patience,
    listener: &mut impl Take,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut pinged = Instant::now();
    let mut heard = pinged;
    let mut window = (Instant::now(), 0);
    // When somebody who is signed out has stayed long enough.
    let mut until = None;
    loop {
        tokio::select! {
            frame = socket.next() => {
                let frame = match frame {
                    Some(Ok(Message::Close(_))) | None => return,
                    Some(Ok(frame)) => frame,
                    // Boxed: a socket that only waits must not keep room for its end.
                    Some(Err(error)) => return Box::pin(expel(socket, &error)).await,
                };
                heard = Instant::now();
                if matches!(frame, Message::Ping(_) | Message::Pong(_)) {
                    continue;
                }
                if too_fast(&mut window, heard) {
                    return shut(socket, Close::TooMuch).await;
                }
                // Boxed: a socket that only waits must not keep room for the largest thing a frame can set off.
                match Box::pin(listener.take(&frame)).await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(answer) => if write(socket, text(&answer), patience).await.is_err() { return },
                }
                // One frame, one turn: what a flood says to others is taken from their outboxes meanwhile.
                tokio::task::yield_now().await;
            }
            out = inbox.recv() => match out {
                Some(Out::Text(frame)) => if write(socket, Message::Text(frame), patience).await.is_err() { return },
                Some(Out::Session(signed_in)) => {
                    until = (!signed_in).then(|| until.unwrap_or(Instant::now() + SIGNED_OUT));
                    if write(socket, text(&ToPage::Session { signed_in }), patience).await.is_err() { return }
                }
                Some(Out::Close(close)) => return shut(socket, close).await,
                None => return,
            },
            // Death has a time of its own: found at the next ping only, it could be one ping late.
            () = tokio::time::sleep_until((pinged + patience.ping).min(heard + patience.dead)) => {
                pinged = Instant::now();
                if until.is_some_and(|until| until <= pinged) {
                    return shut(socket, Close::SignedOut).await;
                }
                if pinged.duration_since(heard) >= patience.dead {
                    return abandon(socket, Close::Silent).await;
                }
                let alive = ToPage::Alive { store: listener.reaches_store() };
                for sign in [text(&alive), Message::Ping(bytes::Bytes::new())] {
                    if write(socket, sign, patience).await.is_err() { return }
                }
            }
        }
    }
}

fn too_fast(window: &mut (Instant, u32), now: Instant) -> bool {
    if now.duration_since(window.0) > RATE_WINDOW {
        *window = (now, 0);
    }
    window.1 += 1;
    window.1 > RATE
}
