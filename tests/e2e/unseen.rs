//! Saves that the store does not know of, or not yet: by the lease of a proxy that is cut off, or late. Who comes after them
//! is never let through unseen, by a form or by a list.

use std::time::Duration;

use serde_json::json;

use crate::browsers::PRODUCT;
use crate::cluster::QUICK;
use crate::faults::At;
use crate::gate::Held;
use crate::support::django::Django;
use crate::support::person::Person;
use crate::support::proxy::Proxy;
use crate::support::redis::Redis;
use crate::support::relay::{Relay, Way};
use crate::support::socket::PageSocket;

/// Two proxies on one Redis, of which `one` can be cut off from it.
pub(crate) struct Parted {
    pub(crate) django: Django,
    pub(crate) redis: Redis,
    pub(crate) way: Relay,
    pub(crate) one: Proxy,
    pub(crate) two: Proxy,
}

impl Parted {
    pub(crate) fn with(settings: &str) -> Self {
        let (django, redis) = (Django::start(), Redis::on_port(&[]));
        let way = Relay::before(redis.address());
        let one = Proxy::with(&django.upstream(), settings, &["--redis", &way.url()]);
        let two = Proxy::with(&django.upstream(), settings, &["--redis", &redis.url()]);
        Self { django, redis, way, one, two }
    }
}

/// The lock may be taken from whoever has it.
pub(crate) fn may_take() -> String {
    format!("[lock]\ntakeover = \"always\"\n{QUICK}")
}

/// She saves through the proxy that is not cut off, which lets the lock go; then once more through the one that is.
#[tokio::test]
async fn saved_through_the_other_proxy_then_by_the_lease() {
    let Parted { django, redis: _redis, way, one, two } = Parted::with(QUICK);
    let mut ada = At::opens(&one, "root", "editor").await;
    let mut grace = Person::login(&two, "grace").await;
    way.set(Way::Nowhere);
    let mine = ada.form.with("stock", "31").with("_save", "Save");
    ada.person.at(&two).post(PRODUCT, &mine).await.expect(302);
    let theirs = grace.form(PRODUCT).await;
    let socket = PageSocket::join(&grace, &theirs).await;
    socket.becomes("editor").await;
    let again = ada.person.form(PRODUCT).await.with("name", "By the lease").with("_save", "Save");
    ada.person.post(PRODUCT, &again).await.expect(302);
    assert_eq!(django.product_name(1), "By the lease");
    let answer = grace.post(PRODUCT, &theirs.with("name", "Unseen").with("_save", "Save")).await;
    assert_eq!((answer.status, django.product_name(1).as_str()), (409, "By the lease"));
}

/// The lock was taken from her, and whoever has it has saved since; then she saves by the lease what she has opened anew.
#[tokio::test]
async fn taken_saved_and_then_by_the_lease() {
    let Parted { django, redis: _redis, way, one, two } = Parted::with(&may_take());
    let mut ada = At::opens(&one, "root", "editor").await;
    let mut grace = At::opens(&two, "grace", "waiting").await;
    way.set(Way::Nowhere);
    grace.socket.send(json!({"type": "take_over"}));
    grace.socket.becomes("editor").await;
    let first = grace.form.with("stock", "31").with("_continue", "Save");
    grace.person.post(PRODUCT, &first).await.expect(302);
    let theirs = grace.person.form(PRODUCT).await;
    let socket = PageSocket::join(&grace.person, &theirs).await;
    grace.socket.leave();
    socket.becomes("editor").await;
    let again = ada.person.form(PRODUCT).await.with("name", "By the lease").with("_save", "Save");
    ada.person.post(PRODUCT, &again).await.expect(302);
    assert_eq!(django.product_name(1), "By the lease");
    let answer = grace.person.post(PRODUCT, &theirs.with("name", "Unseen").with("_save", "Save")).await;
    assert_eq!((answer.status, django.product_name(1).as_str()), (409, "By the lease"));
}

/// Redis is lost with all it knew, and only one of the proxies finds the new one.
#[tokio::test]
async fn emptied_while_one_is_cut_off() {
    let Parted { django, redis, way, one, two } = Parted::with(QUICK);
    let mut ada = At::opens(&one, "root", "editor").await;
    let mut grace = Person::login(&two, "grace").await;
    way.set(Way::Nowhere);
    redis.tell::<()>(&["FLUSHALL"]);
    grace.form(PRODUCT).await;
    // Longer than anything is waited for.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let theirs = grace.form(PRODUCT).await;
    let mine = ada.typed("By the lease");
    ada.person.post(PRODUCT, &mine).await.expect(302);
    assert_eq!(django.product_name(1), "By the lease");
    let answer = grace.post(PRODUCT, &theirs.with("name", "Unseen").with("_save", "Save")).await;
    assert_eq!((answer.status, django.product_name(1).as_str()), (409, "By the lease"));
}

