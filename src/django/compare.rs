//! Three versions of a form side by side: what was typed, what it showed when it was opened, what it shows now.
//!
//! Pure. Rows of inline formsets are matched by their keys, not by their numbers, since a row that somebody added
//! or deleted moves all that follow.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::fields::{Field, Kind, Value, plain_lines};
use super::form::Typed;
use super::inlines::{Names, spoken};
pub use super::inlines::{Place, row_keys};

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
    /// What became of the row that it stands in.
    pub place: Place,
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
    /// What Django wants to see in this form's POST (`CsrfViewMiddleware`).
    pub csrf: Option<String>,
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

/// The comparison, changed fields first, each group in the form's order. Fields bear the names they were sent by.
pub fn rows(typed: &Typed, base: Option<&[Field]>, now: Option<&Current>) -> Vec<Row> {
    let names = Names::of(&typed.fields, base, now.map(|n| n.fields.as_slice()));
    let was: Vec<(String, &Field)> =
        base.unwrap_or_default().iter().map(|f| (names.was_called(&f.name), f)).collect();
    let is: Vec<(String, &Field)> =
        now.iter().flat_map(|n| &n.fields).map(|f| (names.is_called(&f.name), f)).collect();
    let mut sent: HashMap<&str, Vec<&str>> = HashMap::new();
    for (name, value) in &typed.fields {
        sent.entry(name).or_default().push(value);
    }
    let withheld: HashSet<&str> = typed.withheld.iter().map(String::as_str).collect();
    let shown = was.iter().chain(&is).map(|(name, _)| name.as_str());
    let mut listed = HashSet::new();
    let order: Vec<&str> = typed
        .fields
        .iter()
        .map(|(name, _)| name.as_str())
        .chain(shown)
        .filter(|name| !is_machinery(name) && !withheld.contains(name) && listed.insert(*name))
        .collect();
    let [was_at, is_at] = [&was, &is].map(|fields| {
        fields.iter().map(|(name, field)| (name.as_str(), *field)).collect::<HashMap<&str, &Field>>()
    });
    let versions = Versions { sent: &sent, base_known: base.is_some(), now, names: &names };
    let mut rows: Vec<Row> = order
        .into_iter()
        .filter_map(|name| versions.row(name, was_at.get(name).copied(), is_at.get(name).copied()))
        .collect();
    rows.sort_by_key(|row| row.status);
    rows
}

/// What every field's comparison needs.
struct Versions<'v> {
    sent: &'v HashMap<&'v str, Vec<&'v str>>,
    base_known: bool,
    now: Option<&'v Current>,
    names: &'v Names,
}

impl Versions<'_> {
    fn row(&self, name: &str, was: Option<&Field>, is: Option<&Field>) -> Option<Row> {
        let shown = was.or(is);
        let kind = shown.map_or(Kind::Text, |f| f.kind);
        // Keys of inline rows and the like: nobody typed them.
        if kind == Kind::Hidden || (shown.is_none() && self.names.is_key(name)) {
            return None;
        }
        let mine = self.sent.get(name).map(Vec::as_slice).unwrap_or_default();
        let place = self.names.place(name);
        let could_be_sent = was.is_some() && place != Place::Added;
        let typed = (could_be_sent || !mine.is_empty()).then(|| self.spoken_of(name, mine, was, is));
        let (base, now) = (was.map(|f| f.values.clone()), is.map(|f| f.values.clone()));
        // Of a row that the person's form never had they cannot have changed anything.
        let t = if place == Place::Added { base.as_deref() } else { typed.as_deref() };
        let (b, n) = (base.as_deref(), now.as_deref());
        let status = self.status(kind, t, b, n);
        // An empty row of an inline that only one side has is nothing to tell.
        let blank = [t, b, n].iter().all(|v| sent_of(kind, *v).is_empty());
        let label = shown.map(|f| f.label.as_str()).filter(|l| !l.is_empty());
        let label = label.map_or_else(|| spoken(name), |label| self.names.in_row(name, label));
        let name = name.to_owned();
        (!blank || status == Status::Unchanged).then_some(Row {
            name,
            place,
            label,
            kind,
            status,
            typed,
            base,
            now,
        })
    }

    fn status(
        &self,
        kind: Kind,
        typed: Option<&[Value]>,
        base: Option<&[Value]>,
        now: Option<&[Value]>,
    ) -> Status {
        let same = |a: Option<&[Value]>, b: Option<&[Value]>| sent_of(kind, a) == sent_of(kind, b);
        match (self.base_known, self.now.is_some()) {
            (true, true) => match (same(typed, base), same(base, now), same(typed, now)) {
                (_, true, true) => Status::Unchanged,
                (_, false, true) => Status::Same,
                (false, true, false) => Status::Mine,
                (true, false, false) => Status::Theirs,
                _ => Status::Both,
            },
            (true, false) if same(typed, base) => Status::Unchanged,
            (false, true) if same(typed, now) => Status::Unchanged,
            (false, false) if sent_of(kind, typed).is_empty() => Status::Unchanged,
            _ => Status::Mine,
        }
    }

    /// The values with the words that a page had for them.
    fn spoken_of(&self, name: &str, sent: &[&str], was: Option<&Field>, is: Option<&Field>) -> Vec<Value> {
        let shown: HashMap<&str, &str> = [is, was]
            .into_iter()
            .flatten()
            .flat_map(|f| &f.values)
            .map(|v| (v.0.as_str(), v.1.as_str()))
            .collect();
        let target = self.now.and_then(|now| Some((now, self.names.now_called(name)?)));
        let listed = |value: &str| {
            target.as_ref().and_then(|(now, name)| now.words.get(&(name.clone(), value.to_owned())).cloned())
        };
        let words = |value: &str| {
            let known = shown.get(value).filter(|w| !w.is_empty()).map(|w| (*w).to_owned());
            known.or_else(|| listed(value)).unwrap_or_default()
        };
        sent.iter().map(|v| Value(plain_lines(v), words(v))).collect()
    }
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
    let names = Names::of(&[], Some(base), Some(now));
    let ignores = |name: &str| {
        let bare = names.split(name).map_or(name, |(_, _, field)| field);
        ignored.iter().any(|i| i == name || i == bare)
    };
    let was: BTreeMap<&str, &Field> = base.iter().map(|f| (f.name.as_str(), f)).collect();
    let is: BTreeMap<String, &Field> = now.iter().map(|f| (names.is_called(&f.name), f)).collect();
    let all: BTreeSet<&str> = was.keys().copied().chain(is.keys().map(String::as_str)).collect();
    all.into_iter()
        // Hidden fields of the page's, not of the object's: `_popup`, `_to_field`.
        .filter(|name| !name.starts_with("initial-") && !name.starts_with('_') && !ignores(name))
        .filter(|name| {
            let [was, is] = [was.get(name), is.get(*name)]
                .map(|field| field.map(|f| sent_of(f.kind, Some(&f.values))).unwrap_or_default());
            was != is
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
