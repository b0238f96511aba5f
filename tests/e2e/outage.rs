//! Saves while Redis is away: the editor's by their lease, and everybody's where the site wants that.

use std::time::Duration;

use serde_json::json;

use crate::browsers::PRODUCT;
use crate::cluster::{Cluster, QUICK};
use crate::faults::At;
use crate::recall::comes_in;
use crate::support::person::{Form, Person};
use crate::support::relay::Way;
use crate::unseen::{Parted, may_take};

const WARNING: &str = "Who edits this cannot be checked at the moment";

/// For as long as her lease lasts the editor goes on, one save after the other; nobody else does. When Redis is back it hears
/// what was saved without it, whether it forgot everything or nothing.
#[tokio::test]
async fn the_editor_goes_on_for_as_long_as_the_lease_lasts() {
    for forgets in [false, true] {
        let settings = format!("[lock]\nlease = \"12 s\"\n{QUICK}");
        let mut cluster = Cluster::with(&settings);
        let mut ada = At::opens(&cluster.one, "root", "editor").await;
        let mut grace = At::opens(&cluster.two, "grace", "waiting").await;
        if forgets {
            cluster.redis.kill();
        } else {
            cluster.redis.freeze();
        }
        let mine = ada.form.with("name", "Without Redis").with("_continue", "Save");
        ada.person.post(PRODUCT, &mine).await.expect(302);
        assert_eq!(cluster.django.product_name(1), "Without Redis");
        let theirs = grace.typed("Grace's");
        let page = grace.person.post(PRODUCT, &theirs).await.expect(503).text();
        assert!(page.contains("Grace&#x27;s") || page.contains("Grace's"), "{page}");
        // Her browser goes on to the next page.
        ada.socket.leave();
        // Her page of before shows what is no more; the one that she is led to goes on.
        let again = ada.form.with("name", "From the old page").with("_continue", "Save");
        ada.person.post(PRODUCT, &again).await.expect(409);
        let next = ada.person.form(PRODUCT).await;
        let next = next.with("stock", "77").with("_continue", "Save");
        ada.person.post(PRODUCT, &next).await.expect(302);
        // Who deletes shows nothing that could be compared.
        let nothing = ada.form.without("_collab").with("name", "A script's").with("_save", "Save");
        ada.person.post(PRODUCT, &nothing).await.expect(503);
        // The lease ends; then anybody could have the lock.
        let late = ada.person.form(PRODUCT).await.with("name", "Too late").with("_continue", "Save");
        eventually!(ada.person.post(PRODUCT, &late).await.status, |s| *s == 503, within: Duration::from_secs(20));
        let name = cluster.django.product_name(1);
        assert!(["Without Redis", "Too late"].contains(&name.as_str()), "{name}");
        if forgets {
            cluster.redis.restart();
        } else {
            cluster.redis.thaw();
        }
        // Grace's page is older than all that.
        let answer = eventually!(grace.person.post(PRODUCT, &theirs).await, |a| a.status != 503, within: Duration::from_secs(20));
        assert!([409, 423].contains(&answer.status), "{}", answer.text());
        let told = eventually!(grace.person.post(PRODUCT, &theirs).await, |a| a.status == 409);
        assert!(told.text().contains("Grace"), "{}", told.text());
        assert_eq!(cluster.django.product_name(1), name);
        assert_eq!(cluster.django.value("select stock from shop_product where id = 1"), 77);
    }
}

/// Only her proxy is cut off from Redis; for the others all is well, and the lock may be taken. What she saves by her lease is
/// not overwritten by whoever has taken it.
#[tokio::test]
async fn who_takes_the_lock_of_an_editor_that_is_cut_off_overwrites_nothing_unseen() {
    let Parted { django, redis: _redis, way, one, two } = Parted::with(&may_take());
    let mut ada = At::opens(&one, "root", "editor").await;
    let mut grace = At::opens(&two, "grace", "waiting").await;
    way.set(Way::Nowhere);
    grace.socket.send(json!({"type": "take_over"}));
    grace.socket.becomes("editor").await;
    let mine = ada.typed("By the lease");
    ada.person.post(PRODUCT, &mine).await.expect(302);
    assert_eq!(django.product_name(1), "By the lease");
    let theirs = grace.typed("Unseen");
    let page = grace.person.post(PRODUCT, &theirs).await.expect(409).text();
    assert!(page.contains("By the lease") && page.contains("Unseen"), "{page}");
    assert_eq!(django.product_name(1), "By the lease");
}

/// The site's choice: better unguarded than not at all. Pages say so, and what Django shows is compared all the same.
#[tokio::test]
async fn a_site_may_let_everybody_save() {
    let mut cluster = Cluster::with(&format!("[saves]\non_outage = \"allow\"\n{QUICK}"));
    let mut ada = At::opens(&cluster.one, "root", "editor").await;
    let mut grace = At::opens(&cluster.two, "grace", "waiting").await;
    assert!(!grace.person.get(PRODUCT).await.expect(200).text().contains(WARNING));
    let theirs = grace.typed("Grace's");
    grace.person.post(PRODUCT, &theirs).await.expect(423);
    cluster.redis.kill();
    let page = eventually!(grace.person.get(PRODUCT).await.expect(200).text(), |page| page.contains(WARNING));
    assert!(page.contains("<li class=\"warning\">"), "{page}");
    grace.person.post(PRODUCT, &theirs).await.expect(302);
    assert_eq!(cluster.django.product_name(1), "Grace's");
    let mine = ada.typed("Ada's");
    let page = ada.person.post(PRODUCT, &mine).await.expect(409).text();
    assert!(page.contains("Ada&#x27;s") || page.contains("Ada's"), "{page}");
    // A list has many rows, of which nothing is known.
    let list = "/admin/shop/part/";
    let form = grace.person.form_of(list, "changelist-form").await;
    if form.find("form-0-name").is_some() {
        let typed = form.with("form-0-name", "Renamed").with("_save", "Save");
        grace.person.post(list, &typed).await.expect(503);
    }
    cluster.redis.restart();
    eventually!(grace.person.get(PRODUCT).await.expect(200).text(), |page| !page.contains(WARNING));
    // Redis hears of Grace's save, and until then of nothing that follows it.
    eventually!(saves_anew(&mut ada.person).await, |status| *status == 302);
    assert_eq!(cluster.django.product_name(1), "Ada's");
}

