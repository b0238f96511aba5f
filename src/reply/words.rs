//! The table: from what happened to a write to a status, a sentence, and what to do next.

use hyper::StatusCode;

use crate::collab::command::Refusal;
use crate::collab::record::{Millis, Saved};
use crate::django::object::ObjectKey;
use crate::http::upstream::UpstreamError;

/// Why a write was not (or perhaps not) carried out.
pub enum Trouble<'a> {
    Refused(&'a Refusal),
    /// The store of locks cannot be asked.
    Store,
    /// Nothing reached Django.
    NoDjango(&'a UpstreamError),
    /// It reached Django, and no answer came back.
    Unknown(&'a UpstreamError),
}

impl Trouble<'_> {
    /// One word for scripts.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Store => "store_down",
            Self::NoDjango(_) => "not_sent",
            Self::Unknown(_) => "unknown",
        }
    }
}

pub(super) struct Words {
    pub(super) status: StatusCode,
    pub(super) title: String,
    pub(super) sentence: String,
    pub(super) advice: &'static str,
    pub(super) retry_after: Option<u32>,
    /// What the button that sends the form again says.
    pub(super) button: &'static str,
}

/// The table.
pub(super) fn words(trouble: &Trouble, object: &ObjectKey, now: Millis) -> Words {
    match trouble {
        Trouble::Refused(Refusal::Held { by, since }) => Words {
            status: StatusCode::LOCKED,
            title: format!("{} is editing this", by.name),
            sentence: format!(
                "Your changes to {object} were not saved: {} has been editing it for {}.",
                by.name,
                span(now, *since)
            ),
            advice: "Everything you typed is kept below. Try again when they have left.",
            retry_after: Some(15),
            button: "Try again",
        },
        Trouble::Refused(Refusal::Saving { by, own, .. }) => Words {
            status: StatusCode::LOCKED,
            title: "A save is on its way".to_owned(),
            sentence: if *own {
                format!(
                    "This was not sent a second time: your own save of {object} is still being carried out."
                )
            } else {
                format!(
                    "Your changes to {object} were not saved: a save by {} is just being carried out.",
                    by.name
                )
            },
            advice: "Everything you typed is kept below. Try again in a moment.",
            retry_after: Some(2),
            button: "Try again",
        },
        Trouble::Refused(Refusal::Stale { saved, deleted }) => Words {
            status: StatusCode::CONFLICT,
            title: format!("{object} has changed"),
            sentence: format!(
                "Your changes to {object} were not saved: {} after you opened it.",
                happened(saved.as_ref(), *deleted, now)
            ),
            advice: "Everything you typed is kept below. Open the current version beside it and compare; \
                     saving anyway replaces what was saved since.",
            retry_after: None,
            button: "Save anyway",
        },
        Trouble::Refused(Refusal::Unfit) => Words {
            status: StatusCode::CONFLICT,
            title: "This page can no longer be checked".to_owned(),
            sentence: format!(
                "Your changes to {object} were not saved: the page was opened under another login, more than a \
                 day ago, or before the proxy was restarted."
            ),
            advice: "Everything you typed is kept below. Open the current version beside it and compare; \
                     saving anyway replaces what may have been saved since.",
            retry_after: None,
            button: "Save anyway",
        },
        Trouble::Store => Words {
            status: StatusCode::SERVICE_UNAVAILABLE,
            title: "Edit locks cannot be checked just now".to_owned(),
            sentence: format!(
                "Your changes to {object} were not saved, as nobody can tell who is editing it."
            ),
            advice: "Everything you typed is kept below. Try again in a moment; the site's operator can see why.",
            retry_after: Some(5),
            button: "Try again",
        },
        Trouble::NoDjango(error) => Words {
            status: gateway_status(error),
            title: "The site does not answer".to_owned(),
            sentence: format!(
                "Your changes to {object} were not saved: the application server cannot be reached."
            ),
            advice: "Everything you typed is kept below. Try again in a moment.",
            retry_after: Some(5),
            button: "Try again",
        },
        Trouble::Unknown(error) => Words {
            status: gateway_status(error),
            title: "We do not know whether this was saved".to_owned(),
            sentence: format!(
                "Your changes to {object} were sent, but the application server did not say what became of them."
            ),
            advice: "Everything you typed is kept below. Open the current version and look before you save again.",
            retry_after: None,
            button: "Save again anyway",
        },
    }
}

pub(super) fn gateway_status(error: &UpstreamError) -> StatusCode {
    if error.is_timeout() { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY }
}

pub(super) fn happened(saved: Option<&Saved>, deleted: bool, now: Millis) -> String {
    let did = if deleted { "deleted" } else { "saved" };
    match saved {
        Some(Saved { by, at }) => format!("{} {did} it {} ago,", by.name, span(now, *at)),
        None if deleted => "it was deleted".to_owned(),
        None => "it may have been saved".to_owned(),
    }
}

/// In a sentence nobody counts the first seconds.
pub(super) fn span(now: Millis, then: Millis) -> String {
    if now.saturating_sub(then) < 5_000 { "a moment".to_owned() } else { ago(now, then) }
}

/// A time span as people say it.
pub fn ago(now: Millis, then: Millis) -> String {
    let seconds = now.saturating_sub(then) / 1000;
    let (number, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}
