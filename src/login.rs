//! A login that passes through: when it succeeds, its user name belongs to the new session.
//!
//! The body is looked at for one field and goes on as it came. Nothing of it is kept or logged but that name.

use std::collections::VecDeque;
use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, LOCATION};
use hyper::{Request, Response, StatusCode};

use crate::app::App;
use crate::http::body::Body;
use crate::http::headers;
use crate::http::request_id;
use crate::reply::{self, Accepts};

/// A login form is far smaller; a larger body is passed on unread.
const LIMIT: usize = 16 * 1024;

pub async fn pass(app: &Arc<App>, original: &HeaderMap, request: Request<Incoming>) -> Response<Body> {
    let length =
        original.get(hyper::header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    let small = length.is_some_and(|n| n <= LIMIT);
    let (parts, body) = request.into_parts();
    let body = Body::timed(body, app.body_timeout);
    let (username, body) = if small {
        match Limited::new(body, LIMIT).collect().await {
            Ok(read) => {
                let bytes = read.to_bytes();
                (username(&bytes), Body::after(VecDeque::from([bytes]), Body::empty()))
            }
            Err(_) => {
                let accepts = Accepts::of(original).page_only();
                let to = accepts.choose(&app.catalogs, None);
                let why = to.catalog.text("broken_login_text");
                return reply::error(to, StatusCode::BAD_REQUEST, "broken_login_title", why);
            }
        }
    } else {
        (None, body)
    };
    let mut answer = match app.upstream.send(Request::from_parts(parts, body)).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::warn!(request = request_id::of(original), %error, "Django did not answer a login");
            return reply::no_answer(Accepts::of(original).choose(&app.catalogs, None), &error);
        }
    };
    headers::to_client(answer.headers_mut());
    if let Some(username) = username.filter(|_| succeeded(&answer)) {
        app.identity.logged_in(original, answer.headers(), &username).await;
    }
    answer
}

/// None where several were sent: Django takes the last (`QueryDict`), and what lies between may take another.
fn username(body: &[u8]) -> Option<String> {
    let mut names = form_urlencoded::parse(body).filter(|(name, _)| name == "username");
    let (_, name) = names.next().filter(|(_, value)| !value.trim().is_empty())?;
    names.next().is_none().then(|| name.into_owned())
}

/// Django shows the form again (200) when it does not let somebody in, and redirects elsewhere when it does.
fn succeeded(answer: &Response<Body>) -> bool {
    let to = answer.headers().get(LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
    answer.status() == StatusCode::FOUND && !to.split('?').next().unwrap_or_default().ends_with("/login/")
}

#[cfg(test)]
mod tests {
    use super::username;

    #[test]
    fn only_one_name_is_believed() {
        assert_eq!(username(b"csrf=a&username=ada&password=x"), Some("ada".to_owned()));
        for body in
            [&b"username=bob&username=ada"[..], b"username=ada&username=", b"username=+", b"password=x"]
        {
            assert_eq!(username(body), None);
        }
    }
}
