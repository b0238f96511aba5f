//! What becomes of people's work when a part fails: Redis, the way to it, a proxy. Each fault is brought about for real,
//! and each test says what people see of it, and how long.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::browsers::{EDITOR, PRODUCT};
use crate::cluster::{Cluster, QUICK};
use crate::stage::Stage;
use crate::support::django::Django;
use crate::support::person::{Form, Person};
use crate::support::proxy::Proxy;
use crate::support::redis::Redis;
use crate::support::relay::{Relay, Way};
use crate::support::socket::PageSocket;

/// A lease that a test can outlive.
const SHORT: &str = "[lock]\nlease = \"3 s\"\nping = \"500 ms\"\ndead = \"1 s\"\ngrace = \"1 s\"\n";

/// Somebody with the product's form open: its editor, or next in line.
pub(crate) struct At {
    pub(crate) person: Person,
    pub(crate) form: Form,
    pub(crate) socket: PageSocket,
}

impl At {
    pub(crate) async fn opens(proxy: &Proxy, user: &str, you: &str) -> Self {
        let mut person = Person::login(proxy, user).await;
        let form = person.form(PRODUCT).await;
        let socket = PageSocket::join(&person, &form).await;
        socket.becomes(you).await;
        Self { person, form, socket }
    }

    pub(crate) fn typed(&self, name: &str) -> Form {
        self.form.with("name", name).with("_save", "Save")
    }
}

fn name(cluster: &Cluster) -> String {
    cluster.django.product_name(1)
}

/// Redis frozen for 20 s, with the settings as they come: pages open at once, a save is refused within seconds with its
/// text, however many ask; when it thaws everybody is where they were.
#[tokio::test]
async fn a_frozen_redis_keeps_nobody_waiting() {
    let mut cluster = Cluster::with("");
    let mut ada = At::opens(&cluster.one, "root", "editor").await;
    let mut grace = At::opens(&cluster.two, "grace", "waiting").await;
    cluster.redis.freeze();
    let frozen = Instant::now();
    // The first on each proxy may wait until it is known; nobody after that.
    ada.person.get(PRODUCT).await.expect(200);
    grace.person.get(PRODUCT).await.expect(200);
    assert!(frozen.elapsed() < Duration::from_secs(4), "{:?}", frozen.elapsed());
    let known = Instant::now();
    for _ in 0..5 {
        ada.person.get(PRODUCT).await.expect(200);
        ada.person.get("/admin/shop/product/").await.expect(200);
    }
    assert!(known.elapsed() < Duration::from_secs(5), "{:?}", known.elapsed());
    // Many saves at once do not wait for each other.
    let sent = Instant::now();
    let saves = (0..20).map(|n| {
        let mut person = grace.person.at(&cluster.two);
        let typed = grace.typed(&format!("Typed {n}"));
        async move { (n, person.post(PRODUCT, &typed).await.expect(503).text()) }
    });
    for (n, page) in futures_util::future::join_all(saves).await {
        assert!(page.contains(&format!("Typed {n}")), "{page}");
    }
    assert!(sent.elapsed() < Duration::from_secs(8), "{:?}", sent.elapsed());
    assert_eq!(name(&cluster), "Blue kettle");
    // The fault itself takes this long.
    tokio::time::sleep(Duration::from_secs(20).saturating_sub(frozen.elapsed())).await;
    for (socket, you) in [(&ada.socket, "editor"), (&grace.socket, "waiting")] {
        assert!(socket.of("editor_status").iter().all(|s| s["you"] == you), "{:?}", socket.status());
    }
    cluster.redis.thaw();
    let typed = ada.form.with("name", "Typed in the frost").with("_continue", "Save");
    let thawed = Instant::now();
    eventually!(ada.person.post(PRODUCT, &typed).await, |answer| answer.status == 302);
    assert!(thawed.elapsed() < Duration::from_secs(6), "{:?}", thawed.elapsed());
    assert_eq!(name(&cluster), "Typed in the frost");
    assert_eq!((ada.socket.closed(), grace.socket.closed()), (None, None), "sockets stay");
}

