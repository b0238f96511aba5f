//! What the page of a list's POST says: from what happened to a status, a sentence, and what to do next.

use hyper::StatusCode;

use super::rows::{RefusedRow, Trouble};
use super::words::{begun, failure, failure_status, gateway_status, happened, span};
use crate::collab::command::Refusal;
use crate::collab::record::{Millis, UserKey};

pub(super) struct Words {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) title: String,
    pub(super) sentence: String,
    pub(super) advice: &'static str,
    pub(super) retry_after: Option<u32>,
    pub(super) button: &'static str,
}

/// The table.
pub(super) fn words(trouble: &Trouble, model: &str, deleting: bool) -> Words {
    match trouble {
        Trouble::Refused(rows) => refused(rows, deleting),
        Trouble::Store => Words {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "store_down",
            title: "Edit locks cannot be checked just now".to_owned(),
            sentence: format!("Nothing of {model} was changed, as nobody can tell who is editing it."),
            advice: "Everything you chose and typed is kept below. Try again in a moment.",
            retry_after: Some(5),
            button: "Try again",
        },
        Trouble::SignedOut(_) => Words {
            status: StatusCode::FORBIDDEN,
            code: "signed_out",
            title: "You are signed out".to_owned(),
            sentence: format!("Nothing of {model} was changed: the site asks you to sign in first."),
            advice: "Everything you chose and typed is kept on this page. Sign in on the new tab as the same person, \
                     come back to this one, and try again.",
            retry_after: None,
            button: "Try again",
        },
        Trouble::Forbidden => Words {
            status: StatusCode::FORBIDDEN,
            code: "forbidden",
            title: "The site refused this".to_owned(),
            sentence: format!(
                "Nothing of {model} was changed: the site answered 403. You may have signed in again since you opened \
                 the list, or you may no longer be allowed to change it."
            ),
            advice: "Everything you chose and typed is kept on this page. Try again; if that does not help, copy it \
                     from here.",
            retry_after: None,
            button: "Try again",
        },
        Trouble::NoDjango(error) => Words {
            status: gateway_status(error),
            code: "not_sent",
            title: "The site does not answer".to_owned(),
            sentence: format!("Nothing of {model} was changed: the application server cannot be reached."),
            advice: "Everything you chose and typed is kept below. Try again in a moment.",
            retry_after: Some(5),
            button: "Try again",
        },
        Trouble::Failed { status, unknown: false } => Words {
            status: failure_status(*status),
            code: "failed",
            title: "The site could not do this".to_owned(),
            sentence: format!("Nothing of {model} was changed: {}.", failure(*status)),
            advice: "Everything you chose and typed is kept below. Try again in a moment.",
            retry_after: (*status >= 429).then_some(5),
            button: "Try again",
        },
        Trouble::Failed { status, unknown: true } => Words {
            status: failure_status(*status),
            code: "unknown",
            title: "We do not know whether this was done".to_owned(),
            sentence: format!("It was sent, and {}.", failure(*status)),
            advice: "Everything you chose and typed is kept below. Open the list and look before you go on.",
            retry_after: None,
            button: "Send it again anyway",
        },
        Trouble::Unknown(error) => Words {
            status: gateway_status(error),
            code: "unknown",
            title: "We do not know whether this was done".to_owned(),
            sentence: format!("It was sent, but the application server did not say what became of {model}."),
            advice: "Everything you chose and typed is kept below. Open the list and look before you go on.",
            retry_after: None,
            button: "Send it again anyway",
        },
    }
}

fn refused(rows: &[RefusedRow], deleting: bool) -> Words {
    let any = |fits: fn(&Refusal) -> bool| rows.iter().any(|r| fits(&r.refusal));
    let held = any(|r| matches!(r, Refusal::Held { .. }));
    let saving = any(|r| matches!(r, Refusal::Saving { .. }));
    let old = any(|r| matches!(r, Refusal::Stale { .. } | Refusal::Unfit));
    let (count, verb) = match rows.len() {
        1 => ("One row".to_owned(), "stands"),
        n => (format!("{n} rows"), "stand"),
    };
    let busy = held || saving;
    Words {
        status: if busy { StatusCode::LOCKED } else { StatusCode::CONFLICT },
        code: if held { "locked" } else { rows.first().map_or("locked", |r| r.refusal.code()) },
        title: format!("{count} {verb} in the way"),
        sentence: if deleting { "No row was deleted." } else { "Nothing was changed in any row." }.to_owned(),
        advice: "Everything you chose and typed is kept on this page.",
        retry_after: busy.then_some(if held { 15 } else { 2 }),
        button: match (busy, old) {
            (true, true) if deleting => "Try again with all rows, also those saved since",
            (false, _) if deleting => "Delete all rows anyway",
            (true, true) => "Try again with all rows, over what was saved since",
            (true, false) => "Try again with all rows",
            _ => "Save all rows anyway",
        },
    }
}

/// Why this row stands in the way.
pub(super) fn why(refusal: &Refusal, reader: &UserKey, now: Millis) -> String {
    match refusal {
        Refusal::Held { by, since } => format!("{} has been editing it for {}.", by.name, span(now, *since)),
        Refusal::Saving { own: true, .. } => "Your own save of it is still being carried out.".to_owned(),
        Refusal::Saving { by, .. } => format!("A save by {} is just being carried out.", by.name),
        Refusal::Stale { saved, deleted } => {
            let text = happened(saved.as_ref(), *deleted, reader, now);
            begun(format!("{text} after you opened the list."), &["it ", "you "])
        }
        Refusal::Unfit => {
            "The list was opened under another login, more than a day ago, or before the proxy was restarted."
                .to_owned()
        }
    }
}
