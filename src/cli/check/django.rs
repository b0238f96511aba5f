//! `check` asks Django as the proxy would: is it there, is the admin where the settings say, does it take the name that
//! people open it by, and does it know when they come by https?

use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use hyper::{Method, Request};

use super::admin::{Admin, Seen, admin, secure_cookies, tells_strangers};
use super::report::Finding;
use super::{PATIENCE, SeenAs};
use crate::config::Settings;
use crate::django::route::root_of;
use crate::http::body::Body;
use crate::http::connect::Connector;
use crate::http::headers::{self, Peer};
use crate::http::upstream::Upstream;

const PREFIX: &str = "options.admin_url must be the path that urls.py gives admin.site.urls; --admin-url tries \
                      another. More of them, and such with a language before them, go into admin.prefixes.";
const PROTO: &str = "Tell Django when people come by https, in its settings:\n  \
                     SECURE_PROXY_SSL_HEADER = (\"HTTP_X_FORWARDED_PROTO\", \"https\")\n\
                     (or its server: gunicorn's forwarded_allow_ips must name this machine), and let what stands in front of collab-proxy send X-Forwarded-Proto.";
const HTTPS: &str = "People must come by https, and what stands in front of collab-proxy must send \
                     X-Forwarded-Proto: https. Plain http, as on this machine, does not get them signed in.";

pub(super) async fn findings(settings: &Settings, seen_as: &SeenAs) -> Vec<Finding> {
    let address = settings.upstream.to_string();
    let connector = match Connector::new(settings.upstream.clone(), settings.upstream_ca.as_deref()) {
        Ok(connector) => connector,
        Err(why) => return vec![Finding::fail("upstream", why, "Mend proxy.upstream_ca.")],
    };
    let patience = settings.connect_timeout;
    let connected = tokio::time::timeout(patience, connector.connect()).await;
    let why = match connected {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no connection within {} s", patience.as_secs_f32())),
    };
    if let Some(why) = why {
        let advice = "Start Django there, or say where it is: upstream in the settings, or --upstream.";
        return vec![Finding::fail("upstream", format!("{address} cannot be reached: {why}"), advice)];
    }
    let mut findings = vec![Finding::ok("upstream", format!("{address} can be reached"))];
    let site = Site {
        upstream: Upstream::new(connector, patience, PATIENCE.min(settings.answer_timeout)),
        settings,
        seen_as,
    };
    for root in settings.prefixes.iter().filter_map(|prefix| prefix.fixed()) {
        let (found, language) = site.admin(&root).await;
        findings.extend(found);
        if let Some(root) = language {
            findings.extend(site.admin(&root).await.0);
        }
    }
    findings
}

struct Site<'a> {
    upstream: Upstream,
    settings: &'a Settings,
    seen_as: &'a SeenAs,
}

