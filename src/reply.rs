//! Every answer of our own: one table from what happened to a status, a sentence and a page.
//!
//! Owns the words. A refused write's page holds everything that was typed; JSON for clients that ask for it.

mod kept;
mod row_words;
pub mod rows;
mod versions;
mod words;

use hyper::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};

use crate::assets::ERROR_PAGE;
use crate::http::body::Body;
use crate::http::upstream::UpstreamError;
pub use kept::{Drafter, Kept, Wait, kept};
use words::gateway_status;
pub use words::{Trouble, ago};

/// A page of ours without anything kept: Django is away, the request is malformed.
pub fn error(status: StatusCode, title: &str, sentence: &str, json: bool) -> Response<Body> {
    let retry_after =
        (status == StatusCode::BAD_GATEWAY || status == StatusCode::SERVICE_UNAVAILABLE).then_some(5);
    if json {
        let body = serde_json::json!({"error": status.as_u16(), "message": sentence}).to_string();
        return respond(status, "application/json", body, retry_after);
    }
    let text = |s: &str| html_escape::encode_text(s).into_owned();
    let body = fill(ERROR_PAGE, &[("title", &text(title)), ("sentence", &text(sentence))]);
    respond(status, "text/html; charset=utf-8", body, retry_after)
}

/// Django did not answer a request that changes nothing we know of.
pub fn no_answer(error: &UpstreamError, json: bool) -> Response<Body> {
    let (title, sentence) = match error {
        UpstreamError::Connect(_) | UpstreamError::ConnectTimeout(_) => (
            "The site is not running",
            "The application server behind this site cannot be reached. Please try again in a moment.",
        ),
        UpstreamError::AnswerTimeout(_) => (
            "The site is too slow",
            "The application server behind this site did not answer in time. Please try again in a moment.",
        ),
        UpstreamError::Broken(_) => (
            "The site broke off",
            "The application server behind this site ended the connection without an answer.",
        ),
    };
    self::error(gateway_status(error), title, sentence, json)
}

fn respond(status: StatusCode, kind: &'static str, body: String, retry_after: Option<u32>) -> Response<Body> {
    let mut answer = Response::new(Body::bytes(body));
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
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// A script asks for JSON by name, or says that it is one.
pub fn wants_json(request: &HeaderMap) -> bool {
    let accept = request.get(ACCEPT).and_then(|a| a.to_str().ok()).unwrap_or_default();
    let scripted = request.get("x-requested-with").is_some_and(|v| v == "XMLHttpRequest");
    (accept.contains("application/json") || scripted) && !accept.contains("text/html")
}

/// Puts values where `{{name}}` stands. Values are not looked through again.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len() + 1024);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let (name, tail) = after.split_once("}}").unwrap_or((after, ""));
        let value = values.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v);
        out.push_str(value);
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::ACCEPT;

    #[test]
    fn values_are_not_looked_through() {
        assert_eq!(fill("<p>{{a}}-{{b}}</p>{{c}}", &[("a", "{{b}}"), ("b", "x")]), "<p>{{b}}-x</p>");
    }

    #[test]
    fn time_spans() {
        for (seconds, want) in
            [(0, "0 seconds"), (1, "1 second"), (61, "1 minute"), (7_200, "2 hours"), (90_000, "1 day")]
        {
            assert_eq!(ago(seconds * 1000, 0), want);
        }
        assert_eq!(ago(0, 5), "0 seconds", "a clock that went back");
    }

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
}
