//! `make bench`: what the proxy costs, from one run. `bench/README.md` says what is measured and how to read it.
//!
//! Starts everything it measures on loopback, on free ports, and ends it; bounded in time.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

mod admin;
mod claims;
mod form;
mod forward;
mod http;
mod page;
mod process;
mod saves;
mod sockets;
mod stats;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// The whole run; a hanging part is an error, not a wait.
const LIMIT: Duration = Duration::from_secs(8 * 60);
/// The program under measurement; PROXY_BIN names another, to compare two builds.
pub(crate) fn proxy_bin() -> String {
    std::env::var("PROXY_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_collab-proxy").to_owned())
}

const PARTS: [&str; 5] = ["forward", "form", "sockets", "saves", "claims"];

/// The repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo adds its own `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    if let Some(odd) = wanted.iter().find(|w| !PARTS.contains(&w.as_str())) {
        eprintln!("there is no part {odd:?}; there are: {}", PARTS.join(" "));
        return ExitCode::from(2);
    }
    // Dropping the work ends the processes that it started.
    let ended = tokio::select! {
        ended = tokio::time::timeout(LIMIT, measure(&wanted)) => ended,
        _ = tokio::signal::ctrl_c() => return ExitCode::from(130),
    };
    match ended {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
        Err(_) => {
            eprintln!("bench: not done within {} minutes", LIMIT.as_secs() / 60);
            ExitCode::FAILURE
        }
    }
}

async fn measure(wanted: &[String]) -> Result<(), Error> {
    let scratch = tempfile::tempdir()?;
    stats::print_machine();
    for part in PARTS {
        if !wanted.is_empty() && !wanted.iter().any(|w| w == part) {
            continue;
        }
        let dir = scratch.path().join(part);
        std::fs::create_dir(&dir)?;
        run(part, &dir).await.map_err(|e| format!("{part}: {e}"))?;
    }
    Ok(())
}

async fn run(part: &str, dir: &Path) -> Result<(), Error> {
    match part {
        "forward" => forward::run(dir).await,
        "form" => form::run(dir).await,
        "sockets" => sockets::run(dir).await,
        "saves" => saves::run(dir).await,
        _ => claims::run(dir).await,
    }
}
