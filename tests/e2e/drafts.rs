//! What was typed survives: reloads, crashes, lost locks, lost logins. With browsers.

use serde_json::json;

use crate::browsers::{EDITOR, PRODUCT};
use crate::stage::Stage;
use crate::support::browser::Browser;

async fn open(browser: &Browser, path: &str) {
    browser.open(path).await;
    browser.told(EDITOR).await;
}

#[tokio::test]
async fn a_draft_survives_leaving_and_a_crash() {
    Stage::new("draft")
        .play(async |stage| {
            let ada = stage.person("root").await;
            open(&ada, PRODUCT).await;
            assert_eq!(ada.notice().await, "");
            ada.enter_field("name", "Never saved").await;
            ada.open("/admin/").await;
            open(&ada, PRODUCT).await;
            ada.noticed("You have unsaved changes of this page from").await;
            assert_eq!(ada.value("name").await, "Blue kettle", "nothing is filled in unasked");
            ada.press_notice("Compare").await;
            ada.noticed("Name | Your unsaved changesNever saved | On this page nowBlue kettle").await;
            stage.shot(&ada, "draft-compare").await;
            ada.press_notice("Fill them in").await;
            assert_eq!(ada.value("name").await, "Never saved");
            ada.noticed("Filled in, and not saved yet: Name.").await;
            eventually!(stage.proxy.borrow().list()[0]["unsaved"].clone(), |unsaved| *unsaved == true);

            // The tab dies. What was typed last is a second old at most.
            ada.enter_field("description", "Typed before the crash").await;
            ada.drafted("Typed before the crash").await;
            let other = ada.client().new_window(true).await.unwrap().handle;
            assert!(ada.client().goto("chrome://crash").await.is_err(), "the tab is dead");
            ada.client().switch_to_window(other).await.unwrap();
            open(&ada, PRODUCT).await;
            ada.press_notice("Fill them in").await;
            assert_eq!(ada.value("description").await, "Typed before the crash");
            assert_eq!(ada.value("name").await, "Never saved");
            ada.save("_save").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/product/");
            open(&ada, PRODUCT).await;
            assert_eq!(ada.notice().await, "", "all of it is saved");
            // And what is discarded is gone.
            ada.enter_field("name", "Not this").await;
            ada.open("/admin/").await;
            open(&ada, PRODUCT).await;
            ada.press_notice("Discard them").await;
            open(&ada, PRODUCT).await;
            assert_eq!(ada.notice().await, "");
        })
        .await;
}

/// Every kind of control of Django's, and rows of inlines.
#[tokio::test]
async fn every_kind_of_field_comes_back() {
    Stage::new("draft-fields")
        .play(async |stage| {
            let ada = stage.person("root").await;
            open(&ada, PRODUCT).await;
            ada.enter_field("price", "7.50").await;
            ada.js("document.querySelector('[name=colour]').value = 'red'; \
                document.querySelector('[name=colour]').dispatchEvent(new Event('change', {bubbles: true}))", vec![]).await;
            ada.click("#id_published").await;
            // The left box's first choice goes over to the right.
            ada.js("const from = document.querySelector('#id_tags_from'); from.options[0].selected = true; \
                SelectBox.move('id_tags_from', 'id_tags_to')", vec![]).await;
            let tags = "return [...document.querySelector('#id_tags_to').options].map((o) => o.text).sort().join()";
            let chosen = ada.look(tags).await;
            // A supplier from the list that searches.
            let supplier = stage.django.value("select id from shop_supplier where name = 'North Pottery'");
            ada.js("const s = document.querySelector('[name=supplier]'); s.add(new Option('North Pottery', arguments[0], true, true)); \
                s.dispatchEvent(new Event('change', {bubbles: true}))", vec![supplier.clone()]).await;
            ada.click("#reviews-group .add-row a").await;
            ada.enter_field("reviews-3-author", "Lin").await;
            ada.js("document.querySelector('[name=reviews-3-stars]').value = '4'", vec![]).await;
            ada.enter_field("reviews-3-text", "Two\nlines").await;
            ada.drafted("lines").await;
            ada.open("/admin/").await;
            open(&ada, PRODUCT).await;
            ada.press_notice("Fill them in").await;
            assert_eq!(ada.value("price").await, "7.50");
            assert_eq!(ada.value("colour").await, "red");
            assert_eq!(ada.value("supplier").await, supplier.to_string());
            assert_eq!(ada.look("return document.querySelector('#id_published').checked").await, false);
            assert_eq!(ada.look(tags).await, chosen);
            assert_eq!(ada.value("reviews-3-author").await, "Lin");
            stage.shot(&ada, "draft-filled").await;
            ada.save("_save").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/product/");
            let row = stage.django.rows("select price, colour, published, supplier_id from shop_product where id = 1");
            assert_eq!(row[0], [json!(7.5), json!("red"), json!(0), supplier]);
            let review = stage.django.rows("select stars, text from shop_review where author = 'Lin'");
            assert_eq!(review, [[json!(4), json!("Two\r\nlines")]]);
            let count = stage.django.value("select count(*) from shop_product_tags where product_id = 1");
            assert_eq!(count, chosen.as_str().unwrap().split(',').count());
        })
        .await;
}

