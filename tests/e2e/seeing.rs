//! What the operator of a real proxy sees: its log, its audit trail, its health; and what must never stand there.

use std::path::Path;

use hyper::Method;
use serde_json::{Value, json};

use crate::browsers::PRODUCT;
use crate::cluster::QUICK;
use crate::support::django::Django;
use crate::support::operator::{LISTENS, address, ask, healthcheck, log, scrape, trail};
use crate::support::person::{Form, Person};
use crate::support::proc::run;
use crate::support::proxy::Proxy;
use crate::support::redis::Redis;
use crate::support::socket::PageSocket;

async fn edits(person: &mut Person, path: &str, you: &str) -> (Form, PageSocket) {
    let form = person.form(path).await;
    let socket = PageSocket::join(person, &form).await;
    socket.becomes(you).await;
    (form, socket)
}

const TYPED: &str = "Xylophone";
const SAID: &str = "Bumfuzzle";
const ASKED: &str = "Quixotic";

/// Saves, refusals, a list, words, what is typed live, a query: as talkative as the log can be.
async fn a_session(proxy: &Proxy) -> Vec<String> {
    let mut ada = Person::login(proxy, "root").await;
    let mut grace = Person::login(proxy, "grace").await;
    let (form, editing) = edits(&mut ada, PRODUCT, "editor").await;
    let (theirs, waiting) = edits(&mut grace, PRODUCT, "waiting").await;
    editing.send(json!({"type": "input", "dirty": true}));
    let change =
        json!({"type": "field_changed", "fields": [["name", TYPED]], "names": ["name"], "too_large": false});
    editing.send(change);
    eventually!(waiting.of("field_changed"), |frames| !frames.is_empty());
    let users = eventually!(editing.of("active_users"), |f| f
        .last()
        .is_some_and(|f| f["users"].as_array().is_some_and(|u| u.len() == 2)));
    let to = users.last().unwrap()["users"][1]["user_id"].clone();
    editing.send(json!({"type": "chat_message", "recipient_id": to, "message": SAID, "ref": "m1"}));
    eventually!(waiting.of("chat_message"), |lines| lines.len() == 1);
    let typed = |form: &Form| form.with("name", TYPED).with("_save", "Save");
    let refused = [("content-type", "application/x-www-form-urlencoded"), ("x-request-id", "refused-1")];
    let body = typed(&theirs).urlencoded().into_bytes();
    let address = format!("{PRODUCT}?_changelist_filters={ASKED}");
    grace.request(Method::POST, &address, &refused, body).await.unwrap().expect(423);
    grace.post_multipart(PRODUCT, &typed(&theirs)).await.expect(423);
    ada.get(&format!("/admin/shop/product/?q={ASKED}")).await.expect(200);
    let list = ada.form_of("/admin/shop/product/", "changelist-form").await;
    ada.post("/admin/shop/product/", &list.with("_save", "Save")).await;
    ada.post(PRODUCT, &typed(&form)).await.expect(302);
    grace.post(PRODUCT, &typed(&theirs)).await.expect(409);
    editing.leave();
    waiting.leave();
    let mut secrets: Vec<String> = [TYPED, SAID, ASKED, "root-demo", "grace-demo"].map(str::to_owned).into();
    for (person, form) in [(&ada, &form), (&grace, &theirs)] {
        secrets.extend(person.cookies.values().filter(|v| v.len() > 8).cloned());
        for field in ["_collab", "_collab_base", "csrfmiddlewaretoken"] {
            secrets.push(form.get(field).to_owned());
        }
        secrets.push(form.config["token"].as_str().unwrap().to_owned());
    }
    secrets.push(list.get("_collab").to_owned());
    assert!(secrets.len() > 5 + 2 * (2 + 4) && secrets.iter().all(|s| s.len() > 7), "{secrets:?}");
    secrets
}

fn holds_none(text: &str, secrets: &[String]) {
    for secret in secrets {
        // A token is told by any longer part of it.
        let part = &secret[..secret.len().min(24)];
        let line = text.lines().find(|line| line.contains(part));
        assert_eq!(line, None, "{secret} in the log");
    }
}

#[tokio::test]
async fn no_log_holds_what_people_write_or_are_known_by() {
    let django = Django::start();
    for format in ["text", "json"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let settings =
            format!("log = \"trace\"\nlog_format = \"{format}\"\n[audit]\nfile = \"{}\"\n", path.display());
        let mut proxy = Proxy::with(&django.upstream(), &settings, &[]);
        let secrets = a_session(&proxy).await;
        eventually!(proxy.log(), |log| log.matches("socket_closed").count() == 2);
        proxy.stop();
        let said = proxy.log();
        assert!(said.lines().count() > 30, "at this level more is said:\n{said}");
        holds_none(&said, &secrets);
        assert!(trail(&path).len() > 5);
        holds_none(&std::fs::read_to_string(&path).unwrap(), &secrets);
    }
}

