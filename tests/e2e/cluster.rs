//! Two proxies, one Redis: the same promises across nodes.

use std::time::Duration;

use serde_json::json;

use crate::browsers::{ADA_EDITS, EDITOR, PRODUCT};
use crate::stage::Stage;
use crate::support::django::Django;
use crate::support::person::{Person, parse};
use crate::support::proxy::Proxy;
use crate::support::redis::Redis;
use crate::support::socket::PageSocket;

/// Quick to notice that Redis is away.
pub(crate) const QUICK: &str = "[options]\nredis_retry_delay = \"20 ms\"\nredis_socket_timeout = \"1 s\"";

pub(crate) struct Cluster {
    pub(crate) one: Proxy,
    pub(crate) two: Proxy,
    pub(crate) redis: Redis,
    pub(crate) django: Django,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        Self::with(QUICK)
    }

    /// `settings`: of both proxies.
    pub(crate) fn with(settings: &str) -> Self {
        Self::before(Django::start(), settings)
    }

    pub(crate) fn before(django: Django, settings: &str) -> Self {
        let redis = Redis::start();
        let node = || Proxy::with(&django.upstream(), settings, &["--redis", &redis.url()]);
        let (one, two) = (node(), node());
        Self { one, two, redis, django }
    }
}

#[tokio::test]
async fn an_editor_on_one_node_and_a_viewer_on_the_other() {
    let Cluster { one, two, redis: _redis, django } = Cluster::start();
    Stage::of("cluster", django, one)
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person_at("grace", two.url(), "/admin/").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            grace.open(PRODUCT).await;
            grace.told(ADA_EDITS).await;
            assert!(!grace.is_editable("name").await);
            grace.mark().await;
            ada.enter_field("name", "Bluer kettle").await;
            ada.save("_save").await;
            grace.told(EDITOR).await;
            assert!(!grace.is_marked().await);
            assert_eq!(grace.value("name").await, "Bluer kettle");
            // The operator frees it, through Redis; the one node's editor is told, the other node's viewer is next.
            ada.open(PRODUCT).await;
            ada.told("This page is being edited by Grace.").await;
            ada.mark().await;
            grace.enter_field("name", "Half typ").await;
            let said = two.locks(&["release", "--user", "grace", "--reason", "Prices come in"]);
            assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
            grace.told("An administrator ended your editing. The reason: “Prices come in”.").await;
            assert_eq!(grace.value("name").await, "Half typ");
            ada.told(EDITOR).await;
            assert!(ada.is_marked().await);
        })
        .await;
}

/// Who edits on one node is seen in a list on the other, as it happens; also what was missed while nobody listened.
#[tokio::test]
async fn a_list_on_one_node_shows_who_edits_on_the_other() {
    let Cluster { one, two, redis, django } = Cluster::start();
    Stage::of("cluster-list", django, one)
        .play(async |stage| {
            let badges =
                "return [...document.querySelectorAll('collab-badge')].map((b) => b.shadowRoot.textContent)";
            let ada = stage.person("root").await;
            let grace = stage.person_at("grace", two.url(), "/admin/").await;
            grace.open("/admin/shop/product/").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            let shown = eventually!(grace.look(badges).await, |b| b.as_array().is_some_and(|b| b.len() == 1));
            assert!(shown[0].as_str().is_some_and(|text| text.contains("Ada")), "{shown}");
            let killed: u32 = redis.tell(&["CLIENT", "KILL", "TYPE", "pubsub"]);
            assert_eq!(killed, 2);
            ada.open("/admin/").await;
            eventually!(grace.look(badges).await, |b| *b == json!([]));
        })
        .await;
}

