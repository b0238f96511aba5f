//! The life of a request, on one screen.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use crate::app::App;
use crate::django::changelist::Model;
use crate::django::route::{Route, View, route, route_write};
use crate::gate::{self, Post};
use crate::http::body::Body;
use crate::http::headers::{self, Peer};
use crate::http::request_id::{self, REQUEST_ID};
use crate::identity::Who;
use crate::metrics::Class;
use crate::pass::{pass, pass_followed, to_django};
use crate::reply::Accepts;
use crate::seeing::Line;
use crate::{forms, list_write, lists, login, own, render, reply};

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
        return Box::pin(own::serve(&app, peer, &below, request, &accepts, class)).await;
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
            pass_followed(&app, &headers, request, upgrade, &accepts).await
        }
        (Route::Object { key, view }, Some(headers)) if writes => {
            Box::pin(gate::write(&app, Post { key, view, headers, request })).await
        }
        (Route::List, Some(headers)) if writes => match model {
            Some(model) => Box::pin(list_write::write(&app, model, headers, request)).await,
            None => pass_followed(&app, &headers, request, upgrade, &accepts).await,
        },
        (Route::Object { key, view }, Some(headers))
            if view != View::Other && request.method() == Method::GET =>
        {
            Box::pin(forms::page(&app, key, view, &headers, request)).await
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
        (_, Some(headers)) => pass_followed(&app, &headers, request, upgrade, &accepts).await,
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
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    let answer = pass_followed(app, headers, request, None, &Accepts::of(headers)).await;
    match who {
        Some(who) => render::tapped(app, answer, who),
        None => answer,
    }
}