/// One line a decision, with all that is known of it.
#[tokio::test]
async fn a_line_says_it_all() {
    let django = Django::start();
    let proxy = Proxy::with(&django.upstream(), "log_format = \"json\"\n", &[]);
    a_session(&proxy).await;
    let lines =
        eventually!(log(&proxy), |lines| lines.iter().filter(|l| l["decision"] == "socket_closed").count()
            == 2);
    let refused: Vec<&Value> = lines.iter().filter(|l| l["request"] == "refused-1").collect();
    let [line] = refused[..] else { panic!("{refused:#?}") };
    for (field, value) in [
        ("method", json!("POST")),
        ("path", json!(PRODUCT)),
        ("status", json!(423)),
        ("user", json!("login:grace")),
        ("object", json!("shop.product/1")),
        ("decision", json!("refused")),
        ("why", json!("locked")),
        ("level", json!("INFO")),
    ] {
        assert_eq!(line[field], value, "{field} in {line}");
    }
    assert!(line["ms"].is_u64() && line["timestamp"].is_string(), "{line}");
    let count = |decision: &str| lines.iter().filter(|l| l["decision"] == decision).count();
    let decisions = ["form_shown", "socket_opened", "socket_closed", "refused", "saved"].map(count);
    assert_eq!(decisions, [2, 2, 2, 3, 1], "{lines:#?}");
    // What nothing is decided about is not told at this level.
    assert!(lines.iter().all(|l| l["path"] != "/admin/login/"), "{lines:#?}");
    // Nothing else was worth a line, but the start.
    let others = lines.iter().filter(|l| l["decision"].is_null() && l["message"] != "collab-proxy starts");
    let others: Vec<&Value> = others.collect();
    assert!(others.is_empty(), "{others:#?}");
}

/// Also the end of a lock that nobody waits for: it is told when it comes, not when somebody looks.
#[tokio::test]
async fn a_lock_that_nobody_waits_for_ends_in_the_trail() {
    for redis in [None, Some(Redis::start())] {
        let (django, folder) = (Django::start(), tempfile::tempdir().unwrap());
        let file = folder.path().join("audit.jsonl");
        let settings = format!("[audit]\nfile = \"{}\"\n[lock]\ngrace = \"1 s\"\n", file.display());
        let url = redis.as_ref().map(Redis::url);
        let args: Vec<&str> = url.iter().flat_map(|url| ["--redis", url]).collect();
        let proxy = Proxy::with(&django.upstream(), &settings, &args);
        let mut ada = Person::login(&proxy, "root").await;
        let (_, socket) = edits(&mut ada, PRODUCT, "editor").await;
        socket.leave();
        let events = || std::fs::read_to_string(&file).unwrap_or_default();
        eventually!(events(), |events| events.contains("lock_expired"));
    }
}

/// What went wrong is found by the name of the request that it went wrong with.
#[tokio::test]
async fn a_warning_names_its_request() {
    let mut django = Django::start();
    let mut proxy = Proxy::with(&django.upstream(), "log_format = \"json\"\n", &[]);
    let mut ada = Person::login(&proxy, "root").await;
    let form = ada.form(PRODUCT).await.with("_save", "Save");
    let list = ada.form_of("/admin/shop/product/", "changelist-form").await.with("_save", "Save");
    django.kill();
    ada.get("/").await.expect(502);
    ada.get(PRODUCT).await.expect(502);
    ada.post(PRODUCT, &form).await.expect(502);
    ada.post("/admin/shop/product/", &list).await.expect(502);
    let login = form.with("username", "root").with("password", "x");
    ada.post("/admin/login/", &login).await.expect(502);
    proxy.stop();
    let lines = log(&proxy);
    let named = |level: &str| -> Vec<&str> {
        let of_level = lines.iter().filter(|line| line["level"] == level);
        of_level.map(|line| line["request"].as_str().unwrap_or_default()).collect()
    };
    let warned: std::collections::BTreeSet<&str> = named("WARN").into_iter().collect();
    assert!(warned.len() == 5 && named("WARN").len() == 5 && !warned.contains(""), "{lines:#?}");
    let decided = lines.iter().filter(|line| line["status"] == 502);
    let decided: Vec<&str> = decided.map(|line| line["request"].as_str().unwrap()).collect();
    assert!(decided.len() > 1 && decided.iter().all(|id| warned.contains(id)), "{lines:#?}");
}

