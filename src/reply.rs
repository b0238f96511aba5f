//! Every answer of our own: one table from what happened to a status, a sentence and a page.
//!
//! Owns the words. A refused write's page holds everything that was typed; JSON for clients that ask for it.

pub mod rows;
mod words;

use hyper::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};

use crate::assets::{ERROR_PAGE, KEPT_PAGE};
use crate::collab::command::Refusal;
use crate::collab::record::{Millis, Person, Saved};
use crate::django::form::{Encoding, TOKEN_FIELD, Typed};
use crate::django::object::ObjectKey;
use crate::django::page::withhold;
use crate::http::body::Body;
use crate::http::upstream::UpstreamError;
pub use words::{Trouble, ago};
use words::{Words, gateway_status, words};

/// What a page of a refused write needs beside the trouble.
pub struct Kept<'a> {
    pub object: &'a ObjectKey,
    /// Path and query that were posted to.
    pub action: &'a str,
    /// The object's change page.
    pub current: &'a str,
    pub typed: &'a Typed,
    pub encoding: &'a Encoding,
    /// The token to post with next; none, where it came without one.
    pub token: Option<&'a str>,
    pub now: Millis,
}

/// The answer that gives everything back.
pub fn kept(trouble: &Trouble, kept: &Kept, json: bool) -> Response<Body> {
    let words = words(trouble, kept.object, kept.now);
    let body = if json { data(&words, trouble, kept) } else { page(&words, kept) };
    let kind = if json { "application/json" } else { "text/html; charset=utf-8" };
    respond(words.status, kind, body, words.retry_after)
}

fn data(words: &Words, trouble: &Trouble, kept: &Kept) -> String {
    let (editor, saved): (Option<(&Person, Millis)>, Option<&Saved>) = match trouble {
        Trouble::Refused(Refusal::Held { by, since } | Refusal::Saving { by, since, .. }) => {
            (Some((by, *since)), None)
        }
        Trouble::Refused(Refusal::Stale { saved, .. }) => (None, saved.as_ref()),
        _ => (None, None),
    };
    serde_json::json!({
        "error": trouble.code(),
        "object": kept.object.to_string(),
        "message": words.sentence,
        "editor": editor.map(|(by, since)| serde_json::json!({"name": by.name, "since": since})),
        "saved": saved.map(|s| serde_json::json!({"by": s.by.name, "at": s.at})),
        "fields": kept.typed.fields,
        "files": kept.typed.files,
        "withheld": kept.typed.withheld,
    })
    .to_string()
}

fn page(words: &Words, kept: &Kept) -> String {
    let text = |s: &str| html_escape::encode_quoted_attribute(s).into_owned();
    let mut hidden = String::new();
    if let Some(token) = kept.token {
        hidden.push_str(&format!("<input type=\"hidden\" name=\"{TOKEN_FIELD}\" value=\"{}\">", text(token)));
    }
    let mut shown = String::new();
    for (name, value) in &kept.typed.fields {
        hidden.push_str(&format!(
            "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
            text(name),
            text(value)
        ));
        if !value.is_empty() && !is_machinery(name) {
            shown.push_str(&format!("<dt>{}</dt><dd><pre>{}</pre></dd>", text(name), text(value)));
        }
    }
    for (name, file) in &kept.typed.files {
        let (name, file) = (text(name), text(file));
        shown.push_str(&format!(
            "<dt><label for=\"file-{name}\">{name}</label></dt><dd>The file <b>{file}</b> has to be chosen again: \
             <input type=\"file\" id=\"file-{name}\" name=\"{name}\"></dd>"
        ));
    }
    for name in &kept.typed.withheld {
        let mark = withhold(name);
        let name = text(name);
        shown.push_str(&format!(
            "<dt><label for=\"again-{name}\">{name}</label></dt><dd>Not shown again; type it again: \
             <input type=\"password\" id=\"again-{name}\" name=\"{name}\" autocomplete=\"off\">{mark}</dd>"
        ));
    }
    if kept.typed.cut {
        shown.push_str(
            "<dt>…</dt><dd>More was sent than can be shown here. Your browser's Back button has it all.</dd>",
        );
    }
    let enctype = match kept.encoding {
        Encoding::Multipart { .. } => "multipart/form-data",
        _ => "application/x-www-form-urlencoded",
    };
    fill(
        KEPT_PAGE,
        &[
            ("title", &text(&words.title)),
            ("sentence", &text(&words.sentence)),
            ("advice", words.advice),
            ("action", &text(kept.action)),
            ("current", &text(kept.current)),
            ("enctype", enctype),
            ("hidden", &hidden),
            ("shown", &shown),
            ("button", words.button),
        ],
    )
}

/// Fields that a form carries for Django, not for people: the CSRF token, formset counters, the button pressed.
fn is_machinery(name: &str) -> bool {
    const SUFFIXES: &[&str] = &["-TOTAL_FORMS", "-INITIAL_FORMS", "-MIN_NUM_FORMS", "-MAX_NUM_FORMS"];
    name == "csrfmiddlewaretoken"
        || name.starts_with('_')
        || name.starts_with("initial-")
        || name.contains("__prefix__")
        || SUFFIXES.iter().any(|s| name.ends_with(s))
}

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
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
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

    #[test]
    fn what_was_typed_is_escaped() {
        let typed = Typed { fields: vec![("a\"b".into(), "<script>&\n'\"".into())], ..Typed::default() };
        let object = ObjectKey::new("shop", "product", "3");
        let kept = Kept {
            object: &object,
            action: "/admin/shop/product/3/change/?a=1&b=\"",
            current: "/admin/shop/product/3/change/",
            typed: &typed,
            encoding: &Encoding::UrlEncoded,
            token: Some("t"),
            now: 0,
        };
        let by = Person { user: "id:1".into(), name: "<b>Ada</b>".to_owned() };
        let words = words(&Trouble::Refused(&Refusal::Held { by, since: 0 }), &object, 0);
        let html = page(&words, &kept);
        assert!(!html.contains("<script>&") && !html.contains("<b>Ada"), "{html}");
        assert!(html.contains("value=\"&lt;script&gt;&amp;\n"), "{html}");
    }
}
