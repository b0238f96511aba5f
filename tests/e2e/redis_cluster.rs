//! A Redis Cluster as the store: objects on all of its primaries, and what becomes of them when one fails over, loses what
//! it knew, or gives a slot away.

use std::time::Duration;

use serde_json::json;

use crate::browsers::PRODUCT;
use crate::cluster::QUICK;
use crate::faults::At;
use crate::gate::Held;
use crate::redises::{documented_rights, fails, serves};
use crate::support::certificates::certificates;
use crate::support::django::Django;
use crate::support::person::Person;
use crate::support::proxy::Proxy;
use crate::support::redis_cluster::{RedisCluster, add_slots, node, share};
use crate::support::socket::PageSocket;

/// A failover on a machine that has other things to do.
const FAILOVER: Duration = Duration::from_secs(40);

fn page(pk: usize) -> String {
    format!("/admin/shop/product/{pk}/change/")
}

/// The first product on each primary.
fn products(cluster: &RedisCluster) -> Vec<usize> {
    let on = |n| (1..=50).find(|pk| cluster.of(&format!("shop.product/{pk}")) == n);
    (0..3).map(|n| on(n).expect("each primary has a product")).collect()
}

#[tokio::test]
async fn two_proxies_share_a_cluster() {
    let (django, cluster) = (Django::start(), RedisCluster::start().await);
    let node = |url: &str| Proxy::with(&django.upstream(), QUICK, &["--redis", url]);
    // A replica tells the map as well.
    let (one, two) = (node(&cluster.url()), node(&cluster.nodes[4].url()));
    assert!(one.log().contains("a Redis Cluster of 3 primaries"), "{}", one.log());
    serves(&django, &one, "On a cluster").await;
    let mut ada = Person::login(&one, "root").await;
    let mut grace = Person::login(&two, "grace").await;
    let mut seen = 0;
    for pk in products(&cluster) {
        let path = page(pk);
        let form = ada.form(&path).await;
        let editing = PageSocket::join(&ada, &form).await;
        editing.becomes("editor").await;
        let theirs = grace.form(&path).await;
        let waits = PageSocket::join(&grace, &theirs).await;
        waits.becomes("waiting").await;
        grace.post(&path, &theirs.with("name", "Grace's").with("_save", "Save")).await.expect(423);
        ada.post(&path, &form.with("name", "Ada's").with("_continue", "Save")).await.expect(302);
        eventually!(waits.of("content_updated"), |saves| saves.len() == 1);
        assert_eq!(django.product_name(u32::try_from(pk).unwrap()), "Ada's");
        let object = format!("shop.product/{pk}");
        eventually!(two.list(), |locks| locks.iter().any(|lock| lock["object"] == object.as_str()));
        let told = two.locks(&["release", &object]);
        assert_eq!(told.code, Some(0), "{}", told.err);
        eventually!(editing.of("lock_released"), |lost| lost.len() == 1);
        // What she has open is of before that save.
        eventually!(waits.status(), |status| status["turn"] == true && status["stale"] == true);
        seen += 1;
    }
    assert_eq!(seen, 3);
    // All of it was in the cluster, each where it belongs.
    for n in 0..3 {
        let keys: Vec<String> = cluster.nodes[n].tell(&["KEYS", "collab:lock:*"]);
        assert!(!keys.is_empty(), "primary {n} has had no lock");
        let epochs: Vec<String> = cluster.nodes[n].tell(&["KEYS", "collab:epoch*"]);
        assert_eq!(epochs.len(), 1, "primary {n}: {epochs:?}");
    }
}

/// Every node is spoken to by the certificates of the settings, also those that only the map names; and after one that has
/// taken another's place.
#[tokio::test]
async fn a_cluster_by_certificates() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let (django, mut cluster) = (Django::start(), RedisCluster::encrypted(folder.path()).await);
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (ca, cert, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let settings =
        format!("{QUICK}\n[redis]\nca = \"{ca}\"\nclient_cert = \"{cert}\"\nclient_key = \"{key}\"\n");
    let proxy = Proxy::with(&django.upstream(), &settings, &["--redis", &cluster.url()]);
    assert!(proxy.log().contains("a Redis Cluster of 3 primaries"), "{}", proxy.log());
    let save = async |pk: usize, name: &str| {
        let mut ada = Person::login(&proxy, "root").await;
        let form = ada.form(&page(pk)).await.with("name", name).with("_save", "Save");
        eventually!(ada.post(&page(pk), &form).await.status, |status| *status == 302, within: FAILOVER);
    };
    let products = products(&cluster);
    for (n, pk) in products.iter().enumerate() {
        save(*pk, "Encrypted").await;
        let clients: String = cluster.nodes[n].tell(&["CLIENT", "LIST"]);
        // What the test asks, it asks on the plain port.
        let port = cluster.nodes[n].address();
        let ours = |client: &str| !client.contains(&format!("laddr={port} ")) && !client.contains(" flags=S");
        assert!(clients.lines().any(ours), "{clients}");
    }
    assert_eq!(products.len(), 3);
    cluster.settle(1).await;
    cluster.nodes[1].kill();
    save(products[1], "After a failover").await;
}