/// The lock was taken from her, too; a list is saved in which nobody has touched her row.
#[tokio::test]
async fn a_list_beside_a_save_by_the_lease() {
    let Parted { django, redis: _redis, way, one, two } = Parted::with(&may_take());
    let mut ada = At::opens(&one, "root", "editor").await;
    let grace = At::opens(&two, "grace", "waiting").await;
    let mut lister = grace.person.at(&two);
    way.set(Way::Nowhere);
    grace.socket.send(json!({"type": "take_over"}));
    grace.socket.becomes("editor").await;
    let list = "/admin/shop/product/";
    let form = lister.form_of(list, "changelist-form").await;
    let row =
        (0..100).find(|n| form.find(&format!("form-{n}-id")) == Some("1")).expect("product 1 is on the list");
    let other = (0..100).find(|n| *n != row && form.find(&format!("form-{n}-id")).is_some()).unwrap();
    let mine = ada.form.with("stock", "77").with("_save", "Save");
    ada.person.post(PRODUCT, &mine).await.expect(302);
    let stock = || django.value("select stock from shop_product where id = 1");
    assert_eq!(stock(), 77);
    let typed = form.with(&format!("form-{other}-stock"), "5").with("_save", "Save");
    let status = lister.post(list, &typed).await.status;
    assert_eq!((status, stock().as_i64()), (409, Some(77)), "row {row}");
}

/// A save whose proxy died was given up, and lands after the list was shown.
#[tokio::test]
async fn a_list_and_a_save_that_lands_late() {
    let settings = format!("[lock]\npin = \"5 s\"\n[proxy]\nanswer_timeout = \"4 s\"\n{QUICK}");
    let redis = Redis::start();
    let mut held = Held::with_args(&settings, &["--redis", &redis.url()]);
    let two = Proxy::with(&held.django.upstream(), &settings, &["--redis", &redis.url()]);
    let mut ada = Person::login(&held.proxy, "root").await;
    let mut grace = Person::login(&two, "grace").await;
    let mine = ada.form(PRODUCT).await.with("stock", "77").with("_save", "Save");
    let saving = tokio::spawn(async move { ada.try_post(PRODUCT, &mine).await.is_ok() });
    held.arrived().await;
    held.proxy.proc.kill();
    let _ = saving.await;
    eventually!(two.list(), |locks| locks.is_empty(), within: Duration::from_secs(12));
    // Somebody opens it: what time has brought is worked off.
    let opened = grace.form(PRODUCT).await;
    let socket = PageSocket::join(&grace, &opened).await;
    eventually!(socket.status(), |status| status["uncertain"] == true);
    let list = "/admin/shop/product/";
    let form = grace.form_of(list, "changelist-form").await;
    let single = grace.form(PRODUCT).await;
    let row = (0..100).find(|n| form.find(&format!("form-{n}-id")) == Some("1")).unwrap();
    let other = (0..100).find(|n| *n != row && form.find(&format!("form-{n}-id")).is_some()).unwrap();
    held.let_go();
    let stock = || held.django.value("select stock from shop_product where id = 1").as_i64();
    eventually!(stock(), |stock| *stock == Some(77));
    // The form knows.
    grace.post(PRODUCT, &single.with("name", "x").with("_save", "Save")).await.expect(409);
    let typed = form.with(&format!("form-{other}-stock"), "5").with("_save", "Save");
    let status = grace.post(list, &typed).await.status;
    assert_eq!((status, stock()), (409, Some(77)));
}

/// A reload whose file says another store, which "takes a restart".
#[tokio::test]
async fn a_reload_to_another_store_leaves_this_one_as_it_is() {
    for reloads in [false, true] {
        let redis = Redis::start();
        let settings = format!("store = \"redis\"\n{QUICK}\nredis_url = \"{}\"\n", redis.url());
        let mut held = Held::with_args(&settings, &[]);
        let mut two = Proxy::with(&held.django.upstream(), &settings, &[]);
        let mut ada = Person::login(&held.proxy, "root").await;
        let mut grace = Person::login(&two, "grace").await;
        let mine = ada.form(PRODUCT).await.with("name", "Ada's").with("_save", "Save");
        let theirs = grace.form(PRODUCT).await.with("name", "Grace's").with("_save", "Save");
        if reloads {
            held.proxy.reload(QUICK);
            two.reload(QUICK);
            eventually!(two.log(), |log| log.contains("takes a restart"));
            eventually!(held.proxy.log(), |log| log.contains("takes a restart"));
        }
        let saving = tokio::spawn(async move { ada.post(PRODUCT, &mine).await });
        held.arrived().await;
        redis.tell::<()>(&["FLUSHALL"]);
        let theirs = tokio::spawn(async move { grace.post(PRODUCT, &theirs).await.status });
        tokio::time::sleep(Duration::from_secs(8)).await;
        held.let_go();
        assert_eq!((saving.await.unwrap().status, theirs.await.unwrap(), reloads), (302, 423, reloads));
    }
}
