//! Change forms on their way out: what is known of the object before Django is asked, and who asks.
//!
//! Owns that order. What goes into the page is `render`'s.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, Response, StatusCode};

use crate::app::{App, OnOutage};
use crate::clock::Clock;
use crate::collab::record::PageId;
use crate::django::object::ObjectKey;
use crate::django::page::Base;
use crate::django::route::{View, root_of};
use crate::http::body::Body;
use crate::http::request_id;
use crate::metrics::Injection;
use crate::pass::{followed, pass};
use crate::render::{self, Rendering};
use crate::reply::Accepts;
use crate::seeing::Noted;
use crate::store::Snapshot;
use crate::token::UNKNOWN_VERSION;
use crate::{ids, resolve};

/// A page that writes an object whole: the version is read before Django is asked, so that a save in between makes
/// the page old.
pub(crate) async fn page(
    app: &Arc<App>,
    object: ObjectKey,
    view: View,
    headers: &HeaderMap,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let (path, query) = (request.uri().path(), request.uri().query());
    let to_field = resolve::in_query(query);
    let eyes = if to_field.is_some() { render::eyes(request.headers()) } else { HeaderMap::new() };
    let object = resolve::object(app, object, view, path, to_field.as_deref(), &eyes).await;
    render::ask_plainly(request.headers_mut());
    let store = app.hub.store();
    let who = store.unless_down(None, app.identity.who(headers)).await;
    let seen = store.unless_down(Some(&object), store.read(&object)).await;
    let root = root_of(&app.prefixes, request.uri().path()).unwrap_or("/admin/").to_owned();
    let answer = pass(app, request, None, &Accepts::of(headers)).await;
    let (who, version, saved_pages, now) = match (who, seen) {
        (Ok(who), Ok(Snapshot { record, now })) => {
            let saved_pages = record.saved_pages_of(&who.user);
            (who, record.version, saved_pages, now)
        }
        // Without a token its save would pass for a script's, which is not asked what it has seen.
        (Err(error), _) | (_, Err(error)) => {
            tracing::warn!(request = request_id::of(headers), %object, %error, "a form goes out without a version: the store is away");
            (app.identity.who_by_heart(headers), UNKNOWN_VERSION, Vec::new(), Clock::system().now())
        }
    };
    let page = PageId::from(ids::id());
    let unguarded = version == UNKNOWN_VERSION && app.on_outage == OnOutage::Allow;
    let notice = if unguarded { render::before::unguarded(app, headers) } else { String::new() };
    let base = Base::Shown;
    let rendering = Rendering { object, view, who, page, version, now, base, saved_pages, root, notice };
    let noted = Noted {
        user: rendering.who.user.clone(),
        object: rendering.object.to_string(),
        decision: "form_shown",
        why: None,
    };
    let is_answer = answer.status() == StatusCode::OK;
    let (answer, done) = render::object_page(app, answer, rendering);
    if is_answer {
        app.metrics.injection(if done { Injection::Done } else { Injection::NotAPage });
    }
    let answer = followed(app, headers, answer).await;
    if done { noted.on(answer) } else { answer }
}
