//! Change lists against a scripted Django: what is refused never arrives, every row's end is heard, and a list's
//! page carries our two pieces and nothing else.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use collab_proxy::collab::badge::Busy;
use collab_proxy::collab::command::{Command, Outcome, Refusal, WriteEnd, WriteProof};
use collab_proxy::collab::lock::apply;
use collab_proxy::collab::record::{Page as OpenPage, Person, Record, Rules};
use collab_proxy::django::changelist::{self, Meaning};
use collab_proxy::django::posted::Posted;
use futures_util::StreamExt;
use http_body_util::{BodyExt, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;

use crate::socket::{Opened, Page, open_at};
use crate::upstream::{Front, Upstream, full, header, html_of, read_until, status};

const LIST: &str = "/admin/shop/product/";

fn change(pk: u32) -> String {
    format!("{LIST}{pk}/change/")
}

fn cookie(who: &str) -> String {
    format!("Cookie: sessionid={who}\r\n")
}

/// What a list's row looks like; every price is 1.
fn list_html() -> String {
    let row = |n: usize, pk: u32| {
        format!(
            "<tr><td><input type=\"checkbox\" name=\"_selected_action\" value=\"{pk}\" class=\"action-select\"></td>\
             <th><a href=\"/admin/shop/product/{pk}/change/\">Row {pk}</a></th>\
             <td><input type=\"hidden\" name=\"form-{n}-id\" value=\"{pk}\"><input name=\"form-{n}-price\" value=\"1\"></td></tr>"
        )
    };
    let rows: String = [(0, 1), (1, 2), (2, 3)].map(|(n, pk)| row(n, pk)).concat();
    format!(
        "<html><body><form id=\"changelist-form\" method=\"post\" novalidate><table>{rows}</table></form></body></html>"
    )
}

struct Site {
    upstream: Upstream,
    /// What arrived: method, path and body.
    log: Arc<Mutex<Vec<String>>>,
    go: watch::Sender<bool>,
}

/// A POST's body says what becomes of it.
async fn site() -> Site {
    let (go, going) = watch::channel(true);
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&log);
    let upstream = Upstream::start(move |request| {
        let (seen, mut going) = (Arc::clone(&seen), going.clone());
        async move {
            let (method, path) = (request.method().to_string(), request.uri().to_string());
            let typed = request.headers().contains_key("content-type");
            let name = request.headers().get("cookie").map_or("", |c| c.to_str().unwrap()).rsplit('=').next().unwrap_or("").to_owned();
            let body = request.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
            let body = String::from_utf8_lossy(&body).into_owned();
            seen.lock().unwrap().push(format!("{method} {path} {body}{}", if method == "GET" && typed { "typed" } else { "" }));
            let html = Response::builder().header("content-type", "text/html; charset=utf-8");
            let answer = match (method.as_str(), path.ends_with("/change/")) {
                ("GET", true) => html.body(full(format!(
                    "<html><body><div id=\"user-tools\"><strong>{name}</strong></div><form id=\"product_form\" \
                     method=\"post\" novalidate><input type=\"submit\" name=\"_save\"></form></body></html>"
                ))),
                // A list without an end: one row a page.
                ("GET", false) if path.contains("endless") => {
                    let pk = path.rsplit_once("p=").map_or("1", |(_, n)| n).to_owned();
                    html.body(full(format!(
                        "<form id=\"changelist-form\" method=\"post\"><input type=\"checkbox\" name=\"_selected_action\" value=\"{pk}\"></form>"
                    )))
                }
                // A list of one long page.
                ("GET", false) if path.contains("long") && path.contains("p=2") => {
                    Response::builder().status(302).header("location", "?e=1").body(full(""))
                }
                ("GET", false) if path.contains("long") => {
                    let row = |pk| format!("<input type=\"checkbox\" name=\"_selected_action\" value=\"{pk}\">");
                    let rows: String = (1..=2_500).map(row).collect();
                    html.body(full(format!("<form id=\"changelist-form\" method=\"post\">{rows}</form>")))
                }
                ("GET", false) if path.contains("report") => html.body(full("<form method=post></form>")),
                ("GET", false) => html.header("set-cookie", "seen=1").body(full(list_html())),
                _ if body.contains("x=csv") => Response::builder().header("content-type", "text/csv").body(full("a,b\r\n")),
                _ if body.contains("x=asks") => {
                    html.body(full("<form method=post><input type=\"hidden\" name=\"_selected_action\" value=\"1\"></form>"))
                }
                _ if body.contains("x=cannot") => html.body(full("<h1>Cannot delete products</h1>")),
                _ if body.contains("x=again") => html.body(full(list_html())),
                _ if body.contains("x=500") => Response::builder().status(500).body(full("no")),
                _ if body.contains("x=403") => Response::builder().status(403).body(full("no")),
                _ if body.contains("x=login") => {
                    Response::builder().status(302).header("location", "/admin/login/?next=/").body(full(""))
                }
                _ => {
                    if body.contains("x=hold") {
                        going.wait_for(|go| *go).await.unwrap();
                    }
                    Response::builder().status(302).header("location", LIST).body(full(""))
                }
            };
            answer.unwrap()
        }
    })
    .await;
    Site { upstream, log, go }
}

