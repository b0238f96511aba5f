//! Who sends this request? Django stays the only authority; this only finds a stable name for the person.
//!
//! Sources, best first: the headers of a single sign-on, where they are named; the user id in a signed-cookie session;
//! what the session is known for (the user name of the login that made it); otherwise the session itself, as a keyed
//! hash. The cookie is never kept or logged.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::header::{HeaderMap, HeaderName};

use crate::collab::record::{Millis, PageId, Person, UserKey};
use crate::django::object::ObjectKey;
use crate::django::session::{self, Change};
use crate::store::{Session, Store, StoreError};
use crate::token::{Claims, Key};

/// Shown when no page has told a name yet.
const NAMELESS: &str = "Someone";

/// The person behind a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    pub user: UserKey,
    /// Keyed hash of the session cookie; empty without one.
    pub session: String,
    pub name: Option<String>,
    /// The address of a picture, where a single sign-on tells one.
    pub avatar: Option<String>,
}

/// Headers in which a single sign-on in front of the proxy says who somebody is. Believed from trusted peers only.
#[derive(Clone, Debug, Default)]
pub struct SsoHeaders {
    pub user: Option<HeaderName>,
    pub name: Option<HeaderName>,
    pub avatar: Option<HeaderName>,
}

/// Longer than any name or address that is one.
const SSO_LIMIT: usize = 1_000;

impl SsoHeaders {
    pub fn all(&self) -> impl Iterator<Item = &HeaderName> {
        [&self.user, &self.name, &self.avatar].into_iter().flatten()
    }

    fn read(headers: &HeaderMap, name: Option<&HeaderName>) -> Option<String> {
        let text = std::str::from_utf8(headers.get(name?)?.as_bytes()).ok()?.trim();
        (!text.is_empty() && text.len() <= SSO_LIMIT).then(|| text.to_owned())
    }

    /// What they say goes before what else is known.
    fn over(&self, headers: &HeaderMap, who: Who) -> Who {
        let read = |name: &Option<HeaderName>| Self::read(headers, name.as_ref());
        let is_web = |address: &String| {
            address.starts_with("https://")
                || address.starts_with("http://")
                || (address.starts_with('/') && !address.starts_with("//"))
        };
        Who {
            user: read(&self.user).map_or(who.user, |user| UserKey::from(format!("sso:{user}"))),
            name: read(&self.name).or(who.name),
            avatar: read(&self.avatar).filter(is_web),
            session: who.session,
        }
    }
}

impl Who {
    pub fn person(&self) -> Person {
        Person { user: self.user.clone(), name: self.shown_name() }
    }

    /// What others are told: the name that a page has shown, or else what the person signed in as.
    pub fn shown_name(&self) -> String {
        let key = self.user.as_str();
        let login = || key.strip_prefix("login:").or(key.strip_prefix("sso:")).map(str::to_owned);
        self.name.clone().or_else(login).unwrap_or_else(|| NAMELESS.to_owned())
    }

    /// What a page of this person's says of itself.
    pub fn claims(&self, object: ObjectKey, page: PageId, version: Millis, issued: Millis) -> Claims {
        let (user, session) = (self.user.clone(), self.session.clone());
        Claims { object, user, session, page, version, issued, language: None, join: None }
    }

    /// Is this the person that a token was made for? The session counts as well as the user, since what is
    /// known of a session may grow between the page and its POST.
    pub fn fits(&self, claims: &Claims) -> bool {
        !self.session.is_empty() && (self.session == claims.session || self.user == claims.user)
    }

    /// A store that has lost who is behind a session is told by the session's own pages, whose tokens say it over our
    /// signature; or one person would be two, one of them by a page from before. Gives what is to be kept in mind again, if
    /// the token knew more. What was forgotten on purpose, since the person signed out, comes back by this too, and does
    /// nothing: Django takes that cookie for nobody's.
    pub fn reminded(&mut self, claims: &Claims) -> Option<Session> {
        if self.user.is_known() || !claims.user.is_known() || self.session != claims.session {
            return None;
        }
        self.user = claims.user.clone();
        self.name = self.name.take().or_else(|| Some(claims.join.as_ref()?.name.clone()));
        Some(Session { user: Some(self.user.clone()), name: self.name.clone() })
    }
}

fn known_as(cookie: &str, hash: String, known: Session) -> Who {
    let user = session::signed_user_id(cookie)
        .map(|id| UserKey::from(format!("id:{id}")))
        .or(known.user)
        .unwrap_or_else(|| UserKey::from(format!("session:{hash}")));
    Who { user, session: hash, name: known.name, avatar: None }
}

fn nobody() -> Who {
    Who { user: UserKey::from("anonymous"), session: String::new(), name: None, avatar: None }
}

pub struct Identity {
    key: Key,
    cookie: String,
    store: Arc<Store>,
    pub sso: SsoHeaders,
    /// Who was behind a session when the store could last be asked; for when it cannot.
    recent: Arc<Mutex<HashMap<String, Session>>>,
}

