//! A small HTTP client that tells when the first byte of an answer came, and when the last.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Error;

pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) first_byte: Duration,
    pub(crate) whole: Duration,
}

impl Client {
    /// One connection, kept alive.
    pub(crate) async fn connect(authority: &str) -> Result<Self, Error> {
        let stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, authority: authority.to_owned() })
    }

    pub(crate) async fn get(&mut self, path: &str, cookie: &str) -> Result<Answer, Error> {
        self.send(Method::GET, path, cookie, String::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, cookie: &str, form: String) -> Result<Answer, Error> {
        self.send(Method::POST, path, cookie, form).await
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        cookie: &str,
        form: String,
    ) -> Result<Answer, Error> {
        let mut request = Request::builder().method(&method).uri(path).header(HOST, &self.authority);
        if !cookie.is_empty() {
            request = request.header("cookie", cookie);
        }
        if method == Method::POST {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let request = request.body(Full::from(form))?;
        self.sender.ready().await?;
        let sent = Instant::now();
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let first_byte = sent.elapsed();
        let body = body.collect().await?.to_bytes();
        let whole = sent.elapsed();
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status: head.status, headers: head.headers, body, first_byte, whole })
    }
}

/// What stands between two marks.
pub(crate) fn between<'t>(text: &'t str, start: &str, end: &str) -> Result<&'t str, Error> {
    let (_, rest) = text.split_once(start).ok_or_else(|| format!("no {start:?} in the page"))?;
    let (found, _) = rest.split_once(end).ok_or_else(|| format!("no {end:?} in the page"))?;
    Ok(found)
}