async fn saves_anew(person: &mut Person) -> u16 {
    let form = person.form(PRODUCT).await.with("name", "Ada's").with("_save", "Save");
    person.post(PRODUCT, &form).await.status
}

/// Redis is started anew while its editor saves and goes on; somebody waits. What she has open then was rendered without it
/// and is loaded again, as the widget does: the lock is still hers.
#[tokio::test]
async fn who_saves_and_goes_on_in_an_outage_keeps_the_lock() {
    for how in ["stops", "forgets", "freezes"] {
        let mut cluster = Cluster::with("");
        let mut ada = At::opens(&cluster.one, "root", "editor").await;
        let grace = At::opens(&cluster.two, "grace", "waiting").await;
        if how == "stops" {
            cluster.redis.snapshot();
        }
        if how == "freezes" {
            cluster.redis.freeze()
        } else {
            cluster.redis.kill()
        }
        let typed = ada.form.with("name", "And on").with("_continue", "Save");
        ada.person.post(PRODUCT, &typed).await.expect(302);
        ada.socket.leave();
        let form = ada.person.form(PRODUCT).await;
        let person = ada.person.at(&cluster.one);
        let coming = tokio::spawn(async move { comes_in(&person, &form).await });
        // An outage lasts for a while.
        tokio::time::sleep(Duration::from_secs(3)).await;
        if how == "freezes" {
            cluster.redis.thaw()
        } else {
            cluster.redis.restart()
        }
        // She may have typed on: the page is not loaded again, but compared with what Django shows.
        let open = coming.await.unwrap();
        eventually!(open.status(), |s| s["you"] == "editor");
        let stale = open.of("editor_status").into_iter().filter(|s| s["stale"] == true).count();
        assert_eq!(stale, 0, "{how}");
        waits_on(&grace).await;
        // And it stays so once Redis has heard of all that was saved.
        eventually!(cluster.one.locks(&["show", "shop.product/1"]).out, |o| o.contains("ago by Ada"));
        assert_eq!(
            (&open.status()["you"], &open.status()["stale"]),
            (&"editor".into(), &false.into()),
            "{how}"
        );
    }
}

/// Somebody has saved since: what was rendered then is older, whatever its page was not told.
#[tokio::test]
async fn a_page_of_an_outage_that_shows_something_older_is_loaded_again() {
    let mut cluster = Cluster::with("");
    let mut ada = At::opens(&cluster.one, "root", "editor").await;
    cluster.redis.freeze();
    ada.socket.leave();
    let form = ada.person.form(PRODUCT).await;
    assert_eq!(form.config["version"], 0);
    cluster.redis.thaw();
    cluster.django.rows("update shop_product set name = 'Round the proxy' where id = 1");
    let open = comes_in(&ada.person, &form).await;
    eventually!(open.status(), |s| s["stale"] == true);
    // Without anything to compare it by, too.
    let mut bare = form.clone();
    bare.fields.retain(|(name, _)| name != "_collab_base");
    let open = comes_in(&ada.person, &bare).await;
    eventually!(open.status(), |s| s["stale"] == true);
}

/// Never the editor meanwhile. Her place in the queue may have run out during the outage: her proxy asks for it again.
async fn waits_on(at: &At) {
    eventually!(at.socket.status(), |s| s["you"] == "waiting");
    let as_editor = at.socket.of("editor_status").into_iter().filter(|s| s["you"] == "editor").count();
    assert_eq!(as_editor, 0);
}

/// Her save came too late for her lease. The page that gave it back is there the moment Redis is: the lock is hers still.
#[tokio::test]
async fn who_saves_in_vain_keeps_the_lock() {
    for freezes in [true, false] {
        let mut cluster = Cluster::with(&format!("[lock]\nlease = \"12 s\"\n{QUICK}"));
        let mut ada = At::opens(&cluster.one, "root", "editor").await;
        let grace = At::opens(&cluster.two, "grace", "waiting").await;
        if freezes {
            cluster.redis.freeze()
        } else {
            cluster.redis.kill()
        }
        let late = ada.form.with("name", "Late").with("_save", "Save");
        // The outage lasts for longer than her lease.
        tokio::time::sleep(Duration::from_secs(13)).await;
        let page = ada.person.post(PRODUCT, &late).await.expect(503).text();
        ada.socket.leave();
        let data = page.split("id=\"collab-kept\">").nth(1).and_then(|rest| rest.split("</script>").next());
        let config: serde_json::Value = serde_json::from_str(data.expect("the page's data block")).unwrap();
        assert_eq!(config["stays"], true, "{config}");
        let waits = Form { config, ..Form::default() };
        let person = ada.person.at(&cluster.one);
        let coming = tokio::spawn(async move { comes_in(&person, &waits).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        if freezes {
            cluster.redis.thaw()
        } else {
            cluster.redis.restart()
        }
        let open = coming.await.unwrap();
        eventually!(open.status(), |s| s["you"] == "editor");
        waits_on(&grace).await;
        // Once more, from where she is.
        ada.person.post(PRODUCT, &late).await.expect(302);
        open.leave();
    }
}
