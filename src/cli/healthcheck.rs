//! `collab-proxy healthcheck`: is the proxy that these settings describe ready? For containers without a shell.
//!
//! Exit codes are those of a container's health check: 0 healthy, 1 not, for whatever reason.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::{Common, NOTHING, fail};
use crate::config::Listen;

#[derive(Args)]
pub(super) struct Healthcheck {
    #[command(flatten)]
    common: Common,
    /// The operator's listener, as `operator.listen` says it: host:port or unix:/path
    #[arg(long, value_name = "ADDRESS", help_heading = super::WHERE)]
    operator: Option<String>,
}

/// Docker gives a check 30 s, Kubernetes 1 s.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer is far shorter.
const LONGEST: u64 = 16 * 1024;

impl Healthcheck {
    pub(super) async fn run(self) -> ExitCode {
        let mut flags = Vec::new();
        flags.extend(self.operator.map(|v| ("operator.listen", v, "--operator")));
        let settings = match self.common.settings(flags) {
            Ok(settings) => settings,
            Err(problems) => return fail(NOTHING, &problems.to_string()),
        };
        let Some(listen) = settings.operator else {
            return fail(
                NOTHING,
                "operator.listen is empty, so nothing can be asked: set it to an address such as 127.0.0.1:9090, \
                 for `serve` and for `healthcheck` alike",
            );
        };
        match tokio::time::timeout(PATIENCE, ask(&listen)).await {
            Ok(Ok(answer)) if answer.status == 200 => fail(0, "ready"),
            Ok(Ok(answer)) => fail(NOTHING, &format!("not ready: {}", answer.what())),
            Ok(Err(error)) => fail(
                NOTHING,
                &format!(
                    "nothing answers at {listen}: {error}. Is the proxy running, with this operator.listen?"
                ),
            ),
            Err(_) => fail(
                NOTHING,
                &format!("the proxy at {listen} did not answer within {} s", PATIENCE.as_secs()),
            ),
        }
    }
}

struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    /// What the proxy says of itself.
    fn what(&self) -> String {
        let said = serde_json::from_str::<serde_json::Value>(&self.body);
        let message = said.ok().and_then(|body| Some(body.get("message")?.as_str()?.to_owned()));
        message.unwrap_or_else(|| {
            format!("it answered with status {}; is this the operator's listener?", self.status)
        })
    }
}

async fn ask(listen: &Listen) -> io::Result<Answer> {
    match listen {
        Listen::Unix(path) => talk(UnixStream::connect(path).await?).await,
        Listen::Tcp(address) => talk(TcpStream::connect(reachable(address)).await?).await,
        // Not for the operator's listener (config).
        Listen::Systemd => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Listening everywhere is no place to connect to.
fn reachable(address: &str) -> String {
    match address.rsplit_once(':') {
        Some(("0.0.0.0", port)) => format!("127.0.0.1:{port}"),
        Some(("[::]", port)) => format!("[::1]:{port}"),
        _ => address.to_owned(),
    }
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> io::Result<Answer> {
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut text = String::new();
    stream.take(LONGEST).read_to_string(&mut text).await?;
    let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
    let odd = || io::Error::new(io::ErrorKind::InvalidData, "what answers there does not speak HTTP");
    Ok(Answer { status: status.ok_or_else(odd)?, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_to_listen_on_is_made_one_to_connect_to() {
        for (listen, connect) in [
            ("0.0.0.0:9090", "127.0.0.1:9090"),
            ("[::]:9090", "[::1]:9090"),
            ("localhost:9090", "localhost:9090"),
        ] {
            assert_eq!(reachable(listen), connect);
        }
    }

    #[tokio::test]
    async fn what_does_not_speak_http_is_told_from_what_does() {
        for (said, want) in [
            ("HTTP/1.1 200 OK\r\n\r\n{\"ready\":true}", Some((200, true))),
            ("HTTP/1.1 503 X\r\n\r\n{\"message\":\"draining\"}", Some((503, false))),
            ("SSH-2.0-OpenSSH_9.2\r\n", None),
            ("", None),
        ] {
            let (near, mut far) = tokio::io::duplex(1024);
            far.write_all(said.as_bytes()).await.unwrap();
            far.shutdown().await.unwrap();
            let answer = talk(near).await;
            assert_eq!(answer.ok().map(|a| (a.status, a.body.contains("ready"))), want, "{said}");
        }
    }
}
