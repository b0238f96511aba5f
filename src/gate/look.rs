//! The deep check: a look at Django's present form, with the person's own cookies.
//!
//! Sees what went round the proxy (a shell, a task, another address), and settles doubts that the record cannot:
//! after a store lost its memory, a save whose end was never heard, a page of yesterday. One GET.

use hyper::header::LOCATION;
use hyper::{Request, StatusCode};
use tokio::time::timeout;

use super::body::Copy;
use super::deny::Denied;
use super::{Grant, Writer, pin};
use crate::collab::command::{Refusal, WriteEnd, WriteProof};
use crate::collab::record::{Millis, PageId};
use crate::django::base::unpack;
use crate::django::compare::{Current, differences};
use crate::django::fields::Field;
use crate::django::route::{Route, View, route};
use crate::http::body::Body;
use crate::{ids, render};

/// What the person would see who opened the object now.
#[derive(Debug)]
pub(super) enum Present {
    /// `version`: the record's, before Django was asked.
    Form { current: Current, can_edit: bool, version: Millis },
    /// Django has no such object.
    Gone,
    /// Django asks to sign in first, at this address.
    SignedOut(String),
    /// Django does not answer, or not with a form.
    Unreadable,
}

impl Writer {
    pub(super) async fn look(&self) -> Present {
        match self.app.hub.store().read(&self.key).await {
            Ok(seen) => self.look_at(seen.record.version).await,
            Err(_) => Present::Unreadable,
        }
    }

    /// `version`: the record's, as far as it is known.
    pub(super) async fn look_at(&self, version: Millis) -> Present {
        let path = self.change_page();
        let mut request = Request::new(Body::empty());
        let Ok(uri) = path.parse() else {
            return Present::Unreadable;
        };
        *request.uri_mut() = uri;
        *request.headers_mut() = self.eyes.clone();
        let answer = match self.app.upstream.send(request).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::info!(object = %self.key, %error, "the present form could not be fetched");
                return Present::Unreadable;
            }
        };
        match answer.status() {
            StatusCode::OK => {
                let reading = render::read_form(&self.app, answer);
                match timeout(self.app.upstream.patience(), reading).await {
                    Ok(Some((learned, current))) if learned.form.is_some() => {
                        Present::Form { current, can_edit: learned.can_edit, version }
                    }
                    _ => Present::Unreadable,
                }
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Present::Gone,
            StatusCode::FOUND => {
                let to = answer.headers().get(LOCATION).and_then(|l| l.to_str().ok()).unwrap_or_default();
                // ModelAdmin._get_obj_does_not_exist_redirect sends to the index, every login somewhere else.
                match route(&self.app.prefixes, to.split(['?', '#']).next().unwrap_or_default()) {
                    Route::Admin if !to.contains("next=") => Present::Gone,
                    _ => Present::SignedOut(to.to_owned()),
                }
            }
            _ => Present::Unreadable,
        }
    }

    /// What the form showed when it was opened, as it says itself.
    pub(super) async fn base(&self, posted: Copy) -> Option<Vec<Field>> {
        let passwords = self.app.passwords_of(&self.key);
        Some(unpack(&posted.typed(&self.encoding, &passwords).await.base?)?.fields)
    }

    /// A granted write goes on if Django still shows what its author saw.
    pub(super) async fn check(&self, grant: Grant, posted: Copy) -> Result<Grant, Denied> {
        if self.view != View::Change {
            return Ok(grant);
        }
        let Some(base) = self.base(posted).await else {
            return Ok(grant);
        };
        let keeping = self.keep(&grant.write);
        let present = self.look().await;
        drop(keeping);
        let denied = match &present {
            Present::Form { current, .. } if !self.differs(&base, current) => return Ok(grant),
            // Whoever is signed out, or whose object is gone, hears it from the save itself.
            Present::Gone | Present::SignedOut(_) => return Ok(grant),
            Present::Form { .. } => Denied::Changed(Box::new(present), grant.now),
            // What cannot be compared has not been compared.
            Present::Unreadable => Denied::Unseen(grant.now),
        };
        let end = self.ended(&grant, WriteEnd::NotSaved);
        pin::end(&self.app.hub, &self.key, &end).await.map_err(Denied::Store)?;
        Err(denied)
    }

    /// The record knows nothing of the object's past; Django's present form may show that nothing has happened.
    pub(super) async fn vouch(
        &mut self,
        refusal: Refusal,
        now: Millis,
        posted: Copy,
    ) -> Result<Grant, Denied> {
        let refused = |refusal, now| Err(Denied::Refusal(refusal, now));
        let base = if self.view == View::Change { self.base(posted).await } else { None };
        let Some(base) = base else {
            return refused(refusal, now);
        };
        match self.look().await {
            Present::Form { current, version, .. } if !self.differs(&base, &current) => {
                let page = self.claims.as_ref().map_or_else(|| PageId::from(ids::id()), |c| c.page.clone());
                tracing::info!(object = %self.key, "a page that cannot be checked shows what Django has");
                self.begin(WriteProof::Page { page, version }).await
            }
            _ => refused(refusal, now),
        }
    }

    pub(super) fn differs(&self, base: &[Field], current: &Current) -> bool {
        let ignored = self.app.volatile_of(&self.key);
        let names = differences(base, &current.fields, &ignored);
        if !names.is_empty() {
            tracing::info!(object = %self.key, fields = ?names, "changed since it was opened, and not through this proxy");
        }
        !names.is_empty()
    }
}
