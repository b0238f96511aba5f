//! Asking for the lock, handing it over, taking it over, being away: what both people see, and that nothing typed
//! is lost on the way.

use std::rc::Rc;
use std::time::Duration;

use serde_json::json;

use crate::browsers::{EDITOR, PRODUCT};
use crate::stage::Stage;
use crate::support::browser::Browser;
use crate::support::devtools::{devtools, sized};
use crate::support::django::Django;
use crate::support::proxy::Proxy;
use crate::support::redis::Redis;

/// Ada edits, Grace is next.
async fn two(stage: &Stage) -> (Rc<Browser>, Rc<Browser>) {
    let ada = stage.person("root").await;
    let grace = stage.person("grace").await;
    ada.open(PRODUCT).await;
    ada.told(EDITOR).await;
    grace.open(PRODUCT).await;
    // Shorter where more is said, such as how long Ada may go on.
    grace.told("This page is being edited by Ada.").await;
    (ada, grace)
}

/// The text of one of the other bars: `collab-offer`, `collab-notice`; empty without it.
async fn bar(browser: &Browser, tag: &str) -> String {
    let script = format!(
        "return document.querySelector('{tag}:not([hidden])')?.shadowRoot.querySelector('.text, .box > p').textContent ?? ''"
    );
    browser.look(&script).await.as_str().unwrap_or_default().to_owned()
}

async fn press_in(browser: &Browser, tag: &str, label: &str) {
    let script = format!(
        "return [...document.querySelector('{tag}:not([hidden])')?.shadowRoot.querySelectorAll('button') ?? []].find((b) => b.textContent === '{label}') ?? null"
    );
    let button = eventually!(browser.look(&script).await, |b| !b.is_null());
    browser.element(button).click().await.unwrap();
}

/// As on a phone, in the dark.
pub(crate) async fn narrow(browser: &Browser) {
    sized(browser, 360).await;
    let dark = json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
    devtools(browser, "Emulation.setEmulatedMedia", dark).await;
}

