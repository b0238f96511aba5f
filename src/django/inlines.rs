//! Inline formsets: which row of a form is which row of another rendering of it, and what a row is called.
//!
//! Pure. Django numbers the rows of a page; only their hidden fields say which object a row is of.
//! Source: `BaseModelFormSet.add_fields`, `ManagementForm`.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::fields::{Field, Kind};

/// Far above any row a form can have, so that the numbers of rows that others added meet no typed one.
const ADDED: usize = 100_000;
/// Rows whose keys travel; as `inlines.js`.
const MOST_KEYS: usize = 1_000;
/// No field of Django's has a longer name; what a stranger sends may.
const LONGEST: usize = 512;

/// What became of the row of an inline that a field stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// No row of an inline, or one that both forms have.
    Kept,
    /// The person's form has the row, the present one has not.
    Deleted,
    /// The present form has it, the person's has not.
    Added,
}

/// How the rows of inline formsets correspond between what was sent, the form as it was, and as it is.
///
/// All are brought to the numbers of what was sent; where nothing of a formset was, to those of the older form.
pub(super) struct Names {
    prefixes: HashSet<String>,
    /// (prefix, field) of the fields that tell rows apart.
    keys: HashSet<(String, String)>,
    /// prefix → row → common row.
    base: Rows,
    now: Rows,
    /// prefix → common row → row now.
    back: Rows,
    /// prefix → how many saved rows the form has that gives the numbers, and how many the present one.
    saved: HashMap<String, (usize, usize)>,
    now_known: bool,
}

type Rows = HashMap<String, HashMap<usize, usize>>;
/// What tells a row apart: its hidden fields, or the object's key alone where it has the usual name.
type Key<'f> = Vec<(&'f str, &'f str)>;

/// The formsets of one version.
#[derive(Default)]
struct Side<'f> {
    /// prefix → how many of its rows are of saved objects.
    saved: HashMap<&'f str, usize>,
    rows: HashMap<&'f str, BTreeMap<usize, Key<'f>>>,
}

impl Side<'_> {
    fn saved(&self, prefix: &str) -> usize {
        self.saved.get(prefix).copied().unwrap_or(0)
    }
}

fn pairs(fields: &[Field]) -> impl Iterator<Item = (&str, &str)> {
    fields.iter().map(|f| (f.name.as_str(), f.values.first().map_or("", |v| v.0.as_str())))
}

