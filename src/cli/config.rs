//! `collab-proxy config`: what holds, and what there is to set.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::style::{Style, Tone, printable};
use super::{Common, Site, USAGE, fail, print_json, say};
use crate::config::{self, Origin, Shown};

#[derive(Subcommand)]
pub(super) enum Config {
    /// Show every setting, its value, and where it comes from. Secrets are masked.
    Show(Show),
    /// Print every setting with its default and what it means: a collab.toml to begin with.
    Defaults,
}

#[derive(Args)]
#[command(after_help = super::EXIT_CODES)]
pub(super) struct Show {
    /// Only what differs from the defaults
    #[arg(long)]
    changed: bool,
    /// What people are told, too: some hundred texts, of which only changed ones are shown otherwise
    #[arg(long)]
    all: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    site: Site,
    #[command(flatten)]
    common: Common,
}

impl Config {
    pub(super) fn run(self) -> ExitCode {
        match self {
            Self::Show(verb) => verb.run(),
            Self::Defaults => {
                say(config::DEFAULTS.trim_end());
                ExitCode::SUCCESS
            }
        }
    }
}

impl Show {
    fn run(self) -> ExitCode {
        let flags = self.common.flags(self.site.flags());
        let mut settings = match config::show(self.common.config.as_deref(), std::env::vars(), flags) {
            Ok(settings) => settings,
            Err(problems) => return fail(USAGE, &problems.to_string()),
        };
        settings.retain(|s| s.changed || !self.changed && (self.all || !s.is_text));
        if self.json {
            return print_json(&settings);
        }
        match settings.is_empty() {
            true => say("Every setting has its default."),
            false => say(&text(&settings, Style::of_stdout())),
        }
        ExitCode::SUCCESS
    }
}

/// Origins begin in this column, where there is room.
const ORIGIN: usize = 48;

/// TOML, as it could stand in a file, each with where it comes from behind it.
fn text(settings: &[Shown], style: Style) -> String {
    let line = |setting: &Shown| {
        let said = format!("{} = {}", printable(&setting.key), toml(&setting.value));
        let gap = ORIGIN.saturating_sub(said.width());
        let masked = if setting.masked { ", masked" } else { "" };
        let origin = format!("# {}{masked}", printable(&setting.origin.to_string()));
        let tone = match (&setting.origin, setting.changed) {
            (Origin::Default { .. }, _) => Tone::Dim,
            (_, true) => Tone::Good,
            (_, false) => Tone::Plain,
        };
        format!("{said}{:gap$}  {}", "", style.paint(tone, &origin))
    };
    settings.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn toml(value: &Value) -> String {
    match value {
        Value::String(text) => toml::Value::String(text.clone()).to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
