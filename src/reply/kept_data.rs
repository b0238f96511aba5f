//! What scripts are told of a save that did not go through: those that asked for JSON, and the page's own.

use std::collections::BTreeMap;

use super::kept::Kept;
use super::trouble::Trouble;
use super::words::{Words, named};
use crate::assets::catalog::Catalog;
use crate::collab::command::Refusal;
use crate::collab::record::{Millis, Person, Saved};
use crate::django::compare::{Row, Status};
use crate::django::fields::Value;

/// The answer for a client that asks for JSON. Its codes are the same in every language.
pub(super) fn json(catalog: &Catalog, words: &Words, trouble: &Trouble, kept: &Kept) -> String {
    let (editor, saved): (Option<(&Person, Millis)>, Option<&Saved>) = match trouble {
        Trouble::Refused(refusal) => people(refusal),
        _ => (None, None),
    };
    let sent = |values: &Option<Vec<Value>>| values.as_ref().map(|v| v.iter().map(|v| v.0.clone()).collect());
    let changes = kept.rows.iter().filter(|r| r.status != Status::Unchanged).map(|row| {
        let (typed, base, now): (Option<Vec<String>>, _, _) =
            (sent(&row.typed), sent(&row.base), sent(&row.now));
        serde_json::json!({"name": row.name, "status": row.status, "row": row.place, "typed": typed, "base": base, "now": now})
    });
    serde_json::json!({
        "error": trouble.code(),
        "object": kept.object.to_string(),
        "message": words.sentence,
        "editor": editor_json(catalog, editor),
        "saved": saved_json(catalog, saved),
        "fields": kept.typed.fields,
        "files": kept.typed.files,
        "withheld": kept.typed.withheld,
        "changes": changes.collect::<Vec<_>>(),
    })
    .to_string()
}

/// Who edits, since when; and who has saved.
pub(super) fn people(refusal: &Refusal) -> (Option<(&Person, Millis)>, Option<&Saved>) {
    match refusal {
        Refusal::Held { by, since } | Refusal::Saving { by, since, .. } => (Some((by, *since)), None),
        Refusal::Stale { saved, .. } => (None, saved.as_ref()),
        Refusal::Unfit => (None, None),
    }
}

pub(super) fn editor_json(catalog: &Catalog, editor: Option<(&Person, Millis)>) -> serde_json::Value {
    let name = |by: &Person| named(catalog, &by.name, "somebody_else_name").to_owned();
    serde_json::json!(editor.map(|(by, since)| serde_json::json!({"name": name(by), "since": since})))
}

pub(super) fn saved_json(catalog: &Catalog, saved: Option<&Saved>) -> serde_json::Value {
    let name = |saved: &Saved| named(catalog, &saved.by.name, "somebody_name").to_owned();
    serde_json::json!(saved.map(|s| serde_json::json!({"by": name(s), "at": s.at})))
}

/// What the page's script says, in the page's language.
const SCRIPT_TEXTS: [&str; 20] = [
    "copy_button",
    "copy_field_label",
    "copied_text",
    "copy_refused_text",
    "line_wait_text",
    "line_ended_text",
    "line_next_text",
    "line_position_text",
    "line_elsewhere_text",
    "line_taken_over_text",
    "line_passed_text",
    "held_title",
    "free_title",
    "free_turn_text",
    "free_asked_text",
    "free_saved_text",
    "meanwhile_text",
    "fill_files_text",
    "fill_refused_text",
    "fill_login_text",
];

/// What the page's script needs: the draft that keeps what was typed, the way into the line, and its texts.
pub(super) fn config(catalog: &Catalog, trouble: &Trouble, kept: &Kept) -> String {
    let typed = |r: &&Row| !kept.deleting && r.status < Status::Unchanged && r.status != Status::Theirs;
    let changed: Vec<&Row> = kept.rows.iter().filter(typed).collect();
    let list = |of: fn(&Row) -> &Option<Vec<Value>>| -> Vec<(String, String, String)> {
        let values =
            changed.iter().flat_map(|row| of(row).iter().flatten().map(|v| (row.name.clone(), v.clone())));
        values.map(|(name, value)| (name, value.0.clone(), value.shown().to_owned())).collect()
    };
    let config = serde_json::json!({
        "object": kept.object.to_string(),
        "user": {"user_id": kept.user.user_id, "session": kept.user.session, "known": kept.user.known},
        "current": kept.current,
        "socket": kept.wait.as_ref().map(|w| &w.socket),
        "token": kept.wait.as_ref().map(|w| &w.token),
        "waits": trouble.passes(),
        "stays": matches!(trouble, Trouble::Store),
        "applies": trouble.can_apply(),
        "texts": SCRIPT_TEXTS.into_iter().map(|key| (key, catalog.text(key))).collect::<BTreeMap<_, _>>(),
        "draft": {
            "page": kept.page,
            "version": kept.version,
            "rows": kept.row_keys.iter().map(|(prefix, (saved, keys))| {
                (prefix, serde_json::json!({"saved": saved, "keys": keys}))
            }).collect::<BTreeMap<_, _>>(),
            "files": kept.typed.files,
            "names": changed.iter().map(|r| &r.name).collect::<Vec<_>>(),
            "fields": list(|row| &row.typed),
            "base": list(|row| &row.base),
        },
    });
    config.to_string().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_pages_script_is_given_what_it_says() {
        let script = include_str!("../../assets/widget/kept.js");
        let names = script
            .split("texts.")
            .skip(1)
            .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default());
        // An import of `texts.js` is none of them.
        let said: BTreeSet<&str> = names.filter(|name| *name != "js").collect();
        assert_eq!(said, BTreeSet::from(SCRIPT_TEXTS));
    }
}
