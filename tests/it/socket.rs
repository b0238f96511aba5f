//! A page's socket, by raw WebSocket: who gets in, what everybody is told, and how the odd ones are treated.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use hyper::Response;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::upstream::{Front, Upstream, full, html_of};

pub(crate) const CHANGE: &str = "/admin/shop/product/3/change/";

/// A Django with one object: a form for who may edit (any session but `viewer…`), a save that redirects.
pub(crate) async fn django() -> Upstream {
    Upstream::start(|request| async move {
        let cookie = request.headers().get("cookie").map_or("", |c| c.to_str().unwrap()).to_owned();
        let post = request.method() == "POST";
        let path = request.uri().path().to_owned();
        let sent =
            request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let html = Response::builder().header("content-type", "text/html; charset=utf-8");
        if post && sent.windows(5).any(|w| w == b"error") {
            return html.body(full(form(&cookie))).unwrap();
        }
        if post {
            let to = if sent.windows(9).any(|w| w == b"_continue") {
                path.as_str()
            } else {
                "/admin/shop/product/"
            };
            return Response::builder().status(302).header("location", to).body(full("")).unwrap();
        }
        html.body(full(form(&cookie))).unwrap()
    })
    .await
}

/// That Django, and the proxy before it.
pub(crate) async fn site(settings: &str) -> (Upstream, Front) {
    let upstream = django().await;
    let front = Front::start(&upstream.url(), settings).await;
    (upstream, front)
}

fn form(cookie: &str) -> String {
    let name = cookie.rsplit('=').next().unwrap_or("nobody");
    // Django shows some people fewer fields than others.
    let category = if name.starts_with("junior") { "" } else { "<select name=\"category\"></select>" };
    let save = if name.starts_with("viewer") { "" } else { "<input type=\"submit\" name=\"_save\">" };
    format!(
        "<html><body><div id=\"user-tools\"><strong>{name}</strong></div>\
         <form id=\"product_form\" method=\"post\" novalidate><input name=\"name\">{category}\
         <input type=\"checkbox\" name=\"published\"><textarea name=\"description\"></textarea>\
         <input type=\"password\" name=\"pin\"><input type=\"hidden\" name=\"kept\">\
         <input name=\"parts-__prefix__-size\">{save}</form></body></html>"
    )
}

/// A page that was opened: its configuration as the widget reads it, and its hidden token.
pub(crate) struct Opened {
    pub(crate) config: Value,
    pub(crate) field: String,
    pub(crate) cookie: String,
}

pub(crate) async fn open(front: &Front, who: &str) -> Opened {
    open_at(front, who, CHANGE).await
}

pub(crate) async fn open_at(front: &Front, who: &str, path: &str) -> Opened {
    let cookie = format!("sessionid={who}");
    let html = html_of(&front.get(path, &format!("Cookie: {cookie}\r\n")).await);
    let between = |start: &str, end: &str| {
        let at = html.find(start).unwrap_or_else(|| panic!("no {start} in {html}")) + start.len();
        html[at..at + html[at..].find(end).unwrap()].to_owned()
    };
    let config = serde_json::from_str(&between("id=\"collab-config\">", "</script>")).unwrap();
    Opened { config, field: between("name=\"_collab\" value=\"", "\""), cookie }
}

pub(crate) struct Page {
    pub(crate) socket: WebSocketStream<TcpStream>,
}

