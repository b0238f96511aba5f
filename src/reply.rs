//! Every answer of our own: one table from what happened to a status, a sentence and a page.
//!
//! Owns the words. A refused write's page holds everything that was typed; JSON for clients that ask for it.

mod accepts;
mod again;
mod kept;
mod kept_data;
mod row_words;
pub mod rows;
mod span;
mod table;
mod trouble;
mod versions;
mod words;

use hyper::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};

use crate::assets::ERROR_PAGE;
use crate::assets::catalog::Catalog;
use crate::http::body::Body;
use crate::http::upstream::UpstreamError;
pub use accepts::{Accepts, Representation};
pub use kept::{Drafter, Kept, Wait, kept};
pub use span::ago;
use table::gateway_status;
pub use trouble::Trouble;

/// A page of ours without anything kept: Django is away, the request is malformed. `title`: a text's key.
pub fn error(to: Representation, status: StatusCode, title: &str, sentence: &str) -> Response<Body> {
    let retry_after =
        (status == StatusCode::BAD_GATEWAY || status == StatusCode::SERVICE_UNAVAILABLE).then_some(5);
    let body = if to.json {
        serde_json::json!({"error": status.as_u16(), "message": sentence}).to_string()
    } else {
        let text = |s: &str| html_escape::encode_text(s).into_owned();
        let title = text(to.catalog.text(title));
        fill(ERROR_PAGE, to.catalog, &[("title", &title), ("sentence", &text(sentence))])
    };
    respond(to, status, body, retry_after)
}

/// Django did not answer a request that changes nothing we know of.
pub fn no_answer(to: Representation, error: &UpstreamError) -> Response<Body> {
    let (title, sentence) = match error {
        UpstreamError::Connect(_) | UpstreamError::ConnectTimeout(_) => {
            ("not_running_title", "not_running_text")
        }
        UpstreamError::AnswerTimeout(_) => ("too_slow_title", "too_slow_text"),
        UpstreamError::Broken(_) => ("broke_off_title", "broke_off_text"),
    };
    self::error(to, gateway_status(error), title, to.catalog.text(sentence))
}

/// The page, or the JSON, with the request's name at its end: whoever reports what went wrong can say which it was.
fn named(to: Representation, mut body: String) -> String {
    let id = html_escape::encode_text(to.request);
    let (end, name) = if to.json {
        ("}", format!(",\"request_id\":\"{id}\""))
    } else {
        let style = "max-width: 60rem; margin: 0 auto; padding: 0 1rem 2rem; font-size: .8125rem";
        (
            "</body>",
            format!("<footer dir=\"ltr\" style=\"{style}\">X-Request-ID: <code>{id}</code></footer>\n"),
        )
    };
    if let (false, Some(at)) = (id.is_empty(), body.rfind(end)) {
        body.insert_str(at, &name);
    }
    body
}

fn respond(to: Representation, status: StatusCode, body: String, retry_after: Option<u32>) -> Response<Body> {
    let mut answer = Response::new(Body::bytes(named(to, body)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    let own: [(HeaderName, &'static str); 5] = [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "SAMEORIGIN"),
        (REFERRER_POLICY, "same-origin"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; form-action 'self'; \
             base-uri 'none'",
        ),
    ];
    for (name, value) in own {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let kind = if to.json { "application/json" } else { "text/html; charset=utf-8" };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(language) = HeaderValue::from_str(to.catalog.language().as_str()) {
        headers.insert(CONTENT_LANGUAGE, language);
    }
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// Puts values where `{{name}}` stands, and the catalog's texts where their keys do. Neither is looked through again.
fn fill(template: &str, catalog: &Catalog, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len() + 1024);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let (name, tail) = after.split_once("}}").unwrap_or((after, ""));
        match values.iter().find(|(n, _)| *n == name) {
            Some((_, value)) => out.push_str(value),
            None if name == "html" => out.push_str(&html_of(catalog)),
            None => out.push_str(&html_escape::encode_text(catalog.get(name).unwrap_or_default())),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// The page's first tag.
fn html_of(catalog: &Catalog) -> String {
    let language = catalog.language();
    let direction = if language.is_rtl() { " dir=\"rtl\"" } else { "" };
    format!("<html lang=\"{}\"{direction}>", language.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::catalog::tests::documented;
    use crate::django::language::Language;

    #[test]
    fn values_are_not_looked_through() {
        let catalogs = documented();
        let fill = |template| fill(template, catalogs.english(), &[("a", "{{b}}"), ("b", "x")]);
        assert_eq!(fill("<p>{{a}}-{{b}}</p>{{c}}"), "<p>{{b}}-x</p>");
        assert_eq!(fill("{{html}}{{try_button}}{{a}}"), "<html lang=\"en\">Try again{{b}}");
    }

    #[test]
    fn a_page_and_its_json_say_which_request_it_was() {
        let catalogs = documented();
        let to = |json, request| Representation { catalog: catalogs.english(), json, request };
        let typed = "{\"typed\":\"</body> }\"}";
        assert_eq!(
            named(to(true, "a-1"), typed.to_owned()),
            "{\"typed\":\"</body> }\",\"request_id\":\"a-1\"}"
        );
        assert_eq!(named(to(true, ""), typed.to_owned()), typed);
        let page = named(to(false, "a-1"), "<p></p></body>\n</html>".to_owned());
        assert!(page.ends_with("X-Request-ID: <code>a-1</code></footer>\n</body>\n</html>"), "{page}");
    }

    #[test]
    fn a_page_says_which_language_it_speaks_and_in_which_direction() {
        let catalogs = documented();
        for (tag, first) in [("de", "<html lang=\"de\">"), ("ar", "<html lang=\"ar\" dir=\"rtl\">")] {
            let catalog = catalogs.find(&Language::parse(tag).unwrap()).unwrap();
            for page in [crate::assets::KEPT_PAGE, crate::assets::ROWS_PAGE, ERROR_PAGE] {
                let page = fill(page, catalog, &[]);
                assert!(page.starts_with(&format!("<!DOCTYPE html>\n{first}\n")), "{page}");
            }
        }
    }
}
