//! Change lists, as two people with browsers see them.

use serde_json::{Value, json};

use crate::stage::Stage;
use crate::support::browser::Browser;
use crate::support::django::Django;
use crate::support::person::Person;
use crate::support::proxy::Proxy;
use crate::support::redis::Redis;
use crate::support::socket::PageSocket;

const LIST: &str = "/admin/shop/product/";
const LANTERN: &str = "/admin/shop/product/3/change/";

/// What the row of a product says of its editor; empty without a badge.
async fn badge(browser: &Browser, pk: u32) -> String {
    let script = format!(
        "return document.querySelector('[name=_selected_action][value=\"{pk}\"]').closest('tr')\
         .querySelector('collab-badge')?.getAttribute('aria-label') ?? ''"
    );
    browser.look(&script).await.as_str().unwrap_or_default().to_owned()
}

/// A row's controls: disabled, inert, checked, value.
async fn controls(browser: &Browser, pk: u32) -> Value {
    let script = format!(
        "return [...document.querySelector('[name=_selected_action][value=\"{pk}\"]').closest('tr')\
         .querySelectorAll('input')].map((e) => [e.disabled, e.inert, e.checked, e.value])"
    );
    browser.look(&script).await
}

async fn set_checked(browser: &Browser, pk: u32) {
    browser.click(&format!("[name=_selected_action][value=\"{pk}\"]")).await;
}

async fn selected(browser: &Browser) -> Value {
    browser.look("return [...document.querySelectorAll('[name=_selected_action]:checked')].map((e) => e.value).sort().join()").await
}

#[tokio::test]
async fn who_edits_a_row_is_seen_in_the_list_as_it_happens() {
    Stage::new("list-badges")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            grace.open(LIST).await;
            set_checked(&grace, 3).await;
            let before = controls(&grace, 3).await;
            let page = grace.look("return document.querySelector('#result_list').outerHTML").await;
            grace.mark().await;

            ada.open(LANTERN).await;
            ada.told("You are in editor mode.").await;
            eventually!(badge(&grace, 3).await, |b| b.starts_with("Ada has been editing this since "));
            assert_eq!(badge(&grace, 1).await, "");
            let held = controls(&grace, 3).await;
            assert_eq!(held[0], json!([true, false, false, "3"]));
            assert_eq!(held[1], json!([false, true, false, "18.50"]));
            stage.shot(&grace, "list-badge").await;
            let width = "return document.documentElement.scrollWidth <= window.innerWidth";
            assert_eq!(grace.look(width).await, true);

            // Neither the master nor a click selects it; and Django's count is right.
            grace.click("#action-toggle").await;
            assert_eq!(selected(&grace).await, "1,2,4,5,6,7,8");
            let counter = grace.look("return document.querySelector('.action-counter').textContent").await;
            assert!(counter.as_str().unwrap().starts_with("7 of 8"), "{counter}");
            grace.click("#action-toggle").await;
            assert_eq!(selected(&grace).await, "");
            // The person's own row stays theirs.
            ada.js("window.open('/admin/shop/product/')", vec![]).await;
            let windows = ada.client().windows().await.unwrap();
            ada.client().switch_to_window(windows[1].clone()).await.unwrap();
            eventually!(badge(&ada, 3).await, |b| b == "You are editing this.");
            assert_eq!(controls(&ada, 3).await[0][0], false);
            stage.shot(&ada, "list-badge-own").await;
            ada.client().switch_to_window(windows[0].clone()).await.unwrap();

            ada.open("/admin/").await;
            eventually!(badge(&grace, 3).await, |b| b.is_empty());
            let after = controls(&grace, 3).await;
            assert_eq!(after[0], json!([false, false, false, "3"]), "it was deselected with all the others");
            assert_eq!((&after[1], &after[2]), (&before[1], &before[2]));
            assert!(grace.is_marked().await, "all of that without a reload");
            // Nothing of ours is left behind.
            let clean = |html: &Value| {
                html.as_str().unwrap().replace(" class=\"selected\"", "").replace(" class=\"\"", "")
            };
            let now = grace.look("return document.querySelector('#result_list').outerHTML").await;
            assert_eq!(clean(&now), clean(&page));
        })
        .await;
}

