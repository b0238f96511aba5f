//! A granted write on its way: forwarded once, heard to its end, and committed before its answer leaves.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::header::LOCATION;
use hyper::{Request, Response};

use super::body::Posted;
use super::{Grant, Writer};
use crate::collab::command::{Command, WriteEnd};
use crate::collab::record::PageId;
use crate::django::outcome::{self, Outcome};
use crate::http::body::Body;
use crate::http::headers;
use crate::ids;
use crate::render::{self, Rendering};
use crate::reply::Trouble;

impl Writer {
    /// Forwards a granted write, hears how it ended, and commits that before the answer goes.
    pub(super) async fn carry_out(self, grant: Grant, head: Request<()>, posted: Posted) -> Response<Body> {
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
        let mut read = VecDeque::new();
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
