//! What the editor types, on its way to the others while it happens.
//!
//! Owns who may tell (the page that holds the lock), who hears (pages that show the same fields), and what a page
//! that comes later is told. Nothing of it is ever saved.

use std::sync::Arc;

use super::hub::Hub;
use super::room::{Member, Room};
use crate::collab::command::Outcome;
use crate::collab::handover::Denied;
use crate::collab::live::Live;
use crate::collab::news::News;
use crate::collab::protocol::{ToPage, Values};
use crate::collab::record::{Millis, Page, PageId, Record};
use crate::django::object::ObjectKey;
use crate::store::Store;

impl Member {
    /// Tells a page of typing, field by field what Django shows there too.
    fn tell_typed(&self, values: &Values, whole: bool) {
        let values = values.clone().only(|name| self.shown.contains(name));
        if whole || !values.is_empty() {
            self.outbox.push_typed(whole, values);
        }
    }

    fn tell_focus(&self, name: Option<&str>) {
        let name = name.filter(|name| self.shown.contains(name)).map(str::to_owned);
        self.send(&ToPage::FieldFocus { name });
    }
}

impl Room {
    /// Somebody else edits now, or what was typed is saved: it is nobody's any more.
    pub(super) fn end_live(&mut self, record: &Record) {
        let Some(live) = &self.live else { return };
        let saved = live.version != record.version;
        if !saved && record.is_holder(&live.page) {
            return;
        }
        let (page, focused) = (live.page.clone(), live.focus.is_some());
        self.live = None;
        for member in self.members().filter(|m| focused && m.page.id != page) {
            member.tell_focus(None);
        }
        // After a save the pages load what is saved; until then they show what has become of it.
        if !saved {
            for member in self.members().filter(|m| m.page.id != page) {
                member.tell_typed(&Values::default(), true);
            }
        }
    }

    /// The editor's page has changed fields. False if it is not the editor's.
    pub(super) fn typed(&mut self, page: &PageId, version: Millis, change: Values) -> bool {
        if self.holder.as_ref() != Some(page) {
            return false;
        }
        if self.live.as_ref().is_none_or(|live| live.page != *page || live.version != version) {
            self.live = Some(Box::new(Live::of(page.clone(), version)));
        }
        let Some(live) = &mut self.live else { return false };
        let told = live.join(change);
        for member in self.members().filter(|m| m.page.id != *page) {
            member.tell_typed(&told, false);
        }
        true
    }

    pub(super) fn focused(&mut self, page: &PageId, version: Millis, name: Option<&str>) -> bool {
        if self.holder.as_ref() != Some(page) {
            return false;
        }
        let live = self.live.get_or_insert_with(|| Box::new(Live::of(page.clone(), version)));
        live.focus = name.map(str::to_owned);
        for member in self.members().filter(|m| m.page.id != *page) {
            member.tell_focus(name);
        }
        true
    }

    /// What was missed is told to everybody anew.
    fn tell_live_to_all(&self) {
        let pages: Vec<PageId> = self.members().map(|m| m.page.id.clone()).collect();
        for page in pages {
            self.tell_live(&page);
        }
    }

    /// A page that has just come in sees what has been typed so far.
    fn tell_live(&self, page: &PageId) {
        let Some(live) = self.live.as_ref().filter(|live| live.page != *page) else { return };
        if let Some(member) = self.members().find(|m| m.page.id == *page) {
            member.tell_typed(&live.values, true);
            if live.focus.is_some() {
                member.tell_focus(live.focus.as_deref());
            }
        }
    }
}

impl Hub {
    pub fn shares_live(&self, object: &ObjectKey) -> bool {
        let sharing = self.sharing();
        sharing.live_view && !sharing.live_view_except.contains(&object.model())
    }

    fn is_editor(&self, object: &ObjectKey, page: &Page) -> bool {
        self.in_room(object, |room| room.holder.as_ref() == Some(&page.id)) == Some(true)
    }

    pub(super) async fn typed(self: &Arc<Self>, object: &ObjectKey, page: &Page, change: Values) -> Outcome {
        if !self.is_editor(object, page) {
            return Outcome::NotAllowed(Denied::NotEditor);
        }
        // What the page itself does not show as a field to fill in (passwords, hidden ones) is told to nobody.
        let shown = self.shown_to(object, &page.id);
        let change = change.only(|name| shown.contains(name));
        if change.is_empty() {
            return Outcome::Done;
        }
        let live = self.in_room(object, |room| {
            room.typed(&page.id, page.version, change.clone()).then(|| room.live.clone()).flatten()
        });
        let Some(Some(live)) = live else { return Outcome::Done };
        let (store, page, version) = (self.store(), page.id.clone(), page.version);
        let told = async {
            store.set_live(object, &live).await?;
            store.tell(object, News::Typed { page, version, change }).await
        };
        if let Err(error) = told.await {
            tracing::debug!(%object, %error, "what is typed could not be told to the other proxies");
        }
        Outcome::Done
    }

    pub(super) async fn focused(
        self: &Arc<Self>,
        object: &ObjectKey,
        page: &Page,
        name: Option<String>,
    ) -> Outcome {
        if !self.is_editor(object, page) {
            return Outcome::NotAllowed(Denied::NotEditor);
        }
        let shown = self.shown_to(object, &page.id);
        let name = name.filter(|name| shown.contains(name));
        let told = self.in_room(object, |room| room.focused(&page.id, page.version, name.as_deref()));
        if told == Some(true) {
            let news = News::Focus { page: page.id.clone(), version: page.version, name };
            if let Err(error) = self.store().tell(object, news).await {
                tracing::debug!(%object, %error, "where the editor is could not be told to the other proxies");
            }
        }
        Outcome::Done
    }

    /// What a page that has just come in is told besides who edits.
    pub(super) fn greet(self: &Arc<Self>, object: &ObjectKey, page: &PageId) {
        let (hub, object, page) = (Arc::clone(self), object.clone(), page.clone());
        tokio::spawn(async move {
            hub.tell_history(&object, &page).await;
            // The editor may be on another proxy, and have typed before this room was opened.
            if hub.shares_live(&object)
                && matches!(hub.store(), Store::Redis(_))
                && hub.in_room(&object, |room| room.live.is_none()) == Some(true)
            {
                hub.fetch_live(&object).await;
            }
            hub.in_room(&object, |room| room.tell_live(&page));
        });
    }

    /// News may have been missed: everybody here hears what is kept of it.
    pub(super) async fn catch_up(self: &Arc<Self>, object: &ObjectKey) {
        let pages = self.in_room(object, |room| {
            // What another proxy's editor has typed; what was typed here is known.
            let local = room.live.as_ref().is_some_and(|live| room.members().any(|m| m.page.id == live.page));
            if !local {
                room.live = None;
            }
            room.members().map(|m| m.page.id.clone()).collect::<Vec<_>>()
        });
        for page in pages.into_iter().flatten() {
            self.tell_history(object, &page).await;
        }
        if self.shares_live(object) {
            self.fetch_live(object).await;
            self.in_room(object, |room| room.tell_live_to_all());
        }
        self.gather(object).await;
    }

    async fn fetch_live(&self, object: &ObjectKey) {
        match self.store().live(object).await {
            Ok(Some(live)) => {
                self.in_room(object, |room| {
                    if room.live.is_none() && room.holder.as_ref() == Some(&live.page) {
                        room.live = Some(Box::new(live));
                    }
                });
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%object, %error, "what is typed elsewhere could not be read"),
        }
    }
}
