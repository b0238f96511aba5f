//! A stand-in for Django that costs next to nothing: it answers any product's change form, and any save.
//!
//! A session cookie that begins with `viewer` gets a form without a save button.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, COOKIE, HeaderValue, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::Error;

/// When the last save was answered.
#[derive(Clone, Default)]
pub(crate) struct Answered(Arc<Mutex<Option<Instant>>>);

impl Answered {
    fn set(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(crate) fn get(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts it, for as long as this program runs; gives its address.
pub(crate) async fn start() -> Result<(String, Answered), Error> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?.to_string();
    let answered = Answered::default();
    let saves = answered.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let saves = saves.clone();
            let service = service_fn(move |request| {
                let saves = saves.clone();
                async move { Ok::<_, Infallible>(answer(request, &saves).await) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok((address, answered))
}

async fn answer(request: Request<Incoming>, saves: &Answered) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let cookie = head.headers.get(COOKIE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let _ = body.collect().await;
    if head.method != Method::POST {
        let person = cookie.trim_start_matches("sessionid=");
        let mut page = Response::new(Full::from(form(person)));
        page.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        return page;
    }
    // Saved, and back to the same form: "Save and continue editing".
    let mut saved = Response::new(Full::default());
    *saved.status_mut() = StatusCode::FOUND;
    if let Ok(path) = HeaderValue::from_str(head.uri.path()) {
        saved.headers_mut().insert(LOCATION, path);
    }
    saves.set();
    saved
}

/// What of Django's change form the proxy looks at.
fn form(person: &str) -> String {
    let save = match person.starts_with("viewer") {
        true => "",
        false => "<input type=\"submit\" value=\"Save\" class=\"default\" name=\"_save\">",
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en-us\" dir=\"ltr\">\n<head><title>Change product</title></head>\n\
         <body class=\"app-shop model-product change-form\">\n\
         <div id=\"user-tools\">Welcome, <strong>{person}</strong>.</div>\n\
         <form method=\"post\" id=\"product_form\" novalidate>\n\
         <input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"x\">\n\
         <input type=\"text\" name=\"name\" value=\"Blue kettle\" class=\"vTextField\" id=\"id_name\">\n\
         <div class=\"submit-row\">{save}</div>\n</form>\n</body>\n</html>\n"
    )
}