async fn title(browser: &Browser) -> String {
    browser.look("return document.title").await.as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn asked_and_handed_over_now() {
    Stage::new("ask-now")
        .play(async |stage| {
            let (ada, grace) = two(stage).await;
            // She is far down the page and typing.
            ada.enter_field("reviews-0-author", "Li").await;
            ada.js("document.querySelector('[name=reviews-0-text]').scrollIntoView({block: 'center'})", vec![]).await;
            ada.click("[name=reviews-0-text]").await;
            let focus = "return document.activeElement?.name ?? ''";
            assert_eq!(ada.look(focus).await, "reviews-0-text");
            stage.shot(&grace, "handover-may-ask").await;
            grace.press("Ask to edit").await;
            grace.told("You have asked to edit. Without an answer you can take over in").await;
            stage.shot(&grace, "handover-asked").await;
            ada.told("Grace asks to edit this page.").await;
            // It is seen where she is, and leaves her where she was.
            eventually!(bar(&ada, "collab-edge").await, |text| text.contains("Grace asks to edit this page."));
            assert_eq!(ada.look(focus).await, "reviews-0-text");
            assert!(title(&ada).await.starts_with("Request to edit · "), "{}", title(&ada).await);
            let apart = "const n = document.querySelector('collab-edge').getBoundingClientRect(), \
                f = document.activeElement.getBoundingClientRect(); return f.bottom <= n.top || n.bottom <= f.top";
            assert_eq!(ada.look(apart).await, true, "it covers the field she types into");
            stage.shot(&ada, "handover-request-scrolled").await;
            ada.js("scrollTo(0, 0)", vec![]).await;
            eventually!(bar(&ada, "collab-edge").await, |text| text.is_empty());
            stage.shot(&ada, "handover-request").await;
            narrow(&ada).await;
            stage.shot(&ada, "handover-request-narrow").await;
            ada.js("document.querySelector('[name=reviews-0-text]').scrollIntoView({block: 'center'})", vec![]).await;
            eventually!(bar(&ada, "collab-edge").await, |text| !text.is_empty());
            let within = "const b = document.querySelector('collab-edge').getBoundingClientRect(); \
                return b.left >= 0 && b.right <= 360 && b.height < 96";
            assert_eq!(ada.look(within).await, true);
            stage.shot(&ada, "handover-request-edge-narrow").await;
            ada.js("scrollTo(0, 0)", vec![]).await;

            ada.press("Hand over now").await;
            grace.told(EDITOR).await;
            ada.told("You have handed this page over.").await;
            ada.told("This page is being edited by Grace.").await;
            assert!(!title(&ada).await.contains("Request"), "{}", title(&ada).await);
            assert_eq!(ada.value("reviews-0-author").await, "Li");
            assert!(grace.is_editable("name").await && !ada.is_editable("name").await);
        })
        .await;
}

#[tokio::test]
async fn asked_and_handed_over_later() {
    Stage::with("ask-later", &[], "[lock]\nhandover_later = \"6 s\"\n")
        .play(async |stage| {
            let (ada, grace) = two(stage).await;
            grace.press("Ask to edit").await;
            ada.press("In 6 s").await;
            ada.told("You hand this page over in 0:0").await;
            grace.told("Ada hands it over in 0:0").await;
            stage.shot(&ada, "handover-promised-editor").await;
            stage.shot(&grace, "handover-promised-viewer").await;
            assert_eq!(ada.banner_buttons().await, ["Hand over now"]);
            // The countdown counts.
            let first = ada.banner().await;
            eventually!(ada.banner().await, |text| *text != first);
            grace.told(EDITOR).await;
            ada.told("You have handed this page over.").await;
        })
        .await;
}

#[tokio::test]
async fn asked_and_declined() {
    Stage::with("ask-no", &[], "[lock]\nask_again = \"4 s\"\n")
        .play(async |stage| {
            let (ada, grace) = two(stage).await;
            grace.press("Ask to edit").await;
            ada.press("Not now").await;
            ada.told(EDITOR).await;
            grace.told("Ada goes on editing. You can ask again in 0:0").await;
            stage.shot(&grace, "handover-declined").await;
            assert_eq!(grace.banner_buttons().await, ["Request Editor Attention"]);
            // The request disappears with the one who asks.
            grace.press("Ask to edit").await;
            ada.told("Grace asks to edit this page.").await;
            grace.open("/admin/").await;
            eventually!(ada.banner().await, |text| text == EDITOR);
        })
        .await;
}

#[tokio::test]
async fn unanswered_and_taken_over_with_the_work_of_the_other() {
    Stage::with("takeover", &[], "[lock]\nanswer_within = \"1 s\"\n")
        .play(async |stage| {
            let (ada, grace) = two(stage).await;
            ada.enter_field("name", "Half typed kettle").await;
            ada.enter_field("stock", "77").await;
            ada.click("[name=published]").await;
            let published = ada.look("return document.querySelector('[name=published]').checked").await;
            grace.press("Ask to edit").await;
            grace.told("You have asked to edit, and there was no answer.").await;
            ada.told("They can take over now.").await;
            stage.shot(&grace, "takeover-offered").await;
            grace.mark().await;
            grace.press("Take over").await;
            grace.told(EDITOR).await;

            ada.told("Grace has taken over and edits this page now.").await;
            ada.told("What you typed is still here, and is offered to Grace.").await;
            assert_eq!(ada.value("name").await, "Half typed kettle");
            assert!(!ada.is_editable("name").await);
            stage.shot(&ada, "takeover-lost").await;

            eventually!(bar(&grace, "collab-offer").await, |text| text
                == "Ada left unsaved changes here: Name, Stock, Published.");
            assert_eq!(grace.value("name").await, "Blue kettle", "nothing is filled in unasked");
            stage.shot(&grace, "takeover-offer").await;
            narrow(&grace).await;
            stage.shot(&grace, "takeover-offer-narrow").await;
            press_in(&grace, "collab-offer", "Fill them in").await;
            eventually!(bar(&grace, "collab-offer").await, |text| text
                == "Filled in, and not saved yet: Name, Stock, Published.");
            assert_eq!(grace.value("name").await, "Half typed kettle");
            assert_eq!(grace.value("stock").await, "77");
            assert_eq!(
                grace.look("return document.querySelector('[name=published]').checked").await,
                published
            );
            let marked = "return [...document.querySelectorAll('[data-collab-filled]')].map((e) => e.name)";
            assert_eq!(grace.look(marked).await, json!(["name", "stock", "published"]));
            eventually!(stage.proxy.borrow().list()[0].clone(), |lock| lock["unsaved"] == true
                && lock["editor"] == "Grace");
            stage.shot(&grace, "takeover-filled").await;
            assert_eq!(stage.django.product_name(1), "Blue kettle", "nothing is saved by itself");
            assert!(grace.is_marked().await);
            grace.save("_save").await;
            eventually!(grace.path().await, |path| path == "/admin/shop/product/");
            assert_eq!(stage.django.product_name(1), "Half typed kettle");
            assert_eq!(stage.django.value("select stock from shop_product where id = 1"), 77);
            assert_eq!(ada.value("name").await, "Half typed kettle", "hers stays where it is");
        })
        .await;
}

/// Choices: a list, a list that is searched, two boxes; one field emptied; a new inline row.
#[tokio::test]
async fn every_kind_of_field_is_passed_on() {
    Stage::with("takeover-fields", &[], "[lock]\ntakeover = \"always\"\n")
        .play(async |stage| {
            let (ada, grace) = two(stage).await;
            let set = "const f = (n) => document.querySelector(`[name=\"${n}\"]`); \
                f('colour').value = 'red'; f('description').value = ''; \
                const from = document.querySelector('#id_tags_from'); const first = from.options[0]; first.selected = true; \
                from.dispatchEvent(new Event('change', {bubbles: true})); \
                document.querySelector('#id_tags_add, #id_tags_add_link').click(); \
                document.querySelector('#reviews-group .add-row a').click(); \
                return [first.value, f('category').value]";
            ada.click("[name=name]").await;
            let chosen = ada.js(set, vec![]).await;
            let row = ada.look("return document.querySelector('[name=reviews-TOTAL_FORMS]').value").await;
            let last: u32 = row.as_str().unwrap().parse::<u32>().unwrap() - 1;
            ada.enter_field(&format!("reviews-{last}-author"), "Lin").await;
            grace.press("Take over").await;
            grace.told(EDITOR).await;
            press_in(&grace, "collab-offer", "Compare").await;
            stage.shot(&grace, "takeover-compare").await;
            press_in(&grace, "collab-offer", "Fill them in").await;
            eventually!(bar(&grace, "collab-offer").await, |text| text.contains("Filled in, and not saved yet:"));
            stage.shot(&grace, "takeover-fields").await;
            assert_eq!(grace.value("colour").await, "red");
            assert_eq!(grace.value("description").await, "");
            let right = "return [...document.querySelector('#id_tags_to').options].map((o) => o.value)";
            assert!(grace.look(right).await.as_array().unwrap().contains(&chosen[0]), "{chosen}");
            assert_eq!(grace.value(&format!("reviews-{last}-author")).await, "Lin", "in a row of its own");
            let missing = "return document.querySelector('collab-offer').shadowRoot.querySelectorAll('.row').length";
            assert_eq!(grace.look(missing).await, 0);
        })
        .await;
}

#[tokio::test]
async fn no_takeover_where_it_is_off() {
    Stage::with("takeover-off", &[], "[lock]\ntakeover = \"off\"\nanswer_within = \"0 s\"\n")
        .play(async |stage| {
            let (ada, grace) = two(stage).await;
            grace.press("Ask to edit").await;
            ada.told("Grace asks to edit this page.").await;
            assert!(!ada.banner().await.contains("take over"));
            eventually!(grace.banner().await, |text| text.ends_with("You have asked to edit."));
            assert_eq!(grace.banner_buttons().await, ["Request Editor Attention"]);
        })
        .await;
}

#[tokio::test]
async fn only_those_who_may_take_over_can() {
    let settings = "[lock]\ntakeover = \"always\"\ntakeover_users = [\"root\"]\n";
    Stage::with("takeover-users", &[], settings)
        .play(async |stage| {
            let (ada, grace) = two(stage).await;
            assert_eq!(grace.banner_buttons().await, ["Ask to edit", "Request Editor Attention"]);
            // The other way round: Ada is on the list.
            ada.open("/admin/").await;
            grace.told(EDITOR).await;
            ada.open(PRODUCT).await;
            ada.press("Take over").await;
            ada.told(EDITOR).await;
            grace.told("Ada has taken over and edits this page now.").await;
            assert_eq!(bar(&ada, "collab-offer").await, "", "nothing was typed");
        })
        .await;
}

#[tokio::test]
async fn nobody_holds_for_longer_than_the_site_allows_while_somebody_waits() {
    // Longer than a page takes to open here on a bad day.
    let settings = "[lock]\nmax_hold = \"16 s\"\nidle_warning = \"15 s\"\n";
    Stage::with("max-hold", &[], settings)
        .play(async |stage| {
            let (ada, grace) = two(stage).await;
            ada.enter_field("name", "Half typed").await;
            ada.told("Somebody is waiting, and your time is up in 0:").await;
            // Typing does not help against this one.
            ada.enter_field("name", "Half typed, and more").await;
            ada.told_within("Your time was up while somebody was waiting.", Duration::from_secs(30)).await;
            grace.told(EDITOR).await;
            assert_eq!(ada.value("name").await, "Half typed, and more");
            eventually!(bar(&grace, "collab-offer").await, |text| text
                .starts_with("Ada left unsaved changes here"));
        })
        .await;
}

#[tokio::test]
async fn who_is_away_is_warned_and_the_lock_passes_on() {
    // Longer than a page takes to open here on a bad day.
    let settings = "[lock]\nidle_after = \"16 s\"\nidle_warning = \"15 s\"\n";
    Stage::with("idle", &[], settings)
        .play(async |stage| {
            let (ada, grace) = two(stage).await;
            ada.enter_field("name", "Half typ").await;
            ada.told("Are you still there? Somebody is waiting, so this page is handed on in 0:").await;
            assert!(title(&ada).await.contains(" left · "), "{}", title(&ada).await);
            stage.shot(&ada, "idle-editor").await;
            stage.shot(&grace, "idle-viewer").await;
            ada.press("I am still here").await;
            eventually!(ada.banner().await, |text| text == EDITOR);
            assert!(!title(&ada).await.contains(" left · "));
            // Typing says as much.
            ada.told("Are you still there?").await;
            ada.enter_field("name", "Half typed").await;
            eventually!(ada.banner().await, |text| text == EDITOR);
            // And then nothing more.
            ada.told("Are you still there?").await;
            ada.told_within("You were away while somebody was waiting.", Duration::from_secs(30)).await;
            grace.told(EDITOR).await;
            assert_eq!(ada.value("name").await, "Half typed");
            stage.shot(&ada, "idle-lost").await;
            eventually!(bar(&grace, "collab-offer").await, |text| text
                .starts_with("Ada left unsaved changes here"));
            press_in(&grace, "collab-offer", "Dismiss").await;
            eventually!(bar(&grace, "collab-offer").await, |text| text.is_empty());
            assert_eq!(grace.value("name").await, "Blue kettle");
        })
        .await;
}

#[tokio::test]
async fn nobody_waits_nobody_is_sent_away() {
    let settings = "[lock]\nidle_after = \"1 s\"\nidle_warning = \"500 ms\"\n";
    Stage::with("idle-alone", &[], settings)
        .play(async |stage| {
            let ada = stage.person("root").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            // Longer than she could be idle for, if somebody waited.
            let begun = std::time::Instant::now();
            eventually!(begun.elapsed(), |passed| *passed > Duration::from_secs(2));
            assert_eq!(ada.banner().await, EDITOR);
            let grace = stage.person("grace").await;
            grace.open(PRODUCT).await;
            grace.told(EDITOR).await;
            ada.told("You were away while somebody was waiting.").await;
        })
        .await;
}

#[tokio::test]
async fn taken_over_across_two_proxies() {
    let (django, redis) = (Django::start(), Redis::start());
    let settings = "[lock]\nanswer_within = \"500 ms\"\n";
    let node = || Proxy::with(&django.upstream(), settings, &["--redis", &redis.url()]);
    let (one, two) = (node(), node());
    Stage::of("takeover-cluster", django, one)
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person_at("grace", two.url(), "/admin/").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            grace.open(PRODUCT).await;
            // Shorter where more is said, such as how long Ada may go on.
            grace.told("This page is being edited by Ada.").await;
            ada.enter_field("name", "Half typed kettle").await;
            grace.press("Ask to edit").await;
            ada.told("Grace asks to edit this page.").await;
            grace.press("Take over").await;
            grace.told(EDITOR).await;
            ada.told("Grace has taken over and edits this page now.").await;
            press_in(&grace, "collab-offer", "Fill them in").await;
            eventually!(grace.value("name").await, |name| name == "Half typed kettle");
            grace.save("_save").await;
            eventually!(grace.path().await, |path| path == "/admin/shop/product/");
            assert_eq!(stage.django.product_name(1), "Half typed kettle");
        })
        .await;
}
