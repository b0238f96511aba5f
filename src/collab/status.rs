//! What one page is told of the record: always the whole state, so that a lost frame heals itself.
//!
//! Pure. The shape is `editor_status` of `docs/protocol.md`.

use serde::Serialize;

use super::attention::{request_from, unseen};
use super::command::Cause;
use super::handover::{askers, due, take_over_from};
use super::record::{Millis, PageId, Person, Record, Rules};
use crate::token::UNKNOWN_VERSION;

/// Of those who ask, so many are named.
const NAMES: usize = 5;

/// The part that is the same for everybody on the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Editor {
    pub user_id: String,
    pub page_id: PageId,
    pub name: String,
    pub since: Millis,
    pub active: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SavedBy {
    pub by: String,
    /// It was the person of this page, on another one.
    pub you: bool,
    pub at: Millis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum You {
    Editor,
    Waiting,
    Viewer,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    pub editor: Option<Editor>,
    pub you: You,
    pub position: usize,
    pub version: Millis,
    pub stale: bool,
    pub turn: bool,
    pub elsewhere: bool,
    pub saving: bool,
    pub saved: Option<SavedBy>,
    pub deleted: bool,
    pub uncertain: bool,
    pub handover: Handover,
    pub attention: Attention,
}

/// Requests for the editor's attention. They stand here until they are seen, so that a lost frame loses none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Attention {
    /// To the editor: the last of those who ask and were not seen yet, and how many they are.
    pub asking: Vec<Asker>,
    pub askers: usize,
    /// To the others: from when on this page's person may ask (again); null: nobody else edits.
    pub ask_from: Option<Millis>,
    /// This page's person has asked the present editor.
    pub asked: bool,
    /// … who has seen it.
    pub seen: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asker {
    pub user_id: String,
    pub name: String,
}

/// How the lock is about to pass on. Times are the store's; the page knows its time by `Stamped::now`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Handover {
    /// The first of those who ask for the lock, and how many they are.
    pub asking: Vec<String>,
    pub askers: usize,
    /// This page asks.
    pub asked: bool,
    /// From when on this page may ask.
    pub ask_from: Option<Millis>,
    /// From when on this page may take over.
    pub take_over_from: Option<Millis>,
    /// From when on anybody who asks may take over, if the editor does not answer.
    pub answer_by: Option<Millis>,
    /// What "later" means, in milliseconds.
    pub later: Millis,
    /// The editor has promised to hand it over.
    pub promised: bool,
    pub passes_on: Option<PassesOn>,
}

/// The lock passes on by itself at `at`; people are told from `warn` on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassesOn {
    pub at: Millis,
    pub warn: Millis,
    pub cause: Cause,
}

/// A status, and the store's time when it was made: no page's own clock matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stamped {
    pub now: Millis,
    #[serde(flatten)]
    pub status: Status,
}

/// The record as `page` of `person` sees it. `public` makes a user's id for other people's browsers.
pub fn status(
    record: &Record,
    person: &Person,
    page: &PageId,
    version: Millis,
    rules: &Rules,
    public: impl Fn(&Person) -> String,
) -> Status {
    let stale = version != record.version;
    let holder = record.holder.as_ref();
    let mine = holder.filter(|h| h.page.person.user == person.user);
    let edits = holder.is_some_and(|h| h.page.id == *page && h.away.is_none()) && !stale;
    let position = record.position(page);
    // The lock waits for this person to load the page again; nobody edits yet.
    let turn = !edits && mine.is_some_and(|h| h.away.is_some() && h.page.version != record.version);
    Status {
        editor: holder.filter(|_| !turn).map(|h| Editor {
            user_id: public(&h.page.person),
            page_id: h.page.id.clone(),
            name: h.page.person.name.clone(),
            since: h.since,
            active: h.active,
        }),
        you: match position {
            _ if edits => You::Editor,
            Some(_) => You::Waiting,
            None => You::Viewer,
        },
        position: position.unwrap_or(0),
        version: record.version,
        stale,
        turn,
        elsewhere: mine.is_some_and(|h| h.page.id != *page && !turn),
        saving: record.write.as_ref().is_some_and(|w| !w.quiet),
        // Whether a page that nobody could tell its version is older than that save, nobody knows either.
        saved: record.saved.as_ref().filter(|_| version != UNKNOWN_VERSION).map(|s| SavedBy {
            by: s.by.name.clone(),
            you: s.by.user == person.user,
            at: s.at,
        }),
        deleted: record.deleted,
        uncertain: record.uncertain,
        handover: handover(record, person, page, rules),
        attention: attention(record, person, edits, rules, public),
    }
}

fn attention(
    record: &Record,
    person: &Person,
    edits: bool,
    rules: &Rules,
    public: impl Fn(&Person) -> String,
) -> Attention {
    let own = record.nudges.iter().find(|n| n.by.user == person.user);
    let asker = |by: &Person| Asker { user_id: public(by), name: by.name.clone() };
    Attention {
        asking: unseen(record).filter(|_| edits).map(|n| asker(&n.by)).rev().take(NAMES).collect(),
        askers: unseen(record).filter(|_| edits).count(),
        ask_from: request_from(record, &person.user, rules),
        asked: own.is_some(),
        seen: own.is_some_and(|n| n.seen.is_some()),
    }
}

fn handover(record: &Record, person: &Person, page: &PageId, rules: &Rules) -> Handover {
    let Some(holder) = &record.holder else {
        return Handover::default();
    };
    let waiter = record.queue.iter().find(|w| w.page.id == *page);
    let all = || askers(record);
    let answer_by =
        all().filter_map(|w| take_over_from(record, &w.page.person.user, &w.page.id, rules)).min();
    Handover {
        asking: all().take(NAMES).map(|w| w.page.person.name.clone()).collect(),
        askers: all().count(),
        asked: waiter.is_some_and(|w| w.asked.is_some()),
        ask_from: waiter.filter(|w| w.asked.is_none()).map(|w| w.ask_from.unwrap_or(0)),
        take_over_from: take_over_from(record, &person.user, page, rules),
        answer_by,
        later: rules.handover_later,
        promised: holder.promised.is_some(),
        passes_on: due(record, rules).map(|(at, cause)| {
            let warning = if cause == Cause::HandedOver { rules.handover_later } else { rules.idle_warning };
            PassesOn { at, warn: at.saturating_sub(warning), cause }
        }),
    }
}
