//! What was done past every proxy, straight in Redis: `collab-proxy locks release` has no trail of its own. It leaves its
//! lines here, and one of the proxies that keep a trail takes each of them into its own: exactly one, whichever is first,
//! and also when none was running at that moment.

use std::time::Duration;

use super::Redis;
use crate::audit::{Audit, line};
use crate::collab::command::Command;
use crate::collab::lock::Step;
use crate::collab::record::{Millis, Record};
use crate::django::object::ObjectKey;
use crate::ids;
use crate::store::witness::each_line;
use crate::store::{StoreError, Witness};

/// Lines that are kept for a proxy that keeps a trail; on most sites there may be none.
const KEPT: isize = 1_000;
const KEPT_FOR: Millis = 7 * 24 * 60 * 60 * 1000;
/// They are looked for so often: nobody waits for them.
const EVERY: Duration = Duration::from_secs(2);
const AT_ONCE: isize = 100;
/// A command whose answer was lost is sent again, but no later than this.
const SENT_AGAIN_FOR: Millis = 10 * 60 * 1000;

/// Who has left a line, since it was no proxy.
const CLI: &str = "cli";

impl Redis {
    /// All in one slot of a cluster.
    fn trail(&self, more: &str) -> String {
        let colon = if more.is_empty() { "" } else { ":" };
        format!("{}{{trail}}{colon}{more}", self.prefix)
    }

    /// Tells of a step that was committed here; `sure` of that or not.
    pub(super) async fn leave_trail(
        &self,
        object: &ObjectKey,
        before: &Record,
        command: &Command,
        step: &Step,
        now: Millis,
        sure: bool,
    ) {
        match &self.witness {
            Some(witness) => witness.saw(object, before, command, step, now, sure),
            None if matches!(command, Command::ForceRelease { .. }) => {
                let mut lines = Vec::new();
                each_line(object, before, command, step, now, !sure, |h| lines.push(line(h, CLI, now)));
                if let Err(error) = Box::pin(self.leave(&lines)).await {
                    tracing::warn!(%object, %error, "what was done could not be left for the audit trail");
                }
            }
            None => {}
        }
    }

    async fn leave(&self, lines: &[String]) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let key = &self.trail("");
        let mut call = self.leave.prepare_invoke();
        call.key(key).key(self.trail(&ids::id())).arg(SENT_AGAIN_FOR).arg(KEPT_FOR).arg(KEPT).arg(lines);
        let call = &call;
        self.links.run(key, |mut c| async move { call.invoke_async::<()>(&mut c).await }).await
    }

    /// Takes what was left, so that nobody else does; the same once more, until it is [`dropped`](Self::drop_taken).
    async fn take(&self) -> Result<Vec<String>, StoreError> {
        let key = &self.trail("");
        let mut call = self.take.prepare_invoke();
        call.key(key).key(self.trail(self.node.as_str())).arg(AT_ONCE).arg(KEPT_FOR);
        let call = &call;
        self.links.run(key, |mut c| async move { call.invoke_async(&mut c).await }).await
    }

    /// It stands in the trail.
    async fn drop_taken(&self) -> Result<(), StoreError> {
        let key = &self.trail(self.node.as_str());
        self.links.run(key, |mut c| async move { redis::cmd("DEL").arg(key).exec_async(&mut c).await }).await
    }

    /// Takes into this proxy's trail what was left for whoever keeps one, for ever.
    pub async fn collect(&self) {
        let Some(audit) = self.witness.as_ref().map(Witness::audit).filter(|audit| audit.is_on()) else {
            return;
        };
        loop {
            match self.take().await {
                Ok(lines) if !lines.is_empty() => {
                    lines.into_iter().for_each(|line| Audit::pass_on(&audit, line));
                    // Before that they would be taken, and written, again.
                    while let Err(error) = self.drop_taken().await {
                        tracing::debug!(%error, "what stands in the audit trail cannot be removed from Redis");
                        tokio::time::sleep(EVERY).await;
                    }
                    continue;
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "what was left for the audit trail cannot be read"),
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}
