//! Passing a request on to Django and its answer back, as they come; and following whose session it is.
//!
//! Owns what every request goes through on its way, whatever else becomes of it. Whether it may go is others' to say.

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use hyper::{Request, Response, StatusCode};

use crate::app::App;
use crate::http::body::Body;
use crate::http::headers::{self, Peer};
use crate::http::request_id;
use crate::http::tunnel;
use crate::reply::{self, Accepts};

/// Makes the request ready for Django. The path goes as the bytes came.
pub(crate) fn to_django<B>(request: &mut Request<B>, peer: &Peer) {
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
    upgrade: Option<HeaderValue>,
    accepts: &Accepts,
) -> Response<Body> {
    let client = upgrade.map(|protocol| {
        let headers = request.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
        hyper::upgrade::on(&mut request)
    });
    let request = request.map(|body| Body::timed(body, app.body_timeout));
    let id = request.headers().get(request_id::REQUEST_ID).cloned();
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
            tracing::warn!(request = request_id::text(id.as_ref()), %error, "Django did not answer");
            reply::no_answer(accepts.choose(&app.catalogs, None), &error)
        }
    }
}

/// The same, and whose session it is afterwards is remembered. `original`: the headers that came.
pub(crate) async fn pass_followed(
    app: &App,
    original: &HeaderMap,
    request: Request<Incoming>,
    upgrade: Option<HeaderValue>,
    accepts: &Accepts,
) -> Response<Body> {
    followed(app, original, pass(app, request, upgrade, accepts).await).await
}