#[tokio::test]
async fn a_checked_row_is_checked_again_when_it_is_free() {
    Stage::new("list-checked")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            grace.open(LIST).await;
            set_checked(&grace, 3).await;
            set_checked(&grace, 5).await;
            ada.open(LANTERN).await;
            eventually!(badge(&grace, 3).await, |b| !b.is_empty());
            assert_eq!(selected(&grace).await, "5");
            ada.open("/admin/").await;
            eventually!(badge(&grace, 3).await, |b| b.is_empty());
            assert_eq!(selected(&grace).await, "3,5");
        })
        .await;
}

#[tokio::test]
async fn going_on_without_a_row_changes_only_the_others() {
    let stage = Stage::new("list-refused");
    stage.expect_in_console("423");
    stage.expect_in_console("status of 423");
    stage
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            // Grace types into the row before Ada comes.
            grace.open(LIST).await;
            grace.enter_field("form-6-stock", "21").await;
            grace.enter_field("form-1-stock", "13").await;
            ada.open(LANTERN).await;
            ada.told("You are in editor mode.").await;
            eventually!(badge(&grace, 3).await, |b| !b.is_empty());
            assert_eq!(grace.value("form-6-stock").await, "21", "what was typed stays");
            grace.click("[name=_save]").await;
            let text = "return document.body.innerText";
            eventually!(grace.look(text).await, |t| t
                .as_str()
                .is_some_and(|t| t.contains("One row stands in the way")));
            let page = grace.look(text).await;
            for said in ["Red lantern", "Ada has been editing it", "Blue kettle", "21", "13"] {
                assert!(page.as_str().unwrap().contains(said), "{said} in {page}");
            }
            stage.shot(&grace, "list-refused").await;
            grace.client().set_window_size(360, 800).await.unwrap();
            stage.shot(&grace, "list-refused-phone").await;
            grace.click("button.first").await;
            eventually!(grace.path().await, |path| path == LIST);
            eventually!(
                grace.look("return document.querySelector('.messagelist')?.innerText ?? ''").await,
                |m| m.as_str().is_some_and(|m| m.contains("1 product was changed"))
            );
            let stock =
                |pk: u32| stage.django.value(&format!("select stock from shop_product where id = {pk}"));
            assert_eq!((stock(3), stock(1)), (json!(20), json!(13)));
            eventually!(badge(&grace, 3).await, |b| !b.is_empty());
            grace
                .js(
                    "document.querySelector('collab-badge').closest('tr').scrollIntoView({block: 'center'})",
                    vec![],
                )
                .await;
            stage.shot(&grace, "list-badge-phone").await;

            // An untouched row of somebody's is in nobody's way.
            grace.client().set_window_size(1280, 1000).await.unwrap();
            grace.enter_field("form-1-stock", "14").await;
            grace.click("[name=_save]").await;
            eventually!(stock(1), |s| *s == 14);
            assert_eq!(stock(3), 20);
        })
        .await;
}

#[tokio::test]
async fn a_dark_and_a_right_to_left_list_have_badges_too() {
    Stage::new("list-looks")
        .play(async |stage| {
            let ada = stage.person("root").await;
            ada.open(LANTERN).await;
            ada.told("You are in editor mode.").await;
            let grace = stage.person("grace").await;
            grace.open(LIST).await;
            eventually!(badge(&grace, 3).await, |b| !b.is_empty());
            grace.js("document.documentElement.dataset.theme = 'dark'", vec![]).await;
            stage.shot(&grace, "list-badge-dark").await;
            grace
                .js(
                    "document.documentElement.dataset.theme = 'light'; document.documentElement.dir = 'rtl'",
                    vec![],
                )
                .await;
            stage.shot(&grace, "list-badge-rtl").await;
        })
        .await;
}

