//! Listening: connections in, limits, and an orderly end.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::config::Listen;
use crate::flow;
use crate::http::headers::Peer;

/// The largest head of a request.
const HEAD_LIMIT: usize = 64 * 1024;

pub enum Listener {
    Tcp(TcpListener),
    /// A path is this process's own, and goes with it.
    Unix(UnixListener, Option<PathBuf>),
}

/// What is served, and how. A reload puts another in its place.
pub struct Site {
    pub app: Arc<App>,
    pub limits: Limits,
}

/// How connections are treated.
pub struct Limits {
    pub header_timeout: Duration,
    /// Still served after the stop was asked for, while the operator's listener says that this proxy is leaving.
    pub drain_delay: Duration,
    pub drain_timeout: Duration,
    pub max_connections: usize,
    pub trusted: Vec<IpNet>,
}

impl Listener {
    pub async fn bind(listen: &Listen) -> io::Result<Self> {
        match listen {
            Listen::Tcp(address) => Ok(Self::Tcp(TcpListener::bind(address).await?)),
            Listen::Unix(path) => {
                remove_stale(path).await?;
                Ok(Self::Unix(UnixListener::bind(path)?, Some(path.clone())))
            }
            Listen::Systemd => Self::inherited(),
        }
    }

    /// The socket that systemd holds and hands over: `sd_listen_fds(3)`. It outlives this process, so that nobody is turned
    /// away while the next one starts.
    fn inherited() -> io::Result<Self> {
        let mut handed = listenfd::ListenFd::from_env();
        let none =
            || io::Error::new(io::ErrorKind::NotFound, "systemd has handed over no socket (LISTEN_FDS)");
        if handed.len() > 1 {
            let why = format!("systemd has handed over {} sockets; one is expected", handed.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        if let Ok(Some(tcp)) = handed.take_tcp_listener(0) {
            tcp.set_nonblocking(true)?;
            return Ok(Self::Tcp(TcpListener::from_std(tcp)?));
        }
        let unix = handed.take_unix_listener(0)?.ok_or_else(none)?;
        unix.set_nonblocking(true)?;
        Ok(Self::Unix(UnixListener::from_std(unix)?, None))
    }

    /// As a person would type it; with the real port where 0 was asked for.
    pub fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => format!("http://{address}"),
                Err(error) => error.to_string(),
            },
            Self::Unix(_, Some(path)) => format!("unix:{}", path.display()),
            Self::Unix(listener, None) => {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(|a| a.as_pathname()).map(|p| p.display().to_string());
                format!("unix:{}", path.unwrap_or_default())
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, Some(path)) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A socket file that nobody listens on is left over from a crash; one that answers is in use.
pub async fn remove_stale(path: &std::path::Path) -> io::Result<()> {
    match std::fs::metadata(path) {
        Ok(found) if found.file_type().is_socket() => {
            if tokio::net::UnixStream::connect(path).await.is_ok() {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there"));
            }
            std::fs::remove_file(path)
        }
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is a file of this name that is no socket",
        )),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

/// Serves until `stop` turns true, and a while longer if the settings say so; then lets what runs come to its end.
pub async fn run(site: watch::Receiver<Arc<Site>>, listener: Listener, stop: watch::Receiver<bool>) {
    let (end, ending) = watch::channel(false);
    let mut leaving = std::pin::pin!(leave(&site, stop));
    let connections = TaskTracker::new();
    let (taken, mut places) = watch::channel(0);
    loop {
        tokio::select! {
            () = is_room(&mut places, site.clone()) => {}
            () = &mut leaving => break,
        }
        let accepted = tokio::select! {
            accepted = accept(&site, &listener, &ending) => accepted,
            () = &mut leaving => break,
        };
        match accepted {
            Ok(serving) => {
                let place = Place::take(&taken);
                connections.spawn(async move {
                    serving.await;
                    drop(place);
                });
            }
            Err(error) => {
                // Too many open files, mostly: wait a little instead of spinning, and go on.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    end.send_replace(true);
    drop(listener);
    let last = Arc::clone(&site.borrow());
    let Site { app, limits } = &*last;
    app.hub.drain();
    connections.close();
    app.tasks.close();
    let ended = async {
        connections.wait().await;
        app.tasks.wait().await;
    };
    if tokio::time::timeout(limits.drain_timeout, ended).await.is_err() {
        tracing::warn!(left = connections.len(), "some requests did not end in time and are cut off");
    }
}

/// One connection of those that there may be.
struct Place(watch::Sender<usize>);

impl Place {
    fn take(taken: &watch::Sender<usize>) -> Self {
        taken.send_modify(|taken| *taken += 1);
        Self(taken.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.send_modify(|taken| *taken -= 1);
    }
}

/// Resolves when there are fewer connections than the settings allow. They may change meanwhile.
async fn is_room(taken: &mut watch::Receiver<usize>, mut site: watch::Receiver<Arc<Site>>) {
    while *taken.borrow_and_update() >= site.borrow_and_update().limits.max_connections {
        tokio::select! {
            _ = taken.changed() => {}
            Ok(()) = site.changed() => {}
        }
    }
}

/// Resolves when no connections are taken any more. Before that, whoever sends people here can see that they should go
/// elsewhere (`/readyz`), and has the time to.
async fn leave(site: &watch::Receiver<Arc<Site>>, mut stop: watch::Receiver<bool>) {
    stopped(&mut stop).await;
    let delay = site.borrow().limits.drain_delay;
    site.borrow().app.leaving.store(true, Ordering::Relaxed);
    if !delay.is_zero() {
        tracing::info!(?delay, "leaving: not ready any more, and serving on for a while");
        tokio::time::sleep(delay).await;
    }
    tracing::info!("stopping: running requests may end, no new ones are taken");
}

/// Resolves when the proxy is to stop, or whoever would say so is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

type Serving = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

async fn accept(
    sites: &watch::Receiver<Arc<Site>>,
    listener: &Listener,
    stop: &watch::Receiver<bool>,
) -> io::Result<Serving> {
    let (sites, stop) = (sites.clone(), stop.clone());
    match listener {
        Listener::Tcp(listener) => {
            let (stream, address) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let site = Arc::clone(&sites.borrow());
            let limits = &site.limits;
            let ip = address.ip().to_canonical();
            let peer = Peer { ip: Some(ip), trusted: is_trusted(&limits.trusted, ip) };
            Ok(Box::pin(serve(sites, TokioIo::new(stream), peer, limits.header_timeout, stop)))
        }
        Listener::Unix(listener, _) => {
            let (stream, _) = listener.accept().await?;
            let peer = Peer { ip: None, trusted: true };
            let header_timeout = sites.borrow().limits.header_timeout;
            Ok(Box::pin(serve(sites, TokioIo::new(stream), peer, header_timeout, stop)))
        }
    }
}

fn is_trusted(trusted: &[IpNet], ip: IpAddr) -> bool {
    trusted.iter().any(|net| net.contains(&ip))
}

async fn serve<S>(
    sites: watch::Receiver<Arc<Site>>,
    stream: TokioIo<S>,
    peer: Peer,
    header_timeout: Duration,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let app = Arc::clone(&sites.borrow().app);
        async move {
            let leaving = Arc::clone(&app.leaving);
            let mut answer = flow::handle(app, peer, request).await;
            // Closed after an answer nobody sends the next request into it, as somebody might into one that closes idle.
            if leaving.load(Ordering::Relaxed) && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            // Without a timer hyper's own limits are silently off.
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .max_buf_size(HEAD_LIMIT)
            .serve_connection(stream, service)
            .with_upgrades()
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}
