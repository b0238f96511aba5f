//! The comparison as people read it: fields grouped by who changed them, texts with their changed words marked.
//!
//! Owns the HTML of it. Who changed what is decided in `django::compare`.

use similar::{ChangeTag, TextDiff};

use super::trouble::Trouble;
use crate::assets::catalog::Catalog;
use crate::django::compare::{Place, Row, Status};
use crate::django::fields::{Kind, Value};

/// Longer texts are shown without marks: comparing them word by word takes too long.
const DIFF_LIMIT: usize = 20_000;

/// How much of two texts must be the same for marks to help, in percent.
const ALIKE: usize = 40;

/// Which rows belong to it, and the keys of its title, and of what saving anyway would mean for them.
type Group<'g> = (&'g dyn Fn(&Row) -> bool, &'static str, &'static str);

pub(super) fn html(catalog: &Catalog, rows: &[Row], (base, now): (bool, bool), trouble: &Trouble) -> String {
    if !base && !now {
        let typed: Vec<&Row> =
            rows.iter().filter(|r| r.typed.as_ref().is_some_and(|v| !v.is_empty())).collect();
        return section(catalog, "typed_title", "", &typed, &["typed_column"]);
    }
    let nothing = rows.iter().all(|r| matches!(r.status, Status::Unchanged | Status::Same));
    let mut out = String::new();
    if nothing && now {
        let key = match trouble {
            Trouble::Unknown(_) | Trouble::Failed { unknown: true, .. } => "looks_saved_text",
            _ => "no_difference_text",
        };
        out.push_str(&format!("<p class=\"same\">{}</p>", catalog.html(key, &[])));
    }
    let mine = if base { "mine_title" } else { "differs_title" };
    let is = |status: Status| move |row: &Row| row.status == status && row.place == Place::Kept;
    let moved = |place: Place| move |row: &Row| row.place == place && row.status != Status::Unchanged;
    let groups: [Group; 6] = [
        (&is(Status::Both), "both_title", ""),
        (&is(Status::Mine), mine, ""),
        (&moved(Place::Deleted), "rows_gone_title", "rows_gone_text"),
        (&is(Status::Theirs), "theirs_title", "theirs_text"),
        (&moved(Place::Added), "rows_added_title", "rows_added_text"),
        (&is(Status::Same), "same_title", ""),
    ];
    for (belongs, title, note) in groups {
        let group: Vec<&Row> = rows.iter().filter(|r| belongs(r)).collect();
        let note = if trouble.is_conscious() { note } else { "" };
        out.push_str(&section(catalog, title, note, &group, &[]));
    }
    let rest: Vec<&Row> = rows.iter().filter(|r| r.status == Status::Unchanged).collect();
    if !rest.is_empty() {
        let key = if rest.len() == 1 { "unchanged_field_title" } else { "unchanged_fields_title" };
        let summary = catalog.html(key, &[("count", &rest.len().to_string())]);
        out.push_str(&format!("<details><summary>{summary}</summary>"));
        out.push_str(&section(catalog, "", "", &rest, &["typed_column"]));
        out.push_str("</details>");
    }
    out
}

/// `title`, `note` and `only` are keys; `only`: these columns.
fn section(catalog: &Catalog, title: &str, note: &str, rows: &[&Row], only: &[&str]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut out = String::from("<section>");
    if !title.is_empty() {
        out.push_str(&format!("<h2>{}</h2>", catalog.html(title, &[])));
    }
    if !note.is_empty() {
        out.push_str(&format!("<p class=\"soft\">{}</p>", catalog.html(note, &[])));
    }
    for row in rows {
        let name = html_escape::encode_quoted_attribute(&row.name).into_owned();
        let label = html_escape::encode_text(&row.label).into_owned();
        out.push_str(&format!(
            "<div class=\"field\" data-name=\"{name}\"><h3>{label}</h3><div class=\"versions\">"
        ));
        for (title, class, values, before) in columns(row) {
            if only.is_empty() || only.contains(&title) {
                let (title, shown) = (catalog.html(title, &[]), value(catalog, row.kind, values, before));
                out.push_str(&format!("<div class=\"{class}\"><h4>{title}</h4>{shown}</div>"));
            }
        }
        out.push_str("</div></div>");
    }
    out.push_str("</section>");
    out
}

