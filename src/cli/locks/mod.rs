//! `collab-proxy locks …`: see and free edit locks.
//!
//! Owns where they are asked for: with Redis there, so that no proxy has to run; else from the running proxy.

mod list;
mod narrow;
mod release;
mod show;
mod table;
mod watch;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::{Common, UNREACHABLE, USAGE, fail};
use crate::collab::record::NodeId;
use crate::config::default_control;
use crate::control;
use crate::django::object::ObjectKey;
use crate::ids;
use crate::operator::{self, Answer, Ask, Via};
use crate::store::{Redis, Store};

#[derive(Subcommand)]
pub(super) enum Locks {
    /// List who edits what.
    List(list::List),
    /// Show one object: who edits, who waits, who else is there, the last save.
    Show(show::Show),
    /// Free a lock. Its editor is told at once, and keeps what they typed.
    Release(release::Release),
}

impl Locks {
    pub(super) async fn run(self) -> ExitCode {
        match self {
            Self::List(verb) => verb.run().await,
            Self::Show(verb) => verb.run().await,
            Self::Release(verb) => verb.run().await,
        }
    }
}

/// Where locks are.
enum Place {
    Redis(Box<Store>),
    Proxy {
        /// Its control socket.
        path: PathBuf,
        /// Not found by where `serve` listens.
        named: bool,
    },
}

/// Who only looks must not need a Redis that can be written to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    Look,
    Change,
}

/// The control socket of a proxy that runs as a service (examples/deploy).
const SERVICE: &str = "/run/collab-proxy/control.sock";

/// Who has told nothing of where the proxy is means the one that is there: their own, or else the machine's.
fn reachable(own: PathBuf, service: &Path) -> PathBuf {
    // What may not be looked at is there all the same, and who asks is told so.
    let is_there =
        |path: &Path| !matches!(path.symlink_metadata(), Err(e) if e.kind() == ErrorKind::NotFound);
    if !is_there(&own) && is_there(service) { service.to_owned() } else { own }
}

impl Place {
    async fn open(common: &Common, wants: Wants) -> Result<Self, ExitCode> {
        let settings = common.settings(Vec::new()).map_err(|p| fail(USAGE, &p.to_string()))?;
        let Some(config) = settings.redis else {
            let named = settings.control != default_control(&settings.listen);
            let path = match settings.control_named {
                true => settings.control,
                false => reachable(settings.control, Path::new(SERVICE)),
            };
            return Ok(Self::Proxy { path, named });
        };
        let opened = async {
            let redis = Redis::new(config, settings.rules, NodeId::from(ids::id()), None)?;
            match wants {
                Wants::Look => redis.fits().await?,
                Wants::Change => redis.probe().await?,
            };
            Ok::<_, crate::store::StoreError>(Store::Redis(Box::new(redis)))
        };
        opened.await.map(|store| Self::Redis(Box::new(store))).map_err(|e| fail(UNREACHABLE, &e.to_string()))
    }

    async fn ask(&self, ask: &Ask) -> Result<Answer, String> {
        let answer = match self {
            Self::Redis(store) => operator::answer(Via::Store(store), ask).await,
            Self::Proxy { path, named } => control::ask(path, *named, ask).await?,
        };
        match answer {
            // What proxies say to what they have no word for.
            Answer::Failed { message } if message.contains("does not understand") => {
                Err(format!("{message} (it is of an older version: restart it)"))
            }
            Answer::Failed { message } => Err(message),
            answer => Ok(answer),
        }
    }

    /// All locks, and the time by their store's clock.
    async fn list(&self) -> Result<(Vec<operator::Lock>, u64), String> {
        match self.ask(&Ask::List).await? {
            Answer::Locks { locks, now } => Ok((locks, now)),
            _ => Err(ANOTHER.to_owned()),
        }
    }
}

/// An object as somebody types it, and as Django would write its label, if that is another.
fn spellings(text: &str) -> Result<Vec<ObjectKey>, String> {
    let typed = ObjectKey::parse(text)?;
    let lower = text.split_once('/').map(|(label, pk)| format!("{}/{pk}", label.to_lowercase()));
    let folded = lower.and_then(|text| ObjectKey::parse(&text).ok()).filter(|folded| *folded != typed);
    Ok(std::iter::once(typed).chain(folded).collect())
}

const ANOTHER: &str = "the proxy answered something else than it was asked (another version?)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_proxy_is_asked_where_one_has_none_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let (own, service) = (folder.path().join("own.sock"), folder.path().join("service.sock"));
        assert_eq!(reachable(own.clone(), &service), own, "the message names what was looked for");
        std::fs::write(&service, "").unwrap();
        assert_eq!(reachable(own.clone(), &service), service);
        std::fs::write(&own, "").unwrap();
        assert_eq!(reachable(own.clone(), &service), own);
    }
}
