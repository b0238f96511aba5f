//! Requests to Django: connections, how long they are kept, and when a request may go out again.
//!
//! Idle connections are kept for 1.5 s at most, since gunicorn's threads close theirs after 2 s. A request that
//! may change something goes out on a connection of its own and never twice.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use super::body::Body;
use super::connect::Connector;
use crate::metrics::{Metrics, UpstreamFault};

const IDLE_LIMIT: Duration = Duration::from_millis(1500);
/// Idle connections kept.
const IDLE_MAX: usize = 512;
/// The largest head of an answer.
const HEAD_LIMIT: usize = 128 * 1024;

struct Idle {
    sender: SendRequest<Body>,
    since: Instant,
}

type Pool = Arc<Mutex<Vec<Idle>>>;

pub struct Upstream {
    connector: Connector,
    idle: Pool,
    connect_timeout: Duration,
    answer_timeout: Duration,
    metrics: Option<Arc<Metrics>>,
}

/// Why there is no answer, and what it means for a write.
#[derive(Debug)]
pub enum UpstreamError {
    /// Nothing was sent.
    Connect(std::io::Error),
    ConnectTimeout(Duration),
    /// Sent, in part at least; what became of it is not known.
    Broken(hyper::Error),
    AnswerTimeout(Duration),
}

impl UpstreamError {
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::ConnectTimeout(_) | Self::AnswerTimeout(_))
    }

    /// Django cannot have seen the request.
    pub fn never_sent(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::ConnectTimeout(_))
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(e) => write!(f, "cannot connect: {e}"),
            Self::ConnectTimeout(t) => write!(f, "no connection within {} s", t.as_secs_f32()),
            Self::Broken(e) => match std::error::Error::source(e) {
                Some(cause) => write!(f, "the connection broke: {e}: {cause}"),
                None => write!(f, "the connection broke: {e}"),
            },
            Self::AnswerTimeout(t) => write!(f, "no answer within {} s", t.as_secs_f32()),
        }
    }
}

/// A connection in use; goes back to the pool when its answer was read to the end.
pub struct Lease {
    sender: SendRequest<Body>,
    pool: Pool,
}

impl Lease {
    pub(super) fn give_back(self) {
        if self.sender.is_closed() {
            return;
        }
        let mut idle = lock(&self.pool);
        if idle.len() < IDLE_MAX {
            idle.push(Idle { sender: self.sender, since: Instant::now() });
        }
    }
}

