//! `check --through`: do WebSockets get through what stands in front of the running proxy?
//!
//! A handshake for a page that does not exist, and a first frame that is none: only collab-proxy closes with 4400 then.

use futures_util::{SinkExt, StreamExt};
use hyper::header::LOCATION;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::PATIENCE;
use super::report::Finding;
use crate::collab::protocol::Close;
use crate::config::Settings;
use crate::http::certificate;
use crate::http::connect::{Address, Connector};

/// The address that people open.
#[derive(Clone, Debug)]
pub(super) struct Outer {
    address: Address,
    /// `shop.example.org`, with the port if it is an odd one.
    host: String,
}

impl Outer {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wanted = "expected the address that people open, such as https://shop.example.org";
        let url = url::Url::parse(text).map_err(|_| wanted)?;
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")).ok_or(wanted)?;
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let address = Address::parse(&format!("{}://{host}", url.scheme()))?;
        Ok(Self { address, host })
    }

    pub(super) fn host(&self) -> String {
        self.host.clone()
    }

    pub(super) fn is_https(&self) -> bool {
        matches!(self.address, Address::Https { .. })
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn origin(&self) -> String {
        format!("{}://{}", if self.is_https() { "https" } else { "http" }, self.host)
    }
}

const WHAT: &str = "outer socket";
const UPGRADE: &str = "Let it pass WebSockets on below this path; in nginx:\n  proxy_http_version 1.1;\n  \
                       proxy_set_header Upgrade $http_upgrade;\n  proxy_set_header Connection \"upgrade\";";

pub(super) async fn finding(outer: &Outer, settings: &Settings) -> Finding {
    let path = format!("{}collab/check/0/", settings.own_prefix);
    let shown = format!("{}{path}", outer.origin());
    let told = match timeout(PATIENCE, shake(outer, &path)).await {
        Ok(told) => told,
        Err(_) => Told::Nothing(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    judged(&told, &shown, &settings.own_prefix)
}

/// How the handshake went.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    /// It never came to one.
    Nothing(String),
    /// Another answer than a switched protocol.
    Status(u16),
    /// This one: where to go instead.
    Sent(u16, String),
    /// A socket, closed with this code; None: in another way, or never.
    Closed(Option<u16>),
}

async fn shake(outer: &Outer, path: &str) -> Told {
    let connected = async {
        let connector = Connector::new(outer.address.clone(), None)?;
        connector.connect().await.map_err(|e| format!("it cannot be reached: {e}"))
    };
    let (stream, request) = match (connected.await, request(outer, path)) {
        (Ok(stream), Ok(request)) => (stream, request),
        (Err(why), _) | (_, Err(why)) => return Told::Nothing(why),
    };
    let mut socket = match tokio_tungstenite::client_async(request, stream).await {
        Ok((socket, _)) => socket,
        Err(Error::Http(answer)) => {
            let status = answer.status();
            let location = answer.headers().get(LOCATION).filter(|_| status.is_redirection());
            return match location {
                Some(to) => Told::Sent(status.as_u16(), String::from_utf8_lossy(to.as_bytes()).into_owned()),
                None => Told::Status(status.as_u16()),
            };
        }
        Err(error) => return Told::Nothing(error.to_string()),
    };
    let closed = async {
        socket.send(Message::text("check")).await.ok()?;
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(frame) = message {
                return frame.map(|f| f.code.into());
            }
        }
        None
    };
    Told::Closed(timeout(PATIENCE / 2, closed).await.unwrap_or(None))
}

fn request(outer: &Outer, path: &str) -> Result<Request, String> {
    let mut request =
        format!("ws://{}{path}", outer.host).into_client_request().map_err(|e| e.to_string())?;
    let origin = outer.origin().parse().map_err(|_| "this is no host name".to_owned())?;
    request.headers_mut().insert(hyper::header::ORIGIN, origin);
    Ok(request)
}