impl Site {
    fn posts(&self) -> Vec<String> {
        self.log.lock().unwrap().iter().filter(|l| l.starts_with("POST")).cloned().collect()
    }
}

fn data(answer: &str) -> Value {
    let html = html_of(answer);
    let at = html.find("id=\"collab-list-config\">").unwrap_or_else(|| panic!("no data in {html}")) + 24;
    serde_json::from_str(&html[at - 1..].trim_start_matches('>')[..html[at..].find("</script>").unwrap()])
        .unwrap()
}

fn token(answer: &str) -> String {
    let html = html_of(answer);
    let at = html.find("name=\"_collab\" value=\"").unwrap() + 22;
    html[at..at + html[at..].find('"').unwrap()].to_owned()
}

async fn saves(front: &Front, form: &Opened, pk: u32) -> u16 {
    let body = format!("_collab={}&name=x&_continue=1", form.field);
    status(
        &front
            .post(&change(pk), &format!("Cookie: {}\r\n", form.cookie.replace("Cookie: ", "")), &body)
            .await,
    )
}

#[tokio::test]
async fn a_list_gets_its_token_and_its_rows() {
    let site = site().await;
    let front = Front::start(&site.upstream.url(), "").await;
    let answer = front.get(LIST, &cookie("ada")).await;
    let html = html_of(&answer);
    assert!(html.contains("novalidate><input type=\"hidden\" name=\"_collab\" value=\""), "{html}");
    let config = data(&answer);
    assert_eq!(config["socket"], "/admin/collaboration/shop/product/");
    assert_eq!(config["rows"], serde_json::json!([["1"], ["2"], ["3"]]));
    assert_eq!(config["list"]["toggle"], "#action-toggle");
    // Beside these two pieces it is Django's page.
    let at = html.find("<script type=\"application/json\" id=\"collab-list-config\">").unwrap();
    let field = format!("<input type=\"hidden\" name=\"_collab\" value=\"{}\">", token(&answer));
    assert_eq!(html[..at].replacen(&field, "", 1), list_html());
    // Nobody signed in gets neither.
    assert_eq!(html_of(&front.get(LIST, "").await), list_html());
}

