//! What the page of a write says that did not go through: the texts of its line in the table, filled in.
//!
//! Pure: the texts are the catalog's, which is an argument.

use hyper::StatusCode;

use super::span::span;
use super::table::line;
use super::trouble::Trouble;
use crate::assets::catalog::Catalog;
use crate::collab::command::Refusal;
use crate::collab::record::{Millis, Saved, UserKey};

pub(super) struct Words {
    pub(super) status: StatusCode,
    pub(super) title: String,
    pub(super) sentence: String,
    pub(super) advice: String,
    pub(super) retry_after: Option<u32>,
    /// The key of what the button says that sends the form again; none where that cannot help.
    pub(super) button: Option<&'static str>,
}

/// What an object is called.
pub(super) struct Name {
    pub(super) text: String,
    /// Nobody has told its name; this is a word of ours.
    pub(super) ours: bool,
}

pub(super) fn words(
    catalog: &Catalog,
    trouble: &Trouble,
    object: &Name,
    deleting: bool,
    reader: &UserKey,
    now: Millis,
) -> Words {
    let line = line(trouble, deleting, reader);
    let (editor_name, time) = who_and_when(catalog, trouble, now);
    let status = line.status.as_str().to_owned();
    let mut holes = vec![
        ("object", object.text.as_str()),
        ("editor_name", editor_name.as_str()),
        ("time", &time),
        ("status", &status),
    ];
    let why = if line.why.is_empty() { String::new() } else { catalog.fill(line.why, &holes) };
    holes.push(("why", &why));
    let said = |key| begun(catalog.fill(key, &holes), object);
    Words {
        status: line.status,
        title: said(line.title),
        sentence: said(line.sentence[usize::from(deleting)]),
        advice: sentences(catalog, &line.advice),
        retry_after: line.retry_after,
        button: line.button,
    }
}

/// A word of ours begins a sentence with a capital; names are left as they are.
fn begun(mut sentence: String, object: &Name) -> String {
    if object.ours
        && sentence.starts_with(&object.text)
        && let Some(first) = sentence.chars().next()
    {
        sentence.replace_range(..first.len_utf8(), &first.to_uppercase().to_string());
    }
    sentence
}

/// Whole sentences, one after the other.
pub(super) fn sentences(catalog: &Catalog, keys: &[&str]) -> String {
    let said = keys.iter().filter(|key| !key.is_empty()).map(|key| catalog.text(key));
    said.collect::<Vec<_>>().join(" ")
}

/// A name, or a word for somebody whose name is nobody's business.
pub(super) fn named<'c>(catalog: &'c Catalog, name: &'c str, nobody: &'static str) -> &'c str {
    if name.is_empty() { catalog.text(nobody) } else { name }
}

fn who_and_when(catalog: &Catalog, trouble: &Trouble, now: Millis) -> (String, String) {
    let Trouble::Refused(refusal) = trouble else {
        return Default::default();
    };
    let (name, since) = editor_and_since(catalog, refusal);
    (name.to_owned(), since.map_or_else(String::new, |since| span(catalog, now, since)))
}

/// Who stands in the way, or has saved, and since when.
pub(super) fn editor_and_since<'c>(catalog: &'c Catalog, refusal: &'c Refusal) -> (&'c str, Option<Millis>) {
    match refusal {
        Refusal::Held { by, since } | Refusal::Saving { by, since, .. } => {
            (named(catalog, &by.name, "somebody_else_name"), Some(*since))
        }
        Refusal::Stale { saved: Some(Saved { by, at }), .. } => {
            (named(catalog, &by.name, "somebody_name"), Some(*at))
        }
        Refusal::Stale { saved: None, .. } | Refusal::Unfit => ("", None),
    }
}
