//! What is remembered of one object: the record that a store keeps.
//!
//! Owns the data and its vocabulary. The rules that change it are in `lock.rs` and `write.rs`.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

pub use super::rules::{Rules, Takeover};

/// Milliseconds since 1970, by the store's clock.
pub type Millis = u64;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<String>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }
    };
}

text_id!(
    /// A person, by the best source there is: `id:5`, `login:ada`, `session:…`.
    UserKey
);
text_id!(
    /// One rendering of a form.
    PageId
);
text_id!(
    /// One command, so that sending it twice does it once.
    RequestId
);
text_id!(
    /// One running proxy.
    NodeId
);

impl UserKey {
    /// Is more known of the person than the session that they are in?
    pub fn is_known(&self) -> bool {
        !self.as_str().starts_with("session:")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub user: UserKey,
    /// A label for people; two persons may share it.
    pub name: String,
}

/// A page that takes part: whose it is, and what it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub id: PageId,
    pub person: Person,
    /// The object's version when the page was rendered.
    pub version: Millis,
}

/// The right to save, for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub page: Page,
    pub fence: u64,
    pub since: Millis,
    /// Last input.
    pub active: Millis,
    pub dirty: bool,
    /// The backstop: renewed while a socket lives.
    pub lease_end: Millis,
    /// The page is gone, or must be loaded again: the lock waits for the same person until then.
    pub away: Option<Millis>,
    /// When it will be handed over, as promised to those who ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised: Option<Millis>,
    /// The proxy that serves the page, as far as it has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiter {
    pub page: Page,
    pub since: Millis,
    pub lease_end: Millis,
    pub away: Option<Millis>,
    /// Asks the editor for the lock, since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Millis>,
    /// Was told "no": may ask again from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_from: Option<Millis>,
}

/// The last page that lost the lock with its work perhaps unsaved: it alone may pass its values on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    pub page: PageId,
    pub by: Person,
}

/// An operator ended this page's editing and said why. It may not have heard of it, its socket or its proxy being away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub page: PageId,
    pub reason: String,
}

/// Somebody's unsaved values are kept beside the record, for who edits next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsaved {
    pub page: PageId,
    pub by: Person,
    pub at: Millis,
}

/// Somebody's request for the attention of the present editor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nudge {
    pub by: Person,
    pub at: Millis,
    /// The editor has seen it, when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Millis>,
}

/// A save that was let through and has not ended: the object is pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    pub id: RequestId,
    pub person: Person,
    /// The page that posted, if it showed its token.
    pub page: Option<PageId>,
    pub fence: u64,
    pub since: Millis,
    pub deadline: Millis,
    /// Perhaps nothing of this object is written: nobody is told that a save is on its way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quiet: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    pub by: Person,
    pub at: Millis,
}

/// Somebody's viewers, as the proxy that serves them last counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewers {
    pub count: u32,
    pub until: Millis,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Grows with every change; what a store compares before it writes.
    pub revision: u64,
    /// Grows with every save.
    pub version: Millis,
    /// The last fencing number given out.
    pub fence: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<Write>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queue: Vec<Waiter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
    /// The last one only, until that page edits again or comes back, which it cannot do for longer than a record is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator_ended: Option<Ended>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsaved: Option<Unsaved>,
    /// Requests for the present editor's attention.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nudges: Vec<Nudge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved: Option<Saved>,
    #[serde(default)]
    pub deleted: bool,
    /// A save was let through whose end was never seen; it may still land.
    #[serde(default)]
    pub uncertain: bool,
    /// When the store was found started anew, perhaps with what it knew a while ago: saves before then may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubtful: Option<Millis>,
    /// When the lock passed on without its editor's page having a say: its proxy may have been cut off from the store, and
    /// have let it save by the lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<Millis>,
    /// When the lock left its page through another proxy than the page's own, which may not have heard of it: nobody waits
    /// for that, but what is saved next is compared with what Django has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lent: Option<Millis>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub viewers: BTreeMap<NodeId, Viewers>,
    /// The last writes that ended, so that ending one twice does it once.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub ended: VecDeque<u64>,
    /// Writes whose pins were given up, and whose end nobody has told yet.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub given_up: VecDeque<u64>,
    /// The pages of the last saves that went well, so that what was typed there is not taken for unsaved.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub saved_pages: VecDeque<(UserKey, PageId)>,
}

