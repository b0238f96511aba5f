//! Three versions of a form side by side: what was typed, what it showed when it was opened, what it shows now.
//!
//! Pure. Rows of inline formsets are matched by their keys, not by their numbers, since a row that somebody added
//! or deleted moves all that follow.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::fields::{Field, Kind, Value, plain_lines};
use super::form::Typed;
use super::inlines::{Names, spoken};

/// Who changed a field since the form was opened. In the order in which people should see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Both, to different values.
    Both,
    /// Typed by this person, or at least different from what is there now.
    Mine,
    /// Somebody else only: saving what was typed would undo it.
    Theirs,
    /// Both, to the same value.
    Same,
    /// Nobody, or it cannot be told.
    Unchanged,
}

/// One field of the comparison. `None`: that version is not known, or has no such field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub name: String,
    /// What the field is called in the current form, where that is known to differ.
    pub target: String,
    pub label: String,
    pub kind: Kind,
    pub status: Status,
    pub typed: Option<Vec<Value>>,
    pub base: Option<Vec<Value>>,
    pub now: Option<Vec<Value>>,
}

/// The form as Django shows it now, and the words for its choices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Current {
    pub fields: Vec<Field>,
    /// (name, value) → what a person reads.
    pub words: HashMap<(String, String), String>,
    /// What the object is called.
    pub title: Option<String>,
}

/// Fields that a form carries for Django, not for people.
pub fn is_machinery(name: &str) -> bool {
    const SUFFIXES: &[&str] = &["-TOTAL_FORMS", "-INITIAL_FORMS", "-MIN_NUM_FORMS", "-MAX_NUM_FORMS"];
    name == "csrfmiddlewaretoken"
        || name.starts_with('_')
        || name.starts_with("initial-")
        || name.contains("__prefix__")
        || SUFFIXES.iter().any(|s| name.ends_with(s))
}

/// The comparison, changed fields first, each group in the form's order.
pub fn rows(typed: &Typed, base: Option<&[Field]>, now: Option<&Current>) -> Vec<Row> {
    let names = Names::of(base, now.map(|n| n.fields.as_slice()));
    let base_fields: BTreeMap<&str, &Field> =
        base.unwrap_or_default().iter().map(|f| (f.name.as_str(), f)).collect();
    let now_fields: BTreeMap<String, &Field> =
        now.iter().flat_map(|n| &n.fields).map(|f| (names.seen_as(&f.name), f)).collect();
    let mut order: Vec<String> = Vec::new();
    let mut listed = BTreeSet::new();
    let typed_names = typed.fields.iter().map(|(n, _)| n.clone());
    let shown = base.unwrap_or_default().iter().map(|f| f.name.clone());
    for name in
        typed_names.chain(shown).chain(now.iter().flat_map(|n| &n.fields).map(|f| names.seen_as(&f.name)))
    {
        if !is_machinery(&name) && listed.insert(name.clone()) {
            order.push(name);
        }
    }
    let mut rows: Vec<Row> = order
        .into_iter()
        .filter(|name| !typed.withheld.contains(name))
        .filter_map(|name| {
            let (was, is) = (base_fields.get(name.as_str()).copied(), now_fields.get(&name).copied());
            row(name, typed, was, is, (base.is_some(), now), &names)
        })
        .collect();
    rows.sort_by_key(|row| row.status);
    rows
}