fn lock(pool: &Pool) -> std::sync::MutexGuard<'_, Vec<Idle>> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Upstream {
    pub fn new(connector: Connector, connect_timeout: Duration, answer_timeout: Duration) -> Self {
        Self { connector, idle: Pool::default(), connect_timeout, answer_timeout, metrics: None }
    }

    #[must_use]
    pub fn counted(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics: Some(metrics), ..self }
    }

    pub fn describe(&self) -> String {
        self.connector.address().to_string()
    }

    /// How long an answer may take to begin; and, where somebody waits for it to be read, to end.
    pub fn patience(&self) -> Duration {
        self.answer_timeout
    }

    /// Sends a request and waits for the head of the answer.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Body>, UpstreamError> {
        let sent = self.try_send(request).await;
        if let (Err(error), Some(metrics)) = (&sent, &self.metrics) {
            metrics.upstream_fault(match error {
                UpstreamError::Connect(_) => UpstreamFault::Connect,
                UpstreamError::ConnectTimeout(_) => UpstreamFault::ConnectTimeout,
                UpstreamError::Broken(_) => UpstreamFault::Broken,
                UpstreamError::AnswerTimeout(_) => UpstreamFault::AnswerTimeout,
            });
        }
        sent
    }

    async fn try_send(&self, request: Request<Body>) -> Result<Response<Body>, UpstreamError> {
        let may_repeat = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
            && request.body().is_end_stream()
            && !request.headers().contains_key(hyper::header::UPGRADE);
        let Some(sender) = may_repeat.then(|| self.reuse()).flatten() else {
            return self.send_fresh(request).await;
        };
        let again = copy_head(&request);
        match self.send_on(sender, request).await {
            // Django closed the idle connection at the moment we used it.
            Err(UpstreamError::Broken(_)) => self.send_fresh(again).await,
            result => result,
        }
    }

    async fn send_fresh(&self, request: Request<Body>) -> Result<Response<Body>, UpstreamError> {
        let connecting = tokio::time::timeout(self.connect_timeout, self.open());
        let sender = match connecting.await {
            Ok(Ok(sender)) => sender,
            Ok(Err(e)) => return Err(e),
            Err(_) => return Err(UpstreamError::ConnectTimeout(self.connect_timeout)),
        };
        self.send_on(sender, request).await
    }

    async fn open(&self) -> Result<SendRequest<Body>, UpstreamError> {
        let stream = self.connector.connect().await.map_err(UpstreamError::Connect)?;
        let (sender, connection) = http1::Builder::new()
            .max_header_size(HEAD_LIMIT)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(UpstreamError::Broken)?;
        tokio::spawn(async move {
            // Its errors reach whoever waits for the answer.
            let _ = connection.with_upgrades().await;
        });
        Ok(sender)
    }

    fn reuse(&self) -> Option<SendRequest<Body>> {
        let mut idle = lock(&self.idle);
        loop {
            // The youngest first, so that the old ones get too old.
            let Idle { sender, since } = idle.pop()?;
            if since.elapsed() > IDLE_LIMIT {
                idle.clear();
                return None;
            }
            if !sender.is_closed() {
                return Some(sender);
            }
        }
    }

    async fn send_on(
        &self,
        mut sender: SendRequest<Body>,
        request: Request<Body>,
    ) -> Result<Response<Body>, UpstreamError> {
        sender.ready().await.map_err(UpstreamError::Broken)?;
        let (request, sent) = watch_sending(request);
        let mut answering = std::pin::pin!(sender.send_request(request));
        // The time runs from when Django has the whole request: a long upload is not a slow answer.
        if let Some(sent) = sent {
            tokio::select! {
                answer = &mut answering => return Ok(self.received(answer.map_err(UpstreamError::Broken)?, sender)),
                _ = sent => {}
            }
        }
        match tokio::time::timeout(self.answer_timeout, answering).await {
            Ok(answer) => Ok(self.received(answer.map_err(UpstreamError::Broken)?, sender)),
            Err(_) => Err(UpstreamError::AnswerTimeout(self.answer_timeout)),
        }
    }

    fn received(&self, answer: Response<Incoming>, sender: SendRequest<Body>) -> Response<Body> {
        if answer.status() == hyper::StatusCode::SWITCHING_PROTOCOLS {
            // The connection is no longer ours to use.
            return answer.map(|_| Body::empty());
        }
        answer.map(|body| self.leased(body, sender))
    }

    fn leased(&self, body: Incoming, sender: SendRequest<Body>) -> Body {
        let lease = Lease { sender, pool: Arc::clone(&self.idle) };
        if body.is_end_stream() {
            lease.give_back();
            return Body::empty();
        }
        Body::Incoming(body, Some(lease))
    }
}

/// The receiver resolves when the body has gone out. None: there is no body.
fn watch_sending(request: Request<Body>) -> (Request<Body>, Option<oneshot::Receiver<()>>) {
    if request.body().is_end_stream() {
        return (request, None);
    }
    let (gone, sent) = oneshot::channel();
    (request.map(|body| Body::Watched(Box::new(body), gone)), Some(sent))
}

/// A request without a body, once more.
fn copy_head(request: &Request<Body>) -> Request<Body> {
    let mut copy = Request::new(Body::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http_body_util::{BodyExt, Full};
    use hyper::service::service_fn;

    use super::super::connect::Address;
    use super::*;

    /// hyper's server drops a body of a known length right after its last frame, and never asks for the end.
    #[tokio::test]
    async fn a_connection_goes_back_with_the_last_frame() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let django = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let service = service_fn(|_| async {
                    Ok::<_, Infallible>(Response::new(Full::<bytes::Bytes>::from("page")))
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        let connector = Connector::new(Address::Http { host: "127.0.0.1".to_owned(), port }, None).unwrap();
        let upstream = Upstream::new(connector, Duration::from_secs(5), Duration::from_secs(5));
        for _ in 0..5 {
            let mut answer = upstream.send(Request::new(Body::empty())).await.unwrap();
            let frame = answer.body_mut().frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), "page");
        }
        assert_eq!(accepted.load(Ordering::SeqCst), 1);
        django.abort();
    }
}