/// Rows have other numbers when somebody else has deleted one: nothing lands in another object's row.
#[tokio::test]
async fn what_was_typed_in_a_row_stays_that_row_s() {
    Stage::new("draft-rows")
        .play(async |stage| {
            let columns = stage.django.rows("select name from pragma_table_info('shop_review') where name <> 'id'");
            let columns: Vec<_> = columns.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect();
            let columns = columns.join(", ");
            stage.django.rows(&format!(
                "insert into shop_review ({columns}) select {columns} from shop_review where product_id = 1 limit 1 returning id"
            ));
            let ada = stage.person("root").await;
            open(&ada, PRODUCT).await;
            let ids = "return [0, 1, 2].map((row) => Number(document.querySelector(`[name=reviews-${row}-id]`).value))";
            let ids = ada.look(ids).await;
            let mut ids = ids.as_array().unwrap().iter().map(|id| id.as_i64().unwrap());
            let [first, second, third] = [(); 3].map(|()| ids.next().unwrap());
            ada.enter_field("reviews-0-text", "For the first").await;
            ada.enter_field("reviews-1-text", "For the second").await;
            ada.click("[name=reviews-2-DELETE]").await;
            ada.drafted("For the second").await;
            eventually!(
                ada.look("return Object.keys(localStorage).map((k) => localStorage[k]).join()").await,
                |kept| kept.as_str().unwrap().contains("reviews-2-DELETE")
            );
            ada.open("/admin/").await;
            stage.django.rows(&format!("delete from shop_review where id = {first} returning id"));
            open(&ada, PRODUCT).await;
            ada.press_notice("Compare").await;
            ada.noticed("its row was deleted").await;
            stage.shot(&ada, "draft-row-gone").await;
            ada.press_notice("Fill them in").await;
            ada.noticed("For the first").await;
            assert_eq!(ada.value("reviews-0-text").await, "For the second");
            assert_eq!(ada.look("return document.querySelector('[name=reviews-1-DELETE]').checked").await, true);
            ada.save("_save").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/product/");
            let left = stage.django.rows("select id, text from shop_review where product_id = 1 order by id");
            assert_eq!(left, [[json!(second), json!("For the second")]], "{third} was deleted, as its box said");
        })
        .await;
}

