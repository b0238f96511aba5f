//! The vocabulary of the lock: what can be asked, what came of it, and what others are to be told.
//!
//! Data only. The rules are in `lock.rs`, `join.rs`, `handover.rs` and `write.rs`.

use super::handover::{Answer, Denied};
use super::record::{Holder, Millis, NodeId, Page, PageId, Person, Record, RequestId, Saved, UserKey, Write};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A page that can edit opened its socket.
    Join {
        page: Page,
    },
    /// A person asks for the lock by a click.
    Claim {
        page: Page,
    },
    /// These pages' sockets live, and so many others watch.
    Touch {
        node: NodeId,
        pages: Vec<PageId>,
        viewers: u32,
    },
    Input {
        page: PageId,
        dirty: bool,
    },
    /// A page is gone: it said so, or its socket broke.
    Leave {
        page: PageId,
    },
    /// A person gives the lock, or the place in the queue, up.
    Release {
        page: PageId,
    },
    /// A person who waits asks the editor for the lock.
    Ask {
        page: PageId,
    },
    /// The editor answers those who ask.
    Answer {
        page: PageId,
        answer: Answer,
    },
    /// A person asks for the editor's attention.
    RequestAttention {
        by: Person,
    },
    /// The editor has seen who asks for attention.
    AttentionSeen {
        page: PageId,
    },
    /// A person takes the lock from an editor who is there.
    TakeOver {
        page: Page,
    },
    /// A page that lost the lock has left its unsaved values beside the record.
    PassOn {
        page: PageId,
    },
    /// An operator frees the lock; of this person only, if one is named.
    ForceRelease {
        user: Option<UserKey>,
        /// In the operator's words, for who edits.
        reason: Option<String>,
        /// Who that is, for the trail alone.
        operator: Option<String>,
    },
    BeginWrite {
        id: RequestId,
        person: Person,
        proof: WriteProof,
    },
    /// The write is still on its way; also for a store that has forgotten it.
    KeepWrite {
        write: Write,
    },
    EndWrite {
        fence: u64,
        person: Person,
        page: Option<PageId>,
        end: WriteEnd,
    },
    /// What a proxy told its people last, for a store that may have lost it.
    Restore {
        known: Box<Record>,
    },
    /// Look at the time.
    Tick,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Editor,
    Waiting(usize),
    Viewer,
    /// The write may go to Django. `base`: the version it builds on.
    Granted {
        fence: u64,
        base: Millis,
    },
    Refused(Refusal),
    /// Not before then: the store has just lost what it knew, and other proxies may still say which saves are on their way.
    Recalling {
        until: Millis,
    },
    /// Nothing was done, and why.
    NotAllowed(Denied),
    /// What an operator freed.
    Freed(Option<Box<Holder>>),
    Done,
}

/// Why a page lost the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    Released,
    Expired,
    Operator,
    Moved,
    Saved,
    /// Its editor gave it to who is first in line.
    HandedOver,
    TakenOver,
    /// Its editor did nothing for too long, and somebody waited.
    Idle,
    /// Its editor held it for as long as anybody may while somebody waits.
    TimeUp,
}

impl Cause {
    /// May the page that lost the lock still hold unsaved work that the next one should see?
    pub fn leaves_work(self) -> bool {
        !matches!(self, Self::Released | Self::Saved)
    }

    /// Did it come about without the page that lost the lock?
    pub fn is_others_doing(self) -> bool {
        matches!(self, Self::Operator | Self::HandedOver | Self::TakenOver | Self::Idle | Self::TimeUp)
    }

    /// Did somebody decide that this page is not to edit any more?
    pub fn is_meant(self) -> bool {
        !matches!(self, Self::Expired | Self::Moved | Self::Saved)
    }
}

/// What happened besides the new state, for those who are to be told.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    Lost {
        page: PageId,
        cause: Cause,
        /// Who has taken it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Person>,
        /// An operator's, in their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// It was lost to an operator while it was away, and is told so now that it is back.
    ToldLate {
        page: PageId,
        reason: String,
    },
    Asked {
        to: PageId,
        names: Vec<String>,
    },
    Answered {
        to: Vec<PageId>,
        by: Person,
        answer: Answer,
        at: Option<Millis>,
    },
    /// Somebody asks for the editor's attention.
    Attention {
        to: PageId,
        by: Person,
    },
    Saved {
        version: Millis,
        by: Person,
        page: Option<PageId>,
    },
    Deleted {
        version: Millis,
        by: Person,
        page: Option<PageId>,
    },
}

/// What a POST shows of the page it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteProof {
    /// No token: a script, or a page that carries none (delete, history).
    None,
    /// A row of a list that is saved as a whole: pinned even beside somebody's lock, so that nothing is saved while
    /// the gate finds out whether the list would change this row at all. Whoever takes this judges the lock.
    Beside,
    Page {
        page: PageId,
        version: Millis,
    },
    /// A token that is not to be believed: of another object or person, forged, too old.
    Unfit,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Someone else edits, since when.
    Held {
        by: Person,
        since: Millis,
    },
    /// Someone else's save, or the person's own, is on its way.
    Saving {
        by: Person,
        since: Millis,
        own: bool,
    },
    /// The object was saved after the page was rendered.
    Stale {
        saved: Option<Saved>,
        deleted: bool,
    },
    Unfit,
}

impl Refusal {
    /// For somebody whom Django has not shown anything yet: without other people's names.
    #[must_use]
    pub fn without_names(mut self) -> Self {
        match &mut self {
            Self::Held { by, .. } | Self::Saving { by, .. } => by.name.clear(),
            Self::Stale { saved: Some(saved), .. } => saved.by.name.clear(),
            Self::Stale { saved: None, .. } | Self::Unfit => {}
        }
        self
    }

    /// One word for logs and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Held { .. } => "locked",
            Self::Saving { .. } => "saving",
            Self::Stale { deleted: true, .. } => "deleted",
            Self::Stale { .. } => "stale",
            Self::Unfit => "page_unfit",
        }
    }
}

/// How a write ended, as far as Django's answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteEnd {
    /// `stays`: the person goes on editing.
    Saved {
        stays: bool,
    },
    /// What was typed became another object; this one stays as it is.
    SavedAsNew,
    Deleted,
    /// There is no such object any more; who deleted it is not known.
    Gone,
    NotSaved,
    /// Counts as a possible save. `may_land`: it may even be saved later.
    Unknown {
        may_land: bool,
    },
}
