//! One name for a request in every log: the outer proxy's if it is to be believed, else one of our own.
//!
//! It stands in the request's own headers from the beginning, so that whoever has those has it: Django, the pages that
//! say what went wrong, the audit trail.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::headers::Peer;
use crate::ids;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const LONGEST: usize = 64;

/// Sees to it that the request has one, and only one; gives it.
pub fn settle(headers: &mut HeaderMap, peer: &Peer) -> HeaderValue {
    let mut sent = headers.get_all(REQUEST_ID).iter();
    if let (true, Some(id), None) = (peer.trusted, sent.next(), sent.next())
        && is_fit(id.as_bytes())
    {
        return id.clone();
    }
    let own = HeaderValue::try_from(ids::request()).unwrap_or(HeaderValue::from_static("none"));
    headers.insert(REQUEST_ID, own.clone());
    own
}

/// The one that [`settle`] has put there.
pub fn of(headers: &HeaderMap) -> &str {
    text(headers.get(REQUEST_ID))
}

/// The same of a request whose headers are gone.
pub fn text(id: Option<&HeaderValue>) -> &str {
    id.and_then(|id| id.to_str().ok()).unwrap_or_default()
}

/// Can it stand in a log, a page and a header, as it is?
fn is_fit(id: &[u8]) -> bool {
    (1..=LONGEST).contains(&id.len())
        && id.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fit_ones_of_trusted_peers_are_taken_over() {
        let longest = "x".repeat(64);
        let too_long = "x".repeat(65);
        for (sent, trusted, taken) in [
            (&["a.B_9-"][..], true, true),
            (&[&*longest], true, true),
            (&[&*too_long], true, false),
            (&["a.B_9-"], false, false),
            (&["a", "a"], true, false),
            (&[""], true, false),
            (&["a b"], true, false),
            (&["<b>"], true, false),
            (&["a\tb"], true, false),
            (&["é"], true, false),
            (&[], true, false),
        ] {
            let mut headers = HeaderMap::new();
            for id in sent {
                headers.append(REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).unwrap());
            }
            let id = settle(&mut headers, &Peer { ip: None, trusted });
            assert_eq!(sent.iter().any(|s| id == *s), taken, "{sent:?}");
            assert!(is_fit(id.as_bytes()), "{id:?}");
            assert_eq!(headers.get_all(REQUEST_ID).iter().collect::<Vec<_>>(), [&id]);
            assert_eq!(of(&headers), id.to_str().unwrap());
        }
    }

    #[test]
    fn no_two_are_the_same() {
        let some: std::collections::BTreeSet<String> = (0..100).map(|_| ids::request()).collect();
        assert_eq!(some.len(), 100);
    }
}
