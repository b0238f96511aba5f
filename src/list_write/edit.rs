//! Saves of edited rows (`list_editable`).
//!
//! Django writes every posted row that differs from what it has at that moment, also where the person changed
//! nothing and only looked at an old list. So the list is asked for afresh, and a row counts as written if the
//! posted values differ from those. Every posted row is pinned before that, so that nothing moves in between.

use std::collections::{BTreeMap, BTreeSet};

use hyper::Response;

use super::refuse::{Changed, Fewer, Refused, TypedField};
use super::{Job, Token, pins};
use crate::collab::command::{Refusal, WriteEnd, WriteProof};
use crate::collab::record::Record;
use crate::django::changelist::{Row, without_rows};
use crate::django::list_outcome::Kind;
use crate::django::object::ObjectKey;
use crate::django::rows::{ListPage, same};
use crate::http::body::Body;

pub(super) async fn carry_out(job: Job, rows: Vec<Row>) -> Response<Body> {
    let mut names = job.app.pk_names(&job.model);
    if names.is_empty() {
        names = job.fresh().await.map(|f| f.shown.pk_names(&job.model)).unwrap_or_default();
    }
    // The second round only where a model's key has got another name since it was learned.
    for last in [false, true] {
        if names.is_empty() {
            names = likely_names(&rows);
        }
        let keys = rows.iter().flat_map(|r| r.pks(&names)).map(|pk| job.model.object(pk)).collect();
        let asked = match job.pin(&keys, &WriteProof::Beside).await {
            Ok(asked) => asked,
            Err(error) => return job.no_store(&error),
        };
        let fresh = job.fresh().await.unwrap_or_default();
        let now_names = fresh.shown.pk_names(&job.model);
        if !last && !now_names.is_empty() && now_names.iter().any(|n| !names.contains(n)) {
            asked.pins.release().await;
            names = now_names;
            continue;
        }
        return decide(job, rows, &names, &fresh, asked).await;
    }
    unreachable!("the second round always decides")
}

/// Which field holds the rows' keys, where no page tells: any that every row fills in, and each differently.
fn likely_names(rows: &[Row]) -> Vec<String> {
    let fields = rows.iter().flat_map(|r| &r.fields).map(|(name, _)| name);
    let all: BTreeSet<&String> = fields.collect();
    let fits = |name: &&String| {
        let one = std::slice::from_ref(*name);
        let values: BTreeSet<&str> = rows.iter().flat_map(|r| r.pks(one)).collect();
        values.len() == rows.len()
    };
    all.into_iter().filter(fits).cloned().collect()
}

async fn decide(
    job: Job,
    rows: Vec<Row>,
    names: &[String],
    fresh: &ListPage,
    asked: pins::Asked,
) -> Response<Body> {
    let pairs = fresh.rows.iter().flat_map(|r| r.pks(names).map(move |pk| (pk, r)));
    let present: BTreeMap<ObjectKey, &Row> = pairs.map(|(pk, r)| (job.model.object(pk), r)).collect();
    let mut written = BTreeSet::new();
    let mut refused: Vec<Refused> = Vec::new();
    let mut out = BTreeSet::new();
    let mut changed = Vec::new();
    for row in &rows {
        let keys: Vec<ObjectKey> = row.pks(names).map(|pk| job.model.object(pk)).collect();
        let now = keys.iter().find_map(|key| present.get(key).copied());
        let writes = !now.is_some_and(|now| same(row, now));
        let typed = typed(row, now, names);
        for key in keys {
            let refusal = match (asked.refused.get(&key), asked.records.get(&key)) {
                (Some(refusal), _) => Some(refusal.clone()),
                (None, Some(record)) if writes => against(&job, record),
                _ => None,
            };
            let label = fresh.shown.label(&job.model, key.pk()).map(str::to_owned);
            match refusal {
                Some(refusal) => {
                    out.insert(row.number);
                    refused.push(Refused { key, label, refusal, typed: typed.clone(), unseen: false });
                }
                None if writes => {
                    changed.push(Changed {
                        row: row.number,
                        label: label.unwrap_or_else(|| key.to_string()),
                        typed: typed.clone(),
                    });
                    written.insert(key);
                }
                None => {}
            }
        }
    }
    if refused.is_empty() {
        let (end, answer) = job.send(Kind::Edit).await;
        let (user, model) = (job.who.user.as_str(), job.model.label());
        tracing::info!(model, user, rows = written.len(), ?end, "a list's save ended");
        asked.pins.end(|key| if written.contains(key) { end } else { WriteEnd::NotSaved }).await;
        return answer;
    }
    let now = asked.now;
    asked.pins.release().await;
    changed.retain(|c| !out.contains(&c.row));
    let fields = job.fields();
    let fewer = match changed.len() {
        0 => Fewer::None,
        rows => Fewer::Fields { fields: without_rows(&fields, &out), rows },
    };
    job.refuse(refused, fewer, fields, changed, now)
}

/// What stands against writing a row, beside a save on its way.
fn against(job: &Job, record: &Record) -> Option<Refusal> {
    let holder = record.holder.as_ref().filter(|h| h.page.person.user != job.who.user);
    if let Some(holder) = holder {
        return Some(Refusal::Held { by: holder.page.person.clone(), since: holder.since });
    }
    match &job.token {
        // A script: it is taken to know what it does, as with a form.
        Token::None => None,
        Token::Unfit => Some(Refusal::Unfit),
        // Saved after the list was asked for; a store that lost its memory since then says the same.
        Token::Good(claims) if record.version > claims.asked => {
            Some(Refusal::Stale { saved: record.saved.clone(), deleted: record.deleted })
        }
        Token::Good(_) => None,
    }
}

/// The fields that differ, beside what stands there now.
fn typed(row: &Row, now: Option<&Row>, names: &[String]) -> Vec<TypedField> {
    let join = |row: &Row, name: &str| {
        let values = row.fields.iter().filter(|(n, _)| n == name).map(|(_, v)| v.trim_start_matches('\0'));
        values.collect::<Vec<_>>().join(", ")
    };
    let fields: BTreeSet<&String> =
        row.fields.iter().chain(now.iter().flat_map(|n| &n.fields)).map(|(name, _)| name).collect();
    let shown = fields.into_iter().filter(|name| !names.contains(name)).map(|name| TypedField {
        name: name.clone(),
        typed: join(row, name),
        present: now.map(|now| join(now, name)),
    });
    shown.filter(|f| f.present.as_ref() != Some(&f.typed)).collect()
}