/// Her session is on another primary than this one.
async fn login_beside(cluster: &RedisCluster, n: usize, proxy: &Proxy, user: &str) -> Person {
    let sessions = || -> Vec<String> { cluster.nodes[n].tell(&["KEYS", "collab:session:*"]) };
    for _ in 0..50 {
        let before = sessions().len();
        let mut person = Person::login(proxy, user).await;
        person.get(PRODUCT).await.expect(200);
        if sessions().len() == before {
            return person;
        }
    }
    panic!("every session of {user} is on primary {n}")
}

/// Its replica has not heard the last second: nobody's save overwrites one that is forgotten with it. Who has to do with
/// the other primaries notices nothing.
#[tokio::test]
async fn a_primary_that_fails_over_with_its_last_second_lost() {
    let (django, mut cluster) = (Django::start(), RedisCluster::start().await);
    let node = || Proxy::with(&django.upstream(), QUICK, &["--redis", &cluster.url()]);
    let (one, two) = (node(), node());
    let products = products(&cluster);
    let dies = cluster.of("shop.product/1");
    let elsewhere = page(products[(dies + 1) % 3]);
    let mut ada = login_beside(&cluster, dies, &one, "root").await;
    let mut grace = login_beside(&cluster, dies, &two, "grace").await;
    let form = ada.form(PRODUCT).await;
    ada.post(PRODUCT, &form.with("stock", "13").with("_save", "Save")).await.expect(302);
    let old = ada.form(PRODUCT).await;
    cluster.settle(dies).await;
    // What happens now is lost.
    cluster.replica(dies).freeze();
    let lost: u32 = cluster.nodes[dies].tell(&["CLIENT", "KILL", "TYPE", "replica"]);
    assert_eq!(lost, 1);
    let form = grace.form(PRODUCT).await;
    grace.post(PRODUCT, &form.with("stock", "50").with("_save", "Save")).await.expect(302);
    cluster.nodes[dies].kill();
    cluster.replica(dies).thaw();
    let typed = old.with("name", "Ada's").with("_save", "Save");
    let mut beside = 0;
    let answer = loop {
        let answer = ada.post(PRODUCT, &typed).await;
        if answer.status != 503 {
            break answer;
        }
        let form = grace.form(&elsewhere).await.with("name", "Beside").with("_save", "Save");
        grace.post(&elsewhere, &form).await.expect(302);
        beside += 1;
        assert!(beside < 2_000, "the replica is not promoted:\n{}", one.log());
    };
    assert!(beside > 0, "it was never away");
    let page = answer.expect(409).text();
    assert!(page.contains("Changed by somebody else only"), "{page}");
    assert_eq!(django.value("select stock from shop_product where id = 1"), 50);
    let fresh = ada.form(PRODUCT).await;
    ada.post(PRODUCT, &fresh.with("name", "Ada's").with("_save", "Save")).await.expect(302);
    // The other proxy finds the new primary as well, and each is heard by the other.
    let form = grace.form(PRODUCT).await.with("_save", "Save");
    eventually!(grace.post(PRODUCT, &form).await, |answer| answer.status == 302, within: FAILOVER);
    let form = ada.form(PRODUCT).await;
    let editing = PageSocket::join(&ada, &form).await;
    editing.becomes("editor").await;
    let theirs = grace.form(PRODUCT).await;
    let waits = PageSocket::join(&grace, &theirs).await;
    waits.becomes("waiting").await;
    editing.leave();
    waits.becomes("editor").await;
}

