//! What the widget says, by language: English from the documented settings, six more from files of their own, and over
//! them what the site has changed. A page is given those of its own `<html lang>`.
//!
//! Owns the layers, which `catalog` has too, of the texts of the proxy's own pages.

use std::collections::BTreeMap;

use rust_embed::RustEmbed;
use serde_json::Value;

use crate::django::language::Language;

#[derive(RustEmbed)]
#[folder = "assets/texts/"]
struct Files;

pub type Words = BTreeMap<String, String>;

/// What the settings say of texts.
#[derive(Clone, Debug, Default)]
pub struct SiteTexts {
    /// Every text, as it is documented.
    pub english: Words,
    /// Those that the site has changed, whatever the page's language.
    pub changed: Words,
    /// Those that it has changed for one language: `[options.tr]`.
    pub by_language: BTreeMap<String, Words>,
}

pub struct Texts {
    by_language: BTreeMap<String, Value>,
}

/// Their names are the seed package's; they are said of who is there, whether or not people can write to each other.
const OF_FACES: [&str; 2] = ["chat_user_list_title", "chat_empty_state_text"];

pub(super) const ENGLISH: &str = "en";

impl Texts {
    /// `chat`, `live`: are there conversations, is the edit seen as it happens? Of what is switched off no page is told.
    pub fn new(site: &SiteTexts, chat: bool, live: bool) -> Self {
        let needed = |key: &str| {
            (chat || !key.starts_with("chat_") || OF_FACES.contains(&key))
                && (live || !key.starts_with("live_"))
        };
        let all = layered(site, &shipped::<Files>()).into_iter().map(|(language, mut words)| {
            words.retain(|key, _| needed(key));
            (language, serde_json::json!(words))
        });
        Self { by_language: all.collect() }
    }

    /// `language`: as the page has it, such as `pt-BR`; English where nobody speaks it.
    pub fn of(&self, language: &str) -> &Value {
        let spoken = Language::parse(language).and_then(|language| find(&self.by_language, &language));
        spoken.or_else(|| self.by_language.get(ENGLISH)).unwrap_or(&Value::Null)
    }
}

/// A dialect that nobody has texts of speaks as its language does.
pub(super) fn find<'t, T>(all: &'t BTreeMap<String, T>, language: &Language) -> Option<&'t T> {
    all.get(language.as_str()).or_else(|| all.get(language.primary()))
}

/// Every language's texts: each layer says over again what the one before it says otherwise.
pub(super) fn layered(site: &SiteTexts, shipped: &BTreeMap<String, Words>) -> BTreeMap<String, Words> {
    let none = Words::new();
    let all = shipped.keys().chain(site.by_language.keys()).map(String::as_str).chain([ENGLISH]);
    let by_language = all.map(|language| {
        // A dialect begins with what its language says.
        let primary = language.split('-').next().unwrap_or_default();
        let mut words = site.english.clone();
        for layer in [
            shipped.get(primary).unwrap_or(&none),
            &site.changed,
            site.by_language.get(primary).unwrap_or(&none),
            site.by_language.get(language).unwrap_or(&none),
        ] {
            words.extend(layer.clone());
        }
        (language.to_owned(), words)
    });
    by_language.collect()
}

/// The languages that come with the program.
pub(super) fn shipped<F: RustEmbed>() -> BTreeMap<String, Words> {
    let files = F::iter().filter_map(|name| {
        let text = String::from_utf8(F::get(&name)?.data.into_owned()).ok()?;
        Some((name.strip_suffix(".toml")?.to_owned(), toml::from_str(&text).unwrap_or_default()))
    });
    files.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(pairs: &[(&str, &str)]) -> Words {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_page_is_told_in_its_own_language() {
        let site = SiteTexts {
            english: words(&[("next_text", "You are next."), ("row_self", "You"), ("done_button", "OK")]),
            changed: words(&[("done_button", "Right")]),
            by_language: BTreeMap::from([
                ("de".to_owned(), words(&[("row_self", "Du"), ("done_button", "Gut")])),
                ("de-at".to_owned(), words(&[("row_self", "Du da")])),
                ("nl".to_owned(), words(&[("row_self", "Jij")])),
            ]),
        };
        let texts = Texts::new(&site, true, true);
        let said = |language: &str, key: &str| texts.of(language)[key].as_str().unwrap().to_owned();
        assert_eq!(said("de", "next_text"), "Sie sind als Nächstes an der Reihe.");
        for (language, row, done) in [
            ("de", "Du", "Gut"),
            ("DE_AT", "Du da", "Gut"),
            ("de-CH", "Du", "Gut"),
            ("nl", "Jij", "Right"),
            ("fr", "Vous", "Right"),
            ("xx", "You", "Right"),
            ("", "You", "Right"),
        ] {
            assert_eq!(
                (said(language, "row_self"), said(language, "done_button")),
                (row.to_owned(), done.to_owned()),
                "{language}"
            );
        }
    }

    #[test]
    fn of_what_is_switched_off_no_page_is_told() {
        let english = [
            ("chat_send_button", "Send"),
            ("chat_user_list_title", "Online Users"),
            ("live_text", "Here."),
            ("next_text", "You are next."),
        ];
        let site = SiteTexts { english: words(&english), ..SiteTexts::default() };
        for (chat, live) in [(true, true), (true, false), (false, true), (false, false)] {
            let texts = Texts::new(&site, chat, live);
            for language in ["en", "de"] {
                let has = |key: &str| texts.of(language).get(key).is_some();
                assert!(has("next_text") && has("chat_user_list_title"), "{language}");
                assert_eq!((has("chat_send_button"), has("live_text")), (chat, live), "{language}");
            }
        }
    }
}