fn row(
    name: String,
    typed: &Typed,
    was: Option<&Field>,
    is: Option<&Field>,
    (base_known, now): (bool, Option<&Current>),
    names: &Names,
) -> Option<Row> {
    let shown = was.or(is);
    let kind = shown.map_or(Kind::Text, |f| f.kind);
    let mine: Vec<&str> = typed.fields.iter().filter(|(n, _)| *n == name).map(|(_, v)| v.as_str()).collect();
    // Keys of inline rows and the like: nobody typed them.
    if kind == Kind::Hidden || (shown.is_none() && names.is_key(&name)) {
        return None;
    }
    let sent = was.is_some() || !mine.is_empty();
    let target = names.now_called(&name);
    let words = |value: &str| {
        let known = [was, is].into_iter().flatten().flat_map(|f| &f.values).find(|v| v.0 == value);
        let listed = now.and_then(|n| n.words.get(&(target.clone(), value.to_owned())));
        known.map(|v| v.1.clone()).filter(|w| !w.is_empty()).or_else(|| listed.cloned()).unwrap_or_default()
    };
    let typed_values: Option<Vec<Value>> =
        sent.then(|| mine.iter().map(|v| Value(plain_lines(v), words(v))).collect());
    let same = |a: Option<&[Value]>, b: Option<&[Value]>| sent_of(kind, a) == sent_of(kind, b);
    let base = was.map(|f| f.values.clone());
    let current = is.map(|f| f.values.clone());
    let (t, b, n) = (typed_values.as_deref(), base.as_deref(), current.as_deref());
    let status = match (base_known, now.is_some()) {
        (true, true) => match (same(t, b), same(b, n), same(t, n)) {
            (_, true, true) => Status::Unchanged,
            (_, false, true) => Status::Same,
            (false, true, false) => Status::Mine,
            (true, false, false) => Status::Theirs,
            _ => Status::Both,
        },
        (true, false) if same(t, b) => Status::Unchanged,
        (false, true) if same(t, n) => Status::Unchanged,
        (false, false) if sent_of(kind, t).is_empty() => Status::Unchanged,
        _ => Status::Mine,
    };
    // An empty row of an inline that only one side has is nothing to tell.
    let blank = [t, b, n].iter().all(|v| sent_of(kind, *v).is_empty());
    let label = shown.map(|f| f.label.as_str()).filter(|l| !l.is_empty());
    let label = label.map_or_else(|| spoken(&name), |label| names.in_row(&name, label));
    (!blank || status == Status::Unchanged).then_some(Row {
        name,
        target,
        label,
        kind,
        status,
        typed: typed_values,
        base,
        now: current,
    })
}

/// Nothing and an empty text are one; the order of choices does not matter.
fn sent_of(kind: Kind, values: Option<&[Value]>) -> Vec<&str> {
    let mut sent: Vec<&str> =
        values.unwrap_or_default().iter().map(|v| v.0.as_str()).filter(|v| !v.is_empty()).collect();
    if matches!(kind, Kind::Choice | Kind::Box) {
        sent.sort_unstable();
    }
    sent
}

