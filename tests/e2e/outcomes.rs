//! Saves whose end is not plain: what the person is told is never a guess. Without a browser.

use crate::gate::Held;
use crate::support::person::{Person, parse};
use crate::support::socket::PageSocket;

const PRODUCT: &str = "/admin/shop/product/1/change/";

#[tokio::test]
async fn a_save_that_takes_too_long_is_unknown_until_somebody_looks() {
    let held = Held::start("[proxy]\nanswer_timeout = \"1 s\"\n[lock]\npin = \"2 s\"");
    let mut ada = Person::login(&held.proxy, "root").await;
    let mut grace = Person::login(&held.proxy, "grace").await;
    let form = ada.form(PRODUCT).await.with("name", "Slow").with("_save", "Save");
    let page = ada.post(PRODUCT, &form).await.expect(504).text();
    held.arrived().await;
    assert!(
        page.contains("We do not know whether Blue kettle was saved")
            || page.contains("We do not know whether this was saved"),
        "{page}"
    );
    // What was sent, and what is there now.
    assert!(page.contains("Slow") && page.contains("Now, as when you opened it"), "{page}");
    // The next one is warned that it may still land.
    let theirs = grace.form(PRODUCT).await;
    let editing = PageSocket::join(&grace, &theirs).await;
    editing.becomes("editor").await;
    assert_eq!(editing.status()["uncertain"], true);
    editing.leave();
    eventually!(held.proxy.list(), |locks| locks.is_empty());

    // It lands after all. Whoever saves on a form from before is stopped by the look at what is there.
    held.let_go();
    eventually!(held.django.product_name(1), |name| name == "Slow");
    let refused =
        grace.post(PRODUCT, &theirs.with("stock", "3").with("_save", "Save")).await.expect(409).text();
    assert!(refused.contains("Changed by somebody else only"), "{refused}");
    let again = ada.post(PRODUCT, &parse(&page, "")).await.expect(409).text();
    assert!(again.contains("There is no difference between what you typed and what is there now"), "{again}");
    // One click saves it.
    ada.post(PRODUCT, &parse(&again, "")).await.expect(302);
    assert_eq!(held.django.product_name(1), "Slow");
}

/// The proxy is killed while Django saves: nobody guesses afterwards, and what landed is not overwritten unseen.
#[tokio::test]
async fn a_proxy_that_dies_in_the_middle_of_a_save_leaves_nothing_to_guess() {
    let mut held = Held::start("");
    let mut ada = Person::login(&held.proxy, "root").await;
    let mut grace = Person::login(&held.proxy, "grace").await;
    let theirs = grace.form(PRODUCT).await.with("stock", "3").with("_save", "Save");
    let form = ada.form(PRODUCT).await.with("name", "Landed").with("_save", "Save");
    let mut sender = ada.at(&held.proxy);
    let (path, sent) = (PRODUCT.to_owned(), form.clone());
    let saving = tokio::spawn(async move { sender.try_post(&path, &sent).await.is_err() });
    held.arrived().await;
    held.proxy.proc.kill();
    assert!(saving.await.unwrap(), "a browser says that there was no answer, and keeps the form");
    held.let_go();
    eventually!(held.django.product_name(1), |name| name == "Landed");
    held.proxy.restart();
    // A form from before is compared with what is there now.
    let page = grace.post(PRODUCT, &theirs).await.expect(409).text();
    assert!(page.contains("Changed by somebody else only") && page.contains("Landed"), "{page}");
    // So is the one that was sent again.
    let again = ada.post(PRODUCT, &form).await.expect(409).text();
    assert!(again.contains("There is no difference between what you typed and what is there now"), "{again}");
    assert_eq!(held.django.product_name(1), "Landed");
}

#[tokio::test]
async fn a_login_that_has_changed_under_a_form_loses_nothing() {
    let (django, proxy) = crate::gate::site();
    let mut ada = Person::login(&proxy, "root").await;
    let form = ada.form(PRODUCT).await.with("name", "Typed before").with("_save", "Save");
    // Every login makes a new CSRF token (django.contrib.auth.login).
    ada.cookies.clear();
    ada.sign_in("/admin/").await;
    let page = ada.post(PRODUCT, &form).await.expect(403).text();
    assert!(page.contains("The site refused this save") && page.contains("Typed before"), "{page}");
    assert_eq!(django.product_name(1), "Blue kettle");
    let fresh = ada.form(PRODUCT).await;
    let renewed = form.with("csrfmiddlewaretoken", fresh.get("csrfmiddlewaretoken"));
    ada.post(PRODUCT, &renewed).await.expect(302);
    assert_eq!(django.product_name(1), "Typed before");
}
