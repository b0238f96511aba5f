//! The proxy's own paths: the widget's files, and the doors of the pages' sockets.
//!
//! Owns who may open one, as far as the request tells. Joining a room takes the page's token, which is the socket's to read.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, Response, StatusCode};
use tokio::time::{Instant, sleep};

use crate::app::App;
use crate::assets;
use crate::django::changelist::Model;
use crate::django::object::decode_path;
use crate::http::body::Body;
use crate::http::headers::Peer;
use crate::http::request_id;
use crate::identity::Who;
use crate::metrics::Class;
use crate::pass::to_django;
use crate::render;
use crate::reply::{self, Accepts};
use crate::seeing::Noted;
use crate::socket::session::Eyes;
use crate::socket::visit::VisitLine;
use crate::socket::{connection, handshake, list_door};
use crate::store::StoreError;
use crate::vouch;

/// A page waits for a store that is away for so long, to be there the moment it is back: its lock is kept for
/// `lock.grace` from then on. Less than the page's own patience.
const WAITS: Duration = Duration::from_secs(4);
const ASKS_AGAIN: Duration = Duration::from_millis(200);

/// Our own paths: the widget's files and the pages' sockets.
pub(crate) async fn serve(
    app: &Arc<App>,
    peer: Peer,
    below: &str,
    mut request: Request<Incoming>,
    accepts: &Accepts,
    class: &mut Class,
) -> Response<Body> {
    *class = Class::Asset;
    if let Some(asset) = assets::serve(below, request.headers()) {
        return asset;
    }
    let list = Model::of_path(&decode_path(below));
    let object = App::socket_object(below);
    let to = accepts.choose(&app.catalogs, None);
    if object.is_none() && list.is_none() {
        let sentence = to.catalog.text("not_found_text");
        return reply::error(to, StatusCode::NOT_FOUND, "not_found_title", sentence);
    }
    *class = Class::Socket;
    let answer = match handshake::accept(request.method(), request.headers(), &peer) {
        Ok(answer) => answer,
        Err(refused) => {
            return reply::error(to, refused.status, "no_websocket_title", refused.why);
        }
    };
    let who = match who(app, request.headers()).await {
        Ok(who) => who,
        Err(error) => {
            let request = request_id::of(request.headers());
            match app.hub.store().trouble() {
                // Every page tries again and again; that the store is away is said already.
                Some(_) => tracing::debug!(request, below, %error, "a page's socket could not be opened"),
                None => tracing::warn!(request, below, %error, "a page's socket could not be opened"),
            }
            let sentence = to.catalog.text("no_locks_text");
            return reply::error(to, StatusCode::SERVICE_UNAVAILABLE, "no_locks_title", sentence);
        }
    };
    let switched = hyper::upgrade::on(&mut request);
    let id = Box::from(request_id::of(request.headers()));
    to_django(&mut request, &peer);
    let eyes = Eyes::new(Arc::clone(&app.present_upstream), request.headers(), app.identity.sso.all());
    let vouch = object.as_ref().and_then(|object| vouch::of(app, object, render::eyes(request.headers())));
    let (hub, key, patience) = (Arc::clone(&app.hub), app.identity.key().clone(), app.patience);
    let tasks = app.tasks.clone();
    let named = object.as_ref().map(ToString::to_string).or_else(|| list.as_ref().map(Model::label));
    let noted = Noted {
        user: who.user.clone(),
        object: named.unwrap_or_default(),
        decision: "socket_opened",
        why: None,
    };
    let visit = VisitLine::open(&noted, id);
    app.tasks.spawn(async move {
        let Ok(stream) = switched.await else { return };
        if let Some(object) = object {
            let guest = connection::Guest { object, who, eyes, tasks, line: visit, vouch };
            connection::open(hub, key, guest, stream, patience).await;
        } else if let Some(model) = list {
            list_door::open(hub, list_door::Guest { model, who, tasks, patience, line: visit }, stream).await;
        }
    });
    noted.on(answer)
}

async fn who(app: &App, headers: &HeaderMap) -> Result<Who, StoreError> {
    let until = Instant::now() + WAITS;
    loop {
        match app.identity.who(headers).await {
            Err(StoreError::Down(_)) if Instant::now() < until => sleep(ASKS_AGAIN).await,
            known => return known,
        }
    }
}
