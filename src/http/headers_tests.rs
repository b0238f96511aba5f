//! What goes on to Django and back, and what never does.

use super::*;

fn map(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}

fn status(pairs: &[(&str, &str)]) -> u16 {
    match check(&Method::GET, &Uri::from_static("/"), Version::HTTP_11, &map(pairs)) {
        Ok(()) => 200,
        Err(refused) => refused.status,
    }
}

const TRUSTED: Peer = Peer { ip: Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)), trusted: true };

#[test]
fn odd_requests_are_refused() {
    for (pairs, want) in [
        (&[("host", "a")][..], 200),
        (&[("host", "a.b_c-d:80")], 200),
        (&[("host", "[::1]:80")], 200),
        (&[], 400),
        (&[("host", "")], 400),
        (&[("host", "a b")], 400),
        (&[("host", "a:8x")], 400),
        (&[("host", "a/b")], 400),
        (&[("host", "a"), ("host", "b")], 400),
        (&[("host", "a"), ("transfer-encoding", "chunked")], 200),
        (&[("host", "a"), ("transfer-encoding", "gzip, chunked")], 501),
        (&[("host", "a"), ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], 400),
        (&[("host", "a"), ("transfer-encoding", "chunked"), ("content-length", "3")], 400),
    ] {
        assert_eq!(status(pairs), want, "{pairs:?}");
    }
    let head = map(&[("host", "a")]);
    for method in [Method::CONNECT, Method::TRACE] {
        let refused = check(&method, &Uri::from_static("/"), Version::HTTP_11, &head).unwrap_err();
        assert_eq!(refused.status, 405);
    }
    assert!(check(&Method::GET, &Uri::from_static("/"), Version::HTTP_10, &map(&[])).is_ok());
}

#[test]
fn hop_by_hop_headers_end_here() {
    let mut headers = map(&[
        ("host", "a"),
        ("connection", "x-mine, cookie, X-Forwarded-For, close"),
        ("x-mine", "1"),
        ("cookie", "c=1"),
        ("keep-alive", "5"),
        ("proxy-authorization", "x"),
        ("te", "gzip"),
        ("upgrade", "h2c"),
        ("http2-settings", "x"),
        ("expect", "100-continue"),
        ("x_forwarded_for", "6.6.6.6"),
        ("remote_user", "root"),
    ]);
    to_upstream(&mut headers, &TRUSTED, None);
    let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    left.sort_unstable();
    assert_eq!(left, ["cookie", "host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]);
}

#[test]
fn claims_are_believed_from_trusted_peers_only() {
    let sent = [
        ("host", "a"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", "9.9.9.9"),
        ("x-real-ip", "8.8.8.8"),
    ];
    let mut headers = map(&sent);
    to_upstream(&mut headers, &TRUSTED, None);
    assert_eq!(headers["x-forwarded-proto"], "https");
    assert_eq!(headers["x-forwarded-for"], "9.9.9.9, 127.0.0.1");
    assert_eq!(headers["x-real-ip"], "8.8.8.8");

    let stranger = Peer { trusted: false, ip: Some("10.1.2.3".parse().unwrap()) };
    let mut headers = map(&sent);
    to_upstream(&mut headers, &stranger, None);
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert_eq!(headers["x-forwarded-for"], "10.1.2.3");
    assert_eq!(headers["x-forwarded-host"], "a");
    assert!(!headers.contains_key("x-real-ip"));
    assert_eq!(public_origin(&map(&sent), &TRUSTED).unwrap(), "https://a");
    assert_eq!(public_origin(&map(&sent), &stranger).unwrap(), "http://a");
}

#[test]
fn trailers_are_asked_for_on() {
    let mut headers = map(&[("host", "a"), ("te", "trailers, deflate")]);
    to_upstream(&mut headers, &TRUSTED, Some("b:1"));
    assert_eq!(headers["te"], "trailers");
    assert_eq!(headers["host"], "b:1");
}

#[test]
fn only_real_upgrades_are_tunnelled() {
    assert!(upgrade(&map(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")])).is_some());
    assert!(upgrade(&map(&[("upgrade", "websocket")])).is_none());
    assert!(upgrade(&map(&[("connection", "upgrade"), ("upgrade", "H2C")])).is_none());
}