/// A machine on the way forgets the connections of one proxy: commands find another way within seconds, and so does what
/// the other proxies tell.
#[tokio::test]
async fn connections_that_lead_nowhere_are_noticed() {
    let (django, redis) = (Django::start(), Redis::on_port(&[]));
    let relay = Relay::before(redis.address());
    let one = Proxy::with(&django.upstream(), QUICK, &["--redis", &relay.url()]);
    let two = Proxy::with(&django.upstream(), QUICK, &["--redis", &redis.url()]);
    let mut ada = At::opens(&one, "root", "editor").await;
    let grace = At::opens(&two, "grace", "waiting").await;
    relay.forget_connections();
    let typed = ada.form.with("name", "Past the silence").with("_continue", "Save");
    eventually!(ada.person.post(PRODUCT, &typed).await, |answer| answer.status == 302);
    assert_eq!(django.product_name(1), "Past the silence");
    relay.forget_connections();
    // Nothing is asked on node one now: it has to hear it.
    let freed: Vec<serde_json::Value> = {
        let said = two.locks(&["release", "--all", "--json"]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        serde_json::from_str(&said.out).unwrap()
    };
    assert_eq!(freed.len(), 1);
    eventually!(ada.socket.status(), |s| s["you"] != "editor");
    // Her page shows what was before the save.
    eventually!(grace.socket.status(), |s| s["turn"] == true);
    assert_eq!(ada.socket.closed(), None);
}

/// 100 ms each way: everything works, only later, and nothing is taken for broken.
#[tokio::test]
async fn a_slow_redis_is_only_slow() {
    let (django, redis) = (Django::start(), Redis::on_port(&[]));
    let relay = Relay::before(redis.address());
    let proxy = Proxy::with(&django.upstream(), "", &["--redis", &relay.url()]);
    relay.set(Way::After(Duration::from_millis(100)));
    let mut ada = At::opens(&proxy, "root", "editor").await;
    let grace = At::opens(&proxy, "grace", "waiting").await;
    let typed = ada.typed("Slowly");
    ada.person.post(PRODUCT, &typed).await.expect(302);
    assert_eq!(django.product_name(1), "Slowly");
    ada.socket.leave();
    eventually!(grace.socket.status(), |s| s["turn"] == true);
    for trouble in ["broke", "subscribing again", "cannot be reached"] {
        assert!(!proxy.log().contains(trouble), "{}", proxy.log());
    }
}

/// Nothing goes through any more, both ways, and then it does.
#[tokio::test]
async fn a_network_that_loses_everything_is_waited_for() {
    let (django, redis) = (Django::start(), Redis::on_port(&[]));
    let relay = Relay::before(redis.address());
    let proxy = Proxy::with(&django.upstream(), QUICK, &["--redis", &relay.url()]);
    let mut ada = At::opens(&proxy, "root", "editor").await;
    let mut grace = At::opens(&proxy, "grace", "waiting").await;
    relay.set(Way::Nowhere);
    let typed = grace.typed("In the dark");
    let page = grace.person.post(PRODUCT, &typed).await.expect(503).text();
    assert!(page.contains("In the dark"), "{page}");
    relay.set(Way::After(Duration::ZERO));
    let typed = ada.typed("Through the dark");
    eventually!(ada.person.post(PRODUCT, &typed).await, |answer| answer.status == 302);
    assert_eq!(django.product_name(1), "Through the dark");
    assert_eq!(ada.socket.closed(), None);
}

/// Each proxy has one connection for commands and one that listens. An operator kills the ones that listen: what happens
/// on one proxy is still seen on the other.
#[tokio::test]
async fn a_killed_subscription_is_made_anew() {
    let cluster = Cluster::start();
    let ada = At::opens(&cluster.one, "root", "editor").await;
    let grace = At::opens(&cluster.two, "grace", "waiting").await;
    let connections = || {
        let list: String = cluster.redis.tell(&["CLIENT", "LIST"]);
        let kinds = [" sub=0 ", " sub=2 "].map(|sub| list.lines().filter(|c| c.contains(sub)).count());
        (kinds, list)
    };
    // One of those without a subscription is the test's own.
    eventually!(connections(), |(kinds, _)| *kinds == [3, 2]);
    let killed: u32 = cluster.redis.tell(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert_eq!(killed, 2);
    eventually!(connections(), |(kinds, _)| *kinds == [3, 2]);
    ada.socket.leave();
    grace.socket.becomes("editor").await;
}

/// Its scripts are gone, as after a restart of a managed Redis.
#[tokio::test]
async fn a_redis_that_forgets_its_scripts_is_told_them_again() {
    let cluster = Cluster::start();
    let mut ada = At::opens(&cluster.one, "root", "editor").await;
    cluster.redis.tell::<()>(&["SCRIPT", "FLUSH"]);
    let typed = ada.typed("After the flush");
    ada.person.post(PRODUCT, &typed).await.expect(302);
    assert_eq!(name(&cluster), "After the flush");
}

/// Redis takes no more connections, just when one is needed: it is said why, and it goes on when there is room.
#[tokio::test]
async fn a_redis_with_too_many_clients_is_waited_for() {
    let cluster = Cluster::start();
    let mut ada = At::opens(&cluster.one, "root", "editor").await;
    let mut grace = At::opens(&cluster.two, "grace", "waiting").await;
    // A connection of the test's own that is there before there is no room.
    let mut own = redis::Client::open(cluster.redis.url()).unwrap().get_connection().unwrap();
    let mut tell = |words: &[&str]| {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).exec(&mut own).unwrap();
    };
    tell(&["CONFIG", "SET", "maxclients", "1"]);
    tell(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    let typed = grace.typed("Too many");
    let page = eventually!(grace.person.post(PRODUCT, &typed).await, |a| a.status == 503).text();
    assert!(page.contains("Too many"), "{page}");
    eventually!(cluster.one.log(), |log| log.contains("as many clients as it may"));
    tell(&["CONFIG", "SET", "maxclients", "100"]);
    let typed = ada.typed("In the crowd");
    eventually!(ada.person.post(PRODUCT, &typed).await, |answer| answer.status == 302);
    assert_eq!(name(&cluster), "In the crowd");
}

/// A proxy stands still for longer than the lease, and goes on as if nothing had been: whoever got the lock meanwhile keeps
/// it, and the save of before is given back.
#[tokio::test]
async fn a_frozen_proxy_does_not_go_on_as_editor() {
    let mut cluster = Cluster::with(SHORT);
    let mut ada = At::opens(&cluster.one, "root", "editor").await;
    let mut grace = At::opens(&cluster.two, "grace", "waiting").await;
    cluster.one.proc.signal("STOP");
    grace.socket.becomes("editor").await;
    let theirs = grace.form.with("name", "Grace's").with("_continue", "Save");
    grace.person.post(PRODUCT, &theirs).await.expect(302);
    cluster.one.proc.signal("CONT");
    let typed = ada.typed("Ada's");
    let page = ada.person.post(PRODUCT, &typed).await.text();
    assert!(page.contains("Ada&#x27;s") || page.contains("Ada's"), "{page}");
    assert_eq!(name(&cluster), "Grace's");
    // Her page has been told, or is cut off and comes back to hear it.
    eventually!((ada.socket.closed(), ada.socket.status()), |(closed, s)| closed.is_some()
        || s["you"] != "editor");
}

/// A proxy dies without a word: its people come back on the other one, and its editor's lock goes on with the next only
/// when the lease has ended.
#[tokio::test]
async fn a_killed_proxys_locks_become_free() {
    let mut cluster = Cluster::with(SHORT);
    let ada = At::opens(&cluster.one, "root", "editor").await;
    let grace = At::opens(&cluster.two, "grace", "waiting").await;
    cluster.one.proc.kill();
    eventually!(ada.socket.closed(), Option::is_some);
    // Her browser finds the other one, in time.
    let roaming = ada.person.at(&cluster.two);
    let back = PageSocket::join(&roaming, &ada.form).await;
    back.becomes("editor").await;
    drop(back);
    grace.socket.becomes("editor").await;
    assert_eq!(cluster.two.list()[0]["editor"], json!("Grace"));
}

/// And where her tab shows another page by then, as after a save that found no proxy: the page before it, of which nobody will
/// hear again, does not keep her out. Nobody else's page can be said to be gone.
#[tokio::test]
async fn a_tab_of_a_killed_proxy_goes_on_with_its_next_page() {
    let mut cluster = Cluster::with("");
    let ada = At::opens(&cluster.one, "root", "editor").await;
    let grace = At::opens(&cluster.one, "grace", "waiting").await;
    let linus = At::opens(&cluster.two, "linus", "waiting").await;
    let page_of = |at: &At| at.socket.of("welcome")[0]["page_id"].as_str().unwrap().to_owned();
    let (editing, waiting, last) = (page_of(&ada), page_of(&grace), page_of(&linus));
    cluster.one.proc.kill();
    let (mut ada, mut grace) = (ada.person.at(&cluster.two), grace.person.at(&cluster.two));
    let (mine, theirs) = (ada.form(PRODUCT).await, grace.form(PRODUCT).await);
    let thief = PageSocket::join_after(&grace, &theirs, &editing).await;
    thief.becomes("viewer").await;
    assert_eq!(linus.socket.status()["editor"]["name"], "Ada");
    let other = PageSocket::join_after(&ada, &mine, &last).await;
    other.becomes("viewer").await;
    assert_eq!(other.status()["elsewhere"], true);
    other.leave();
    let next = ada.form(PRODUCT).await;
    let goes_on = PageSocket::join_after(&ada, &next, &editing).await;
    goes_on.becomes("editor").await;
    thief.leave();
    let next = grace.form(PRODUCT).await;
    let waits = PageSocket::join_after(&grace, &next, &waiting).await;
    waits.becomes("waiting").await;
    assert_eq!((&waits.status()["position"], &linus.socket.status()["position"]), (&json!(1), &json!(2)));
}

/// The same in a browser: her save finds no proxy, and her tab shows the browser's own page of error.
#[tokio::test]
async fn whoever_saved_into_a_killed_proxy_edits_at_once_when_it_is_back() {
    let (django, redis) = (Django::start(), Redis::start());
    let proxy = Proxy::with(&django.upstream(), QUICK, &["--redis", &redis.url()]);
    Stage::of("killed", django, proxy)
        .play(async |stage| {
            stage.expect_in_console("WebSocket connection to");
            stage.expect_in_console("ERR_CONNECTION_REFUSED");
            let ada = stage.person("root").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            ada.enter_field("name", "Into the void").await;
            ada.drafted("Into the void").await;
            stage.proxy.borrow_mut().proc.kill();
            ada.told("The connection is lost, trying again.").await;
            ada.mark().await;
            ada.js("setTimeout(() => document.querySelector('[name=_save]').click())", vec![]).await;
            eventually!(ada.is_marked().await, |marked| !marked);
            stage.proxy.borrow_mut().restart();
            // Not "on another page", until her lease of 30 s ends.
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            ada.press_notice("Fill them in").await;
            assert_eq!(ada.value("name").await, "Into the void");
        })
        .await;
}

/// One proxy with the embedded store is restarted while people edit: whoever comes back first, nobody slips in between, and
/// what was said is still there. Killed, it knows nothing more, and finds out what it has to.
#[tokio::test]
async fn a_restart_of_the_only_proxy_changes_nothing() {
    let django = Django::start();
    let mut proxy = Proxy::start(&django.upstream());
    let mut ada = At::opens(&proxy, "root", "editor").await;
    let mut grace = At::opens(&proxy, "grace", "waiting").await;
    let ids = || ada.socket.of("active_users").pop().unwrap_or_default()["users"].clone();
    let users = eventually!(ids(), |users| users.as_array().is_some_and(|u| u.len() == 2));
    ada.socket.send(
        json!({"type": "chat_message", "recipient_id": users[1]["user_id"], "message": "back soon", "ref": "m"}),
    );
    eventually!(grace.socket.of("chat_message"), |lines| lines.len() == 1);
    assert!(proxy.stop().success());
    eventually!(ada.socket.closed(), |code| *code == Some(1012));
    proxy.restart();
    // Somebody who was not even there comes first, and then the one who waited.
    let linus = At::opens(&proxy, "linus", "waiting").await;
    assert_eq!(linus.socket.status()["position"], 2);
    let theirs = grace.form.with("name", "Slipped in").with("_save", "Save");
    grace.person.post(PRODUCT, &theirs).await.expect(423);
    let waits = PageSocket::join(&grace.person, &grace.form).await;
    waits.becomes("waiting").await;
    assert_eq!(waits.status()["position"], 1);
    eventually!(waits.of("chat_history"), |h| h.len() == 1 && h[0]["messages"][0]["message"] == "back soon");
    let back = PageSocket::join(&ada.person, &ada.form).await;
    back.becomes("editor").await;
    let typed = ada.typed("After the restart");
    ada.person.post(PRODUCT, &typed).await.expect(302);
    assert_eq!(django.product_name(1), "After the restart");
    // A page of before it that is older than the save is old after the next restart too.
    assert!(proxy.stop().success());
    proxy.restart();
    grace.person.post(PRODUCT, &theirs).await.expect(409);
    // Nothing is left on disk that a crash could bring back.
    let form = ada.person.form(PRODUCT).await;
    proxy.proc.kill();
    proxy.restart();
    ada.person.post(PRODUCT, &form.with("name", "After the crash").with("_save", "Save")).await.expect(302);
    grace.person.post(PRODUCT, &theirs).await.expect(409);
    assert_eq!(django.product_name(1), "After the crash");
}

/// A proxy's wall clock is set an hour forward, and an hour back: no lease ends by it, nobody's page gets old, and the line
/// stays as it was. With Redis time is Redis's own, without it the clock that nobody sets.
#[tokio::test]
async fn a_stepped_clock_moves_no_lease() {
    let library =
        ["x86_64", "aarch64"].map(|cpu| format!("/usr/lib/{cpu}-linux-gnu/faketime/libfaketime.so.1"));
    let library = library.iter().find(|path| std::path::Path::new(path).exists());
    let library = library.expect("faketime is missing; please run: sudo apt-get install -y faketime");
    for redis in [None, Some(Redis::start())] {
        let (django, folder) = (Django::start(), tempfile::tempdir().unwrap());
        let file = folder.path().join("time");
        std::fs::write(&file, "+0").unwrap();
        let name = file.display().to_string();
        let env = [
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", &name),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        let url = redis.as_ref().map(Redis::url).unwrap_or_default();
        let args: &[&str] = if redis.is_some() { &["--redis", &url] } else { &[] };
        let proxy = Proxy::in_environment(&django.upstream(), "", args, &env);
        let mut ada = At::opens(&proxy, "root", "editor").await;
        let mut grace = At::opens(&proxy, "grace", "waiting").await;
        for (number, (step, moved)) in [("+1h", 3600), ("-1h", -3600)].into_iter().enumerate() {
            std::fs::write(&file, step).unwrap();
            let theirs = grace.typed("Out of time");
            grace.person.post(PRODUCT, &theirs).await.expect(423);
            // The program does see another hour: its log says so.
            let refused =
                || proxy.log().lines().filter(|l| l.contains("locked")).map(str::to_owned).collect();
            let lines: Vec<String> = eventually!(refused(), |lines: &Vec<String>| lines.len() == number + 1);
            let line = &lines[number];
            let told = hours(line.split_whitespace().next().unwrap());
            let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
            let off = told - i64::try_from(wall % 86_400).unwrap() - moved;
            assert!(off.rem_euclid(86_400) < 60 || off.rem_euclid(86_400) > 86_340, "{step}: {line}");
            let status = || ada.socket.of("editor_status");
            assert!(status().iter().all(|s| s["you"] == "editor"), "{:?}", status());
        }
        let line = grace.socket.of("editor_status");
        assert!(line.iter().all(|s| s["you"] == "waiting" && s["turn"] == false), "{line:?}");
        let typed = ada.typed("Through the hours");
        ada.person.post(PRODUCT, &typed).await.expect(302);
        assert_eq!(django.product_name(1), "Through the hours");
        assert_eq!((ada.socket.closed(), grace.socket.closed()), (None, None));
    }
}

/// Seconds since midnight in `2026-11-27T16:18:58.566271Z`.
fn hours(time: &str) -> i64 {
    let clock = time.split_once('T').unwrap().1;
    let mut parts = clock.trim_end_matches('Z').split([':', '.']).map(|n| n.parse::<i64>().unwrap());
    parts.next().unwrap() * 3600 + parts.next().unwrap() * 60 + parts.next().unwrap()
}
