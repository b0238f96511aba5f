//! What a change list is told of one row: who edits it, from whose view.
//!
//! Pure. The shape is `list_status` of `docs/protocol.md`.

use serde::Serialize;

use super::record::{Millis, Person, Record, UserKey};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    pub by: Person,
    pub since: Millis,
    pub saving: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Badge {
    pub user_id: String,
    pub name: String,
    pub since: Millis,
    /// It is the reader's own.
    pub you: bool,
    pub saving: bool,
}

impl Busy {
    /// Who has the row, if anybody.
    pub fn of(record: &Record) -> Option<Self> {
        let write = record.write.as_ref().filter(|w| !w.quiet);
        let saving = write.is_some();
        match (&record.holder, write) {
            _ if record.deleted => None,
            (Some(holder), _) => Some(Self { by: holder.page.person.clone(), since: holder.since, saving }),
            (None, Some(write)) => Some(Self { by: write.person.clone(), since: write.since, saving }),
            (None, None) => None,
        }
    }

    pub fn for_user(&self, user: &UserKey, public: impl Fn(&Person) -> String) -> Badge {
        Badge {
            user_id: public(&self.by),
            name: self.by.name.clone(),
            since: self.since,
            you: self.by.user == *user,
            saving: self.saving,
        }
    }
}
