//! `check --through`, once more: would Django take a form that a browser sends from the outer address?
//!
//! Only a POST shows that Django is told http where people come by https, or a name without its port: then it refuses whoever
//! signs in (403). What is sent is Django's own form for it with nothing filled in, which is refused before anybody is looked
//! up: no failed sign-in is counted, by whatever counts them.

use std::cell::RefCell;

use http_body_util::{BodyExt, Limited};
use hyper::header::{
    CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERER, SET_COOKIE,
};
use hyper::{Method, Request};
use lol_html::{RewriteStrSettings, element, rewrite_str};
use url::Url;

use super::PATIENCE;
use super::report::Finding;
use super::through::Outer;
use crate::http::body::Body;
use crate::http::connect::Connector;
use crate::http::upstream::Upstream;

const WHAT: &str = "outer sign-in";
const FIELDS: [&str; 2] = ["username", "password"];
/// A page for signing in is far smaller.
const MOST: usize = 2 * 1024 * 1024;

/// `page`: where strangers are sent to sign in. None: no such form of Django's is there, as with a single sign-on.
pub(super) async fn finding(outer: &Outer, root: &str, page: &str) -> Option<Finding> {
    let page = Url::parse(&outer.origin()).ok()?.join(root).ok()?.join(page).ok()?;
    let form = form(outer, &page).await?;
    let shown = format!("{}{}", outer.origin(), page.path());
    judged(post(outer, &page, &form).await, &shown, outer.is_https())
}

/// What a browser would send back.
struct Form {
    cookies: String,
    hidden: Vec<(String, String)>,
}

async fn form(outer: &Outer, page: &Url) -> Option<Form> {
    if page.origin() != Url::parse(&outer.origin()).ok()?.origin() {
        return None;
    }
    let (status, head, text) = ask(outer, page, Method::GET, &[], Body::empty()).await.ok()?;
    let hidden = hidden(&text).filter(|_| status == 200)?;
    let cookies =
        head.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
    Some(Form { cookies: cookies.collect::<Vec<_>>().join("; "), hidden })
}

/// The hidden fields of Django's own form for signing in, if that is what the page has.
fn hidden(html: &str) -> Option<Vec<(String, String)>> {
    let mut forms: Vec<Vec<(String, String, bool)>> = Vec::new();
    let begun = RefCell::new(&mut forms);
    let fields = RewriteStrSettings::new()
        .append_element_content_handler(element!("form", |_| {
            begun.borrow_mut().push(Vec::new());
            Ok(())
        }))
        .append_element_content_handler(element!("form input[name]", |el| {
            let of = |name| el.get_attribute(name).unwrap_or_default();
            let is_hidden = of("type").eq_ignore_ascii_case("hidden");
            if let Some(form) = begun.borrow_mut().last_mut() {
                form.push((of("name"), of("value"), is_hidden));
            }
            Ok(())
        }));
    rewrite_str(html, fields).ok()?;
    let has = |form: &[(String, String, bool)], name: &str| form.iter().any(|(n, _, _)| n == name);
    let wanted = |form: &&Vec<_>| FIELDS.iter().chain(&["csrfmiddlewaretoken"]).all(|name| has(form, name));
    let form = forms.iter().find(wanted)?;
    Some(form.iter().filter(|(_, _, hidden)| *hidden).map(|(n, v, _)| (n.clone(), v.clone())).collect())
}

async fn post(outer: &Outer, page: &Url, form: &Form) -> Result<u16, String> {
    let empty = FIELDS.map(|name| (name.to_owned(), String::new()));
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form.hidden.iter().chain(&empty))
        .finish();
    let head = [
        (COOKIE, form.cookies.as_str()),
        (ORIGIN, &outer.origin()),
        (REFERER, page.as_str()),
        (CONTENT_TYPE, "application/x-www-form-urlencoded"),
    ];
    ask(outer, page, Method::POST, &head, Body::bytes(body)).await.map(|(status, _, _)| status)
}

