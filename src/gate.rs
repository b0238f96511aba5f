//! The write gate: every POST to an object is granted or refused here, whatever the browser runs.
//!
//! Owns the order of things: read the first bytes, ask the rules, forward, understand the answer, commit, and
//! only then let the answer go. The rules are `collab::write`'s, the answer's meaning `django::outcome`'s.

mod body;
mod carry;
mod deny;
mod look;
pub(crate) mod pin;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Request, Response};

use crate::app::{App, DeepCheck};
use crate::collab::command::{Command, Outcome as Step, Refusal, WriteProof};
use crate::collab::record::{Millis, PageId, RequestId};
use crate::django::form::Encoding;
use crate::django::object::ObjectKey;
use crate::django::route::View;
use crate::http::body::Body;
use crate::identity::Who;
use crate::reply;
use crate::store::StoreError;
use crate::token::{Claims, Invalid};
use crate::{ids, render};
use body::Copy;
use deny::Denied;

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
    /// An earlier save may still land, so the version alone proves nothing.
    uncertain: bool,
}

/// What is needed to answer the person, whatever happens.
struct Writer {
    app: Arc<App>,
    key: ObjectKey,
    view: View,
    headers: HeaderMap,
    /// Headers for a look at the object's page with the person's own eyes.
    eyes: HeaderMap,
    who: Who,
    encoding: Encoding,
    /// Path and query that were posted to.
    action: String,
    /// The token as it came, whatever it is worth.
    token: Option<String>,
    /// The token that came with the form, if it was good.
    claims: Option<Claims>,
    /// A token came that cannot be checked (any more): too old, or of a proxy that lost its secret.
    unchecked: bool,
    /// The token that came with the form, if it was made for this object under another login.
    lapsed: Option<Claims>,
    /// The object's version when this write was judged, or had ended.
    judged: Option<Millis>,
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
        eyes: render::eyes(&parts.headers),
        who: who.as_ref().cloned().unwrap_or_else(|_| unknown_person()),
        encoding,
        action,
        token: posted.token.clone(),
        claims: None,
        unchecked: false,
        lapsed: None,
        judged: None,
    };
    let known = who.map(|_| ());
    let head = Request::from_parts(parts, ());
    // A task of its own: the browser may go away, but a pin must not be left behind, and the truth about the save
    // must still be heard.
    let judged = app.tasks.spawn(async move {
        let granted = match known {
            Ok(()) => writer.admit(posted.token.clone(), posted.copy()).await,
            Err(error) => Err(Denied::Store(error)),
        };
        match granted {
            Err(denied) => writer.deny(denied, posted).await,
            Ok(grant) => writer.carry_out(grant, head, posted).await,
        }
    });
    judged.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a write's task failed");
        reply::error(
            hyper::StatusCode::BAD_GATEWAY,
            "We do not know whether this was saved",
            "The proxy failed while it carried out the save. Open the object and look.",
            false,
        )
    })
}

fn unknown_person() -> Who {
    Who { user: "unknown".into(), session: String::new(), name: None }
}

impl Writer {
    /// Asks the rules, and where they cannot know, Django's present form.
    async fn admit(&mut self, token: Option<String>, posted: Copy) -> Result<Grant, Denied> {
        let granted = self.ask(token.as_deref()).await;
        let mode = self.app.deep_check;
        match granted {
            Ok(grant) if mode == DeepCheck::Always || (mode == DeepCheck::Doubt && grant.uncertain) => {
                self.check(grant, posted).await
            }
            Err(Denied::Refusal(refusal, now)) if mode != DeepCheck::Off && self.is_doubt(&refusal) => {
                self.vouch(refusal, now, posted).await
            }
            other => other,
        }
    }

    /// Asks the rules whether this write may go to Django.
    async fn ask(&mut self, token: Option<&str>) -> Result<Grant, Denied> {
        let now = self.app.hub.store().now().await.map_err(Denied::Store)?;
        let proof = match token {
            None => WriteProof::None,
            Some(token) => self.judge(token, now),
        };
        self.begin(proof).await
    }

    async fn begin(&mut self, proof: WriteProof) -> Result<Grant, Denied> {
        let page = match &proof {
            WriteProof::Page { page, .. } => Some(page.clone()),
            WriteProof::None | WriteProof::Beside | WriteProof::Unfit => None,
        };
        let begin = Command::BeginWrite { id: RequestId::from(ids::id()), person: self.who.person(), proof };
        let until = pin::quiet_until();
        let applied = pin::begin(&self.app.hub, &self.key, &begin, until).await.map_err(Denied::Store)?;
        match applied.step.outcome {
            Step::Granted { fence, base } => {
                let uncertain = applied.step.record.uncertain;
                Ok(Grant { fence, base, page, now: applied.now, uncertain })
            }
            Step::Refused(refusal) => {
                self.judged = Some(applied.step.record.version);
                tracing::info!(object = %self.key, user = %self.who.user.as_str(), why = refusal.code(), "refused a write");
                let refusal = if self.is_known() { refusal } else { refusal.without_names() };
                Err(Denied::Refusal(refusal, applied.now))
            }
            _ => {
                Err(Denied::Store(StoreError::Corrupt("a write was neither granted nor refused".to_owned())))
            }
        }
    }

    /// Refused because nothing is known of the object's past, not because of anything that is known.
    fn is_doubt(&self, refusal: &Refusal) -> bool {
        match refusal {
            Refusal::Stale { saved, deleted } => saved.is_none() && !deleted,
            Refusal::Unfit => self.unchecked,
            Refusal::Held { .. } | Refusal::Saving { .. } => false,
        }
    }

    /// Django has let this person in before: it rendered this form, or showed a page, for this very session.
    /// A cookie alone is nothing; anybody can send one.
    fn is_known(&self) -> bool {
        self.claims.is_some() || self.who.name.is_some() || self.who.user.as_str().starts_with("login:")
    }

    /// A page of ours was posted, whoever is signed in by now.
    fn had_page(&self) -> bool {
        self.claims.is_some() || self.lapsed.is_some()
    }

    fn judge(&mut self, token: &str, now: Millis) -> WriteProof {
        let verdict = self.app.identity.key().verify(token, now);
        match verdict {
            Ok(claims) if claims.object == self.key && self.who.fits(&claims) => {
                let proof = WriteProof::Page { page: claims.page.clone(), version: claims.version };
                self.claims = Some(claims);
                proof
            }
            Ok(claims) => {
                self.lapsed = (claims.object == self.key).then_some(claims);
                WriteProof::Unfit
            }
            Err(Invalid::Forged | Invalid::Expired) => {
                self.unchecked = true;
                WriteProof::Unfit
            }
        }
    }
}
