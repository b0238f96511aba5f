//! What is seen of sockets from outside: their last line in the log, and how many there are.
//!
//! The line is written when it is dropped, so that no way out of a socket's life can forget it. Boxed: there are thousands of
//! sockets, and each keeps this until its end.

use std::time::Instant;

use super::hub::Hub;
use crate::collab::record::UserKey;
use crate::metrics::Now;
use crate::seeing::Noted;

pub struct VisitLine(Box<Visit>);

struct Visit {
    request: Box<str>,
    user: UserKey,
    object: Box<str>,
    since: Instant,
}

impl VisitLine {
    /// `request`: the name of the one that opened it.
    pub fn open(noted: &Noted, request: Box<str>) -> Self {
        let (user, object) = (noted.user.clone(), noted.object.as_str().into());
        Self(Box::new(Visit { request, user, object, since: Instant::now() }))
    }
}

impl Hub {
    /// What there is here at this moment. Looked at when somebody asks, so that nothing has to be kept.
    pub fn count(&self) -> Now {
        let rooms = self.rooms();
        Now {
            sockets: rooms.values().map(|place| place.room.len()).sum::<usize>() + self.lists.sockets(),
            rooms: rooms.len(),
            locks: rooms.values().filter(|place| place.room.has_editor()).count(),
            store_up: self.store().trouble().is_none(),
        }
    }
}

impl Drop for VisitLine {
    fn drop(&mut self) {
        let Visit { request, user, object, since } = &*self.0;
        let ms = crate::clock::millis(since.elapsed());
        tracing::info!(request = &**request, ms, user = user.as_str(), %object, decision = "socket_closed", "socket");
    }
}
