//! `collab-proxy locks list` and `collab-proxy locks release`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Common, NOTHING, UNREACHABLE, USAGE, fail, say};
use crate::collab::record::{Millis, NodeId};
use crate::control;
use crate::django::object::ObjectKey;
use crate::ids;
use crate::operator::{self, Answer, Ask, Lock, Via, Which};
use crate::reply::ago;
use crate::serve::open_store;

#[derive(Subcommand)]
pub(super) enum Locks {
    /// List who edits what.
    List(List),
    /// Free a lock. Its editor is told at once, and keeps what they typed.
    Release(Release),
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    common: Common,
    /// As JSON, times in milliseconds since 1970
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["object", "user", "all"]))]
pub(super) struct Release {
    /// The object: app_label.model_name/key, for example shop.product/3
    object: Option<String>,
    /// Every lock of this person: display name, user name, or the user as `locks list --json` shows it
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Every lock there is
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    common: Common,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Locks {
    pub(super) async fn run(self) -> ExitCode {
        match self {
            Self::List(verb) => verb.run().await,
            Self::Release(verb) => verb.run().await,
        }
    }
}

impl List {
    async fn run(self) -> ExitCode {
        match ask(&self.common, &Ask::List).await {
            Err(failed) => failed,
            Ok((locks, _)) if self.json => print_json(&locks),
            Ok((locks, _)) if locks.is_empty() => {
                say("No locks are held.");
                ExitCode::SUCCESS
            }
            Ok((locks, now)) => {
                say(&table(&locks, now));
                ExitCode::SUCCESS
            }
        }
    }
}

impl Release {
    async fn run(self) -> ExitCode {
        let which = match (&self.object, &self.user) {
            (Some(text), _) => match ObjectKey::parse(text) {
                Ok(key) => Which::Object(key),
                Err(wanted) => return fail(USAGE, &format!("{text:?} is not an object: {wanted}")),
            },
            (None, Some(user)) => Which::User(user.clone()),
            (None, None) => Which::All,
        };
        let nothing = match &which {
            Which::Object(key) => format!("Nobody holds {key}."),
            Which::User(user) => format!("{user} holds nothing."),
            Which::All => "No locks are held.".to_owned(),
        };
        match ask(&self.common, &Ask::Release { which }).await {
            Err(failed) => failed,
            Ok((locks, _)) if locks.is_empty() => fail(NOTHING, &nothing),
            Ok((locks, _)) if self.json => print_json(&locks),
            Ok((locks, _)) => {
                for lock in &locks {
                    let editor = lock.editor.as_deref().unwrap_or("nobody");
                    let unsaved = if lock.unsaved { ", with unsaved changes on their page" } else { "" };
                    say(&format!("Released {} (held by {editor}{unsaved}).", lock.object));
                }
                ExitCode::SUCCESS
            }
        }
    }
}

/// Straight to Redis, or through the running proxy.
async fn ask(common: &Common, ask: &Ask) -> Result<(Vec<Lock>, Millis), ExitCode> {
    let settings = common.settings(Vec::new()).map_err(|p| fail(USAGE, &p.to_string()))?;
    let answer = if settings.redis.is_some() {
        let store =
            open_store(&settings, NodeId::from(ids::id())).await.map_err(|e| fail(UNREACHABLE, &e))?;
        operator::answer(Via::Store(&store), ask).await
    } else {
        control::ask(&settings.control, ask).await.map_err(|e| fail(UNREACHABLE, &e))?
    };
    match answer {
        Answer::Locks { locks, now } | Answer::Released { locks, now } => Ok((locks, now)),
        Answer::Failed { message } => Err(fail(UNREACHABLE, &message)),
    }
}

fn print_json(locks: &[Lock]) -> ExitCode {
    say(&serde_json::to_string_pretty(locks).unwrap_or_default());
    ExitCode::SUCCESS
}

fn table(locks: &[Lock], now: Millis) -> String {
    let since = |t: Option<Millis>| t.map_or_else(|| "-".to_owned(), |t| ago(now, t));
    let mut rows =
        vec![["OBJECT", "EDITOR", "SINCE", "LAST ACTIVE", "STATE", "WAITING", "VIEWERS"].map(str::to_owned)];
    for lock in locks {
        let state = if lock.unsaved {
            format!("{}, unsaved", lock.state.word())
        } else {
            lock.state.word().to_owned()
        };
        rows.push([
            printable(&lock.object.to_string()),
            printable(lock.editor.as_deref().unwrap_or("-")),
            since(lock.since),
            since(lock.active),
            state,
            lock.waiting.to_string(),
            lock.viewers.to_string(),
        ]);
    }
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Names come from people; a terminal must not obey them.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::State;

    #[test]
    fn the_table_lines_up_and_obeys_nobody() {
        let lock = Lock {
            object: ObjectKey::new("shop", "product", "3"),
            editor: Some("Ada\u{1b}[2J".to_owned()),
            user: Some("id:1".to_owned()),
            since: Some(0),
            active: Some(60_000),
            state: State::Editing,
            unsaved: true,
            waiting: 1,
            viewers: 2,
        };
        assert_eq!(
            table(&[lock], 120_000),
            "OBJECT          EDITOR   SINCE      LAST ACTIVE  STATE             WAITING  VIEWERS\n\
             shop.product/3  Ada\u{fffd}[2J  2 minutes  1 minute     editing, unsaved  1        2"
        );
    }
}
