//! The command line: one file a verb. Exit codes: 0 done, 1 nothing to do, 2 a wrong call or wrong settings,
//! 3 something needed cannot be reached.

mod healthcheck;
mod locks;
mod serve;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{self, Flags, Settings};

pub(crate) const NOTHING: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const UNREACHABLE: u8 = 3;

/// Gives a Django admin edit locks and real-time collaboration, with no change in Django.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the proxy in front of Django.
    Serve(serve::Serve),
    /// Ask a running proxy whether it is ready: exit code 0 or 1, for containers.
    Healthcheck(healthcheck::Healthcheck),
    /// See and free edit locks.
    #[command(subcommand)]
    Locks(locks::Locks),
}

/// What every verb can be told.
#[derive(Args)]
struct Common {
    /// The settings' file [default: collab.toml in this folder, if it is there]
    #[arg(long, env = "COLLAB_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where browsers connect: host:port or unix:/path [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Keep locks in this Redis: redis://host:6379/0 [default: in the process]
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// The control socket of a proxy with the embedded store [default: by --listen]
    #[arg(long, value_name = "PATH")]
    control: Option<String>,
}

impl Common {
    fn settings(&self, more: Flags) -> Result<Settings, config::Problems> {
        let mut flags = more;
        flags.extend(self.listen.clone().map(|v| ("listen", v, "--listen")));
        flags.extend(self.control.clone().map(|v| ("control", v, "--control")));
        if let Some(url) = &self.redis {
            flags.push(("options.redis_url", url.clone(), "--redis"));
            flags.push(("store", "redis".to_owned(), "--redis"));
        }
        config::load(self.config.as_deref(), std::env::vars(), flags)
    }
}

pub fn main() -> ExitCode {
    // Wrong calls end here, with clap's own words and exit code 2.
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(UNREACHABLE, &format!("the runtime cannot start: {error}")),
    };
    runtime.block_on(async {
        match cli.verb {
            Verb::Serve(verb) => verb.run().await,
            Verb::Healthcheck(verb) => verb.run().await,
            Verb::Locks(verb) => verb.run().await,
        }
    })
}

/// Says what went wrong, on standard error.
fn fail(code: u8, message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "collab-proxy: {message}");
    ExitCode::from(code)
}

/// Where standard output is for something else.
fn say_aside(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A reader that went away (`| head`) is no error.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
    let _ = std::io::stdout().flush();
}
