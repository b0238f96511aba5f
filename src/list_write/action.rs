//! Actions on selected rows, or on all that match.

use std::collections::{BTreeMap, BTreeSet};

use hyper::Response;

use super::Job;
use super::fresh::Pages;
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
    let mut pages = None;
    if action.across {
        match all(&job).await {
            Ok((more, seen)) => {
                keys.extend(more);
                pages = Some(seen);
            }
            Err(error) => return job.no_store(&error),
        }
    }
    let mut asked = match job.pin(&keys, &WriteProof::None).await {
        Ok(asked) => asked,
        Err(error) => return job.no_store(&error),
    };
    // Who says "Yes, I'm sure" has seen the rows as they were when the question was asked, and what they saved since.
    if action.kind() == (Kind::Delete { sure: true }) {
        let own = |record: &Record| record.saved.as_ref().is_some_and(|s| s.by.user == job.who.user);
        let others = asked.records.iter().filter(|(_, record)| !own(record));
        let old = others.filter_map(|(key, record)| Some((key.clone(), job.against(record)?)));
        asked.refused.extend(old.collect::<Vec<_>>());
    }
    if !asked.refused.is_empty() {
        asked.pins.release().await;
        return refuse(&job, &action, asked.refused, pages, asked.now).await;
    }
    job.granted(&keys, asked.now);
    let (end, answer) = job.send(action.kind(), Vec::new(), asked.now).await;
    let (user, model) = (job.who.user.as_str(), job.model.label());
    tracing::debug!(model, user, action = action.name, rows = keys.len(), ?end, "an action ended");
    let at = asked.pins.end(|_| end).await;
    job.ended(&keys, end, at, answer)
}

/// All rows that match the list's filters: only Django knows them, so its own pages are looked through. Of a list
/// that is longer than that, every row counts that somebody has, or has open here.
async fn all(job: &Job) -> Result<(BTreeSet<ObjectKey>, Pages), StoreError> {
    let pages = job.pages().await;
    let mut keys: BTreeSet<ObjectKey> = pages.pks.iter().map(|(key, _)| key.clone()).collect();
    if !pages.whole {
        let label = job.model.label();
        keys.extend(job.app.hub.open_objects(&label));
        let known = job.app.hub.store().list().await?.into_iter().map(|(key, _)| key);
        keys.extend(known.filter(|key| key.model() == label));
    }
    Ok((keys, pages))
}

async fn refuse(
    job: &Job,
    action: &Action,
    refused: BTreeMap<ObjectKey, Refusal>,
    pages: Option<Pages>,
    now: Millis,
) -> Response<Body> {
    let fields = job.fields();
    let is_out = |pk: &str| refused.contains_key(&job.model.object(pk));
    let mut seen = None;
    let (labels, fewer) = if let Some(pages) = pages {
        seen = Some(pages.pks.iter().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>());
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
        // Of all that somebody has, some may be none of this person's business.
        let unseen = seen.as_ref().is_some_and(|seen| !seen.contains(&key));
        Refused { key, label, refusal, typed: Vec::new(), unseen }
    });
    job.refuse(rows.collect(), fewer, fields, Vec::new(), now)
}