#[tokio::test]
async fn refused_rows_never_arrive_and_the_others_are_free_again() {
    let site = site().await;
    let front = Front::start(&site.upstream.url(), "").await;
    let ada = open_at(&front, "ada", &change(2)).await;
    let _ada = Page::join_with(&front, &ada).await;
    let bob = open_at(&front, "bob", &change(1)).await;
    let body = "action=publish&index=0&_selected_action=1&_selected_action=2&_selected_action=3&note=%3Cb%3E&password1=hush&form-0-password_hint=seen";
    let answer = front.post(LIST, &cookie("bob"), body).await;
    assert_eq!((status(&answer), header(&answer, "retry-after")), (423, Some("15")));
    for said in [
        "Row 2",
        "ada has been editing it",
        "Go on without that row (2 others)",
        "&lt;b&gt;",
        "type it again",
        "value=\"seen\"",
    ] {
        assert!(answer.contains(said), "{said} in {answer}");
    }
    assert!(!answer.contains("hush") && !answer.contains("Row 3"), "{answer}");
    assert_eq!(site.posts(), [] as [String; 0]);
    // The pins of the others are gone, and no version has moved.
    assert_eq!(saves(&front, &bob, 1).await, 302);
    // Whom Django has shown nothing is told no names.
    let answer = front.post(LIST, &cookie("stranger"), body).await;
    assert!(answer.contains("Somebody else has been editing it") && !answer.contains("ada"), "{answer}");
    let json = front.post(LIST, &format!("{}Accept: application/json\r\n", cookie("bob")), body).await;
    let value: Value = serde_json::from_str(json.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((&value["error"], &value["rows"][0]["pk"]), (&"locked".into(), &"2".into()));
}

/// An answer, or a look, whose page never ends: nobody's rows stay pinned for it.
#[tokio::test]
async fn a_page_without_an_end_pins_nothing_for_ever() {
    let endless = |start: &'static str| {
        let start = futures_util::stream::iter([Ok(Frame::data(Bytes::from(start)))]);
        BodyExt::boxed(StreamBody::new(start.chain(futures_util::stream::pending())))
    };
    let upstream = Upstream::start(move |request| async move {
        let stalls = request.headers().contains_key("x-stall");
        let path = request.uri().path().to_owned();
        let (post, to) = (request.method() == "POST", LIST);
        let body = request.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
        let html = Response::builder().header("content-type", "text/html; charset=utf-8");
        let form = "<form id=\"product_form\" method=\"post\" novalidate><input type=\"submit\" name=\"_save\"></form>";
        let answer = match (post, stalls) {
            // Everything stalls but the answer to this one.
            (true, _) if body.ends_with(b"x=redirect") => html.status(302).header("location", to).body(full("")),
            (_, true) => html.body(endless("<html><body>")),
            (true, false) => html.status(302).header("location", to).body(full("")),
            (false, false) if path == LIST => html.body(full(list_html())),
            (false, false) => html.body(full(form)),
        };
        answer.unwrap()
    })
    .await;
    let front = Front::start(&upstream.url(), "[proxy]\nanswer_timeout = \"0.2 s\"\n").await;
    let stall = format!("{}X-Stall: 1\r\n", cookie("bob"));
    for (path, body) in [
        (change(1), "name=x"),
        (format!("{LIST}1/delete/"), "post=yes"),
        (LIST.to_owned(), "action=do&index=0&_selected_action=1&x=1"),
        (LIST.to_owned(), "_save=1&form-0-id=1&form-0-price=2&x=1"),
        // Only the look at the list stalls.
        (LIST.to_owned(), "_save=1&form-0-id=1&form-0-price=2&x=redirect"),
    ] {
        let form = open_at(&front, "ada", &change(1)).await;
        let mut stream = front.connect().await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: site.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n{stall}\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(10), read_until(&mut stream, "\r\n\r\n")).await;
        let answer = answer.unwrap_or_else(|_| panic!("{path} {body}: never answered"));
        assert_eq!(status(&answer), if body.ends_with("redirect") { 302 } else { 200 }, "{path} {body}");
        // It may have been saved, and nothing is pinned.
        assert_eq!(saves(&front, &form, 1).await, 409, "{path} {body}");
    }
}

