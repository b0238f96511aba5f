//! `collab-proxy locks list`.

use std::process::ExitCode;

use clap::Args;

use super::super::style::Style;
use super::super::{Common, UNREACHABLE, fail, print_json, say};
use super::narrow::Narrow;
use super::{Place, Wants, table, watch};

#[derive(Args)]
#[command(after_help = super::super::EXIT_CODES)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    narrow: Narrow,
    /// As JSON, times in milliseconds since 1970; with --watch one line a change
    #[arg(long)]
    json: bool,
    /// Go on until Ctrl-C: in place on a terminal, else a new block whenever something changes
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    common: Common,
}

impl List {
    pub(super) async fn run(self) -> ExitCode {
        let place = match Place::open(&self.common, Wants::Look).await {
            Ok(place) => place,
            Err(failed) => return failed,
        };
        let (mut locks, now) = match place.list().await {
            Ok(found) => found,
            Err(why) => return fail(UNREACHABLE, &why),
        };
        if self.watch {
            return watch::run(&place, &self.narrow, self.json).await;
        }
        locks.retain(|lock| self.narrow.keeps(lock, now));
        if self.json {
            return print_json(&locks);
        }
        match locks.is_empty() {
            true => say(self.narrow.nothing()),
            false => say(&table::text(&locks, now, Style::of_stdout())),
        }
        ExitCode::SUCCESS
    }
}
