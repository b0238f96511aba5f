//! A list's POST on its way: forwarded once, its answer understood before it leaves.

use std::collections::VecDeque;

use hyper::header::{HeaderMap, LOCATION};
use hyper::{Request, Response, StatusCode};

use super::fresh::{collect, is_page};
use super::refuse::Changed;
use super::{Job, Token};
use crate::collab::command::WriteEnd;
use crate::django::list_outcome::{self, Kind};
use crate::django::outcome::Outcome;
use crate::django::rows;
use crate::gate::pin;
use crate::http::body::Body;
use crate::http::headers;
use crate::lists::{self, Listing, place};
use crate::render::{ask_plainly, readable};
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
                tracing::warn!(%error, "Django did not answer");
                reply::no_answer(&error, self.json)
            }
        }
    }

    async fn follow(&self, answer: &HeaderMap) {
        if self.app.identity.is_touched(answer) {
            self.app.identity.follow(&self.headers, answer).await;
        }
    }

    /// Sends it, and hears how it ended. `changed`: what the person is shown if it is given back.
    pub(super) async fn send(&self, kind: Kind, changed: Vec<Changed>) -> (WriteEnd, Response<Body>) {
        match pin::carry(self.app.upstream.send(self.request())).await {
            Ok(mut answer) => {
                headers::to_client(answer.headers_mut());
                self.follow(answer.headers()).await;
                self.understand(kind, answer, changed).await
            }
            Err(error) => {
                tracing::warn!(model = self.model.label(), %error, "Django did not answer a list's POST");
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
    ) -> (WriteEnd, Response<Body>) {
        let location = answer.headers().get(LOCATION).and_then(|v| v.to_str().ok());
        let read = list_outcome::from_head(kind, answer.status().as_u16(), location);
        // Our own list was posted, so there is something to give back; Django's page would throw it away.
        let lost = match read {
            _ if matches!(self.token, Token::None) => None,
            Outcome::SignedOut => Some(Trouble::SignedOut(location.unwrap_or_default().to_owned())),
            _ if answer.status() == StatusCode::FORBIDDEN => Some(Trouble::Forbidden),
            _ => None,
        };
        if let Some(trouble) = lost {
            return (WriteEnd::NotSaved, self.trouble(&trouble, changed));
        }
        if read != Outcome::AskBody {
            return (end_of(read), answer);
        }
        // A file to download, perhaps: it streams, and nobody knows what the action did beside it.
        let Some((encoding, _)) = readable(&answer).filter(|_| is_page(&answer)) else {
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

fn end_of(outcome: Outcome) -> WriteEnd {
    match outcome {
        Outcome::Saved { stays } => WriteEnd::Saved { stays },
        Outcome::Deleted => WriteEnd::Deleted,
        Outcome::NotSaved | Outcome::SignedOut => WriteEnd::NotSaved,
        Outcome::Unknown { may_land } => WriteEnd::Unknown { may_land },
        Outcome::AskBody | Outcome::Elsewhere | Outcome::Failed => WriteEnd::Unknown { may_land: false },
    }
}
