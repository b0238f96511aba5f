//! Actions on selected rows, or on all that match.

use std::collections::{BTreeMap, BTreeSet};

use hyper::Response;

use super::Job;
use super::fresh::Pages;
use super::pins;
use super::refuse::{Fewer, Refused};
use crate::collab::command::{Refusal, WriteProof};
use crate::collab::record::{Millis, Record};
use crate::django::changelist::{Action, on_rows, without_selected};
use crate::django::list_outcome::Kind;
use crate::django::object::ObjectKey;
use crate::http::body::Body;
use crate::store::StoreError;

/// Rows that are named one by one in a form; Django takes 1,000 fields (DATA_UPLOAD_MAX_NUMBER_FIELDS).
const NAMED: usize = 900;

pub(super) async fn carry_out(job: Job, action: Action) -> Response<Body> {
    let mut keys: BTreeSet<ObjectKey> = action.pks.iter().map(|pk| job.model.object(pk)).collect();
    if action.across {
        match all_known(&job).await {
            Ok(Known::Free(more)) => keys.extend(more),
            Ok(Known::Busy(busy)) => return refuse(&job, &action, busy).await,
            Err(error) => return job.no_store(&error),
        }
    }
    let asked = match pins::ask(&job.app, job.who.person(), &keys, &WriteProof::None).await {
        Ok(asked) => asked,
        Err(error) => return job.no_store(&error),
    };
    if !asked.refused.is_empty() {
        asked.pins.release().await;
        let busy = Busy { refused: asked.refused, now: asked.now, pages: None };
        return refuse(&job, &action, busy).await;
    }
    let (end, answer) = job.send(Kind::Action { deletes: action.deletes() }).await;
    let (user, model) = (job.who.user.as_str(), job.model.label());
    tracing::info!(model, user, action = action.name, rows = keys.len(), ?end, "an action ended");
    asked.pins.end(|_| end).await;
    answer
}

/// Rows that others have, and the list's pages if they were looked through.
struct Busy {
    refused: BTreeMap<ObjectKey, Refusal>,
    now: Millis,
    pages: Option<Pages>,
}

enum Known {
    /// Nobody else has a row of this list; these have somebody's pages open.
    Free(BTreeSet<ObjectKey>),
    Busy(Busy),
}

/// All rows that match the list's filters: only Django knows them. Known here are those with people on them; where
/// somebody else has one, the list's own pages tell whether it is among them.
async fn all_known(job: &Job) -> Result<Known, StoreError> {
    let label = job.model.label();
    let mut open = job.app.hub.open_objects(&label);
    let mut refused = BTreeMap::new();
    let mut now = 0;
    for (key, snapshot) in job.app.hub.store().list().await? {
        if key.model() != label {
            continue;
        }
        now = snapshot.now;
        match taken(job, &snapshot.record) {
            Some(refusal) => {
                open.remove(&key);
                refused.insert(key, refusal);
            }
            None => {
                open.insert(key);
            }
        }
    }
    if refused.is_empty() {
        return Ok(Known::Free(open));
    }
    let pages = job.pages().await;
    // Not seen to its end, the list may hold any of them.
    refused.retain(|key, _| !pages.whole || pages.pks.iter().any(|(k, _)| k == key));
    Ok(match refused.is_empty() {
        true => Known::Free(open),
        false => Known::Busy(Busy { refused, now, pages: Some(pages) }),
    })
}

/// Somebody else has it.
fn taken(job: &Job, record: &Record) -> Option<Refusal> {
    let me = &job.who.user;
    if let Some(write) = &record.write {
        let own = write.person.user == *me;
        return Some(Refusal::Saving { by: write.person.clone(), since: write.since, own });
    }
    let holder = record.holder.as_ref().filter(|h| h.page.person.user != *me)?;
    Some(Refusal::Held { by: holder.page.person.clone(), since: holder.since })
}

async fn refuse(job: &Job, action: &Action, busy: Busy) -> Response<Body> {
    let Busy { refused, now, pages } = busy;
    let fields = job.fields();
    let is_out = |pk: &str| refused.contains_key(&job.model.object(pk));
    let (labels, fewer) = if action.across {
        let pages = match pages {
            Some(pages) => pages,
            None => job.pages().await,
        };
        let left = pages.pks.iter().filter(|(key, _)| !refused.contains_key(key));
        let left: Vec<String> = left.map(|(_, pk)| pk.clone()).collect();
        let fewer = match left.len() {
            _ if !pages.whole => Fewer::TooMany,
            0 => Fewer::None,
            1..=NAMED => Fewer::Fields { fields: on_rows(&fields, &left), rows: left.len() },
            _ => Fewer::TooMany,
        };
        (pages.labels, fewer)
    } else {
        let left: BTreeSet<ObjectKey> =
            action.pks.iter().filter(|pk| !is_out(pk)).map(|pk| job.model.object(pk)).collect();
        let fewer = match left.len() {
            0 => Fewer::None,
            rows => Fewer::Fields { fields: without_selected(&fields, is_out), rows },
        };
        (job.labels().await, fewer)
    };
    let rows = refused.into_iter().map(|(key, refusal)| {
        let label = labels.get(&key).cloned();
        Refused { key, label, refusal, typed: Vec::new() }
    });
    job.refuse(rows.collect(), fewer, fields, Vec::new(), now)
}
