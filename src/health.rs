//! The operator's own listener: is the proxy alive, should it be sent people, and what has it counted.
//!
//! Owns `/livez`, `/readyz` and `/metrics`. On an address of its own, since nobody who browses the site has any business
//! with it; it answers as long as the process lives, also while the proxy is leaving.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::http::body::Body;
use crate::metrics::Page;
use crate::server::Listener;

/// Probes and scrapers are few, and quick.
const CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers until it is dropped.
pub async fn serve(app: Arc<App>, listener: Listener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let app = Arc::clone(&app);
        let accepted = match &listener {
            Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| talk(app, stream)),
            Listener::Unix(listener, _) => {
                let accepted: io::Result<_> = listener.accept().await;
                accepted.map(|(stream, _)| talk(app, stream))
            }
        };
        match accepted {
            Ok(talking) => {
                tokio::spawn(async move {
                    talking.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the operator's listener could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

type Talking = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

fn talk<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(app: Arc<App>, stream: S) -> Talking {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer(&app, request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(answer) }
    });
    Box::pin(async move {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // Also how long a scraper's connection may be idle.
            .header_read_timeout(PATIENCE)
            .keep_alive(true)
            .serve_connection(TokioIo::new(stream), service);
        let _ = connection.await;
    })
}

fn answer(app: &App, method: &Method, path: &str) -> Response<Body> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        "/livez" => plain(StatusCode::OK, "alive\n"),
        "/readyz" => ready(app),
        "/metrics" => respond(StatusCode::OK, Page::CONTENT_TYPE, app.metrics.page(app.hub.count())),
        _ => plain(StatusCode::NOT_FOUND, "here are /livez, /readyz and /metrics\n"),
    }
}

/// Should people be sent here? Django's own health is not asked: a page that says that the site is not running comes
/// from every proxy alike.
fn ready(app: &App) -> Response<Body> {
    let (reason, message) = if app.leaving.load(Ordering::Relaxed) {
        ("draining", "the proxy is being stopped".to_owned())
    } else if let Some(trouble) = app.hub.store().trouble() {
        ("store_down", trouble)
    } else {
        return respond(StatusCode::OK, "application/json", "{\"ready\":true}\n".to_owned());
    };
    let text = serde_json::json!({"ready": false, "reason": reason, "message": message});
    respond(StatusCode::SERVICE_UNAVAILABLE, "application/json", format!("{text}\n"))
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    respond(status, "text/plain; charset=utf-8", text.to_owned())
}

fn respond(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut answer = Response::new(Body::bytes(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
