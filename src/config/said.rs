//! Every setting as the site says it, to be held against what it says later.
//!
//! Knows secrets, and so gives away names only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::shown::as_it_is_read;
use super::source::{Layer, Raw};

#[derive(Clone, Default)]
pub struct Said(BTreeMap<String, Raw>);

impl Said {
    pub(super) fn of(layer: &Layer, defaults: &Layer) -> Self {
        let read = layer.iter().map(|(key, entry)| {
            let default = defaults.get(key).map(|e| &e.raw);
            (key.clone(), as_it_is_read(&entry.raw, default))
        });
        Self(read.collect())
    }

    /// The names of what is said otherwise `later`, or only there, or no more.
    pub fn differing<'a>(&'a self, later: &'a Self) -> Vec<&'a str> {
        let names: BTreeSet<&str> = self.0.keys().chain(later.0.keys()).map(String::as_str).collect();
        names.into_iter().filter(|name| self.0.get(*name) != later.0.get(*name)).collect()
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Said({} settings)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::layers;
    use super::*;

    fn said(text: &str, variables: &[(&str, &str)]) -> Said {
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let mut problems = Vec::new();
        let (layer, defaults) = layers("collab.toml", text, variables, vec![], &mut problems);
        assert_eq!(problems, []);
        Said::of(&layer, &defaults)
    }

    #[test]
    fn what_differs_is_named_and_not_shown() {
        let before = said(
            "secret = \"hush-hush-hush-hush\"\n[lock]\nqueue = 7\n[options.tr]\nnext_text = \"A\"\n",
            &[],
        );
        let later = said("secret = \"hush-hush-hush-hash\"\n[lock]\nlease = \"30 s\"\n", &[]);
        assert_eq!(before.differing(&later), ["lock.queue", "options.tr.next_text", "secret"]);
        assert!(!format!("{before:?}").contains("hush"));
        // The same by another way is the same.
        let moved = said(
            "secret = \"hush-hush-hush-hush\"\n[options.tr]\nnext_text = \"A\"\n",
            &[("COLLAB_LOCK_QUEUE", "7"), ("COLLAB_OPTIONS_ENABLE_CHAT", "true")],
        );
        assert!(before.differing(&moved).is_empty(), "{:?}", before.differing(&moved));
    }
}
