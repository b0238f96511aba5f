//! The page of a list's POST that was not carried out: each row that stands against it, who has it and since when,
//! and everything that was typed, with a way on without those rows.

use hyper::Response;

use super::accepts::Representation;
use super::kept::is_web;
use super::kept_data::{editor_json, people, saved_json};
use super::row_words::{Words, why, words};
use super::{again, fill, respond};
use crate::assets::ROWS_PAGE;
use crate::assets::catalog::Catalog;
use crate::collab::command::Refusal;
use crate::collab::record::{Millis, UserKey};
use crate::django::changelist::{SELECTED, split};
use crate::django::compare::is_machinery;
use crate::django::form::TOKEN_FIELD;
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

pub(crate) fn kept(trouble: &Trouble, kept: &Kept, to: Representation) -> Response<Body> {
    let catalog = to.catalog;
    let words = words(catalog, trouble, &kept.model, kept.deletes());
    let rows = match trouble {
        Trouble::Refused(rows) => rows,
        _ => &[][..],
    };
    let body = match to.json {
        true => data(catalog, &words, rows, kept),
        false => page(catalog, trouble, &words, rows, kept),
    };
    respond(to, words.status, body, words.retry_after)
}

fn data(catalog: &Catalog, words: &Words, rows: &[RefusedRow], kept: &Kept) -> String {
    let others = unseen(rows);
    let rows = rows.iter().filter(|row| !row.unseen).map(|row| {
        let (editor, saved) = people(&row.refusal);
        serde_json::json!({
            "pk": row.pk,
            "label": row.label,
            "error": row.refusal.code(),
            "message": why(catalog, &row.refusal, &kept.reader, kept.now),
            "editor": editor_json(catalog, editor),
            "saved": saved_json(catalog, saved),
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

fn page(catalog: &Catalog, trouble: &Trouble, words: &Words, rows: &[RefusedRow], kept: &Kept) -> String {
    let mut listed = String::new();
    for row in rows.iter().filter(|row| !row.unseen) {
        listed.push_str(&format!(
            "<li><a href=\"{}\" target=\"_blank\" rel=\"noopener\">{}</a><p>{}</p>{}</li>",
            text(&row.href),
            text(&row.label),
            text(&why(catalog, &row.refusal, &kept.reader, kept.now)),
            table(catalog, &row.typed),
        ));
    }
    listed.extend(others(catalog, rows, kept));
    let mut forms = String::new();
    // On a new tab: this page is the only one that has it all.
    if let Trouble::SignedOut(login) = trouble
        && is_web(login)
    {
        forms.push_str(&format!(
            "<a class=\"first\" href=\"{}\" target=\"_blank\" rel=\"noopener\">{}</a>",
            text(login),
            catalog.html("log_in_button", &[])
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
        let key = match (rows.len() == 1, kept.left == 1) {
            (true, true) => "list_without_row_one_button",
            (true, false) => "list_without_row_button",
            (false, true) => "list_without_rows_one_button",
            (false, false) => "list_without_rows_button",
        };
        let button = catalog.fill(key, &[("count", &kept.left.to_string())]);
        forms.push_str(&form(catalog, kept, fewer, &button, "first"));
    }
    let class = if forms.is_empty() { "first" } else { "" };
    forms.push_str(&form(catalog, kept, &kept.all, catalog.text(words.button), class));
    let mut advice = words.advice.clone();
    if kept.too_many {
        advice.extend([" ", catalog.text("list_too_many_text")]);
    }
    let row = |(label, typed): &(String, Vec<TypedField>)| {
        format!("<li>{}{}</li>", text(label), table(catalog, typed))
    };
    let changed: String = kept.changed.iter().map(row).collect();
    let heading = if rows.is_empty() { "list_sent_title" } else { "list_changes_title" };
    let changed = match changed.is_empty() {
        true => changed,
        false => format!("<h2>{}</h2><ul>{changed}</ul>", catalog.html(heading, &[])),
    };
    fill(
        ROWS_PAGE,
        catalog,
        &[
            ("title", &text(&words.title)),
            ("sentence", &text(&words.sentence)),
            ("advice", &html_escape::encode_text(&advice)),
            ("rows", &if listed.is_empty() { listed } else { format!("<ul>{listed}</ul>") }),
            ("forms", &forms),
            ("list", &text(&kept.address)),
            ("changed", &changed),
            ("shown", &shown(catalog, kept)),
            ("script", &script),
        ],
    )
}

fn unseen(rows: &[RefusedRow]) -> usize {
    rows.iter().filter(|row| row.unseen).count()
}

/// The rows that are not named.
fn others(catalog: &Catalog, rows: &[RefusedRow], kept: &Kept) -> Option<String> {
    let count = unseen(rows);
    let key = match (count < rows.len(), count == 1) {
        (false, true) => "list_unseen_row_text",
        (false, false) => "list_unseen_rows_text",
        (true, true) => "list_unseen_other_row_text",
        (true, false) => "list_unseen_other_rows_text",
    };
    let holes = [("count", &*count.to_string()), ("model", &text(&kept.model))];
    (count > 0).then(|| format!("<li>{}</li>", catalog.html(key, &holes)))
}

/// What was typed into a row, beside what stands there now.
fn table(catalog: &Catalog, typed: &[TypedField]) -> String {
    if typed.is_empty() {
        return String::new();
    }
    // Nothing is known of it where Django shows no list, or not this row.
    let known = typed.iter().any(|field| field.present.is_some());
    let heading = |key| format!("<th scope=\"col\">{}</th>", catalog.html(key, &[]));
    let now = if known { heading("now_column") } else { String::new() };
    let cell = |field: &TypedField| match known {
        true => format!("<td>{}</td>", text(field.present.as_deref().unwrap_or_default())),
        false => String::new(),
    };
    let rows = typed.iter().map(|field| {
        let (name, typed) = (text(&field.name), text(&field.typed));
        format!("<tr><th scope=\"row\">{name}</th><td>{typed}</td>{}</tr>", cell(field))
    });
    format!(
        "<table><thead><tr><td></td>{}{now}</tr></thead><tbody>{}</tbody></table>",
        heading("list_typed_column"),
        rows.collect::<String>()
    )
}

fn form(catalog: &Catalog, kept: &Kept, fields: &Fields, button: &str, class: &str) -> String {
    let hidden = |name: &str, value: &str| {
        format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", text(name), text(value))
    };
    let mut inside: String = kept.token.iter().map(|t| hidden(TOKEN_FIELD, t)).collect();
    inside.extend(fields.iter().map(|(name, value)| hidden(name, value)));
    inside.push_str(&again::of_list(catalog, &kept.files, &kept.withheld));
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
fn shown(catalog: &Catalog, kept: &Kept) -> String {
    let mut out = String::new();
    let selected = kept.all.iter().filter(|(name, _)| name == SELECTED).count();
    let saves = kept.all.iter().any(|(name, _)| name == "_save");
    if selected > 0 && !saves {
        let label = catalog.html("list_selected_column", &[]);
        out.push_str(&format!("<dt>{label}</dt><dd>{selected}</dd>"));
    }
    for (name, value) in &kept.all {
        let own = matches!(name.as_str(), SELECTED | "index" | "select_across" | "post");
        let idle = saves && name == "action";
        if value.is_empty() || own || idle || is_machinery(name) || split(name).is_some() {
            continue;
        }
        out.push_str(&format!("<dt>{}</dt><dd><pre>{}</pre></dd>", text(name), text(value)));
    }
    if out.is_empty() {
        return out;
    }
    format!("<h2>{}</h2><dl>{out}</dl>", catalog.html("list_chosen_title", &[]))
}
