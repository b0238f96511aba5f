//! Who is in a room, on this proxy and on the others, and who is told of it when.
//!
//! Owns the pauses: people who come and go at once are told of in one go, and a page that is only loaded again is
//! not taken for somebody who left. What is told is `collab::presence`'s.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::hub::Hub;
use super::outbox::Out;
use super::room::{Member, Room};
use crate::collab::presence::{Activity, Present, Roster, User, changes, roster};
use crate::collab::protocol::ToPage;
use crate::collab::record::{Millis, PageId, Record};
use crate::django::object::ObjectKey;
use crate::store::Snapshot;
use crate::token::Key;

/// A page that went away may be loading again: its person counts as here for so long.
const RELOAD: Duration = Duration::from_secs(2);
/// What happens within this is told in one go; a little more for every page, since everybody is told of everybody.
const SOON: Duration = Duration::from_millis(80);
const A_PAGE: Duration = Duration::from_millis(2);
/// People who are announced one by one; of more, the list says it all.
const ANNOUNCED: usize = 8;

/// A room's people, as they were last heard of.
#[derive(Default)]
pub(super) struct People {
    /// On all proxies.
    present: Vec<Present>,
    /// Pages that went away just now, and until when they count.
    leaving: Vec<(Present, Instant)>,
    told: Roster,
    /// What `told` was made of besides `present`.
    standing: (Option<PageId>, bool, Vec<PageId>),
    /// `present` has changed since then.
    fresh: bool,
    /// When it is looked next who is there.
    next: Option<Instant>,
}

impl Room {
    /// The pages here, as other proxies are told of them.
    fn own_people(&mut self, now: Instant) -> Vec<Present> {
        self.people.leaving.retain(|(_, until)| *until > now);
        let left = self.people.leaving.iter().map(|(present, _)| present.clone());
        let mut own: Vec<Present> = self.members().map(Member::present).chain(left).collect();
        // In an order of their own, so that what has not changed looks so.
        own.sort_by(|a, b| a.page.cmp(&b.page));
        own
    }

    /// The page is gone from its socket.
    pub(super) fn page_left(&mut self, member: &Member, now: Instant) {
        self.people.leaving.push((member.present(), now + RELOAD));
    }

    /// The earliest time at which this person is known to be here: a page that was loaded again goes on.
    pub(super) fn here_since(&self, member: &Member) -> Millis {
        let user = &member.page.person.user;
        let left = self.people.leaving.iter().map(|(present, _)| present);
        let all = self.people.present.iter().chain(left).filter(|p| p.person.user == *user);
        all.map(|p| p.since).min().unwrap_or(member.since)
    }

    /// Tells everybody who is here, if that is news to them.
    pub(super) fn tell_people(&mut self, record: &Record, key: &Key) {
        let queue: Vec<PageId> = record.queue.iter().map(|w| w.page.id.clone()).collect();
        let standing = (record.holder.as_ref().map(|h| h.page.id.clone()), record.is_away(), queue);
        // Somebody who has just come is one of them; before that is known there is nothing to tell.
        let mut untold: Vec<PageId> =
            self.members().filter(|m| !m.told_people).map(|m| m.page.id.clone()).collect();
        if !untold.is_empty() {
            let present: HashSet<&PageId> = self.people.present.iter().map(|p| &p.page).collect();
            untold.retain(|page| present.contains(page));
        }
        if self.people.fresh || !untold.is_empty() || standing != self.people.standing {
            self.people.fresh = false;
            self.people.standing = standing;
        } else {
            return;
        }
        let now = roster(&self.people.present, record, |person| key.public_id(&person.user));
        let before = std::mem::replace(&mut self.people.told, now);
        let after = &self.people.told;
        let frame = |message: ToPage| Utf8Bytes::from(message.text());
        let mut news: Vec<Utf8Bytes> = Vec::new();
        let (came, went) = changes(&before, after);
        if came.len() + went.len() <= ANNOUNCED {
            let told = |u: &User| (u.user_id.clone(), u.name.clone());
            let joined = came.into_iter().map(told);
            news.extend(joined.map(|(user_id, name)| frame(ToPage::UserJoined { user_id, name })));
            let left = went.into_iter().map(told);
            news.extend(left.map(|(user_id, name)| frame(ToPage::UserLeft { user_id, name })));
        }
        let all = frame(ToPage::ActiveUsers { users: after.users.clone(), more: after.more });
        let changed = before != *after;
        for member in self.members().filter(|m| m.told_people && changed) {
            for text in news.iter().chain([&all]) {
                member.push(Out::Text(text.clone()));
            }
        }
        for page in untold {
            if let Some(member) = self.member_mut(&page) {
                member.told_people = true;
                member.push(Out::Text(all.clone()));
            }
        }
    }

