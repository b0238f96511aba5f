//! The write gate: every POST to an object is granted or refused here, whatever the browser runs.
//!
//! Owns the order of things: read the first bytes, ask the rules, forward, understand the answer, commit, and
//! only then let the answer go. The rules are `collab::write`'s, the answer's meaning `django::outcome`'s.

mod body;
mod carry;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Request, Response};

use crate::app::App;
use crate::collab::command::{Command, Outcome as Step, Refusal, WriteProof};
use crate::collab::record::{Millis, PageId, RequestId};
use crate::django::form::{Encoding, Typed};
use crate::django::object::ObjectKey;
use crate::django::route::{View, root_of};
use crate::http::body::Body;
use crate::identity::Who;
use crate::ids;
use crate::reply::{self, Kept, Trouble};
use crate::store::StoreError;
use crate::token::{Claims, Invalid};
use body::Posted;

/// A write to one object, as it came. `headers` are the client's own, `request` is ready for Django.
pub struct Post {
    pub key: ObjectKey,
    pub view: View,
    pub headers: HeaderMap,
    pub request: Request<Incoming>,
}

/// A granted write.
struct Grant {
    fence: u64,
    /// The version that the person's form was built on.
    base: Millis,
    page: Option<PageId>,
    now: Millis,
}

/// What is needed to answer the person, whatever happens.
struct Writer {
    app: Arc<App>,
    key: ObjectKey,
    view: View,
    headers: HeaderMap,
    who: Who,
    encoding: Encoding,
    /// Path and query that were posted to.
    action: String,
    /// The token that came with the form, if it was good.
    claims: Option<Claims>,
}

pub async fn write(app: &Arc<App>, post: Post) -> Response<Body> {
    let Post { key, view, headers, request } = post;
    let (parts, incoming) = request.into_parts();
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let encoding = Encoding::of(kind);
    let action = parts.uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
    let posted = body::read(Body::timed(incoming, app.body_timeout), &encoding).await;
    if posted.broken {
        let why = "The form ended before its time, so it was not passed on. Nothing was saved.";
        return reply::error(
            hyper::StatusCode::BAD_REQUEST,
            "This form did not arrive whole",
            why,
            reply::wants_json(&headers),
        );
    }
    let who = app.identity.who(&headers).await;
    let mut writer = Writer {
        app: Arc::clone(app),
        key,
        view,
        headers,
        who: who.as_ref().cloned().unwrap_or_else(|_| unknown_person()),
        encoding,
        action,
        claims: None,
    };
    let granted = match who {
        Ok(_) => writer.ask(posted.token.as_deref()).await,
        Err(error) => Err(Denied::Store(error)),
    };
    match granted {
        Err(denied) => writer.deny(denied, posted).await,
        Ok(grant) => {
            // A task of its own: the browser may go away, the truth about the save must still be heard.
            let carried = app.tasks.spawn(writer.carry_out(grant, Request::from_parts(parts, ()), posted));
            carried.await.unwrap_or_else(|error| {
                tracing::error!(%error, "a write's task failed");
                reply::error(
                    hyper::StatusCode::BAD_GATEWAY,
                    "We do not know whether this was saved",
                    "The proxy failed while it carried out the save. Open the object and look.",
                    false,
                )
            })
        }
    }
}

enum Denied {
    Refusal(Refusal, Millis),
    Store(StoreError),
}

fn unknown_person() -> Who {
    Who { user: "unknown".into(), session: String::new(), name: None }
}