#[tokio::test]
async fn a_form_with_errors_is_compared_with_what_was_there_before() {
    Stage::new("draft-errors")
        .play(async |stage| {
            let ada = stage.person("root").await;
            open(&ada, PRODUCT).await;
            ada.enter_field("name", "Cheap kettle").await;
            ada.enter_field("price", "-1").await;
            ada.save("_save").await;
            eventually!(ada.text().await, |text| text.contains("Please correct the error"));
            ada.told(EDITOR).await;
            // It is the same work: neither offered again nor forgotten.
            assert_eq!(ada.notice().await, "");
            ada.enter_field("stock", "3").await;
            ada.drafted("\"stock\"").await;
            ada.open("/admin/").await;
            open(&ada, PRODUCT).await;
            ada.press_notice("Compare").await;
            ada.noticed("Name | Your unsaved changesCheap kettle | On this page nowBlue kettle").await;
            ada.noticed("Price | Your unsaved changes-1 | On this page now24.90").await;
        })
        .await;
}

#[tokio::test]
async fn what_a_lost_lock_left_unsaved_goes_onto_the_newer_version() {
    Stage::new("draft-lost-lock")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            open(&ada, PRODUCT).await;
            grace.open(PRODUCT).await;
            grace.told("You are next.").await;
            ada.enter_field("name", "Ada's kettle").await;
            eventually!(stage.proxy.borrow().list()[0]["unsaved"].clone(), |unsaved| *unsaved == true);
            assert_eq!(stage.proxy.borrow().locks(&["release", "--all"]).code, Some(0));
            grace.told(EDITOR).await;
            grace.enter_field("stock", "77").await;
            grace.save("_save").await;
            eventually!(grace.path().await, |path| path == "/admin/shop/product/");
            ada.told("Grace has changed this since you opened it.").await;
            assert_eq!(ada.value("name").await, "Ada's kettle", "never loaded again by itself");
            // Nothing is thrown away by it, so nobody is asked.
            ada.press("Load the current version").await;
            ada.told(EDITOR).await;
            ada.noticed("The page may have been saved since").await;
            stage.shot(&ada, "draft-newer-version").await;
            ada.press_notice("Fill them in").await;
            ada.save("_save").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/product/");
            let row = stage.django.rows("select name, stock from shop_product where id = 1");
            assert_eq!(row[0], [json!("Ada's kettle"), json!(77)]);
        })
        .await;
}

#[tokio::test]
async fn a_logout_elsewhere_is_told_before_the_save_and_costs_nothing() {
    Stage::new("logout")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            open(&ada, PRODUCT).await;
            grace.open(PRODUCT).await;
            grace.told("You are next.").await;
            ada.enter_field("name", "Typed before the logout").await;
            let first = ada.client().window().await.unwrap();
            let second = ada.client().new_window(true).await.unwrap().handle;
            ada.client().switch_to_window(second.clone()).await.unwrap();
            ada.open("/admin/").await;
            ada.click("#logout-form button").await;
            eventually!(ada.path().await, |path| path == "/admin/logout/");
            ada.client().switch_to_window(first.clone()).await.unwrap();
            ada.told("You are signed out, so nothing can be saved.").await;
            stage.shot(&ada, "signed-out").await;
            assert_eq!(ada.value("name").await, "Typed before the logout");
            // The lock is still hers.
            assert_eq!(stage.proxy.borrow().list()[0]["editor"], "Ada");
            // The next login's CSRF token will take its time.
            let hold = "const fetched = window.fetch; \
                window.fetch = (...what) => new Promise((go) => { window.letGo = () => go(fetched(...what)); })";
            ada.js(hold, vec![]).await;
            ada.client().switch_to_window(second).await.unwrap();
            ada.sign_in("root", "/admin/").await;
            ada.client().close_window().await.unwrap();
            ada.client().switch_to_window(first).await.unwrap();
            ada.js("window.dispatchEvent(new Event('focus'))", vec![]).await;
            eventually!(ada.look("return typeof window.letGo").await, |letting| letting == "function");
            // Until then a save would meet Django's 403, so nobody is told that all is well.
            assert!(ada.banner().await.starts_with("You are signed out"), "{}", ada.banner().await);
            ada.js("window.letGo()", vec![]).await;
            ada.told(EDITOR).await;
            ada.save("_save").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/product/");
            assert_eq!(stage.django.product_name(1), "Typed before the logout");
            grace.told(EDITOR).await;
        })
        .await;
}

