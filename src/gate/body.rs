//! The body of a write: its first bytes are read before anything is decided, the rest streams.
//!
//! Small bodies are read whole, so that a slow sender pins nothing and the text can be given back whatever
//! happens to Django; large ones (uploads) stream in constant memory.

use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::{BoxFuture, Shared};
use futures_util::{FutureExt, Stream};
use http_body_util::BodyExt;
use hyper::body::Body as _;

use crate::django::form::{Encoding, Peek, Typed, find_token};
use crate::http::body::{Body, BodyError};

/// Read before the gate decides. Django's own limit for a form without files is 2.5 MB
/// (DATA_UPLOAD_MAX_MEMORY_SIZE); almost every form is far below this.
const READ_FIRST: usize = 1024 * 1024;
/// The token is the first field; further in it is not looked for.
const TOKEN_WITHIN: usize = 64 * 1024;
/// What is kept of a refused body's text.
const TEXT_LIMIT: usize = 16 * 1024 * 1024;
/// More than the head of any part that Django takes (MAX_TOTAL_HEADER_SIZE is 1,024 bytes).
const HEAD_LIMIT: usize = 64 * 1024;
/// What the parser is given at a time.
const SIP: usize = 16 * 1024;
/// What a part costs beside its text, so that a million empty ones are not free.
const PART_COST: usize = 64;

pub(super) struct Posted {
    read: VecDeque<Bytes>,
    /// None: all was read.
    rest: Option<Body>,
    pub(super) token: Option<String>,
    /// It broke off before its end, so it must not pass for a whole one.
    pub(super) broken: bool,
}

/// What was posted, for giving back what was typed.
#[derive(Clone)]
pub(super) enum Copy {
    /// The bytes that were read first; `whole`: all there are.
    Read { read: VecDeque<Bytes>, whole: bool },
    /// What is heard of a body on its way to Django: its text, without its files.
    Heard(Shared<BoxFuture<'static, Typed>>),
}

/// Reads what the gate needs, and the whole of a small body.
pub(super) async fn read(mut body: Body, encoding: &Encoding) -> Posted {
    let mut read = VecDeque::new();
    let mut length = 0;
    let (mut whole, mut broken) = (false, false);
    while length < READ_FIRST {
        match Pin::new(&mut body).frame().await {
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else {
                    continue;
                };
                length += data.len();
                read.push_back(data);
            }
            Some(Err(_)) => {
                broken = true;
                break;
            }
            None => {
                whole = true;
                break;
            }
        }
    }
    let mut head = Vec::new();
    for chunk in &read {
        head.extend_from_slice(&chunk[..chunk.len().min(TOKEN_WITHIN - head.len())]);
        if head.len() == TOKEN_WITHIN {
            break;
        }
    }
    let token = match find_token(encoding, &head, whole && head.len() == length) {
        Peek::Found(token) => Some(token),
        Peek::More | Peek::Absent => None,
    };
    Posted { read, rest: (!whole).then_some(body), token, broken }
}

impl Posted {
    /// Its sender decides how long it takes to arrive.
    pub(super) fn streams(&self) -> bool {
        self.rest.is_some()
    }

    pub(super) fn copy(&self) -> Copy {
        Copy::Read { read: self.read.clone(), whole: self.rest.is_none() }
    }

    /// The body for Django, and what was typed in it, however large it is.
    pub(super) fn split(self, encoding: &Encoding, passwords: &BTreeSet<String>) -> (Body, Copy) {
        if self.rest.is_none() {
            let copy = self.copy();
            return (self.into_body(), copy);
        }
        let (body, heard) = self.into_body().overheard();
        let (encoding, passwords) = (encoding.clone(), passwords.clone());
        let reading = tokio::spawn(async move { parse(heard, &encoding, &passwords).await });
        let typed = async { reading.await.unwrap_or_else(|_| Typed { cut: true, ..Typed::default() }) };
        (body, Copy::Heard(typed.boxed().shared()))
    }

    /// The body for Django, byte for byte.
    pub(super) fn into_body(self) -> Body {
        match self.rest {
            Some(rest) => Body::after(self.read, rest),
            None if self.read.len() == 1 => Body::bytes(self.read.into_iter().next().unwrap_or_default()),
            None => Body::after(self.read, Body::empty()),
        }
    }

