//! How long things last, and who may do what: the settings that the lock's rules work by.
//!
//! Data only. The defaults are `collab.toml`'s; a test holds both equal.

use super::record::{Millis, UserKey};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A lock whose proxy has gone silent is free after this.
    pub lease: Millis,
    /// A person whose page went away may come back within this.
    pub grace: Millis,
    /// A person whose turn it is may take this long to load the page again.
    pub turn: Millis,
    /// A save that nobody renews is given up after this.
    pub pin: Millis,
    /// After the store has lost what it knew, saves and newcomers wait so long for the proxies to say what they know; 0: the
    /// store loses nothing that anybody still knows.
    pub recall: Millis,
    /// People who may wait for one object.
    pub queue: usize,
    /// A request that is not answered within this counts as unanswered.
    pub answer_within: Millis,
    /// "In a moment" means after this.
    pub handover_later: Millis,
    /// Who was told "no" may ask again after this.
    pub ask_again: Millis,
    /// An editor who does nothing for so long while somebody waits loses the lock; 0: never.
    pub idle_after: Millis,
    /// They are warned at least so long before.
    pub idle_warning: Millis,
    /// Nobody holds the lock for longer while somebody waits; 0: no limit.
    pub max_hold: Millis,
    /// A person may ask for the editor's attention once in so long.
    pub attention_interval: Millis,
    pub takeover: Takeover,
    /// Who may take over, as keys (`login:ada`, `id:5`); empty: everybody who can edit.
    pub takeover_users: Vec<UserKey>,
}

/// When somebody may take the lock from an editor who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    Off,
    AfterRequest,
    Always,
}

impl Rules {
    pub fn may_take_over(&self, user: &UserKey) -> bool {
        self.takeover != Takeover::Off
            && (self.takeover_users.is_empty() || self.takeover_users.contains(user))
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            lease: 30_000,
            grace: 5_000,
            turn: 15_000,
            pin: 65_000,
            recall: 0,
            queue: 500,
            answer_within: 60_000,
            handover_later: 120_000,
            ask_again: 60_000,
            idle_after: 600_000,
            idle_warning: 60_000,
            max_hold: 0,
            attention_interval: 15_000,
            takeover: Takeover::AfterRequest,
            takeover_users: Vec::new(),
        }
    }
}
