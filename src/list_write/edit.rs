//! Saves of edited rows (`list_editable`).
//!
//! Django writes every posted row that differs from what it has at that moment, also where the person changed
//! nothing and only looked at an old list. So the list is asked for afresh, and a row counts as written if the
//! posted values differ from those. Every posted row is pinned before that, so that nothing moves in between.

use std::collections::{BTreeMap, BTreeSet};

use hyper::Response;

use super::body::Why;
use super::refuse::{Changed, Fewer, Refused, TypedField};
use super::{Job, ROWS, Token, pins};
use crate::collab::command::{Refusal, WriteEnd, WriteProof};
use crate::collab::record::Record;
use crate::django::changelist::{Row, without_rows};
use crate::django::list_outcome::Kind;
use crate::django::object::ObjectKey;
use crate::django::rows::{ListPage, same};
use crate::http::body::Body;

pub(super) async fn carry_out(job: Job, rows: Vec<Row>) -> Response<Body> {
    let mut names: BTreeSet<String> = job.app.pk_names(&job.model).into_iter().collect();
    if names.is_empty() {
        names = job.fresh().await.map(|f| key_names(&job, &f)).unwrap_or_default();
    }
    // The second round only where a model's key has got another name since it was learned.
    for last in [false, true] {
        if names.is_empty() {
            names = likely_names(&rows);
        }
        let keys = rows.iter().flat_map(|r| r.pks(&names)).map(|pk| job.model.object(pk));
        let keys: BTreeSet<ObjectKey> = keys.collect();
        // A row of thousands of fields may have its key in any of them.
        if keys.len() > ROWS {
            return Why::Rows.answer(job.accepts.choose(&job.app.catalogs, None));
        }
        let asked = match job.pin(&keys, &WriteProof::Beside).await {
            Ok(asked) => asked,
            Err(error) => return job.no_store(&error),
        };
        let fresh = job.fresh().await.unwrap_or_default();
        let now_names = key_names(&job, &fresh);
        if !last && !now_names.is_subset(&names) {
            asked.pins.release().await;
            names = now_names;
            continue;
        }
        return decide(job, rows, &names, &fresh, asked).await;
    }
    unreachable!("the second round always decides")
}

/// The fields that hold the keys, as this page shows.
fn key_names(job: &Job, page: &ListPage) -> BTreeSet<String> {
    page.shown.pk_names(&job.model).into_iter().collect()
}

/// Which field holds the rows' keys, where no page tells: any that every row fills in, and each differently.
fn likely_names(rows: &[Row]) -> BTreeSet<String> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in rows.iter().flat_map(|r| &r.fields).filter(|(_, value)| !value.is_empty()) {
        all.entry(name).or_default().insert(value);
    }
    let fit = all.into_iter().filter(|(_, values)| values.len() == rows.len());
    fit.map(|(name, _)| name.to_owned()).collect()
}

async fn decide(
    job: Job,
    rows: Vec<Row>,
    names: &BTreeSet<String>,
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
        // Shown once, also where a row may have several keys.
        let mut typed = typed(row, now, names);
        for key in keys {
            let refusal = match (asked.refused.get(&key), asked.records.get(&key)) {
                (Some(refusal), _) => Some(refusal.clone()),
                (None, Some(record)) if writes => job.against(record),
                _ => None,
            };
            let label = fresh.shown.label(&job.model, key.pk()).map(str::to_owned);
            match refusal {
                Some(refusal) => {
                    out.insert(row.number);
                    let typed = std::mem::take(&mut typed);
                    refused.push(Refused { key, label, refusal, typed, unseen: false });
                }
                None if writes => {
                    changed.push(Changed {
                        row: row.number,
                        label: label.unwrap_or_else(|| key.to_string()),
                        typed: std::mem::take(&mut typed),
                    });
                    written.insert(key);
                }
                None => {}
            }
        }
    }
    if refused.is_empty() {
        job.granted(&written, asked.now);
        let (end, answer) = job.send(Kind::Edit, changed, asked.now).await;
        let (user, model) = (job.who.user.as_str(), job.model.label());
        tracing::debug!(model, user, rows = written.len(), ?end, "a list's save ended");
        let at = asked.pins.end(|key| if written.contains(key) { end } else { WriteEnd::NotSaved }).await;
        return job.ended(&written, end, at, answer);
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

impl Job {
    /// What stands against writing a row, beside a save on its way.
    pub(super) fn against(&self, record: &Record) -> Option<Refusal> {
        let holder = record.holder.as_ref().filter(|h| h.page.person.user != self.who.user);
        if let Some(holder) = holder {
            return Some(Refusal::Held { by: holder.page.person.clone(), since: holder.since });
        }
        match &self.token {
            // A script: it is taken to know what it does, as with a form.
            Token::None => None,
            Token::Unfit => Some(Refusal::Unfit),
            // Nobody can tell what was saved after this list was asked for, and a list does not say what it showed.
            Token::Good(claims) if claims.asked < record.unseen_until(&self.app.hub.rules()) => {
                Some(Refusal::Stale { saved: None, deleted: false })
            }
            // Saved after the list was asked for; a store that lost its memory since then says the same.
            Token::Good(claims) if record.version > claims.asked => {
                Some(Refusal::Stale { saved: record.saved.clone(), deleted: record.deleted })
            }
            Token::Good(_) => None,
        }
    }
}

/// The fields that differ, beside what stands there now.
fn typed(row: &Row, now: Option<&Row>, names: &BTreeSet<String>) -> Vec<TypedField> {
    let values = |row: &Row| {
        let mut all: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in row.fields.iter().filter(|(name, _)| !names.contains(name)) {
            let value = value.trim_start_matches('\0');
            match all.get_mut(name) {
                Some(values) => values.extend([", ", value]),
                None => drop(all.insert(name.clone(), value.to_owned())),
            }
        }
        all
    };
    let (typed, present) = (values(row), now.map(values));
    let mut fields: BTreeSet<&String> = typed.keys().collect();
    fields.extend(present.iter().flatten().map(|(name, _)| name));
    let value = |of: &BTreeMap<String, String>, name| of.get(name).cloned().unwrap_or_default();
    let shown = fields.into_iter().map(|name| TypedField {
        name: name.clone(),
        typed: value(&typed, name),
        present: present.as_ref().map(|present| value(present, name)),
    });
    shown.filter(|f| f.present.as_ref() != Some(&f.typed)).collect()
}
