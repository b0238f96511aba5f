//! The page of a list's POST that was not carried out: each row that stands against it, who has it and since when,
//! and everything that was typed, with a way on without those rows.

use hyper::Response;

use super::kept::is_web;
use super::row_words::{Words, why, words};
use super::{fill, respond};
use crate::assets::ROWS_PAGE;
use crate::collab::command::Refusal;
use crate::collab::record::{Millis, Person, Saved, UserKey};
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
    /// Django asks to sign in first, at this address.
    SignedOut(String),
    /// Django said 403: mostly since a later login made a new CSRF token.
    Forbidden,
    NoDjango(&'a UpstreamError),
    Unknown(&'a UpstreamError),
    /// Django, or something before it, answered with an error.
    Failed {
        status: u16,
        unknown: bool,
    },
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
    /// Who reads this.
    pub(crate) reader: UserKey,
    /// The address of the page's script.
    pub(crate) script: String,
    pub(crate) now: Millis,
}

impl Kept {
    /// The step of "Delete selected" that deletes.
    fn deletes(&self) -> bool {
        let has = |name: &str, value: Option<&str>| {
            self.all.iter().any(|(n, v)| n == name && value.is_none_or(|value| v == value))
        };
        has("action", Some("delete_selected")) && has("post", None) && !has("_save", None)
    }
}

pub(crate) fn kept(trouble: &Trouble, kept: &Kept, json: bool) -> Response<Body> {
    let words = words(trouble, &kept.model, kept.deletes());
    let rows = match trouble {
        Trouble::Refused(rows) => rows,
        _ => &[][..],
    };
    let body = if json { data(&words, rows, kept) } else { page(trouble, &words, rows, kept) };
    let kind = if json { "application/json" } else { "text/html; charset=utf-8" };
    respond(words.status, kind, body, words.retry_after)
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
            "message": why(&row.refusal, &kept.reader, kept.now),
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

fn page(trouble: &Trouble, words: &Words, rows: &[RefusedRow], kept: &Kept) -> String {
    let mut listed = String::new();
    for row in rows.iter().filter(|row| !row.unseen) {
        listed.push_str(&format!(
            "<li><a href=\"{}\" target=\"_blank\" rel=\"noopener\">{}</a><p>{}</p>{}</li>",
            text(&row.href),
            text(&row.label),
            text(&why(&row.refusal, &kept.reader, kept.now)),
            table(&row.typed),
        ));
    }
    listed.extend(others(rows, kept));
    let mut forms = String::new();
    // On a new tab: this page is the only one that has it all.
    if let Trouble::SignedOut(login) = trouble
        && is_web(login)
    {
        forms.push_str(&format!(
            "<a class=\"first\" href=\"{}\" target=\"_blank\" rel=\"noopener\">Sign in and go on</a>",
            text(login)
        ));
    }
    // Its forms have the last login's CSRF token.
    let script = match trouble {
        Trouble::SignedOut(_) | Trouble::Forbidden => {
            format!("<script type=\"module\" src=\"{}\"></script>", text(&kept.script))
        }
        _ => String::new(),
    };
    if let Some(fewer) = &kept.fewer {
        let them = if rows.len() == 1 { "that row" } else { "those rows" };
        let others = if kept.left == 1 { "1 other".to_owned() } else { format!("{} others", kept.left) };
        forms.push_str(&form(kept, fewer, &format!("Go on without {them} ({others})"), "first"));
    }
    forms.push_str(&form(kept, &kept.all, words.button, if forms.is_empty() { "first" } else { "" }));
    let mut advice = words.advice.to_owned();
    if kept.too_many {
        advice.push_str(
            " The other rows are too many to be named one by one, so there is no going on without these: narrow \
             the list with its filters first.",
        );
    }
    let changed: String =
        kept.changed.iter().map(|(l, typed)| format!("<li>{}{}</li>", text(l), table(typed))).collect();
    let heading = if rows.is_empty() { "What you sent" } else { "Your other changes" };
    let changed = match changed.is_empty() {
        true => changed,
        false => format!("<h2>{heading}</h2><ul>{changed}</ul>"),
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
            ("script", &script),
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
    // Nothing is known of it where Django shows no list, or not this row.
    let known = typed.iter().any(|field| field.present.is_some());
    let (now, cell): (_, fn(&TypedField) -> String) = match known {
        true => ("<th scope=\"col\">Now</th>", |f| {
            format!("<td>{}</td>", text(f.present.as_deref().unwrap_or_default()))
        }),
        false => ("", |_| String::new()),
    };
    let rows = typed.iter().map(|field| {
        let (name, typed) = (text(&field.name), text(&field.typed));
        format!("<tr><th scope=\"row\">{name}</th><td>{typed}</td>{}</tr>", cell(field))
    });
    format!(
        "<table><thead><tr><td></td><th scope=\"col\">Your list</th>{now}</tr></thead><tbody>{}</tbody></table>",
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
