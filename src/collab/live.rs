//! What the editor has typed and not saved, as the others see it while it happens.
//!
//! Pure: owns how a change joins what is known. Whose page may see which field is the room's affair.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::protocol::{UNSAVED_LIMIT, Values};
use super::record::{Millis, PageId};

/// The unsaved values of one page, whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The editor's page that they stand on.
    pub page: PageId,
    /// The object's version that they were typed on.
    pub version: Millis,
    pub values: Values,
    /// The field that the editor is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focus: Option<String>,
}

impl Live {
    pub fn of(page: PageId, version: Millis) -> Self {
        Self { page, version, ..Self::default() }
    }

    /// Takes a change in: its fields replace what was known of them. Gives what the others are to be told: the
    /// change, or that there is too much by now.
    pub fn join(&mut self, change: Values) -> Values {
        let told = change.clone();
        join(&mut self.values, change);
        if serde_json::to_string(&self.values).map_or(usize::MAX, |json| json.len()) > UNSAVED_LIMIT {
            self.values = too_much();
        }
        if self.values.too_large { too_much() } else { told }
    }
}

fn too_much() -> Values {
    Values { too_large: true, ..Values::default() }
}

/// A later change joins an earlier: its fields replace what was known of them.
pub fn join(known: &mut Values, change: Values) {
    if change.too_large {
        *known = too_much();
        return;
    }
    known.too_large = false;
    // A set: names may be thousands, and everybody waits meanwhile.
    let names: HashSet<&str> = change.names.iter().map(String::as_str).collect();
    known.fields.retain(|entry| !names.contains(entry.name()));
    known.names.retain(|name| !names.contains(name.as_str()));
    known.fields.extend(change.fields);
    known.names.extend(change.names);
    known.rows.extend(change.rows);
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Entry;
    use super::*;

    fn change(name: &str, values: &[&str]) -> Values {
        let fields = values.iter().map(|v| Entry::Plain(name.to_owned(), (*v).to_owned())).collect();
        Values { fields, names: vec![name.to_owned()], ..Values::default() }
    }

    #[test]
    fn a_later_change_of_a_field_replaces_the_earlier() {
        let mut live = Live::of("p".into(), 1);
        live.join(change("name", &["a"]));
        live.join(change("tags", &["1", "2"]));
        live.join(change("name", &["ab"]));
        live.join(change("tags", &[]));
        let mut wanted = change("name", &["ab"]);
        wanted.names.push("tags".to_owned());
        assert_eq!(live.values, wanted);
    }

    #[test]
    fn too_much_is_said_and_less_is_shown_again() {
        let mut live = Live::of("p".into(), 1);
        live.join(change("name", &["a"]));
        let told = live.join(change("text", &["x".repeat(UNSAVED_LIMIT).as_str()]));
        assert!(told.too_large && told.fields.is_empty(), "{told:?}");
        let told = live.join(change("text", &["short"]));
        assert_eq!((told.too_large, live.values.too_large), (false, false));
        assert_eq!(live.values, change("text", &["short"]));
    }
}
