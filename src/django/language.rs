//! The language of a page, as its `<html lang>` names it: a tag of BCP 47.
//!
//! Pure. What stands in a page may be anything, and goes from there into tokens and headers, so a tag is only made of
//! what tags are made of.

use serde::{Deserialize, Serialize};

/// In small letters, with hyphens: `de`, `pt-br`, `zh-hant-tw`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Language(String);

/// No tag that is in use is longer (RFC 5646, 4.4.1).
const LONGEST: usize = 35;

/// Scripts that are written from right to left (ISO 15924).
const RTL_SCRIPTS: [&str; 8] = ["adlm", "arab", "hebr", "nkoo", "rohg", "samr", "syrc", "thaa"];
/// Languages whose usual script is one of those.
const RTL_LANGUAGES: [&str; 13] =
    ["ar", "arc", "ckb", "dv", "fa", "he", "iw", "nqo", "ps", "syr", "ug", "ur", "yi"];

impl Language {
    pub fn english() -> Self {
        Self("en".to_owned())
    }

    /// None: this is no tag.
    pub fn parse(text: &str) -> Option<Self> {
        let tag = text.trim().to_ascii_lowercase().replace('_', "-");
        let mut parts = tag.split('-');
        let first = parts.next().unwrap_or_default();
        let fits =
            |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let named = (2..=8).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_lowercase());
        (tag.len() <= LONGEST && named && parts.all(fits)).then_some(Self(tag))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language itself, without its country or script: `pt` of `pt-br`.
    pub fn primary(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// Is it written from right to left?
    pub fn is_rtl(&self) -> bool {
        // The script is the only part of four letters; a variant of four begins with a digit.
        let script =
            self.0.split('-').skip(1).find(|p| p.len() == 4 && !p.starts_with(|c: char| c.is_ascii_digit()));
        match script {
            Some(script) => RTL_SCRIPTS.contains(&script),
            None => RTL_LANGUAGES.contains(&self.primary()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_made_of_what_tags_are_made_of() {
        for (text, tag) in [
            ("de", Some("de")),
            (" pt_BR ", Some("pt-br")),
            ("zh-Hant-TW", Some("zh-hant-tw")),
            ("", None),
            ("*", None),
            ("d", None),
            ("de-", None),
            ("en\"><script>", None),
            ("de\r\nSet-Cookie: a=b", None),
            ("türkçe", None),
            ("en-aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaaaaa", None),
        ] {
            assert_eq!(Language::parse(text).as_ref().map(Language::as_str), tag, "{text}");
        }
    }

    #[test]
    fn some_are_written_from_right_to_left() {
        for (tag, rtl) in [
            ("ar", true),
            ("ar-eg", true),
            ("he", true),
            ("uz-arab", true),
            ("ar-latn", false),
            ("de", false),
            ("sl-1994", false),
        ] {
            assert_eq!(Language::parse(tag).unwrap().is_rtl(), rtl, "{tag}");
        }
    }
}
