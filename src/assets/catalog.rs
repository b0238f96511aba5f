//! What the proxy's own pages say: a catalog of texts for each language, as `texts` has them for the widget.
//!
//! They are apart from the widget's because every form carries those.

use std::collections::BTreeMap;

use rust_embed::RustEmbed;

use super::texts::{ENGLISH, SiteTexts, Words, find, layered, shipped};
use crate::django::language::Language;

#[derive(RustEmbed)]
#[folder = "assets/page_texts/"]
struct Files;

/// The texts of one language, by their keys in collab.toml, `[page_texts]`.
#[derive(Debug)]
pub struct Catalog {
    language: Language,
    texts: Words,
}

pub struct Catalogs {
    english: Catalog,
    by_language: BTreeMap<String, Catalog>,
}

impl Catalogs {
    pub fn new(site: &SiteTexts) -> Self {
        let mut all = layered(site, &shipped::<Files>());
        let english =
            Catalog { language: Language::english(), texts: all.remove(ENGLISH).unwrap_or_default() };
        // What is no tag, no page can ask for.
        let others = all.into_iter().filter_map(|(tag, texts)| Some((Language::parse(&tag)?, texts)));
        let others =
            others.map(|(language, texts)| (language.as_str().to_owned(), Catalog { language, texts }));
        Self { english, by_language: others.collect() }
    }

    pub fn english(&self) -> &Catalog {
        &self.english
    }

    /// None, if nobody speaks it here.
    pub fn find(&self, language: &Language) -> Option<&Catalog> {
        let english = || (language.primary() == ENGLISH).then_some(&self.english);
        find(&self.by_language, language).or_else(english)
    }
}

impl Catalog {
    pub fn language(&self) -> &Language {
        &self.language
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str)
    }

    /// A key that is none shows itself, as a hole does that nothing fills.
    pub fn text<'c>(&'c self, key: &'c str) -> &'c str {
        debug_assert!(self.texts.contains_key(key), "there is no text {key}");
        self.get(key).unwrap_or(key)
    }

    /// The text with its holes filled. What fills them is not looked through again.
    pub fn fill(&self, key: &str, holes: &[(&str, &str)]) -> String {
        filled(self.text(key), holes)
    }

    /// The same for a page: the text is escaped, and what fills its holes is HTML already.
    pub fn html(&self, key: &str, holes: &[(&str, &str)]) -> String {
        filled(&html_escape::encode_text(self.text(key)), holes)
    }
}

fn filled(text: &str, holes: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let hole = after
            .split_once('}')
            .and_then(|(name, tail)| Some((holes.iter().find(|(hole, _)| *hole == name)?.1, tail)));
        rest = match hole {
            Some((value, tail)) => {
                out.push_str(value);
                tail
            }
            None => {
                out.push('{');
                after
            }
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The catalogs as they are documented, without anything that a site has changed.
    pub(crate) fn documented() -> Catalogs {
        let file = std::path::Path::new("collab.toml");
        Catalogs::new(&crate::config::load(Some(file), [], vec![]).unwrap().page_texts)
    }

    fn language(tag: &str) -> Language {
        Language::parse(tag).unwrap()
    }

    #[test]
    fn a_dialect_speaks_as_its_language_does() {
        let words = |pairs: &[(&str, &str)]| -> Words {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let catalogs = Catalogs::new(&SiteTexts {
            english: words(&[("try_button", "Try again"), ("copy_button", "Copy")]),
            changed: Words::new(),
            by_language: BTreeMap::from([
                ("de-at".to_owned(), words(&[("copy_button", "Abschreiben")])),
                ("en-gb".to_owned(), words(&[("copy_button", "Copy, please")])),
            ]),
        });
        for (tag, speaks, button) in [
            ("de", "de", "Kopieren"),
            ("de-ch", "de", "Kopieren"),
            ("de-at", "de-at", "Abschreiben"),
            ("en", "en", "Copy"),
            ("en-us", "en", "Copy"),
            ("en-gb", "en-gb", "Copy, please"),
        ] {
            let catalog = catalogs.find(&language(tag)).unwrap();
            assert_eq!((catalog.language().as_str(), catalog.text("copy_button")), (speaks, button), "{tag}");
        }
        assert!(catalogs.find(&language("xx")).is_none());
    }

    #[test]
    fn holes_are_filled_once() {
        let holes = [("object", "{why} <b>"), ("why", "it {burns.")];
        assert_eq!(filled("{object} was not {done}: {why}", &holes), "{why} <b> was not {done}: it {burns.");
        let texts = Words::from([("a".to_owned(), "x < {b}".to_owned())]);
        let catalog = Catalog { language: Language::english(), texts };
        assert_eq!(catalog.html("a", &[("b", "<b>&amp;</b>")]), "x &lt; <b>&amp;</b>");
    }
}
