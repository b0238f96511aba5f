//! `check --through`, for plain pages: does the admin look through what stands in front as it looks without it?
//!
//! What gets lost on the way is Host (Django then knows another site) and X-Forwarded-Proto (it sends round for ever, if the
//! site sends everybody to https; else see `sign_in`).

use hyper::Request;
use hyper::header::{HOST, HeaderValue, LOCATION};

use super::PATIENCE;
use super::admin::{Admin, Seen, admin};
use super::report::Finding;
use super::sign_in;
use super::through::{Outer, not_reached};
use crate::config::Settings;
use crate::http::body::Body;
use crate::http::connect::Connector;
use crate::http::upstream::Upstream;

const WHAT: &str = "outer page";

pub(super) async fn findings(outer: &Outer, settings: &Settings) -> Vec<Finding> {
    let Some(root) = settings.prefixes.iter().find_map(|prefix| prefix.fixed()) else { return Vec::new() };
    let shown = format!("{}{root}", outer.origin());
    let seen = match get(outer, &root).await {
        Ok(seen) => seen,
        Err(why) => {
            return vec![Finding::fail(WHAT, format!("{shown}: {why}"), not_reached(&why))];
        }
    };
    let found = admin(&seen, &root, &outer.host());
    let mut findings = vec![judged(&found, seen.status, &shown, outer.is_https())];
    if let Admin::SignIn(page) = &found {
        findings.extend(sign_in::finding(outer, &root, page).await);
    }
    findings
}

/// As a stranger's browser.
async fn get(outer: &Outer, path: &str) -> Result<Seen, String> {
    let upstream = Upstream::new(Connector::new(outer.address().clone(), None)?, PATIENCE, PATIENCE);
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = path.parse().map_err(|_| format!("{path:?} is no path"))?;
    let host = HeaderValue::from_str(&outer.host()).map_err(|_| "this is no host name".to_owned())?;
    request.headers_mut().insert(HOST, host);
    let answer = upstream.send(request).await.map_err(|e| e.to_string())?;
    let location = answer.headers().get(LOCATION);
    Ok(Seen {
        status: answer.status().as_u16(),
        location: location.map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned()).unwrap_or_default(),
        cookies: Vec::new(),
    })
}

fn judged(found: &Admin, status: u16, shown: &str, https: bool) -> Finding {
    let fail = |found: String, advice: &str| Finding::fail(WHAT, format!("{shown}: {found}"), advice);
    match found {
        Admin::SignIn(_) | Admin::Language(_) => {
            Finding::ok(WHAT, format!("{shown} asks strangers to sign in"))
        }
        Admin::ToHttps if https => fail(
            "it sends browsers round for ever: Django is not told that they come by https".to_owned(),
            "Let what stands in front send X-Forwarded-Proto; in nginx:\n  \
             proxy_set_header X-Forwarded-Proto $scheme;\n\
             If it runs on another machine, name that in proxy.trusted_proxies, or the header is not believed.",
        ),
        Admin::ToHttps => Finding::warn(
            WHAT,
            format!("{shown} sends people to https"),
            "Give --through the https address, as people end up there.",
        ),
        Admin::Host => fail(
            format!("Django does not answer to the name that arrives ({status})"),
            "Let what stands in front pass Host on as browsers send it; in nginx:\n  \
             proxy_set_header Host $http_host;\n\
             and put the name into ALLOWED_HOSTS in Django's settings.",
        ),
        Admin::NotFound => fail(
            format!("nothing is there ({status})"),
            "Let what stands in front send the whole admin to collab-proxy.",
        ),
        Admin::Moved(to) => fail(
            format!("it leads to {to:?} ({status})"),
            "Give --through the address that people end up at, if that is another.",
        ),
        Admin::Failed => fail(
            format!("it answers {status}"),
            "Is collab-proxy running, and does what stands in front send people to where it listens?",
        ),
        Admin::Open | Admin::Odd => Finding::warn(
            WHAT,
            format!("{shown} answers {status} to a stranger"),
            "Without what stands in front it may look otherwise: compare with the line `admin`.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Report;
    use super::*;
    use crate::cli::snapshot::check;
    use crate::cli::style::Style;

    #[test]
    fn every_page_in_front_has_its_advice() {
        let moved = || Admin::Moved("/elsewhere/".to_owned());
        let findings = vec![
            judged(&Admin::SignIn(String::new()), 302, "https://shop/admin/", true),
            judged(&Admin::ToHttps, 301, "https://shop/admin/", true),
            judged(&Admin::ToHttps, 301, "http://shop/admin/", false),
            judged(&Admin::Host, 400, "https://shop/admin/", true),
            judged(&Admin::NotFound, 404, "https://shop/admin/", true),
            judged(&moved(), 302, "https://shop/admin/", true),
            judged(&Admin::Failed, 502, "https://shop/admin/", true),
            judged(&Admin::Odd, 403, "https://shop/admin/", true),
        ];
        check("check-front", &Report::new(findings).text(Style::plain()));
    }
}
