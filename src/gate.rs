//! The write gate: every POST to an object is granted or refused here, whatever the browser runs.
//!
//! Owns the order of things: read the first bytes, ask the rules, forward, understand the answer, commit, and
//! only then let the answer go. The rules are `collab::write`'s, the answer's meaning `django::outcome`'s.

mod body;
mod carry;
mod deny;
mod look;
mod outage;
pub(crate) mod pin;
mod stranger;

use std::collections::BTreeSet;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Request, Response};
use tokio::time::Instant;

use crate::app::{App, DeepCheck};
use crate::collab::command::{Command, Outcome as Step, Refusal, WriteProof};
use crate::collab::record::{Millis, PageId, RequestId, Write};
use crate::django::form::Encoding;
use crate::django::object::ObjectKey;
use crate::django::outcome::{FORM_ACTION, Pressed};
use crate::django::route::View;
use crate::http::body::Body;
use crate::http::request_id;
use crate::identity::Who;
use crate::reply::{self, Accepts};
use crate::resolve::{self, TO_FIELD};
use crate::seeing::Told;
use crate::store::StoreError;
use crate::token::{Claims, Invalid, UNKNOWN_VERSION};
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
    write: Write,
    /// The version that the person's form was built on.
    base: Millis,
    now: Millis,
    /// Before the store was asked for the pin.
    asked: Instant,
    /// An earlier save may still land, so the version alone proves nothing.
    uncertain: bool,
}

/// What is needed to answer the person, whatever happens.
struct Writer {
    app: Arc<App>,
    key: ObjectKey,
    view: View,
    /// The address has another name for the object than its key.
    renamed: bool,
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
        let accepts = Accepts::of(&headers);
        let to = accepts.choose(&app.catalogs, None);
        let why = to.catalog.text("broken_form_text");
        return reply::error(to, hyper::StatusCode::BAD_REQUEST, "broken_form_title", why);
    }
    if view == View::Change && only_reads(app, &key, posted.copy(), &encoding).await {
        return pass(app, &headers, Request::from_parts(parts, posted.into_body())).await;
    }
    let accepts = Accepts::of(&headers).page_only();
    let who = app.identity.who(&headers).await;
    let by_heart = app.identity.who_by_heart(&headers);
    let eyes = render::eyes(&parts.headers);
    let named =
        posted.copy().last(&encoding, TO_FIELD).await.or_else(|| resolve::in_query(parts.uri.query()));
    let found = resolve::object(app, key.clone(), view, parts.uri.path(), named.as_deref(), &eyes).await;
    let mut writer = Writer {
        app: Arc::clone(app),
        renamed: found != key,
        key: found,
        view,
        headers,
        eyes,
        who: who.as_ref().cloned().unwrap_or(by_heart),
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
        if posted.streams() && writer.is_turned_away().await {
            return writer.send_unpinned(head, posted).await;
        }
        let granted = match known {
            Ok(()) => writer.admit(posted.token.clone(), posted.copy()).await,
            Err(error) => Err(Denied::Store(error)),
        };
        let granted = match granted {
            Err(Denied::Store(error @ StoreError::Down(_))) => {
                writer.admit_without_store(error, posted.copy()).await
            }
            granted => granted,
        };
        match granted {
            Err(denied) => writer.deny(denied, posted).await,
            Ok(grant) => writer.carry_out(grant, head, posted).await,
        }
    });
    judged.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a write's task failed");
        let to = accepts.choose(&app.catalogs, None);
        let sentence = to.catalog.text("lost_save_text");
        reply::error(to, hyper::StatusCode::BAD_GATEWAY, "unknown_title", sentence)
    })
}

/// An action of the object's own form that is known to change nothing (Django 6.1).
async fn only_reads(app: &App, key: &ObjectKey, posted: Copy, encoding: &Encoding) -> bool {
    if app.read_actions.is_empty() {
        return false;
    }
    let fields = posted.typed(encoding, &BTreeSet::new()).await.fields;
    let is_action = Pressed::of(fields.iter().map(|(n, v)| (n.as_str(), v.as_str()))) == Pressed::Action;
    let name = fields.iter().rfind(|(name, _)| name == FORM_ACTION);
    is_action && name.is_some_and(|(_, action)| app.only_reads(&key.model(), action))
}

/// Straight through: it writes nothing.
async fn pass(app: &App, headers: &HeaderMap, request: Request<Body>) -> Response<Body> {
    match app.upstream.send(request).await {
        Ok(mut answer) => {
            crate::http::headers::to_client(answer.headers_mut());
            crate::pass::followed(app, headers, answer).await
        }
        Err(error) => reply::no_answer(Accepts::of(headers).choose(&app.catalogs, None), &error),
    }
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
        let asked = Instant::now();
        let applied = pin::begin(&self.app.hub, &self.key, &begin, until).await.map_err(Denied::Store)?;
        let record = applied.step.record;
        let uncertain = record.is_unsure();
        match (applied.step.outcome, record.write) {
            (Step::Granted { base, .. }, Some(write)) => {
                self.told(&self.key.to_string(), page.as_ref()).granted(applied.now);
                Ok(Grant { write, base, now: applied.now, asked, uncertain })
            }
            (Step::Refused(refusal), _) => {
                self.judged = Some(record.version);
                tracing::debug!(object = %self.key, user = %self.who.user.as_str(), why = refusal.code(), "refused a write");
                let refusal = if self.is_known() { refusal } else { refusal.without_names() };
                Err(Denied::Refusal(refusal, applied.now))
            }
            _ => {
                Err(Denied::Store(StoreError::Corrupt("a write was neither granted nor refused".to_owned())))
            }
        }
    }

    /// What becomes of it is told to whoever looks on.
    fn told<'a>(&'a self, object: &'a str, page: Option<&'a PageId>) -> Told<'a> {
        Told { app: &self.app, object, who: &self.who, page, request: request_id::of(&self.headers) }
    }

    /// Refused because nothing is known of the object's past, not because of anything that is known.
    fn is_doubt(&self, refusal: &Refusal) -> bool {
        match refusal {
            Refusal::Stale { saved, deleted } => {
                let unknown = self.claims.as_ref().is_some_and(|c| c.version == UNKNOWN_VERSION);
                (saved.is_none() || unknown) && !deleted
            }
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
                // Its socket may not be back yet, which tells the store.
                let _ = self.who.reminded(&claims);
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
