//! The list as it is now: asked for with the person's own cookies, just before a POST is decided.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::header::{
    ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderName, HeaderValue, ORIGIN, TRANSFER_ENCODING,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::{Job, ROWS};
use crate::app::App;
use crate::django::changelist::Model;
use crate::django::rows::{self, ListPage};
use crate::http::body::Body;
use crate::http::rewriting::Packing;
use crate::lists::place;
use crate::render::{ask_plainly, readable};

/// A larger page is not read.
const LIMIT: usize = 16 * 1024 * 1024;
/// Pages of a list that are looked through for an action on all rows.
const PAGES: usize = 20;

/// What all pages of a list showed.
#[derive(Default)]
pub(super) struct Pages {
    /// As they were shown, by canonical key, in the list's order.
    pub(super) pks: Vec<(crate::django::object::ObjectKey, String)>,
    pub(super) labels: BTreeMap<crate::django::object::ObjectKey, String>,
    /// The last page was seen.
    pub(super) whole: bool,
}

impl Job {
    /// The page that was posted to, as it is now. None, if Django shows no list.
    pub(super) async fn fresh(&self) -> Option<ListPage> {
        match list_at(&self.app, &self.model, &self.head, self.address()).await {
            Seen::List(page) => Some(*page),
            _ => None,
        }
    }

    /// All rows that match the list's filters, as far as they are shown.
    pub(super) async fn pages(&self) -> Pages {
        let mut found = Pages::default();
        let mut seen = BTreeSet::new();
        for number in 1..=PAGES {
            let address = page_of(self.address(), number);
            match list_at(&self.app, &self.model, &self.head, &address).await {
                Seen::List(page) => {
                    let before = found.pks.len();
                    for row in page.shown.rows(&self.model) {
                        let key = self.model.object(&row.pk);
                        if seen.insert(key.clone()) {
                            if let Some(label) = page.shown.label(&self.model, &row.pk) {
                                found.labels.insert(key.clone(), label.to_owned());
                            }
                            found.pks.push((key, row.pk));
                        }
                    }
                    // Django shows the last page for some numbers beyond it.
                    found.whole = found.pks.len() == before;
                    if found.whole || found.pks.len() > ROWS {
                        break;
                    }
                }
                Seen::End => {
                    found.whole = number > 1;
                    break;
                }
                Seen::Other | Seen::Nothing => break,
            }
        }
        found
    }
}

/// Asks for an address of the list as the person who posts.
pub(super) async fn list_at(app: &App, model: &Model, head: &Parts, address: &str) -> Seen {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = Method::GET;
    let Ok(uri) = address.parse() else {
        return Seen::Nothing;
    };
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    *headers = head.headers.clone();
    let scripted = HeaderName::from_static("x-requested-with");
    for name in [CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, EXPECT, ORIGIN, scripted] {
        headers.remove(name);
    }
    headers.insert(ACCEPT, HeaderValue::from_static("text/html"));
    ask_plainly(headers);
    // What it sets in cookies is the proxy's errand, and not for the browser.
    let Ok(answer) = app.upstream.send(request).await else {
        return Seen::Nothing;
    };
    if answer.status() == StatusCode::FOUND {
        return Seen::End;
    }
    if answer.status().is_client_error() {
        return Seen::Other;
    }
    let Some((encoding, Packing::Plain)) = readable(&answer) else {
        return Seen::Nothing;
    };
    let Ok(html) = collect(answer.into_body(), app.upstream.patience()).await else {
        return Seen::Nothing;
    };
    let page = rows::read(&app.themes, encoding, &place(app, model), &html);
    if page.shown.form { Seen::List(Box::new(page)) } else { Seen::Other }
}

pub(super) enum Seen {
    List(Box<ListPage>),
    /// Sent elsewhere: there is no such page of the list.
    End,
    /// Something, but no list.
    Other,
    /// Nothing that could be read.
    Nothing,
}

impl Seen {
    /// In doubt it is one.
    pub(super) fn may_be_list(&self) -> bool {
        matches!(self, Self::List(_) | Self::Nothing)
    }
}

/// The whole body; or what was read of it in that time, and the rest.
pub(super) async fn collect(mut body: Body, patience: Duration) -> Result<Bytes, (Bytes, Option<Body>)> {
    let mut read = BytesMut::new();
    let until = Instant::now() + patience;
    loop {
        let Ok(frame) = timeout_at(until, body.frame()).await else {
            return Err((read.freeze(), Some(body)));
        };
        let Some(frame) = frame else {
            return Ok(read.freeze());
        };
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => read.extend_from_slice(&data),
            Ok(Err(_)) => {}
            Err(_) => return Err((read.freeze(), None)),
        }
        if read.len() > LIMIT {
            return Err((read.freeze(), Some(body)));
        }
    }
}

/// Is this answer a page that can be looked into as a whole?
pub(super) fn is_page(answer: &Response<Body>) -> bool {
    matches!(readable(answer), Some((_, Packing::Plain)))
}

/// The same address with another page's number.
fn page_of(address: &str, number: usize) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let kept: Vec<&str> =
        query.split('&').filter(|p| !p.is_empty() && !p.starts_with("p=") && *p != "p").collect();
    let mut query = kept.join("&");
    // Without a number it is the first; Django counts from 1.
    if number > 1 {
        let and = if query.is_empty() { "" } else { "&" };
        query = format!("{query}{and}p={number}");
    }
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::page_of;

    #[test]
    fn pages_of_a_list() {
        assert_eq!(page_of("/a/", 1), "/a/");
        assert_eq!(page_of("/a/?p=3", 1), "/a/");
        assert_eq!(page_of("/a/?q=x&p=3&pk=1", 2), "/a/?q=x&pk=1&p=2");
        assert_eq!(page_of("/a/", 2), "/a/?p=2");
    }
}
