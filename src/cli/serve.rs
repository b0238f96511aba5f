//! `collab-proxy serve`.

use std::process::ExitCode;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{Common, UNREACHABLE, USAGE, fail, say, say_aside};
use crate::audit;
use crate::config::{Problems, Said, Settings};
use crate::logs::{self, Log};
use crate::notify;
use crate::reload::Reload;
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
    /// How it is logged: text, or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

impl Serve {
    pub(super) async fn run(self) -> ExitCode {
        let mut flags = Vec::new();
        flags.extend(self.upstream.map(|v| ("upstream", v, "--upstream")));
        flags.extend(self.admin_url.map(|v| ("options.admin_url", v, "--admin-url")));
        flags.extend(self.log.map(|v| ("log", v, "--log")));
        flags.extend(self.log_format.map(|v| ("log_format", v, "--log-format")));
        let mut common = self.common;
        let mut settings_now = move || {
            common.keep_file();
            common.settings(flags.clone())
        };
        let settings = match settings_now() {
            Ok(settings) => settings,
            Err(problems) => return fail(USAGE, &problems.to_string()),
        };
        let log = match logs::start(&settings.log, settings.log_format) {
            Ok(log) => log,
            Err(what) => return fail(USAGE, &format!("log: {what}")),
        };
        for forgotten in &settings.forgotten {
            tracing::warn!("{forgotten}");
        }
        let mut proxy = match Proxy::start(&settings).await {
            Ok(proxy) => proxy,
            Err(what) => return fail(UNREACHABLE, &what),
        };
        let (stop, stopped) = watch::channel(false);
        let heard = stop_on_signals(stop).and_then(|()| match proxy.reloader() {
            Some(reload) => reload_on_signal(reload, log, settings.said.clone(), settings_now),
            None => Ok(()),
        });
        if let Err(error) = heard {
            return fail(UNREACHABLE, &format!("signals cannot be heard: {error}"));
        }
        // Whoever reads the trail from standard output reads nothing else there.
        let trail_only = settings.audit == Some(audit::Target::Stdout);
        let say = if trail_only { say_aside } else { say };
        say(&proxy.describe());
        say(&format!("READY {}", proxy.address()));
        proxy.log_start();
        notify::tell("READY=1");
        if let Some(every) = notify::watchdog() {
            tokio::spawn(async move {
                loop {
                    notify::tell("WATCHDOG=1");
                    tokio::time::sleep(every).await;
                }
            });
        }
        proxy.run(stopped).await;
        tracing::info!("collab-proxy has ended");
        ExitCode::SUCCESS
    }
}

/// So many settings that have changed are named in the log.
const NAMED: usize = 12;

/// SIGTERM and Ctrl-C drain; a second one ends at once.
fn stop_on_signals(stop: watch::Sender<bool>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        notify::tell("STOPPING=1");
        let _ = stop.send(true);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(130);
    });
    Ok(())
}

/// SIGHUP reads the settings anew, from the same file, environment and flags. With a mistake in them nothing changes, and
/// that the file is gone is one.
fn reload_on_signal(
    reload: Reload,
    log: Log,
    mut said: Said,
    mut again: impl FnMut() -> Result<Settings, Problems> + Send + 'static,
) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            notify::tell(&notify::reloading());
            let taken = take(&reload, &log, again()).await;
            reload.note(taken.is_ok());
            match taken {
                Ok((left, now)) => {
                    let changed = changed(&said.differing(&now));
                    said = now;
                    match left.is_empty() {
                        true => tracing::info!(%changed, "the settings are read anew and hold from now on"),
                        false => tracing::warn!(
                            %changed,
                            "the settings are read anew and hold from now on, but for {}",
                            after_restart(&left)
                        ),
                    }
                }
                Err(what) => tracing::error!("the old settings go on: {what}"),
            }
            notify::tell("READY=1");
        }
    });
    Ok(())
}

/// `listen: it takes a restart`, `listen; secret: these take a restart`. A name can have commas of its own.
fn after_restart(names: &[&str]) -> String {
    let take = if names.len() == 1 { "it takes" } else { "these take" };
    format!("{}: {take} a restart", names.join("; "))
}

/// Hundreds of texts can change at once.
fn changed(names: &[&str]) -> String {
    match names {
        // What a file of its own holds, a password or a certificate, may be another all the same.
        [] => "no setting".to_owned(),
        _ if names.len() <= NAMED => names.join(" "),
        _ => format!("{} and {} more", names[..NAMED].join(" "), names.len() - NAMED),
    }
}

/// All of them, or none. Gives the names of those that take a restart, and all that is said now.
async fn take(
    reload: &Reload,
    log: &Log,
    settings: Result<Settings, Problems>,
) -> Result<(Vec<&'static str>, Said), String> {
    let settings = settings.map_err(|problems| problems.to_string())?;
    let left = reload.take(&settings).await?;
    log.set(&settings.log)?;
    Ok((left, settings.said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_changed_is_named_within_bounds() {
        assert_eq!(changed(&[]), "no setting");
        assert_eq!(changed(&["lock.lease", "log"]), "lock.lease log");
        assert!(changed(&["t"; NAMED + 3]).ends_with("t t and 3 more"));
    }

    #[test]
    fn what_takes_a_restart_is_said_in_a_sentence() {
        assert_eq!(after_restart(&["listen"]), "listen: it takes a restart");
        assert_eq!(after_restart(&["listen", "secret"]), "listen; secret: these take a restart");
    }
}
