//! A Redis that loses what it knew: what the proxies still know is not lost with it. And a proxy that lost the time.

use std::time::Duration;

use serde_json::{Value, json};

use crate::browsers::PRODUCT;
use crate::cluster::{Cluster, QUICK};
use crate::faults::At;
use crate::gate::Held;
use crate::support::django::Django;
use crate::support::person::{Form, Person};
use crate::support::proxy::Proxy;
use crate::support::redis::Redis;
use crate::support::relay::{Relay, Way};
use crate::support::socket::PageSocket;

/// How Redis comes to know nothing of the last moments.
#[derive(Clone, Copy, Debug)]
enum Loses {
    Flushed,
    Empty,
    /// Back with what it knew before the save had begun.
    Old,
}

impl Loses {
    fn happens(self, redis: &mut Redis) {
        match self {
            Self::Flushed => redis.tell::<()>(&["FLUSHALL"]),
            Self::Empty => {
                redis.tell::<()>(&["FLUSHALL"]);
                redis.snapshot();
                redis.kill();
                redis.restart();
            }
            Self::Old => {
                redis.kill();
                redis.restart();
            }
        }
    }
}

/// Django still works on somebody's save when Redis loses everything: nobody else's goes beside it, though Django's form
/// looks as if nothing had happened.
#[tokio::test]
async fn a_save_on_its_way_is_not_forgotten_with_the_rest() {
    for how in [Loses::Flushed, Loses::Empty, Loses::Old] {
        let mut redis = Redis::start();
        let held = Held::with_args(QUICK, &["--redis", &redis.url()]);
        let two = Proxy::with(&held.django.upstream(), QUICK, &["--redis", &redis.url()]);
        let mut ada = Person::login(&held.proxy, "root").await;
        let mut grace = Person::login(&two, "grace").await;
        let mine = ada.form(PRODUCT).await.with("name", "Ada's").with("_save", "Save");
        let theirs = grace.form(PRODUCT).await.with("name", "Grace's").with("_save", "Save");
        redis.snapshot();
        let saving = tokio::spawn(async move { ada.post(PRODUCT, &mine).await });
        held.arrived().await;
        how.happens(&mut redis);
        let page = grace.post(PRODUCT, &theirs).await.expect(423).text();
        assert!(page.contains("Grace&#x27;s") || page.contains("Grace's"), "{how:?}: {page}");
        held.let_go();
        saving.await.unwrap().expect(302);
        assert_eq!(held.django.product_name(1), "Ada's", "{how:?}");
        // The form is older than that.
        grace.post(PRODUCT, &theirs).await.expect(409);
        let again = grace.form(PRODUCT).await.with("name", "Grace's").with("_save", "Save");
        grace.post(PRODUCT, &again).await.expect(302);
        assert_eq!(held.django.product_name(1), "Grace's", "{how:?}");
    }
}

/// Nobody who comes in just then gets the lock of whoever has it, and she does not even notice.
#[tokio::test]
async fn whoever_edits_goes_on_editing_when_redis_loses_everything() {
    for how in [Loses::Flushed, Loses::Empty, Loses::Old] {
        let mut cluster = Cluster::start();
        let mut grace = Person::login(&cluster.two, "grace").await;
        let theirs = grace.form(PRODUCT).await;
        cluster.redis.snapshot();
        let mut ada = At::opens(&cluster.one, "root", "editor").await;
        let been = |socket: &PageSocket| -> Vec<Value> {
            socket
                .of("editor_status")
                .iter()
                .map(|s| json!([s["you"], s["position"], s["editor"]["name"]]))
                .collect()
        };
        let before = been(&ada.socket).len();
        how.happens(&mut cluster.redis);
        let comes = comes_in(&grace, &theirs).await;
        let editor = || eventually_editor(&cluster.two);
        assert_eq!(editor().await, "Ada", "{how:?}");
        assert!(been(&comes).iter().all(|s| s[0] != "editor"), "{how:?}: {:?}", been(&comes));
        assert!(
            been(&ada.socket)[before..].iter().all(|s| s[0] == "editor"),
            "{how:?}: {:?}",
            been(&ada.socket)
        );
        let typed = ada.form.with("name", "Ada's").with("_continue", "Save");
        ada.person.post(PRODUCT, &typed).await.expect(302);
        assert_eq!(cluster.django.product_name(1), "Ada's", "{how:?}");
    }
}