pub(crate) async fn handshake(
    front: &Front,
    path: &str,
    cookie: &str,
    origin: &str,
) -> Result<Page, tungstenite::Error> {
    let mut request = format!("ws://{}{path}", front.address).into_client_request()?;
    request.headers_mut().insert("cookie", cookie.parse().unwrap());
    if !origin.is_empty() {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    let stream = front.connect().await;
    let (socket, _) = tokio_tungstenite::client_async(request, stream).await?;
    Ok(Page { socket })
}

impl Page {
    /// Connects as the widget of `opened` does.
    pub(crate) async fn connect(front: &Front, opened: &Opened) -> Self {
        let path = opened.config["socket"].as_str().unwrap();
        handshake(front, path, &opened.cookie, &format!("http://{}", front.address)).await.unwrap()
    }

    /// Opens the page and joins.
    pub(crate) async fn join(front: &Front, who: &str) -> Self {
        Self::join_with(front, &open(front, who).await).await
    }

    pub(crate) async fn join_with(front: &Front, opened: &Opened) -> Self {
        let mut page = Self::connect(front, opened).await;
        page.send(&serde_json::json!({"type": "join", "token": opened.config["token"]}).to_string()).await;
        page.next("welcome").await;
        page
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    async fn frame(&mut self) -> Message {
        self.socket.next().await.expect("the socket ended").expect("the socket broke")
    }

    /// The first frame for which `look` gives something; all that came before is shown if none does.
    async fn find<T>(&mut self, what: &str, look: impl Fn(&Message) -> Option<T>) -> T {
        let mut passed = Vec::new();
        let finding = async {
            loop {
                let frame = self.frame().await;
                match look(&frame) {
                    Some(found) => return found,
                    None => passed.push(frame.to_string()),
                }
            }
        };
        match tokio::time::timeout(Duration::from_secs(10), finding).await {
            Ok(found) => found,
            Err(_) => panic!("{what} did not come, but\n{}", passed.join("\n")),
        }
    }

    /// The next frame of this type; others before it are passed over.
    pub(crate) async fn next(&mut self, kind: &str) -> Value {
        self.find(kind, |frame| json(frame).filter(|v| v["type"] == kind)).await
    }

    /// The next state of what is typed that is told as a whole.
    pub(crate) async fn find_whole(&mut self) -> Value {
        let whole = |v: &Value| v["type"] == "field_changed" && v["whole"] == true;
        self.find("everything that is typed", |frame| json(frame).filter(&whole)).await
    }

    /// The next status for which `field` is `wanted`.
    pub(crate) async fn status(&mut self, field: &str, wanted: impl Into<Value>) -> Value {
        let wanted = wanted.into();
        let is_it = |v: &Value| v["type"] == "editor_status" && v[field] == wanted;
        self.find(&format!("a status with {field} = {wanted}"), |frame| json(frame).filter(&is_it)).await
    }

    pub(crate) async fn close_code(&mut self) -> u16 {
        let code = |frame: &Message| match frame {
            Message::Close(Some(close)) => Some(close.code.into()),
            _ => None,
        };
        self.find("a close", code).await
    }
}

fn json(frame: &Message) -> Option<Value> {
    match frame {
        Message::Text(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

#[tokio::test]
async fn the_first_edits_the_next_waits_and_follows() {
    let upstream = django().await;
    let front = Front::start(&upstream.url(), "[lock]\ngrace = \"100 ms\"\n").await;
    let mut ada = Page::join(&front, "ada").await;
    let status = ada.next("editor_status").await;
    assert_eq!((status["you"].as_str(), status["editor"]["name"].as_str()), (Some("editor"), Some("ada")));
    let mut bob = Page::join(&front, "bob").await;
    let status = bob.next("editor_status").await;
    assert_eq!((status["you"].as_str(), status["position"].as_u64()), (Some("waiting"), Some(1)));
    assert_eq!(status["editor"]["name"], "ada");
    let mut vic = Page::join(&front, "viewer-vic").await;
    assert_eq!(vic.next("editor_status").await["you"], "viewer");
    vic.send("{\"type\":\"claim_editor\"}").await;
    assert_eq!(vic.next("error").await["code"], "not_allowed");

    ada.send("{\"type\":\"release_lock\"}").await;
    assert_eq!(ada.next("lock_released").await["cause"], "released");
    bob.status("you", "editor").await;
    ada.send("{\"type\":\"claim_editor\"}").await;
    ada.status("position", 1).await;
    // A browser that goes away without a word.
    drop(bob);
    ada.status("you", "editor").await;
}

#[tokio::test]
async fn a_save_is_told_when_django_has_answered() {
    let upstream = django().await;
    let front = Front::start(&upstream.url(), "").await;
    let opened = open(&front, "ada").await;
    let mut ada = Page::join_with(&front, &opened).await;
    let mut bob = Page::join(&front, "bob").await;
    bob.status("you", "waiting").await;
    let headers = format!("Cookie: {}\r\n", opened.cookie);

    // With errors: nobody reloads, and the lock stays.
    let answer = front.post(CHANGE, &headers, &format!("_collab={}&name=error", opened.field)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(html_of(&answer).contains("\"unsaved\":true"), "{answer}");
    bob.status("saving", true).await;
    let status = bob.status("saving", false).await;
    assert_eq!((status["stale"].as_bool(), status["you"].as_str()), (Some(false), Some("waiting")));

    // Save and continue: the content is new, the lock stays.
    let answer = front.post(CHANGE, &headers, &format!("_collab={}&name=x&_continue=1", opened.field)).await;
    assert!(answer.starts_with("HTTP/1.1 302"), "{answer}");
    assert_eq!(bob.next("content_updated").await["by"], "ada");
    let status = bob.status("stale", true).await;
    assert_eq!((status["you"].as_str(), status["saved"]["by"].as_str()), (Some("waiting"), Some("ada")));

    // Save, on the page that came back: bob's turn, once he has loaded his again.
    ada.send("{\"type\":\"leave\"}").await;
    let opened = open(&front, "ada").await;
    let mut ada = Page::join_with(&front, &opened).await;
    assert_eq!(ada.next("editor_status").await["you"], "editor");
    let answer = front.post(CHANGE, &headers, &format!("_collab={}&name=y", opened.field)).await;
    assert!(answer.starts_with("HTTP/1.1 302"), "{answer}");
    bob.status("turn", true).await;
    assert_eq!(ada.next("lock_released").await["cause"], "saved");
    let mut bob = Page::join(&front, "bob").await;
    assert_eq!(bob.next("editor_status").await["you"], "editor");
}

#[tokio::test]
async fn only_a_pages_own_token_opens_the_room() {
    let upstream = django().await;
    let front = Front::start(&upstream.url(), "").await;
    let opened = open(&front, "ada").await;
    let path = opened.config["socket"].as_str().unwrap();
    let origin = format!("http://{}", front.address);
    for foreign in ["", "http://evil.test", "null"] {
        let refused = handshake(&front, path, &opened.cookie, foreign).await;
        let Err(tungstenite::Error::Http(answer)) = refused else { panic!("{foreign} got in") };
        assert_eq!(answer.status(), 403, "{foreign}");
    }
    let token = opened.config["token"].as_str().unwrap();
    let other = open_at(&front, "ada", "/admin/shop/product/4/change/").await;
    let join = |token: &str| format!("{{\"type\":\"join\",\"token\":\"{token}\"}}");
    for (cookie, first, code) in [
        ("sessionid=ada", "{\"type\":\"input\",\"dirty\":true}".to_owned(), 4400),
        ("sessionid=ada", "no json".to_owned(), 4400),
        ("sessionid=ada", join("forged.token"), 4403),
        ("sessionid=ada", join(&opened.field), 4403),
        ("sessionid=ada", join(other.config["token"].as_str().unwrap()), 4403),
        ("sessionid=bob", join(token), 4401),
        ("x=y", join(token), 4401),
    ] {
        let mut page = handshake(&front, path, cookie, &origin).await.unwrap();
        page.send(&first).await;
        assert_eq!(page.close_code().await, code, "{cookie} {first}");
    }
}

#[tokio::test]
async fn bad_frames_are_answered_and_floods_are_cut_off() {
    let upstream = django().await;
    let front = Front::start(&upstream.url(), "").await;
    let mut ada = Page::join(&front, "ada").await;
    for bad in
        ["", "[]", "{\"type\":\"dance\"}", "{\"type\":\"input\"}", "{\"type\":\"join\",\"token\":\"x\"}"]
    {
        ada.send(bad).await;
        let error = ada.next("error").await;
        assert!(!error["message"].as_str().unwrap().is_empty(), "{bad}");
    }
    let mut bob = Page::join(&front, "bob").await;
    bob.status("you", "waiting").await;
    for _ in 0..100 {
        if ada.socket.send(Message::text("{\"type\":\"input\",\"dirty\":true}")).await.is_err() {
            break;
        }
    }
    assert_eq!(ada.close_code().await, 4429);
    let mut big = Page::join(&front, "cyd").await;
    let _ = big.socket.send(Message::text("x".repeat(65 * 1024))).await;
    assert_eq!(big.close_code().await, 1009);
    // The room goes on.
    bob.status("you", "editor").await;
}

#[tokio::test]
async fn silence_before_and_after_the_join_ends() {
    let upstream = django().await;
    let front =
        Front::start(&upstream.url(), "[lock]\nping = \"50 ms\"\ndead = \"200 ms\"\ngrace = \"50 ms\"\n")
            .await;
    let opened = open(&front, "ada").await;
    let mut mute = Page::connect(&front, &opened).await;
    // Its client answers pings only when it is read from: this one is not.
    let ada = Page::join_with(&front, &opened).await;
    let mut bob = Page::join(&front, "bob").await;
    bob.status("you", "editor").await;
    drop(ada);
    assert_eq!(mute.close_code().await, 4408);
}

#[tokio::test]
async fn the_same_page_twice_and_the_same_person_twice() {
    let upstream = django().await;
    let front = Front::start(&upstream.url(), "[lock]\ngrace = \"100 ms\"\n").await;
    let opened = open(&front, "ada").await;
    let mut first = Page::join_with(&front, &opened).await;
    first.status("you", "editor").await;
    let mut again = Page::join_with(&front, &opened).await;
    assert_eq!(first.close_code().await, 4409);
    again.status("you", "editor").await;
    let mut second = Page::join(&front, "ada").await;
    assert_eq!(second.next("editor_status").await["elsewhere"], true);
    second.send("{\"type\":\"claim_editor\"}").await;
    second.status("you", "editor").await;
    assert_eq!(again.next("lock_released").await["cause"], "moved");
    // The page that took over goes for good; the other has it again without being asked.
    second.send("{\"type\":\"leave\"}").await;
    again.status("you", "editor").await;
}

#[tokio::test]
async fn stopping_sends_everybody_away_to_come_back() {
    let upstream = django().await;
    let mut front = Front::start(&upstream.url(), "").await;
    let mut ada = Page::join(&front, "ada").await;
    ada.status("you", "editor").await;
    let running = front.stop();
    assert_eq!(ada.close_code().await, 1012);
    tokio::time::timeout(Duration::from_secs(10), running).await.unwrap().unwrap();
}