impl Names {
    pub(super) fn of(typed: &[(String, String)], base: Option<&[Field]>, now: Option<&[Field]>) -> Self {
        let shown = || base.into_iter().chain(now).flatten();
        let sent = typed.iter().map(|(name, _)| name.as_str());
        let prefixes = shown()
            .map(|f| f.name.as_str())
            .chain(sent)
            .filter_map(|name| name.strip_suffix("-TOTAL_FORMS").map(str::to_owned))
            .collect();
        let mut names = Self {
            prefixes,
            keys: HashSet::new(),
            base: Rows::new(),
            now: Rows::new(),
            back: Rows::new(),
            saved: HashMap::new(),
            now_known: now.is_some(),
        };
        names.keys = shown()
            .filter(|f| f.kind == Kind::Hidden)
            .filter_map(|f| names.split(&f.name))
            .map(|(prefix, _, field)| (prefix.to_owned(), field.to_owned()))
            .collect();
        // Django's usual name, where no page says what is hidden.
        let ids =
            typed.iter().filter_map(|(name, _)| names.split(name)).filter(|(_, _, field)| *field == "id");
        let ids: Vec<_> = ids.map(|(prefix, _, field)| (prefix.to_owned(), field.to_owned())).collect();
        names.keys.extend(ids);
        let sent = names.side(typed.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let sides = [base, now].map(|fields| fields.map(|fields| names.side(pairs(fields))));
        for prefix in names.prefixes.clone() {
            names.align(&prefix, &sent, &sides);
        }
        names
    }

    fn side<'f>(&self, fields: impl Iterator<Item = (&'f str, &'f str)>) -> Side<'f> {
        let mut side = Side::default();
        for (name, value) in fields {
            if let Some(prefix) = name.strip_suffix("-INITIAL_FORMS") {
                // What the form says it showed comes from the browser.
                side.saved.insert(prefix, value.parse().unwrap_or(0).min(ADDED));
            } else if let Some((prefix, row, field)) = self.split(name) {
                let key = side.rows.entry(prefix).or_default().entry(row).or_default();
                if self.keys.contains(&(prefix.to_owned(), field.to_owned())) {
                    key.push((field, value));
                }
            }
        }
        for key in side.rows.values_mut().flat_map(BTreeMap::values_mut) {
            // Other hidden fields may change while the row stays the same one: its place in an order.
            match key.iter().find(|(field, value)| *field == "id" && !value.is_empty()).copied() {
                Some(id) => *key = vec![id],
                None => key.sort_unstable(),
            }
        }
        side
    }

    fn align(&mut self, prefix: &str, sent: &Side, sides: &[Option<Side>; 2]) {
        let all = || [Some(sent), sides[0].as_ref(), sides[1].as_ref()].into_iter().flatten();
        let Some(leader) = all().find(|side| side.saved.contains_key(prefix)) else {
            return;
        };
        let saved = leader.saved(prefix);
        let mut common: HashMap<(Option<usize>, &Key), usize> = HashMap::new();
        for (row, key) in leader.rows.get(prefix).into_iter().flatten().filter(|(row, _)| **row < saved) {
            common.entry(told(key, *row)).or_insert(*row);
        }
        let mut added = ADDED;
        for (side, maps) in sides.iter().zip([&mut self.base, &mut self.now]) {
            let Some(side) = side else { continue };
            let map = maps.entry(prefix.to_owned()).or_default();
            for (row, key) in side.rows.get(prefix).into_iter().flatten() {
                let there = if *row < side.saved(prefix) {
                    *common.entry(told(key, *row)).or_insert_with(|| {
                        added += 1;
                        added
                    })
                } else {
                    // Empty rows for new entries: the first is the first.
                    saved + (row - side.saved(prefix))
                };
                map.insert(*row, there);
            }
        }
        let back = self.now.get(prefix).into_iter().flatten().map(|(row, there)| (*there, *row));
        self.back.insert(prefix.to_owned(), back.collect());
        let saved_now = sides[1].as_ref().map_or(0, |side| side.saved(prefix));
        self.saved.insert(prefix.to_owned(), (saved, saved_now));
    }

    /// `reviews-3-text` → (`reviews`, 3, `text`). One formset's prefix may begin with another's: the longest
    /// counts.
    pub(super) fn split<'n>(&self, name: &'n str) -> Option<(&'n str, usize, &'n str)> {
        if name.len() > LONGEST || self.prefixes.is_empty() {
            return None;
        }
        name.rmatch_indices('-').find_map(|(at, _)| {
            let (row, field) = name[at + 1..].split_once('-')?;
            let row = row.parse().ok().filter(|row| *row < ADDED)?;
            self.prefixes.contains(&name[..at]).then_some((&name[..at], row, field))
        })
    }

    fn renumbered(&self, name: &str, map: &Rows) -> String {
        let Some((prefix, row, field)) = self.split(name) else {
            return name.to_owned();
        };
        let row = map.get(prefix).and_then(|rows| rows.get(&row)).copied().unwrap_or(row);
        format!("{prefix}-{row}-{field}")
    }

    /// A field of the form as it was, by its common name.
    pub(super) fn was_called(&self, name: &str) -> String {
        self.renumbered(name, &self.base)
    }

    /// A field of the current form, by its common name.
    pub(super) fn is_called(&self, name: &str) -> String {
        self.renumbered(name, &self.now)
    }

