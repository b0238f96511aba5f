//! The frames between a page and the proxy. The words are fixed; `docs/protocol.md` describes them, and
//! `tests/fixtures/protocol/` holds one of each for both sides' tests.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::badge::Badge;
use super::chat::Line;
use super::command::Cause;
use super::handover::Answer;
use super::presence::{Activity, User};
use super::record::{Millis, PageId};
use super::status::{Asker, Stamped};

/// A frame longer than this closes the socket (1009).
pub const FRAME_LIMIT: usize = 64 * 1024;
/// So much is said of a frame that was not understood, in characters.
const SAID: usize = 200;
/// Unsaved values longer than this, as JSON, are not passed on.
pub const UNSAVED_LIMIT: usize = 48 * 1024;

/// A form's value: its field's name, the value, and for a choice its label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Entry {
    Choice(String, String, String),
    Plain(String, String),
}

impl Entry {
    pub fn name(&self) -> &str {
        match self {
            Self::Choice(name, ..) | Self::Plain(name, _) => name,
        }
    }
}

/// What somebody had typed and not saved when they lost the lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Values {
    pub fields: Vec<Entry>,
    /// Every field that they speak for: one without an entry was emptied.
    #[serde(default)]
    pub names: Vec<String>,
    /// There was more than can be passed on, and nothing of it is here.
    #[serde(default)]
    pub too_large: bool,
    /// The inline formsets of these fields, by their prefixes: on another page their rows may have other numbers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<String, Formset>,
}

/// The rows of an inline formset that are of saved objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Formset {
    pub saved: usize,
    /// What tells each row apart, in the order of the page.
    pub keys: Vec<String>,
    /// All its rows, with those that were added and are not saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<usize>,
}

