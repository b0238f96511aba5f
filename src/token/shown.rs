//! The fields that a page showed its person, as the page's token carries them: short hashes of their names.
//!
//! Pure. What one person has typed is passed on to another field by field, and only to pages on which Django
//! itself shows that field. Hashes, so that a form of hundreds of fields costs a token, and each of thousands of
//! open pages, a few bytes a field. They need no key: the token around them is signed.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::BASE64;

/// 48 bits: two of a model's fields meet by chance once in 10^11 models of a thousand fields.
const LENGTH: usize = 6;
/// More kinds of field than this are not on a page that people fill in; the rest counts as not shown.
const MOST: usize = 2_000;

/// Sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct ShownFields(Arc<[[u8; LENGTH]]>);

impl ShownFields {
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut all: Vec<_> = names.into_iter().map(hash).collect();
        all.sort_unstable();
        all.dedup();
        all.truncate(MOST);
        Self(all.into())
    }

    pub fn contains(&self, name: &str) -> bool {
        self.0.binary_search(&hash(name)).is_ok()
    }

    /// Without any, as on a page that has no form.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<ShownFields> for String {
    fn from(fields: ShownFields) -> Self {
        BASE64.encode(fields.0.concat())
    }
}

/// What cannot be read shows nothing.
impl From<String> for ShownFields {
    fn from(text: String) -> Self {
        let bytes = BASE64.decode(text).unwrap_or_default();
        let (all, _) = bytes.as_chunks::<LENGTH>();
        Self(all.into())
    }
}

fn hash(name: &str) -> [u8; LENGTH] {
    let digest = Sha256::digest(in_any_row(name).as_bytes());
    let mut short = [0; LENGTH];
    short.copy_from_slice(&digest[..LENGTH]);
    short
}

/// `reviews-3-text` without the row's number: a page that shows one row of an inline, or the empty one that new
/// rows are made from, shows them all (`BaseFormSet.add_prefix`, `empty_form`).
fn in_any_row(name: &str) -> Cow<'_, str> {
    let is_row =
        |part: &str| part == "__prefix__" || (!part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if !name.split('-').any(is_row) {
        return Cow::Borrowed(name);
    }
    let parts: Vec<&str> = name.split('-').map(|part| if is_row(part) { "*" } else { part }).collect();
    Cow::Owned(parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_an_inline_are_one_field() {
        let shown =
            ShownFields::of(["name", "reviews-0-text", "parts-__prefix__-size", "a-0-b-__prefix__-c"]);
        for name in ["name", "reviews-7-text", "parts-0-size", "a-12-b-3-c", "reviews-__prefix__-text"] {
            assert!(shown.contains(name), "{name}");
        }
        for name in ["", "cost", "reviews-0-hidden", "reviews-text", "parts-x-size", "a-0-c", "name-0"] {
            assert!(!shown.contains(name), "{name}");
        }
        assert!(ShownFields::of([]).is_empty() && !shown.is_empty());
    }

    #[test]
    fn what_is_carried_comes_back() {
        let shown = ShownFields::of(["b", "a", "b"]);
        let text = String::from(shown.clone());
        assert_eq!(text.len(), 16);
        assert_eq!(ShownFields::from(text), shown);
        for odd in ["", "!", "AAAA"] {
            assert!(ShownFields::from(odd.to_owned()).is_empty(), "{odd}");
        }
        let many: Vec<String> = (0..3000).map(|n| format!("f{n}")).collect();
        assert_eq!(ShownFields::of(many.iter().map(String::as_str)).0.len(), MOST);
    }
}