    pub(super) fn set_people(&mut self, present: Vec<Present>) {
        if self.people.present != present {
            self.people.present = present;
            self.people.fresh = true;
        }
    }

    /// When the next of those who went away just now counts no more.
    fn next_leaving(&self) -> Option<Instant> {
        self.people.leaving.iter().map(|(_, until)| *until).min()
    }

    pub(super) fn has_leaving(&self) -> bool {
        !self.people.leaving.is_empty()
    }

    /// Sets the next look to `at`; false if there is one before that.
    fn gathers_by(&mut self, at: Instant) -> bool {
        let sooner = self.people.next.is_some_and(|next| next <= at);
        if !sooner {
            self.people.next = Some(at);
        }
        !sooner
    }

    fn gathered(&mut self, at: Instant) {
        self.people.next.take_if(|next| *next == at);
    }

    /// The person behind a public id, if they are in the room.
    pub(super) fn is_here(&self, user_id: &str, key: &Key) -> bool {
        self.people.present.iter().any(|p| key.public_id(&p.person.user) == user_id)
    }
}

impl Hub {
    /// What a page says of its person.
    pub(super) fn set_activity(self: &Arc<Self>, object: &ObjectKey, page: &PageId, activity: Activity) {
        self.change_member(object, page, |member| {
            std::mem::replace(&mut member.activity, activity) != activity
        });
    }

    pub(super) fn set_dirty(self: &Arc<Self>, object: &ObjectKey, page: &PageId, dirty: bool) {
        self.change_member(object, page, |member| std::mem::replace(&mut member.dirty, dirty) != dirty);
    }

    fn change_member(
        self: &Arc<Self>,
        object: &ObjectKey,
        page: &PageId,
        change: impl FnOnce(&mut Member) -> bool,
    ) {
        let changed = self.in_room(object, |room| room.member_mut(page).is_some_and(change));
        if changed == Some(true) {
            self.gather_soon(object);
        }
    }

    /// Who is in the room, as it was last heard, for an operator.
    pub fn present(&self, object: &ObjectKey) -> Vec<Present> {
        self.in_room(object, |room| room.people.present.clone()).unwrap_or_default()
    }

    /// Somebody came, or does something else now.
    pub(super) fn gather_soon(self: &Arc<Self>, object: &ObjectKey) {
        let pages = self.in_room(object, |room| room.len()).unwrap_or_default();
        self.gather_in(object, SOON + A_PAGE * u32::try_from(pages).unwrap_or(u32::MAX));
    }

    /// A page is gone.
    pub(super) fn gather_after_leaving(self: &Arc<Self>, object: &ObjectKey) {
        self.gather_in(object, RELOAD + SOON);
    }

    fn gather_in(self: &Arc<Self>, object: &ObjectKey, delay: Duration) {
        let at = Instant::now() + delay;
        let Some(true) = self.in_room(object, |room| room.gathers_by(at)) else {
            return;
        };
        let (hub, object) = (Arc::clone(self), object.clone());
        tokio::spawn(async move {
            tokio::time::sleep_until(at).await;
            hub.in_room(&object, |room| room.gathered(at));
            hub.gather(&object).await;
        });
    }

    /// Says who is here, hears who is elsewhere, and tells everybody.
    pub(super) async fn gather(self: &Arc<Self>, object: &ObjectKey) {
        let own = self.in_room(object, |room| room.own_people(Instant::now())).unwrap_or_default();
        let met = match self.store().meet(object, own, self.lease()).await {
            Ok(met) => met,
            Err(error) => return tracing::debug!(%object, %error, "who is where could not be told"),
        };
        self.in_room(object, |room| room.set_people(met));
        match self.store().read(object).await {
            Ok(Snapshot { record, .. }) => {
                self.in_room(object, |room| room.tell_people(&record, self.key()));
            }
            Err(error) => tracing::debug!(%object, %error, "who is where could not be told"),
        }
        if let Some(Some(until)) = self.in_room(object, |room| room.next_leaving()) {
            self.gather_in(object, until.saturating_duration_since(Instant::now()) + SOON);
        }
        self.close_if_empty(object);
    }
}