#[tokio::test]
async fn a_post_on_the_other_node_is_refused() {
    let cluster = Cluster::start();
    let mut ada = Person::login(&cluster.one, "root").await;
    let mut grace = Person::login(&cluster.two, "grace").await;
    let form = ada.form(PRODUCT).await;
    let editing = PageSocket::join(&ada, &form).await;
    editing.becomes("editor").await;
    let theirs = grace.form(PRODUCT).await;
    let waits = PageSocket::join(&grace, &theirs).await;
    waits.becomes("waiting").await;
    let before = cluster.django.product(1);
    let page = grace.post(PRODUCT, &theirs.with("name", "Typed on node two")).await.expect(423).text();
    assert!(page.contains("Ada is editing this") && page.contains("Typed on node two"), "{page}");
    assert_eq!(cluster.django.product(1), before);
    // The editor's save may come in anywhere.
    let mut roaming = ada.at(&cluster.two);
    roaming.post(PRODUCT, &form.with("name", "Saved on node two").with("_save", "Save")).await.expect(302);
    eventually!(waits.status(), |s| s["turn"] == true && s["stale"] == true);
    eventually!(editing.of("content_updated"), |saves| saves.len() == 1);
    grace.post(PRODUCT, &theirs.with("_save", "Save")).await.expect(409);
    let fresh = grace.at(&cluster.one).form(PRODUCT).await;
    assert_eq!(fresh.get("name"), "Saved on node two");
    grace.post(PRODUCT, &fresh.with("name", "Hers").with("_save", "Save")).await.expect(302);
    assert_eq!(cluster.django.product_name(1), "Hers");
}

#[tokio::test]
async fn of_fifty_who_claim_at_once_one_edits() {
    let cluster = Cluster::start();
    race(&cluster.django, &[&cluster.one, &cluster.two]).await;
}

#[tokio::test]
async fn of_fifty_who_claim_at_once_one_edits_with_the_embedded_store() {
    let django = Django::start();
    let proxy = Proxy::start(&django.upstream());
    race(&django, &[&proxy]).await;
}

async fn race(django: &Django, proxies: &[&Proxy]) {
    // Fifty sessions that the proxies have not seen begin are fifty people to them.
    let mut people = Vec::new();
    for number in 0..50 {
        let mut person = Person::at_address(django.upstream().strip_prefix("http://").unwrap(), "root");
        person.sign_in("/admin/").await;
        people.push(person.at(proxies[number % proxies.len()]));
    }
    let mut rounds = 0;
    for product in 1..=4 {
        let mut forms = Vec::new();
        for person in &mut people {
            forms.push(person.form(&format!("/admin/shop/product/{product}/change/")).await);
        }
        // All sockets first, so that all join at one instant.
        let mut waiting = Vec::new();
        for (person, form) in people.iter().zip(forms) {
            let socket = PageSocket::open(person, form.config["socket"].as_str().unwrap()).await;
            waiting.push((socket, form.config["token"].clone()));
        }
        for (socket, token) in &waiting {
            socket.send(json!({"type": "join", "token": token}));
        }
        // Everybody has a place: one edits, the others stand in one line.
        let within = Duration::from_secs(30);
        let places = || {
            let mut places: Vec<u64> = waiting
                .iter()
                .map(|(s, _)| match s.status() {
                    status if status["you"] == "editor" => 0,
                    status => status["position"].as_u64().unwrap_or(999),
                })
                .collect();
            places.sort_unstable();
            places
        };
        eventually!(places(), |places| places.iter().copied().eq(0..50), within: within);
        // And nobody was told otherwise in between.
        let editors =
            waiting.iter().filter(|(s, _)| s.of("editor_status").iter().any(|f| f["you"] == "editor"));
        assert_eq!(editors.count(), 1);
        rounds += 1;
    }
    assert_eq!(rounds, 4);
}

