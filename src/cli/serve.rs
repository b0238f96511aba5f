//! `collab-proxy serve`.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{Common, UNREACHABLE, USAGE, fail, say};
use crate::serve::Proxy;

#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    common: Common,
    /// Where Django is: http://host:port, https://host:port or unix:/path [default: http://127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS")]
    upstream: Option<String>,
    /// The admin's root [default: admin]
    #[arg(long, value_name = "PATH")]
    admin_url: Option<String>,
    /// What is logged to standard error: error, warn, info, debug [default: info]
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
}

impl Serve {
    pub(super) async fn run(self) -> ExitCode {
        let mut flags = Vec::new();
        flags.extend(self.upstream.map(|v| ("upstream", v, "--upstream")));
        flags.extend(self.admin_url.map(|v| ("options.admin_url", v, "--admin-url")));
        flags.extend(self.log.map(|v| ("log", v, "--log")));
        let settings = match self.common.settings(flags) {
            Ok(settings) => settings,
            Err(problems) => return fail(USAGE, &problems.to_string()),
        };
        if let Err(what) = start_log(&settings.log) {
            return fail(USAGE, &format!("log: {what}"));
        }
        let proxy = match Proxy::start(&settings).await {
            Ok(proxy) => proxy,
            Err(what) => return fail(UNREACHABLE, &what),
        };
        let (stop, stopped) = watch::channel(false);
        if let Err(error) = stop_on_signals(stop) {
            return fail(UNREACHABLE, &format!("signals cannot be heard: {error}"));
        }
        say(&proxy.describe());
        say(&format!("READY {}", proxy.address()));
        proxy.run(stopped).await;
        ExitCode::SUCCESS
    }
}

/// SIGTERM and Ctrl-C drain; a second one ends at once.
fn stop_on_signals(stop: watch::Sender<bool>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: running requests may end, no new ones are taken");
        let _ = stop.send(true);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(130);
    });
    Ok(())
}

fn start_log(filter: &str) -> Result<(), String> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter).map_err(|e| e.to_string())?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    Ok(())
}