fn judged(told: &Told, shown: &str, own_prefix: &str) -> Finding {
    let fail = |found: String, advice: &str| Finding::fail(WHAT, format!("{shown}: {found}"), advice);
    match told {
        Told::Closed(Some(code)) if *code == Close::BadJoin.code() => {
            Finding::ok(WHAT, format!("WebSockets get through to {shown}"))
        }
        Told::Closed(Some(code)) => fail(
            format!("a WebSocket that is not collab-proxy's opened there (it closed with {code})"),
            &format!("Let what stands in front send {own_prefix} to collab-proxy."),
        ),
        Told::Closed(None) => fail(
            "the WebSocket opened, and no frames get through".to_owned(),
            "Let what stands in front pass WebSocket frames on as they come, without buffering or inspecting them.",
        ),
        Told::Nothing(why) => fail(why.clone(), not_reached(why)),
        Told::Status(426) => fail("the request arrived without its Upgrade header (426)".to_owned(), UPGRADE),
        Told::Status(status @ (400 | 200..=299)) => {
            fail(format!("it was answered as a plain request ({status})"), UPGRADE)
        }
        // Django's admin does so with all that it does not know.
        Told::Sent(status, to) if to.contains("login") => fail(
            format!("Django itself answers there, and asks to sign in ({status} to {to})"),
            &past(own_prefix),
        ),
        Told::Sent(status, to) => fail(
            format!("it is redirected ({status} to {to})"),
            "Give the address that people end up at, as browsers do not follow redirects of WebSockets.",
        ),
        Told::Status(403) => fail(
            "collab-proxy takes the page for another site's (403)".to_owned(),
            "Let what stands in front pass Host on as browsers send it; in nginx:\n  \
             proxy_set_header Host $http_host;",
        ),
        Told::Status(404) => fail("nothing is there (404)".to_owned(), &past(own_prefix)),
        Told::Status(status @ (502 | 504)) => fail(
            format!("what stands in front cannot reach collab-proxy ({status})"),
            "Start `collab-proxy serve`, and let what stands in front send people to where it listens.",
        ),
        Told::Status(503) => fail(
            "unavailable (503): what stands in front is, or collab-proxy cannot reach its locks".to_owned(),
            "Look at collab-proxy's log.",
        ),
        Told::Status(status) => fail(format!("it answers {status}"), UPGRADE),
    }
}

/// What to do where nothing of HTTP was heard.
pub(super) fn not_reached(why: &str) -> &'static str {
    match why.contains(certificate::REFUSED) {
        true if why.contains(certificate::IS_AUTHORITY) => {
            "Give the server a certificate that an authority has signed, or one of its own that is none:\n  \
             openssl req -x509 … -addext basicConstraints=critical,CA:FALSE"
        }
        true => {
            "Browsers say so too, unless they know its authority. If that is one of your own, name its certificate here:\n  \
             SSL_CERT_FILE=/path/to/ca.pem collab-proxy check …"
        }
        false => "Is what stands in front running, and reachable from this machine?",
    }
}

fn past(own_prefix: &str) -> String {
    format!(
        "Let what stands in front send {own_prefix} to collab-proxy, and nothing of the admin past it to Django."
    )
}

#[cfg(test)]
mod tests {
    use super::super::report::{Level, Report};
    use super::*;
    use crate::cli::snapshot::check;
    use crate::cli::style::Style;

    #[test]
    fn addresses_that_people_open() {
        for (text, host, origin) in [
            ("https://shop.example.org", "shop.example.org", "https://shop.example.org"),
            ("https://shop.example.org:443/admin/", "shop.example.org", "https://shop.example.org"),
            ("http://127.0.0.1:8080/", "127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "[::1]:8080", "http://[::1]:8080"),
        ] {
            let outer = Outer::parse(text).unwrap();
            assert_eq!((outer.host(), outer.origin()), (host.to_owned(), origin.to_owned()), "{text}");
        }
        for text in ["", "shop.example.org", "wss://shop", "unix:/run/x"] {
            assert!(Outer::parse(text).unwrap_err().starts_with("expected"), "{text}");
        }
    }

    #[test]
    fn every_end_of_a_handshake_has_its_advice() {
        let mut all = vec![
            Told::Closed(Some(4400)),
            Told::Closed(Some(1000)),
            Told::Closed(None),
            Told::Nothing("it cannot be reached: connection refused".to_owned()),
            Told::Nothing(format!("{}{}", certificate::REFUSED, certificate::IS_AUTHORITY)),
            Told::Nothing(format!(
                "it cannot be reached: {}no authority has signed it",
                certificate::REFUSED
            )),
        ];
        all.push(Told::Sent(301, "https://shop/".to_owned()));
        all.push(Told::Sent(302, "/admin/login/?next=/admin/x".to_owned()));
        all.extend([200, 400, 403, 404, 418, 426, 502, 503].map(Told::Status));
        let findings: Vec<Finding> =
            all.iter().map(|told| judged(told, "https://shop/admin/…", "/admin/collaboration/")).collect();
        assert!(findings.iter().skip(1).all(|f| f.level == Level::Fail && f.advice.is_some()));
        check("check-through", &Report::new(findings).text(Style::plain()));
    }
}
