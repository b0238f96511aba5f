//! The control socket: how `collab-proxy locks` reaches a running proxy with the embedded store.
//!
//! One line of JSON in, one line out, on a unix socket that only the same user can open.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::operator::{self, Answer, Ask, Via};
use crate::server::remove_stale;
use crate::socket::hub::Hub;
use crate::state;

const PATIENCE: Duration = Duration::from_secs(10);
const LINE_LIMIT: u64 = 64 * 1024;

/// The listening end; its file goes with it.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    pub async fn bind(path: &Path) -> io::Result<Self> {
        state::folder_of(path)?;
        remove_stale(path).await?;
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Answers operators until it is dropped.
    pub async fn serve(self, hub: Arc<Hub>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let hub = Arc::clone(&hub);
                    tokio::spawn(tokio::time::timeout(PATIENCE, async move { talk(&hub, stream).await }));
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn talk(hub: &Arc<Hub>, stream: UnixStream) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(LINE_LIMIT)).read_line(&mut line).await?;
    let answer = match serde_json::from_str::<Ask>(&line) {
        Ok(ask) => operator::answer(Via::Hub(hub), &ask).await,
        Err(error) => Answer::Failed { message: format!("the proxy does not understand this: {error}") },
    };
    let mut text = serde_json::to_string(&answer).unwrap_or_default();
    text.push('\n');
    write.write_all(text.as_bytes()).await
}

/// Asks the proxy behind `path`. The error says what an operator can do. `named`: by themselves.
pub async fn ask(path: &Path, named: bool, ask: &Ask) -> Result<Answer, String> {
    let stream = UnixStream::connect(path).await.map_err(|e| match e.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => nobody(path, named),
        io::ErrorKind::PermissionDenied => {
            format!("{} belongs to another user; run this as the user that runs the proxy", path.display())
        }
        _ => format!("{}: {e}", path.display()),
    })?;
    let talk = async {
        let (read, mut write) = stream.into_split();
        let mut text = serde_json::to_string(ask).unwrap_or_default();
        text.push('\n');
        write.write_all(text.as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(read).read_line(&mut line).await?;
        Ok::<_, io::Error>(line)
    };
    let line = match tokio::time::timeout(PATIENCE, talk).await {
        Ok(line) => line.map_err(|e| format!("{}: {e}", path.display()))?,
        Err(_) => {
            return Err(format!("the proxy did not answer within {} s", PATIENCE.as_secs()));
        }
    };
    serde_json::from_str(&line)
        .map_err(|e| format!("the proxy's answer cannot be read (another version?): {e}"))
}

fn nobody(path: &Path, named: bool) -> String {
    let path = path.display();
    if named {
        return format!("nothing answers at {path}: no proxy is running with this control socket");
    }
    let folder = match std::env::var("XDG_RUNTIME_DIR") {
        Ok(folder) if !folder.is_empty() => format!("is {folder} here"),
        _ => "is not set here".to_owned(),
    };
    format!(
        "no proxy is running here (nothing answers at {path}). Give the same --config or --listen as `serve` was given, or \
         its control socket by --control, as the user that serves or root; for locks in Redis, give --redis. Where the \
         socket lies also hangs on XDG_RUNTIME_DIR, which {folder}, and may be another for `serve`."
    )
}
