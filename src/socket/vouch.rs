//! A page that was rendered while the store was away: nobody could tell its version. When the store is back, what the
//! page shows is compared with what Django shows now; if that is the same, the page is of the present version, and its
//! person goes on as if nothing had been.
//!
//! Owns the order: the version is read before Django is asked, so that a save in between makes the page an older one.
//! How Django is asked, whoever opens the door says.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep, timeout_at};

use super::hub::Hub;
use crate::collab::record::Millis;
use crate::django::object::ObjectKey;

/// Does Django show this now, below this admin root?
pub type Vouch = Box<dyn FnOnce(String, String) -> BoxFuture<'static, bool> + Send + Sync>;

/// A page is let in after this, as it is. Less than `lock.grace`, for which its person's lock is kept.
const WITHIN: Duration = Duration::from_secs(4);
const ASKS_AGAIN: Duration = Duration::from_millis(100);

/// The version that the page is of. `root`, `base`: where the page is, and what it showed when it was opened.
pub(super) async fn version(
    hub: &Hub,
    object: &ObjectKey,
    (root, base): (String, String),
    vouch: Vouch,
) -> Option<Millis> {
    let until = Instant::now() + WITHIN;
    // Perhaps the very save after which it was rendered.
    while hub.owes(object) && Instant::now() < until {
        sleep(ASKS_AGAIN).await;
    }
    let asked = async {
        let version = hub.store().read(object).await.ok()?.record.version;
        vouch(root, base).await.then_some(version)
    };
    let version = timeout_at(until, asked).await.ok().flatten();
    tracing::info!(%object, same = version.is_some(), "a page of an outage was compared with what Django shows");
    version
}
