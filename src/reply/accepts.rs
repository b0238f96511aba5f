//! What a client can read: a page or JSON, and which languages.

use hyper::header::{ACCEPT, ACCEPT_LANGUAGE, HeaderMap, HeaderValue};

use crate::assets::catalog::{Catalog, Catalogs};
use crate::django::language::Language;
use crate::http::request_id::REQUEST_ID;

/// What a request says of it. Cheap to keep until it is known whether the answer is ours.
#[derive(Clone, Debug)]
pub struct Accepts {
    json: bool,
    languages: Option<HeaderValue>,
    /// The request's name, for who reports what went wrong.
    request: Option<HeaderValue>,
}

/// In which form an answer of ours goes out.
#[derive(Clone, Copy)]
pub struct Representation<'c> {
    pub catalog: &'c Catalog,
    pub json: bool,
    /// The request's name; empty if it has none.
    pub request: &'c str,
}

impl Accepts {
    pub fn of(request: &HeaderMap) -> Self {
        Self {
            json: wants_json(request),
            languages: request.get(ACCEPT_LANGUAGE).cloned(),
            request: request.get(REQUEST_ID).cloned(),
        }
    }

    /// Of a request that only a page can answer.
    pub fn page_only(self) -> Self {
        Self { json: false, ..self }
    }

    /// In the language of the page that it came from, where that is known and spoken here; else in the first of the
    /// browser's that is.
    pub fn choose<'c>(&'c self, catalogs: &'c Catalogs, page: Option<&Language>) -> Representation<'c> {
        let catalog = page.and_then(|language| catalogs.find(language)).or_else(|| {
            let header = self.languages.as_ref()?.to_str().ok()?;
            preferred(header).iter().find_map(|language| catalogs.find(language))
        });
        let request = self.request.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default();
        Representation { catalog: catalog.unwrap_or_else(|| catalogs.english()), json: self.json, request }
    }
}

/// A script asks for JSON by name, or says that it is one.
fn wants_json(request: &HeaderMap) -> bool {
    let accept = request.get(ACCEPT).and_then(|a| a.to_str().ok()).unwrap_or_default();
    let scripted = request.get("x-requested-with").is_some_and(|v| v == "XMLHttpRequest");
    (accept.contains("application/json") || scripted) && !accept.contains("text/html")
}

/// The languages of an Accept-Language header, best first; of equals, the first (RFC 9110, 12.5.4). `*` names none, and
/// what has no proper weight is not wanted.
fn preferred(header: &str) -> Vec<Language> {
    let ranges = header.split(',').filter_map(|range| {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let weight = match parameters.trim() {
            "" => 1.0,
            q => q.strip_prefix("q=").or_else(|| q.strip_prefix("Q="))?.trim().parse::<f32>().ok()?,
        };
        (weight > 0.0 && weight <= 1.0).then_some((weight, Language::parse(tag)?))
    });
    let mut ranges: Vec<(f32, Language)> = ranges.collect();
    ranges.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    ranges.into_iter().map(|(_, language)| language).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::catalog::tests::documented;
    use hyper::header::HeaderName;

    #[test]
    fn json_is_for_those_who_ask() {
        for (pairs, want) in [
            (&[(ACCEPT, "application/json")][..], true),
            (&[(ACCEPT, "text/html,application/json")], false),
            (&[(ACCEPT, "*/*")], false),
            (&[(HeaderName::from_static("x-requested-with"), "XMLHttpRequest")], true),
        ] {
            let headers: HeaderMap =
                pairs.iter().map(|(n, v)| (n.clone(), HeaderValue::from_static(v))).collect();
            assert_eq!(wants_json(&headers), want, "{pairs:?}");
        }
    }

    #[test]
    fn the_first_language_that_is_spoken_here() {
        let catalogs = documented();
        for (header, page, want) in [
            (None, None, "en"),
            (Some("de-CH, de;q=0.9, en;q=0.8"), None, "de"),
            (Some("nl, sv;q=0.9, fr;q=0.3, tr;q=0.5"), None, "tr"),
            (Some("es;q=0.5,pt;q=0.5"), None, "es"),
            (Some("en;q=0.1, ar ; q=0.2"), None, "ar"),
            (Some("en-US,en;q=0.9,de;q=0.8"), None, "en"),
            (Some("*, de;q=0.5"), None, "de"),
            (Some("de;q=0, fr;q=2, es;q=NaN, pt;q=x, tr;level=1, nl"), None, "en"),
            (Some(";;,,q=1,\"<>"), None, "en"),
            // The page's own language goes before all of them, if it is spoken.
            (Some("de"), Some("tr"), "tr"),
            (Some("de"), Some("en-gb"), "en"),
            (Some("de"), Some("nl"), "de"),
            (None, Some("nl"), "en"),
        ] {
            let languages = header.map(HeaderValue::from_static);
            let page = page.and_then(Language::parse);
            let accepts = Accepts { json: false, languages, request: None };
            let chosen = accepts.choose(&catalogs, page.as_ref());
            assert_eq!(chosen.catalog.language().as_str(), want, "{header:?} {page:?}");
        }
    }
}
