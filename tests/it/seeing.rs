//! What an operator sees: a name for every request, counts, readiness, the audit trail. Against a scripted Django.

use std::time::Duration;

use hyper::Response;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::socket::{CHANGE, Page, django, open, site};
use crate::support::prometheus::Scrape;
use crate::upstream::{Front, RawUpstream, Upstream, body, full, header, read_until, status};

const OPERATOR: &str = "[operator]\nlisten = \"127.0.0.1:0\"\n";

fn cookie(who: &str) -> String {
    format!("Cookie: sessionid={who}\r\n")
}

/// Gives back the name that a request has for Django.
async fn named() -> Upstream {
    Upstream::start(|request| async move {
        let ids: Vec<&[u8]> = request
            .headers()
            .get_all("x-request-id")
            .iter()
            .map(hyper::header::HeaderValue::as_bytes)
            .collect();
        let seen = String::from_utf8(ids.join(&b',')).unwrap();
        Response::builder().header("x-request-id", "of-django").body(full(format!("id={seen}"))).unwrap()
    })
    .await
}

#[tokio::test]
async fn a_request_has_one_name_for_everybody() {
    let upstream = named().await;
    let front = Front::start(&upstream.url(), "").await;
    let wary = Front::start(&upstream.url(), "[proxy]\ntrusted_proxies = []\n").await;
    let long = "x".repeat(65);
    let mut seen = 0;
    for (front, sent, taken) in [
        (&front, "X-Request-ID: outer.1_a-B\r\n".to_owned(), true),
        (&front, "X-Request-ID: <script>\r\n".to_owned(), false),
        (&front, format!("X-Request-ID: {long}\r\n"), false),
        (&front, "X-Request-ID: a\r\nX-Request-ID: a\r\n".to_owned(), false),
        (&front, String::new(), false),
        (&wary, "X-Request-ID: outer.1_a-B\r\n".to_owned(), false),
    ] {
        let answer = front.get("/", &sent).await;
        let id = header(&answer, "x-request-id").unwrap();
        assert_eq!(id == "outer.1_a-B", taken, "{sent:?}: {answer}");
        assert!(!id.is_empty() && id.len() <= 64 && id != "of-django", "{answer}");
        assert_eq!(answer.to_lowercase().matches("x-request-id:").count(), 1, "{answer}");
        assert_eq!(body(&answer), format!("id={id}"));
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[tokio::test]
async fn whoever_reports_an_error_can_say_which_it_was() {
    let front = Front::start("http://127.0.0.1:1", "").await;
    let sent = "X-Request-ID: from-nginx-7\r\n";
    for (answer, want) in [
        (front.get("/admin/", sent).await, 502),
        (front.get("/admin/collaboration/nothing", sent).await, 404),
        (front.post(CHANGE, sent, "name=x").await, 502),
        (front.post("/admin/login/", sent, "username=x").await, 502),
        (front.raw(&format!("TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{sent}\r\n")).await, 405),
    ] {
        assert_eq!(status(&answer), want, "{answer}");
        assert!(answer.contains("X-Request-ID: <code>from-nginx-7</code>"), "{answer}");
        assert_eq!(header(&answer, "x-request-id"), Some("from-nginx-7"), "{answer}");
    }
    let answer = front.post(CHANGE, &format!("{sent}Accept: application/json\r\n"), "name=x").await;
    let said: Value = serde_json::from_str(body(&answer)).unwrap();
    assert_eq!((&said["error"], &said["request_id"]), (&json!("not_sent"), &json!("from-nginx-7")));
}

#[tokio::test]
async fn what_happened_is_counted() {
    let upstream = django().await;
    let front = Front::start(&upstream.url(), OPERATOR).await;
    let ada = open(&front, "ada").await;
    let mut page = Page::join_with(&front, &ada).await;
    page.status("you", "editor").await;
    let mut bob = Page::join(&front, "bob").await;
    bob.status("you", "waiting").await;
    let post = async |who: &str, text: &str| status(&front.post(CHANGE, &cookie(who), text).await);
    let bobs = open(&front, "bob").await;
    assert_eq!(post("bob", &format!("_collab={}&name=x", bobs.field)).await, 423);
    assert_eq!(post("ada", &format!("_collab={}&name=error", ada.field)).await, 200);
    let held = Scrape::read(body(&front.ask("/metrics").await));
    for (series, want) in [
        ("collab_proxy_websocket_connections", 2.0),
        ("collab_proxy_rooms", 1.0),
        ("collab_proxy_locks_held", 1.0),
        ("collab_proxy_store_up", 1.0),
        ("collab_proxy_lock_transitions_total{kind=\"granted\"}", 1.0),
    ] {
        assert_eq!(held.get(series), want, "{series}");
    }
    assert_eq!(post("ada", &format!("_collab={}&name=x&_save=1", ada.field)).await, 302);
    assert_eq!(post("ada", &format!("_collab={}&name=x", ada.field)).await, 423, "it is Bob's now");
    assert_eq!(status(&front.get("/shop/", "").await), 200);
    assert_eq!(status(&front.get("/admin/collaboration/nothing", "").await), 404);
    let page = front.ask("/metrics").await;
    assert_eq!(header(&page, "content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let page = body(&page);
    for word in ["ada", "bob", "shop", "product", CHANGE] {
        assert!(!page.contains(word), "{word} in {page}");
    }
    let scrape = Scrape::read(page);
    for (series, want) in [
        ("collab_proxy_http_requests_total{class=\"write\",status=\"302\"}", 1.0),
        ("collab_proxy_http_requests_total{class=\"write\",status=\"423\"}", 2.0),
        ("collab_proxy_http_requests_total{class=\"write\",status=\"200\"}", 1.0),
        ("collab_proxy_http_requests_total{class=\"socket\",status=\"101\"}", 2.0),
        ("collab_proxy_http_requests_total{class=\"outside\",status=\"200\"}", 1.0),
        ("collab_proxy_http_requests_total{class=\"asset\",status=\"404\"}", 1.0),
        ("collab_proxy_http_request_duration_seconds_count{class=\"write\"}", 4.0),
        ("collab_proxy_writes_total{decision=\"saved\"}", 1.0),
        ("collab_proxy_writes_total{decision=\"not_saved\"}", 1.0),
        ("collab_proxy_writes_total{decision=\"refused\"}", 2.0),
        ("collab_proxy_writes_blocked_total{reason=\"locked\"}", 2.0),
        ("collab_proxy_lock_transitions_total{kind=\"saved\"}", 1.0),
        ("collab_proxy_lock_transitions_total{kind=\"granted\"}", 2.0),
        ("collab_proxy_injections_total{result=\"done\"}", 3.0),
        ("collab_proxy_upstream_errors_total{kind=\"connect\"}", 0.0),
        ("collab_proxy_config_last_reload_success", 1.0),
    ] {
        assert_eq!(scrape.get(series), want, "{series} in\n{page}");
    }
    assert!(scrape.sum("collab_proxy_http_requests_total") >= 11.0);
}

#[tokio::test]
async fn a_django_that_is_away_is_counted_and_the_proxy_is_ready_all_the_same() {
    let front = Front::start("http://127.0.0.1:1", OPERATOR).await;
    assert_eq!(status(&front.get("/admin/", "").await), 502);
    let scrape = Scrape::read(body(&front.ask("/metrics").await));
    assert_eq!(scrape.get("collab_proxy_upstream_errors_total{kind=\"connect\"}"), 1.0);
    let ready = front.ask("/readyz").await;
    assert_eq!((status(&ready), body(&ready)), (200, "{\"ready\":true}\n"));
    assert_eq!(status(&front.ask("/livez").await), 200);
    let other = front.ask("/admin/").await;
    assert_eq!(status(&other), 404);
    assert!(other.contains("/livez, /readyz and /metrics"), "{other}");
}

/// Before the proxy takes nobody any more it says for a while that it will not.
#[tokio::test]
async fn readiness_goes_first() {
    let upstream = Upstream::start(|_| async { Response::new(full("page")) }).await;
    let mut front =
        Front::start(&upstream.url(), &format!("[proxy]\ndrain_delay = \"3 s\"\n{OPERATOR}")).await;
    let mut kept = front.connect().await;
    let ask = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    kept.write_all(ask).await.unwrap();
    assert!(read_until(&mut kept, "page").await.contains("200 OK"));
    assert_eq!(status(&front.ask("/readyz").await), 200);
    let running = front.stop();
    let left = eventually!(front.ask("/readyz").await, |answer| status(answer) == 503);
    let said: Value = serde_json::from_str(body(&left)).unwrap();
    assert_eq!(said, json!({"ready": false, "reason": "draining", "message": "the proxy is being stopped"}));
    assert_eq!(status(&front.ask("/livez").await), 200);
    // New connections are taken, and old ones are kept for one more answer, which says so.
    assert_eq!(status(&front.get("/", "").await), 200);
    kept.write_all(ask).await.unwrap();
    let last = read_until(&mut kept, "page").await;
    assert!(last.contains("200 OK") && last.to_lowercase().contains("connection: close"), "{last}");
    assert_eq!(kept.read(&mut [0]).await.unwrap(), 0);
    assert!(!running.is_finished());
    tokio::time::timeout(Duration::from_secs(20), running).await.expect("it ends").unwrap();
    assert!(tokio::net::TcpStream::connect(&front.address).await.is_err());
    assert!(tokio::net::TcpStream::connect(front.operator.unwrap()).await.is_err());
}

/// The trail's lines, without what differs every time.
fn trail(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let fields = line.as_object_mut().unwrap();
        let time = fields.remove("time").unwrap();
        assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
        assert!(fields.remove("node").is_some());
        fields.remove("page");
        line
    });
    lines.collect()
}

#[tokio::test]
async fn the_trail_of_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let settings = format!("[audit]\nfile = \"{}\"\n", path.display());
    let (_upstream, front) = site(&settings).await;
    let opened = open(&front, "ada").await;
    let mut ada = Page::join_with(&front, &opened).await;
    ada.status("you", "editor").await;
    let theirs = open(&front, "bob").await;
    let mut bob = Page::join_with(&front, &theirs).await;
    bob.status("you", "waiting").await;
    let id = |id: &str| format!("X-Request-ID: {id}\r\n");
    let typed = "a sentence that nobody else may read";
    let refused = format!("_collab={}&name={typed}", theirs.field);
    let answer = front.post(CHANGE, &(cookie("bob") + &id("r-1")), &refused).await;
    assert_eq!(status(&answer), 423);
    let save = format!("_collab={}&name={typed}&_save=1", opened.field);
    assert_eq!(status(&front.post(CHANGE, &(cookie("ada") + &id("r-2")), &save).await), 302);
    bob.status("turn", true).await;
    let old = front.post(CHANGE, &(cookie("bob") + &id("r-3")), &refused).await;
    assert_eq!(status(&old), 409);
    bob.send("{\"type\":\"release_lock\"}").await;
    let lines = eventually!(trail(&path), |lines| lines.len() == 9);
    let key = |who: &str| lines.iter().find(|l| l["name"] == who).unwrap()["user"].clone();
    let line = |event: &str, who: &str| json!({"event": event, "object": "shop.product/3", "user": key(who), "name": who});
    let with = |mut line: Value, more: Value| {
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line
    };
    assert_eq!(
        lines,
        [
            line("lock_granted", "ada"),
            line("queue_joined", "bob"),
            with(line("write_refused", "bob"), json!({"why": "locked", "request": "r-1"})),
            with(line("write_granted", "ada"), json!({"request": "r-2"})),
            with(line("lock_released", "ada"), json!({"why": "saved"})),
            line("lock_granted", "bob"),
            with(line("write_saved", "ada"), json!({"request": "r-2"})),
            with(line("write_refused", "bob"), json!({"why": "stale", "request": "r-3"})),
            line("lock_released", "bob"),
        ],
        "{lines:#?}"
    );
    let text = std::fs::read_to_string(&path).unwrap();
    for secret in [typed, &opened.field, "sessionid"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

/// A save whose end nobody knows; an object whose key would break a line; rows of a list.
#[tokio::test]
async fn the_trail_of_what_goes_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let settings = format!("[audit]\nfile = \"{}\"\n", path.display());
    let upstream = RawUpstream::start("\r\n\r\n", "").await;
    let front = Front::start(&upstream.url(), &settings).await;
    let odd = "/admin/shop/part/a_0A%7B%22event%22:1%7D/change/";
    assert_eq!(status(&front.post(odd, &cookie("ada"), "name=x").await), 502);
    let list = "action=publish&_selected_action=1&_selected_action=2&index=0";
    assert_eq!(status(&front.post("/admin/shop/product/", &cookie("ada"), list).await), 502);
    let lines = eventually!(trail(&path), |lines| lines.len() == 6);
    let told: Vec<(&str, &str)> =
        lines.iter().map(|l| (l["event"].as_str().unwrap(), l["object"].as_str().unwrap())).collect();
    let part = "shop.part/a\n{\"event\":1}";
    assert_eq!(
        told,
        [
            ("write_granted", part),
            ("write_unknown", part),
            ("write_granted", "shop.product/1"),
            ("write_granted", "shop.product/2"),
            ("write_unknown", "shop.product/1"),
            ("write_unknown", "shop.product/2"),
        ]
    );
    assert_eq!(lines[1]["why"], "may_land");
}