/// Keys are free text, and so are names.
#[tokio::test]
async fn a_key_that_holds_a_line_breaks_none() {
    let django = Django::start();
    django.value(
        "insert into shop_part (key, name) values ('a' || char(10) || '2026 INFO b', 'x') returning 1",
    );
    let part = "/admin/shop/part/a_0A2026%20INFO%20b/change/";
    for format in ["text", "json"] {
        let settings = format!("log_format = \"{format}\"\n");
        let proxy = Proxy::with(&django.upstream(), &settings, &[]);
        let mut ada = Person::login(&proxy, "root").await;
        let (form, _editing) = edits(&mut ada, part, "editor").await;
        ada.post(part, &form.with("name", "y").with("_continue", "Save")).await;
        let said = eventually!(proxy.log(), |log| log.contains("POST"));
        // All but what is said at the start begins with a time, or is an object of JSON.
        let started = said.lines().skip_while(|l| !l.contains("READY")).skip(1);
        let lines: Vec<&str> = started.filter(|l| !l.starts_with("  ")).collect();
        assert!(lines.len() >= 3, "{said}");
        for line in lines {
            assert!(line.starts_with("20") || line.starts_with('{'), "{format}: {line:?} in\n{said}");
            assert!(!line.starts_with("2026 INFO"), "{said}");
        }
        assert!(said.contains("shop.part/a\\n2026 INFO b"), "{said}");
    }
}

/// Without what differs every time.
fn told(lines: &[Value]) -> Vec<String> {
    let line = |l: &Value| {
        let fields = ["event", "object", "user", "by", "why", "request"];
        fields.map(|f| l[f].as_str().unwrap_or("-").to_owned()).join(" ")
    };
    let mut told: Vec<String> = lines.iter().map(line).collect();
    told.sort();
    told
}

fn trails(paths: &[&Path]) -> Vec<Value> {
    paths.iter().flat_map(|path| trail(path)).collect()
}

/// Two proxies, two trails, and every event in one of them, once; also what the operator does past both.
#[tokio::test]
async fn with_two_proxies_every_event_is_told_once() {
    let (django, redis) = (Django::start(), Redis::start());
    let folder = tempfile::tempdir().unwrap();
    let paths = ["one.jsonl", "two.jsonl"].map(|name| folder.path().join(name));
    let node = |path: &Path| {
        let settings =
            format!("{QUICK}\n[audit]\nfile = \"{}\"\n[lock]\ntakeover = \"always\"\n", path.display());
        Proxy::with(&django.upstream(), &settings, &["--redis", &redis.url()])
    };
    let (one, mut two) = (node(&paths[0]), node(&paths[1]));
    let mut ada = Person::login(&one, "root").await;
    let mut grace = Person::login(&two, "grace").await;
    for person in [&mut ada, &mut grace] {
        person.get("/admin/").await.expect(200);
    }
    let (form, editing) = edits(&mut ada, PRODUCT, "editor").await;
    let (theirs, waits) = edits(&mut grace, PRODUCT, "waiting").await;
    let id = [("content-type", "application/x-www-form-urlencoded"), ("x-request-id", "r-1")];
    let body = theirs.with("_save", "Save").urlencoded().into_bytes();
    grace.request(Method::POST, PRODUCT, &id, body).await.unwrap().expect(423);
    // Asked and handed over, taken back, and freed by the operator past both proxies.
    waits.send(json!({"type": "request_edit"}));
    eventually!(editing.of("edit_requested"), |asked| !asked.is_empty());
    editing.send(json!({"type": "answer_request", "answer": "now"}));
    waits.becomes("editor").await;
    editing.send(json!({"type": "take_over"}));
    editing.becomes("editor").await;
    let mut release = one.locks_command(&["release", "shop.product/1", "--reason", "maintenance"]);
    release.env("SUDO_USER", "olaf");
    let said = run(release);
    assert_eq!(said.code, Some(0), "{}", said.err);
    eventually!(editing.of("lock_released"), |frames| frames.iter().any(|f| f["cause"] == "operator"));
    // Saved on the other node, by whoever was freed: nobody holds it.
    let body = form.with("_save", "Save").urlencoded().into_bytes();
    let id = [("content-type", "application/x-www-form-urlencoded"), ("x-request-id", "r-2")];
    ada.at(&two).request(Method::POST, PRODUCT, &id, body).await.unwrap().expect(302);
    let all = [paths[0].as_path(), &paths[1]];
    let lines = eventually!(trails(&all), |lines| lines.iter().any(|l| l["event"] == "lock_force_released")
        && lines.iter().any(|l| l["event"] == "write_saved"));
    let expected = [
        "lock_force_released shop.product/1 login:root - maintenance -",
        "lock_granted shop.product/1 login:grace - - -",
        "lock_granted shop.product/1 login:root - - -",
        "lock_granted shop.product/1 login:root - - -",
        "lock_handed_over shop.product/1 login:root - - -",
        "lock_taken_over shop.product/1 login:grace login:root - -",
        "queue_joined shop.product/1 login:grace - - -",
        "write_granted shop.product/1 login:root - - r-2",
        "write_refused shop.product/1 login:grace - locked r-1",
        "write_saved shop.product/1 login:root - - r-2",
    ];
    assert_eq!(told(&lines), expected, "{lines:#?}");
    // Whoever did it stands there: both proxies, and the command line.
    let nodes: std::collections::BTreeSet<&str> = lines.iter().filter_map(|l| l["node"].as_str()).collect();
    assert_eq!(nodes.len(), 3, "{nodes:?}");
    assert!(nodes.contains("cli"));
    let operators: Vec<&str> = lines.iter().filter_map(|l| l["operator"].as_str()).collect();
    assert!(operators.len() == 1 && operators[0].starts_with("olaf@"), "{operators:?}");
    let told = editing.of("lock_released");
    assert!(!told.iter().any(|f| f.to_string().contains("olaf")), "no page is told who: {told:?}");
    assert!(lines.iter().all(|l| l["unconfirmed"].is_null()));
    // What an operator does while no proxy runs is told by the next one that starts.
    drop(waits);
    two.stop();
    let mut one = one;
    let (_form, _editing) = edits(&mut ada, PRODUCT, "editor").await;
    one.proc.kill();
    assert_eq!(one.locks(&["release", "--all"]).code, Some(0));
    two.restart();
    let again = eventually!(trails(&all), |lines| lines
        .iter()
        .filter(|l| l["event"] == "lock_force_released")
        .count()
        == 2);
    let last = again.iter().rfind(|l| l["event"] == "lock_force_released").unwrap();
    assert_eq!((&last["node"], &last["user"]), (&json!("cli"), &json!("login:root")));
}

