//! The body of a list's POST: read whole, or refused, before anything is decided.

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use hyper::{Response, StatusCode};

use crate::app::App;
use crate::django::posted::Posted;
use crate::http::body::Body;
use crate::reply;

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
    pub(super) fn answer(&self, json: bool) -> Response<Body> {
        let (status, title, why) = match self {
            Self::Broken => {
                (StatusCode::BAD_REQUEST, "This form did not arrive whole", "it ended before its time")
            }
            Self::Large => {
                (StatusCode::PAYLOAD_TOO_LARGE, "This form is too large", "it is larger than 16 MiB")
            }
            Self::Rows => {
                (StatusCode::BAD_REQUEST, "These are too many rows", "it names more than 10,000 rows")
            }
            Self::Odd(why) => (StatusCode::BAD_REQUEST, "This form cannot be checked", *why),
        };
        let sentence =
            format!("Nothing was saved, and nothing deleted: the form was not passed on, because {why}.");
        reply::error(status, title, &sentence, json)
    }
}

pub(super) async fn read(app: &App, headers: &HeaderMap, incoming: Incoming) -> Result<(Bytes, Posted), Why> {
    let mut body = Body::timed(incoming, app.body_timeout);
    let mut read = BytesMut::new();
    // To the end, since a browser shows no answer before it has sent everything.
    let mut large = false;
    while let Some(frame) = Pin::new(&mut body).frame().await {
        let frame = frame.map_err(|_| Why::Broken)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        large |= read.len() + data.len() > LIMIT;
        if !large {
            read.extend_from_slice(&data);
        }
    }
    if large {
        return Err(Why::Large);
    }
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    let kind = kinds.next().map(|k| k.to_str().unwrap_or("?"));
    if kinds.next().is_some() || headers.contains_key(CONTENT_ENCODING) {
        return Err(Why::Odd("its headers are not those of a browser"));
    }
    let posted = Posted::read(kind, &read).map_err(Why::Odd)?;
    Ok((read.freeze(), posted))
}
