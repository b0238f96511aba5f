//! What an editor left unsaved, on its way to the next one: kept in the store for a while, since the next editor
//! may be on another proxy, or may have to load the page first.
//!
//! Owns the way only. Who may leave something, and who is to see it, the rules say.

use std::sync::Arc;

use super::hub::Hub;
use crate::collab::command::{Command, Outcome};
use crate::collab::protocol::{ToPage, Values};
use crate::collab::record::{PageId, Unsaved};
use crate::django::object::ObjectKey;
use crate::store::StoreError;

impl Hub {
    /// A page that lost the lock leaves its values.
    pub async fn pass_on(
        self: &Arc<Self>,
        object: &ObjectKey,
        page: &PageId,
        values: Values,
    ) -> Result<Outcome, StoreError> {
        // What the page itself does not show as a field to fill in (passwords, hidden ones) is not kept at all.
        let shown = self.shown_to(object, page);
        let values = values.only(|name| shown.contains(name)).fit();
        // Under the page's own name, so that a page that may not do this overwrites nobody's.
        self.store().set_unsaved(object, page, &values).await?;
        let applied = self.run(object, &Command::PassOn { page: page.clone() }).await?;
        Ok(applied.step.outcome)
    }

    /// Fetches what was left, and shows it to the page that edits now.
    pub(super) fn offer(self: &Arc<Self>, object: &ObjectKey, page: PageId, unsaved: Unsaved) {
        let (hub, object) = (Arc::clone(self), object.clone());
        tokio::spawn(async move {
            match hub.store().unsaved(&object, &unsaved.page).await {
                Ok(Some(values)) => {
                    // Django may show this person fewer fields than the one who typed.
                    let shown = hub.shown_to(&object, &page);
                    let values = values.only(|name| shown.contains(name));
                    if values.is_empty() {
                        return;
                    }
                    let Values { fields, names, too_large, rows } = values;
                    let (by, at) = (unsaved.by.name, unsaved.at);
                    let message = ToPage::UnsavedOffered { by, at, fields, names, too_large, rows };
                    hub.send(&object, &page, &message);
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%object, %error, "unsaved values could not be passed on"),
            }
        });
    }
}
