//! The bodies that pass through: one type for all of them, so that nothing is boxed on the fast way.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::PollSender;

use super::rewriting::Rewriting;
use super::upstream::Lease;

pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body on its way, in either direction.
pub enum Body {
    Full(Option<Bytes>),
    /// Bytes already read, then the rest as it comes.
    Rest(VecDeque<Bytes>, Box<Body>),
    /// From the other side. The lease gives an upstream connection back when the body has ended.
    Incoming(Incoming, Option<Lease>),
    /// From the other side, but no slower than one frame in so long.
    Timed(Box<Timed>),
    /// The sender is dropped with the body: when it has gone out whole, or was given up.
    Watched(Box<Body>, oneshot::Sender<()>),
    /// What passes is told to somebody else too, who must keep up.
    Overheard(Box<Overheard>),
    /// What somebody else hears of such.
    Heard(mpsc::Receiver<Bytes>),
    /// A page that is read, and perhaps changed, while it streams.
    Page(Box<Rewriting>),
}

pub struct Timed {
    body: Incoming,
    patience: Duration,
    sleep: Pin<Box<Sleep>>,
}

pub struct Overheard {
    body: Body,
    /// None: nobody listens any more, or all is said.
    to: Option<PollSender<Bytes>>,
}

/// Pieces that the listener may be behind.
const BEHIND: usize = 16;

impl Body {
    /// The same body, and what passes through it.
    pub fn overheard(self) -> (Self, Self) {
        let (to, from) = mpsc::channel(BEHIND);
        let body = Overheard { body: self, to: Some(PollSender::new(to)) };
        (Self::Overheard(Box::new(body)), Self::Heard(from))
    }

    pub fn empty() -> Self {
        Self::Full(None)
    }

    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::Full((!bytes.is_empty()).then_some(bytes))
    }

    /// A client's body, given up when nothing came for `patience`.
    pub fn timed(body: Incoming, patience: Duration) -> Self {
        if body.is_end_stream() {
            return Self::empty();
        }
        Self::Timed(Box::new(Timed { body, patience, sleep: Box::pin(tokio::time::sleep(patience)) }))
    }

    /// `read` came first.
    pub fn after(read: VecDeque<Bytes>, rest: Self) -> Self {
        if read.is_empty() { rest } else { Self::Rest(read, Box::new(rest)) }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Full(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Self::Rest(read, rest) => match read.pop_front() {
                Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                None => Pin::new(rest.as_mut()).poll_frame(cx),
            },
            Self::Incoming(body, lease) => {
                let frame = ready!(Pin::new(&mut *body).poll_frame(cx));
                // hyper asks no further once Content-Length is reached, so the last frame is the end as well.
                if matches!(frame, Some(Err(_))) {
                    // Not at its end: the connection cannot be used again.
                    drop(lease.take());
                } else if (frame.is_none() || body.is_end_stream())
                    && let Some(lease) = lease.take()
                {
                    lease.give_back();
                }
                Poll::Ready(frame.map(|f| f.map_err(Into::into)))
            }
            Self::Timed(timed) => timed.poll(cx),
            Self::Watched(body, _) => Pin::new(body.as_mut()).poll_frame(cx),
            Self::Overheard(overheard) => overheard.poll(cx),
            Self::Heard(from) => from.poll_recv(cx).map(|got| got.map(|bytes| Ok(Frame::data(bytes)))),
            Self::Page(page) => page.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(bytes) => bytes.is_none(),
            Self::Rest(read, rest) => read.is_empty() && rest.is_end_stream(),
            // Polled to the end even so: that is when the connection goes back.
            Self::Incoming(body, lease) => lease.is_none() && body.is_end_stream(),
            Self::Timed(timed) => timed.body.is_end_stream(),
            Self::Watched(body, _) => body.is_end_stream(),
            Self::Overheard(overheard) => overheard.body.is_end_stream(),
            Self::Heard(_) | Self::Page(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            Self::Rest(read, rest) => {
                let read: u64 = read.iter().map(|b| b.len() as u64).sum();
                let rest = rest.size_hint();
                let mut hint = SizeHint::new();
                hint.set_lower(read + rest.lower());
                if let Some(upper) = rest.upper() {
                    hint.set_upper(read + upper);
                }
                hint
            }
            Self::Incoming(body, _) => body.size_hint(),
            Self::Timed(timed) => timed.body.size_hint(),
            Self::Watched(body, _) => body.size_hint(),
            Self::Overheard(overheard) => overheard.body.size_hint(),
            Self::Heard(_) => SizeHint::default(),
            Self::Page(page) => page.size_hint(),
        }
    }
}

impl Overheard {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(to) = &mut self.to
            && ready!(to.poll_reserve(cx)).is_err()
        {
            self.to = None;
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match (&frame, &mut self.to) {
            (Some(Ok(frame)), Some(to)) => {
                if let Some(data) = frame.data_ref() {
                    // There is room, as was just asked.
                    let _ = to.send_item(data.clone());
                }
            }
            // The end, or it broke off.
            _ => self.to = None,
        }
        // hyper asks no further once Content-Length is reached.
        if self.body.is_end_stream() {
            self.to = None;
        }
        Poll::Ready(frame)
    }
}

impl Timed {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.sleep.as_mut().reset(Instant::now() + self.patience);
            return Poll::Ready(frame.map(|f| f.map_err(Into::into)));
        }
        ready!(self.sleep.as_mut().poll(cx));
        Poll::Ready(Some(Err("the client sent nothing for too long".into())))
    }
}
