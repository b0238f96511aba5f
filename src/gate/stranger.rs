//! Large writes of people whom Django does not let in: an upload that drips in from nobody must not keep an object from
//! everybody.
//!
//! Owns who counts as such, and that their write goes on without a pin. If a view of the site's own takes it all the
//! same, that is a write round the proxy. A small write is whole before it is asked for, so it pins its object only for
//! as long as Django takes.

use hyper::{Request, Response};

use super::Writer;
use super::body::Posted;
use crate::clock::Clock;
use crate::django::route::root_of_write;
use crate::http::body::Body;
use crate::http::request_id;
use crate::socket::session::signed_in;

impl Writer {
    /// Django does not know this person, and says so. Where it does not say, the write is treated as anybody's.
    pub(super) async fn is_turned_away(&self) -> bool {
        let now = Clock::system().now();
        let has_page = self.token.as_ref().is_some_and(|token| {
            self.app.identity.key().verify(token, now).is_ok_and(|claims| self.who.fits(&claims))
        });
        if has_page || self.is_known() {
            return false;
        }
        match root_of_write(&self.app.prefixes, &self.action) {
            Some(root) => signed_in(&self.app.upstream, &root, self.eyes.clone()).await == Some(false),
            None => false,
        }
    }

    /// Sends it on without a pin.
    pub(super) async fn send_unpinned(&self, head: Request<()>, posted: Posted) -> Response<Body> {
        tracing::info!(request = request_id::of(&self.headers), object = %self.key, "a large write of somebody whom Django does not know");
        let (parts, ()) = head.into_parts();
        super::pass(&self.app, &self.headers, Request::from_parts(parts, posted.into_body())).await
    }
}
