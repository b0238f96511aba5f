//! Reads typed values out of the merged settings, and collects what is wrong with them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::said::Said;
use super::secrecy::may_quote;
use super::source::{Entry, Layer, Origin, Problem, Raw};
use crate::clock::millis;

pub(super) struct Reader {
    layer: Layer,
    defaults: Layer,
    problems: Vec<Problem>,
    /// Keys that were asked for; a test holds the documented ones to them.
    pub(super) asked: BTreeSet<String>,
}

/// The units of a duration, in seconds; the longer names first.
const UNITS: &[(&str, f64)] = &[("ms", 0.001), ("min", 60.0), ("h", 3600.0), ("s", 1.0), ("m", 60.0)];

impl Reader {
    pub(super) fn new(layer: Layer, defaults: Layer) -> Self {
        Self { layer, defaults, problems: Vec::new(), asked: BTreeSet::new() }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    fn entry(&mut self, key: &str) -> Option<Entry> {
        self.asked.insert(key.to_owned());
        let entry = self.layer.get(key).cloned();
        if entry.is_none() {
            self.problems.push(Problem {
                origin: "the built-in defaults".to_owned(),
                text: format!("{key} is missing"),
            });
        }
        entry
    }

    /// Does the site say something else than the defaults?
    pub(super) fn is_changed(&self, key: &str) -> bool {
        self.layer.get(key).map(|e| &e.raw) != self.defaults.get(key).map(|e| &e.raw)
    }

    pub(super) fn changed(&self) -> Vec<String> {
        self.layer.keys().filter(|key| self.is_changed(key)).cloned().collect()
    }

    /// All of it, for whoever compares it with what is said later.
    pub(super) fn said(&self) -> Said {
        Said::of(&self.layer, &self.defaults)
    }

    /// What is documented, whatever the site says.
    pub(super) fn default_text(&self, key: &str) -> String {
        match self.defaults.get(key).map(|e| &e.raw) {
            Some(Raw::Text(text)) => text.clone(),
            _ => String::new(),
        }
    }

    /// The keys of a section, without its name.
    pub(super) fn section(&self, name: &str) -> Vec<String> {
        let start = format!("{name}.");
        self.layer.keys().filter_map(|k| k.strip_prefix(&start).map(str::to_owned)).collect()
    }

    pub(super) fn complain(&mut self, key: &str, what: &str) {
        let Some(entry) = self.layer.get(key) else {
            return;
        };
        // What is secret stays so in messages.
        let found = match may_quote(key, &entry.raw) {
            true => format!(", found {}", entry.raw),
            false => String::new(),
        };
        self.problems
            .push(Problem { origin: entry.origin.to_string(), text: format!("{key}: {what}{found}") });
    }

    /// Two settings do not fit together: named is the one that the site has set, and not the default that it has met. Where
    /// it has set both, `key`. `wanted` and `back`: what the one must be, and what the other.
    pub(super) fn clash(&mut self, (key, wanted): (&str, &str), (other, back): (&str, &str), why: &str) {
        let (key, wanted, other) = match !self.is_said(key) && self.is_said(other) {
            true => (other, back, key),
            false => (key, wanted, other),
        };
        let Some(met) = self.layer.get(other) else { return };
        let met = format!("{other} is {} ({})", met.raw, met.origin);
        self.complain(key, &format!("expected {wanted} {other}{why}; {met}"));
    }

    /// Is it said anywhere but in the defaults?
    pub(super) fn is_said(&self, key: &str) -> bool {
        self.layer.get(key).is_some_and(|e| !matches!(e.origin, Origin::Default { .. }))
    }

    pub(super) fn text(&mut self, key: &str) -> String {
        match self.entry(key).map(|e| e.raw) {
            Some(Raw::Text(text)) => text,
            // A settings dict says None where nothing is set; TOML has no such word.
            Some(_) => {
                self.complain(key, "expected a text in quotes");
                String::new()
            }
            None => String::new(),
        }
    }

    pub(super) fn parse<T>(&mut self, key: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let before = self.problems.len();
        let text = self.text(key);
        if self.problems.len() > before {
            return None;
        }
        parse(&text).map_err(|what| self.complain(key, &what)).ok()
    }

    pub(super) fn parse_list<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let items = match self.entry(key).map(|e| e.raw) {
            Some(Raw::List(items)) => items,
            // From the environment or a flag: with commas.
            Some(Raw::Text(text)) => {
                let words = text.split(',').map(str::trim).filter(|w| !w.is_empty());
                words.map(|w| Raw::Text(w.to_owned())).collect()
            }
            Some(_) => {
                self.complain(key, "expected a list of texts");
                return Vec::new();
            }
            None => return Vec::new(),
        };
        let mut out = Vec::new();
        for item in &items {
            let parsed = match item {
                Raw::Text(text) => parse(text),
                _ => Err("expected a list of texts".to_owned()),
            };
            match parsed {
                Ok(value) => out.push(value),
                Err(what) if !may_quote(key, item) => self.complain(key, &what),
                Err(what) => self.complain(key, &format!("{item}: {what}")),
            }
        }
        out
    }

    pub(super) fn bool(&mut self, key: &str) -> bool {
        match self.entry(key).map(|e| e.raw) {
            Some(Raw::Bool(value)) => value,
            Some(Raw::Text(text)) if text == "true" || text == "false" => text == "true",
            Some(_) => {
                self.complain(key, "expected true or false");
                false
            }
            None => false,
        }
    }

    pub(super) fn count(&mut self, key: &str) -> usize {
        let number = match self.entry(key).map(|e| e.raw) {
            Some(Raw::Number(number)) => Some(number),
            Some(Raw::Text(text)) => text.trim().parse().ok(),
            _ => None,
        };
        match number.filter(|n| n.fract() == 0.0 && (0.0..=1e9).contains(n)) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole, and within 0 to 1e9"
            )]
            Some(number) => number as usize,
            None => {
                self.complain(key, "expected a whole number, 0 or more");
                0
            }
        }
    }

    pub(super) fn duration(&mut self, key: &str) -> Duration {
        let duration = match self.entry(key).map(|e| e.raw) {
            Some(Raw::Number(number)) => of_seconds(number),
            Some(Raw::Text(text)) => duration(&text),
            _ => Err(DURATION.to_owned()),
        };
        duration.unwrap_or_else(|wanted| {
            self.complain(key, &wanted);
            Duration::from_secs(1)
        })
    }

    pub(super) fn millis(&mut self, key: &str, least: u64) -> u64 {
        let value = millis(self.duration(key));
        if value < least {
            self.complain(key, &format!("expected at least {least} ms"));
        }
        value
    }
}

const DURATION: &str = "expected a duration, such as \"500 ms\", \"5 s\", \"2 min\"";

/// `500 ms`, `5 s`, `2 min`, `1 h`, or a number of seconds; in the settings and on the command line.
pub fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let (number, scale) = UNITS
        .iter()
        .find_map(|(unit, scale)| text.strip_suffix(unit).map(|n| (n, *scale)))
        .unwrap_or((text, 1.0));
    number.trim().parse::<f64>().map_err(|_| DURATION.to_owned()).and_then(|n| of_seconds(n * scale))
}

fn of_seconds(seconds: f64) -> Result<Duration, String> {
    match (0.0..=1e7).contains(&seconds) {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err(DURATION.to_owned()),
    }
}
