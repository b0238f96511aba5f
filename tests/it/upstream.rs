//! A scripted Django for in-process tests, the proxy before it, and clients that see every byte.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use collab_proxy::config;
use collab_proxy::serve::Proxy;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) type Answer = Response<BoxBody<Bytes, std::io::Error>>;

pub(crate) fn full(text: impl Into<Bytes>) -> BoxBody<Bytes, std::io::Error> {
    Full::new(text.into()).map_err(|e| match e {}).boxed()
}

/// An upstream that answers as it is told, and counts.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<AtomicUsize>,
    /// Requests that may write.
    pub(crate) posts: Arc<AtomicUsize>,
    pub(crate) connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Upstream {
    pub(crate) async fn start<F, R>(answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, connections) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let posts = Arc::<AtomicUsize>::default();
        let (answer, counts) =
            (Arc::new(answer), (Arc::clone(&requests), Arc::clone(&connections), Arc::clone(&posts)));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counts.1.fetch_add(1, Ordering::SeqCst);
                let (answer, requests, open) =
                    (Arc::clone(&answer), Arc::clone(&counts.0), Arc::clone(&counts.1));
                let posts = Arc::clone(&counts.2);
                tokio::spawn(async move {
                    let service = service_fn(move |request: Request<Incoming>| {
                        requests.fetch_add(1, Ordering::SeqCst);
                        if request.method() == hyper::Method::POST {
                            posts.fetch_add(1, Ordering::SeqCst);
                        }
                        let answer = Arc::clone(&answer);
                        async move { Ok::<_, Infallible>(answer(request).await) }
                    });
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades();
                    let _ = connection.await;
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, requests, posts, connections, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn count_posts(&self) -> usize {
        self.posts.load(Ordering::SeqCst)
    }

    pub(crate) fn count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// An upstream of bytes: each connection gets the next script, `None` closes at once.
pub(crate) struct RawUpstream {
    pub(crate) address: SocketAddr,
    /// What each connection was sent, in order.
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for RawUpstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RawUpstream {
    /// Reads until `until` stands in what came, writes `answer`, and closes.
    pub(crate) async fn start(until: &'static str, answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let log = Arc::clone(&log);
                tokio::spawn(async move {
                    let got = read_until(&mut stream, until).await;
                    log.lock().unwrap().push(got);
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        Self { address, seen, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

pub(crate) async fn read_until(stream: &mut TcpStream, mark: &str) -> String {
    let mut got = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&got).contains(mark) {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(n) => got.extend_from_slice(&buffer[..n]),
        }
    }
    String::from_utf8_lossy(&got).into_owned()
}

/// The proxy in this process.
pub(crate) struct Front {
    pub(crate) address: String,
    /// Where health and metrics are told.
    pub(crate) operator: Option<String>,
    stop: watch::Sender<bool>,
    running: Option<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Front {
    pub(crate) async fn start(upstream: &str, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("collab.toml");
        let control = folder.path().join("control.sock");
        let text = format!(
            "listen = \"127.0.0.1:0\"\nupstream = \"{upstream}\"\ncontrol = \"{}\"\n{settings}",
            control.display()
        );
        std::fs::write(&file, text).unwrap();
        let settings = config::load(Some(&file), [], vec![]).unwrap_or_else(|e| panic!("{e}"));
        let proxy = Proxy::start(&settings).await.unwrap_or_else(|e| panic!("{e}"));
        let address = proxy.address().trim_start_matches("http://").to_owned();
        let operator = proxy.operator_address().map(|at| at.trim_start_matches("http://").to_owned());
        let (stop, stopped) = watch::channel(false);
        let running = Some(tokio::spawn(proxy.run(stopped)));
        Self { address, operator, stop, running, _folder: folder }
    }

    pub(crate) fn stop(&mut self) -> JoinHandle<()> {
        self.stop.send(true).unwrap();
        self.running.take().unwrap()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    /// GET of the operator's listener.
    pub(crate) async fn ask(&self, path: &str) -> String {
        let at = self.operator.as_deref().expect("the settings have an operator.listen");
        let stream = TcpStream::connect(at).await.unwrap();
        converse(stream, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
    }

    /// Sends bytes as they are, and reads until the proxy closes.
    pub(crate) async fn raw(&self, request: &str) -> String {
        converse(self.connect().await, request).await
    }

    /// GET with these header lines, each ending in CRLF.
    pub(crate) async fn get(&self, path: &str, headers: &str) -> String {
        self.raw(&format!("GET {path} HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n{headers}\r\n"))
            .await
    }

    pub(crate) async fn post(&self, path: &str, headers: &str, body: &str) -> String {
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        let length = body.len();
        self.raw(&format!(
            "POST {path} HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n{kind}Content-Length: {length}\r\n{headers}\r\n{body}"
        ))
        .await
    }
}

async fn converse(mut stream: TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut got = Vec::new();
    let reading = stream.read_to_end(&mut got);
    let _ = tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .expect("the proxy neither answers nor closes");
    String::from_utf8_lossy(&got).into_owned()
}

/// The status of a raw answer.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

/// The body of a raw answer that was not chunked.
pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// The value of a header of a raw answer.
pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap();
    head.lines()
        .skip(1)
        .filter_map(|l| l.split_once(':'))
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.trim())
}

/// The HTML of a raw answer, whether chunked or not.
pub(crate) fn html_of(answer: &str) -> String {
    let body = body(answer);
    if header(answer, "transfer-encoding").is_none() {
        return body.to_owned();
    }
    let (mut out, mut rest) = (String::new(), body);
    while let Some((size, tail)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        out.push_str(&tail[..size]);
        rest = tail[size..].trim_start_matches("\r\n");
        if size == 0 {
            break;
        }
    }
    out
}
