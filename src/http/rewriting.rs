//! A page on its way from Django to the browser, through the rewriter.
//!
//! Owns decompression and the end of the page; what is read and put in is `django::page`'s.

use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::body::{Body, BodyError};
use crate::django::page::{Learned, Page};

/// A page that unpacks to more than this is an attack or a mistake.
const UNPACKED_LIMIT: u64 = 256 * 1024 * 1024;

/// How Django packed the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
}

impl Packing {
    /// None: packed in a way that is left alone.
    pub fn of(content_encoding: Option<&str>) -> Option<Self> {
        match content_encoding.map(str::trim) {
            None | Some("" | "identity") => Some(Self::Plain),
            Some(gzip) if gzip.eq_ignore_ascii_case("gzip") || gzip.eq_ignore_ascii_case("x-gzip") => {
                Some(Self::Gzip)
            }
            Some(_) => None,
        }
    }
}

/// Called once with what the page said of itself.
pub type Done = Box<dyn FnOnce(Learned) + Send>;

pub struct Rewriting {
    /// None when it has ended.
    body: Option<Body>,
    page: Page,
    unpack: Option<flate2::write::MultiGzDecoder<Vec<u8>>>,
    unpacked: u64,
    /// Only read: the bytes pass as they came.
    tap: bool,
    done: Option<Done>,
}

impl Rewriting {
    pub fn new(body: Body, page: Page, packing: Packing, tap: bool, done: Done) -> Self {
        let unpack = (packing == Packing::Gzip).then(|| flate2::write::MultiGzDecoder::new(Vec::new()));
        Self { body: Some(body), page, unpack, unpacked: 0, tap, done: Some(done) }
    }

    pub fn learned(&self) -> Learned {
        self.page.learned()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(body) if self.tap => body.size_hint(),
            _ => SizeHint::default(),
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            let Some(body) = self.body.as_mut() else {
                return Poll::Ready(None);
            };
            let out = match ready!(Pin::new(body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) => {
                        let out = self.chunk(chunk)?;
                        self.end_early()?;
                        out
                    }
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Some(Err(e)) => {
                    self.body = None;
                    return Poll::Ready(Some(Err(e)));
                }
                None => {
                    self.body = None;
                    self.last()?
                }
            };
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(out))));
            }
        }
    }

    fn chunk(&mut self, chunk: Bytes) -> Result<Bytes, BodyError> {
        let Some(unpack) = self.unpack.as_mut() else {
            let out = self.page.write(&chunk);
            return Ok(if self.tap { chunk } else { out.into() });
        };
        unpack.write_all(&chunk)?;
        let plain = std::mem::take(unpack.get_mut());
        self.unpacked += plain.len() as u64;
        if self.unpacked > UNPACKED_LIMIT {
            return Err("the page unpacks to more than 256 MiB".into());
        }
        Ok(self.page.write(&plain).into())
    }

    /// A page that is only read keeps its Content-Length; once that is reached hyper asks no further.
    fn end_early(&mut self) -> Result<(), BodyError> {
        if self.tap && self.body.as_ref().is_some_and(HttpBody::is_end_stream) {
            self.body = None;
            self.last()?;
        }
        Ok(())
    }

    fn last(&mut self) -> Result<Bytes, BodyError> {
        let mut out = Vec::new();
        if let Some(mut unpack) = self.unpack.take() {
            unpack.try_finish()?;
            let plain = std::mem::take(unpack.get_mut());
            out = self.page.write(&plain);
        }
        out.extend(self.page.end());
        if let Some(done) = self.done.take() {
            done(self.page.learned());
        }
        Ok(if self.tap { Bytes::new() } else { out.into() })
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::assets::THEMES;
    use crate::django::page::encoding_of;
    use crate::django::theme::Themes;

    #[tokio::test]
    async fn a_page_of_known_length_has_told_its_name_with_its_last_frame() {
        let (to, told) = tokio::sync::oneshot::channel();
        let done: Done = Box::new(move |learned| to.send(learned.name).unwrap());
        let page = Page::new(&Themes::parse(THEMES).unwrap(), encoding_of("text/html").unwrap(), None);
        let html = "<div id=\"user-tools\"><strong>Ada</strong></div>";
        let tap = Rewriting::new(Body::bytes(html), page, Packing::Plain, true, done);
        let mut body = Body::Page(Box::new(tap));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), html);
        assert_eq!(told.await.unwrap().as_deref(), Some("Ada"));
    }
}
