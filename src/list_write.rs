//! The gate of change lists: actions and edited rows, each row guarded as if it were saved alone.
//!
//! Owns the order of things: read the whole body, find the rows, pin them all or none, forward once, understand
//! the answer, tell the store about every row, and only then let the answer go. What the POST means is
//! `django::changelist`'s, the rules are `collab::write`'s.

mod action;
mod body;
mod edit;
mod forward;
mod fresh;
mod pins;
mod refuse;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};

use crate::app::App;
use crate::collab::command::{WriteEnd, WriteProof};
use crate::collab::record::Millis;
use crate::django::changelist::{self, Meaning, Model};
use crate::django::form::TOKEN_FIELD;
use crate::django::object::ObjectKey;
use crate::django::posted::Posted;
use crate::http::body::Body;
use crate::http::headers as http_headers;
use crate::http::request_id;
use crate::identity::Who;
use crate::metrics::Reason;
use crate::reply::{self, Accepts};
use crate::seeing::{Noted, Told};
use crate::store::StoreError;
use crate::token::list::ListClaims;
use body::{Read, Why};
use pins::Asked;

/// More rows than this in one POST are not guarded, and so not passed on; nor looked for any further.
const ROWS: usize = 10_000;

/// A POST to a list, read whole.
struct Job {
    app: Arc<App>,
    model: Model,
    /// The client's own headers; those in `head` are ready for Django.
    headers: HeaderMap,
    head: Parts,
    body: Bytes,
    posted: Posted,
    who: Who,
    token: Token,
    accepts: Accepts,
}

/// What the list's own token says.
enum Token {
    None,
    /// Of another list or person, forged, or too old.
    Unfit,
    Good(ListClaims),
}

pub(crate) async fn write(
    app: &Arc<App>,
    model: Model,
    headers: HeaderMap,
    request: Request<Incoming>,
) -> Response<Body> {
    let accepts = Accepts::of(&headers);
    let (head, incoming) = request.into_parts();
    let (body, posted) = match body::read(app, &headers, incoming).await {
        Read::Whole(body, posted) => (body, posted),
        Read::Broken => return Why::Broken.answer(accepts.choose(&app.catalogs, None)),
        Read::Odd(why, body) => return odd(app, &model, head, why, body, &accepts).await,
    };
    let meaning = changelist::read(&posted);
    let rows = match &meaning {
        Meaning::Nothing => 0,
        Meaning::Action(action) => action.pks.len(),
        Meaning::Edit(rows) => rows.len(),
    };
    if rows > ROWS {
        return Why::Rows.answer(accepts.choose(&app.catalogs, None));
    }
    let who = match app.identity.who(&headers).await {
        Ok(who) => Ok(who),
        Err(_) if meaning == Meaning::Nothing => Ok(nobody()),
        Err(error) => Err(error),
    };
    let (who, error) = match who {
        Ok(who) => (who, None),
        Err(error) => (nobody(), Some(error)),
    };
    let mut job = Job {
        app: Arc::clone(app),
        model,
        headers,
        head,
        body,
        posted,
        who,
        token: Token::None,
        accepts: accepts.clone(),
    };
    if let Some(error) = error {
        return job.no_store(&error);
    }
    // A task of its own: the browser may go away, the truth about the rows must still be heard.
    let carried = job.app.tasks.clone().spawn(async move {
        match meaning {
            Meaning::Action(action) if !job.app.only_reads(&job.model.label(), &action.name) => {
                job.judge().await;
                action::carry_out(job, action).await
            }
            Meaning::Edit(rows) if !rows.is_empty() => {
                job.judge().await;
                edit::carry_out(job, rows).await
            }
            _ => job.pass().await,
        }
    });
    carried.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a list's task failed");
        let to = accepts.choose(&app.catalogs, None);
        reply::error(to, StatusCode::BAD_GATEWAY, "unknown_title", to.catalog.text("lost_list_text"))
    })
}