impl Writer {
    /// Asks the rules whether this write may go to Django.
    async fn ask(&mut self, token: Option<&str>) -> Result<Grant, Denied> {
        let store = self.app.hub.store();
        let now = store.now().await.map_err(Denied::Store)?;
        let proof = match token {
            None => WriteProof::None,
            Some(token) => self.judge(token, now),
        };
        let page = self.claims.as_ref().map(|c| c.page.clone());
        let begin = Command::BeginWrite { id: RequestId::from(ids::id()), person: self.who.person(), proof };
        let applied = self.app.hub.run(&self.key, &begin).await.map_err(Denied::Store)?;
        match applied.step.outcome {
            Step::Granted { fence, base } => Ok(Grant { fence, base, page, now }),
            Step::Refused(refusal) => {
                tracing::info!(object = %self.key, user = %self.who.user.as_str(), why = refusal.code(), "refused a write");
                let refusal = if self.is_known() { refusal } else { refusal.without_names() };
                Err(Denied::Refusal(refusal, applied.now))
            }
            _ => {
                Err(Denied::Store(StoreError::Corrupt("a write was neither granted nor refused".to_owned())))
            }
        }
    }

    /// Django has let this person in before: it rendered this form, or showed a page, for this very session.
    /// A cookie alone is nothing; anybody can send one.
    fn is_known(&self) -> bool {
        self.claims.is_some() || self.who.name.is_some() || self.who.user.as_str().starts_with("login:")
    }

    fn judge(&mut self, token: &str, now: Millis) -> WriteProof {
        let verdict = self.app.identity.key().verify(token, now);
        match verdict {
            Ok(claims) if claims.object == self.key && self.who.fits(&claims) => {
                let proof = WriteProof::Page { page: claims.page.clone(), version: claims.version };
                self.claims = Some(claims);
                proof
            }
            Ok(_) | Err(Invalid::Forged | Invalid::Expired) => WriteProof::Unfit,
        }
    }

    /// The page that gives everything back.
    async fn deny(&self, denied: Denied, posted: Posted) -> Response<Body> {
        let token = posted.token.clone();
        let typed = posted.into_typed(&self.encoding, &self.app.passwords_of(&self.key)).await;
        match denied {
            Denied::Refusal(refusal, now) => {
                // Trying again is checked as the page was; saving anyway is a conscious act with a token that
                // says so.
                let token = match refusal {
                    Refusal::Held { .. } | Refusal::Saving { .. } => token,
                    Refusal::Stale { .. } | Refusal::Unfit => self.conscious_token(now).await,
                };
                self.give_back(&Trouble::Refused(&refusal), &typed, token.as_deref(), now)
            }
            Denied::Store(error) => {
                tracing::warn!(object = %self.key, %error, "a write could not be checked");
                self.give_back(&Trouble::Store, &typed, token.as_deref(), 0)
            }
        }
    }

    async fn conscious_token(&self, now: Millis) -> Option<String> {
        let version = self.app.hub.store().read(&self.key).await.ok()?.record.version;
        Some(self.app.identity.key().sign(&Claims {
            object: self.key.clone(),
            user: self.who.user.clone(),
            session: self.who.session.clone(),
            page: PageId::from(ids::id()),
            version,
            issued: now,
            join: None,
        }))
    }

    fn give_back(
        &self,
        trouble: &Trouble,
        typed: &Typed,
        token: Option<&str>,
        now: Millis,
    ) -> Response<Body> {
        let current = self.change_page();
        // A path that begins with two slashes would name another host in a form's action.
        let action = if self.action.starts_with("//") { &current } else { &self.action };
        let kept = Kept {
            object: &self.key,
            action,
            current: &current,
            typed,
            encoding: &self.encoding,
            token,
            now,
        };
        reply::kept(trouble, &kept, reply::wants_json(&self.headers))
    }

    /// The object's page, by the key as it came where that is known: its canonical form need not be one that
    /// Django finds (text keys such as `007`).
    fn change_page(&self) -> String {
        let path = self.action.split('?').next().unwrap_or_default();
        let folder = match self.view {
            View::Change => path.strip_suffix("change/"),
            View::Delete => path.strip_suffix("delete/"),
            View::Other => None,
        };
        match folder.filter(|f| !f.starts_with("//")) {
            Some(folder) => format!("{folder}change/"),
            None => {
                let root = root_of(&self.app.prefixes, &self.action).unwrap_or("/admin/");
                format!("{root}{}change/", self.key.url_path())
            }
        }
    }
}
