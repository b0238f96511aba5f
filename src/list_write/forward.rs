//! A list's POST on its way: forwarded once, its answer understood before it leaves.

use std::collections::VecDeque;

use hyper::header::{HeaderMap, LOCATION};
use hyper::{Request, Response, StatusCode};

use super::fresh::{collect, is_page};
use super::refuse::Changed;
use super::{Job, Token};
use crate::collab::command::WriteEnd;
use crate::collab::record::Millis;
use crate::django::changelist::Model;
use crate::django::list_outcome::{self, Kind};
use crate::django::outcome::Outcome;
use crate::django::page::Page;
use crate::django::rows;
use crate::gate::pin;
use crate::http::body::Body;
use crate::http::headers;
use crate::http::request_id;
use crate::http::rewriting::{Packing, Rewriting};
use crate::lists::{self, Listing, place};
use crate::render::{ask_plainly, learn, prepare, readable};
use crate::reply;
use crate::reply::rows::Trouble;

impl Job {
    fn request(&self) -> Request<Body> {
        let mut request = Request::from_parts(self.head.clone(), Body::bytes(self.body.clone()));
        ask_plainly(request.headers_mut());
        request
    }

    /// Straight through: it writes nothing that we know of.
    pub(super) async fn pass(self) -> Response<Body> {
        match self.app.upstream.send(self.request()).await {
            Ok(mut answer) => {
                headers::to_client(answer.headers_mut());
                self.follow(answer.headers()).await;
                answer
            }
            Err(error) => {
                tracing::warn!(request = request_id::of(&self.headers), %error, "Django did not answer");
                reply::no_answer(self.accepts.choose(&self.app.catalogs, None), &error)
            }
        }
    }

    async fn follow(&self, answer: &HeaderMap) {
        if self.app.identity.is_touched(answer) {
            self.app.identity.follow(&self.headers, answer).await;
        }
    }

    /// Sends it, and hears how it ended. `changed`: what the person is shown if it is given back. `now`: when its rows
    /// were pinned.
    pub(super) async fn send(
        &self,
        kind: Kind,
        changed: Vec<Changed>,
        now: Millis,
    ) -> (WriteEnd, Response<Body>) {
        match pin::carry(self.app.upstream.send(self.request())).await {
            Ok(mut answer) => {
                headers::to_client(answer.headers_mut());
                self.follow(answer.headers()).await;
                self.understand(kind, answer, changed, now).await
            }
            Err(error) => {
                tracing::warn!(request = request_id::of(&self.headers), model = self.model.label(), %error, "Django did not answer a list's POST");
                let (end, trouble) = if error.never_sent() {
                    (WriteEnd::NotSaved, Trouble::NoDjango(&error))
                } else {
                    (WriteEnd::Unknown { may_land: true }, Trouble::Unknown(&error))
                };
                (end, self.trouble(&trouble, changed))
            }
        }
    }

    async fn understand(
        &self,
        kind: Kind,
        answer: Response<Body>,
        changed: Vec<Changed>,
        now: Millis,
    ) -> (WriteEnd, Response<Body>) {
        let location = answer.headers().get(LOCATION).and_then(|v| v.to_str().ok());
        let read = list_outcome::from_head(&self.app.prefixes, kind, answer.status().as_u16(), location);
        // Our own list was posted, so there is something to give back; Django's page would throw it away.
        let lost = match read {
            _ if matches!(self.token, Token::None) => None,
            Outcome::SignedOut => Some(Trouble::SignedOut(location.unwrap_or_default().to_owned())),
            _ if answer.status() == StatusCode::FORBIDDEN => Some(Trouble::Forbidden),
            _ if answer.status().as_u16() >= 400 => {
                let unknown = end_of(read) != WriteEnd::NotSaved;
                Some(Trouble::Failed { status: answer.status().as_u16(), unknown })
            }
            _ => None,
        };
        if let Some(trouble) = lost {
            return (end_of(read), self.trouble(&trouble, changed));
        }
        if read != Outcome::AskBody {
            return (end_of(read), answer);
        }
        // A file to download, perhaps: it streams, and nobody knows what the action did beside it.
        let Some((encoding, packing)) = readable(&answer).filter(|_| is_page(&answer)) else {
            return (WriteEnd::Unknown { may_land: false }, answer);
        };
        let (parts, body) = answer.into_parts();
        let html = match collect(body, self.app.upstream.patience()).await {
            Ok(html) => html,
            Err((read, rest)) => {
                let body = Body::after(VecDeque::from([read]), rest.unwrap_or_else(Body::empty));
                return (WriteEnd::Unknown { may_land: false }, Response::from_parts(parts, body));
            }
        };
        let place = place(&self.app, &self.model);
        let shown = rows::read(&self.app.themes, encoding, &place, &html).shown;
        let answer = Response::from_parts(parts, Body::bytes(html));
        let end = end_of(list_outcome::from_page(kind, shown.form, shown.asks));
        if shown.asks && !self.who.session.is_empty() {
            return (end, self.asking(answer, encoding, packing, now));
        }
        if !shown.form {
            return (end, answer);
        }
        // The list again, with its errors: it still builds on what the person saw.
        let asked = match &self.token {
            Token::Good(claims) => Some(claims.asked),
            // A list that could not be checked must not become a new one by a slip in a field.
            Token::Unfit => Some(0),
            Token::None => None,
        };
        let listing = Listing { model: self.model.clone(), who: self.who.clone(), asked };
        (end, lists::rewritten(&self.app, answer, listing))
    }
}

impl Job {
    /// A page that asks before it goes on says which state of the rows it asks about: what is saved after that was
    /// not seen by who says yes.
    fn asking(
        &self,
        answer: Response<Body>,
        encoding: lol_html::AsciiCompatibleEncoding,
        packing: Packing,
        now: Millis,
    ) -> Response<Body> {
        let (mut parts, body) = answer.into_parts();
        let field = lists::token_field(&self.app, lists::claims(&self.model, &self.who, now));
        let (prefixes, model) = (self.app.prefixes.clone(), self.model.clone());
        let ours = move |path: &str| Model::of_list(&prefixes, path).as_ref() == Some(&model);
        let page = Page::confirming(&self.app.themes, encoding, field, ours);
        prepare(&mut parts.headers, packing);
        let done = learn(&self.app, self.who.clone(), None);
        Response::from_parts(parts, Body::Page(Box::new(Rewriting::new(body, page, packing, false, done))))
    }
}

fn end_of(outcome: Outcome) -> WriteEnd {
    match outcome {
        Outcome::Saved { stays } => WriteEnd::Saved { stays },
        Outcome::Deleted => WriteEnd::Deleted,
        Outcome::NotSaved | Outcome::SignedOut => WriteEnd::NotSaved,
        Outcome::Unknown { may_land } => WriteEnd::Unknown { may_land },
        Outcome::AskBody | Outcome::Elsewhere | Outcome::Failed => WriteEnd::Unknown { may_land: false },
    }
}
