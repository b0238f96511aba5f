//! The settings for people to look at: what holds, where it comes from, and nothing secret.

use serde::Serialize;
use serde_json::Value;

use super::secrecy::without_secrets;
use super::source::{Layer, Origin, Raw};
use super::texts;

/// One setting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// `lock.lease`.
    pub key: String,
    pub value: Value,
    /// It says something else than the default.
    pub changed: bool,
    /// Something in it is not shown.
    pub masked: bool,
    pub origin: Origin,
    /// What people are told: there are hundreds of them.
    #[serde(skip)]
    pub is_text: bool,
}

/// In the order in which they are documented; what languages have of their own comes last.
pub(super) fn all(layer: &Layer, defaults: &Layer) -> Vec<Shown> {
    let place = |key: &str| match defaults.get(key).map(|e| &e.origin) {
        Some(Origin::Default { line }) => *line,
        _ => usize::MAX,
    };
    let mut keys: Vec<&String> = layer.keys().collect();
    keys.sort_by_key(|key| (place(key), *key));
    let shown = keys.into_iter().filter_map(|key| {
        let entry = layer.get(key)?;
        let default = defaults.get(key).map(|e| &e.raw);
        let raw = as_it_is_read(&entry.raw, default);
        let (value, masked) = without_secrets(key, &raw);
        Some(Shown {
            key: key.clone(),
            changed: default != Some(&raw),
            value: json(&value),
            masked,
            origin: entry.origin.clone(),
            is_text: texts::is_text(key) || texts::of_language(key).is_some(),
        })
    });
    shown.collect()
}

/// Variables and flags are words; what they are taken for, the default tells.
pub(super) fn as_it_is_read(raw: &Raw, default: Option<&Raw>) -> Raw {
    let Raw::Text(text) = raw else {
        return raw.clone();
    };
    match default {
        Some(Raw::List(_)) => {
            let words = text.split(',').map(str::trim).filter(|w| !w.is_empty());
            Raw::List(words.map(|w| Raw::Text(w.to_owned())).collect())
        }
        Some(Raw::Bool(_)) => text.parse().map_or_else(|_| raw.clone(), Raw::Bool),
        Some(Raw::Number(_)) => text.trim().parse().map_or_else(|_| raw.clone(), Raw::Number),
        _ => raw.clone(),
    }
}

fn json(raw: &Raw) -> Value {
    match raw {
        Raw::Text(text) => Value::from(text.as_str()),
        Raw::Bool(value) => Value::from(*value),
        #[expect(clippy::cast_possible_truncation, reason = "whole, and far from the end of i64")]
        Raw::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => Value::from(*number as i64),
        Raw::Number(number) => Value::from(*number),
        Raw::List(items) => items.iter().map(json).collect(),
        Raw::Other(what) => Value::from(*what),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Flags;
    use super::super::load::layers;
    use super::*;

    fn of(text: &str, variables: &[(&str, &str)], flags: Flags) -> Vec<Shown> {
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let mut problems = Vec::new();
        let (layer, defaults) = layers("collab.toml", text, variables, flags, &mut problems);
        assert_eq!(problems, []);
        all(&layer, &defaults)
    }

    fn changed(all: &[Shown]) -> Vec<(&str, String, String)> {
        let changed = all.iter().filter(|s| s.changed);
        changed.map(|s| (s.key.as_str(), s.value.to_string(), s.origin.to_string())).collect()
    }

    #[test]
    fn without_anything_set_all_is_as_documented() {
        let all = of("", &[], vec![]);
        assert_eq!(changed(&all), []);
        assert!(all.iter().all(|s| matches!(s.origin, Origin::Default { .. }) && !s.masked));
        let first: Vec<&str> = all.iter().take(3).map(|s| s.key.as_str()).collect();
        assert_eq!(first, ["listen", "upstream", "store"]);
        assert!(
            all.iter().filter(|s| !s.is_text).count() > 50 && all.iter().filter(|s| s.is_text).count() > 200
        );
    }

    #[test]
    fn every_value_has_its_origin() {
        let text = "listen = \"h:1\"\n[lock]\nqueue = 7\n[options.tr]\nnext_text = \"Sıra sizde.\"\n";
        let variables = [
            ("COLLAB_PROXY_MAX_CONNECTIONS", "9"),
            ("COLLAB_ADMIN_PREFIXES", "/a/, /b/"),
            ("COLLAB_OPTIONS_ENABLE_CHAT", "false"),
            ("COLLAB_LOCK_LEASE", "30 s"),
        ];
        let all = of(text, &variables, vec![("listen", "h:2".to_owned(), "--listen")]);
        let wanted = [
            ("listen", "\"h:2\"", "--listen"),
            ("proxy.max_connections", "9", "COLLAB_PROXY_MAX_CONNECTIONS"),
            ("admin.prefixes", "[\"/a/\",\"/b/\"]", "COLLAB_ADMIN_PREFIXES"),
            ("lock.queue", "7", "collab.toml line 3"),
            ("options.enable_chat", "false", "COLLAB_OPTIONS_ENABLE_CHAT"),
            ("options.tr.next_text", "\"Sıra sizde.\"", "collab.toml line 5"),
        ];
        let found = changed(&all);
        let found: Vec<(&str, &str, &str)> =
            found.iter().map(|(k, v, o)| (*k, v.as_str(), o.as_str())).collect();
        assert_eq!(found, wanted);
        let lease = all.iter().find(|s| s.key == "lock.lease").unwrap();
        assert_eq!((lease.changed, lease.origin.to_string()), (false, "COLLAB_LOCK_LEASE".to_owned()));
    }

    #[test]
    fn nothing_secret_is_shown() {
        let text = "secret = \"hush-hush-hush-hush\"\nsecret_file = \"/run/secret\"\nupstream = \"http://u:hush@h:1\"\n\
                    [options]\nredis_url = \"redis://u:hush@h:1/0\"\n\
                    [redis]\nsentinels = [\"h:1\", \"redis://u:hush@h:2\", \"hush@h:3\"]\n";
        let all = of(text, &[], vec![]);
        let shown = serde_json::to_string(&all).unwrap();
        assert!(!shown.contains("hush"), "{shown}");
        let masked: Vec<&str> = all.iter().filter(|s| s.masked).map(|s| s.key.as_str()).collect();
        assert_eq!(masked, ["upstream", "secret", "options.redis_url", "redis.sentinels"]);
        let value = |key: &str| all.iter().find(|s| s.key == key).unwrap().value.to_string();
        assert_eq!(value("options.redis_url"), "\"redis://u:***@h:1/0\"");
        assert_eq!(value("secret_file"), "\"/run/secret\"");
        assert!(value("redis.sentinels").contains("\"h:1\",\"redis://u:***@h:2"));
    }
}
