//! The life of a request, on one screen.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Method, Request, Response, StatusCode};

use crate::app::{App, OnOutage};
use crate::assets;
use crate::clock::Clock;
use crate::collab::record::PageId;
use crate::django::changelist::Model;
use crate::django::object::decode_path;
use crate::django::page::Base;
use crate::django::route::{Route, View, root_of, route, route_write};
use crate::gate::{self, Post};
use crate::http::body::Body;
use crate::http::headers::{self, Peer};
use crate::http::request_id::{self, REQUEST_ID};
use crate::identity::Who;
use crate::metrics::{Class, Injection};
use crate::render::{self, Rendering};
use crate::reply::Accepts;
use crate::seeing::{Line, Noted};
use crate::socket::session::Eyes;
use crate::socket::visit::VisitLine;
use crate::socket::{connection, handshake, list_door};
use crate::store::Snapshot;
use crate::token::UNKNOWN_VERSION;
use crate::{http::tunnel, ids, list_write, lists, login, reply, resolve};

/// Answers every request; never fails. The request has a name from here on, and its line in the log at the end.
pub async fn handle(app: Arc<App>, peer: Peer, mut request: Request<Incoming>) -> Response<Body> {
    let id = request_id::settle(request.headers_mut(), &peer);
    let mut line = Line::open(&app, &request, id);
    let answer = answer(app, peer, request, &mut line.class).await;
    line.close(answer)
}

/// What the proxy does more than pass on is boxed: the future of every request is as large as the largest thing it may
/// become, and most only pass.
async fn answer(
    app: Arc<App>,
    peer: Peer,
    mut request: Request<Incoming>,
    class: &mut Class,
) -> Response<Body> {
    let accepts = Accepts::of(request.headers());
    let head = (request.method(), request.uri(), request.version(), request.headers());
    if let Err(refused) = headers::check(head.0, head.1, head.2, head.3) {
        *class = Class::Malformed;
        let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::BAD_REQUEST);
        return reply::error(accepts.choose(&app.catalogs, None), status, "bad_request_title", refused.why);
    }
    if request.method() == Method::OPTIONS && request.uri().path() == "*" {
        return Response::new(Body::empty());
    }
    if !peer.trusted {
        for name in app.identity.sso.all() {
            request.headers_mut().remove(name);
        }
    }
    if let Some(below) = request.uri().path().strip_prefix(app.own_prefix.as_str()) {
        let below = below.to_owned();
        return Box::pin(own(&app, peer, &below, request, &accepts, class)).await;
    }
    let upgrade = headers::upgrade(request.headers());
    let writes = request.method() == Method::POST;
    let meaning = match (writes, request.uri().path()) {
        (true, path) => route_write(&app.prefixes, path),
        (false, path) => route(&app.prefixes, path),
    };
    *class = class_of(&meaning, request.method());
    let model = match meaning {
        Route::List => Model::of_list(&app.prefixes, request.uri().path()),
        _ => None,
    };
    let original = needs_headers(&meaning, writes)
        .then(|| if writes { request.headers().clone() } else { of_the_person(&app, request.headers()) });
    to_django(&mut request, &peer);
    match (meaning, original) {
        (Route::Object { key, view: View::Other }, Some(headers))
            if writes && app.only_shows(&key.model(), request.uri().path()) =>
        {
            followed(&app, &headers, pass(&app, request, upgrade, &accepts).await).await
        }
        (Route::Object { key, view }, Some(headers)) if writes => {
            Box::pin(gate::write(&app, Post { key, view, headers, request })).await
        }
        (Route::List, Some(headers)) if writes => match model {
            Some(model) => Box::pin(list_write::write(&app, model, headers, request)).await,
            None => followed(&app, &headers, pass(&app, request, upgrade, &accepts).await).await,
        },
        (Route::Object { key, view }, Some(headers))
            if view != View::Other && request.method() == Method::GET =>
        {
            Box::pin(object_page(&app, key, view, &headers, request)).await
        }
        (Route::Login, Some(headers)) if writes => Box::pin(login::pass(&app, &headers, request)).await,
        (Route::Admin | Route::List, Some(headers))
            if request.method() == Method::GET && upgrade.is_none() =>
        {
            match model {
                Some(model) => Box::pin(lists::page(&app, model, &headers, request)).await,
                None => Box::pin(admin_page(&app, &headers, request)).await,
            }
        }
        (_, Some(headers)) => followed(&app, &headers, pass(&app, request, upgrade, &accepts).await).await,
        (_, None) => pass(&app, request, upgrade, &accepts).await,
    }
}

fn class_of(meaning: &Route, method: &Method) -> Class {
    match meaning {
        Route::Object { .. } if method == Method::POST => Class::Write,
        Route::List if method == Method::POST => Class::ListWrite,
        Route::Object { view, .. } if *view != View::Other => Class::Form,
        Route::Login => Class::Login,
        Route::Outside => Class::Outside,
        _ => Class::Admin,
    }
}