#[tokio::test]
async fn a_restarted_node_finds_the_locks_as_they_were() {
    let mut cluster = Cluster::start();
    let mut ada = Person::login(&cluster.one, "root").await;
    let mut grace = Person::login(&cluster.two, "grace").await;
    let form = ada.form(PRODUCT).await;
    let editing = PageSocket::join(&ada, &form).await;
    editing.becomes("editor").await;
    let theirs = grace.form(PRODUCT).await;
    let waits = PageSocket::join(&grace, &theirs).await;
    waits.becomes("waiting").await;
    assert!(cluster.one.stop().success());
    eventually!(editing.closed(), |code| *code == Some(1012));
    // No proxy of hers runs; the lock is still hers, and the operator sees it.
    let lock = cluster.one.list();
    assert_eq!((&lock[0]["editor"], &lock[0]["waiting"]), (&json!("Ada"), &json!(1)));
    cluster.one.restart();
    let back = PageSocket::join(&ada, &form).await;
    back.becomes("editor").await;
    assert!(waits.of("editor_status").iter().all(|s| s["you"] == "waiting"));
    ada.post(PRODUCT, &form.with("name", "After the restart").with("_save", "Save")).await.expect(302);
    assert_eq!(cluster.django.product_name(1), "After the restart");
}

#[tokio::test]
async fn without_redis_nothing_is_saved_unguarded_and_nothing_typed_is_lost() {
    let mut cluster = Cluster::start();
    let mut ada = Person::login(&cluster.one, "root").await;
    let form = ada.form(PRODUCT).await;
    cluster.redis.kill();
    let typed = form.with("name", "Typed meanwhile").with("_save", "Save");
    let answer = ada.post(PRODUCT, &typed).await.expect(503);
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|s| s > 0));
    let page = answer.text();
    assert!(page.contains("Edit locks cannot be checked") && page.contains("Typed meanwhile"), "{page}");
    assert_eq!(cluster.django.product_name(1), "Blue kettle");
    // Reading goes on, as plain Django.
    ada.get(PRODUCT).await.expect(200);
    ada.get("/admin/shop/product/").await.expect(200);

    // Redis has forgotten everything, and meanwhile a script has changed the object: the form is compared with it.
    cluster.django.value("update shop_product set stock = 99 where id = 1 returning id");
    cluster.redis.restart();
    let page = eventually!(ada.post(PRODUCT, &typed).await, |answer| answer.status != 503).expect(409).text();
    assert!(page.contains("Typed meanwhile") && page.contains("Changed by somebody else only"), "{page}");
    assert_eq!(cluster.django.product_name(1), "Blue kettle");
    // Where the form shows just what is there, nothing stands in its way.
    cluster.django.value("update shop_product set stock = 12 where id = 1 returning id");
    ada.post(PRODUCT, &typed).await.expect(302);
    assert_eq!(cluster.django.product_name(1), "Typed meanwhile");
}

/// The node that refuses need not be the one that has shown the form.
#[tokio::test]
async fn no_node_gives_a_password_back() {
    let cluster = Cluster::start();
    let credential = "/admin/shop/credential/1/change/";
    let mut ada = Person::login(&cluster.one, "root").await;
    let mut grace = Person::login(&cluster.one, "grace").await;
    let form = ada.form(credential).await;
    let editing = PageSocket::join(&ada, &form).await;
    editing.becomes("editor").await;
    let typed = grace.form(credential).await.with("api_secret", "hunter2-of-the-till");
    let mut roaming = grace.at(&cluster.two);
    let page = roaming.post(credential, &typed).await.expect(423).text();
    assert!(!page.contains("hunter2") && page.contains("is not shown again"), "{page}");
    // Nor does it when the page that gave the rest back is sent again.
    let again = parse(&page, "").with("api_secret", "hunter2-once-more");
    let page = roaming.post(credential, &again).await.expect(423).text();
    assert!(!page.contains("hunter2") && page.contains("is not shown again"), "{page}");
}

