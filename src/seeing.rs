//! What is seen of a request from outside: one line in the log, what is counted, and the trail of writes.
//!
//! Owns the line. What was decided is noted by whoever decides it, and travels on the answer; so nothing is kept for
//! requests about which nothing is decided. Cookies, bodies, tokens and queries are handed to nobody here.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use hyper::header::HeaderValue;
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response};

use crate::app::App;
use crate::audit::Happened;
use crate::collab::command::{Refusal, WriteEnd};
use crate::collab::record::{Millis, PageId, UserKey};
use crate::http::body::Body;
use crate::http::request_id::REQUEST_ID;
use crate::identity::Who;
use crate::metrics::{Class, Decision, Metrics, Reason};

/// What was decided about a request. On its answer until the line is written.
#[derive(Clone)]
pub struct Noted {
    pub user: UserKey,
    /// An object; of a list, its model.
    pub object: String,
    pub decision: &'static str,
    pub why: Option<&'static str>,
}

impl Noted {
    /// Puts it on an answer.
    pub fn on(self, mut answer: Response<Body>) -> Response<Body> {
        answer.extensions_mut().insert(self);
        answer
    }
}

/// The line of a request that is being answered. Also written when its client does not wait for the answer.
pub struct Line {
    metrics: Arc<Metrics>,
    pub class: Class,
    method: Method,
    path: Option<PathAndQuery>,
    id: HeaderValue,
    began: Instant,
    closed: bool,
}

/// As nginx says that the client has closed the connection.
const CLIENT_WENT: u16 = 499;

impl Line {
    pub fn open<B>(app: &App, request: &Request<B>, id: HeaderValue) -> Self {
        Self {
            metrics: Arc::clone(&app.metrics),
            class: Class::Outside,
            method: request.method().clone(),
            path: request.uri().path_and_query().cloned(),
            id,
            began: Instant::now(),
            closed: false,
        }
    }

    /// The answer has its head.
    pub fn close(mut self, mut answer: Response<Body>) -> Response<Body> {
        self.closed = true;
        let noted = answer.extensions_mut().remove::<Noted>();
        self.write(answer.status().as_u16(), noted.as_ref());
        let id = std::mem::replace(&mut self.id, HeaderValue::from_static(""));
        answer.headers_mut().insert(REQUEST_ID, id);
        answer
    }

    fn write(&self, status: u16, noted: Option<&Noted>) {
        let took = self.began.elapsed();
        self.metrics.request(self.class, status, took);
        let request = self.id.to_str().unwrap_or_default();
        let ms = crate::clock::millis(took);
        if let Some(Noted { user, object, decision, why }) = noted {
            let (method, path, user) = (self.method.as_str(), self.path(), user.as_str());
            tracing::info!(request, method, %path, status, ms, user, %object, decision, why, "request");
        } else if status == CLIENT_WENT && matches!(self.class, Class::Write | Class::ListWrite) {
            let (method, path) = (self.method.as_str(), self.path());
            tracing::info!(request, method, %path, status, ms, decision = "abandoned", "request");
        } else if tracing::enabled!(tracing::Level::DEBUG) {
            let (method, path, class) = (self.method.as_str(), self.path(), self.class.label());
            tracing::debug!(request, method, %path, status, ms, class, "request");
        }
    }

    fn path(&self) -> PathOf<'_> {
        PathOf(self.path.as_ref().map_or("*", PathAndQuery::path))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.closed {
            self.write(CLIENT_WENT, None);
        }
    }
}

/// A path as it may be told. Django's links to set a new password have their token in it: `/reset/MQ/cx7p5q-0123…/`
/// (`PasswordResetTokenGenerator`: a time in base 36, a hyphen, 32 or more hexadecimal digits).
struct PathOf<'a>(&'a str);

impl fmt::Display for PathOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, segment) in self.0.split('/').enumerate() {
            f.write_str(if number > 0 { "/" } else { "" })?;
            f.write_str(if is_token(segment) { "…" } else { segment })?;
        }
        Ok(())
    }
}

fn is_token(segment: &str) -> bool {
    segment.split_once('-').is_some_and(|(time, hash)| {
        (1..=13).contains(&time.len())
            && hash.len() >= 32
            && time.bytes().all(|b| b.is_ascii_alphanumeric())
            && hash.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// A write whose fate is told to the trail, to what is counted, and to the request's line.
pub struct Told<'a> {
    pub app: &'a App,
    pub object: &'a str,
    pub who: &'a Who,
    pub page: Option<&'a PageId>,
    pub request: &'a str,
}

impl Told<'_> {
    pub fn granted(&self, at: Millis) {
        self.tell("write_granted", None, Some(at));
    }

    pub fn refused(&self, reason: Reason, at: Option<Millis>) -> Noted {
        self.app.metrics.blocked(reason);
        self.tell("write_refused", Some(reason.label()), at);
        self.noted("refused", Some(reason.label()))
    }

    pub fn ended(&self, end: WriteEnd, at: Option<Millis>) -> Noted {
        let (event, decision, why) = match end {
            WriteEnd::Saved { .. } => ("write_saved", Decision::Saved, None),
            WriteEnd::SavedAsNew => ("write_saved_as_new", Decision::SavedAsNew, None),
            WriteEnd::Deleted => ("write_deleted", Decision::Deleted, None),
            // Somebody else has deleted it, and this save found nothing.
            WriteEnd::Gone => ("write_not_saved", Decision::NotSaved, Some("gone")),
            WriteEnd::NotSaved => ("write_not_saved", Decision::NotSaved, None),
            WriteEnd::Unknown { may_land: true } => ("write_unknown", Decision::Unknown, Some("may_land")),
            WriteEnd::Unknown { may_land: false } => ("write_unknown", Decision::Unknown, None),
        };
        self.app.metrics.write(decision);
        self.tell(event, why, at);
        self.noted(decision.label(), why)
    }

    fn noted(&self, decision: &'static str, why: Option<&'static str>) -> Noted {
        Noted { user: self.who.user.clone(), object: self.object.to_owned(), decision, why }
    }

    fn tell(&self, event: &str, why: Option<&str>, at: Option<Millis>) {
        if !self.app.audit.is_on() {
            return;
        }
        let person = self.who.person();
        self.app.audit.tell(&Happened {
            at: at.filter(|at| *at > 0),
            event,
            object: self.object,
            person: Some(&person),
            page: self.page,
            why,
            request: Some(self.request),
            ..Happened::default()
        });
    }
}

pub fn reason(refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::Held { .. } => Reason::Locked,
        Refusal::Saving { .. } => Reason::Saving,
        Refusal::Stale { deleted: true, .. } => Reason::Deleted,
        Refusal::Stale { .. } => Reason::Stale,
        Refusal::Unfit => Reason::Unfit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_set_a_password_are_not_told() {
        let token = "cx7p5q-0123456789abcdef0123456789abcdef";
        assert_eq!(PathOf(&format!("/reset/MQ/{token}/")).to_string(), "/reset/MQ/…/");
        for path in
            ["/admin/shop/product/1/change/", "/a-b/", "/x/3f2b8c1e-6a4d-4b7c-9e0f-1a2b3c4d5e6f/", "*", ""]
        {
            assert_eq!(PathOf(path).to_string(), path);
        }
    }

    #[test]
    fn a_reason_is_called_as_the_refusal_is() {
        let stale = |deleted| Refusal::Stale { saved: None, deleted };
        for refusal in [stale(false), stale(true), Refusal::Unfit] {
            assert_eq!(reason(&refusal).label(), refusal.code());
        }
    }
}