/// A trail on standard output is nothing but a trail.
#[tokio::test]
async fn a_trail_on_standard_output_stands_there_alone() {
    let django = Django::start();
    let proxy = Proxy::with(&django.upstream(), "log = \"error\"\n[audit]\nfile = \"stdout\"\n", &[]);
    let mut ada = Person::login(&proxy, "root").await;
    let (_form, _editing) = edits(&mut ada, PRODUCT, "editor").await;
    let lines = eventually!(log(&proxy), |lines| !lines.is_empty());
    assert_eq!((&lines[0]["event"], &lines[0]["user"]), (&json!("lock_granted"), &json!("login:root")));
    // By the control socket, too, an operator says who they are.
    let mut release = proxy.locks_command(&["release", "--all"]);
    release.env("SUDO_USER", "olaf");
    assert_eq!(run(release).code, Some(0));
    let lines = eventually!(log(&proxy), |lines| lines.len() > 1);
    assert_eq!(lines[1]["event"], "lock_force_released");
    assert!(lines[1]["operator"].as_str().unwrap().starts_with("olaf@"), "{}", lines[1]);
    let folder = tempfile::tempdir().unwrap();
    let mut serve = crate::support::proxy::binary(folder.path());
    serve.args(["serve", "--listen", "127.0.0.1:0"]).env("COLLAB_AUDIT_FILE", "no/such/folder/audit.jsonl");
    let said = crate::support::proc::run(serve);
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.err.contains("no/such/folder/audit.jsonl (audit.file)"), "{}", said.err);
}