/// People on different nodes cannot tell: who is there, words, and what is typed cross over.
#[tokio::test]
async fn people_on_different_nodes_are_together() {
    let settings = "[lock]\nlease = \"3 s\"\nping = \"500 ms\"\ndead = \"1 s\"\ngrace = \"1 s\"\n";
    let (django, redis) = (Django::start(), Redis::start());
    let node = || Proxy::with(&django.upstream(), settings, &["--redis", &redis.url()]);
    let (one, mut two) = (node(), node());
    let mut ada = Person::login(&one, "root").await;
    let mut grace = Person::login(&two, "grace").await;
    for person in [&mut ada, &mut grace] {
        person.get("/admin/").await.expect(200);
    }
    let form = ada.form(PRODUCT).await;
    let editing = PageSocket::join(&ada, &form).await;
    editing.becomes("editor").await;
    // Typed before anybody on the other node was there.
    editing.send(json!({"type": "field_changed", "fields": [["name", "Bluer"]], "names": ["name"], "too_large": false}));
    let form = grace.form(PRODUCT).await;
    let watching = PageSocket::join(&grace, &form).await;
    let users = |socket: &PageSocket| {
        let last = socket.of("active_users").pop().unwrap_or_default();
        last["users"].as_array().cloned().unwrap_or_default()
    };
    for socket in [&editing, &watching] {
        eventually!(users(socket), |u| u.len() == 2
            && u[0]["role"] == "editing"
            && u[1]["role"] == "waiting");
    }
    eventually!(watching.of("field_changed"), |f| f
        .iter()
        .any(|f| f["fields"] == json!([["name", "Bluer"]])));
    editing.send(
        json!({"type": "field_changed", "fields": [["stock", "7"]], "names": ["stock"], "too_large": false}),
    );
    editing.send(json!({"type": "field_focus", "name": "stock"}));
    eventually!(watching.of("field_changed"), |f| f.iter().any(|f| f["fields"] == json!([["stock", "7"]])));
    eventually!(watching.of("field_focus"), |f| f.last().is_some_and(|f| f["name"] == "stock"));

    let grace_id = users(&editing)[1]["user_id"].clone();
    editing.send(json!({"type": "chat_message", "recipient_id": grace_id, "message": "across", "ref": "m1"}));
    for socket in [&editing, &watching] {
        eventually!(socket.of("chat_message"), |lines| lines.len() == 1 && lines[0]["message"] == "across");
    }
    // Kept where both nodes find it.
    let again = PageSocket::join(&grace.at(&one), &form).await;
    eventually!(again.of("chat_history"), |h| h.len() == 1 && h[0]["messages"][0]["message"] == "across");
    again.leave();

    watching.send(json!({"type": "request_attention"}));
    eventually!(editing.of("attention_requested"), |asked| asked.len() == 1 && asked[0]["name"] == "Grace");

    // A node that dies leaves no ghosts.
    two.proc.kill();
    eventually!(users(&editing), |u| u.len() == 1);
}

/// Redis comes back with what it knew a while ago: a save since then is missing in its memory, and is not overwritten.
#[tokio::test]
async fn a_redis_that_comes_back_old_lets_nobody_overwrite_what_it_has_forgotten() {
    let mut cluster = Cluster::start();
    let mut ada = Person::login(&cluster.one, "root").await;
    let mut grace = Person::login(&cluster.two, "grace").await;
    // Known, and not only fresh.
    let first = ada.form(PRODUCT).await;
    ada.post(PRODUCT, &first.with("stock", "13").with("_save", "Save")).await.expect(302);
    let another = "/admin/shop/product/2/change/";
    let old = [ada.form(PRODUCT).await, ada.form(another).await];
    cluster.redis.snapshot();
    for (path, stock) in [(PRODUCT, "50"), (another, "51")] {
        let form = grace.form(path).await.with("stock", stock).with("_save", "Save");
        grace.post(path, &form).await.expect(302);
    }
    cluster.redis.kill();
    cluster.redis.restart();
    for (path, form) in [PRODUCT, another].into_iter().zip(&old) {
        let typed = form.with("name", "Ada's").with("_save", "Save");
        let answer = eventually!(ada.post(path, &typed).await, |answer| answer.status != 503);
        let page = answer.expect(409).text();
        assert!(page.contains("Changed by somebody else only"), "{path}: {page}");
    }
    // Where nothing is missing nobody is in the way, and after that save there is no doubt any more.
    let third = "/admin/shop/product/3/change/";
    let form = ada.form(third).await.with("stock", "3").with("_save", "Save");
    ada.post(third, &form).await.expect(302);
    assert_eq!(cluster.django.value("select stock from shop_product where id = 1"), 50);
    assert_eq!(cluster.django.value("select stock from shop_product where id = 2"), 51);
}
