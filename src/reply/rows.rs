//! The page of a list's POST that was not carried out: each row that stands against it, who has it and since when,
//! and everything that was typed, with a way on without those rows.

use hyper::{Response, StatusCode};

use super::words::{gateway_status, happened, span};
use super::{fill, respond};
use crate::assets::ROWS_PAGE;
use crate::collab::command::Refusal;
use crate::collab::record::{Millis, Person, Saved};
use crate::django::changelist::{SELECTED, split};
use crate::django::compare::is_machinery;
use crate::django::form::TOKEN_FIELD;
use crate::django::watch::withhold;
use crate::http::body::Body;
use crate::http::upstream::UpstreamError;

pub(crate) struct RefusedRow {
    pub(crate) pk: String,
    pub(crate) label: String,
    pub(crate) href: String,
    pub(crate) refusal: Refusal,
    pub(crate) typed: Vec<TypedField>,
    /// Django has not shown this row to the person, so it is counted, and not named.
    pub(crate) unseen: bool,
}

/// A field that was changed, and what stands there now if that is known.
#[derive(Clone)]
pub(crate) struct TypedField {
    pub(crate) name: String,
    pub(crate) typed: String,
    pub(crate) present: Option<String>,
}

pub(crate) enum Trouble<'a> {
    Refused(&'a [RefusedRow]),
    Store,
    NoDjango(&'a UpstreamError),
    Unknown(&'a UpstreamError),
}

type Fields = Vec<(String, String)>;

/// What was posted, in the ways in which it can be posted again.
pub(crate) struct Kept {
    pub(crate) model: String,
    /// Path and query that were posted to: the list.
    pub(crate) address: String,
    pub(crate) multipart: bool,
    pub(crate) all: Fields,
    /// Without the rows that stand against it, if any row is left.
    pub(crate) fewer: Option<Fields>,
    pub(crate) left: usize,
    pub(crate) too_many: bool,
    /// Rows that would have been written.
    pub(crate) changed: Vec<(String, Vec<TypedField>)>,
    pub(crate) files: Fields,
    pub(crate) withheld: Vec<String>,
    pub(crate) token: Option<String>,
    pub(crate) now: Millis,
}

struct Words {
    status: StatusCode,
    code: &'static str,
    title: String,
    sentence: String,
    advice: &'static str,
    retry_after: Option<u32>,
    button: &'static str,
}

pub(crate) fn kept(trouble: &Trouble, kept: &Kept, json: bool) -> Response<Body> {
    let words = words(trouble, &kept.model);
    let rows = match trouble {
        Trouble::Refused(rows) => rows,
        _ => &[][..],
    };
    let body = if json { data(&words, rows, kept) } else { page(&words, rows, kept) };
    let kind = if json { "application/json" } else { "text/html; charset=utf-8" };
    respond(words.status, kind, body, words.retry_after)
}

fn words(trouble: &Trouble, model: &str) -> Words {
    match trouble {
        Trouble::Refused(rows) => refused(rows),
        Trouble::Store => Words {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "store_down",
            title: "Edit locks cannot be checked just now".to_owned(),
            sentence: format!("Nothing of {model} was changed, as nobody can tell who is editing it."),
            advice: "Everything you chose and typed is kept below. Try again in a moment.",
            retry_after: Some(5),
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

fn refused(rows: &[RefusedRow]) -> Words {
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
        sentence: "Nothing was changed in any row.".to_owned(),
        advice: "Everything you chose and typed is kept on this page.",
        retry_after: busy.then_some(if held { 15 } else { 2 }),
        button: match (busy, old) {
            (true, true) => "Try again with all rows, over what was saved since",
            (true, false) => "Try again with all rows",
            _ => "Save all rows anyway",
        },
    }
}

/// Why this row stands in the way.
fn why(refusal: &Refusal, now: Millis) -> String {
    match refusal {
        Refusal::Held { by, since } => format!("{} has been editing it for {}.", by.name, span(now, *since)),
        Refusal::Saving { own: true, .. } => "Your own save of it is still being carried out.".to_owned(),
        Refusal::Saving { by, .. } => format!("A save by {} is just being carried out.", by.name),
        Refusal::Stale { saved, deleted } => {
            let text = happened(saved.as_ref(), *deleted, now);
            let mut text = format!("{} after you opened the list.", text);
            // The sentence may begin with "it".
            if text.starts_with("it ") {
                text.replace_range(..1, "I");
            }
            text
        }
        Refusal::Unfit => {
            "The list was opened under another login, more than a day ago, or before the proxy was restarted."
                .to_owned()
        }
    }
}

fn data(words: &Words, rows: &[RefusedRow], kept: &Kept) -> String {
    let others = unseen(rows);
    let rows = rows.iter().filter(|row| !row.unseen).map(|row| {
        let (editor, saved): (Option<(&Person, Millis)>, Option<&Saved>) = match &row.refusal {
            Refusal::Held { by, since } | Refusal::Saving { by, since, .. } => (Some((by, *since)), None),
            Refusal::Stale { saved, .. } => (None, saved.as_ref()),
            Refusal::Unfit => (None, None),
        };
        serde_json::json!({
            "pk": row.pk,
            "label": row.label,
            "error": row.refusal.code(),
            "message": why(&row.refusal, kept.now),
            "editor": editor.map(|(by, since)| serde_json::json!({"name": by.name, "since": since})),
            "saved": saved.map(|s| serde_json::json!({"by": s.by.name, "at": s.at})),
        })
    });
    serde_json::json!({
        "error": words.code,
        "object": kept.model,
        "message": words.sentence,
        "rows": rows.collect::<Vec<_>>(),
        "others": others,
        "fields": kept.all,
        "files": kept.files,
        "withheld": kept.withheld,
    })
    .to_string()
}

fn text(s: &str) -> String {
    html_escape::encode_quoted_attribute(s).into_owned()
}

fn page(words: &Words, rows: &[RefusedRow], kept: &Kept) -> String {
    let mut listed = String::new();
    for row in rows.iter().filter(|row| !row.unseen) {
        listed.push_str(&format!(
            "<li><a href=\"{}\" target=\"_blank\" rel=\"noopener\">{}</a><p>{}</p>{}</li>",
            text(&row.href),
            text(&row.label),
            text(&why(&row.refusal, kept.now)),
            table(&row.typed),
        ));
    }
    listed.extend(others(rows, kept));
    let mut forms = String::new();
    if let Some(fewer) = &kept.fewer {
        let them = if rows.len() == 1 { "that row" } else { "those rows" };
        let others = if kept.left == 1 { "1 other".to_owned() } else { format!("{} others", kept.left) };
        forms.push_str(&form(kept, fewer, &format!("Go on without {them} ({others})"), "first"));
    }
    forms.push_str(&form(kept, &kept.all, words.button, if kept.fewer.is_some() { "" } else { "first" }));
    let mut advice = words.advice.to_owned();
    if kept.too_many {
        advice.push_str(
            " The other rows are too many to be named one by one, so there is no going on without these: narrow \
             the list with its filters first.",
        );
    }
    let changed: String =
        kept.changed.iter().map(|(l, typed)| format!("<li>{}{}</li>", text(l), table(typed))).collect();
    let changed = match changed.is_empty() {
        true => changed,
        false => format!("<h2>Your other changes</h2><ul>{changed}</ul>"),
    };
    fill(
        ROWS_PAGE,
        &[
            ("title", &text(&words.title)),
            ("sentence", &text(&words.sentence)),
            ("advice", &advice),
            ("rows", &if listed.is_empty() { listed } else { format!("<ul>{listed}</ul>") }),
            ("forms", &forms),
            ("list", &text(&kept.address)),
            ("changed", &changed),
            ("shown", &shown(kept)),
        ],
    )
}

fn unseen(rows: &[RefusedRow]) -> usize {
    rows.iter().filter(|row| row.unseen).count()
}

/// The rows that are not named.
fn others(rows: &[RefusedRow], kept: &Kept) -> Option<String> {
    let count = unseen(rows);
    let other = if count < rows.len() { "other " } else { "" };
    let (row, are) = if count == 1 { ("row", "is") } else { ("rows", "are") };
    let model = text(&kept.model);
    (count > 0).then(|| format!("<li>{count} {other}{row} of {model} {are} being edited or saved.</li>"))
}

/// What was typed into a row, beside what stands there now.
fn table(typed: &[TypedField]) -> String {
    if typed.is_empty() {
        return String::new();
    }
    let rows = typed.iter().map(|field| {
        let present = field.present.as_deref().map_or("", |p| p);
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
            text(&field.name),
            text(&field.typed),
            text(present)
        )
    });
    format!(
        "<table><thead><tr><td></td><th scope=\"col\">Your list</th><th scope=\"col\">Now</th></tr></thead><tbody>{}</tbody></table>",
        rows.collect::<String>()
    )
}

fn form(kept: &Kept, fields: &Fields, button: &str, class: &str) -> String {
    let hidden = |name: &str, value: &str| {
        format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", text(name), text(value))
    };
    let mut inside: String = kept.token.iter().map(|t| hidden(TOKEN_FIELD, t)).collect();
    inside.extend(fields.iter().map(|(name, value)| hidden(name, value)));
    for (name, file) in &kept.files {
        let (name, file) = (text(name), text(file));
        inside.push_str(&format!(
            "<p><label>{name}: the file <b>{file}</b> has to be chosen again: <input type=\"file\" name=\"{name}\"></label></p>"
        ));
    }
    for name in &kept.withheld {
        let mark = withhold(name);
        let name = text(name);
        inside.push_str(&format!(
            "<p><label>{name} is not shown again; type it again: <input type=\"password\" name=\"{name}\" \
             autocomplete=\"off\"></label>{mark}</p>"
        ));
    }
    let enctype = match kept.multipart {
        true => "multipart/form-data",
        false => "application/x-www-form-urlencoded",
    };
    format!(
        "<form method=\"post\" action=\"{}\" enctype=\"{enctype}\">{inside}<button type=\"submit\" class=\"{class}\">{}</button></form>",
        text(&kept.address),
        text(button)
    )
}

/// What was posted beside the rows' own fields: the action, and what a form of its own asked for.
fn shown(kept: &Kept) -> String {
    let mut out = String::new();
    let selected = kept.all.iter().filter(|(name, _)| name == SELECTED).count();
    let saves = kept.all.iter().any(|(name, _)| name == "_save");
    if selected > 0 && !saves {
        out.push_str(&format!("<dt>Rows selected</dt><dd>{selected}</dd>"));
    }
    for (name, value) in &kept.all {
        let own = matches!(name.as_str(), SELECTED | "index" | "select_across" | "post");
        let idle = saves && name == "action";
        if value.is_empty() || own || idle || is_machinery(name) || split(name).is_some() {
            continue;
        }
        out.push_str(&format!("<dt>{}</dt><dd><pre>{}</pre></dd>", text(name), text(value)));
    }
    if out.is_empty() { out } else { format!("<h2>What you chose</h2><dl>{out}</dl>") }
}