#[tokio::test]
async fn an_old_list_shows_both_values_before_it_saves_over_one() {
    let stage = Stage::new("list-old");
    stage.expect_in_console("status of 409");
    stage
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            grace.open(LIST).await;
            ada.open(LANTERN).await;
            ada.told("You are in editor mode.").await;
            ada.enter_field("stock", "77").await;
            ada.save("_save").await;
            eventually!(ada.path().await, |path| path == LIST);
            eventually!(badge(&grace, 3).await, |b| b.is_empty());
            grace.enter_field("form-1-stock", "13").await;
            grace.click("[name=_save]").await;
            let text = "return document.body.innerText";
            eventually!(grace.look(text).await, |t| t.as_str().is_some_and(|t| t.contains("Ada saved it")));
            stage.shot(&grace, "list-old").await;
            grace.click("button.first").await;
            eventually!(grace.path().await, |path| path == LIST);
            let stock =
                |pk: u32| stage.django.value(&format!("select stock from shop_product where id = {pk}"));
            eventually!((stock(3), stock(1)), |s| *s == (json!(77), json!(13)));
        })
        .await;
}

/// A page cannot ask for rows that Django did not show to it.
#[tokio::test]
async fn whoever_was_not_shown_a_row_is_not_told_of_it() {
    let django = Django::start();
    let proxy = Proxy::start(&django.upstream());
    let mut ada = Person::login(&proxy, "root").await;
    let mut grace = Person::login(&proxy, "grace").await;
    let config = async |person: &mut Person, path: &str| -> Value {
        let page = person.get(path).await.expect(200).text();
        let data = page.split("id=\"collab-list-config\">").nth(1).unwrap();
        serde_json::from_str(data.split("</script>").next().unwrap()).unwrap()
    };
    let one = config(&mut grace, "/admin/shop/product/?q=kettle").await;
    let all = config(&mut grace, LIST).await;
    let adas = config(&mut ada, LIST).await;
    let rows = |config: &Value| -> Vec<Value> {
        config["rows"].as_array().unwrap().iter().map(|r| r[0].clone()).collect()
    };
    assert_eq!((rows(&one), rows(&all).len()), (vec![json!("1")], 8));
    let join = async |person: &Person, config: &Value, rows: Vec<Value>| {
        let socket = PageSocket::open(person, config["socket"].as_str().unwrap()).await;
        socket.send(json!({"type": "join", "token": config["token"], "rows": rows}));
        socket
    };
    let shown = join(&grace, &all, rows(&all)).await;
    let not_shown = join(&grace, &one, rows(&one)).await;
    eventually!(not_shown.of("list_status").len(), |n| *n == 1);
    for (who, config, rows, code) in [
        (&grace, &one, vec![json!("1"), json!("3")], 4403),
        (&grace, &all, vec![json!("3")], 4403),
        (&grace, &adas, rows(&adas), 4401),
        (
            &ada,
            &json!({"socket": "/admin/collaboration/shop/part/", "token": adas["token"]}),
            rows(&adas),
            4403,
        ),
        (&ada, &json!({"socket": "/admin/collaboration/shop/part/", "token": 7}), vec![], 4400),
    ] {
        let socket = join(who, config, rows).await;
        eventually!(socket.closed(), |c| *c == Some(code));
    }
    let form = ada.form(LANTERN).await;
    let _editing = PageSocket::join(&ada, &form).await;
    eventually!(shown.of("list_status").pop().unwrap_or_default(), |s| s["rows"]["3"]["name"] == "Ada");
    let form = ada.form("/admin/shop/product/1/change/").await;
    let _editing = PageSocket::join(&ada, &form).await;
    eventually!(not_shown.of("list_status").len(), |n| *n == 2);
    let told = not_shown.of("list_status");
    assert_eq!(told[0]["rows"], json!({}));
    assert_eq!(told[1]["rows"]["1"]["name"], "Ada");
    assert_eq!(told[1]["rows"].as_object().unwrap().len(), 1);
    eventually!(shown.of("list_status").pop().unwrap_or_default(), |s| s["rows"]["1"]["you"] == false);
}

