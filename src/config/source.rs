//! Where settings come from: a file, the environment, flags. Everything becomes `section.key` with its origin.
//!
//! Owns syntax and origins. What a setting means is `config/mod.rs`'s.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use toml::de::{DeTable, DeValue};

/// A value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Raw {
    Text(String),
    Number(f64),
    Bool(bool),
    List(Vec<Raw>),
    /// Something no setting takes: a date, a nested table.
    Other(&'static str),
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Self::Other(what) => f.write_str(what),
        }
    }
}

/// Where a value stands: `collab.toml line 4`, `COLLAB_LISTEN`, `--listen`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Origin {
    /// In what is compiled in: the repository's collab.toml.
    Default {
        #[serde(skip)]
        line: usize,
    },
    File {
        file: String,
        line: usize,
    },
    Environment {
        variable: String,
    },
    Flag {
        flag: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default { .. } => f.write_str("default"),
            Self::File { file, line } => write!(f, "{file} line {line}"),
            Self::Environment { variable } => f.write_str(variable),
            Self::Flag { flag } => f.write_str(flag),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) raw: Raw,
    pub(super) origin: Origin,
}

pub(super) type Layer = BTreeMap<String, Entry>;

/// Something to be mended, in one line: where, which key, what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub origin: String,
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.text)
    }
}

/// Reads a file's text. `name` is how the file is called in messages.
pub(super) fn file(name: &str, text: &str, problems: &mut Vec<Problem>) -> Layer {
    read(text, problems, &|line| Origin::File { file: name.to_owned(), line })
}

/// Reads what is compiled in.
pub(super) fn defaults(text: &str, problems: &mut Vec<Problem>) -> Layer {
    read(text, problems, &|line| Origin::Default { line })
}

fn read(text: &str, problems: &mut Vec<Problem>, origin: &dyn Fn(usize) -> Origin) -> Layer {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        problems.push(Problem {
            origin: origin(line).to_string(),
            text: format!("not TOML: {}", error.message()),
        });
    }
    let mut layer = Layer::new();
    flatten(text, "", table.get_ref(), origin, &mut layer);
    layer
}

fn flatten(
    text: &str,
    section: &str,
    table: &DeTable<'_>,
    origin: &dyn Fn(usize) -> Origin,
    layer: &mut Layer,
) {
    for (key, value) in table {
        let full = if section.is_empty() {
            key.get_ref().to_string()
        } else {
            format!("{section}.{}", key.get_ref())
        };
        match value.get_ref() {
            // Below `options` stand the texts of one language.
            DeValue::Table(inner) if section.is_empty() || section == "options" => {
                flatten(text, &full, inner, origin, layer);
            }
            other => {
                let origin = origin(line_of(text, key.span().start));
                layer.insert(full, Entry { raw: raw(other), origin });
            }
        }
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => number_of(&number.to_string()),
        DeValue::Float(number) => number_of(&number.to_string()),
        DeValue::Boolean(value) => Raw::Bool(*value),
        DeValue::Array(items) => Raw::List(items.iter().map(|i| raw(i.get_ref())).collect()),
        DeValue::Table(_) => Raw::Other("a table"),
        DeValue::Datetime(_) => Raw::Other("a date"),
    }
}

fn number_of(text: &str) -> Raw {
    text.parse().map_or(Raw::Other("a number out of range"), Raw::Number)
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|&&b| b == b'\n').count() + 1
}

/// A value from the environment or a flag: written without quotes, lists with commas.
pub(super) fn word(text: &str) -> Raw {
    Raw::Text(text.to_owned())
}

/// `COLLAB_LOCK_LEASE` is `lock.lease`. Which of the keys is meant is looked up, since keys have underscores too.
pub(super) fn environment(
    variables: impl IntoIterator<Item = (String, String)>,
    keys: &[String],
    problems: &mut Vec<Problem>,
) -> Layer {
    let mut layer = Layer::new();
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix("COLLAB_") else {
            continue;
        };
        if rest == "CONFIG" {
            continue;
        }
        let matching = keys.iter().find(|k| variable(k) == name);
        match matching {
            Some(key) => {
                layer.insert(
                    key.clone(),
                    Entry { raw: word(&value), origin: Origin::Environment { variable: name } },
                );
            }
            None if is_of_kubernetes(&name, &value) => {}
            None => problems.push(Problem {
                text: format!("there is no such setting{}", suggestion(&rest.to_lowercase(), keys, variable)),
                origin: name,
            }),
        }
    }
    layer
}

/// What Kubernetes puts there for every service of the namespace, such as one called "collab-proxy":
/// `COLLAB_PROXY_SERVICE_HOST`, `COLLAB_PROXY_PORT=tcp://…`, `COLLAB_PROXY_PORT_80_TCP_ADDR`.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_PORT_")
        || name.ends_with("_PORT") && value.contains("://")
}

/// The variable that a setting is given by.
fn variable(key: &str) -> String {
    format!("COLLAB_{}", key.replace('.', "_").to_uppercase())
}

/// ` (did you mean …?)`, when a known key is near, or is the same in another section: `redis.url` is `options.redis_url`.
/// `named`: how it is written where the wrong one stands.
pub(super) fn suggestion(wrong: &str, keys: &[String], named: impl Fn(&str) -> String) -> String {
    let flat = |s: &str| s.replace(['.', '-'], "_");
    let elsewhere = |k: &str| flat(k).ends_with(&format!("_{}", flat(wrong)));
    keys.iter()
        .map(|k| (!elsewhere(k), distance(&flat(wrong), &flat(k)), k))
        .min()
        .filter(|(is_other, d, k)| !is_other || *d <= 2 + k.len() / 8)
        .map_or_else(String::new, |(_, _, k)| format!(" (did you mean {}?)", named(k)))
}

/// Edits between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut left = i + 1;
        let mut corner = i;
        for (j, y) in b.iter().enumerate() {
            let up = row[j + 1];
            let cost = if x == *y { corner } else { 1 + corner.min(left).min(up) };
            corner = up;
            row[j] = left;
            left = cost;
        }
        row[b.len()] = left;
    }
    row[b.len()]
}
