//! One object's room on this proxy: the pages that have it open, and what each was last told.
//!
//! Owns who is told what. Knows no store and no socket: frames go into outboxes.

use std::collections::HashMap;

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::outbox::{Out, Outbox};
use super::people::People;
use crate::collab::chat::Line;
use crate::collab::command::{Cause, Event};
use crate::collab::live::Live;
use crate::collab::presence::{Activity, Present};
use crate::collab::protocol::{Close, ToPage};
use crate::collab::record::{Millis, Page, PageId, Person, Record, Rules, Unsaved};
use crate::collab::status::{Asker, Stamped, Status, You, status};
use crate::token::Key;
use crate::token::shown::ShownFields;

/// A page that comes in, as its token has it.
pub struct Guest {
    pub page: Page,
    /// Keyed hash of the session cookie.
    pub session: Box<str>,
    pub can_edit: bool,
    pub shown: ShownFields,
    pub avatar: Option<Box<str>>,
    pub now: Millis,
}

pub struct Member {
    pub page: Page,
    /// Keyed hash of the session cookie.
    pub session: Box<str>,
    pub can_edit: bool,
    /// Fields that Django showed on this page: of others nothing is told.
    pub shown: ShownFields,
    /// Tells this socket from another of the same page.
    pub socket: u64,
    /// Wants to edit as soon as it can; not after giving the lock up, or losing it by somebody's will.
    wants: bool,
    pub(super) outbox: Outbox,
    last: Option<Status>,
    /// Whose unsaved values it was offered last, by their time.
    offered: Millis,
    pub(super) since: Millis,
    avatar: Option<Box<str>>,
    pub(super) activity: Activity,
    /// Holds changes that are not saved.
    pub(super) dirty: bool,
    /// Has been told who is here.
    pub(super) told_people: bool,
    /// The revision at which it was last tried to put this page where it belongs.
    tried: u64,
}

#[derive(Default)]
pub struct Room {
    /// Boxed: most rooms have one page, and the smallest map has place for more.
    members: HashMap<PageId, Box<Member>>,
    /// The newest record that was told; an older one that comes late is not.
    revision: u64,
    /// How many viewers the record was last told of.
    pub counted: u32,
    pub(super) people: People,
    /// Who holds the lock, as the newest record has it.
    pub(super) holder: Option<PageId>,
    /// The editor's page that has left from here: its lock has yet to end, and nobody else may be looking.
    left: Option<PageId>,
    /// What its editor has typed and not saved. Boxed: in most rooms nobody reads along.
    pub(super) live: Option<Box<Live>>,
}

/// What is left to do after everybody was told.
#[derive(Default)]
pub struct ToDo {
    /// Pages that should hold or wait, but do not.
    pub misplaced: Vec<Page>,
    /// The page that edits now, and whose unsaved values it is to be offered.
    pub offer: Option<(PageId, Unsaved)>,
}

impl Member {
    pub fn new(guest: Guest, socket: u64, outbox: Outbox) -> Self {
        let Guest { page, session, can_edit, shown, avatar, now } = guest;
        Self {
            page,
            session,
            can_edit,
            shown,
            socket,
            wants: can_edit,
            outbox,
            last: None,
            offered: 0,
            since: now,
            avatar,
            activity: Activity::Here,
            dirty: false,
            told_people: false,
            tried: 0,
        }
    }

    /// As others are told of it.
    pub(super) fn present(&self) -> Present {
        Present {
            page: self.page.id.clone(),
            person: self.page.person.clone(),
            since: self.since,
            activity: self.activity,
            dirty: self.dirty,
            avatar: self.avatar.as_deref().map(str::to_owned),
        }
    }

    pub(super) fn send(&self, message: &ToPage) {
        self.push(Out::Text(Utf8Bytes::from(message.text())));
    }

    pub(super) fn push(&self, out: Out) {
        self.outbox.push(out);
    }
}

impl Room {
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Is the editor's page open here?
    pub(super) fn has_editor(&self) -> bool {
        self.holder.as_ref().is_some_and(|page| self.has(page))
    }

    /// Does somebody's lock have yet to end who has left from here?
    pub(super) fn sees_to_a_lock(&self) -> bool {
        self.left.is_some() && self.left == self.holder
    }

    pub(super) fn has(&self, page: &PageId) -> bool {
        self.members.contains_key(page)
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values().map(|member| &**member)
    }

    pub(super) fn member_mut(&mut self, page: &PageId) -> Option<&mut Member> {
        self.members.get_mut(page).map(|member| &mut **member)
    }

    pub fn enter(&mut self, mut member: Member) {
        member.since = self.here_since(&member);
        if let Some(old) = self.members.insert(member.page.id.clone(), Box::new(member)) {
            old.push(Out::Close(Close::Replaced));
        }
    }

    /// False if another socket of the same page has taken its place.
    pub fn exit(&mut self, page: &PageId, socket: u64) -> bool {
        let ours = self.members.get(page).is_some_and(|m| m.socket == socket);
        if ours && let Some(member) = self.members.remove(page) {
            self.page_left(&member, Instant::now());
            if self.holder.as_ref() == Some(page) {
                self.left = Some(page.clone());
            }
        }
        ours
    }

    pub fn set_wants(&mut self, page: &PageId, wants: bool) {
        if let Some(member) = self.members.get_mut(page) {
            member.wants = wants && member.can_edit;
        }
    }

    /// Pages that hold or wait, if the record says so.
    pub fn editing_pages(&self) -> Vec<PageId> {
        self.members.values().filter(|m| m.can_edit).map(|m| m.page.id.clone()).collect()
    }

