//! Saves while the store is away.
//!
//! Owns whose go all the same: the editor's, as long as nobody else can have got the lock, and everybody's where the
//! site wants that (`saves.on_outage`). What Django shows now is compared first, since nothing else is known of it.

use tokio::time::Instant;

use super::body::Copy;
use super::deny::Denied;
use super::look::Present;
use super::{Grant, Writer};
use crate::app::OnOutage;
use crate::clock::Clock;
use crate::collab::command::WriteProof;
use crate::collab::record::{Millis, PageId, Record, RequestId, Write};
use crate::django::route::View;
use crate::http::request_id;
use crate::ids;
use crate::store::StoreError;
use crate::token::UNKNOWN_VERSION;

impl Writer {
    /// What the store would be asked for.
    pub(super) async fn admit_without_store(
        &mut self,
        error: StoreError,
        posted: Copy,
    ) -> Result<Grant, Denied> {
        let now = Clock::system().now();
        let page = match self.token.clone().map(|token| self.judge(&token, now)) {
            Some(WriteProof::Page { page, version }) => Some((page, version)),
            Some(_) => return Err(Denied::Store(error)),
            None => None,
        };
        let Some((write, base, by_lease)) = self.begin_without_store(page, now) else {
            return Err(Denied::Store(error));
        };
        let compared = self.nothing_changed(posted).await;
        // Django may have taken its time: it must still be hers to save when it is sent.
        if compared.is_ok() && by_lease && !self.app.hub.lasts_by_lease(&self.key, write.fence) {
            self.app.hub.end_by_lease(&self.key, write.fence);
            return Err(Denied::Store(error));
        }
        let grant = Grant { write, base, now, asked: Instant::now(), uncertain: true };
        match compared {
            Ok(()) => {
                tracing::warn!(request = request_id::of(&self.headers), object = %self.key, user = %self.who.user.as_str(), %error, "a save goes on without the store");
                let object = self.key.to_string();
                self.told(&object, grant.write.page.as_ref()).granted(now);
                Ok(grant)
            }
            Err(present) => {
                self.app.hub.end_by_lease(&self.key, grant.write.fence);
                Err(present.map_or(Denied::Store(error), |present| Denied::Changed(Box::new(present), now)))
            }
        }
    }

    /// The version that it builds on, too, and whether it goes by a lease.
    fn begin_without_store(
        &self,
        page: Option<(PageId, Millis)>,
        now: Millis,
    ) -> Option<(Write, Millis, bool)> {
        let (id, person) = (RequestId::from(ids::id()), self.who.person());
        // Of a form alone it can be seen that nothing has changed since.
        if let Some(page) = page.clone().filter(|_| self.view == View::Change)
            && let Some((write, base)) = self.app.hub.begin_by_lease(&self.key, id.clone(), &person, page)
        {
            return Some((write, base, true));
        }
        if self.app.on_outage == OnOutage::Block {
            return None;
        }
        let fence = Record::next(0, now);
        let deadline = now + self.app.hub.pin();
        let (page, base) = page.unzip();
        let write = Write { id, person, page, fence, since: now, deadline, quiet: false };
        Some((write, base.unwrap_or(UNKNOWN_VERSION), false))
    }

    /// Or what Django shows now; nothing, if that cannot be seen.
    async fn nothing_changed(&self, posted: Copy) -> Result<(), Option<Present>> {
        // A script is not asked what it has seen, nor is whoever deletes.
        if self.claims.is_none() || self.view != View::Change {
            return Ok(());
        }
        let Some(base) = self.base(posted).await else {
            return Err(None);
        };
        match self.look_at(UNKNOWN_VERSION).await {
            Present::Unreadable => Err(None),
            Present::Form { current, .. } if !self.differs(&base, &current) => Ok(()),
            changed @ Present::Form { .. } => Err(Some(changed)),
            // Django says so itself.
            Present::Gone | Present::SignedOut(_) => Ok(()),
        }
    }
}
