//! What the proxies of one site tell each other besides changes of a record: people, words, typing.
//!
//! Data only. Nothing hangs on it: who missed some reads what is kept, or hears the next.

use serde::{Deserialize, Serialize};

use super::chat::Line;
use super::protocol::Values;
use super::record::{Millis, PageId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum News {
    /// Somebody came, went, or does something else now: look who is there.
    People,
    Chat {
        line: Line,
    },
    /// The page's editor has typed.
    Typed {
        page: PageId,
        version: Millis,
        change: Values,
    },
    Focus {
        page: PageId,
        version: Millis,
        name: Option<String>,
    },
}
