//! The body of a list's POST: read whole, or refused, before anything is decided.

use std::collections::VecDeque;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use hyper::{Response, StatusCode};

use crate::app::App;
use crate::django::posted::Posted;
use crate::http::body::Body;
use crate::reply::{self, Representation};

/// Django itself takes 2.5 MB without files (DATA_UPLOAD_MAX_MEMORY_SIZE).
const LIMIT: usize = 16 * 1024 * 1024;

/// Why a body is not passed on.
pub(super) enum Why {
    Broken,
    Large,
    Rows,
    /// Django could read it otherwise than we do.
    Odd(&'static str),
}

impl Why {
    pub(super) fn answer(&self, to: Representation) -> Response<Body> {
        let (status, title, text) = match self {
            Self::Broken => (StatusCode::BAD_REQUEST, "broken_form_title", "broken_list_text"),
            Self::Large => (StatusCode::PAYLOAD_TOO_LARGE, "large_list_title", "large_list_text"),
            Self::Rows => (StatusCode::BAD_REQUEST, "long_list_title", "long_list_text"),
            Self::Odd(_) => (StatusCode::BAD_REQUEST, "odd_form_title", "odd_form_text"),
        };
        let reason = if let Self::Odd(why) = self { why } else { "" };
        reply::error(to, status, title, &to.catalog.fill(text, &[("reason", reason)]))
    }
}

/// A body that was read.
pub(super) enum Read {
    Whole(Bytes, Posted),
    /// Not to be passed on to a list: why, and the body all the same.
    Odd(Why, Body),
    Broken,
}

pub(super) async fn read(app: &App, headers: &HeaderMap, incoming: Incoming) -> Read {
    let mut body = Body::timed(incoming, app.body_timeout);
    let mut read = BytesMut::new();
    while let Some(frame) = Pin::new(&mut body).frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => read.extend_from_slice(&data),
            Ok(Err(_)) => {}
            Err(_) => return Read::Broken,
        }
        if read.len() > LIMIT {
            return Read::Odd(Why::Large, Body::after(VecDeque::from([read.freeze()]), body));
        }
    }
    let read = read.freeze();
    match posted(headers, &read) {
        Ok(posted) => Read::Whole(read, posted),
        Err(why) => Read::Odd(Why::Odd(why), Body::bytes(read)),
    }
}

/// To the end, since a browser shows no answer before it has sent everything.
pub(super) async fn drain(mut body: Body) {
    while let Some(Ok(_)) = Pin::new(&mut body).frame().await {}
}

fn posted(headers: &HeaderMap, body: &[u8]) -> Result<Posted, &'static str> {
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    let kind = kinds.next().map(|k| k.to_str().unwrap_or("?"));
    if kinds.next().is_some() || headers.contains_key(CONTENT_ENCODING) {
        return Err("its headers are not those of a browser");
    }
    Posted::read(kind, body)
}
