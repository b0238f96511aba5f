//! What a POST to a change list does: an action on rows, a save of edited rows, or nothing.
//!
//! Pure: the fields as Django reads them go in, the rows that it may write come out. Where Django's own code
//! needs something that only it knows (the key field's name, the filters), the caller finds out or guards more.
//! Sources: `ModelAdmin.changelist_view`, `response_action`, `BaseModelFormSet._construct_form`.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::list_outcome::Kind;
use super::object::{ObjectKey, as_int};
use super::posted::Posted;
use super::route::{Prefix, below};

pub const SELECTED: &str = "_selected_action";
const ACROSS: &str = "select_across";
const PREFIX: &str = "form-";

/// The model of a list: `shop.product`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Model {
    pub app: String,
    pub model: String,
}

impl Model {
    /// The list that `path` names, if it names one.
    pub fn of_list(prefixes: &[Prefix], path: &str) -> Option<Self> {
        Self::of_path(&below(prefixes, path)?)
    }

    /// `shop/product/`.
    pub fn of_path(path: &str) -> Option<Self> {
        let (app, model) = path.strip_suffix('/')?.split_once('/')?;
        let good = !app.is_empty() && !model.is_empty() && !model.contains('/');
        good.then(|| Self { app: app.to_owned(), model: model.to_owned() })
    }

    pub fn label(&self) -> String {
        format!("{}.{}", self.app, self.model)
    }

    pub fn path(&self) -> String {
        format!("{}/{}/", self.app, self.model)
    }

    pub fn object(&self, pk: &str) -> ObjectKey {
        ObjectKey::new(&self.app, &self.model, pk)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    Nothing,
    Action(Action),
    Edit(Vec<Row>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    pub name: String,
    /// As they were posted.
    pub pks: Vec<String>,
    /// All rows that match the list's filters, whatever is selected.
    pub across: bool,
    /// The step after a page that asked ("Yes, I'm sure").
    pub confirmed: bool,
}

impl Action {
    pub fn kind(&self) -> Kind {
        match self.name.as_str() {
            "delete_selected" => Kind::Delete { sure: self.confirmed },
            _ => Kind::Action,
        }
    }
}

/// One row of a `list_editable` save: what stands after `form-N-`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub number: usize,
    pub fields: Vec<(String, String)>,
}

impl Row {
    /// The keys that this row may have: one, unless it is not known which field holds it.
    pub fn pks<'r>(&'r self, names: &'r BTreeSet<String>) -> impl Iterator<Item = &'r str> {
        self.fields.iter().filter(|(n, v)| names.contains(n) && !v.is_empty()).map(|(_, v)| v.as_str())
    }
}

pub fn read(posted: &Posted) -> Meaning {
    let has = |name: &str| posted.last(name).is_some();
    if has("_save") {
        return Meaning::Edit(rows(posted));
    }
    let pks: Vec<String> = posted.all(SELECTED).map(str::to_owned).collect();
    // With `index` or without (the step that confirms): an action needs a row.
    match chosen(posted) {
        Some(name) if !pks.is_empty() && !name.is_empty() => Meaning::Action(Action {
            name: name.to_owned(),
            pks,
            across: posted.last(ACROSS).is_some_and(is_true),
            confirmed: posted.last("post").is_some_and(|v| !v.is_empty()),
        }),
        _ => Meaning::Nothing,
    }
}

/// The action of the bar whose button was pressed. Where there is no such bar, the form's last word counts.
fn chosen(posted: &Posted) -> Option<&str> {
    let actions: Vec<&str> = posted.all("action").collect();
    let index = posted.last("index").unwrap_or("0");
    // Python's int() takes no more digits than that.
    let number = if index.len() > 4300 { None } else { as_int(index.trim()) };
    let length = i64::try_from(actions.len()).unwrap_or(i64::MAX);
    let at = match number.map(|n| n.parse::<i64>()) {
        None => 0,
        Some(Ok(n)) if n < 0 => n + length,
        Some(Ok(n)) => n,
        Some(Err(_)) => -1,
    };
    let found = usize::try_from(at).ok().and_then(|at| actions.get(at));
    found.or(actions.last()).copied()
}

/// `forms.BooleanField` on a hidden input.
fn is_true(text: &str) -> bool {
    !matches!(text.to_lowercase().as_str(), "" | "0" | "false")
}

/// Every row that is named at all: what TOTAL_FORMS says can only make it fewer.
fn rows(posted: &Posted) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    // Where in `rows` a number stands: strangers may name as many as they like.
    let mut places = HashMap::new();
    let fields = posted.fields.iter().map(|(n, v)| (n, v.clone()));
    // A file is never what is there already.
    let files = posted.files.iter().map(|(n, v)| (n, format!("\u{0}{v}")));
    for (name, value) in fields.chain(files) {
        let Some((number, field)) = split(name) else {
            continue;
        };
        let field = (field.to_owned(), value);
        let place = *places.entry(number).or_insert(rows.len());
        match rows.get_mut(place) {
            Some(row) => row.fields.push(field),
            None => rows.push(Row { number, fields: vec![field] }),
        }
    }
    rows
}

/// `form-3-price` as 3 and `price`. Django writes the number plainly, so `form-03-price` is nothing to it.
pub fn split(name: &str) -> Option<(usize, &str)> {
    let (digits, field) = name.strip_prefix(PREFIX)?.split_once('-')?;
    let number: usize = digits.parse().ok()?;
    (number.to_string() == digits && !field.is_empty()).then_some((number, field))
}

/// The same POST without some of its selected rows.
pub fn without_selected(fields: &[(String, String)], is_out: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    fields.iter().filter(|(n, v)| n != SELECTED || !is_out(v)).cloned().collect()
}

/// The same POST on exactly these rows, instead of on all that match.
pub fn on_rows(fields: &[(String, String)], pks: &[String]) -> Vec<(String, String)> {
    let kept = fields.iter().filter(|(n, _)| n != SELECTED && n != ACROSS).cloned();
    let across = std::iter::once((ACROSS.to_owned(), "0".to_owned()));
    kept.chain(across).chain(pks.iter().map(|pk| (SELECTED.to_owned(), pk.clone()))).collect()
}

/// The same save without some rows: the others move up, and the counters follow.
pub fn without_rows(fields: &[(String, String)], out: &BTreeSet<usize>) -> Vec<(String, String)> {
    let sorted: Vec<usize> = out.iter().copied().collect();
    let moved_up = |number: usize| number - sorted.partition_point(|n| *n < number);
    let fewer = |text: &str| moved_up(text.trim().parse().unwrap_or(0)).to_string();
    let moved = |name: &str| {
        let (initial, plain) = name.strip_prefix("initial-").map_or(("", name), |n| ("initial-", n));
        match split(plain) {
            Some((n, _)) if out.contains(&n) => None,
            Some((n, field)) => Some(format!("{initial}{PREFIX}{}-{field}", moved_up(n))),
            None => Some(name.to_owned()),
        }
    };
    fields
        .iter()
        .filter_map(|(name, value)| match name.as_str() {
            "form-TOTAL_FORMS" | "form-INITIAL_FORMS" => Some((name.clone(), fewer(value))),
            _ => Some((moved(name)?, value.clone())),
        })
        .collect()
}

#[cfg(test)]
#[path = "changelist_tests.rs"]
mod tests;
