//! The audit trail: one line of JSON for everything that happened to a lock or a save.
//!
//! Owns what a line holds, and that none is lost in silence: a bounded channel to one thread that writes, and what
//! finds no room there is counted and said in the trail itself. Who tells what is the store's (`store/witness.rs`)
//! and the gates'. Must not know bodies, cookies or tokens; nobody hands it any.

mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use serde::Serialize;

use crate::clock::{Clock, rfc3339};
use crate::collab::record::{Millis, NodeId, PageId, Person};
use crate::metrics::Metrics;
use writer::Job;
pub use writer::{Open, open};

/// Lines that may wait to be written: more than one action on the most rows that a list may name makes.
pub const WAITING: usize = 24_000;
/// The end of the program does not wait longer for a disk that hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the trail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Stdout,
    /// At the file's end.
    File(PathBuf),
}

/// What happened; the trail adds its node.
#[derive(Clone, Copy, Default)]
pub struct Happened<'a> {
    /// By the store's clock; none where the store could not be asked.
    pub at: Option<Millis>,
    pub event: &'a str,
    /// `shop.product/3`; of a list whose rows are not known, `shop.product`.
    pub object: &'a str,
    pub person: Option<&'a Person>,
    pub page: Option<&'a PageId>,
    /// Moved: the page that had the lock before.
    pub from_page: Option<&'a PageId>,
    pub by: Option<&'a Person>,
    /// Who has released it from the command line, as `user@host`.
    pub operator: Option<&'a str>,
    pub why: Option<&'a str>,
    pub request: Option<&'a str>,
    /// The store did not say whether it has taken place.
    pub unconfirmed: bool,
}

/// As it is written. The order is that of the columns people look for first.
#[derive(Serialize)]
struct Line<'a> {
    time: &'a str,
    node: &'a str,
    event: &'a str,
    object: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_page: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unconfirmed: bool,
}

/// One happening as a line of JSON.
pub fn line(happened: &Happened, node: &str, now: Millis) -> String {
    let Happened { at, event, object, person, page, from_page, by, operator, why, request, unconfirmed } =
        *happened;
    let line = Line {
        time: &rfc3339(at.unwrap_or(now)),
        node,
        event,
        object,
        user: person.map(|p| p.user.as_str()),
        name: person.map(|p| p.name.as_str()),
        page: page.map(PageId::as_str),
        from_page: from_page.map(PageId::as_str),
        by: by.map(|p| p.user.as_str()),
        by_name: by.map(|p| p.name.as_str()),
        operator,
        why,
        request,
        unconfirmed,
    };
    serde_json::to_string(&line).unwrap_or_default()
}

/// A way to the trail. Cheap to pass on; off, it costs a look at an option.
#[derive(Clone, Default)]
pub struct Audit(Option<Arc<Inner>>);

struct Inner {
    to: SyncSender<Job>,
    node: NodeId,
    clock: Clock,
    metrics: Arc<Metrics>,
    /// Not said yet.
    dropped: Arc<AtomicU64>,
}

impl Audit {
    pub fn off() -> Self {
        Self(None)
    }

    /// `waiting`: lines that may wait.
    pub fn start(
        open: Open,
        waiting: usize,
        node: NodeId,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let (to, from) = sync_channel(waiting);
        let dropped = Arc::new(AtomicU64::new(0));
        writer::start(
            open,
            from,
            writer::Trail {
                node: node.clone(),
                clock: clock.clone(),
                metrics: Arc::clone(&metrics),
                dropped: Arc::clone(&dropped),
            },
        )?;
        Ok(Self(Some(Arc::new(Inner { to, node, clock, metrics, dropped }))))
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub fn tell(&self, happened: &Happened) {
        if let Some(inner) = &self.0 {
            self.pass_on(line(happened, inner.node.as_str(), inner.clock.now()));
        }
    }

    /// A line that was made elsewhere.
    pub fn pass_on(&self, line: String) {
        let Some(inner) = &self.0 else { return };
        match inner.to.try_send(Job::Line(line)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                inner.metrics.audit_dropped(1);
                if inner.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
                    tracing::error!("the audit trail cannot be written fast enough: lines are dropped");
                }
            }
        }
    }

    /// After a rotation of logs: what is told from now on goes into a new file of the same name.
    pub fn reopen(&self) {
        if let Some(inner) = &self.0 {
            let _ = inner.to.try_send(Job::Reopen);
        }
    }

    /// Waits until all that was told is written. What is told later is written too, if there is time.
    pub fn finish(&self) {
        let Some(inner) = &self.0 else { return };
        let (done, written) = sync_channel(1);
        if inner.to.send(Job::Flush(done)).is_err() || written.recv_timeout(PATIENCE).is_err() {
            tracing::error!("the end of the audit trail could not be written");
        }
    }
}

#[cfg(test)]
mod tests;