/// Again and again, as a browser does that is sent away because Redis is.
pub(crate) async fn comes_in(person: &Person, form: &Form) -> PageSocket {
    for _ in 0..50 {
        let Ok(socket) = PageSocket::try_join(person, form).await else { continue };
        let heard = eventually!((socket.closed(), socket.status()), |(closed, status)| closed.is_some()
            || !status.is_null());
        if heard.0.is_none() {
            return socket;
        }
    }
    panic!("sent away for ever");
}

/// Who edits, once anybody does.
async fn eventually_editor(proxy: &Proxy) -> String {
    let editors = eventually!(proxy.list(), |locks| locks.iter().any(|lock| lock["editor"].is_string()));
    editors[0]["editor"].as_str().unwrap().to_owned()
}

/// Redis loses the secret that the proxies share; one of them is restarted. It is still the one site to everybody.
#[tokio::test]
async fn the_secret_is_not_lost_with_the_rest() {
    let (django, redis) = (Django::start(), Redis::start());
    let node = || Proxy::with(&django.upstream(), QUICK, &["--redis", &redis.url()]);
    let (mut one, two) = (node(), node());
    let mut ada = Person::login(&one, "root").await;
    ada.form(PRODUCT).await;
    redis.tell::<()>(&["FLUSHALL"]);
    let there = || redis.tell::<bool>(&["EXISTS", "collab:secret"]);
    eventually!(there(), |there| *there);
    assert!(one.stop().success());
    one.restart();
    // A page of one is hers at the other.
    let form = ada.form(PRODUCT).await;
    comes_in(&ada.at(&two), &form).await.becomes("editor").await;
    assert!(!two.log().contains("different secrets"), "{}", two.log());
    // If it is lost for good, that is said.
    redis.tell::<()>(&["SET", "collab:secret", "another"]);
    eventually!(two.log(), |log| log.contains("sign with different secrets"));
}

/// A proxy stands still after it has looked at Django's form for a save, and before it sends it; meanwhile the others give
/// that save up, and somebody saves. What the form showed then is not true any more.
#[tokio::test]
async fn a_proxy_that_stood_still_sends_no_save_of_before() {
    let settings = format!(
        "[lock]\npin = \"5 s\"\n[proxy]\nanswer_timeout = \"4 s\"\n[saves]\ndeep_check = \"always\"\n{QUICK}"
    );
    let (django, redis) = (Django::start(), Redis::start());
    let way = Relay::before(django.upstream().strip_prefix("http://").unwrap().to_owned());
    let mut one = Proxy::with(&format!("http://{}", way.address()), &settings, &["--redis", &redis.url()]);
    let two = Proxy::with(&django.upstream(), &settings, &["--redis", &redis.url()]);
    let mut ada = Person::login(&one, "root").await;
    let mut grace = Person::login(&two, "grace").await;
    let mine = ada.form(PRODUCT).await.with("name", "Ada's").with("_save", "Save");
    way.set(Way::After(Duration::from_secs(1)));
    let saving = tokio::spawn(async move { ada.post(PRODUCT, &mine).await });
    eventually!(two.list(), |locks| locks.iter().any(|l| l["state"] == "saving"));
    // The fault: it has sent its question, and is not there to hear the answer.
    tokio::time::sleep(Duration::from_millis(500)).await;
    one.proc.signal("STOP");
    eventually!(two.list(), |locks| locks.is_empty());
    let theirs = grace.form(PRODUCT).await.with("name", "Grace's").with("_save", "Save");
    // What has been given up may have been saved.
    grace.post(PRODUCT, &theirs).await.expect(409);
    let theirs = grace.form(PRODUCT).await.with("name", "Grace's").with("_save", "Save");
    grace.post(PRODUCT, &theirs).await.expect(302);
    one.proc.signal("CONT");
    let answer = saving.await.unwrap();
    // Django's answer lies there; or the time for it is over, whichever is looked at first.
    assert!([409, 503].contains(&answer.status), "{}", answer.status);
    let page = answer.text();
    assert!(page.contains("Ada&#x27;s") || page.contains("Ada's"), "{page}");
    assert_eq!(django.product_name(1), "Grace's");
}
