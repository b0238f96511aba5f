//! Giving everything back: what a person needs whose save did not go through.
//!
//! Owns which tokens the page gets and whether Django is asked for the present form. The words and the page are
//! `reply`'s.

use hyper::Response;

use super::Writer;
use super::body::Posted;
use super::look::Present;
use crate::assets;
use crate::collab::command::Refusal;
use crate::collab::record::{Millis, PageId, UserKey};
use crate::django::base::{Shown, pack, unpack};
use crate::django::compare;
use crate::django::form::Typed;
use crate::django::language::Language;
use crate::django::route::{View, root_of};
use crate::http::body::Body;
use crate::http::request_id;
use crate::ids;
use crate::metrics::Reason;
use crate::reply::{self, Accepts, Drafter, Kept, Trouble, Wait};
use crate::seeing::{Told, reason};
use crate::store::StoreError;
use crate::token::shown::ShownFields;
use crate::token::{Claims, JoinClaims, Key, UNKNOWN_VERSION};

pub(super) enum Denied {
    Refusal(Refusal, Millis),
    /// Somebody changed it in a way that the proxy has not seen.
    Changed(Box<Present>, Millis),
    /// Django was to be asked what it has now, and did not say it.
    Unseen(Millis),
    Store(StoreError),
}

fn drafter_of(key: &Key, (user, session): (&UserKey, &str)) -> Drafter {
    Drafter { user_id: key.public_id(user), session: session.to_owned(), known: user.is_known() }
}

impl Writer {
    /// The page that gives everything back.
    pub(super) async fn deny(&self, denied: Denied, posted: Posted) -> Response<Body> {
        let typed = posted.into_typed(&self.encoding, &self.app.passwords_of(&self.key)).await;
        let (reason, at) = match &denied {
            Denied::Refusal(refusal, now) => (reason(refusal), Some(*now)),
            Denied::Changed(_, now) => (Reason::Changed, Some(*now)),
            Denied::Unseen(now) => (Reason::Unseen, Some(*now)),
            Denied::Store(_) => (Reason::Store, None),
        };
        let object = self.key.to_string();
        let told = self.told(&object, self.claims.as_ref().map(|c| &c.page));
        let noted = match denied {
            // Whose it was can be known all the same.
            Denied::Store(_) => {
                let who = self.app.identity.who_by_heart(&self.headers);
                Told { who: &who, ..told }.refused(reason, at)
            }
            _ => told.refused(reason, at),
        };
        noted.on(match denied {
            Denied::Refusal(refusal, now) => {
                let present = self.look_if_known().await;
                // Whatever the rules say: nothing of this person's can be saved before a new login.
                if let Present::SignedOut(login) = present {
                    let trouble = Trouble::SignedOut(login);
                    return self.give_back(&trouble, &typed, Present::Unreadable, now).await;
                }
                let deleted = matches!(present, Present::Gone);
                // The lock of the very page that was posted, by somebody else who is signed in in that browser by now.
                let own = self.lapsed.as_ref().map(|claims| &claims.user);
                let refusal = match refusal {
                    Refusal::Held { by, .. } if Some(&by.user) == own => Refusal::Unfit,
                    Refusal::Stale { saved, .. } if deleted => Refusal::Stale { saved, deleted },
                    refusal => refusal,
                };
                self.give_back(&Trouble::Refused(&refusal), &typed, present, now).await
            }
            Denied::Changed(present, now) => self.give_back(&Trouble::Changed, &typed, *present, now).await,
            Denied::Unseen(now) => {
                self.give_back(&Trouble::Unseen, &typed, Present::Unreadable, now).await
            }
            Denied::Store(error) => {
                tracing::warn!(request = request_id::of(&self.headers), object = %self.key, %error, "a write could not be checked");
                self.give_back(&Trouble::Store, &typed, Present::Unreadable, 0).await
            }
        })
    }

    /// Nobody's look is lent to a stranger, and only what comes from the object's form can be compared.
    pub(super) async fn look_if_known(&self) -> Present {
        if self.view.has_form() && (self.is_known() || self.had_page()) {
            self.look().await
        } else {
            Present::Unreadable
        }
    }

