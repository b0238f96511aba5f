//! The table: from what happened to a write to a status, a sentence, and what to do next.

use hyper::StatusCode;

use crate::collab::command::Refusal;
use crate::collab::record::{Millis, Saved, UserKey};
use crate::http::upstream::UpstreamError;

/// Why a write was not (or perhaps not) carried out.
pub enum Trouble<'a> {
    Refused(&'a Refusal),
    /// Django shows something else than what the person saw, and no save through the proxy explains it.
    Changed,
    /// Django has no such object any more.
    Gone,
    /// Django said 403: the login has changed under the form, or the right to save is gone.
    Forbidden,
    /// Django asks to sign in first, at this address.
    SignedOut(String),
    /// The store of locks cannot be asked.
    Store,
    /// Nothing reached Django.
    NoDjango(UpstreamError),
    /// It reached Django, and no answer came back.
    Unknown(UpstreamError),
    /// Django, or something before it, answered with an error. `unknown`: nobody can tell whether it saved first.
    Failed {
        status: u16,
        unknown: bool,
    },
}

impl Trouble<'_> {
    /// Sending the form again from the page says "I have seen what is there now"; otherwise it is checked as
    /// before.
    pub fn is_conscious(&self) -> bool {
        match self {
            Self::Refused(refusal) => matches!(refusal, Refusal::Stale { .. } | Refusal::Unfit),
            Self::Changed | Self::Unknown(_) => true,
            Self::Failed { unknown, .. } => *unknown,
            Self::Gone | Self::Forbidden | Self::SignedOut(_) | Self::Store | Self::NoDjango(_) => false,
        }
    }

    /// Is there a present version to carry the changes over to?
    pub(super) fn can_apply(&self) -> bool {
        match self {
            Self::Refused(Refusal::Stale { deleted, .. }) => !deleted,
            Self::Refused(Refusal::Unfit)
            | Self::Changed
            | Self::Forbidden
            | Self::Unknown(_)
            | Self::Failed { .. } => true,
            Self::Refused(_) | Self::Gone | Self::SignedOut(_) | Self::Store | Self::NoDjango(_) => false,
        }
    }

    /// Somebody else is in the way, and will be gone again.
    pub(super) fn passes(&self) -> bool {
        matches!(self, Self::Refused(Refusal::Held { .. } | Refusal::Saving { .. }))
    }

    /// One word for scripts.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::Forbidden => "forbidden",
            Self::SignedOut(_) => "signed_out",
            Self::Store => "store_down",
            Self::NoDjango(_) => "not_sent",
            Self::Unknown(_) | Self::Failed { unknown: true, .. } => "unknown",
            Self::Failed { .. } => "failed",
        }
    }
}

pub(super) struct Words {
    pub(super) status: StatusCode,
    pub(super) title: String,
    pub(super) sentence: String,
    pub(super) advice: &'static str,
    pub(super) retry_after: Option<u32>,
    /// What the button that sends the form again says; none where that cannot help.
    pub(super) button: Option<&'static str>,
}

/// What an object is called whose name the site did not tell: `this product`.
pub(super) const THIS: &str = "this ";

/// The table.
pub(super) fn words(trouble: &Trouble, object: &str, deleting: bool, reader: &UserKey, now: Millis) -> Words {
    let lost = if deleting {
        format!("{object} was not deleted")
    } else {
        format!("Your changes to {object} were not saved")
    };
    let words = wording(trouble, object, &lost, reader, now);
    let words = if deleting { of_deletion(words, trouble, object) } else { words };
    Words { title: begun(words.title, &[THIS]), sentence: begun(words.sentence, &[THIS]), ..words }
}

/// A word of ours begins a sentence with a capital; names are left as they are.
pub(super) fn begun(mut sentence: String, ours: &[&str]) -> String {
    if ours.iter().any(|word| sentence.starts_with(word)) {
        sentence[..1].make_ascii_uppercase();
    }
    sentence
}