impl Site<'_> {
    /// As the proxy passes on what people ask, and as it asks itself.
    async fn ask(&self, method: Method, path: &str, https: bool) -> Result<Seen, String> {
        let mut head = HeaderMap::new();
        let host =
            HeaderValue::from_str(&self.seen_as.host).map_err(|_| "this is no host name".to_owned())?;
        head.insert(HOST, host);
        let scheme = if https { "https" } else { "http" };
        head.insert(HeaderName::from_static("x-forwarded-proto"), HeaderValue::from_static(scheme));
        let peer = Peer { ip: Some(std::net::Ipv4Addr::LOCALHOST.into()), trusted: true };
        headers::to_upstream(&mut head, &peer, None);
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|_| format!("{path:?} is no path"))?;
        *request.headers_mut() = head;
        let answer = self.upstream.send(request).await.map_err(|e| e.to_string())?;
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Ok(Seen {
            status: answer.status().as_u16(),
            location: answer.headers().get(LOCATION).map(text).unwrap_or_default(),
            cookies: answer.headers().get_all(SET_COOKIE).iter().map(text).collect(),
        })
    }

    fn read(&self, seen: &Seen, root: &str) -> Admin {
        admin(seen, root, &self.seen_as.host)
    }

    /// And the root with a language, if that is where the admin is and the settings know it.
    async fn admin(&self, root: &str) -> (Vec<Finding>, Option<String>) {
        let https = self.seen_as.https;
        let seen = match self.ask(Method::GET, root, https).await {
            Ok(seen) => seen,
            Err(why) => {
                let advice = "Look at Django's own log.";
                return (vec![Finding::fail("admin", format!("{root}: {why}"), advice)], None);
            }
        };
        let mut findings = Vec::new();
        let (seen, https) = match self.read(&seen, root) {
            // It may only be that it was told http.
            Admin::ToHttps if !https => match self.ask(Method::GET, root, true).await {
                Ok(secure) if self.read(&secure, root) != Admin::ToHttps => {
                    let found = "Django sends everybody to https (SECURE_SSL_REDIRECT)";
                    findings.push(Finding::warn("https", found, HTTPS));
                    (secure, true)
                }
                _ => (seen, https),
            },
            _ => (seen, https),
        };
        let found = self.read(&seen, root);
        if let Admin::Language(there) = &found
            && root_of(&self.settings.prefixes, there) == Some(there)
        {
            return (findings, Some(there.clone()));
        }
        findings.push(self.of_admin(root, &seen, &found));
        if let Admin::SignIn(page) = found {
            findings.extend(self.cookies(&page, https).await);
            findings.push(self.probe(root, https).await);
        }
        (findings, None)
    }

    fn of_admin(&self, root: &str, seen: &Seen, found: &Admin) -> Finding {
        let (host, status) = (&self.seen_as.host, seen.status);
        match found {
            Admin::SignIn(page) => {
                Finding::ok("admin", format!("{root} asks strangers to sign in at {page}"))
            }
            Admin::NotFound => {
                Finding::fail("admin", format!("there is nothing at {root} ({status})"), PREFIX)
            }
            Admin::Host => {
                let found = format!("Django does not answer to the name {host} ({status})");
                let advice = "Put the name that people open the site by into ALLOWED_HOSTS in Django's settings, and \
                              let what stands in front of collab-proxy pass Host on.";
                match self.seen_as.is_guess {
                    true => {
                        Finding::warn("host", found, format!("Say by --host how people call it. {advice}"))
                    }
                    false => Finding::fail("host", found, advice),
                }
            }
            Admin::ToHttps => {
                let found =
                    "Django sends to https who already comes by https: browsers would go round for ever";
                Finding::fail("https", found, PROTO)
            }
            Admin::Language(there) => Finding::fail(
                "admin",
                format!("{root} leads to {there}: the admin has a language before it"),
                format!("Set admin.prefixes = [\"/{{lang}}{root}\"] in the settings."),
            ),
            Admin::Moved(to) => Finding::fail("admin", format!("{root} leads to {to:?} ({status})"), PREFIX),
            Admin::Open => Finding::warn(
                "admin",
                format!("{root} shows itself to strangers ({status})"),
                format!("Is this Django's admin? {PREFIX}"),
            ),
            Admin::Failed => Finding::fail(
                "admin",
                format!("Django failed at {root} ({status})"),
                "Look at Django's own log.",
            ),
            Admin::Odd => Finding::warn(
                "admin",
                format!("{root} answers {status} to a stranger"),
                "The proxy expects a redirect to a page for signing in; whatever stands before Django must let the \
                 proxy through.",
            ),
        }
    }

    /// A browser keeps such a cookie to itself on plain http, and nobody gets signed in.
    async fn cookies(&self, page: &str, https: bool) -> Option<Finding> {
        if https || !page.starts_with('/') {
            return None;
        }
        let seen = self.ask(Method::GET, page, https).await.ok()?;
        let secure = secure_cookies(&seen.cookies);
        if secure.is_empty() {
            return None;
        }
        let found = format!("browsers send the cookie {} by https only", secure.join(", "));
        Some(Finding::warn("https", found, HTTPS))
    }

    async fn probe(&self, root: &str, https: bool) -> Finding {
        let what = "staff probe";
        let path = format!("{root}jsi18n/");
        let advice = "The proxy asks this page whether somebody is still signed in. Without it, who was signed out \
                      is not told before they save: keep AdminSite's own jsi18n view.";
        match self.ask(Method::HEAD, &path, https).await {
            Ok(seen) if tells_strangers(seen.status) => {
                Finding::ok(what, format!("{path} tells staff from strangers"))
            }
            Ok(seen) => Finding::warn(what, format!("{path} answers {} to a stranger", seen.status), advice),
            Err(why) => Finding::warn(what, format!("{path}: {why}"), advice),
        }
    }
}