/// Which answers may have saved the rows, told by whether a form that was open before is still good.
#[tokio::test]
async fn every_rows_end_is_heard() {
    let site = site().await;
    let front = Front::start(&site.upstream.url(), "").await;
    for (x, code, still_good) in [
        ("redirect", 302, false),
        ("csv", 200, false),
        ("asks", 200, true),
        ("again", 200, false),
        ("cannot", 200, false),
        ("500", 500, false),
        ("403", 403, true),
        ("login", 302, true),
    ] {
        let form = open_at(&front, "ada", &change(1)).await;
        let body = format!("action=do&index=0&_selected_action=1&x={x}");
        assert_eq!(status(&front.post(LIST, &cookie("ada"), &body).await), code, "{x}");
        assert_eq!(saves(&front, &form, 1).await, if still_good { 302 } else { 409 }, "{x}");
    }
    // What may not be deleted is named on a page that has nothing to send.
    for post in ["", "&post=yes"] {
        let form = open_at(&front, "ada", &change(1)).await;
        let body = format!("action=delete_selected{post}&_selected_action=1&x=cannot");
        assert_eq!(status(&front.post(LIST, &cookie("ada"), &body).await), 200);
        assert_eq!(saves(&front, &form, 1).await, 302, "{post}: nothing was deleted");
    }
    // A save of edited rows: the form again is no save, and it keeps the age of the list.
    for (x, code, still_good) in [("redirect", 302, false), ("again", 200, true), ("500", 500, false)] {
        let list = token(&front.get(LIST, &cookie("ada")).await);
        let form = open_at(&front, "ada", &change(1)).await;
        let untouched = open_at(&front, "ada", &change(3)).await;
        let body =
            format!("_save=1&_collab={list}&form-0-id=1&form-0-price=2&form-2-id=3&form-2-price=1&x={x}");
        let answer = front.post(LIST, &cookie("ada"), &body).await;
        assert_eq!(status(&answer), code, "{x}");
        assert_eq!(
            header(&answer, "set-cookie"),
            None,
            "what the proxy's own look at the list sets is dropped"
        );
        assert_eq!(saves(&front, &form, 1).await, if still_good { 302 } else { 409 }, "{x}");
        assert_eq!(saves(&front, &untouched, 3).await, 302, "{x}: nothing of this row was written");
        if x == "again" {
            assert_eq!(data(&answer)["rows"].as_array().unwrap().len(), 3);
        }
    }
    assert!(site.log.lock().unwrap().iter().all(|l| !l.ends_with("typed")), "a GET has no body to describe");
}

/// A list that is being saved pins all its rows; of most it changes nothing.
#[tokio::test]
async fn a_save_waits_for_a_list_that_may_not_change_its_row() {
    let site = site().await;
    let front = Front::start(&site.upstream.url(), "").await;
    let list = token(&front.get(LIST, &cookie("bob")).await);
    let (changed, untouched) =
        (open_at(&front, "ada", &change(1)).await, open_at(&front, "ada", &change(3)).await);
    site.go.send(false).unwrap();
    let body = format!("_save=1&_collab={list}&form-0-id=1&form-0-price=2&form-2-id=3&form-2-price=1&x=hold");
    let saving = async { status(&front.post(LIST, &cookie("bob"), &body).await) };
    let meanwhile = async {
        eventually!(site.posts().len(), |posts| *posts == 1);
        let go = async {
            for _ in 0..3 {
                front.get(LIST, &cookie("bob")).await;
            }
            site.go.send(true).unwrap();
        };
        let (old, fresh, ()) = tokio::join!(saves(&front, &changed, 1), saves(&front, &untouched, 3), go);
        assert_eq!((old, fresh), (409, 302), "changed by the list, and not");
    };
    assert_eq!(tokio::join!(saving, meanwhile).0, 302);
}