/// Names of the fields that Django shows otherwise than the form did when it was opened; hidden ones as well.
/// `ignored`: fields that change by themselves.
pub fn differences(base: &[Field], now: &[Field], ignored: &[String]) -> Vec<String> {
    let names = Names::of(Some(base), Some(now));
    let ignores = |name: &str| {
        let bare = names.split(name).map_or(name, |(_, _, field)| field);
        ignored.iter().any(|i| i == name || i == bare)
    };
    let was: BTreeMap<&str, &Field> = base.iter().map(|f| (f.name.as_str(), f)).collect();
    let is: BTreeMap<String, &Field> = now.iter().map(|f| (names.seen_as(&f.name), f)).collect();
    let all: BTreeSet<&str> = was.keys().copied().chain(is.keys().map(String::as_str)).collect();
    all.into_iter()
        .filter(|name| !name.starts_with("initial-") && !ignores(name))
        .filter(|name| {
            let [was, is] = [was.get(name), is.get(*name)]
                .map(|field| field.map(|f| sent_of(f.kind, Some(&f.values))).unwrap_or_default());
            was != is
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, kind: Kind, values: &[&str]) -> Field {
        let values = values.iter().map(|v| Value((*v).to_owned(), String::new())).collect();
        Field { name: name.to_owned(), kind, label: String::new(), values }
    }

    fn text(name: &str, value: &str) -> Field {
        field(name, Kind::Text, &[value])
    }

    fn typed(fields: &[(&str, &str)]) -> Typed {
        let fields = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Typed { fields, ..Typed::default() }
    }

    fn now(fields: Vec<Field>) -> Current {
        Current { fields, ..Current::default() }
    }

    /// Name, status, and what the field is called now.
    fn compared(
        typed: &Typed,
        base: Option<&[Field]>,
        now: Option<&Current>,
    ) -> Vec<(String, Status, String)> {
        rows(typed, base, now).into_iter().map(|r| (r.name, r.status, r.target)).collect()
    }

    #[test]
    fn who_changed_what() {
        let base = ["a", "b", "c", "d", "e"].map(|n| text(n, "was"));
        let sent = typed(&[
            ("a", "was"),
            ("b", "mine"),
            ("c", "was"),
            ("d", "mine"),
            ("e", "same"),
            ("_save", "Save"),
        ]);
        let now = now(vec![
            text("a", "was"),
            text("b", "was"),
            text("c", "theirs"),
            text("d", "theirs"),
            text("e", "same"),
        ]);
        let want = [
            ("d", Status::Both),
            ("b", Status::Mine),
            ("c", Status::Theirs),
            ("e", Status::Same),
            ("a", Status::Unchanged),
        ];
        let got: Vec<(String, Status)> =
            rows(&sent, Some(&base), Some(&now)).into_iter().map(|r| (r.name, r.status)).collect();
        assert_eq!(got, want.map(|(n, s)| (n.to_owned(), s)));
        // Without what was there before, or what is there now, only what differs can be said.
        let status = |base: Option<&[Field]>, now: Option<&Current>, name: &str| {
            rows(&sent, base, now).into_iter().find(|r| r.name == name).unwrap().status
        };
        assert_eq!(status(None, Some(&now), "c"), Status::Mine);
        assert_eq!(status(None, Some(&now), "a"), Status::Unchanged);
        assert_eq!(status(Some(&base), None, "c"), Status::Unchanged);
        assert_eq!(status(Some(&base), None, "b"), Status::Mine);
        assert_eq!(status(None, None, "a"), Status::Mine);
    }

    #[test]
    fn line_ends_order_and_boxes_are_no_changes() {
        let base = [
            field("note", Kind::Long, &["a\nb"]),
            field("tags", Kind::Choice, &["1", "2"]),
            field("on", Kind::Box, &["on"]),
            field("off", Kind::Box, &[]),
        ];
        let same = typed(&[("note", "a\r\nb"), ("tags", "2"), ("tags", "1"), ("on", "on")]);
        let is = now(base.to_vec());
        assert!(rows(&same, Some(&base), Some(&is)).iter().all(|r| r.status == Status::Unchanged));
        // A box that is not sent was unticked.
        let unticked = typed(&[("note", "a\r\nb"), ("tags", "2"), ("tags", "1")]);
        let changed: Vec<_> = rows(&unticked, Some(&base), Some(&is))
            .into_iter()
            .filter(|r| r.status == Status::Mine)
            .map(|r| r.name)
            .collect();
        assert_eq!(changed, ["on"]);
    }

    fn reviews(rows: &[(&str, &str)], saved: usize) -> Vec<Field> {
        let mut fields = vec![
            field("r-TOTAL_FORMS", Kind::Hidden, &[&rows.len().to_string()]),
            field("r-INITIAL_FORMS", Kind::Hidden, &[&saved.to_string()]),
        ];
        for (row, (key, value)) in rows.iter().enumerate() {
            fields.push(field(&format!("r-{row}-id"), Kind::Hidden, &[key]));
            fields.push(text(&format!("r-{row}-text"), value));
        }
        fields
    }

    #[test]
    fn inline_rows_are_matched_by_their_keys() {
        let base = reviews(&[("7", "seven"), ("8", "eight"), ("", "")], 2);
        // Somebody deleted 7 and added 9.
        let is = now(reviews(&[("8", "eight"), ("9", "nine"), ("", "")], 2));
        let sent = typed(&[
            ("r-TOTAL_FORMS", "3"),
            ("r-0-id", "7"),
            ("r-0-text", "seven"),
            ("r-1-id", "8"),
            ("r-1-text", "EIGHT"),
            ("r-2-id", ""),
            ("r-2-text", "mine"),
        ]);
        let got = compared(&sent, Some(&base), Some(&is));
        let find =
            |name: &str| got.iter().find(|(n, ..)| n == name).unwrap_or_else(|| panic!("{name}: {got:?}"));
        assert_eq!(
            find("r-1-text"),
            &("r-1-text".to_owned(), Status::Mine, "r-0-text".to_owned()),
            "8 is the first now"
        );
        assert_eq!(
            find("r-2-text"),
            &("r-2-text".to_owned(), Status::Mine, "r-2-text".to_owned()),
            "a new row stays below"
        );
        assert_eq!(find("r-0-text").1, Status::Theirs, "its row was deleted");
        assert!(
            got.iter().any(|(n, s, _)| n.starts_with("r-10000") && *s == Status::Theirs),
            "9 was added: {got:?}"
        );
        assert!(got.iter().all(|(n, ..)| !n.ends_with("-id")), "keys are nothing to show");
    }

    #[test]
    fn differences_see_everything_but_what_is_ignored() {
        let base = reviews(&[("7", "seven"), ("", "")], 1);
        assert_eq!(differences(&base, &base, &[]), [] as [String; 0]);
        let changed = reviews(&[("7", "SEVEN"), ("", "")], 1);
        assert_eq!(differences(&base, &changed, &[]), ["r-0-text"]);
        assert_eq!(differences(&base, &changed, &["text".to_owned()]), [] as [String; 0]);
        let added = reviews(&[("7", "seven"), ("8", "eight"), ("", "")], 2);
        assert!(!differences(&base, &added, &["text".to_owned()]).is_empty(), "a row more");
    }
}
