//! What one page is told of the record: always the whole state, so that a lost frame heals itself.
//!
//! Pure. The shape is `editor_status` of `docs/protocol.md`.

use serde::Serialize;

use super::record::{Millis, PageId, Person, Record};

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
}

/// The record as `page` of `person` sees it. `public` makes a user's id for other people's browsers.
pub fn status(
    record: &Record,
    person: &Person,
    page: &PageId,
    version: Millis,
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
        saved: record.saved.as_ref().map(|s| SavedBy { by: s.by.name.clone(), at: s.at }),
        deleted: record.deleted,
        uncertain: record.uncertain,
    }
}
