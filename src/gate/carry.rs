//! A granted write on its way: forwarded once, heard to its end, and committed before its answer leaves.

use std::collections::{BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::PoisonError;

use http_body_util::BodyExt;
use hyper::header::LOCATION;
use hyper::{Request, Response};
use tokio::time::{Instant, timeout_at};

use super::body::{Copy, Posted};
use super::deny::Denied;
use super::look::Present;
use super::pin::{self, Keeping, Pinned};
use super::{Grant, Writer};
use crate::collab::command::{Command, Refusal, WriteEnd};
use crate::collab::record::{Millis, PageId, Write};
use crate::django::outcome::{self, Outcome, Pressed};
use crate::django::page::Base;
use crate::django::route::View;
use crate::http::body::Body;
use crate::http::headers;
use crate::http::request_id;
use crate::ids;
use crate::render::{self, Rendering};
use crate::reply::Trouble;
use crate::seeing::Noted;

/// Django's answer, or what stands in for it.
enum Heard {
    Answer(Response<Body>),
    /// The person gets everything back instead: what was typed is not in Django's answer.
    Instead(Trouble<'static>),
}

impl Writer {
    /// Forwards a granted write, hears how it ended, and commits that before the answer goes.
    pub(super) async fn carry_out(
        mut self,
        grant: Grant,
        head: Request<()>,
        posted: Posted,
    ) -> Response<Body> {
        let grant = match self.still(grant).await {
            Ok(grant) => grant,
            Err(denied) => return self.deny(denied, posted).await,
        };
        let keeping = self.keep(&grant.write);
        let (body, copy) = posted.split(&self.encoding, &self.app.passwords_of(&self.key));
        let (parts, ()) = head.into_parts();
        let mut request = Request::from_parts(parts, body);
        render::ask_plainly(request.headers_mut());
        let sent = pin::carry(self.app.upstream.send(request)).await;
        let (end, heard) = match sent {
            Ok(mut answer) => {
                headers::to_client(answer.headers_mut());
                if self.app.identity.is_touched(answer.headers()) {
                    self.app.identity.follow(&self.headers, answer.headers()).await;
                }
                self.understand(&grant, answer, &copy).await
            }
            Err(error) => {
                tracing::warn!(request = request_id::of(&self.headers), object = %self.key, %error, "Django did not answer a write");
                if error.never_sent() {
                    (WriteEnd::NotSaved, Heard::Instead(Trouble::NoDjango(error)))
                } else {
                    (WriteEnd::Unknown { may_land: true }, Heard::Instead(Trouble::Unknown(error)))
                }
            }
        };
        let (judged, noted) = self.commit(&grant, end).await;
        self.judged = judged;
        drop(keeping);
        noted.on(match heard {
            Heard::Answer(answer) => answer,
            Heard::Instead(trouble) => {
                let typed = copy.typed(&self.encoding, &self.app.passwords_of(&self.key)).await;
                let present = match trouble {
                    Trouble::Unknown(_) | Trouble::Failed { .. } | Trouble::Forbidden => {
                        self.look_if_known().await
                    }
                    _ => Present::Unreadable,
                };
                self.give_back(&trouble, &typed, present, grant.now).await
            }
        })
    }

    /// A proxy that stood still since it asked for the pin (a frozen container, a machine asleep) may have been given up:
    /// somebody else may have saved meanwhile, or be about to.
    async fn still(&self, mut grant: Grant) -> Result<Grant, Denied> {
        let believed = self.app.hub.believed();
        if grant.asked.elapsed() <= believed {
            return Ok(grant);
        }
        let asked = Instant::now();
        let keep = Command::KeepWrite { write: grant.write.clone() };
        let kept = self.app.hub.run(&self.key, &keep).await;
        if let Ok(applied) = &kept {
            let record = &applied.step.record;
            let ours = record.write.as_ref().is_some_and(|write| write.fence == grant.write.fence);
            if ours && record.version == grant.base && asked.elapsed() <= believed {
                grant.asked = asked;
                return Ok(grant);
            }
        }
        tracing::warn!(request = request_id::of(&self.headers), object = %self.key, "this proxy stood still for too long between a save's check and its sending");
        let (saved, deleted) =
            kept.as_ref().map_or((None, false), |a| (a.step.record.saved.clone(), a.step.record.deleted));
        // Nothing was sent, so nothing will land.
        let now = pin::end(&self.app.hub, &self.key, &self.ended(&grant, WriteEnd::NotSaved))
            .await
            .map_err(Denied::Store)?
            .now;
        Err(Denied::Refusal(Refusal::Stale { saved, deleted }, now))
    }

    /// How this write ended.
    pub(super) fn ended(&self, grant: &Grant, end: WriteEnd) -> Command {
        Command::EndWrite {
            fence: grant.write.fence,
            person: self.who.person(),
            page: grant.write.page.clone(),
            end,
        }
    }

    /// Renews the pin as long as the write is on its way.
    pub(super) fn keep(&self, write: &Write) -> Keeping {
        let pinned = Pinned::default();
        pinned.lock().unwrap_or_else(PoisonError::into_inner).insert(self.key.clone(), write.clone());
        pin::keep(&self.app.hub, self.app.keep_write, &pinned)
    }

    /// Reads Django's answer: from its head, and where that does not tell, from as much of the page as does.
    async fn understand(&self, grant: &Grant, answer: Response<Body>, posted: &Copy) -> (WriteEnd, Heard) {
        let location = answer.headers().get(LOCATION).and_then(|v| v.to_str().ok());
        let status = answer.status().as_u16();
        let path = self.action.split('?').next().unwrap_or_default();
        let read = outcome::from_head(&self.app.prefixes, (&self.key, self.view, path), status, location);
        // Our own page was posted, so there is something typed to give back.
        let typed_here = self.claims.is_some() && self.view != View::Delete;
        let form_here = typed_here && self.view.has_form();
        match read {
            Outcome::AskBody => return self.read_on(grant, answer, posted).await,
            // Mostly the CSRF token: every login makes a new one. Django's page would throw the text away.
            Outcome::NotSaved if form_here && status == 403 => {
                return (WriteEnd::NotSaved, Heard::Instead(Trouble::Forbidden));
            }
            Outcome::Failed => {
                let end = self.after_failure(posted).await;
                let heard = if form_here { failed(status, end) } else { Heard::Answer(answer) };
                return (end, heard);
            }
            // So would any other page that says what went wrong, whoever between us and Django has written it.
            _ if form_here && status >= 400 => {
                let end = end_of(read);
                return (end, failed(status, end));
            }
            Outcome::SignedOut if typed_here => {
                let login = location.unwrap_or_default().to_owned();
                return (WriteEnd::NotSaved, Heard::Instead(Trouble::SignedOut(login)));
            }
            Outcome::Elsewhere if typed_here && matches!(self.look().await, Present::Gone) => {
                return (WriteEnd::Gone, Heard::Instead(Trouble::Gone));
            }
            _ => {}
        }
        // "Save as new" writes another object (ModelAdmin._changeform_view); this one stays as it is. An admin
        // without `save_as` takes it for a plain save, and leads back to the same object.
        let elsewhere = read != Outcome::Saved { stays: true };
        let pressed = self.pressed(posted).await;
        if elsewhere && pressed == Pressed::SaveAsNew {
            // A form with errors is a page, and was read above.
            let end = if read != Outcome::NotSaved && location.is_some() {
                WriteEnd::SavedAsNew
            } else {
                WriteEnd::NotSaved
            };
            return (end, Heard::Answer(answer));
        }
        let end = match read {
            // What an action did is not what the person typed, which Django has thrown away.
            Outcome::Saved { .. } if pressed == Pressed::Action => WriteEnd::Unknown { may_land: false },
            read => end_of(read),
        };
        (self.settled(end, posted).await, Heard::Answer(answer))
    }

    /// Which button of the object's own form sent it.
    async fn pressed(&self, posted: &Copy) -> Pressed {
        if self.view != View::Change {
            return Pressed::Save;
        }
        let typed = posted.clone().typed(&self.encoding, &BTreeSet::new()).await;
        Pressed::of(typed.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// An answer that tells nothing of a save. The object itself tells whether there was any.
    async fn settled(&self, end: WriteEnd, posted: &Copy) -> WriteEnd {
        if end != (WriteEnd::Unknown { may_land: false }) || self.claims.is_none() {
            return end;
        }
        let Some(base) = self.base(posted.clone()).await else {
            return end;
        };
        match self.look().await {
            Present::Form { current, .. } if !self.differs(&base, &current) => WriteEnd::NotSaved,
            _ => end,
        }
    }

    /// Django failed, before the save or after it: the object tells.
    async fn after_failure(&self, posted: &Copy) -> WriteEnd {
        let unknown = WriteEnd::Unknown { may_land: false };
        match (self.view, self.look().await) {
            (View::Version | View::Other, _) => unknown,
            (View::Delete, Present::Gone) => WriteEnd::Deleted,
            (View::Delete, Present::Form { .. }) => WriteEnd::NotSaved,
            (View::Change, Present::Gone) => WriteEnd::Gone,
            (View::Change, Present::Form { current, .. }) => match self.base(posted.clone()).await {
                Some(base) if !self.differs(&base, &current) => WriteEnd::NotSaved,
                _ => unknown,
            },
            (_, Present::SignedOut(_) | Present::Unreadable) => unknown,
        }
    }

    /// A page: the form again, or the end of a popup.
    async fn read_on(&self, grant: &Grant, answer: Response<Body>, posted: &Copy) -> (WriteEnd, Heard) {
        let passwords = self.app.passwords_of(&self.key);
        let rendering = Rendering {
            object: self.key.clone(),
            view: self.view,
            who: self.who.clone(),
            page: PageId::from(ids::id()),
            // The form again, with its errors: it still builds on what the person saw.
            version: grant.base,
            now: grant.now,
            base: Base::Carried(posted.clone().typed(&self.encoding, &passwords).await.base),
            saved_pages: Vec::new(),
            root: self.root(),
            notice: String::new(),
        };
        let (answer, page) = match render::rewriting(&self.app, answer, rendering) {
            Ok(pieces) => pieces,
            Err(answer) => {
                let end = WriteEnd::Unknown { may_land: false };
                return (self.settled(end, posted).await, Heard::Answer(*answer));
            }
        };
        let mut read = VecDeque::new();
        let mut page = Body::Page(Box::new(page));
        let until = Instant::now() + self.app.upstream.patience();
        let shown = loop {
            let learned = match &page {
                Body::Page(page) => page.learned().shown(),
                _ => break None,
            };
            if learned != outcome::Shown::Neither {
                break Some(learned);
            }
            match timeout_at(until, Pin::new(&mut page).frame()).await {
                Ok(Some(Ok(frame))) => read.extend(frame.into_data().ok()),
                Ok(None) => match &page {
                    Body::Page(page) => break Some(page.learned().shown()),
                    _ => break None,
                },
                // It broke off; or it still goes on to the browser, but the save waits for it no longer.
                Ok(Some(Err(_))) | Err(_) => break None,
            }
        };
        let end = match shown {
            Some(shown) => self.settled(end_of(outcome::from_body(self.view, shown)), posted).await,
            None => WriteEnd::Unknown { may_land: false },
        };
        (end, Heard::Answer(answer.map(|()| Body::after(read, page))))
    }

    /// Tells the store how it ended. Only after this may the answer go, or the next page could be rendered with
    /// the old version. If the store cannot be told, the pin ends by itself and counts as a possible save.
    /// Gives the object's version then, and what is to be told of it.
    async fn commit(&self, grant: &Grant, end: WriteEnd) -> (Option<Millis>, Noted) {
        let applied = pin::end(&self.app.hub, &self.key, &self.ended(grant, end)).await.ok();
        if applied.is_none() {
            match end {
                WriteEnd::Saved { stays: false } => {
                    self.app.hub.leaves_by_lease(&self.key, grant.write.fence)
                }
                _ => self.app.hub.end_by_lease(&self.key, grant.write.fence),
            }
        }
        tracing::debug!(object = %self.key, user = %self.who.user.as_str(), ?end, "a write ended");
        let object = self.key.to_string();
        let told = self.told(&object, grant.write.page.as_ref());
        let noted = told.ended(end, applied.as_ref().map(|applied| applied.now));
        (applied.map(|applied| applied.step.record.version), noted)
    }
}

/// Everything goes back, with what the answer was.
fn failed(status: u16, end: WriteEnd) -> Heard {
    Heard::Instead(Trouble::Failed { status, unknown: end != WriteEnd::NotSaved })
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
