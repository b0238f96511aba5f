//! What was done past every proxy, straight in Redis: `collab-proxy locks release` has no trail of its own. It leaves its
//! lines here, and one of the proxies that keep a trail takes each of them into its own: exactly one, whichever is first,
//! and also when none was running at that moment.

use std::time::Duration;

use redis::RedisError;

use super::Redis;
use crate::audit::{Audit, line};
use crate::collab::command::Command;
use crate::collab::lock::Step;
use crate::collab::record::{Millis, Record};
use crate::django::object::ObjectKey;
use crate::store::witness::each_line;
use crate::store::{StoreError, Witness};

/// Lines that are kept for a proxy that keeps a trail; on most sites there may be none.
const KEPT: isize = 1_000;
const KEPT_FOR: Millis = 7 * 24 * 60 * 60 * 1000;
/// They are looked for so often: nobody waits for them.
const EVERY: Duration = Duration::from_secs(2);
const AT_ONCE: isize = 100;

/// Who has left a line, since it was no proxy.
const CLI: &str = "cli";

impl Redis {
    fn left(&self) -> String {
        format!("{}trail", self.prefix)
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
        let key = &self.left();
        let left = |mut c: redis::aio::MultiplexedConnection| async move {
            let mut pipe = redis::pipe();
            pipe.atomic().cmd("RPUSH").arg(key).arg(lines).ignore();
            pipe.cmd("LTRIM").arg(key).arg(-KEPT).arg(-1).ignore();
            pipe.cmd("PEXPIRE").arg(key).arg(KEPT_FOR).ignore();
            pipe.query_async::<()>(&mut c).await
        };
        self.links.run(key, left).await
    }

    /// Takes what was left, so that nobody else does.
    async fn take(&self) -> Result<Vec<String>, StoreError> {
        let key = &self.left();
        self.links
            .run(key, |mut c| async move {
                let mut pipe = redis::pipe();
                pipe.atomic().cmd("LRANGE").arg(key).arg(0).arg(AT_ONCE - 1);
                pipe.cmd("LTRIM").arg(key).arg(AT_ONCE).arg(-1).ignore();
                let (lines,): (Vec<String>,) = pipe.query_async(&mut c).await?;
                Ok::<_, RedisError>(lines)
            })
            .await
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
                    continue;
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "what was left for the audit trail cannot be read"),
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}