type Column<'r> = (&'static str, &'static str, &'r [Value], Option<&'r [Value]>);

/// The versions to show, each with the one that its changes are marked against.
fn columns(row: &Row) -> Vec<Column<'_>> {
    let (typed, base, now) = (row.typed.as_deref(), row.base.as_deref(), row.now.as_deref());
    let mut columns = vec![("typed_column", "typed", typed.unwrap_or_default(), base.or(now))];
    if row.status == Status::Theirs {
        columns.clear();
    }
    match (base, now) {
        (Some(base), Some(now)) if base == now => columns.push(("now_same_column", "now", now, None)),
        (Some(base), now) => {
            columns.push(("base_column", "base", base, None));
            columns.extend(now.map(|now| ("now_column", "now", now, Some(base))));
        }
        (None, Some(now)) => columns.push(("now_column", "now", now, None)),
        (None, None) => {}
    }
    columns
}

fn value(catalog: &Catalog, kind: Kind, values: &[Value], before: Option<&[Value]>) -> String {
    let none = |key| format!("<p class=\"value none\">{}</p>", catalog.html(key, &[]));
    match kind {
        Kind::Box if values.iter().all(|v| v.0 == "on" && v.1.is_empty()) => {
            let word = if values.is_empty() { "not_ticked_value" } else { "ticked_value" };
            format!("<p class=\"value\">{}</p>", catalog.html(word, &[]))
        }
        Kind::Choice | Kind::Box => match joined(values).as_str() {
            "" => none("not_chosen_value"),
            text => format!("<p class=\"value\">{}</p>", html_escape::encode_text(text)),
        },
        Kind::Text | Kind::Long | Kind::Hidden => {
            let text = joined(values);
            if text.is_empty() {
                return none("empty_value");
            }
            let before = before.map(joined).unwrap_or_default();
            format!("<pre class=\"value\">{}</pre>", marked(&before, &text))
        }
    }
}

fn joined(values: &[Value]) -> String {
    values.iter().map(Value::shown).collect::<Vec<_>>().join(", ")
}

/// The text with what is new in it marked, and what is gone struck out.
fn marked(before: &str, text: &str) -> String {
    let plain = |s: &str| html_escape::encode_text(s).into_owned();
    if before.is_empty() || before == text || before.len() + text.len() > DIFF_LIMIT {
        return plain(text);
    }
    let diff = TextDiff::from_unicode_words(before, text);
    // Two texts that share little are easier to read unmarked. All texts share their spaces.
    let changes: Vec<_> = diff.iter_all_changes().collect();
    let letters = |equal: bool| -> usize {
        let counted = changes.iter().filter(|c| !equal || c.tag() == ChangeTag::Equal);
        counted.map(|c| c.value().trim().len() * if c.tag() == ChangeTag::Equal { 2 } else { 1 }).sum()
    };
    if letters(true) * 100 < letters(false) * ALIKE {
        return plain(text);
    }
    let mut out = String::new();
    for change in changes {
        let word = plain(change.value());
        match change.tag() {
            ChangeTag::Equal => out.push_str(&word),
            ChangeTag::Insert => out.push_str(&format!("<ins>{word}</ins>")),
            ChangeTag::Delete => out.push_str(&format!("<del>{word}</del>")),
        }
    }
    // One mark for a run of words.
    out.replace("</ins><ins>", "").replace("</del><del>", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_emptied_says_so() {
        let before = [Value("a kettle".to_owned(), String::new())];
        let empty = [Value(String::new(), String::new())];
        let catalogs = crate::assets::catalog::tests::documented();
        assert_eq!(
            value(catalogs.english(), Kind::Text, &empty, Some(&before)),
            "<p class=\"value none\">empty</p>"
        );
    }

    #[test]
    fn changed_words_are_marked() {
        assert_eq!(
            marked("a blue kettle", "a big green kettle"),
            "a <del>blue</del><ins>big green</ins> kettle"
        );
        let rewritten = "One more of these and a lid of another kind";
        assert_eq!(marked("A sturdy old kettle for a small kitchen and two", rewritten), rewritten);
        assert_eq!(marked("", "new"), "new");
        assert_eq!(marked("Blue kettle", "Typed without scripts"), "Typed without scripts");
        assert_eq!(marked("a <b>", "a <i>"), "a &lt;<del>b</del><ins>i</ins>&gt;");
    }
}