/// Outside the admin the session is not followed, so the headers need not be kept.
fn needs_headers(meaning: &Route, writes: bool) -> bool {
    !matches!(meaning, Route::Outside) || writes
}

/// What a page that is only read needs to be remembered of its request: who asks, and what they want to see.
fn of_the_person(app: &App, headers: &HeaderMap) -> HeaderMap {
    use hyper::header::{ACCEPT, ACCEPT_LANGUAGE, COOKIE, HeaderName};
    let mut own = HeaderMap::with_capacity(5);
    let needed = [COOKIE, ACCEPT, ACCEPT_LANGUAGE, REQUEST_ID, HeaderName::from_static("x-requested-with")];
    for name in needed.iter().chain(app.identity.sso.all()) {
        for value in headers.get_all(name) {
            own.append(name.clone(), value.clone());
        }
    }
    own
}

/// Makes the request ready for Django. The path goes as the bytes came.
fn to_django<B>(request: &mut Request<B>, peer: &Peer) {
    let authority = request.uri().authority().map(|a| a.as_str().to_owned());
    headers::to_upstream(request.headers_mut(), peer, authority.as_deref());
    if authority.is_some() {
        let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
        if let Ok(uri) = path.parse() {
            *request.uri_mut() = uri;
        }
    }
    *request.version_mut() = hyper::Version::HTTP_11;
}

/// Our own paths: the widget's files and the pages' sockets.
async fn own(
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
    let who = match app.identity.who(request.headers()).await {
        Ok(who) => who,
        Err(error) => {
            tracing::warn!(below, %error, "a page's socket could not be opened");
            let sentence = to.catalog.text("no_locks_text");
            return reply::error(to, StatusCode::SERVICE_UNAVAILABLE, "no_locks_title", sentence);
        }
    };
    let switched = hyper::upgrade::on(&mut request);
    let id = Box::from(request_id::of(request.headers()));
    to_django(&mut request, &peer);
    let eyes = Eyes::new(Arc::clone(&app.upstream), request.headers(), app.identity.sso.all());
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
            let guest = connection::Guest { object, who, eyes, tasks, line: visit };
            connection::open(hub, key, guest, stream, patience).await;
        } else if let Some(model) = list {
            list_door::open(hub, list_door::Guest { model, who, tasks, patience, line: visit }, stream).await;
        }
    });
    noted.on(answer)
}

/// A page that writes an object whole: the version is read before Django is asked, so that a save in between makes
/// the page old.
async fn object_page(
    app: &Arc<App>,
    object: crate::django::object::ObjectKey,
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
            tracing::warn!(%object, %error, "a form goes out without a version: the store is away");
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

/// Any other page of the admin; read for the person's name as long as that is unknown.
async fn admin_page(app: &Arc<App>, headers: &HeaderMap, mut request: Request<Incoming>) -> Response<Body> {
    let who = app
        .hub
        .store()
        .unless_down(None, app.identity.who(headers))
        .await
        .ok()
        .filter(|who: &Who| who.name.is_none() && !who.session.is_empty());
    if who.is_some() {
        request
            .headers_mut()
            .insert(hyper::header::ACCEPT_ENCODING, hyper::header::HeaderValue::from_static("identity"));
    }
    let answer = followed(app, headers, pass(app, request, None, &Accepts::of(headers)).await).await;
    match who {
        Some(who) => render::tapped(app, answer, who),
        None => answer,
    }
}

/// Remembers who a session belongs to when the answer changes its cookie.
pub(crate) async fn followed(app: &App, request: &HeaderMap, answer: Response<Body>) -> Response<Body> {
    if app.identity.is_touched(answer.headers())
        && let Some(ended) = app.identity.follow(request, answer.headers()).await
    {
        app.hub.session_ended(&ended);
    }
    answer
}

/// Straight through, streaming both ways; a switched protocol is tunnelled.
pub(crate) async fn pass(
    app: &App,
    mut request: Request<Incoming>,
    upgrade: Option<hyper::header::HeaderValue>,
    accepts: &Accepts,
) -> Response<Body> {
    let client = upgrade.map(|protocol| {
        let headers = request.headers_mut();
        headers.insert(hyper::header::CONNECTION, hyper::header::HeaderValue::from_static("upgrade"));
        headers.insert(hyper::header::UPGRADE, protocol);
        hyper::upgrade::on(&mut request)
    });
    let request = request.map(|body| Body::timed(body, app.body_timeout));
    match app.upstream.send(request).await {
        Ok(mut answer) => {
            if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                if let Some(client) = client {
                    tunnel::join(client, hyper::upgrade::on(&mut answer));
                }
                return answer;
            }
            headers::to_client(answer.headers_mut());
            answer
        }
        Err(error) => {
            tracing::warn!(%error, "Django did not answer");
            reply::no_answer(accepts.choose(&app.catalogs, None), &error)
        }
    }
}