/// Sessions that are remembered for that.
const RECENT: usize = 10_000;

impl Identity {
    pub fn new(key: Key, cookie: String, store: Arc<Store>, sso: SsoHeaders) -> Self {
        Self { key, cookie, store, sso, recent: Arc::default() }
    }

    /// By other settings, with what is known so far.
    pub fn anew(&self, cookie: String, sso: SsoHeaders) -> Self {
        let (key, store, recent) = (self.key.clone(), Arc::clone(&self.store), Arc::clone(&self.recent));
        Self { key, cookie, store, sso, recent }
    }

    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Nobody signed in is somebody too: a person of their own, whom Django will turn away.
    pub async fn who(&self, headers: &HeaderMap) -> Result<Who, StoreError> {
        let Some(cookie) = session::cookie(headers, &self.cookie) else {
            return Ok(self.sso.over(headers, nobody()));
        };
        let hash = self.key.session(cookie);
        let mut known = self.store.session(&hash).await?;
        if self.store.is_remote() {
            match &known {
                Some(session) => self.keep_in_mind(&hash, session),
                None => known = self.told_again(&hash).await,
            }
        }
        Ok(self.sso.over(headers, known_as(cookie, hash, known.unwrap_or_default())))
    }

    /// As far as that can be said while the store is away.
    pub fn who_by_heart(&self, headers: &HeaderMap) -> Who {
        let Some(cookie) = session::cookie(headers, &self.cookie) else {
            return self.sso.over(headers, nobody());
        };
        let hash = self.key.session(cookie);
        let known = self.recent().get(&hash).cloned().unwrap_or_default();
        self.sso.over(headers, known_as(cookie, hash, known))
    }

    /// A store that has lost who is behind a session is told again. What another proxy has forgotten on purpose, since the
    /// person signed out, comes back by this too, and does nothing: Django takes that cookie for nobody's.
    async fn told_again(&self, hash: &str) -> Option<Session> {
        let session = self.recent().get(hash).cloned()?;
        self.remember(hash, Some(&session)).await;
        Some(session)
    }

    fn recent(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_in_mind(&self, hash: &str, session: &Session) {
        let mut recent = self.recent();
        if recent.get(hash) == Some(session) {
            return;
        }
        if recent.len() >= RECENT {
            recent.clear();
        }
        recent.insert(hash.to_owned(), session.clone());
    }

    /// A page showed the person's name.
    pub async fn named(&self, who: &Who, name: &str) {
        if who.session.is_empty() || who.name.as_deref() == Some(name) {
            return;
        }
        let session = Session { user: Some(who.user.clone()), name: Some(name.to_owned()) };
        self.remember(&who.session, Some(&session)).await;
    }

    /// A login went well: the new session is this user name's. Without a new cookie, the old one is.
    pub async fn logged_in(&self, request: &HeaderMap, answer: &HeaderMap, username: &str) {
        let cookie = match session::change(answer, &self.cookie) {
            Some(Change::Set(new)) => new,
            Some(Change::Deleted) => return,
            None => match session::cookie(request, &self.cookie) {
                Some(old) => old.to_owned(),
                None => return,
            },
        };
        let session = Session { user: Some(UserKey::from(format!("login:{}", username.trim()))), name: None };
        self.remember(&self.key.session(&cookie), Some(&session)).await;
    }

    /// An answer changed the session cookie: the person moves along with it (a new key after a changed
    /// password, a signed cookie after every write), or is forgotten (logout): then the ended session is given.
    pub async fn follow(&self, request: &HeaderMap, answer: &HeaderMap) -> Option<String> {
        let change = session::change(answer, &self.cookie)?;
        let who = self.who(request).await.ok()?;
        match change {
            Change::Set(new) if !who.session.is_empty() => {
                let hash = self.key.session(&new);
                if hash == who.session {
                    return None;
                }
                let session = Session { user: Some(who.user), name: who.name };
                self.remember(&hash, Some(&session)).await;
            }
            Change::Deleted if !who.session.is_empty() => {
                self.remember(&who.session, None).await;
                return Some(who.session);
            }
            Change::Set(_) | Change::Deleted => {}
        }
        None
    }

    /// Does an answer touch the session cookie at all? Cheap, asked for every answer.
    pub fn is_touched(&self, answer: &HeaderMap) -> bool {
        answer.contains_key(hyper::header::SET_COOKIE) && session::change(answer, &self.cookie).is_some()
    }

    /// Not knowing a person any more is bearable: a page's token still holds the session it was made for.
    async fn remember(&self, hash: &str, session: Option<&Session>) {
        if session.is_none() {
            self.recent().remove(hash);
        }
        if let Err(error) = self.store.set_session(hash, session).await {
            tracing::warn!(%error, "what a session is known for could not be stored");
        }
    }
}
