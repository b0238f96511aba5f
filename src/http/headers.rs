//! Which headers cross the proxy, and which requests are refused before anybody else reads them.
//!
//! Pure: header maps in, header maps out. Rules: RFC 9110 7.6 (hop-by-hop), RFC 9112 3.2 and 6.1 (Host,
//! framing), and WSGI's folding of `-` and `_` (PEP 3333), which makes `X_Forwarded_For` a forgery.

use std::net::IpAddr;

use hyper::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use hyper::{Method, Uri, Version};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Set by proxies and believed by Django's settings; from a stranger they are lies.
const CLAIMS: &[&str] = &[
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-forwarded-scheme",
    "x-real-ip",
    "x-scheme",
];

/// Meant for the next hop only, whether `Connection` names them or not.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authorization"),
    HeaderName::from_static("proxy-authenticate"),
    TE,
    UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// Who sent the request, as far as the connection tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// None for a unix socket.
    pub ip: Option<IpAddr>,
    /// Its `X-Forwarded-*` are believed.
    pub trusted: bool,
}

/// A request that goes no further: the status, and a sentence for the log and the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    pub status: u16,
    pub why: &'static str,
}

const fn bad(why: &'static str) -> Refused {
    Refused { status: 400, why }
}

/// Checks what hyper's parser lets through but a proxy must not pass on.
pub fn check(method: &Method, uri: &Uri, version: Version, headers: &HeaderMap) -> Result<(), Refused> {
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(Refused { status: 405, why: "CONNECT and TRACE are not served here" });
    }
    // Methods are case-sensitive (RFC 9110, 9.1), but Django makes capitals of them (WSGIRequest, ASGIRequest): to us
    // a `post` would be no write, and to Django it would.
    if method.as_str().bytes().any(|b| b.is_ascii_lowercase()) {
        return Err(bad("the method is not written in capitals"));
    }
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host) => {}
        (Some(_), None) => {
            return Err(bad("the Host header is not a host name with an optional port"));
        }
        (Some(_), Some(_)) => return Err(bad("more than one Host header")),
        (None, _) if version == Version::HTTP_10 => {}
        (None, _) => return Err(bad("no Host header")),
    }
    if uri.authority().is_some() && uri.scheme().is_none() {
        return Err(bad("the request target is neither a path nor an absolute URL"));
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => {}
        (Some(te), None) if te.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => {
            if headers.contains_key(CONTENT_LENGTH) {
                return Err(bad("both Content-Length and Transfer-Encoding"));
            }
        }
        (Some(_), None) => {
            return Err(Refused { status: 501, why: "a Transfer-Encoding other than chunked" });
        }
        (Some(_), Some(_)) => return Err(bad("more than one Transfer-Encoding header")),
    }
    Ok(())
}

fn is_host(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    let name = match bytes.iter().rposition(|&b| b == b':') {
        Some(at) if !bytes[at..].contains(&b']') => {
            if !bytes[at + 1..].iter().all(u8::is_ascii_digit) {
                return false;
            }
            &bytes[..at]
        }
        _ => bytes,
    };
    let inner = name.strip_prefix(b"[").and_then(|n| n.strip_suffix(b"]"));
    match inner {
        Some(v6) => !v6.is_empty() && v6.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.')),
        None => {
            !name.is_empty()
                && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        }
    }
}

/// The protocol a request or an answer switches to, if it may be tunnelled. `h2c` never: behind its 101 every
/// further request would pass the gate unseen.
pub fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let wanted = headers.get(UPGRADE)?;
    let named = lists(headers, &CONNECTION, "upgrade");
    let h2c = wanted.to_str().is_ok_and(|v| v.to_ascii_lowercase().contains("h2c"));
    (named && !h2c).then(|| wanted.clone())
}

/// Does a comma-separated header name `token`?
pub fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .any(|t| t.trim().eq_ignore_ascii_case(token))
}

/// Takes out what is meant for one hop only. `Connection` may name any header; the ones that Django decides
/// by are not its to remove.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if let Some(connection) = headers.get(CONNECTION) {
        let plain = ["keep-alive", "close", "upgrade"];
        let simple = connection.to_str().is_ok_and(|v| plain.iter().any(|p| v.eq_ignore_ascii_case(p)));
        if !simple || headers.get_all(CONNECTION).iter().count() > 1 {
            strip_named_by_connection(headers);
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(&name);
    }
}

fn strip_named_by_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .filter_map(|t| HeaderName::try_from(t.trim()).ok())
        .collect();
    for name in named {
        let text = name.as_str();
        let keep = matches!(
            text,
            "host"
                | "cookie"
                | "authorization"
                | "content-length"
                | "content-type"
                | "transfer-encoding"
                | "origin"
        ) || CLAIMS.contains(&text);
        if !keep {
            headers.remove(&name);
        }
    }
}

/// Makes a client's headers ready for Django. `authority` is the target's own, when the request line held an
/// absolute URL: it then stands for Host (RFC 9112 3.2.2).
pub fn to_upstream(headers: &mut HeaderMap, peer: &Peer, authority: Option<&str>) {
    let wants_trailers = lists(headers, &TE, "trailers");
    strip_hop_by_hop(headers);
    // We answer 100 ourselves, once the gate has decided; Django's server must not wait for it again.
    headers.remove(EXPECT);
    if headers.keys().any(|name| name.as_str().contains('_')) {
        let folded: Vec<HeaderName> = headers.keys().filter(|n| n.as_str().contains('_')).cloned().collect();
        for name in folded {
            headers.remove(&name);
        }
    }
    if let Some(host) = authority.and_then(|a| HeaderValue::from_str(a).ok()) {
        headers.insert(HOST, host);
    }
    if wants_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    add_claims(headers, peer);
}

fn add_claims(headers: &mut HeaderMap, peer: &Peer) {
    if !peer.trusted {
        for name in CLAIMS {
            headers.remove(*name);
        }
    }
    if let Some(ip) = peer.ip {
        let own = match headers.get_all(FORWARDED_FOR).iter().next() {
            None => ip.to_string(),
            Some(_) => {
                let chain: Vec<&str> =
                    headers.get_all(FORWARDED_FOR).iter().filter_map(|v| v.to_str().ok()).collect();
                format!("{}, {ip}", chain.join(", "))
            }
        };
        if let Ok(value) = HeaderValue::try_from(own) {
            headers.insert(FORWARDED_FOR, value);
        }
    }
    if !headers.contains_key(FORWARDED_PROTO) {
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    }
    if !headers.contains_key(FORWARDED_HOST)
        && let Some(host) = headers.get(HOST).cloned()
    {
        headers.insert(FORWARDED_HOST, host);
    }
}

/// Makes Django's headers ready for the client.
pub fn to_client(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    if !headers.contains_key(TRAILER) {
        headers.remove(TRANSFER_ENCODING);
    }
}

/// The scheme and host a browser used, for checking an `Origin`.
pub fn public_origin(headers: &HeaderMap, peer: &Peer) -> Option<String> {
    let claim = |name: &HeaderName| {
        let value = headers.get(name).filter(|_| peer.trusted)?.to_str().ok()?;
        // With several proxies the first entry is the one nearest to the browser.
        value.split(',').next().map(|v| v.trim().to_owned())
    };
    let scheme = claim(&FORWARDED_PROTO).unwrap_or_else(|| "http".to_owned());
    let host = claim(&FORWARDED_HOST).or_else(|| headers.get(HOST)?.to_str().ok().map(str::to_owned))?;
    Some(format!("{scheme}://{host}"))
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