#[tokio::test]
async fn a_browser_that_goes_away_does_not_take_the_truth_with_it() {
    let site = site().await;
    let front = Front::start(&site.upstream.url(), "").await;
    let ada = open_at(&front, "ada", &change(1)).await;
    let mut page = Page::join_with(&front, &ada).await;
    page.status("you", "editor").await;
    site.go.send(false).unwrap();
    let body = "action=do&index=0&_selected_action=1&x=hold";
    let mut stream = front.connect().await;
    let head = format!(
        "POST {LIST} HTTP/1.1\r\nHost: site.test\r\n{}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        cookie("ada"),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    page.status("saving", true).await;
    // Nobody else gets in meanwhile.
    let answer = front.post(LIST, &cookie("bob"), "action=do&index=0&_selected_action=1").await;
    assert_eq!((status(&answer), header(&answer, "retry-after")), (423, Some("2")));
    drop(stream);
    site.go.send(true).unwrap();
    let told = page.status("stale", true).await;
    assert_eq!(told["saving"], false);
    assert_eq!(site.posts().len(), 1);
}

#[tokio::test]
async fn bodies_that_are_too_large_or_broken_are_not_passed_on() {
    let site = site().await;
    let front = Front::start(&site.upstream.url(), "").await;
    let large = format!("action=do&index=0&_selected_action=1&x={}", "y".repeat(17 * 1024 * 1024));
    let answer = front.post(LIST, &cookie("ada"), &large).await;
    assert_eq!(status(&answer), 413);
    assert!(answer.contains("Nothing was saved"), "{answer}");
    let many: String = (0..10_001).map(|n| format!("&_selected_action={n}")).collect();
    assert_eq!(status(&front.post(LIST, &cookie("ada"), &format!("action=do&index=0{many}")).await), 400);
    let two = format!("{}Content-Type: text/plain\r\n", cookie("ada"));
    assert_eq!(status(&front.post(LIST, &two, "action=do&index=0&_selected_action=1").await), 400);
    assert_eq!(site.posts(), [] as [String; 0]);
    // A view of the site's own that only looks like a list takes what it likes.
    let to_view = |body: &str| {
        let head = "POST /admin/shop/report/ HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\nContent-Type: application/json";
        format!("{head}\r\n{}Content-Length: {}\r\n\r\n{body}", cookie("ada"), body.len())
    };
    for body in ["{}", large.as_str()] {
        assert_eq!(status(&front.raw(&to_view(body)).await), 302);
    }
    assert_eq!(site.posts().len(), 2);
    site.log.lock().unwrap().clear();
    // What does nothing to rows passes as it is.
    assert_eq!(status(&front.post(LIST, &cookie("ada"), "q=x").await), 302);
    assert_eq!(site.posts(), [format!("POST {LIST} q=x")]);
}

/// Anybody may post as many rows as a body takes; it must not cost their square.
#[test]
fn many_rows_cost_no_more_than_each() {
    let fields: Vec<(String, String)> =
        (0..100_000).map(|n| (format!("form-{n}-id"), n.to_string())).collect();
    let posted =
        Posted { fields: [vec![("_save".to_owned(), String::new())], fields].concat(), ..Posted::default() };
    let begun = std::time::Instant::now();
    let Meaning::Edit(rows) = changelist::read(&posted) else { panic!() };
    assert_eq!(rows.len(), 100_000);
    let odd: std::collections::BTreeSet<usize> = (0..100_000).filter(|n| n % 2 == 1).collect();
    let left = changelist::without_rows(&posted.fields, &odd);
    assert_eq!(left.last(), Some(&("form-49999-id".to_owned(), "99998".to_owned())));
    // Less than a tenth of what their square takes.
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

/// One row whose key may be in any of its fields: all that it shows are shown once, not once a key.
#[tokio::test]
async fn a_row_of_any_width_costs_what_it_is() {
    let site = site().await;
    let front = Front::start(&site.upstream.url(), "").await;
    // What names the rows' keys is not to be seen on this one.
    let endless = format!("{LIST}?endless=1");
    let wide = |fields: usize| -> String { (0..fields).map(|n| format!("&form-0-f{n}=v{n}")).collect() };
    let body = format!("_save=1&_collab=a.b{}", wide(3_000));
    let answer = front.post(&endless, &cookie("bob"), &body).await;
    assert_eq!(status(&answer), 409);
    assert!(answer.len() < 2_000_000, "{} bytes", answer.len());
    let answer = front.post(&endless, &cookie("bob"), &format!("_save=1{}", wide(20_000))).await;
    assert_eq!(status(&answer), 400);
    assert!(answer.contains("more than 10,000 rows"), "{answer}");
    assert_eq!(site.posts(), [] as [String; 0]);
}

#[tokio::test]
async fn all_of_an_endless_list_are_too_many_to_be_named() {
    let site = site().await;
    let front = Front::start(&site.upstream.url(), "").await;
    let endless = format!("{LIST}?endless=1");
    let all = "action=do&index=0&select_across=1&_selected_action=1";
    let form = open_at(&front, "ada", &change(7)).await;
    assert_eq!(status(&front.post(&endless, &cookie("bob"), all).await), 302);
    assert_eq!(saves(&front, &form, 7).await, 409, "the seventh page has that row");
    // Beyond the pages that are looked through: it may be among them.
    let ada = open_at(&front, "ada", &change(70)).await;
    let _ada = Page::join_with(&front, &ada).await;
    let answer = front.post(&endless, &cookie("bob"), all).await;
    assert_eq!(status(&answer), 423);
    assert!(
        answer.contains("too many to be named one by one") && !answer.contains("Go on without"),
        "{answer}"
    );
    // It may as well be one that Django never shows this person.
    assert!(answer.contains("1 row of shop.product is being edited"), "{answer}");
    assert!(!answer.contains("ada") && !answer.contains("product/70"), "{answer}");
    let eve = open_at(&front, "eve", &change(7)).await;
    let _eve = Page::join_with(&front, &eve).await;
    // Let in by Django once, so that names are not kept from him anyway.
    open_at(&front, "bob", &change(1)).await;
    let answer = front.post(&endless, &cookie("bob"), all).await;
    assert!(
        answer.contains("eve") && answer.contains("1 other row of shop.product is being edited"),
        "{answer}"
    );
    assert!(!answer.contains("ada") && !answer.contains("product/70"), "{answer}");
    let json = front.post(&endless, &format!("{}Accept: application/json\r\n", cookie("bob")), all).await;
    let value: Value = serde_json::from_str(json.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((value["rows"].as_array().unwrap().len(), &value["others"]), (1, &1.into()));
    // On the list that ends, it is not.
    assert_eq!(status(&front.post(LIST, &cookie("bob"), all).await), 302);
}

/// More rows than a list has badges for are rows all the same.
#[tokio::test]
async fn all_of_a_long_page_are_all() {
    let site = site().await;
    let front = Front::start(&site.upstream.url(), "").await;
    let long = format!("{LIST}?long=1");
    assert_eq!(data(&front.get(&long, &cookie("bob")).await)["rows"].as_array().unwrap().len(), 2_000);
    let all = "action=do&index=0&select_across=1&_selected_action=1";
    for pk in [2_400, 2_600] {
        let form = open_at(&front, "ada", &change(pk)).await;
        assert_eq!(status(&front.post(&long, &cookie("bob"), all).await), 302);
        assert_eq!(saves(&front, &form, pk).await, if pk == 2_400 { 409 } else { 302 }, "{pk}");
    }
}

/// Which field holds the keys is not known when no list has been shown yet, and found out then.
#[tokio::test]
async fn rows_are_guarded_without_any_list_shown_before() {
    let site = site().await;
    let front = Front::start(&site.upstream.url(), "").await;
    let ada = open_at(&front, "ada", &change(2)).await;
    let _ada = Page::join_with(&front, &ada).await;
    let row = "_save=1&form-1-id=2&form-1-price=";
    assert_eq!(status(&front.post(LIST, &cookie("bob"), &format!("{row}5")).await), 423);
    assert_eq!(status(&front.post(LIST, &cookie("bob"), &format!("{row}1")).await), 302);
}

/// The rule under it: a pin beside somebody's lock keeps that person's save away, and tells nobody.
#[test]
fn a_pin_beside_a_lock_is_quiet_and_holds() {
    let rules = Rules::default();
    let person = |name: &str| Person { user: name.into(), name: name.to_owned() };
    let page = OpenPage { id: "p".into(), person: person("ada"), version: 1 };
    let held = apply(&Record::fresh(1), 10, &Command::Join { page }, &rules).record;
    let begin = |who: &str, proof| Command::BeginWrite { id: who.into(), person: person(who), proof };
    assert!(matches!(
        apply(&held, 20, &begin("bob", WriteProof::None), &rules).outcome,
        Outcome::Refused(Refusal::Held { .. })
    ));
    let pinned = apply(&held, 20, &begin("bob", WriteProof::Beside), &rules);
    let Outcome::Granted { fence, .. } = pinned.outcome else { panic!("{:?}", pinned.outcome) };
    assert!(!Busy::of(&pinned.record).unwrap().saving);
    assert!(matches!(
        apply(&pinned.record, 30, &begin("ada", WriteProof::None), &rules).outcome,
        Outcome::Refused(Refusal::Saving { own: false, .. })
    ));
    let end = Command::EndWrite { fence, person: person("bob"), page: None, end: WriteEnd::NotSaved };
    let ended = apply(&pinned.record, 40, &end, &rules).record;
    assert_eq!((ended.version, ended.holder.is_some(), ended.write.is_none()), (1, true, true));
    let lost = apply(&pinned.record, 20 + rules.pin, &Command::Tick, &rules).record;
    assert!(lost.uncertain, "a proxy that died with it may have saved");
    assert!(Duration::from_millis(rules.pin) > Duration::from_secs(60));
}