    /// Everybody but the holder.
    pub fn viewers(&self, record: &Record) -> u32 {
        let here = self.members.keys().filter(|page| !record.is_holder(page)).count();
        u32::try_from(here).unwrap_or(u32::MAX)
    }

    pub fn tell_session(&self, whom: impl Fn(&Member) -> bool, signed_in: bool) {
        for member in self.members.values().filter(|m| whom(m)) {
            member.push(Out::Session(signed_in));
        }
    }

    pub fn close_all(&self, close: Close) {
        for member in self.members.values() {
            member.push(Out::Close(close));
        }
    }

    /// Tells everybody what is new for them. Gives what there is to do next.
    pub fn tell(&mut self, record: &Record, now: Millis, events: &[Event], key: &Key, rules: &Rules) -> ToDo {
        for event in events {
            self.tell_event(event, key);
        }
        if record.revision < self.revision {
            return ToDo::default();
        }
        self.revision = record.revision;
        self.holder = record.holder.as_ref().map(|h| h.page.id.clone());
        let public = |person: &Person| key.public_id(&person.user);
        let mut to_do = ToDo::default();
        for member in self.members.values_mut() {
            let page = &member.page;
            let status = status(record, &page.person, &page.id, page.version, rules, public);
            if let Some(unsaved) = member.wants_to_see(&status, record) {
                member.offered = unsaved.at;
                to_do.offer = Some((member.page.id.clone(), unsaved.clone()));
            }
            if member.last.as_ref() != Some(&status) {
                member.send(&ToPage::EditorStatus(Box::new(Stamped { now, status: status.clone() })));
                member.last = Some(status);
            }
            if member.is_misplaced(record) && member.tried < record.revision {
                member.tried = record.revision;
                to_do.misplaced.push(member.page.clone());
            }
        }
        self.end_live(record);
        self.tell_people(record, key);
        to_do
    }

    /// The fields that a page shows; none, if it is not here.
    pub fn shown_to(&self, page: &PageId) -> ShownFields {
        self.members.get(page).map(|m| m.shown.clone()).unwrap_or_default()
    }

    /// A message goes to every page of the two, and to nobody else.
    pub(super) fn deliver(&self, line: &Line, key: &Key) {
        let text = Utf8Bytes::from(ToPage::ChatMessage(Box::new(line.clone())).text());
        for member in self.members().filter(|m| line.is_of(&key.public_id(&m.page.person.user))) {
            member.push(Out::Text(text.clone()));
        }
    }

    /// Sends a frame to one page.
    pub fn send(&self, page: &PageId, message: &ToPage) {
        if let Some(member) = self.members.get(page) {
            member.send(message);
        }
    }

    fn tell_event(&mut self, event: &Event, key: &Key) {
        match event {
            Event::Lost { page, cause, by, reason } => {
                let Some(member) = self.members.get_mut(page) else {
                    return;
                };
                if cause.is_meant() {
                    member.wants = false;
                }
                let by = by.as_ref().map(|person| person.name.clone());
                member.send(&ToPage::LockReleased { cause: *cause, by, reason: reason.clone() });
            }
            Event::ToldLate { page, reason } => {
                self.set_wants(page, false);
                let (cause, reason) = (Cause::Operator, Some(reason.clone()));
                self.send(page, &ToPage::LockReleased { cause, by: None, reason });
            }
            Event::Asked { to, names } => self.send(to, &ToPage::EditRequested { names: names.clone() }),
            Event::Attention { to, by } => {
                let asker = Asker { user_id: key.public_id(&by.user), name: by.name.clone() };
                self.send(to, &ToPage::AttentionRequested(asker));
            }
            Event::Answered { to, by, answer, at } => {
                let message = ToPage::RequestAnswered { answer: *answer, by: by.name.clone(), at: *at };
                for page in to {
                    self.send(page, &message);
                }
            }
            Event::Saved { version, by, .. } => self.tell_content(*version, by, false),
            Event::Deleted { version, by, .. } => self.tell_content(*version, by, true),
        }
    }

    fn tell_content(&self, version: Millis, by: &Person, deleted: bool) {
        let text = |you| {
            Utf8Bytes::from(ToPage::ContentUpdated { version, by: by.name.clone(), you, deleted }.text())
        };
        let [others, own] = [false, true].map(text);
        for member in self.members.values() {
            let text = if member.page.person.user == by.user { &own } else { &others };
            member.push(Out::Text(text.clone()));
        }
    }
}

impl Member {
    /// What somebody else left unsaved is for whoever edits next, once.
    fn wants_to_see<'a>(&self, status: &Status, record: &'a Record) -> Option<&'a Unsaved> {
        let unsaved = record.unsaved.as_ref()?;
        let is_news = status.you == You::Editor && self.offered < unsaved.at;
        (is_news && unsaved.by.user != self.page.person.user).then_some(unsaved)
    }

    /// The record has lost this page: it should hold or wait, and does neither.
    fn is_misplaced(&self, record: &Record) -> bool {
        if !self.wants || record.deleted || self.page.version != record.version {
            return false;
        }
        let user = &self.page.person.user;
        match &record.holder {
            Some(h) if h.page.id == self.page.id => h.away.is_some(),
            // The person's other page may be just reloading; it is not robbed of the lock meanwhile.
            Some(h) if h.page.person.user == *user => false,
            _ => {
                let mine = record.queue.iter().find(|w| w.page.person.user == *user);
                mine.is_none_or(|w| w.away.is_some())
            }
        }
    }
}