    /// Everything that was typed; reads the rest of the body, keeping text and dropping files. To the end, since
    /// a browser shows no answer before it has sent everything.
    pub(super) async fn into_typed(self, encoding: &Encoding, passwords: &BTreeSet<String>) -> Typed {
        parse(self.into_body(), encoding, passwords).await
    }
}

impl Copy {
    pub(super) async fn typed(self, encoding: &Encoding, passwords: &BTreeSet<String>) -> Typed {
        match self {
            Self::Read { read, whole } => {
                let mut typed = parse(Body::after(read, Body::empty()), encoding, passwords).await;
                typed.cut |= !whole;
                typed
            }
            Self::Heard(typed) => typed.await,
        }
    }

    /// A field's value as Django takes it: the last.
    pub(super) async fn last(self, encoding: &Encoding, name: &str) -> Option<String> {
        let typed = self.typed(encoding, &BTreeSet::new()).await;
        typed.fields.into_iter().filter(|(n, _)| n == name).map(|(_, value)| value).next_back()
    }
}

async fn parse(body: Body, encoding: &Encoding, passwords: &BTreeSet<String>) -> Typed {
    match encoding {
        Encoding::UrlEncoded => urlencoded(body, passwords).await,
        Encoding::Multipart { boundary } => multipart(body, boundary, passwords).await.finish(),
        Encoding::Other => {
            drain(body).await;
            Typed::default()
        }
    }
}

async fn urlencoded(mut body: Body, passwords: &BTreeSet<String>) -> Typed {
    let mut bytes = Vec::new();
    let mut cut = false;
    while let Some(frame) = Pin::new(&mut body).frame().await {
        let Ok(frame) = frame else {
            cut = true;
            break;
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let fits = data.len().min(TEXT_LIMIT - bytes.len());
        bytes.extend_from_slice(&data[..fits]);
        cut |= fits < data.len();
    }
    let typed = Typed::urlencoded(&bytes, passwords);
    Typed { cut: cut || typed.cut, ..typed }
}

async fn drain(mut body: Body) {
    while let Some(Ok(_)) = Pin::new(&mut body).frame().await {}
}

async fn multipart(mut body: Body, boundary: &str, passwords: &BTreeSet<String>) -> Typed {
    let meal = Meal::default();
    let sips = Sips { body: &mut body, left: Bytes::new(), meal: &meal };
    let typed = parts(multer::Multipart::new(sips, boundary), &meal, passwords).await;
    // What is not read is sent all the same, before a browser looks at any answer.
    drain(body).await;
    typed
}

async fn parts(mut parts: multer::Multipart<'_>, meal: &Meal, passwords: &BTreeSet<String>) -> Typed {
    let mut typed = Typed::default();
    let mut left = TEXT_LIMIT;
    loop {
        let mut part = match fed(meal, |cx| parts.poll_next_field(cx)).await {
            Some(Ok(Some(part))) => part,
            Some(Ok(None)) => return typed,
            Some(Err(_)) | None => break,
        };
        let cost = PART_COST + part.name().map_or(0, str::len) + part.file_name().map_or(0, str::len);
        if cost > left {
            break;
        }
        left -= cost;
        let name = part.name().unwrap_or_default().to_owned();
        if let Some(file) = part.file_name().map(str::to_owned) {
            if !file.is_empty() {
                typed.files.push((name, file));
            }
            while let Some(Some(Ok(_))) = fed(meal, |cx| Pin::new(&mut part).poll_next(cx)).await {}
            continue;
        }
        let mut value = Vec::new();
        while let Some(Some(Ok(chunk))) = fed(meal, |cx| Pin::new(&mut part).poll_next(cx)).await {
            let fits = chunk.len().min(left);
            left -= fits;
            value.extend_from_slice(&chunk[..fits]);
        }
        typed.add(name, String::from_utf8_lossy(&value).into_owned(), passwords);
        typed.cut |= left == 0;
    }
    typed.cut = true;
    typed
}

/// Lets the parser make what it can of what it has, and only then gives it more: it keeps everything until something
/// comes of it, a part's head that never ends as well. None: nothing came of as much as the longest head.
async fn fed<T>(meal: &Meal, mut parse: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    meal.given.store(0, Ordering::Relaxed);
    let feed = |cx: &mut Context<'_>| loop {
        if let Poll::Ready(got) = parse(cx) {
            meal.hungry.store(false, Ordering::Relaxed);
            return Poll::Ready(Some(got));
        }
        // Still hungry: nothing has arrived yet, and the body wakes us.
        if meal.hungry.swap(true, Ordering::Relaxed) {
            return Poll::Pending;
        }
        if meal.given.load(Ordering::Relaxed) > HEAD_LIMIT {
            return Poll::Ready(None);
        }
    };
    poll_fn(feed).await
}