async fn ask(
    outer: &Outer,
    page: &Url,
    method: Method,
    head: &[(HeaderName, &str)],
    body: Body,
) -> Result<(u16, HeaderMap, String), String> {
    let upstream = Upstream::new(Connector::new(outer.address().clone(), None)?, PATIENCE, PATIENCE);
    let mut request = Request::new(body);
    *request.method_mut() = method;
    let path = &page[url::Position::BeforePath..url::Position::AfterQuery];
    *request.uri_mut() = path.parse().map_err(|_| format!("{path:?} is no path"))?;
    let host = outer.host();
    for (name, value) in head.iter().cloned().chain([(HOST, host.as_str())]) {
        let value = HeaderValue::from_str(value).map_err(|_| format!("{value:?} cannot be sent"))?;
        request.headers_mut().insert(name, value);
    }
    let (head, body) = upstream.send(request).await.map_err(|e| e.to_string())?.into_parts();
    let body = tokio::time::timeout(PATIENCE, Limited::new(body, MOST).collect()).await;
    let body = body.map_err(|_| "the page does not end")?.map_err(|e| e.to_string())?.to_bytes();
    Ok((head.status.as_u16(), head.headers, String::from_utf8_lossy(&body).into_owned()))
}

fn judged(answer: Result<u16, String>, shown: &str, https: bool) -> Option<Finding> {
    let status = match answer {
        Ok(status) => status,
        Err(why) => {
            return Some(Finding::warn(
                WHAT,
                format!("{shown}: a form that was sent had no answer: {why}"),
                "Try again.",
            ));
        }
    };
    let found = match status {
        200..400 => return Some(Finding::ok(WHAT, format!("{shown} takes the forms that browsers send"))),
        403 => format!("{shown}: nobody can sign in: Django takes a browser's form for another site's (403)"),
        _ => {
            let found = format!("{shown} answers {status} to an empty form");
            return Some(Finding::warn(WHAT, found, "Look whether signing in by a browser works."));
        }
    };
    let scheme = match https {
        true => {
            "  proxy_set_header X-Forwarded-Proto $scheme;\nand Django must believe it, in its settings:\n  \
                 SECURE_PROXY_SSL_HEADER = (\"HTTP_X_FORWARDED_PROTO\", \"https\")\n"
        }
        false => "",
    };
    let advice = format!(
        "Let what stands in front say how people address the site; in nginx:\n  \
         proxy_set_header Host $http_host;\n{scheme}\
         or name the address that people open in CSRF_TRUSTED_ORIGINS."
    );
    Some(Finding::fail(WHAT, found, advice))
}

#[cfg(test)]
mod tests {
    use super::super::report::Report;
    use super::*;
    use crate::cli::snapshot::check;
    use crate::cli::style::Style;

    #[test]
    fn djangos_own_form_is_known_and_no_other() {
        let field = |name: &str| format!("<input type=text name={name}>");
        let token = "<input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"a&amp;b\">";
        let login = format!("{token}{}{}", field("username"), field("password"));
        let page = format!("<form>{}</form><form method=post>{login}<input type=submit></form>", field("q"));
        assert_eq!(hidden(&page), Some(vec![("csrfmiddlewaretoken".to_owned(), "a&amp;b".to_owned())]));
        // A second factor's, a single sign-on's, and one that is half of two.
        for page in [
            format!("<form>{token}{}{}</form>", field("auth-username"), field("auth-password")),
            format!("<form>{token}<button>Sign in by Example</button></form>"),
            format!("<form>{token}{}</form><form>{}</form>", field("username"), field("password")),
        ] {
            assert_eq!(hidden(&page), None, "{page}");
        }
    }

    #[test]
    fn every_answer_to_the_form_has_its_advice() {
        let page = "https://shop/admin/login/";
        let findings = [
            judged(Ok(200), page, true),
            judged(Ok(403), page, true),
            judged(Ok(403), "http://shop:8080/admin/login/", false),
            judged(Ok(429), page, true),
            judged(Err("broken pipe".to_owned()), page, true),
        ];
        check("check-sign-in", &Report::new(findings.into_iter().flatten().collect()).text(Style::plain()));
    }
}