/// Nothing was typed, so nothing is kept below; what remains of the advice is what to do.
fn of_deletion(words: Words, trouble: &Trouble, object: &str) -> Words {
    let advice = match trouble {
        Trouble::Refused(Refusal::Stale { deleted: false, .. }) => {
            "Deleting it now deletes what was saved since."
        }
        Trouble::Refused(Refusal::Unfit) => "Look at it before you delete it.",
        Trouble::Unknown(_) => "Look before you delete it again.",
        _ => words.advice.split_once(". ").map_or("", |(_, what_to_do)| what_to_do),
    };
    let words = Words {
        advice,
        button: words.button.map(|b| if b.contains("anyway") { "Delete anyway" } else { b }),
        ..words
    };
    match trouble {
        Trouble::Unknown(_) => Words {
            title: "We do not know whether this was deleted".to_owned(),
            sentence: format!("The application server did not say whether {object} was deleted."),
            ..words
        },
        _ => words,
    }
}

fn wording(trouble: &Trouble, object: &str, lost: &str, reader: &UserKey, now: Millis) -> Words {
    match trouble {
        Trouble::Refused(Refusal::Held { by, since }) => Words {
            status: StatusCode::LOCKED,
            title: format!("{} is editing this", by.name),
            sentence: format!("{lost}: {} has been editing it for {}.", by.name, span(now, *since)),
            advice: "Everything you typed is kept below. Try again when they have left.",
            retry_after: Some(15),
            button: Some("Try again"),
        },
        Trouble::Refused(Refusal::Saving { by, own, .. }) => Words {
            status: StatusCode::LOCKED,
            title: "A save is on its way".to_owned(),
            sentence: if *own {
                format!(
                    "This was not sent a second time: your own save of {object} is still being carried out."
                )
            } else {
                format!("{lost}: a save by {} is just being carried out.", by.name)
            },
            advice: "Everything you typed is kept below. Try again in a moment.",
            retry_after: Some(2),
            button: Some("Try again"),
        },
        Trouble::Refused(Refusal::Stale { saved, deleted: true }) => Words {
            status: StatusCode::CONFLICT,
            title: format!("{object} was deleted"),
            sentence: format!("{lost}: {} after you opened it.", happened(saved.as_ref(), true, reader, now)),
            advice: "Everything you typed is kept below, to copy from.",
            retry_after: None,
            button: None,
        },
        Trouble::Gone => Words {
            status: StatusCode::CONFLICT,
            title: format!("{object} is gone"),
            sentence: format!("{lost}: it does not exist any more."),
            advice: "Everything you typed is kept below, to copy from.",
            retry_after: None,
            button: None,
        },
        Trouble::Refused(Refusal::Stale { saved, deleted: false }) => Words {
            status: StatusCode::CONFLICT,
            title: format!("{object} has changed"),
            sentence: format!(
                "{lost}: {} after you opened it.",
                happened(saved.as_ref(), false, reader, now)
            ),
            advice: "Everything you typed is kept below, beside what is there now. Saving anyway replaces what \
                     was saved since.",
            retry_after: None,
            button: Some("Save anyway"),
        },
        Trouble::Refused(Refusal::Unfit) => Words {
            status: StatusCode::CONFLICT,
            title: "This page can no longer be checked".to_owned(),
            sentence: format!(
                "{lost}: the page was opened under another login, more than a \
                 day ago, or before the proxy was restarted."
            ),
            advice: "Everything you typed is kept below, beside what is there now. Saving anyway replaces what \
                     may have been saved since.",
            retry_after: None,
            button: Some("Save anyway"),
        },
        Trouble::Changed => Words {
            status: StatusCode::CONFLICT,
            title: format!("{object} has changed"),
            sentence: format!(
                "{lost} yet: it does not look as it did when you opened it, \
                 and nobody saved it here. A task or another program may have changed it."
            ),
            advice: "Everything you typed is kept below, beside what is there now. If you see no difference, \
                     save anyway.",
            retry_after: None,
            button: Some("Save anyway"),
        },
        Trouble::Forbidden => Words {
            status: StatusCode::FORBIDDEN,
            title: "The site refused this save".to_owned(),
            sentence: format!(
                "{lost}: the site answered 403. You may have signed in again since \
                 you opened it, or you may no longer be allowed to change it."
            ),
            advice: "Everything you typed is kept below. Try again, or fill it into the current version and save that.",
            retry_after: None,
            button: Some("Try again"),
        },
        Trouble::SignedOut(_) => Words {
            status: StatusCode::FORBIDDEN,
            title: "You are signed out".to_owned(),
            sentence: format!("{lost}: the site asks you to sign in first."),
            // `kept.js` says more where it can do more.
            advice: "Everything you typed is kept below, to copy from.",
            retry_after: None,
            button: None,
        },
        Trouble::Store => Words {
            status: StatusCode::SERVICE_UNAVAILABLE,
            title: "Edit locks cannot be checked just now".to_owned(),
            sentence: format!("{lost}, as nobody can tell who is editing it."),
            advice: "Everything you typed is kept below. Try again in a moment; the site's operator can see why.",
            retry_after: Some(5),
            button: Some("Try again"),
        },
        Trouble::NoDjango(error) => Words {
            status: gateway_status(error),
            title: "The site does not answer".to_owned(),
            sentence: format!("{lost}: the application server cannot be reached."),
            advice: "Everything you typed is kept below. Try again in a moment.",
            retry_after: Some(5),
            button: Some("Try again"),
        },
        Trouble::Failed { status, unknown: false } => Words {
            status: failure_status(*status),
            title: "The site could not save this".to_owned(),
            sentence: format!("{lost}: {}.", failure(*status)),
            advice: "Everything you typed is kept below. Try again, or fill it into the current version and save that.",
            retry_after: (*status >= 429).then_some(5),
            button: Some("Try again"),
        },
        Trouble::Failed { status, unknown: true } => Words {
            status: failure_status(*status),
            title: "We do not know whether this was saved".to_owned(),
            sentence: format!("Your changes to {object} were sent, and {}.", failure(*status)),
            advice: "Everything you sent is kept below, beside what is there now, where that can be seen. Compare \
                     before you save again.",
            retry_after: None,
            button: Some("Save again anyway"),
        },
        Trouble::Unknown(error) => Words {
            status: gateway_status(error),
            title: "We do not know whether this was saved".to_owned(),
            sentence: format!(
                "Your changes to {object} were sent, but the application server did not say what became of them."
            ),
            advice: "Everything you sent is kept below, beside what is there now, where that can be seen. Compare \
                     before you save again.",
            retry_after: None,
            button: Some("Save again anyway"),
        },
    }
}

/// The answer keeps the status that Django's had.
pub(super) fn failure_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY)
}

/// What an error's status says to a person.
pub(super) fn failure(status: u16) -> String {
    let meaning = match status {
        400 => "the site did not understand what was sent",
        404 | 410 => "the site does not know this page any more",
        413 => "what was sent, with its files, is larger than the site takes",
        429 => "the site takes no more just now",
        502..=504 => "the application server gave no answer",
        500..=599 => "the site failed while it worked on it",
        _ => "the site refused it",
    };
    format!("{meaning} ({status})")
}

pub(super) fn gateway_status(error: &UpstreamError) -> StatusCode {
    if error.is_timeout() { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY }
}

/// Nobody reads of themselves as of somebody else.
pub(super) fn happened(saved: Option<&Saved>, deleted: bool, reader: &UserKey, now: Millis) -> String {
    let did = if deleted { "deleted" } else { "saved" };
    match saved {
        Some(Saved { by, at }) if by.user == *reader => format!("you {did} it {} ago,", span(now, *at)),
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