impl Values {
    /// Nothing was left that somebody could be offered.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.fields.is_empty() && !self.too_large
    }

    /// Of these fields only.
    #[must_use]
    pub fn only(mut self, fits: impl Fn(&str) -> bool) -> Self {
        self.fields.retain(|entry| fits(entry.name()));
        self.names.retain(|name| fits(name));
        let dashes = |name| str::match_indices(name, '-').map(move |(at, _)| &name[..at]);
        let prefixes: HashSet<&str> = self.names.iter().map(String::as_str).flat_map(dashes).collect();
        self.rows.retain(|prefix, _| prefixes.contains(prefix.as_str()));
        self
    }

    /// Nothing at all if it is too much.
    #[must_use]
    pub fn fit(self) -> Self {
        if serde_json::to_string(&self).map_or(usize::MAX, |json| json.len()) > UNSAVED_LIMIT {
            return Self { too_large: true, ..Self::default() };
        }
        self
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum FromPage {
    Join {
        token: String,
        /// Of a page that nobody could tell its version: what it showed when it was opened (`django::base`).
        #[serde(default)]
        base: Option<String>,
        /// The page that this one stands in the place of: its tab showed it before, and does so no more.
        #[serde(default)]
        after: Option<String>,
    },
    ClaimEditor {},
    ReleaseLock {},
    Input {
        dirty: bool,
    },
    RequestEdit {},
    AnswerRequest {
        answer: Answer,
    },
    TakeOver {},
    UnsavedValues(Values),
    /// What the person is doing on this page.
    Presence {
        activity: Activity,
    },
    RequestAttention {},
    /// The editor has seen who asks for attention.
    AttentionSeen {},
    ChatMessage {
        recipient_id: String,
        message: String,
        /// The page's own name for it; the answer bears it too.
        #[serde(rename = "ref")]
        reference: String,
    },
    /// What the editor has typed since the last such frame.
    FieldChanged(Values),
    /// The field that the editor is in; null: in none.
    FieldFocus {
        /// It has to be there, even as null.
        #[serde(deserialize_with = "Option::deserialize")]
        name: Option<String>,
    },
    Leave {},
    /// Am I still signed in?
    CheckSession {},
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToPage {
    Welcome {
        user_id: String,
        page_id: PageId,
        object: String,
        version: Millis,
        /// So often, in milliseconds, the page hears at least `Alive`: a browser's script does not see pings.
        alive: Millis,
    },
    /// `store`: can it be asked who edits?
    Alive {
        store: bool,
    },
    EditorStatus(Box<Stamped>),
    LockReleased {
        cause: Cause,
        by: Option<String>,
        /// An operator's, in their words.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// To the editor: somebody asks for the lock. All who do are named.
    EditRequested {
        names: Vec<String>,
    },
    /// To those who asked. `at`: when the lock is handed over, if it was promised.
    RequestAnswered {
        answer: Answer,
        by: String,
        at: Option<Millis>,
    },
    /// To the editor: what somebody before them left unsaved.
    UnsavedOffered {
        by: String,
        at: Millis,
        fields: Vec<Entry>,
        names: Vec<String>,
        too_large: bool,
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        rows: BTreeMap<String, Formset>,
    },
    /// Everybody who has the object open.
    ActiveUsers {
        users: Vec<User>,
        more: usize,
    },
    UserJoined {
        user_id: String,
        name: String,
    },
    UserLeft {
        user_id: String,
        name: String,
    },
    /// To the editor: somebody asks for attention.
    AttentionRequested(Asker),
    ChatMessage(Box<Line>),
    /// To a page that has just joined: what was said before.
    ChatHistory {
        messages: Vec<Line>,
    },
    /// What the editor has typed and not saved. `whole`: all of it, so that what is not named is as it was saved.
    FieldChanged {
        whole: bool,
        #[serde(flatten)]
        values: Values,
    },
    FieldFocus {
        name: Option<String>,
    },
    ContentUpdated {
        version: Millis,
        by: String,
        /// By the person of this page, on another one.
        you: bool,
        deleted: bool,
    },
    /// What Django says of the person; not an answer to every question.
    Session {
        signed_in: bool,
    },
    Error {
        code: ErrorCode,
        message: String,
        /// Of the message that could not be delivered.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// To change lists: who edits which row; null where nobody does any more.
    ListStatus {
        rows: BTreeMap<String, Option<Badge>>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not JSON, no known `type`, or a field that does not fit.
    BadFrame,
    /// Understood, but not for this page.
    NotAllowed,
    /// The person is not here (any more), or the message cannot be sent.
    NotDelivered,
    /// The store of locks cannot be reached just now.
    StoreDown,
}

/// Why the proxy closes a socket. A browser's script sees these numbers, never a refused handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    Restart,
    BadJoin,
    SignedOut,
    Unfit,
    Silent,
    Replaced,
    TooMuch,
}

impl Close {
    pub fn code(self) -> u16 {
        match self {
            Self::Restart => 1012,
            Self::BadJoin => 4400,
            Self::SignedOut => 4401,
            Self::Unfit => 4403,
            Self::Silent => 4408,
            Self::Replaced => 4409,
            Self::TooMuch => 4429,
        }
    }

    /// At most 123 bytes (RFC 6455, 5.5).
    pub fn reason(self) -> &'static str {
        match self {
            Self::Restart => "the proxy restarts",
            Self::BadJoin => "the first frame must be a valid join",
            Self::SignedOut => "signed out, or signed in as somebody else",
            Self::Unfit => "the token does not fit; load the page again",
            Self::Silent => "no sign of life",
            Self::Replaced => "the page joined again on another socket",
            Self::TooMuch => "too many frames, or a reader too slow",
        }
    }
}

impl ToPage {
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl FromPage {
    /// The error says what was wrong, for the page's author.
    pub fn parse(text: &str) -> Result<Self, String> {
        // It repeats what it did not understand, which may be all that was sent.
        serde_json::from_str(text).map_err(|e| e.to_string().chars().take(SAID).collect())
    }
}
