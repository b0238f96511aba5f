//! What the page of a list's POST says: from what happened to a status, a sentence, and what to do next.
//!
//! Pure: the texts are the catalog's, which is an argument; here stand their keys (collab.toml, `[page_texts]`).

use hyper::StatusCode;

use super::rows::{RefusedRow, Trouble};
use super::span::span;
use super::table::{failure, failure_status, gateway_status, happened};
use super::words::{editor_and_since, sentences};
use crate::assets::catalog::Catalog;
use crate::collab::command::Refusal;
use crate::collab::record::{Millis, UserKey};

pub(super) struct Words {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) title: String,
    pub(super) sentence: String,
    pub(super) advice: String,
    pub(super) retry_after: Option<u32>,
    /// The key of what the button says that sends the form again.
    pub(super) button: &'static str,
}

/// One line of the table, by the keys of its texts.
struct Line {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    sentence: &'static str,
    /// What fills the sentence's `{why}`; empty where it has none.
    why: &'static str,
    advice: [&'static str; 2],
    retry_after: Option<u32>,
    button: &'static str,
}

/// The table.
pub(super) fn words(catalog: &Catalog, trouble: &Trouble, model: &str, deleting: bool) -> Words {
    let line = line(trouble, deleting);
    let count = if let Trouble::Refused(rows) = trouble { rows.len() } else { 0 };
    let (count, status) = (count.to_string(), line.status.as_str().to_owned());
    let mut holes = vec![("model", model), ("count", &count), ("status", &status)];
    let why = if line.why.is_empty() { String::new() } else { catalog.fill(line.why, &holes) };
    holes.push(("why", &why));
    Words {
        status: line.status,
        code: line.code,
        title: catalog.fill(line.title, &holes),
        sentence: catalog.fill(line.sentence, &holes),
        advice: sentences(catalog, &line.advice),
        retry_after: line.retry_after,
        button: line.button,
    }
}

fn line(trouble: &Trouble, deleting: bool) -> Line {
    match trouble {
        Trouble::Refused(rows) => refused(rows, deleting),
        Trouble::Store => Line {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "store_down",
            title: "no_store_title",
            sentence: "list_no_store_text",
            why: "",
            advice: ["list_kept_below_text", "try_soon_text"],
            retry_after: Some(5),
            button: "try_button",
        },
        Trouble::SignedOut(_) => Line {
            status: StatusCode::FORBIDDEN,
            code: "signed_out",
            title: "signed_out_title",
            sentence: "list_lost_text",
            why: "signed_out_why",
            advice: ["list_kept_text", "list_log_in_text"],
            retry_after: None,
            button: "try_button",
        },
        Trouble::Forbidden => Line {
            status: StatusCode::FORBIDDEN,
            code: "forbidden",
            title: "list_forbidden_title",
            sentence: "list_lost_text",
            why: "list_forbidden_why",
            advice: ["list_kept_text", "list_try_text"],
            retry_after: None,
            button: "try_button",
        },
        Trouble::NoDjango(error) => Line {
            status: gateway_status(error),
            code: "not_sent",
            title: "no_answer_title",
            sentence: "list_lost_text",
            why: "no_answer_why",
            advice: ["list_kept_below_text", "try_soon_text"],
            retry_after: Some(5),
            button: "try_button",
        },
        Trouble::Failed { status, unknown: false } => Line {
            status: failure_status(*status),
            code: "failed",
            title: "list_failed_title",
            sentence: "list_lost_text",
            why: failure(*status),
            advice: ["list_kept_below_text", "try_soon_text"],
            retry_after: (*status >= 429).then_some(5),
            button: "try_button",
        },
        Trouble::Failed { status, unknown: true } => Line {
            status: failure_status(*status),
            code: "unknown",
            title: "list_unknown_title",
            sentence: "list_sent_failed_text",
            why: failure(*status),
            advice: ["list_kept_below_text", "list_look_text"],
            retry_after: None,
            button: "list_send_again_button",
        },
        Trouble::Unknown(error) => Line {
            status: gateway_status(error),
            code: "unknown",
            title: "list_unknown_title",
            sentence: "list_sent_unknown_text",
            why: "",
            advice: ["list_kept_below_text", "list_look_text"],
            retry_after: None,
            button: "list_send_again_button",
        },
    }
}

fn refused(rows: &[RefusedRow], deleting: bool) -> Line {
    let any = |fits: fn(&Refusal) -> bool| rows.iter().any(|r| fits(&r.refusal));
    let held = any(|r| matches!(r, Refusal::Held { .. }));
    let saving = any(|r| matches!(r, Refusal::Saving { .. }));
    let old = any(|r| matches!(r, Refusal::Stale { .. } | Refusal::Unfit));
    let busy = held || saving;
    Line {
        status: if busy { StatusCode::LOCKED } else { StatusCode::CONFLICT },
        code: if held { "locked" } else { rows.first().map_or("locked", |r| r.refusal.code()) },
        title: if rows.len() == 1 { "list_row_title" } else { "list_rows_title" },
        sentence: if deleting { "list_not_deleted_text" } else { "list_refused_text" },
        why: "",
        advice: ["list_kept_text", ""],
        retry_after: busy.then_some(if held { 15 } else { 2 }),
        button: match (busy, old) {
            (true, true) if deleting => "list_try_all_since_button",
            (false, _) if deleting => "list_delete_all_button",
            (true, true) => "list_try_all_over_button",
            (true, false) => "list_try_all_button",
            _ => "list_save_all_button",
        },
    }
}

/// Why this row stands in the way.
pub(super) fn why(catalog: &Catalog, refusal: &Refusal, reader: &UserKey, now: Millis) -> String {
    let key = match refusal {
        Refusal::Held { .. } => "held_why",
        Refusal::Saving { own: true, .. } => "list_saving_self_why",
        Refusal::Saving { .. } => "list_saving_why",
        Refusal::Stale { saved, deleted } => happened(saved.as_ref(), *deleted, reader)[1],
        Refusal::Unfit => "list_unfit_why",
    };
    let (editor_name, since) = editor_and_since(catalog, refusal);
    let time = since.map_or_else(String::new, |since| span(catalog, now, since));
    catalog.fill(key, &[("editor_name", editor_name), ("time", &time)])
}