#[tokio::test]
async fn a_primary_that_loses_everything_lets_nobody_beside_a_save() {
    let cluster = RedisCluster::start().await;
    let held = Held::with_args(QUICK, &["--redis", &cluster.url()]);
    let two = Proxy::with(&held.django.upstream(), QUICK, &["--redis", &cluster.url()]);
    let mut ada = Person::login(&held.proxy, "root").await;
    let mut grace = Person::login(&two, "grace").await;
    let mine = ada.form(PRODUCT).await.with("name", "Ada's").with("_save", "Save");
    let theirs = grace.form(PRODUCT).await.with("name", "Grace's").with("_save", "Save");
    let saving = tokio::spawn(async move { ada.post(PRODUCT, &mine).await });
    held.arrived().await;
    cluster.nodes[cluster.of("shop.product/1")].tell::<()>(&["FLUSHALL"]);
    let page = grace.post(PRODUCT, &theirs).await.expect(423).text();
    assert!(page.contains("Grace&#x27;s") || page.contains("Grace's"), "{page}");
    held.let_go();
    saving.await.unwrap().expect(302);
    assert_eq!(held.django.product_name(1), "Ada's");
    // The form is older than that.
    grace.post(PRODUCT, &theirs).await.expect(409);
    let again = grace.form(PRODUCT).await.with("name", "Grace's").with("_save", "Save");
    grace.post(PRODUCT, &again).await.expect(302);
}

/// Django still works on a save of which the promoted replica has not heard.
#[tokio::test]
async fn a_save_on_its_way_is_not_forgotten_when_its_primary_fails_over() {
    let mut cluster = RedisCluster::start().await;
    let held = Held::with_args(QUICK, &["--redis", &cluster.url()]);
    let two = Proxy::with(&held.django.upstream(), QUICK, &["--redis", &cluster.url()]);
    let dies = cluster.of("shop.product/1");
    let mut ada = login_beside(&cluster, dies, &held.proxy, "root").await;
    let mut grace = login_beside(&cluster, dies, &two, "grace").await;
    let mine = ada.form(PRODUCT).await.with("name", "Ada's").with("_save", "Save");
    let theirs = grace.form(PRODUCT).await.with("name", "Grace's").with("_save", "Save");
    cluster.settle(dies).await;
    cluster.replica(dies).freeze();
    let lost: u32 = cluster.nodes[dies].tell(&["CLIENT", "KILL", "TYPE", "replica"]);
    assert_eq!(lost, 1);
    let saving = tokio::spawn(async move { ada.post(PRODUCT, &mine).await });
    held.arrived().await;
    cluster.nodes[dies].kill();
    cluster.replica(dies).thaw();
    let answer =
        eventually!(grace.post(PRODUCT, &theirs).await, |answer| answer.status != 503, within: FAILOVER);
    let page = answer.expect(423).text();
    assert!(page.contains("Grace&#x27;s") || page.contains("Grace's"), "{page}");
    held.let_go();
    saving.await.unwrap().expect(302);
    assert_eq!(held.django.product_name(1), "Ada's");
    eventually!(grace.post(PRODUCT, &theirs).await, |answer| answer.status == 409);
}

/// How many listen there.
fn listeners(cluster: &RedisCluster, n: usize) -> u32 {
    let (_, listeners): (String, u32) = cluster.nodes[n].tell(&["PUBSUB", "NUMSUB", "collab:events"]);
    listeners
}

