//! Django's session cookie: finding it, following it, and reading the one kind that can be read.
//!
//! Pure. The cookie's value never leaves this layer but as a keyed hash made by `token.rs`'s key.

use std::io::Read;

use hyper::header::{COOKIE, HeaderMap, SET_COOKIE};

/// The session cookie's value in a request: the last, as Django takes it (`http/cookie.py`, parse_cookie).
/// Parsed leniently: sites have odd cookies beside it.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(COOKIE)
        .iter()
        // Byte by byte: a cookie that is no ASCII must not hide the others.
        .flat_map(|v| v.as_bytes().split(|b| *b == b';'))
        .filter_map(|pair| std::str::from_utf8(pair).ok()?.split_once('='))
        .filter(|(n, _)| n.trim() == name)
        .map(|(_, v)| v.trim().trim_matches('"'))
        .next_back()
        .filter(|v| !v.is_empty())
}

/// What an answer does to the session cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Set(String),
    Deleted,
}

pub fn change(headers: &HeaderMap, name: &str) -> Option<Change> {
    headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|v| std::str::from_utf8(v.as_bytes()).ok())
        .filter_map(|v| v.split_once('='))
        .filter(|(n, _)| n.trim() == name)
        .map(|(_, rest)| {
            let mut parts = rest.split(';');
            let value = parts.next().unwrap_or_default().trim().trim_matches('"');
            let expired = parts.any(|p| p.trim().eq_ignore_ascii_case("max-age=0"));
            if value.is_empty() || expired { Change::Deleted } else { Change::Set(value.to_owned()) }
        })
        .next_back()
}

/// A session payload is small; more than this is not one.
const PAYLOAD_LIMIT: u64 = 64 * 1024;

/// The user id in a `signed_cookies` session: `[.]base64(json):timestamp:signature`, a leading dot meaning
/// zlib (`django/core/signing.py`). It proves nothing: Django still judges every request that carries it.
pub fn signed_user_id(cookie: &str) -> Option<String> {
    let mut parts = cookie.rsplitn(3, ':');
    let (_signature, _stamp, payload) = (parts.next()?, parts.next()?, parts.next()?);
    let (compressed, payload) = match payload.strip_prefix('.') {
        Some(rest) => (true, rest),
        None => (false, payload),
    };
    let mut bytes = base64_url(payload)?;
    if compressed {
        let mut out = Vec::new();
        let mut decoder = flate2::read::ZlibDecoder::new(bytes.as_slice()).take(PAYLOAD_LIMIT);
        decoder.read_to_end(&mut out).ok()?;
        bytes = out;
    }
    let payload: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    match payload.get("_auth_user_id")? {
        serde_json::Value::String(id) if !id.is_empty() => Some(id.clone()),
        serde_json::Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

fn base64_url(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn headers(name: hyper::header::HeaderName, values: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for v in values {
            map.append(name.clone(), HeaderValue::from_str(v).unwrap());
        }
        map
    }

    #[test]
    fn the_cookie_is_found_among_odd_ones() {
        let map = headers(COOKIE, &["a=1; =x; broken; sessionid2=no; sessionid=abc; csrftoken=t"]);
        assert_eq!(cookie(&map, "sessionid"), Some("abc"));
        assert_eq!(cookie(&map, "other"), None);
        let mut raw = HeaderMap::new();
        for bytes in [&b"sessionid=abc; pref=caf\xc3\xa9; odd=\xff\xfe"[..], b"more=\xe9"] {
            raw.append(COOKIE, HeaderValue::from_bytes(bytes).unwrap());
        }
        assert_eq!(cookie(&raw, "sessionid"), Some("abc"));
        assert_eq!(cookie(&headers(COOKIE, &["sessionid="]), "sessionid"), None);
        assert_eq!(cookie(&headers(COOKIE, &["x=1", "sessionid=\"q\""]), "sessionid"), Some("q"));
    }

    #[test]
    fn rotation_and_logout_are_seen() {
        let set = |v: &str| change(&headers(SET_COOKIE, &["csrftoken=x; Path=/", v]), "sessionid");
        assert_eq!(set("sessionid=new; HttpOnly; Path=/; SameSite=Lax"), Some(Change::Set("new".to_owned())));
        assert_eq!(
            set("sessionid=\"\"; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/"),
            Some(Change::Deleted)
        );
        assert_eq!(set("sessionid2=new"), None);
    }

    #[test]
    fn signed_payloads_are_read() {
        // Made by Django 5.2's signing.dumps({"_auth_user_id": "5", …}, compress=…).
        let plain = "eyJfYXV0aF91c2VyX2lkIjoiNSJ9:1tXabc:sig";
        assert_eq!(signed_user_id(plain).as_deref(), Some("5"));
        assert_eq!(signed_user_id("abcdefghijklmnopqrstuvwxyz012345"), None);
        assert_eq!(signed_user_id(".AAAA:1:2"), None);
        assert_eq!(signed_user_id("::"), None);
    }

    #[test]
    fn compressed_payloads_are_read_and_bounded() {
        use base64::Engine;
        use std::io::Write;
        let pack = |json: &str| {
            let mut z = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            z.write_all(json.as_bytes()).unwrap();
            let body = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(z.finish().unwrap());
            format!(".{body}:1tX:sig")
        };
        let json = format!("{{\"_auth_user_id\":\"7\",\"pad\":\"{}\"}}", "x".repeat(500));
        assert_eq!(signed_user_id(&pack(&json)).as_deref(), Some("7"));
        let bomb = format!("{{\"_auth_user_id\":\"7\",\"pad\":\"{}\"}}", "x".repeat(1_000_000));
        assert_eq!(signed_user_id(&pack(&bomb)), None);
    }
}
