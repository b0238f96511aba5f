//! Who has the object open: one entry a person, however many pages, and what each is doing.
//!
//! Pure. What a page says of itself comes in as [`Present`]; who edits and who waits, the record knows. The shape
//! that goes out is `active_users` of `docs/protocol.md`.

use serde::{Deserialize, Serialize};

use super::record::{Millis, PageId, Person, Record};

/// People who are named; the others are counted, so that a crowded room does not cost its square.
pub const NAMED: usize = 50;

/// What a page's person is doing, the liveliest first: of several pages that one counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    #[default]
    Here,
    /// In sight, but nobody has touched it for a while.
    Idle,
    /// In a tab that is not in sight.
    Away,
}

/// A page that is open, as the proxy that has its socket knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Present {
    pub page: PageId,
    pub person: Person,
    pub since: Millis,
    #[serde(default)]
    pub activity: Activity,
    /// Holds changes that are not saved.
    #[serde(default)]
    pub dirty: bool,
    /// The address of a picture, where the identity source knows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Editing,
    Waiting,
    Viewing,
}

/// A person as everybody on the object is told of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    pub user_id: String,
    pub name: String,
    pub pages: usize,
    pub since: Millis,
    pub role: Role,
    /// Place in the queue, 1 = next; 0 if not waiting.
    pub position: usize,
    pub activity: Activity,
    pub dirty: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Roster {
    pub users: Vec<User>,
    /// So many more are here and not named.
    pub more: usize,
}

/// Everybody who is here: who edits first, then the queue, then who came first.
pub fn roster(present: &[Present], record: &Record, public: impl Fn(&Person) -> String) -> Roster {
    let mut sorted: Vec<&Present> = present.iter().collect();
    sorted.sort_by(|a, b| (&a.person.user, a.since, &a.page).cmp(&(&b.person.user, b.since, &b.page)));
    let persons = sorted.chunk_by(|a, b| a.person.user == b.person.user);
    let mut users: Vec<User> = persons.filter_map(|pages| user(pages, record, &public)).collect();
    let more = users.len().saturating_sub(NAMED);
    users.sort_by(|a, b| {
        (a.role, a.position, a.since, &a.user_id).cmp(&(b.role, b.position, b.since, &b.user_id))
    });
    users.truncate(NAMED);
    Roster { users, more }
}

fn user(pages: &[&Present], record: &Record, public: &impl Fn(&Person) -> String) -> Option<User> {
    let first = pages.first()?;
    let position = pages.iter().filter_map(|p| record.position(&p.page)).min();
    let edits = pages.iter().any(|p| record.is_holder(&p.page) && !record.is_away());
    let role = match position {
        _ if edits => Role::Editing,
        Some(_) => Role::Waiting,
        None => Role::Viewing,
    };
    Some(User {
        user_id: public(&first.person),
        name: first.person.name.clone(),
        pages: pages.len(),
        since: first.since,
        role,
        position: if edits { 0 } else { position.unwrap_or(0) },
        activity: pages.iter().map(|p| p.activity).min().unwrap_or_default(),
        dirty: pages.iter().any(|p| p.dirty),
        avatar: pages.iter().find_map(|p| p.avatar.clone()),
    })
}

/// Who came and who went, between two rosters.
pub fn changes<'a>(before: &'a Roster, after: &'a Roster) -> (Vec<&'a User>, Vec<&'a User>) {
    let is_in = |roster: &Roster, user: &User| roster.users.iter().any(|u| u.user_id == user.user_id);
    let came = after.users.iter().filter(|u| !is_in(before, u)).collect();
    let went = before.users.iter().filter(|u| !is_in(after, u)).collect();
    (came, went)
}
