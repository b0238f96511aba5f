//! A form's fields as they were shown: names, labels and values.
//!
//! Pure. Owns what a field is for everybody who compares or prints it; must not know how pages are read.

use serde::{Deserialize, Serialize};

/// What kind of control a field is, as far as showing it to people goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    #[default]
    #[serde(rename = "t")]
    Text,
    /// Text of several lines.
    #[serde(rename = "l")]
    Long,
    #[serde(rename = "c")]
    Choice,
    /// Boxes to tick, and buttons of which one is pressed.
    #[serde(rename = "b")]
    Box,
    #[serde(rename = "h")]
    Hidden,
}

/// A value as it is sent, and as people read it (a choice's words; empty: the same).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value(pub String, #[serde(default, skip_serializing_if = "String::is_empty")] pub String);

impl Value {
    pub fn shown(&self) -> &str {
        if self.1.is_empty() { &self.0 } else { &self.1 }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    #[serde(rename = "n")]
    pub name: String,
    #[serde(rename = "k")]
    pub kind: Kind,
    #[serde(rename = "l", default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// None: an empty list, no box ticked.
    #[serde(rename = "v", default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

impl Field {
    /// Its values as they are sent, in an order that does not matter.
    pub fn sent(&self) -> Vec<&str> {
        let mut sent: Vec<&str> = self.values.iter().map(|v| v.0.as_str()).collect();
        if matches!(self.kind, Kind::Choice | Kind::Box) {
            sent.sort_unstable();
        }
        sent
    }
}

/// A browser sends line ends as CR LF, whatever the page holds.
pub fn plain_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}
