//! The WebSocket handshake for a page's own socket (RFC 6455, 4.2).
//!
//! A foreign Origin is refused here. Everything else is judged after the first frame, by a close code, since a
//! browser's script cannot see why a handshake was refused.

use hyper::header::{
    CONNECTION, HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Response, StatusCode};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::http::body::Body;
use crate::http::headers::{self, Peer};

/// Why a request is no handshake of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    pub status: StatusCode,
    pub why: &'static str,
}

fn refuse(status: StatusCode, why: &'static str) -> Refused {
    Refused { status, why }
}

/// Checks the request; gives the answer that opens the socket.
pub fn accept(method: &Method, request: &HeaderMap, peer: &Peer) -> Result<Response<Body>, Refused> {
    let websocket =
        headers::upgrade(request).is_some_and(|u| u.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if !websocket || method != Method::GET {
        return Err(refuse(StatusCode::UPGRADE_REQUIRED, "this address is for WebSockets"));
    }
    if request.get(SEC_WEBSOCKET_VERSION).is_none_or(|v| v != "13") {
        return Err(refuse(StatusCode::UPGRADE_REQUIRED, "only WebSocket version 13 is spoken here"));
    }
    let key = request.get(SEC_WEBSOCKET_KEY).filter(|k| k.len() == 24);
    let Some(key) = key else {
        return Err(refuse(StatusCode::BAD_REQUEST, "the handshake has no proper Sec-WebSocket-Key"));
    };
    if !is_own_origin(request, peer) {
        return Err(refuse(StatusCode::FORBIDDEN, "the page that asks is of another site"));
    }
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    Ok(answer)
}

/// Browsers always send `Origin` with a handshake; another site's page cannot forge it.
fn is_own_origin(request: &HeaderMap, peer: &Peer) -> bool {
    let Some(origin) = request.get(ORIGIN).and_then(|o| o.to_str().ok()) else {
        return false;
    };
    let Some(own) = headers::public_origin(request, peer) else {
        return false;
    };
    let (Ok(origin), Ok(own)) = (url::Url::parse(origin), url::Url::parse(&own)) else {
        return false;
    };
    // Without X-Forwarded-Proto an outer proxy's https is not known here, so the scheme cannot be held to it;
    // its default port then stands for none.
    let port = |u: &url::Url| u.port_or_known_default().filter(|p| !matches!(p, 80 | 443));
    origin.host_str() == own.host_str() && port(&origin) == port(&own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        let all = [
            ("host", "site:8080"),
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("origin", "http://site:8080"),
        ];
        for (name, value) in all.iter().chain(pairs) {
            let name = hyper::header::HeaderName::try_from(*name).unwrap();
            if value.is_empty() {
                map.remove(name);
            } else {
                map.insert(name, HeaderValue::from_str(value).unwrap());
            }
        }
        map
    }

    fn status(pairs: &[(&str, &str)]) -> u16 {
        let peer = Peer { ip: None, trusted: true };
        match accept(&Method::GET, &request(pairs), &peer) {
            Ok(answer) => answer.status().as_u16(),
            Err(refused) => refused.status.as_u16(),
        }
    }

    #[test]
    fn the_sample_of_the_rfc() {
        let peer = Peer { ip: None, trusted: true };
        let answer = accept(&Method::GET, &request(&[]), &peer).unwrap();
        assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn only_own_pages_get_in() {
        for (pairs, want) in [
            (&[][..], 101),
            (&[("origin", "")], 403),
            (&[("origin", "http://evil:8080")], 403),
            (&[("origin", "http://site:9090")], 403),
            (&[("origin", "null")], 403),
            (&[("host", "site"), ("origin", "https://site")], 101),
            (&[("x-forwarded-host", "public"), ("origin", "https://public")], 101),
            (&[("upgrade", "")], 426),
            (&[("sec-websocket-version", "8")], 426),
            (&[("sec-websocket-key", "short")], 400),
        ] {
            assert_eq!(status(pairs), want, "{pairs:?}");
        }
    }
}
