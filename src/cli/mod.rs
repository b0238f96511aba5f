//! The command line: one file a verb.
//!
//! Owns the words and the exit codes, and what every verb can be told.

mod check;
mod config;
mod healthcheck;
mod locks;
mod serve;
mod shells;
#[cfg(test)]
pub(crate) mod snapshot;
mod style;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{FILE, Flags, Problems, Settings, load};

pub(crate) const NOTHING: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const UNREACHABLE: u8 = 3;

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 nothing to do, or nothing found; 2 a wrong call or wrong settings; 3 no proxy is running, or \
Redis cannot be reached.";

/// The heading above the flags that many verbs have.
const WHERE: &str = "Where";

/// Gives a Django admin edit locks and real-time collaboration, with no change in Django.
#[derive(Parser)]
#[command(version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the proxy in front of Django.
    #[command(after_help = "\
Exit codes: 0 stopped by a signal; 2 a wrong call or wrong settings; 3 it cannot listen, or Redis cannot be reached.")]
    Serve(serve::Serve),
    /// Ask a running proxy whether it is ready; for containers.
    #[command(after_help = "Exit codes: 0 ready; 1 not, for whatever reason.")]
    Healthcheck(healthcheck::Healthcheck),
    /// See and free edit locks.
    #[command(subcommand)]
    Locks(locks::Locks),
    /// Find out what works, what does not, and what to do about it.
    Check(check::Check),
    /// See the settings as they hold.
    #[command(subcommand)]
    Config(config::Config),
    /// Print a script that completes commands in a shell.
    Completions(shells::Completions),
    /// Print a manual page.
    Man(shells::Man),
}

/// What every verb can be told.
#[derive(Args)]
struct Common {
    /// The settings' file [default: collab.toml in this folder, if it is there]
    #[arg(long, env = "COLLAB_CONFIG", value_name = "FILE", help_heading = WHERE)]
    config: Option<PathBuf>,
    /// Where browsers connect: host:port or unix:/path [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", help_heading = WHERE)]
    listen: Option<String>,
    /// Keep locks in this Redis: redis://host:6379/0 [default: in the process]
    #[arg(long, value_name = "URL", help_heading = WHERE)]
    redis: Option<String>,
    /// The control socket of a proxy with the embedded store [default: by --listen]
    #[arg(long, value_name = "PATH", help_heading = WHERE)]
    control: Option<String>,
}

/// What `serve` can be told of the site behind it, for who looks at that.
#[derive(Args)]
struct Site {
    /// Where Django is: http://host:port, https://host:port or unix:/path [default: http://127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS", help_heading = WHERE)]
    upstream: Option<String>,
    /// The admin's root [default: admin]
    #[arg(long, value_name = "PATH", help_heading = WHERE)]
    admin_url: Option<String>,
}

impl Site {
    fn flags(&self) -> Flags {
        let mut flags = Flags::new();
        flags.extend(self.upstream.clone().map(|v| ("upstream", v, "--upstream")));
        flags.extend(self.admin_url.clone().map(|v| ("options.admin_url", v, "--admin-url")));
        flags
    }
}

impl Common {
    fn flags(&self, more: Flags) -> Flags {
        let mut flags = more;
        flags.extend(self.listen.clone().map(|v| ("listen", v, "--listen")));
        flags.extend(self.control.clone().map(|v| ("control", v, "--control")));
        if let Some(url) = &self.redis {
            flags.push(("options.redis_url", url.clone(), "--redis"));
            flags.push(("store", "redis".to_owned(), "--redis"));
        }
        flags
    }

    /// From now on the file of this folder must be there, if it is: one that is away for a moment, while somebody
    /// writes it anew, must not turn a running site's settings into the defaults.
    fn keep_file(&mut self) {
        let here = Path::new(FILE);
        if self.config.is_none() && here.try_exists().unwrap_or(true) {
            self.config = Some(here.to_owned());
        }
    }

    fn settings(&self, more: Flags) -> Result<Settings, Problems> {
        load(self.config.as_deref(), std::env::vars(), self.flags(more))
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
            Verb::Check(verb) => verb.run().await,
            Verb::Config(verb) => verb.run(),
            Verb::Completions(verb) => verb.run(),
            Verb::Man(verb) => verb.run(),
        }
    })
}

/// Says what went wrong, on standard error.
fn fail(code: u8, message: &str) -> ExitCode {
    note(message);
    ExitCode::from(code)
}

/// Where standard output is for something else.
fn say_aside(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn note(message: &str) {
    let _ = writeln!(std::io::stderr(), "collab-proxy: {message}");
}

/// A reader that went away (`| head`) is no error.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
    let _ = std::io::stdout().flush();
}

fn print_json(value: &impl serde::Serialize) -> ExitCode {
    say(&serde_json::to_string_pretty(value).unwrap_or_default());
    ExitCode::SUCCESS
}
