//! Is the person behind a socket still signed in? Asked of Django itself, with the person's own cookies.
//!
//! `HEAD …/jsi18n/` answers 200 to staff and redirects everybody else (AdminSite.admin_view); it is cheap and
//! eats no messages. Only asked while the person is active, so that an idle page keeps no session alive.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{ACCEPT_LANGUAGE, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use tokio::time::Instant;

use super::hub::Hub;
use crate::collab::record::PageId;
use crate::django::object::ObjectKey;
use crate::http::body::Body;
use crate::http::upstream::Upstream;
use crate::settable::Settable;

/// A person who is active is looked after this often.
const EVERY: Duration = Duration::from_secs(60);
/// A page that asks is answered no more often than this.
const ASKED: Duration = Duration::from_secs(2);

/// What Django needs to see of the person: without the right host and scheme it answers something else.
const NEEDED: [HeaderName; 6] = [
    COOKIE,
    HOST,
    ACCEPT_LANGUAGE,
    USER_AGENT,
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-for"),
];

/// The person's side of it. Small: there are thousands of sockets.
pub struct Eyes {
    upstream: Arc<Settable<Arc<Upstream>>>,
    headers: Box<[(HeaderName, HeaderValue)]>,
}

impl Eyes {
    /// `headers`: of the handshake, ready for Django.
    /// `more`: names of headers by which Django knows the person.
    pub fn new<'n>(
        upstream: Arc<Settable<Arc<Upstream>>>,
        headers: &HeaderMap,
        more: impl Iterator<Item = &'n HeaderName>,
    ) -> Self {
        let own = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).ok();
        let needed = NEEDED.into_iter().chain(more.cloned());
        let headers = needed.filter_map(|name| own(headers.get(&name)?).map(|value| (name, value)));
        Self { upstream, headers: headers.collect() }
    }

    async fn signed_in(&self, root: &str) -> Option<bool> {
        signed_in(&self.upstream.get(), root, self.headers.iter().cloned().collect()).await
    }
}

/// Is whoever sends these headers let into the admin at `root`? None: Django does not say.
pub(crate) async fn signed_in(upstream: &Upstream, root: &str, eyes: HeaderMap) -> Option<bool> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = Method::HEAD;
    *request.uri_mut() = format!("{root}jsi18n/").parse().ok()?;
    *request.headers_mut() = eyes;
    let answer = upstream.send(request).await.ok()?;
    match answer.status() {
        StatusCode::OK => Some(true),
        StatusCode::FOUND | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(false),
        _ => None,
    }
}

/// When to look, and whom to tell.
pub struct Watch {
    pub eyes: Arc<Eyes>,
    /// The admin's root, as the page's own address has it.
    pub root: Arc<str>,
    last: Instant,
    asked: Option<Instant>,
}

impl Watch {
    pub fn new(eyes: Eyes, root: &str) -> Self {
        Self { eyes: Arc::new(eyes), root: root.into(), last: Instant::now(), asked: None }
    }

    /// Looks, if it is time. `asked`: the page wants to know, whatever the answer.
    pub fn look(&mut self, hub: &Arc<Hub>, object: &ObjectKey, page: &PageId, asked: bool) {
        let too_early = match self.asked {
            Some(last) if asked => last.elapsed() < ASKED,
            None if asked => false,
            _ => self.last.elapsed() < EVERY,
        };
        // A page of an older proxy's making knows no root.
        if too_early || self.root.is_empty() {
            return;
        }
        self.last = Instant::now();
        self.asked = asked.then_some(self.last).or(self.asked);
        let (eyes, root, hub) = (Arc::clone(&self.eyes), Arc::clone(&self.root), Arc::clone(hub));
        let (object, page) = (object.clone(), page.clone());
        tokio::spawn(async move {
            if let Some(signed_in) = eyes.signed_in(&root).await.filter(|signed_in| asked || !signed_in) {
                hub.tell_session(&object, &page, signed_in);
            }
        });
    }
}