    pub(super) async fn give_back(
        &self,
        trouble: &Trouble<'_>,
        typed: &Typed,
        present: Present,
        now: Millis,
    ) -> Response<Body> {
        let page = PageId::from(ids::id());
        let (current, can_edit, version) = match present {
            Present::Form { current, can_edit, version } => (Some(current), can_edit, Some(version)),
            _ => (None, false, None),
        };
        // Comparing is work, and strangers have nothing to compare.
        let known = self.is_known() || self.had_page();
        let shown = typed.base.as_deref().filter(|_| known).and_then(unpack);
        let rows = compare::rows(typed, shown.as_ref().map(|s| s.fields.as_slice()), current.as_ref());
        let row_keys = compare::row_keys(
            &typed.fields,
            shown.as_ref().map(|s| s.fields.as_slice()),
            current.as_ref().map(|c| c.fields.as_slice()),
        );
        let (token, base) = if trouble.is_conscious() {
            // Whoever saves from this page has seen what it shows.
            let seen = current
                .as_ref()
                .and_then(|c| pack(&Shown { title: c.title.clone(), fields: c.fields.clone() }));
            (self.conscious_token(&page, version, now).await, seen.or_else(|| typed.base.clone()))
        } else {
            (self.same_token(&page), typed.base.clone())
        };
        let wait = match trouble {
            Trouble::Store => self.wait_on(),
            _ => version.filter(|_| can_edit).map(|version| self.wait(&page, version, now)),
        };
        let change_page = self.change_page();
        // A path that begins with two slashes would name another host in a form's action.
        let action = if self.action.starts_with("//") { &change_page } else { &self.action };
        let mut titles = [current.as_ref().map(|c| &c.title), shown.as_ref().map(|s| &s.title)]
            .into_iter()
            .flatten()
            .flatten()
            .map(String::as_str);
        let kept = Kept {
            object: &self.key,
            title: titles.next(),
            action,
            current: &change_page,
            typed,
            rows: &rows,
            row_keys: &row_keys,
            known: (shown.is_some(), current.is_some()),
            encoding: &self.encoding,
            token: token.as_deref(),
            base: base.as_deref(),
            page: &page,
            version: version.or_else(|| self.claims.as_ref().map(|c| c.version)),
            user: drafter_of(self.app.identity.key(), self.drafter(trouble)),
            reader: &self.who.user,
            deleting: self.view == View::Delete,
            csrf: current.as_ref().and_then(|c| c.csrf.as_deref()).filter(|_| self.had_page()),
            wait,
            script: format!("{}{}kept.js", self.app.own_prefix, assets::folder()),
            now,
        };
        let accepts = Accepts::of(&self.headers);
        reply::kept(trouble, &kept, accepts.choose(&self.app.catalogs, self.language().as_ref()))
    }

    /// That of the page that was posted from. Read of the token alone, so that it is known whatever went wrong.
    fn language(&self) -> Option<Language> {
        self.app.identity.key().language(self.token.as_deref()?)
    }

    /// Whose draft this is: after a lost login that of the person who typed it, who will sign in again.
    fn drafter(&self, trouble: &Trouble<'_>) -> (&UserKey, &str) {
        match (trouble, &self.lapsed) {
            (Trouble::SignedOut(_), Some(claims)) => (&claims.user, &claims.session),
            _ => (&self.who.user, &self.who.session),
        }
    }

    /// Trying again is checked as the page was. A token that was not judged, or not good, goes along as it came:
    /// without any, the next try would pass for a script's, which is not asked what it has seen.
    fn same_token(&self, page: &PageId) -> Option<String> {
        let Some(claims) = self.claims.clone() else {
            return self.token.clone();
        };
        Some(self.app.identity.key().sign(&Claims { page: page.clone(), join: None, ..claims }))
    }

    /// Saving anyway is a conscious act, with a token that says so.
    async fn conscious_token(&self, page: &PageId, seen: Option<Millis>, now: Millis) -> Option<String> {
        let version = match seen.or(self.judged) {
            Some(version) => version,
            None => self.app.hub.store().read(&self.key).await.ok()?.record.version,
        };
        Some(self.app.identity.key().sign(&self.claims_for(page, version, now)))
    }

    /// Waiting in line from the page of the refused save.
    fn wait(&self, page: &PageId, version: Millis, now: Millis) -> Wait {
        self.waiting(self.claims_for(page, version, now))
    }

    /// In the place of the page that was posted, which is gone by now: what was its person's when the store went away is
    /// theirs when it is back.
    fn wait_on(&self) -> Option<Wait> {
        let claims = self.claims.clone().filter(|claims| claims.version != UNKNOWN_VERSION)?;
        self.view.has_form().then(|| self.waiting(claims))
    }

    fn waiting(&self, claims: Claims) -> Wait {
        let name = self.who.shown_name();
        // A page without a form is shown nothing of what others type.
        let join =
            Some(JoinClaims { can_edit: true, name, root: self.root(), shown: ShownFields::default() });
        let token = self.app.identity.key().sign(&Claims { join, ..claims });
        Wait { socket: self.app.socket_path(&self.key), token }
    }

    fn claims_for(&self, page: &PageId, version: Millis, now: Millis) -> Claims {
        let claims = self.who.claims(self.key.clone(), page.clone(), version, now);
        Claims { language: self.language(), ..claims }
    }

    /// The admin's root that was posted below.
    pub(super) fn root(&self) -> String {
        root_of(&self.app.prefixes, &self.action).unwrap_or("/admin/").to_owned()
    }

    /// The object's page, by the key as it came where that is known: its canonical form need not be one that
    /// Django finds (text keys such as `007`).
    pub(super) fn change_page(&self) -> String {
        let path = self.action.split('?').next().unwrap_or_default();
        let folder = match self.view {
            View::Change => path.strip_suffix("change/"),
            View::Delete => path.strip_suffix("delete/"),
            View::Version => path.rfind("history/").map(|at| &path[..at]),
            View::Other => None,
        };
        match folder.filter(|f| !f.starts_with("//") && !self.renamed) {
            Some(folder) => format!("{folder}change/"),
            None => {
                format!("{}{}change/", self.root(), self.key.url_path())
            }
        }
    }
}
