//! `collab-proxy locks release`.

use std::io::{IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::process::ExitCode;

use clap::Args;

use super::super::style::{Style, printable};
use super::super::{Common, NOTHING, UNREACHABLE, USAGE, fail, note, print_json, say};
use super::{ANOTHER, Place, Wants, spellings, table};
use crate::operator::{Answer, Ask, Lock, Which, checked_reason};

#[derive(Args)]
#[command(
    after_help = super::super::EXIT_CODES,
    group = clap::ArgGroup::new("which").required(true).args(["object", "user", "all"]),
)]
pub(in crate::cli) struct Release {
    /// The object: app_label.model_name/key, for example shop.product/3
    object: Option<String>,
    /// Every lock of this person: display name, user name, or the user as `locks list --json` shows it
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Every lock there is; asks first, on a terminal
    #[arg(long)]
    all: bool,
    /// Why, in at most 200 characters: the editor is shown it
    #[arg(long, value_name = "TEXT", value_parser = checked_reason)]
    reason: Option<String>,
    /// Only say what would be released
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before --all
    #[arg(long)]
    yes: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

impl Release {
    pub(super) async fn run(self) -> ExitCode {
        match self.release().await {
            Ok(code) | Err(code) => code,
        }
    }

    async fn release(self) -> Result<ExitCode, ExitCode> {
        let wants = if self.dry_run { Wants::Look } else { Wants::Change };
        let wanted = self.which()?;
        let place = Place::open(&self.common, wants).await?;
        let which = chosen(&place, wanted).await?;
        if self.dry_run {
            let locks = meant(&place, &which).await?;
            return Ok(self.report(&which, &locks, "Would release"));
        }
        let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        if which == Which::All && terminal && !self.yes && !confirmed(&place).await? {
            return Err(fail(NOTHING, "Nothing was released."));
        }
        let ask = Ask::Release {
            which: which.clone(),
            reason: self.reason.clone(),
            operator: Some(operator(|name| std::env::var(name).ok())),
        };
        match place.ask(&ask).await {
            Ok(Answer::Released { locks, tells_reasons, .. }) => {
                if self.reason.is_some() && !tells_reasons && !locks.is_empty() {
                    note("the running proxy is of an older version: the editors were not told the reason");
                }
                Ok(self.report(&which, &locks, "Released"))
            }
            Ok(_) => Err(fail(UNREACHABLE, ANOTHER)),
            Err(why) => Err(fail(UNREACHABLE, &why)),
        }
    }

    /// What is asked for; an object in each way it may be written.
    fn which(&self) -> Result<Vec<Which>, ExitCode> {
        Ok(match (&self.object, &self.user) {
            (Some(text), _) => spellings(text)
                .map_err(|wanted| fail(USAGE, &format!("{text:?} is not an object: {wanted}")))?
                .into_iter()
                .map(Which::Object)
                .collect(),
            (None, Some(user)) => vec![Which::User(user.clone())],
            (None, None) => vec![Which::All],
        })
    }

    fn report(&self, which: &Which, locks: &[Lock], done: &str) -> ExitCode {
        if locks.is_empty() {
            let nothing = match which {
                Which::Object(key) => format!("Nobody holds {key}."),
                Which::User(user) => format!("No lock is held by {user:?}."),
                Which::All => "No locks are held.".to_owned(),
            };
            return fail(NOTHING, &printable(&nothing));
        }
        if self.json {
            return print_json(&locks);
        }
        for lock in locks {
            let editor = lock.editor.as_deref().unwrap_or("nobody");
            let unsaved = if lock.unsaved { ", with unsaved changes on their page" } else { "" };
            say(&printable(&format!("{done} {} (held by {editor}{unsaved}).", lock.object)));
        }
        ExitCode::SUCCESS
    }
}

/// Who stands in the audit trail: who has become root by sudo is still themselves there.
fn operator(variable: impl Fn(&str) -> Option<String>) -> String {
    let user =
        ["SUDO_USER", "USER", "LOGNAME"].into_iter().filter_map(&variable).find(|name| !name.is_empty());
    // A container has neither.
    let user = user.unwrap_or_else(|| match std::fs::metadata("/proc/self") {
        Ok(own) => format!("uid {}", own.uid()),
        Err(_) => "somebody".to_owned(),
    });
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match host.trim() {
        "" => user,
        host => format!("{user}@{host}"),
    }
}

/// Of several spellings the one that somebody holds; as it was typed, if nobody does.
async fn chosen(place: &Place, mut wanted: Vec<Which>) -> Result<Which, ExitCode> {
    if wanted.len() > 1 {
        let (locks, _) = place.list().await.map_err(|why| fail(UNREACHABLE, &why))?;
        let is_held = |which: &Which| locks.iter().any(|lock| lock.is_held() && lock.is_meant(which));
        wanted.sort_by_key(|which| !is_held(which));
    }
    Ok(wanted.swap_remove(0))
}

/// What would be freed. It is found by looking, so that even an old proxy changes nothing for it.
async fn meant(place: &Place, which: &Which) -> Result<Vec<Lock>, ExitCode> {
    let (mut locks, _) = place.list().await.map_err(|why| fail(UNREACHABLE, &why))?;
    locks.retain(|lock| lock.is_held() && lock.is_meant(which));
    Ok(locks)
}

/// Asks who stands before the terminal. With nothing to release there is nothing to ask.
async fn confirmed(place: &Place) -> Result<bool, ExitCode> {
    let (mut locks, now) = place.list().await.map_err(|why| fail(UNREACHABLE, &why))?;
    locks.retain(Lock::is_held);
    if locks.is_empty() {
        return Ok(true);
    }
    say(&table::text(&locks, now, Style::of_stdout()));
    let many = if locks.len() == 1 { "this lock" } else { "all these locks" };
    let _ = write!(std::io::stdout(), "\nRelease {many}? [y/N] ");
    let _ = std::io::stdout().flush();
    // Waiting for a key must not stop what the runtime has to do meanwhile.
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = answer.await.ok().and_then(Result::ok).unwrap_or_default();
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_named_as_who_they_were_before_they_became_root() {
        let of = |all: &[(&str, &str)]| {
            operator(|name| all.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
        };
        assert!(of(&[("USER", "root"), ("SUDO_USER", "olaf")]).starts_with("olaf"));
        assert!(of(&[("SUDO_USER", ""), ("LOGNAME", "olaf")]).starts_with("olaf"));
        assert!(of(&[]).starts_with("uid "), "{}", of(&[]));
    }
}
