//! Odd ways to a save: other names for a row, pages that were made while nobody could say what they show, answers
//! that look like something else. No save overwrites one that its author has not seen, and nothing typed is lost.

use serde_json::json;

use crate::cluster::Cluster;
use crate::gate::{Held, site};
use crate::support::person::{Form, Person, parse};
use crate::support::socket::PageSocket;

const PRODUCT: &str = "/admin/shop/product/1/change/";
const LIST: &str = "/admin/shop/product/";
const CATEGORY: &str = "/admin/shop/category/2/change/";
const SHELF: &str = "/admin/shop/shelf/1/change/";

/// What the pencil beside the shelf's category opens: the category by its name, not by its key.
const BY_NAME: &str = "/admin/shop/category/Garden/change/?_to_field=name&_popup=1";

#[tokio::test]
async fn another_name_for_a_row_is_the_same_row() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let garden = django.value("select id from shop_category where name = 'Garden'");
    let by_key = format!("/admin/shop/category/{garden}/change/");
    assert_eq!(by_key, CATEGORY, "what the constant says");
    let old = ada.form(&by_key).await;

    // The same object, the same lock. A popup shows nobody's name, so hers is what she signed in as.
    let popup = grace.form(BY_NAME).await;
    assert_eq!(popup.config["object"], json!(format!("shop.category/{garden}")));
    let editing = PageSocket::join(&grace, &popup).await;
    editing.becomes("editor").await;
    let waits = PageSocket::join(&ada, &old).await;
    waits.becomes("waiting").await;
    let refused = ada.post(&by_key, &old.with("note", "Ada's").with("_save", "Save")).await.expect(423);
    assert!(refused.text().contains("grace is editing this"), "{}", refused.text());

    // The same version: what was saved in the popup is not overwritten by a form from before.
    let saved = grace.post(BY_NAME, &popup.with("note", "Grace's").with("_save", "Save")).await.expect(200);
    assert!(saved.text().contains("popup_response"), "{}", saved.text());
    editing.leave();
    let page = eventually!(
        ada.post(&by_key, &old.with("note", "Ada's").with("_save", "Save")).await,
        |answer| answer.status != 423
    );
    let page = page.expect(409).text();
    assert!(page.contains("Grace&#x27;s") || page.contains("Grace's"), "what is there now is shown: {page}");

    // And the other way round, also where only the form says by which field it is found.
    let popup = grace.form(BY_NAME).await;
    ada.post(&by_key, &parse(&page, "")).await.expect(302);
    for path in [BY_NAME, "/admin/shop/category/Garden/change/"] {
        let stale = grace.post(path, &popup.with("note", "Grace's second").with("_save", "Save")).await;
        assert_eq!(stale.status, 409, "{path}: {}", stale.text());
    }
    assert_eq!(django.value("select note from shop_category where name = 'Garden'"), "Ada's");
}

/// Pages that are made while the store is away say nothing of a version; later that must not pass for a script's.
#[tokio::test]
async fn pages_made_while_the_store_is_away_are_checked_when_it_is_back() {
    let mut cluster = Cluster::start();
    let mut ada = Person::login(&cluster.one, "root").await;
    let mut grace = Person::login(&cluster.one, "grace").await;
    ada.get(PRODUCT).await.expect(200);
    cluster.redis.kill();
    let form = ada.form(PRODUCT).await;
    let list = ada.form_of(LIST, "changelist-form").await;
    cluster.redis.restart();
    let typed = form.with("stock", "77").with("_save", "Save");
    // Nobody has touched it: the form shows just what is there.
    eventually!(ada.post(PRODUCT, &typed).await.status, |status| *status == 302);

    let theirs = grace.form(PRODUCT).await.with("name", "Grace's kettle").with("_save", "Save");
    grace.post(PRODUCT, &theirs).await.expect(302);
    let page = ada.post(PRODUCT, &typed.with("name", "Ada's kettle")).await.expect(409).text();
    assert!(page.contains("Grace&#x27;s kettle") || page.contains("Grace's kettle"), "{page}");
    let old_list = list.with("form-0-price", "77.00").with("_save", "Save");
    let page = ada.post(LIST, &old_list).await.expect(409).text();
    assert!(page.contains("anyway"), "{page}");
    assert_eq!(cluster.django.product_name(1), "Grace's kettle");
}

#[tokio::test]
async fn a_filter_called_next_is_no_login() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let old = grace.form(CATEGORY).await;
    let path = format!("{CATEGORY}?_changelist_filters=next%3D1");
    let form = ada.form(&path).await.with("note", "Ada's").with("_save", "Save");
    let answer = ada.post(&path, &form).await.expect(302);
    assert!(answer.header("location").contains("next=1"), "{}", answer.header("location"));
    grace.post(CATEGORY, &old.with("note", "Grace's").with("_save", "Save")).await.expect(409);
    assert_eq!(django.value("select note from shop_category where id = 2"), "Ada's");
}

