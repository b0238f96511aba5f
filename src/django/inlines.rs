//! Inline formsets: which row of a form is which row of another rendering of it, and what a row is called.
//!
//! Pure. Django numbers the rows of a page; only their hidden fields say which object a row is of.
//! Source: `BaseModelFormSet.add_fields`, `ManagementForm`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::fields::{Field, Kind};

/// How the rows of inline formsets correspond between the form as it was and as it is.
pub(super) struct Names {
    /// Prefixes of formsets, longest first.
    prefixes: Vec<String>,
    /// prefix → row now → row then. Rows that are new get numbers that no old one has.
    then: HashMap<String, HashMap<usize, usize>>,
    now: HashMap<String, HashMap<usize, usize>>,
    keys: BTreeSet<String>,
}

/// Far above any row a form can have, so that the numbers of rows that others added meet no typed one.
const ADDED: usize = 100_000;

impl Names {
    pub(super) fn of(base: Option<&[Field]>, now: Option<&[Field]>) -> Self {
        let mut prefixes: Vec<String> = base
            .into_iter()
            .chain(now)
            .flatten()
            .filter_map(|f| f.name.strip_suffix("-TOTAL_FORMS").map(str::to_owned))
            .collect();
        prefixes.sort_by_key(|p| std::cmp::Reverse(p.len()));
        prefixes.dedup();
        let mut names = Self { prefixes, then: HashMap::new(), now: HashMap::new(), keys: BTreeSet::new() };
        for fields in base.into_iter().chain(now) {
            let hidden = fields.iter().filter(|f| f.kind == Kind::Hidden);
            let keys: Vec<String> =
                hidden.filter_map(|f| names.split(&f.name).map(|(p, _, n)| format!("{p}-{n}"))).collect();
            names.keys.extend(keys);
        }
        if let (Some(base), Some(now)) = (base, now) {
            for prefix in names.prefixes.clone() {
                names.align(&prefix, base, now);
            }
        }
        names
    }

    fn align(&mut self, prefix: &str, base: &[Field], now: &[Field]) {
        let (was, is) = (self.row_keys(prefix, base), self.row_keys(prefix, now));
        let (saved_then, saved_now) = (saved_rows(prefix, base), saved_rows(prefix, now));
        let (mut then, mut back) = (HashMap::new(), HashMap::new());
        for (row, key) in &is {
            let old = if *row < saved_now {
                let found = was.iter().find(|(r, k)| **r < saved_then && *k == key).map(|(r, _)| *r);
                found.unwrap_or(ADDED + row)
            } else {
                // Empty rows for new entries: the first is the first.
                saved_then + (row - saved_now)
            };
            then.insert(*row, old);
            back.insert(old, *row);
        }
        // Rows that the person added go below whatever is there now.
        let extra = |row: usize| saved_now + (row - saved_then);
        for row in saved_then..saved_then + 1000 {
            back.entry(row).or_insert_with(|| extra(row));
        }
        self.then.insert(prefix.to_owned(), then);
        self.now.insert(prefix.to_owned(), back);
    }

    /// What tells the rows of a formset apart: their hidden fields, the key among them.
    fn row_keys(&self, prefix: &str, fields: &[Field]) -> BTreeMap<usize, Vec<(String, String)>> {
        let mut keys: BTreeMap<usize, Vec<(String, String)>> = BTreeMap::new();
        for field in fields {
            let Some((p, row, name)) = self.split(&field.name).filter(|(p, ..)| *p == prefix) else {
                continue;
            };
            debug_assert_eq!(p, prefix);
            let key = keys.entry(row).or_default();
            if field.kind == Kind::Hidden {
                let value = field.values.first().map(|v| v.0.clone()).unwrap_or_default();
                key.push((name.to_owned(), value));
            }
        }
        keys
    }

    /// `reviews-3-text` → (`reviews`, 3, `text`).
    pub(super) fn split<'n>(&self, name: &'n str) -> Option<(&'n str, usize, &'n str)> {
        self.prefixes.iter().find_map(|prefix| {
            let rest = name.strip_prefix(prefix.as_str())?.strip_prefix('-')?;
            let (row, field) = rest.split_once('-')?;
            let row = row.parse().ok().filter(|row| *row < ADDED)?;
            Some((&name[..prefix.len()], row, field))
        })
    }

    fn renumbered(&self, name: &str, map: &HashMap<String, HashMap<usize, usize>>) -> String {
        let Some((prefix, row, field)) = self.split(name) else {
            return name.to_owned();
        };
        let row = map.get(prefix).and_then(|rows| rows.get(&row)).copied().unwrap_or(row);
        format!("{prefix}-{row}-{field}")
    }

    /// A field of the current form, by the name that it had then.
    pub(super) fn seen_as(&self, name: &str) -> String {
        self.renumbered(name, &self.then)
    }

    /// The reverse.
    pub(super) fn now_called(&self, name: &str) -> String {
        self.renumbered(name, &self.now)
    }

    pub(super) fn is_key(&self, name: &str) -> bool {
        self.split(name).is_some_and(|(p, _, n)| self.keys.contains(&format!("{p}-{n}")))
    }

    /// A label of an inline's field tells the row as well.
    pub(super) fn in_row(&self, name: &str, label: &str) -> String {
        match self.split(name) {
            Some((prefix, row, _)) => format!("{} {}: {label}", spoken(prefix), number(row)),
            None => label.to_owned(),
        }
    }
}

fn number(row: usize) -> String {
    if row >= ADDED { "(added by somebody else)".to_owned() } else { format!("#{}", row + 1) }
}

fn saved_rows(prefix: &str, fields: &[Field]) -> usize {
    let name = format!("{prefix}-INITIAL_FORMS");
    let field = fields.iter().find(|f| f.name == name);
    let rows = field.and_then(|f| f.values.first()?.0.parse().ok()).unwrap_or(0);
    // What the form says it showed comes from the browser.
    ADDED.min(rows)
}

/// A field's name for people, where the page has no label for it: `reviews-0-pub_date` → `Reviews #1: pub date`.
pub fn spoken(name: &str) -> String {
    let mut words = Vec::new();
    for part in name.split('-') {
        match part.parse::<usize>() {
            Ok(row) => words.push(format!("{}:", number(row))),
            Err(_) => words.push(part.replace('_', " ")),
        }
    }
    let text = words.join(" ");
    let text = text.trim_end_matches(':');
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
}