/// Signed out in another tab while a page that waits for the lock is open: that is said, not who edits.
#[tokio::test]
async fn a_refused_save_of_somebody_signed_out_says_so() {
    Stage::new("signed-out-refused")
        .play(async |stage| {
            stage.expect_in_console("403");
            let ada = stage.person("root").await;
            open(&ada, PRODUCT).await;
            ada.enter_field("name", "Typed by Ada").await;
            ada.drafted("Typed by Ada").await;
            // Her cookie is gone as after a logout in another tab, and the widget has not noticed yet.
            ada.client().delete_all_cookies().await.unwrap();
            let submit = "HTMLFormElement.prototype.submit.call(document.querySelector('form[id$=_form]'))";
            ada.js(submit, vec![]).await;
            eventually!(ada.text().await, |text| text.contains("You are signed out"));
            assert!(!ada.text().await.contains("is editing"), "{}", ada.text().await);
            ada.press_in_page("Sign in and go on").await;
            eventually!(ada.path().await, |path| path == "/admin/login/");
            ada.enter("#id_username", "root").await;
            ada.enter("#id_password", "root-demo").await;
            ada.click("[type=submit]").await;
            ada.told(EDITOR).await;
            eventually!(ada.value("name").await, |name| name == "Typed by Ada");
            ada.save("_save").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/product/");
            assert_eq!(stage.django.product_name(1), "Typed by Ada");
        })
        .await;
}

#[tokio::test]
async fn a_save_that_meets_the_login_page_comes_back_after_it() {
    Stage::new("login-redirect")
        .play(async |stage| {
            stage.expect_in_console("403");
            let ada = stage.person("root").await;
            open(&ada, PRODUCT).await;
            ada.enter_field("name", "Typed without a session").await;
            // The session is gone, and nobody has noticed.
            let sessions = stage.django.rows("delete from django_session returning 1");
            assert_eq!(sessions.len(), 1);
            ada.save("_save").await;
            eventually!(ada.text().await, |text| text.contains("You are signed out"));
            assert!(ada.text().await.contains("Typed without a session"));
            stage.shot(&ada, "signed-out-save").await;
            ada.press_in_page("Sign in and go on").await;
            eventually!(ada.path().await, |path| path == "/admin/login/");
            ada.enter("#id_username", "root").await;
            ada.enter("#id_password", "root-demo").await;
            ada.click("#login-form [type=submit]").await;
            eventually!(ada.path().await, |path| path == PRODUCT);
            ada.told(EDITOR).await;
            ada.noticed("Filled in, and not saved yet: Name.").await;
            assert_eq!(ada.value("name").await, "Typed without a session");
            ada.save("_save").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/product/");
            assert_eq!(stage.django.product_name(1), "Typed without a session");
        })
        .await;
}

