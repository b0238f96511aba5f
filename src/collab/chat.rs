//! A conversation between two people who have the same object open.
//!
//! Pure. People stand here by their public ids (keyed hashes), so that what is kept tells nothing of them to who
//! looks into the store.

use serde::{Deserialize, Serialize};

use super::record::Millis;

/// A message longer than this, in characters, is not taken.
pub const LONGEST: usize = 4_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub sender_id: String,
    /// As the sender was called then.
    pub sender_name: String,
    pub recipient_id: String,
    pub message: String,
    pub timestamp: Millis,
    /// The sender's own name for it, so that its page knows it again.
    #[serde(rename = "ref")]
    pub reference: String,
}

/// How long a conversation is kept, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    pub age: Millis,
    pub lines: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Self { age: 24 * 60 * 60 * 1000, lines: 200 }
    }
}

impl Line {
    /// The two people, whoever wrote it.
    pub fn pair(&self) -> Pair {
        Pair::of(&self.sender_id, &self.recipient_id)
    }

    pub fn is_of(&self, user_id: &str) -> bool {
        self.sender_id == user_id || self.recipient_id == user_id
    }
}

/// Two people, in an order that does not depend on who speaks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pair(pub String, pub String);

impl Pair {
    pub fn of(one: &str, other: &str) -> Self {
        let (first, second) = if one <= other { (one, other) } else { (other, one) };
        Self(first.to_owned(), second.to_owned())
    }

    pub fn partner_of(&self, user_id: &str) -> Option<&str> {
        match user_id {
            id if id == self.0 => Some(&self.1),
            id if id == self.1 => Some(&self.0),
            _ => None,
        }
    }
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    Empty,
    TooLong,
    ToOneself,
}

impl Unfit {
    pub fn message(self) -> &'static str {
        match self {
            Self::Empty => "the message is empty",
            Self::TooLong => "the message is longer than 4,000 characters",
            Self::ToOneself => "a message to oneself goes nowhere",
        }
    }
}

/// Looks a message over before it is sent.
pub fn check(sender_id: &str, recipient_id: &str, message: &str) -> Result<(), Unfit> {
    if sender_id == recipient_id {
        return Err(Unfit::ToOneself);
    }
    if message.trim().is_empty() {
        return Err(Unfit::Empty);
    }
    if message.chars().count() > LONGEST {
        return Err(Unfit::TooLong);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_the_same_from_both_sides() {
        assert_eq!(Pair::of("a", "b"), Pair::of("b", "a"));
        assert_eq!(Pair::of("a", "b").partner_of("a"), Some("b"));
        assert_eq!(Pair::of("a", "b").partner_of("b"), Some("a"));
        assert_eq!(Pair::of("a", "b").partner_of("c"), None);
    }

    #[test]
    fn what_is_not_taken() {
        assert_eq!(check("a", "b", "hello"), Ok(()));
        assert_eq!(check("a", "b", &"ü".repeat(LONGEST)), Ok(()));
        assert_eq!(check("a", "b", &"ü".repeat(LONGEST + 1)), Err(Unfit::TooLong));
        assert_eq!(check("a", "b", " \n\t"), Err(Unfit::Empty));
        assert_eq!(check("a", "a", "hello"), Err(Unfit::ToOneself));
    }
}