/// `…/2/x/` is no page: Django takes it for a key and leads on, and so saves nothing.
#[tokio::test]
async fn an_address_that_only_leads_on_makes_nobodys_form_old() {
    let (_django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut vera = Person::login(&proxy, "vera").await;
    let form = ada.form(CATEGORY).await;
    let theirs = vera.get("/admin/").await.expect(200);
    let token = parse(&theirs.text(), "logout-form").get("csrfmiddlewaretoken").to_owned();
    let nothing = Form {
        fields: vec![("csrfmiddlewaretoken".into(), token), ("x".into(), "y".into())],
        ..Form::default()
    };
    let answer = vera.post("/admin/shop/category/2/x/", &nothing).await.expect(302);
    assert!(answer.header("location").ends_with("/x/change/"), "{}", answer.header("location"));
    ada.post(CATEGORY, &form.with("note", "Ada's").with("_save", "Save")).await.expect(302);
}

#[tokio::test]
async fn a_cookie_of_odd_bytes_hides_nobody() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    ada.cookies.insert("pref".to_owned(), "café".to_owned());
    let form = ada.form(CATEGORY).await.with("note", "saved").with("_save", "Save");
    ada.post(CATEGORY, &form).await.expect(302);
    assert_eq!(django.value("select note from shop_category where id = 2"), "saved");
}

/// A field is no password for its name's sake.
#[tokio::test]
async fn a_hint_is_given_back_and_saved() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let old = ada.form(SHELF).await;
    let theirs = grace.form(SHELF).await.with("name", "By the door").with("_save", "Save");
    grace.post_multipart(SHELF, &theirs).await.expect(302);
    let typed = old.with("password_hint", "my long hint").with("_save", "Save");
    let page = ada.post_multipart(SHELF, &typed).await.expect(409).text();
    assert!(page.contains("my long hint") && !page.contains("type it again"), "{page}");
    ada.post_multipart(SHELF, &parse(&page, "")).await.expect(302);
    assert_eq!(django.value("select password_hint from shop_shelf where id = 1"), "my long hint");
}

/// The text of a form that is larger than what is read before it is let through.
#[tokio::test]
async fn text_after_a_large_file_is_given_back_too() {
    let (django, proxy) = site();
    let mut ada = Person::login(&proxy, "root").await;
    let form = ada.form(SHELF).await.with("plan", "Typed after the photo").with("_save", "Save");
    let wrong = form.with("csrfmiddlewaretoken", &"x".repeat(64));
    let answer = ada.upload(SHELF, &wrong, "photo", 3 * 1024 * 1024).await.expect(403);
    let page = answer.text();
    assert!(page.contains("Typed after the photo") && page.contains("has to be chosen again"), "{page}");
    let again = parse(&page, "");
    assert_eq!(again.get("name"), "By the window");
    ada.post_multipart(SHELF, &again).await.expect(302);
    assert_eq!(
        django.rows("select name, plan, password_hint from shop_shelf where id = 1")[0],
        [json!("By the window"), json!("Typed after the photo"), json!("what the kettle says")]
    );

    // More than can be kept is shown as far as it goes, and never sent again as if it were all.
    let long =
        form.with("plan", &"word ".repeat(4 * 1024 * 1024)).with("csrfmiddlewaretoken", &"x".repeat(64));
    let page = ada.upload(SHELF, &long, "photo", 10).await.text();
    assert!(page.contains("cannot be sent again from this page"), "{}", &page[..page.len().min(4_000)]);
    assert!(!page.contains("<button type=\"submit\""), "a part of the form could be sent as the whole");
    assert_eq!(django.value("select plan from shop_shelf where id = 1"), "Typed after the photo");
}

/// Redis goes away while Django saves: the save's end is told as soon as it is back, not when its pin runs out.
#[tokio::test]
async fn the_end_of_a_save_is_told_when_the_store_is_back() {
    let mut redis = crate::support::redis::Redis::start();
    let held = Held::with_args(
        "[options]\nredis_max_retries = 0\nredis_socket_timeout = \"1 s\"",
        &["--redis", &redis.url()],
    );
    let mut ada = Person::login(&held.proxy, "root").await;
    let form = ada.form(PRODUCT).await.with("name", "Saved meanwhile").with("_continue", "Save");
    let mut sender = ada.at(&held.proxy);
    let path = PRODUCT.to_owned();
    let saving = tokio::spawn(async move { sender.post(&path, &form).await.status });
    held.arrived().await;
    redis.freeze();
    held.let_go();
    assert_eq!(saving.await.unwrap(), 302);
    redis.thaw();
    eventually!(held.proxy.list(), |locks| locks.iter().all(|lock| lock["state"] != "saving"));
    let form = ada.form(PRODUCT).await.with("name", "And saved again").with("_save", "Save");
    ada.post(PRODUCT, &form).await.expect(302);
    assert_eq!(held.django.product_name(1), "And saved again");
}