/// Between the parser and its body.
#[derive(Default)]
struct Meal {
    /// The parser has made of what it has all that it can.
    hungry: AtomicBool,
    /// Bytes that it was given since something came of them.
    given: AtomicUsize,
}

/// A body that gives no more than a sip, and only when it is asked for one.
struct Sips<'b> {
    body: &'b mut Body,
    left: Bytes,
    meal: &'b Meal,
}

impl Stream for Sips<'_> {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.meal.hungry.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        while self.left.is_empty() {
            match ready!(Pin::new(&mut *self.body).poll_frame(cx)) {
                Some(Ok(frame)) => self.left = frame.into_data().unwrap_or_default(),
                end => return Poll::Ready(end.map(|frame| frame.map(|_| Bytes::new()))),
            }
        }
        let sip = self.left.len().min(SIP);
        self.meal.hungry.store(false, Ordering::Relaxed);
        self.meal.given.fetch_add(sip, Ordering::Relaxed);
        Poll::Ready(Some(Ok(self.left.split_to(sip))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_cost_what_they_are() {
        let part = |head: &str| format!("--B\r\nContent-Disposition: form-data; {head}\r\n\r\n\r\n");
        let long = "n".repeat(40 * 1024);
        for head in [format!("name=\"f\"; filename=\"{long}\""), format!("name=\"{long}\"")] {
            let body = format!("{}--B--\r\n", part(&head).repeat(500));
            let typed = multipart(Body::bytes(Bytes::from(body)), "B", &BTreeSet::new()).await;
            let kept = typed.files.len() + typed.fields.len();
            assert!(typed.cut && (300..410).contains(&kept), "{kept} of 500 kept");
        }
        let body = format!("{}--B--\r\n", part("name=\"a\"").repeat(TEXT_LIMIT / PART_COST));
        let typed = multipart(Body::bytes(Bytes::from(body)), "B", &BTreeSet::new()).await;
        assert!(typed.cut && typed.fields.len() < TEXT_LIMIT / PART_COST);
    }

    /// multer keeps whatever it cannot make anything of yet.
    #[tokio::test]
    async fn a_head_without_an_end_is_not_kept() {
        let parts = |head: &str| {
            format!(
                "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B\r\n{head}\r\n\r\n\r\n--B--\r\n"
            )
        };
        let long = "n".repeat(1024 * 1024);
        for head in [format!("Content-Disposition: form-data; name=\"{long}\""), format!("X: {long}")] {
            let body = Body::bytes(Bytes::from(parts(&head)));
            let typed = multipart(body, "B", &BTreeSet::new()).await;
            assert!(typed.cut);
            assert_eq!(typed.fields, [("a".to_owned(), "1".to_owned())]);
        }
        let body = Body::bytes(Bytes::from(format!("{long}{}", parts("X: y"))));
        assert_eq!(multipart(body, "B", &BTreeSet::new()).await.fields, []);
    }

    /// However it arrives, it is the same form.
    #[tokio::test]
    async fn parts_are_read_from_any_pieces() {
        let text = "line\r\n--\r\n-B line\r".repeat(5_000);
        let body = format!(
            "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{text}\r\n--B\r\nContent-Disposition: form-data; \
             name=\"f\"; filename=\"x\"\r\n\r\n{text}\r\n--B\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n2\r\n--B--\r\nepilogue"
        );
        for size in [1, 7, 1_000, SIP, body.len()] {
            let pieces = body.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect();
            let body = Body::after(pieces, Body::empty());
            let typed = multipart(body, "B", &BTreeSet::new()).await;
            assert!(!typed.cut);
            assert_eq!(typed.fields, [("a".to_owned(), text.clone()), ("b".to_owned(), "2".to_owned())]);
            assert_eq!(typed.files, [("f".to_owned(), "x".to_owned())]);
        }
    }
}