/// The list is open at one proxy, the form at another.
#[tokio::test]
async fn badges_cross_proxies_and_end_with_a_dead_one() {
    let (django, redis) = (Django::start(), Redis::start());
    let quick = "[lock]\nlease = \"3 s\"\nping = \"500 ms\"\ndead = \"1 s\"\ngrace = \"1 s\"\n";
    let node = || Proxy::with(&django.upstream(), quick, &["--redis", &redis.url()]);
    let (one, mut two) = (node(), node());
    let mut ada = Person::login(&two, "root").await;
    let mut grace = Person::login(&one, "grace").await;
    let page = grace.get(LIST).await.expect(200).text();
    let data = page.split("id=\"collab-list-config\">").nth(1).unwrap();
    let config: Value = serde_json::from_str(data.split("</script>").next().unwrap()).unwrap();
    let rows: Vec<Value> = config["rows"].as_array().unwrap().iter().map(|r| r[0].clone()).collect();
    let list = PageSocket::open(&grace, config["socket"].as_str().unwrap()).await;
    list.send(json!({"type": "join", "token": config["token"], "rows": rows}));
    eventually!(list.of("list_status").len(), |n| *n == 1);
    let last = || list.of("list_status").pop().unwrap_or_default()["rows"]["3"].clone();
    let form = ada.form(LANTERN).await;
    let editing = PageSocket::join(&ada, &form).await;
    eventually!(last(), |row| row["name"] == "Ada" && row["you"] == false);
    editing.leave();
    eventually!(last(), Value::is_null);
    let form = ada.form(LANTERN).await;
    let _editing = PageSocket::join(&ada, &form).await;
    eventually!(last(), |row| row["name"] == "Ada");
    two.proc.kill();
    eventually!(last(), Value::is_null, within: std::time::Duration::from_secs(15));
}

#[tokio::test]
async fn a_list_that_meets_the_login_page_is_saved_after_it() {
    Stage::new("list-login")
        .play(async |stage| {
            stage.expect_in_console("403");
            let ada = stage.person("root").await;
            ada.open(LIST).await;
            ada.enter("[name=form-1-stock]", "77").await;
            assert_eq!(stage.django.rows("delete from django_session returning 1").len(), 1);
            ada.click("[name=_save]").await;
            eventually!(ada.text().await, |text| text.contains("You are signed out"));
            stage.shot(&ada, "list-signed-out").await;
            let first = ada.client().window().await.unwrap();
            ada.press_in_page("Sign in and go on").await;
            eventually!(ada.client().windows().await.unwrap().len(), |tabs| *tabs == 2);
            let tabs = ada.client().windows().await.unwrap();
            let second = tabs.into_iter().find(|tab| *tab != first).unwrap();
            ada.client().switch_to_window(second).await.unwrap();
            ada.sign_in("root", "/admin/").await;
            ada.client().close_window().await.unwrap();
            ada.client().switch_to_window(first).await.unwrap();
            let csrf = "return document.querySelector('[name=csrfmiddlewaretoken]').value";
            let before = ada.look(csrf).await;
            ada.js("window.dispatchEvent(new Event('focus'))", vec![]).await;
            eventually!(ada.look(csrf).await, |now| *now != before);
            ada.press_in_page("Try again").await;
            eventually!(ada.path().await, |path| path == LIST);
            eventually!(
                stage.django.value("select count(*) from shop_product where stock = 77"),
                |rows| *rows == 1
            );
        })
        .await;
}
