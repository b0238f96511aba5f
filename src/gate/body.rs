//! The body of a write: its first bytes are read before anything is decided, the rest streams.
//!
//! Small bodies are read whole, so that a slow sender pins nothing and the text can be given back whatever
//! happens to Django; large ones (uploads) stream in constant memory.

use std::collections::{BTreeSet, VecDeque};
use std::pin::Pin;

use bytes::Bytes;
use http_body_util::BodyExt;

use crate::django::form::{Encoding, Peek, Typed, find_token};
use crate::http::body::Body;

/// Read before the gate decides. Django's own limit for a form without files is 2.5 MB
/// (DATA_UPLOAD_MAX_MEMORY_SIZE); almost every form is far below this.
const READ_FIRST: usize = 1024 * 1024;
/// The token is the first field; further in it is not looked for.
const TOKEN_WITHIN: usize = 64 * 1024;
/// What is kept of a refused body's text.
const TEXT_LIMIT: usize = 16 * 1024 * 1024;
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

/// The bytes that were read, for giving back what was typed.
#[derive(Clone)]
pub(super) struct Copy {
    read: VecDeque<Bytes>,
    whole: bool,
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
    pub(super) fn copy(&self) -> Copy {
        Copy { read: self.read.clone(), whole: self.rest.is_none() }
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
        let body = Body::after(self.read, Body::empty());
        let mut typed = parse(body, encoding, passwords).await;
        typed.cut |= !self.whole;
        typed
    }

    /// The button that makes a new object of what was typed.
    pub(super) async fn is_save_as_new(&self, encoding: &Encoding) -> bool {
        let typed = self.clone().typed(encoding, &BTreeSet::new()).await;
        typed.fields.iter().any(|(name, _)| name == "_saveasnew")
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

async fn multipart(body: Body, boundary: &str, passwords: &BTreeSet<String>) -> Typed {
    let mut typed = Typed::default();
    let mut left = TEXT_LIMIT;
    let mut parts = multer::Multipart::new(body.into_data_stream(), boundary);
    loop {
        let mut part = match parts.next_field().await {
            Ok(Some(part)) => part,
            Ok(None) => return typed,
            Err(_) => break,
        };
        let cost = PART_COST + part.name().map_or(0, str::len) + part.file_name().map_or(0, str::len);
        if cost > left {
            drop(part);
            while let Ok(Some(_)) = parts.next_field().await {}
            break;
        }
        left -= cost;
        let name = part.name().unwrap_or_default().to_owned();
        if let Some(file) = part.file_name().map(str::to_owned) {
            if !file.is_empty() {
                typed.files.push((name, file));
            }
            while let Ok(Some(_)) = part.chunk().await {}
            continue;
        }
        let mut value = Vec::new();
        while let Ok(Some(chunk)) = part.chunk().await {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_cost_what_they_are() {
        let part = |head: &str| format!("--B\r\nContent-Disposition: form-data; {head}\r\n\r\n\r\n");
        let long = "n".repeat(1024 * 1024);
        for head in [format!("name=\"f\"; filename=\"{long}\""), format!("name=\"{long}\"")] {
            let body = format!("{}--B--\r\n", part(&head).repeat(20));
            let typed = multipart(Body::bytes(Bytes::from(body)), "B", &BTreeSet::new()).await;
            let kept = typed.files.len() + typed.fields.len();
            assert!(typed.cut && (10..=16).contains(&kept), "{kept} of 20 kept");
        }
        let body = format!("{}--B--\r\n", part("name=\"a\"").repeat(TEXT_LIMIT / PART_COST));
        let typed = multipart(Body::bytes(Bytes::from(body)), "B", &BTreeSet::new()).await;
        assert!(typed.cut && typed.fields.len() < TEXT_LIMIT / PART_COST);
    }
}
