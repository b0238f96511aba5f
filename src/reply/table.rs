//! The table: from what happened to a write to a status, a sentence, and what to do next.
//!
//! Here stand the keys of the texts (collab.toml, `[page_texts]`); what they say is the catalog's.

use hyper::StatusCode;

use super::trouble::Trouble;
use crate::collab::command::Refusal;
use crate::collab::record::{Saved, UserKey};
use crate::http::upstream::UpstreamError;

/// One line of the table, by the keys of its texts.
pub(super) struct Line {
    pub(super) status: StatusCode,
    pub(super) title: &'static str,
    /// Of a save, and of a deletion.
    pub(super) sentence: [&'static str; 2],
    /// What fills the sentence's `{why}`; empty where it has none.
    pub(super) why: &'static str,
    /// Where everything is that was typed, and what to do next; either may be empty.
    pub(super) advice: [&'static str; 2],
    pub(super) retry_after: Option<u32>,
    pub(super) button: Option<&'static str>,
}

const LOST: [&str; 2] = ["not_saved_text", "not_deleted_text"];

/// Nothing was typed, so nothing is kept below; what remains of the advice is what to do.
fn of_deletion(line: Line, trouble: &Trouble) -> Line {
    let what_to_do = match trouble {
        Trouble::Refused(Refusal::Stale { deleted: false, .. }) => "delete_replaces_text",
        Trouble::Refused(Refusal::Unfit) => "delete_look_text",
        Trouble::Unknown(_) => "delete_look_again_text",
        _ => line.advice[1],
    };
    let anyway = |button| match button {
        "save_anyway_button" | "save_again_button" => "delete_anyway_button",
        button => button,
    };
    let title = if let Trouble::Unknown(_) = trouble { "delete_unknown_title" } else { line.title };
    Line { title, advice: ["", what_to_do], button: line.button.map(anyway), ..line }
}

/// The table.
pub(super) fn line(trouble: &Trouble, deleting: bool, reader: &UserKey) -> Line {
    let line = of_save(trouble, reader);
    if deleting { of_deletion(line, trouble) } else { line }
}

fn of_save(trouble: &Trouble, reader: &UserKey) -> Line {
    match trouble {
        Trouble::Refused(refusal) => refused(refusal, reader),
        Trouble::Gone => Line {
            status: StatusCode::CONFLICT,
            title: "gone_title",
            sentence: LOST,
            why: "gone_why",
            advice: ["kept_copy_text", ""],
            retry_after: None,
            button: None,
        },
        Trouble::Changed => Line {
            status: StatusCode::CONFLICT,
            title: "changed_title",
            sentence: ["not_saved_changed_text", "not_deleted_changed_text"],
            why: "",
            advice: ["kept_beside_text", "save_same_text"],
            retry_after: None,
            button: Some("save_anyway_button"),
        },
        Trouble::Forbidden => Line {
            status: StatusCode::FORBIDDEN,
            title: "forbidden_title",
            sentence: LOST,
            why: "forbidden_why",
            advice: ["kept_text", "try_fill_text"],
            retry_after: None,
            button: Some("try_button"),
        },
        Trouble::SignedOut(_) => Line {
            status: StatusCode::FORBIDDEN,
            title: "signed_out_title",
            sentence: LOST,
            why: "signed_out_why",
            // `kept.js` says more where it can do more.
            advice: ["kept_copy_text", ""],
            retry_after: None,
            button: None,
        },
        Trouble::Unseen => Line {
            status: StatusCode::SERVICE_UNAVAILABLE,
            title: "no_answer_title",
            sentence: LOST,
            why: "no_answer_why",
            advice: ["kept_text", "try_soon_text"],
            retry_after: Some(5),
            button: Some("try_button"),
        },
        Trouble::Store => Line {
            status: StatusCode::SERVICE_UNAVAILABLE,
            title: "no_store_title",
            sentence: ["not_saved_store_text", "not_deleted_store_text"],
            why: "",
            advice: ["kept_text", "try_store_text"],
            retry_after: Some(5),
            button: Some("try_button"),
        },
        Trouble::NoDjango(error) => Line {
            status: gateway_status(error),
            title: "no_answer_title",
            sentence: LOST,
            why: "no_answer_why",
            advice: ["kept_text", "try_soon_text"],
            retry_after: Some(5),
            button: Some("try_button"),
        },
        Trouble::Failed { status, unknown: false } => Line {
            status: failure_status(*status),
            title: "failed_title",
            sentence: LOST,
            why: failure(*status),
            advice: ["kept_text", "try_fill_text"],
            retry_after: (*status >= 429).then_some(5),
            button: Some("try_button"),
        },
        Trouble::Failed { status, unknown: true } => Line {
            status: failure_status(*status),
            title: "unknown_title",
            sentence: ["sent_failed_text"; 2],
            why: failure(*status),
            advice: ["kept_sent_text", "save_compare_text"],
            retry_after: None,
            button: Some("save_again_button"),
        },
        Trouble::Unknown(error) => Line {
            status: gateway_status(error),
            title: "unknown_title",
            sentence: ["sent_unknown_text", "delete_unknown_text"],
            why: "",
            advice: ["kept_sent_text", "save_compare_text"],
            retry_after: None,
            button: Some("save_again_button"),
        },
    }
}

fn refused(refusal: &Refusal, reader: &UserKey) -> Line {
    match refusal {
        Refusal::Held { .. } => Line {
            status: StatusCode::LOCKED,
            title: "held_title",
            sentence: LOST,
            why: "held_why",
            advice: ["kept_text", "try_left_text"],
            retry_after: Some(15),
            button: Some("try_button"),
        },
        Refusal::Saving { own, .. } => Line {
            status: StatusCode::LOCKED,
            title: "saving_title",
            sentence: if *own { ["not_sent_twice_text"; 2] } else { LOST },
            why: if *own { "" } else { "saving_why" },
            advice: ["kept_text", "try_soon_text"],
            retry_after: Some(2),
            button: Some("try_button"),
        },
        Refusal::Stale { saved, deleted: true } => Line {
            status: StatusCode::CONFLICT,
            title: "deleted_title",
            sentence: LOST,
            why: happened(saved.as_ref(), true, reader)[0],
            advice: ["kept_copy_text", ""],
            retry_after: None,
            button: None,
        },
        Refusal::Stale { saved, deleted: false } => Line {
            status: StatusCode::CONFLICT,
            title: "changed_title",
            sentence: LOST,
            why: happened(saved.as_ref(), false, reader)[0],
            advice: ["kept_beside_text", "save_replaces_text"],
            retry_after: None,
            button: Some("save_anyway_button"),
        },
        Refusal::Unfit => Line {
            status: StatusCode::CONFLICT,
            title: "unfit_title",
            sentence: LOST,
            why: "unfit_why",
            advice: ["kept_beside_text", "save_may_replace_text"],
            retry_after: None,
            button: Some("save_anyway_button"),
        },
    }
}

/// The answer keeps the status that Django's had.
pub(super) fn failure_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY)
}

/// What an error's status says to a person.
pub(super) fn failure(status: u16) -> &'static str {
    match status {
        400 => "failed_400_why",
        404 | 410 => "failed_404_why",
        413 => "failed_413_why",
        429 => "failed_429_why",
        502..=504 => "failed_502_why",
        500..=599 => "failed_500_why",
        _ => "failed_why",
    }
}

pub(super) fn gateway_status(error: &UpstreamError) -> StatusCode {
    if error.is_timeout() { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY }
}

/// What became of it after the form, and after the list, was opened. Nobody reads of themselves as of somebody else.
pub(super) fn happened(saved: Option<&Saved>, deleted: bool, reader: &UserKey) -> [&'static str; 2] {
    match (saved.map(|saved| saved.by.user == *reader), deleted) {
        (Some(true), false) => ["saved_self_why", "list_saved_self_why"],
        (Some(false), false) => ["saved_why", "list_saved_why"],
        (None, false) => ["saved_unknown_why", "list_saved_unknown_why"],
        (Some(true), true) => ["deleted_self_why", "list_deleted_self_why"],
        (Some(false), true) => ["deleted_why", "list_deleted_why"],
        (None, true) => ["deleted_unknown_why", "list_deleted_unknown_why"],
    }
}