#[tokio::test]
async fn a_proxy_without_its_redis_is_not_ready_and_is_again() {
    let (django, mut redis) = (Django::start(), Redis::start());
    let settings = format!("{LISTENS}{QUICK}");
    let proxy = Proxy::with(&django.upstream(), &settings, &["--redis", &redis.url()]);
    let at = address(&proxy);
    eventually!(ask(&proxy, "/readyz").await.status, |status| *status == 200);
    let said = healthcheck(&at);
    assert_eq!((said.code, said.err.as_str()), (Some(0), "collab-proxy: ready\n"));
    let mut ada = Person::login(&proxy, "root").await;
    let form = ada.form(PRODUCT).await;
    redis.kill();
    let away = eventually!(ask(&proxy, "/readyz").await, |answer| answer.status == 503).json();
    assert_eq!((&away["ready"], &away["reason"]), (&json!(false), &json!("store_down")));
    assert!(away["message"].as_str().unwrap().contains("redis.sock"), "{away}");
    ask(&proxy, "/livez").await.expect(200);
    let said = healthcheck(&at);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(
        said.err.starts_with("collab-proxy: not ready: the store of locks cannot be reached"),
        "{}",
        said.err
    );
    ada.post(PRODUCT, &form.with("_save", "Save")).await.expect(503);
    let line = "user=login:root object=shop.product/1 decision=refused why=store_down";
    eventually!(proxy.log(), |log| log.contains(line));
    let counted = scrape(&proxy).await;
    assert_eq!(counted.get("collab_proxy_store_up"), 0.0);
    assert!(counted.get("collab_proxy_redis_errors_total") > 0.0);
    assert_eq!(counted.get("collab_proxy_writes_blocked_total{reason=\"store_down\"}"), 1.0);
    redis.restart();
    eventually!(ask(&proxy, "/readyz").await.status, |status| *status == 200);
    let counted = scrape(&proxy).await;
    assert_eq!(counted.get("collab_proxy_store_up"), 1.0);
    assert!(counted.get("collab_proxy_store_duration_seconds_count") > 5.0);
}

#[tokio::test]
async fn a_stopped_proxy_is_not_ready_before_it_takes_nobody_any_more() {
    let django = Django::start();
    let settings = format!("{LISTENS}[proxy]\ndrain_delay = \"3 s\"\n");
    let mut proxy = Proxy::with(&django.upstream(), &settings, &[]);
    let at = address(&proxy);
    let mut ada = Person::login(&proxy, "root").await;
    let (form, editing) = edits(&mut ada, PRODUCT, "editor").await;
    let counted = scrape(&proxy).await;
    assert_eq!(counted.get("collab_proxy_locks_held"), 1.0);
    proxy.proc.signal("TERM");
    eventually!(ask(&proxy, "/readyz").await.status, |status| *status == 503);
    // Whoever comes all the same is served, and sockets stay.
    ada.post(PRODUCT, &form.with("name", "Saved while leaving").with("_continue", "Save")).await.expect(302);
    let said = healthcheck(&at);
    assert_eq!(
        (said.code, said.err.as_str()),
        (Some(1), "collab-proxy: not ready: the proxy is being stopped\n")
    );
    assert_eq!(editing.closed(), None);
    eventually!(editing.closed(), |code| *code == Some(1012));
    // A second signal would end it at once.
    let ended = eventually!(proxy.proc.ended(), |status| status.is_some());
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
    assert_eq!(django.product_name(1), "Saved while leaving");
    let said = healthcheck(&at);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains(&format!("nothing answers at {at}")), "{}", said.err);
}

#[test]
fn a_health_check_that_cannot_ask_says_what_is_missing() {
    let said = healthcheck("");
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("operator.listen is empty"), "{}", said.err);
    let folder = tempfile::tempdir().unwrap();
    let socket = format!("unix:{}", folder.path().join("health.sock").display());
    assert!(healthcheck(&socket).err.contains("nothing answers at unix:"));
    let proxy = Proxy::with("http://127.0.0.1:1", &format!("[operator]\nlisten = \"{socket}\"\n"), &[]);
    assert_eq!(healthcheck(&socket).code, Some(0), "{}", proxy.log());
    // Where browsers connect there is no such thing.
    let said = healthcheck(proxy.address());
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("is this the operator's listener?"), "{}", said.err);
    assert_eq!(healthcheck("nowhere").code, Some(1));
}

/// A proxy that was killed leaves no word; that the next one begins does.
#[tokio::test]
async fn the_log_says_when_it_starts_and_ends() {
    let mut proxy = Proxy::with("http://127.0.0.1:1", "log_format = \"json\"\n", &[]);
    let line = |proxy: &Proxy, text: &str| {
        let lines = log(proxy);
        lines.into_iter().find(|line| line["message"] == text)
    };
    let start = eventually!(line(&proxy, "collab-proxy starts"), Option::is_some).unwrap();
    assert_eq!((&start["level"], &start["store"]), (&json!("INFO"), &json!("embedded")), "{start}");
    assert_eq!(start["version"], env!("CARGO_PKG_VERSION"));
    assert!(start["node"].as_str().is_some_and(|node| node.len() > 8), "{start}");
    assert!(start["upstream"].as_str().is_some_and(|at| at.contains("127.0.0.1:1")), "{start}");
    assert!(start["listen"].as_str().is_some_and(|at| at.contains(proxy.address())), "{start}");
    assert!(proxy.stop().success());
    assert!(line(&proxy, "collab-proxy has ended").is_some(), "{}", proxy.log());
}