/// A body that no list's form sends. Where a site has a view of its own at such an address, which only looks like a
/// list, it is that view's business.
async fn odd(
    app: &Arc<App>,
    model: &Model,
    head: Parts,
    why: Why,
    body: Body,
    accepts: &Accepts,
) -> Response<Body> {
    let to = accepts.choose(&app.catalogs, None);
    let address = head.uri.path_and_query().map_or("/", |p| p.as_str());
    if fresh::list_at(app, model, &head, address).await.may_be_list() {
        body::drain(body).await;
        return why.answer(to);
    }
    match app.upstream.send(Request::from_parts(head, body)).await {
        Ok(mut answer) => {
            http_headers::to_client(answer.headers_mut());
            answer
        }
        Err(error) => reply::no_answer(to, &error),
    }
}

fn nobody() -> Who {
    Who { user: "unknown".into(), session: String::new(), name: None, avatar: None }
}

impl Job {
    /// Reads the list's token. A store that cannot say the time judges nothing; the pins will find it out.
    async fn judge(&mut self) {
        let Some(token) = self.posted.last(TOKEN_FIELD) else {
            return;
        };
        let now = self.app.hub.store().now().await.unwrap_or_default();
        self.token = match self.app.identity.key().verify_list(token, now) {
            // A store whose time went back cannot say what was saved since.
            Ok(claims) if claims.model == self.model && self.is_mine(&claims) && claims.asked <= now => {
                Token::Good(claims)
            }
            _ => Token::Unfit,
        };
    }

    fn is_mine(&self, claims: &ListClaims) -> bool {
        let who = &self.who;
        !who.session.is_empty() && (who.session == claims.session || who.user == claims.user)
    }

    /// Has Django let this person in before? A cookie alone is nothing; see `gate`.
    fn is_known(&self) -> bool {
        matches!(self.token, Token::Good(_))
            || self.who.name.is_some()
            || self.who.user.as_str().starts_with("login:")
    }

    /// Asks for every row, also after a refusal: people are told of all of them at once.
    async fn pin(&self, rows: &BTreeSet<ObjectKey>, proof: &WriteProof) -> Result<Asked, StoreError> {
        pins::ask(&self.app.hub, self.app.keep_write, self.who.person(), rows, proof).await
    }

    /// Path and query that were posted to.
    fn address(&self) -> &str {
        self.head.uri.path_and_query().map_or("/", |p| p.as_str())
    }

    fn no_store(&self, error: &StoreError) -> Response<Body> {
        let model = self.model.label();
        tracing::warn!(request = request_id::of(&self.headers), model, %error, "a list's rows could not be checked");
        let who = self.app.identity.who_by_heart(&self.headers);
        let noted = Told { who: &who, ..self.told(&model) }.refused(Reason::Store, None);
        noted.on(self.trouble(&reply::rows::Trouble::Store, Vec::new()))
    }

    /// What becomes of it is told to whoever looks on.
    fn told<'a>(&'a self, object: &'a str) -> Told<'a> {
        Told { app: &self.app, object, who: &self.who, page: None, request: request_id::of(&self.headers) }
    }

    fn granted<'k>(&self, rows: impl IntoIterator<Item = &'k ObjectKey>, at: Millis) {
        for row in rows {
            self.told(&row.to_string()).granted(at);
        }
    }

    /// A line a row in the trail, and one of all of them in the log.
    fn ended<'k>(
        &self,
        rows: impl IntoIterator<Item = &'k ObjectKey>,
        end: WriteEnd,
        at: Option<Millis>,
        answer: Response<Body>,
    ) -> Response<Body> {
        let noted: Vec<Noted> =
            rows.into_iter().map(|row| self.told(&row.to_string()).ended(end, at)).collect();
        self.of_the_list(noted, answer)
    }

    fn of_the_list(&self, rows: Vec<Noted>, answer: Response<Body>) -> Response<Body> {
        match rows.into_iter().next() {
            Some(first) => Noted { object: self.model.label(), ..first }.on(answer),
            None => answer,
        }
    }
}