impl Record {
    /// An object that nothing is known of. Its version is the store's `epoch`, the time when its memory began:
    /// a page from before then does not fit it.
    pub fn fresh(epoch: Millis) -> Self {
        Self { version: epoch, ..Self::default() }
    }

    /// The next number of a kind that must never go back, even in a store that lost its memory.
    pub fn next(previous: u64, now: Millis) -> u64 {
        (previous + 1).max(now)
    }

    pub fn is_held_by(&self, user: &UserKey) -> bool {
        self.holder.as_ref().is_some_and(|h| h.page.person.user == *user)
    }

    pub fn is_holder(&self, page: &PageId) -> bool {
        self.holder.as_ref().is_some_and(|h| h.page.id == *page)
    }

    /// Does this page of theirs edit or wait, and has nobody said that it is gone?
    pub fn is_there(&self, page: &PageId, user: &UserKey) -> bool {
        let editor = self.holder.iter().filter(|h| h.away.is_none()).map(|h| &h.page);
        let waiting = self.queue.iter().filter(|w| w.away.is_none()).map(|w| &w.page);
        editor.chain(waiting).any(|p| p.id == *page && p.person.user == *user)
    }

    /// The editor's page is gone, or must be loaded again first: nobody edits just now.
    pub fn is_away(&self) -> bool {
        self.holder.as_ref().is_some_and(|h| h.away.is_some())
    }

    pub fn saved_pages_of(&self, user: &UserKey) -> Vec<PageId> {
        self.saved_pages.iter().filter(|(u, _)| u == user).map(|(_, page)| page.clone()).collect()
    }

    /// Place in the queue, from 1.
    pub fn position(&self, page: &PageId) -> Option<usize> {
        self.queue.iter().position(|w| w.page.id == *page).map(|i| i + 1)
    }

    /// How long a store keeps it after its last use. One that says no more than a fresh one (a write that was not
    /// saved leaves such) goes soon, or anybody could fill the store with POSTs to objects that do not exist; not
    /// at once, so that a command that is sent twice still finds it.
    pub fn keep_for(&self) -> Millis {
        let Self { saved, deleted, uncertain, operator_ended, unsaved, viewers, passed, lent, .. } = self;
        let says_something = self.is_live()
            || saved.is_some()
            || *deleted
            || *uncertain
            || operator_ended.is_some()
            || unsaved.is_some()
            || passed.or(*lent).is_some()
            || !viewers.is_empty();
        if says_something { KEEP } else { KEEP_BLANK }
    }

    /// Is there anything an operator would want to see?
    pub fn is_live(&self) -> bool {
        self.holder.is_some() || self.write.is_some() || !self.queue.is_empty()
    }

    pub fn viewers_at(&self, now: Millis) -> u32 {
        self.viewers.values().filter(|v| v.until > now).map(|v| v.count).sum()
    }
}

/// How long unsaved values are kept for the next editor.
pub const UNSAVED_KEEP: Millis = 10 * 60 * 1000;
/// How long a record is kept: longer than any page token that could ask for it.
pub const KEEP: Millis = 25 * 60 * 60 * 1000;
const KEEP_BLANK: Millis = 60_000;

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_doubt_is_kept_as_long_as_a_page_may_be_open() {
        let passed = Record { passed: Some(1), ..Record::default() };
        let lent = Record { lent: Some(1), ..Record::default() };
        assert_eq!((passed.keep_for(), lent.keep_for()), (KEEP, KEEP));
        // That of a young store is found again without it, and strangers come by it for nothing.
        assert_eq!(Record { doubtful: Some(1), ..Record::default() }.keep_for(), KEEP_BLANK);
    }
}