    /// What a field of the common name is called in the current form; none where its row is gone.
    pub(super) fn now_called(&self, name: &str) -> Option<String> {
        let Some((prefix, row, field)) = split_common(name, |p| self.saved.contains_key(p)) else {
            return Some(name.to_owned());
        };
        if !self.now_known {
            return Some(name.to_owned());
        }
        let (saved, saved_now) = self.saved[prefix];
        let there = self.back.get(prefix).and_then(|rows| rows.get(&row)).copied();
        // Rows that the person added go below whatever is there now.
        let new = || (saved..ADDED).contains(&row).then(|| saved_now + (row - saved));
        there.or_else(new).map(|row| format!("{prefix}-{row}-{field}"))
    }

    pub(super) fn place(&self, name: &str) -> Place {
        match split_common(name, |p| self.saved.contains_key(p)) {
            Some((_, row, _)) if row > ADDED => Place::Added,
            Some(_) if self.now_called(name).is_none() => Place::Deleted,
            _ => Place::Kept,
        }
    }

    pub(super) fn is_key(&self, name: &str) -> bool {
        self.split(name).is_some_and(|(p, _, n)| self.keys.contains(&(p.to_owned(), n.to_owned())))
    }

    /// A label of an inline's field tells the row as well.
    pub(super) fn in_row(&self, name: &str, label: &str) -> String {
        match split_common(name, |p| self.saved.contains_key(p)) {
            Some((prefix, row, _)) => format!("{} {}: {label}", spoken(prefix), number(row)),
            None => label.to_owned(),
        }
    }
}

/// What tells the rows of a sent form apart, as its own page would say it (`inlines.js`): prefix → how many are of
/// saved objects, and their keys.
pub fn row_keys(
    typed: &[(String, String)],
    base: Option<&[Field]>,
    now: Option<&[Field]>,
) -> BTreeMap<String, (usize, Vec<String>)> {
    let names = Names::of(typed, base, now);
    let side = names.side(typed.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let spoken = |row: usize, key: Option<&Key>| match key.map(Vec::as_slice).unwrap_or_default() {
        [] => format!("#{row}"),
        parts => parts.iter().map(|(field, value)| format!("{field}={value}")).collect::<Vec<_>>().join("\n"),
    };
    let formsets = side.saved.iter().filter(|(prefix, _)| names.prefixes.contains(**prefix));
    formsets
        .map(|(prefix, saved)| {
            let saved = (*saved).min(MOST_KEYS);
            let rows = side.rows.get(prefix);
            let keys = (0..saved).map(|row| spoken(row, rows.and_then(|rows| rows.get(&row)))).collect();
            ((*prefix).to_owned(), (saved, keys))
        })
        .collect()
}

/// As [`Names::split`], for the numbers of added rows as well.
fn split_common(name: &str, is_prefix: impl Fn(&str) -> bool) -> Option<(&str, usize, &str)> {
    if name.len() > LONGEST {
        return None;
    }
    name.rmatch_indices('-').find_map(|(at, _)| {
        let (row, field) = name[at + 1..].split_once('-')?;
        let row = row.parse().ok()?;
        is_prefix(&name[..at]).then_some((&name[..at], row, field))
    })
}

/// Rows without anything that tells them apart are told apart by their numbers.
fn told<'k, 'f>(key: &'k Key<'f>, row: usize) -> (Option<usize>, &'k Key<'f>) {
    (key.is_empty().then_some(row), key)
}

fn number(row: usize) -> String {
    if row > ADDED { "(added by somebody else)".to_owned() } else { format!("#{}", row + 1) }
}

/// A field's name for people, where the page has no label for it: `reviews-0-pub_date` → `Reviews #1: pub date`.
pub fn spoken(name: &str) -> String {
    let mut words = Vec::new();
    for part in name.split('-') {
        match part.parse::<usize>() {
            Ok(row) => words.push(format!("{}:", number(row))),
            // BaseFormSet.add_fields: the box that deletes a row.
            Err(_) if part == "DELETE" => words.push("delete".to_owned()),
            Err(_) => words.push(part.replace('_', " ")),
        }
    }
    let text = words.join(" ");
    let text = text.trim_end_matches(':');
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
}