/// A proxy with the embedded store has forgotten who a session is of; the browser has not.
#[tokio::test]
async fn a_draft_survives_a_restart_of_the_proxy() {
    Stage::new("draft-restart")
        .play(async |stage| {
            stage.expect_in_console("ERR_CONNECTION_REFUSED");
            stage.expect_in_console("WebSocket connection");
            let ada = stage.person("root").await;
            open(&ada, PRODUCT).await;
            ada.enter_field("name", "Long work").await;
            ada.drafted("Long work").await;
            // Stopped, the proxy hands on all it knows, and she types on.
            stage.proxy.borrow_mut().stop();
            ada.told("The connection is lost").await;
            stage.proxy.borrow_mut().restart();
            ada.told(EDITOR).await;
            assert_eq!(
                (ada.value("name").await, ada.notice().await),
                ("Long work".to_owned(), String::new())
            );
            // Killed, it knows her page no more.
            stage.proxy.borrow_mut().proc.kill();
            stage.proxy.borrow_mut().restart();
            ada.told("The server has lost track of this page").await;
            ada.press("Load the current version").await;
            ada.told(EDITOR).await;
            ada.noticed("You have unsaved changes of this page").await;
            ada.press_notice("Fill them in").await;
            assert_eq!(ada.value("name").await, "Long work");
            // And a login that the proxy sees makes no stranger of her.
            ada.drafted("Long work").await;
            ada.open("/admin/").await;
            ada.click("#logout-form button").await;
            eventually!(ada.path().await, |path| path == "/admin/logout/");
            ada.sign_in("root", "/admin/").await;
            open(&ada, PRODUCT).await;
            ada.noticed("You have unsaved changes of this page").await;
        })
        .await;
}

/// Whoever leaves an offer unanswered and types on loses neither.
#[tokio::test]
async fn typing_beside_an_offer_is_kept_too() {
    Stage::new("draft-two")
        .play(async |stage| {
            let ada = stage.person("root").await;
            open(&ada, PRODUCT).await;
            ada.enter_field("name", "First name").await;
            ada.drafted("First name").await;
            open(&ada, PRODUCT).await;
            ada.noticed("You have unsaved changes of this page").await;
            ada.enter_field("stock", "77").await;
            ada.enter_field("name", "Second name").await;
            ada.drafted("Second name").await;
            open(&ada, PRODUCT).await;
            // The newer first, then the one before it.
            ada.noticed("You have unsaved changes of this page").await;
            ada.press_notice("Fill them in").await;
            assert_eq!(
                (ada.value("name").await, ada.value("stock").await),
                ("Second name".into(), "77".into())
            );
            ada.press_notice("OK").await;
            ada.noticed("There are earlier unsaved changes of yours too").await;
            ada.press_notice("Compare").await;
            eventually!(
                ada.look("return document.querySelector('collab-notice').shadowRoot.textContent").await,
                |text| text
                    .as_str()
                    .is_some_and(|text| text.contains("First name") && text.contains("Second name"))
            );
            stage.shot(&ada, "draft-before-the-draft").await;
            ada.press_notice("Discard them").await;
            eventually!(ada.notice().await, |text| text.is_empty());
            // What was discarded is gone, what was filled in is not.
            open(&ada, PRODUCT).await;
            ada.noticed("You have unsaved changes of this page").await;
            ada.press_notice("Fill them in").await;
            assert_eq!(ada.value("name").await, "Second name");
            ada.save("_save").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/product/");
            open(&ada, PRODUCT).await;
            assert_eq!(ada.notice().await, "");
            assert_eq!(stage.django.product_name(1), "Second name");
        })
        .await;
}

#[tokio::test]
async fn a_draft_is_its_persons_own_and_holds_no_secrets() {
    Stage::new("draft-private")
        .play(async |stage| {
            // Chromium's advice on Django's password field.
            stage.expect_in_console("autocomplete attributes");
            let credential = "/admin/shop/credential/1/change/";
            let ada = stage.person("root").await;
            open(&ada, credential).await;
            ada.enter_field("login", "till").await;
            ada.enter_field("api_secret", "hunter2-of-the-till").await;
            ada.drafted("till").await;
            let kept = ada.look("return JSON.stringify(localStorage)").await;
            assert!(!kept.as_str().unwrap().contains("hunter2"), "{kept}");
            // Somebody else at the same machine is not shown it.
            ada.open("/admin/").await;
            ada.click("#logout-form button").await;
            eventually!(ada.path().await, |path| path == "/admin/logout/");
            ada.sign_in("grace", "/admin/").await;
            open(&ada, credential).await;
            assert_eq!(ada.notice().await, "");
        })
        .await;
}
