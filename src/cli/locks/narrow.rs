//! Which locks are listed: by model, by person, by how long nothing was typed.
//!
//! Done here and not by who is asked, so that proxies of every version can be.

use std::time::Duration;

use clap::Args;

use crate::clock::millis;
use crate::collab::record::Millis;
use crate::config;
use crate::operator::{Lock, Which};

#[derive(Args, Default)]
pub(super) struct Narrow {
    /// Of this model only: app_label.model_name, for example shop.product
    #[arg(long, value_name = "MODEL", value_parser = config::model)]
    model: Option<String>,
    /// Of this person only: display name, user name, or the user as --json shows it
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Whose editor has done nothing for longer than this: 90s, 10m, 2h
    #[arg(long, value_name = "TIME", value_parser = config::duration)]
    idle: Option<Duration>,
}

impl Narrow {
    pub(super) fn keeps(&self, lock: &Lock, now: Millis) -> bool {
        let of_model = self.model.as_ref().is_none_or(|model| lock.object.model() == *model);
        let of_user = self.user.as_ref().is_none_or(|user| lock.is_meant(&Which::User(user.clone())));
        // Where nobody edits, nobody is idle.
        let idle = self
            .idle
            .is_none_or(|idle| lock.active.is_some_and(|active| now.saturating_sub(active) > millis(idle)));
        of_model && of_user && idle
    }

    pub(super) fn nothing(&self) -> &'static str {
        match self {
            Self { model: None, user: None, idle: None } => "No locks are held.",
            _ => "No locks like that are held.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::lock;
    use super::*;

    #[test]
    fn every_filter_narrows() {
        let lock = lock();
        let now = lock.active.unwrap() + 600_001;
        let of = |model: &str, user: &str, idle: u64| Narrow {
            model: (!model.is_empty()).then(|| model.to_owned()),
            user: (!user.is_empty()).then(|| user.to_owned()),
            idle: (idle > 0).then(|| Duration::from_secs(idle)),
        };
        for (model, user, idle, kept) in [
            ("", "", 0, true),
            ("shop.product", "", 0, true),
            ("shop.part", "", 0, false),
            ("", "ada", 0, true),
            ("", "login:ada", 0, true),
            ("", "ADA LOVELACE", 0, true),
            ("", "grace", 0, false),
            ("", "", 600, true),
            ("", "", 601, false),
            ("shop.product", "ada", 600, true),
            ("shop.product", "grace", 600, false),
        ] {
            assert_eq!(of(model, user, idle).keeps(&lock, now), kept, "{model} {user} {idle}");
        }
        let mut free = lock;
        free.active = None;
        assert!(!of("", "", 1).keeps(&free, now), "nobody edits");
    }
}
