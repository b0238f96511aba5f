//! The write gate: every POST to an object is granted or refused here, whatever the browser runs.
//!
//! Owns the order of things: read the first bytes, ask the rules, forward, understand the answer, commit, and
//! only then let the answer go. The rules are `collab::write`'s, the answer's meaning `django::outcome`'s.

mod body;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use hyper::{Request, Response};

use crate::app::App;
use crate::collab::lock::{Command, Outcome as Step};
use crate::collab::record::{Millis, PageId, RequestId};
use crate::collab::write::{Refusal, WriteEnd, WriteProof};
use crate::django::form::{Encoding, Typed};
use crate::django::object::ObjectKey;
use crate::django::outcome::{self, Outcome};
use crate::django::route::{View, root_of};
use crate::http::body::Body;
use crate::http::headers;
use crate::identity::Who;
use crate::ids;
use crate::render::{self, Rendering};
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
                Err(Denied::Refusal(refusal, applied.now))
            }
            _ => {
                Err(Denied::Store(StoreError::Corrupt("a write was neither granted nor refused".to_owned())))
            }
        }
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

    /// Forwards a granted write, hears how it ended, and commits that before the answer goes.
    async fn carry_out(self, grant: Grant, head: Request<()>, posted: Posted) -> Response<Body> {
        let keeping = self.keep(grant.fence);
        let (kept_copy, token) = (posted.copy(), posted.token.clone());
        let (parts, ()) = head.into_parts();
        let mut request = Request::from_parts(parts, posted.into_body());
        render::ask_plainly(request.headers_mut());
        let sent = self.app.upstream.send(request).await;
        let (end, answer) = match sent {
            Ok(mut answer) => {
                headers::to_client(answer.headers_mut());
                if self.app.identity.is_touched(answer.headers()) {
                    self.app.identity.follow(&self.headers, answer.headers()).await;
                }
                self.understand(&grant, answer).await
            }
            Err(error) => {
                tracing::warn!(object = %self.key, %error, "Django did not answer a write");
                let typed = kept_copy.typed(&self.encoding, &self.app.passwords_of(&self.key)).await;
                let (end, trouble) = if error.never_sent() {
                    (WriteEnd::NotSaved, Trouble::NoDjango(&error))
                } else {
                    (WriteEnd::Unknown { may_land: true }, Trouble::Unknown(&error))
                };
                let answer = self.give_back(&trouble, &typed, token.as_deref(), grant.now);
                (end, answer)
            }
        };
        self.commit(&grant, end).await;
        keeping.abort();
        answer
    }

    /// Renews the pin as long as the write is on its way, however long an upload takes.
    fn keep(&self, fence: u64) -> tokio::task::JoinHandle<()> {
        let (hub, key, every) = (Arc::clone(&self.app.hub), self.key.clone(), self.app.keep_write);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                if let Err(error) = hub.run(&key, &Command::KeepWrite { fence }).await {
                    tracing::warn!(object = %key, %error, "a save on its way could not be renewed");
                }
            }
        })
    }

    /// Reads Django's answer: from its head, and where that does not tell, from as much of the page as does.
    async fn understand(&self, grant: &Grant, answer: Response<Body>) -> (WriteEnd, Response<Body>) {
        let location = answer.headers().get(LOCATION).and_then(|v| v.to_str().ok());
        let status = answer.status().as_u16();
        let read = outcome::from_head(&self.app.prefixes, &self.key, self.view, status, location);
        if read != Outcome::AskBody {
            return (end_of(read), answer);
        }
        let rendering = Rendering {
            object: self.key.clone(),
            who: self.who.clone(),
            page: PageId::from(ids::id()),
            // The form again, with its errors: it still builds on what the person saw.
            version: grant.base,
            now: grant.now,
            unsaved: true,
        };
        let (answer, page) = match render::rewriting(&self.app, answer, rendering) {
            Ok(pieces) => pieces,
            Err(answer) => return (WriteEnd::Unknown { may_land: false }, *answer),
        };
        let mut read = std::collections::VecDeque::new();
        let mut page = Body::Page(Box::new(page));
        let shown = loop {
            let learned = match &page {
                Body::Page(page) => page.learned(),
                _ => break outcome::Shown::Neither,
            };
            if learned.shown() != outcome::Shown::Neither {
                break learned.shown();
            }
            match Pin::new(&mut page).frame().await {
                Some(Ok(frame)) => read.extend(frame.into_data().ok()),
                Some(Err(_)) | None => match &page {
                    Body::Page(page) => break page.learned().shown(),
                    _ => break outcome::Shown::Neither,
                },
            }
        };
        let end = end_of(outcome::from_body(self.view, shown));
        (end, answer.map(|()| Body::after(read, page)))
    }

    /// Tells the store how it ended. Only after this may the answer go, or the next page could be rendered with
    /// the old version. If the store cannot be told, the pin ends by itself and counts as a possible save.
    async fn commit(&self, grant: &Grant, end: WriteEnd) {
        let command = Command::EndWrite {
            fence: grant.fence,
            person: self.who.person(),
            page: grant.page.clone(),
            end,
        };
        for pause in [0, 200, 1_000] {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            match self.app.hub.run(&self.key, &command).await {
                Ok(_) => {
                    tracing::info!(object = %self.key, user = %self.who.user.as_str(), ?end, "a write ended");
                    return;
                }
                Err(error) => {
                    tracing::warn!(object = %self.key, %error, ?end, "a write's end could not be stored")
                }
            }
        }
    }
}

fn end_of(outcome: Outcome) -> WriteEnd {
    match outcome {
        Outcome::Saved { stays } => WriteEnd::Saved { stays },
        Outcome::Deleted => WriteEnd::Deleted,
        Outcome::NotSaved => WriteEnd::NotSaved,
        Outcome::Unknown { may_land } => WriteEnd::Unknown { may_land },
        Outcome::AskBody => WriteEnd::Unknown { may_land: false },
    }
}
