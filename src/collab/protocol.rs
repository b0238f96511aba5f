//! The frames between a page and the proxy. The words are fixed; `docs/protocol.md` describes them, and
//! `tests/fixtures/protocol/` holds one of each for both sides' tests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::badge::Badge;
use super::command::Cause;
use super::record::{Millis, PageId};
use super::status::Status;

/// A frame longer than this closes the socket (1009).
pub const FRAME_LIMIT: usize = 64 * 1024;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum FromPage {
    Join { token: String },
    ClaimEditor {},
    ReleaseLock {},
    Input { dirty: bool },
    Leave {},
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToPage {
    Welcome {
        user_id: String,
        page_id: PageId,
        object: String,
        version: Millis,
    },
    EditorStatus(Status),
    LockReleased {
        cause: Cause,
        by: Option<String>,
    },
    ContentUpdated {
        version: Millis,
        by: String,
        deleted: bool,
    },
    Error {
        code: ErrorCode,
        message: String,
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
        serde_json::from_str(text).map_err(|e| e.to_string())
    }
}
