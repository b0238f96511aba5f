//! `collab-proxy check`: the settings, Django behind, Redis beside, and what stands in front.
//!
//! Owns the order. Nothing is changed by it, but for one key in Redis that is written, read and deleted.

mod admin;
mod django;
mod front;
mod redis;
mod report;
mod sign_in;
mod through;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::style::Style;
use super::{Common, Site, print_json, say};
use crate::audit;
use crate::config::{Listen, Settings};
use report::{Finding, Report};
use through::Outer;

/// Nothing of what is asked here may take longer.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Args)]
#[command(after_help = "\
Exit codes: 0 nothing failed (there may be warnings); 1 something failed; 2 a wrong call.")]
pub(super) struct Check {
    /// Also go through what stands in front of the running proxy: the address that people open,
    /// https://shop.example.org
    #[arg(long, value_name = "URL", value_parser = Outer::parse)]
    through: Option<Outer>,
    /// The name that people open the site by [default: that of --through, else of --listen]
    #[arg(long, value_name = "HOST", conflicts_with = "through")]
    host: Option<String>,
    /// Read the settings, and connect to nothing
    #[arg(long, conflicts_with_all = ["through", "host"])]
    config_only: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    site: Site,
    #[command(flatten)]
    common: Common,
}

impl Check {
    pub(super) async fn run(self) -> ExitCode {
        let report = Report::new(self.findings().await);
        if self.json {
            print_json(&report);
        } else {
            say(&report.text(Style::of_stdout()));
        }
        report.code()
    }

    async fn findings(&self) -> Vec<Finding> {
        let settings = match self.common.settings(self.site.flags()) {
            Ok(settings) => settings,
            Err(problems) => {
                let advice = "Mend it there; `collab-proxy config defaults` describes every setting.";
                let all = problems.0.iter().map(|p| Finding::fail("settings", p.to_string(), advice));
                return all.collect();
            }
        };
        let mut findings = vec![Finding::ok("settings", "all of them can be used")];
        let advice = "It works as it is, if that is what you mean; `collab-proxy config defaults` describes every setting.";
        findings.extend(settings.forgotten.iter().map(|what| Finding::warn("settings", what, advice)));
        if self.config_only {
            return findings;
        }
        findings.extend(trail(&settings));
        let seen_as = self.seen_as(&settings);
        findings.extend(django::findings(&settings, &seen_as).await);
        findings.push(redis::finding(&settings).await);
        if let Some(outer) = &self.through {
            findings.extend(front::findings(outer, &settings).await);
            findings.push(through::finding(outer, &settings).await);
        }
        findings
    }

    fn seen_as(&self, settings: &Settings) -> SeenAs {
        if let Some(outer) = &self.through {
            return SeenAs { host: outer.host(), https: outer.is_https(), is_guess: false };
        }
        let guess = || match &settings.listen {
            Listen::Tcp(address) => address.clone(),
            Listen::Unix(_) | Listen::Systemd => "localhost".to_owned(),
        };
        SeenAs { host: self.host.clone().unwrap_or_else(guess), https: false, is_guess: self.host.is_none() }
    }
}

/// An audit trail that `serve` could not begin. Nothing is made by looking: whether a file that is not there yet may be made
/// is left to the start.
fn trail(settings: &Settings) -> Option<Finding> {
    let Some(audit::Target::File(path)) = &settings.audit else { return None };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let why = match std::fs::OpenOptions::new().append(true).open(path) {
        Ok(_) => return None,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && folder.is_dir() => return None,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => format!("{}: {e}", folder.display()),
        Err(e) => format!("{}: {e}", path.display()),
    };
    let advice = "Make its folder, where the user that serves may write: audit.file in the settings.";
    Some(Finding::fail("audit trail", format!("it cannot be written: {why}"), advice))
}

/// How people's browsers address the site.
pub(super) struct SeenAs {
    host: String,
    https: bool,
    /// Nobody said so.
    is_guess: bool,
}