/// The promoted replica has not heard that somebody edits. Her proxy listens to another primary, and learns of it all the
/// same.
#[tokio::test]
async fn whoever_edits_goes_on_editing_when_her_primary_fails_over() {
    let (django, mut cluster) = (Django::start(), RedisCluster::start().await);
    // Renewed so seldom that this does not tell in time.
    let settings = format!("[lock]\nlease = \"60 s\"\n{QUICK}");
    let node = || Proxy::with(&django.upstream(), &settings, &["--redis", &cluster.url()]);
    let (one, two) = (node(), node());
    let dies = cluster.of("shop.product/1");
    let mut ada = login_beside(&cluster, dies, &one, "root").await;
    let mut grace = login_beside(&cluster, dies, &two, "grace").await;
    let form = ada.form(PRODUCT).await;
    let theirs = grace.form(PRODUCT).await;
    let all = || -> Vec<u32> {
        let all: Vec<u32> = (0..3).map(|n| listeners(&cluster, n)).collect();
        if all[dies] > 0 {
            cluster.nodes[dies].tell::<u32>(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        }
        all
    };
    eventually!(all(), |all| all[dies] == 0 && all.iter().sum::<u32>() == 2, within: FAILOVER);
    cluster.settle(dies).await;
    cluster.replica(dies).freeze();
    let lost: u32 = cluster.nodes[dies].tell(&["CLIENT", "KILL", "TYPE", "replica"]);
    assert_eq!(lost, 1);
    let editing = PageSocket::join(&ada, &form).await;
    editing.becomes("editor").await;
    cluster.nodes[dies].kill();
    cluster.replica(dies).thaw();
    // Grace has joined nothing: no notice goes round that would be heard.
    let typed = theirs.with("name", "Grace's").with("_save", "Save");
    let answer =
        eventually!(grace.post(PRODUCT, &typed).await, |answer| answer.status != 503, within: FAILOVER);
    let page = answer.expect(423).text();
    assert!(page.contains("Ada is editing this"), "{page}");
    let typed = form.with("name", "Ada's").with("_continue", "Save");
    eventually!(ada.post(PRODUCT, &typed).await, |answer| answer.status != 503).expect(302);
    assert!(editing.of("lock_released").is_empty());
    assert_eq!(django.product_name(1), "Ada's");
}

#[tokio::test]
async fn a_slot_that_moves_takes_its_lock_along() {
    let (django, cluster) = (Django::start(), RedisCluster::start().await);
    let node = || Proxy::with(&django.upstream(), QUICK, &["--redis", &cluster.url()]);
    let (one, two) = (node(), node());
    let mut ada = At::opens(&one, "root", "editor").await;
    let mut grace = At::opens(&two, "grace", "waiting").await;
    let users = || ada.socket.of("active_users").pop().unwrap_or_default()["users"].clone();
    let users = eventually!(users(), |users| users.as_array().is_some_and(|u| u.len() == 2));
    let to_her = users.as_array().unwrap().iter().find(|u| u["name"] == "Grace").unwrap()["user_id"].clone();
    let (slot, from) = (cluster.slot("shop.product/1"), cluster.of("shop.product/1"));
    let to = (from + 1) % 3;
    cluster.give_slot(slot, from, to);
    // Nobody can say now whose it is; with more patience she would wait for it.
    let typed = grace.typed("Grace's");
    let page = grace.person.post(PRODUCT, &typed).await.expect(503).text();
    assert!(page.contains("Grace&#x27;s") || page.contains("Grace's"), "{page}");
    cluster.hand_over_slot(slot, from, to);
    ada.socket.send(json!({"type": "chat_message", "recipient_id": to_her, "message": "hello", "ref": "m"}));
    eventually!(grace.socket.of("chat_message"), |lines| lines.len() == 1);
    let keys: Vec<String> = cluster.nodes[to].tell(&["KEYS", "collab:lock:{shop.product/1}"]);
    assert_eq!(keys.len(), 1);
    let page = grace.person.post(PRODUCT, &typed).await.expect(423).text();
    assert!(page.contains("Ada is editing this"), "{page}");
    assert_eq!(two.list()[0]["editor"], "Ada");
    assert!(ada.socket.of("lock_released").is_empty());
    ada.person.post(PRODUCT, &ada.typed("Ada's")).await.expect(302);
    assert_eq!(django.product_name(1), "Ada's");
    for proxy in [&one, &two] {
        assert!(!proxy.log().contains("subscribing again"), "{}", proxy.log());
    }
}

#[tokio::test]
async fn a_cluster_that_cannot_serve_is_named_at_the_start() {
    let (torn, _) = node(&[]);
    add_slots(&torn, share(0));
    let (whole, _) = node(&[]);
    for n in 0..3 {
        add_slots(&whole, share(n));
    }
    let state = || -> String { whole.tell(&["CLUSTER", "INFO"]) };
    eventually!(state(), |info| info.contains("cluster_state:ok"));
    let (host, port) = whole.address().split_once(':').map(|(h, p)| (h.to_owned(), p.to_owned())).unwrap();
    let sentinels = format!("{QUICK}\n[redis]\nsentinels = [\"{host}:{port}\"]\n");
    let mut seen = 0;
    for (settings, url, why) in [
        (QUICK, torn.url(), "nobody serves 10923 of its 16384 slots"),
        (QUICK, whole.url().replace("/0", "/3"), "database 0 only"),
        (&sentinels, whole.url(), "entinel"),
    ] {
        let said = fails(settings, &url);
        assert_eq!(said.code, Some(3), "{}", said.err);
        assert!(said.err.contains(why), "{why}: {}", said.err);
        seen += 1;
    }
    assert_eq!(seen, 3);
    // A single node that has all slots is a cluster as well; its user may do what docs/redis.md says, and no more.
    let django = Django::start();
    let rights = documented_rights();
    let words: Vec<&str> =
        ["ACL", "SETUSER", "collab"].into_iter().chain(rights.iter().map(String::as_str)).collect();
    whole.tell::<()>(&words);
    let url = whole.url().replace("redis://", "redis://collab:secret@");
    let proxy = Proxy::with(&django.upstream(), QUICK, &["--redis", &url]);
    serves(&django, &proxy, "On a cluster of one").await;
    let log: Vec<redis::Value> = whole.tell(&["ACL", "LOG"]);
    assert_eq!(log, [], "Redis refused something");
}
