//! A save that must not go through: what the person sees, and what can be done about it. With browsers.

use serde_json::{Value, json};

use crate::browsers::{EDITOR, PRODUCT, saves};
use crate::stage::Stage;
use crate::support::browser::Browser;
use crate::support::person::Person;
use crate::support::socket::PageSocket;

const DOCUMENT: &str = "/admin/shop/document/12345678-90ab-4cde-8f01-234567890abc/change/";

/// Sends the form as a script does that knows nothing of locks.
async fn send_anyway(browser: &Browser) {
    browser
        .js("HTMLFormElement.prototype.submit.call(document.querySelector('form[id$=_form]'))", vec![])
        .await;
}

async fn set(browser: &Browser, field: &str, value: &str) {
    let script = "document.querySelector(`[name=\"${arguments[0]}\"]`).value = arguments[1]";
    browser.js(script, vec![json!(field), json!(value)]).await;
}

/// Somebody changes the database past the proxy while the form is open; the deep check sees it.
#[tokio::test]
async fn what_went_round_the_proxy_is_shown_and_both_changes_are_kept() {
    Stage::with("round-the-proxy", &[], "[saves]\ndeep_check = \"always\"")
        .play(async |stage| {
            stage.expect_in_console("409");
            let ada = stage.person("root").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            ada.enter_field("name", "Blue whistling kettle").await;
            ada.enter_field("description", "Blue kettle, made by Tinsmith. It whistles.").await;
            stage.django.value(
                "update shop_product set stock = 99, description = 'Blue kettle, made by Tinsmith & Sons.' where id = 1 returning id",
            );
            ada.save("_save").await;
            eventually!(ada.text().await, |text| text.contains("Blue kettle has changed"));
            let text = ada.text().await;
            let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} in {text}"));
            assert!(at("Changed by you and by somebody else") < at("Changed by you\n"), "{text}");
            assert!(at("Changed by you\n") < at("Changed by somebody else only"), "{text}");
            assert!(at("Description") < at("Changed by you\n") && at("Stock") > at("Changed by somebody else only"));
            assert_eq!(stage.django.product_name(1), "Blue kettle", "nothing is saved yet");
            stage.shot(&ada, "conflict").await;

            // Only what she changed is carried over, and only a save saves it.
            ada.press_in_page("Fill my changes into the current version").await;
            ada.told(EDITOR).await;
            ada.noticed("Filled in, and not saved yet: Name, Description").await;
            assert_eq!((ada.value("name").await, ada.value("stock").await), ("Blue whistling kettle".into(), "99".into()));
            assert_eq!(ada.look("return document.querySelectorAll('[data-collab-filled]').length").await, 2);
            assert_eq!(stage.django.product_name(1), "Blue kettle", "nothing is saved yet");
            stage.shot(&ada, "filled-in").await;
            ada.save("_save").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/product/");
            let row = stage.django.rows("select name, stock, description from shop_product where id = 1");
            assert_eq!(row[0], [json!("Blue whistling kettle"), json!(99), json!("Blue kettle, made by Tinsmith. It whistles.")]);
            // And it is no draft any more.
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            assert_eq!(ada.notice().await, "");
        })
        .await;
}

#[tokio::test]
async fn a_false_alarm_costs_one_click() {
    Stage::with("false-alarm", &[], "[saves]\ndeep_check = \"always\"")
        .play(async |stage| {
            stage.expect_in_console("409");
            let ada = stage.person("root").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            ada.enter_field("name", "Kettle").await;
            // A row of an inline that shows nothing: only a hidden key tells.
            stage.django.value("update shop_product set stock = 13 where id = 1 returning id");
            ada.enter_field("stock", "13").await;
            ada.save("_save").await;
            eventually!(ada.text().await, |text| text.contains("Changed the same way by both"));
            ada.press_in_page("Save anyway").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/product/");
            assert_eq!(stage.django.product_name(1), "Kettle");
        })
        .await;
}

#[tokio::test]
async fn a_volatile_field_is_no_difference() {
    let settings = "[saves]\ndeep_check = \"always\"\nvolatile_fields = [\"shop.product:stock\"]";
    Stage::with("volatile", &[], settings)
        .play(async |stage| {
            let ada = stage.person("root").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            ada.enter_field("name", "Kettle").await;
            stage.django.value("update shop_product set stock = 13 where id = 1 returning id");
            ada.save("_save").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/product/");
        })
        .await;
}

#[tokio::test]
async fn a_refused_person_waits_in_line_and_tries_again() {
    Stage::new("waits")
        .play(async |stage| {
            stage.expect_in_console("423");
            let mut ada = Person::stranger(&stage.proxy.borrow(), "root");
            ada.sign_in("/admin/").await;
            let form = ada.form(DOCUMENT).await;
            let editing = PageSocket::join(&ada, &form).await;
            editing.becomes("editor").await;
            let grace = stage.person("grace").await;
            grace.open(DOCUMENT).await;
            grace.told("This page is being edited by Ada.").await;
            set(&grace, "title", "Opening hours in winter").await;
            send_anyway(&grace).await;
            eventually!(grace.text().await, |text| text.contains("Ada is editing this"));
            let text = grace.text().await;
            assert!(text.contains("Opening hours in winter") && text.contains("Changed by you"), "{text}");
            grace.press_in_page("Tell me when it is free").await;
            eventually!(grace.text().await, |text| text.contains("You are next."));
            stage.shot(&grace, "waits").await;
            editing.leave();
            eventually!(grace.text().await, |text| text.contains("It is free now, and it is your turn."));
            assert!(grace.look("return document.title").await.as_str().unwrap().starts_with('✓'));
            assert_eq!(stage.proxy.borrow().list()[0]["editor"], "Grace");
            grace.press_in_page("Try again").await;
            eventually!(grace.path().await, |path| path == "/admin/shop/document/");
            let title = stage.django.value("select title from shop_document where title like 'Opening%'");
            assert_eq!(title, "Opening hours in winter");
            eventually!(stage.proxy.borrow().list(), |locks| locks.is_empty());
        })
        .await;
}

/// What the server writes into the page, and what its script says later.
#[tokio::test]
async fn a_refused_person_is_spoken_to_in_the_language_of_the_form() {
    let settings = "[admin]\nprefixes = [\"/{lang}/admin/\"]";
    Stage::with("refused-german", &[("DEMO_I18N", "1")], settings)
        .play(async |stage| {
            stage.expect_in_console("423");
            let english = format!("/en{DOCUMENT}");
            let mut ada = Person::stranger(&stage.proxy.borrow(), "root");
            ada.sign_in("/en/admin/").await;
            let form = ada.form(&english).await;
            let editing = PageSocket::join(&ada, &form).await;
            editing.becomes("editor").await;
            let grace = stage.person_at("grace", &stage.url(), "/de/admin/").await;
            grace.open(&format!("/de{DOCUMENT}")).await;
            grace.told("Diese Seite wird von Ada bearbeitet.").await;
            set(&grace, "title", "Im Winter").await;
            set(&grace, "body", "Geschlossen.").await;
            send_anyway(&grace).await;
            eventually!(grace.text().await, |text| text.contains("Ada bearbeitet dies"));
            assert_eq!(grace.look("return document.documentElement.lang").await, "de");
            // Buttons that the script made, and those that it showed.
            let buttons = "return [...document.querySelectorAll('button')].filter((b) => !b.hidden).map((b) => b.textContent)";
            let shown = grace.look(buttons).await;
            assert_eq!(
                shown,
                json!(["Erneut versuchen", "Bescheid geben, wenn es frei ist", "Meine Änderungen kopieren", "Kopieren", "Kopieren"])
            );
            let label = grace.look("return document.querySelector('button.copy').getAttribute('aria-label')").await;
            assert_eq!(label, "Kopieren: Title");
            stage.shot(&grace, "refused-german").await;
            grace.press_in_page("Bescheid geben, wenn es frei ist").await;
            eventually!(grace.text().await, |text| text.contains("Sie sind als Nächstes an der Reihe."));
            editing.leave();
            eventually!(grace.text().await, |text| text.contains("Jetzt ist es frei, und Sie sind an der Reihe. Versuchen Sie es erneut."));
            assert_eq!(grace.look("return document.title").await, "✓ Jetzt ist es frei");
            grace.press_in_page("Erneut versuchen").await;
            eventually!(grace.path().await, |path| path == "/de/admin/shop/document/");
            assert_eq!(stage.django.value("select title from shop_document where title like 'Im W%'"), "Im Winter");
        })
        .await;
}

/// The page of a refused save holds the lock like any other, and can lose it like any other.
#[tokio::test]
async fn the_page_of_a_refused_save_says_what_is_true_now() {
    Stage::with("kept-lost", &[], "[lock]\ntakeover = \"always\"\n")
        .play(async |stage| {
            stage.expect_in_console("423");
            let address = stage.proxy.borrow().address().to_owned();
            let mut ada = Person::at_address(&address, "root");
            let mut linus = Person::at_address(&address, "linus");
            for person in [&mut ada, &mut linus] {
                person.sign_in("/admin/").await;
                person.get("/admin/").await;
            }
            let grace = stage.person("grace").await;
            grace.open(DOCUMENT).await;
            grace.told(EDITOR).await;
            // Taken over while she is not looking.
            let form = ada.form(DOCUMENT).await;
            let editing = PageSocket::join(&ada, &form).await;
            editing.becomes("waiting").await;
            editing.send(json!({"type": "take_over"}));
            editing.becomes("editor").await;
            set(&grace, "title", "Typed by Grace").await;
            send_anyway(&grace).await;
            eventually!(grace.text().await, |text| text.contains("Ada is editing this"));
            grace.press_in_page("Tell me when it is free").await;
            eventually!(grace.text().await, |text| text.contains("You are next."));
            editing.leave();
            eventually!(grace.text().await, |text| text.contains("It is free now, and it is your turn."));
            let text = grace.text().await;
            assert!(
                !text.contains("Try again when they have left"),
                "what is over is not said any more: {text}"
            );
            // And taken from this page as well.
            let form = linus.form(DOCUMENT).await;
            let theirs = PageSocket::join(&linus, &form).await;
            theirs.becomes("waiting").await;
            theirs.send(json!({"type": "take_over"}));
            theirs.becomes("editor").await;
            eventually!(grace.text().await, |text| text.contains("Linus has taken over."));
            let text = grace.text().await;
            assert!(text.contains("Linus is editing this") && !text.contains("Ada"), "{text}");
            stage.shot(&grace, "kept-taken-over").await;
            grace.press_in_page("Tell me when it is free").await;
            eventually!(grace.text().await, |text| text.contains("You are next."));
            theirs.leave();
            eventually!(grace.text().await, |text| text.contains("It is free now"));
            grace.press_in_page("Try again").await;
            eventually!(grace.path().await, |path| path == "/admin/shop/document/");
        })
        .await;
}

/// Files cannot be carried along; that is said before and after.
#[tokio::test]
async fn files_are_named_where_they_have_to_be_chosen_again() {
    Stage::with("kept-files", &[], "[saves]\ndeep_check = \"always\"")
        .play(async |stage| {
            stage.expect_in_console("409");
            let ada = stage.person("root").await;
            ada.open("/admin/shop/shelf/1/change/").await;
            ada.told(EDITOR).await;
            let file = stage.django.folder().join("plan.txt");
            std::fs::write(&file, "a plan").unwrap();
            ada.choose_file("photo", &file).await;
            ada.enter_field("plan", "Typed beside a file").await;
            stage.django.rows("update shop_shelf set name = 'By the door' where id = 1 returning 1");
            ada.save("_save").await;
            eventually!(ada.text().await, |text| text.contains("By the window has changed")
                || text.contains("By the door has changed"));
            let text = ada.text().await;
            assert!(text.contains("Photo: the file plan.txt has to be chosen again"), "{text}");
            ada.choose_file("photo", &file).await;
            ada.press_in_page("Fill my changes into the current version").await;
            eventually!(ada.text().await, |text| text.contains("cannot be carried over"));
            ada.press_in_page("Fill my changes into the current version").await;
            ada.told(EDITOR).await;
            ada.noticed("Filled in, and not saved yet: Plan").await;
            ada.noticed("plan.txt | has to be chosen again").await;
            stage.shot(&ada, "file-again").await;
        })
        .await;
}

#[tokio::test]
async fn whoever_has_it_open_is_told_when_it_is_gone() {
    Stage::new("gone")
        .play(async |stage| {
            stage.expect_in_console("409");
            let ada = stage.person("root").await;
            let vera = stage.person("vera").await;
            ada.open(DOCUMENT).await;
            ada.told(EDITOR).await;
            vera.open(DOCUMENT).await;
            ada.enter_field("title", "Typed into the void").await;
            // A script deletes it; nobody hears of it before the save.
            stage.django.rows("delete from shop_document where title = 'Opening hours' returning 1");
            ada.save("_save").await;
            eventually!(ada.text().await, |text| text.contains("is gone"));
            assert!(ada.text().await.contains("Typed into the void"));
            stage.shot(&ada, "gone").await;
            vera.told("This was deleted by somebody else.").await;

            // Deleted in the admin: told by name.
            let house = "/admin/shop/document/a1b2c3d4-e5f6-4a1b-8c2d-3e4f5a6b7c8d/";
            vera.open(&format!("{house}change/")).await;
            vera.told("You can view this page").await;
            ada.open(&format!("{house}delete/")).await;
            ada.click("#content form [type=submit]").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/document/");
            vera.told("This was deleted by Ada.").await;
        })
        .await;
}

#[tokio::test]
async fn save_as_new_leaves_the_original_alone() {
    Stage::new("as-new")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            grace.open(PRODUCT).await;
            grace.told("You are next.").await;
            grace.mark().await;
            ada.enter_field("name", "Red kettle").await;
            ada.enter_field("slug", "red-kettle").await;
            ada.save("_saveasnew").await;
            eventually!(ada.path().await, |path| path.ends_with("/change/") && path != PRODUCT);
            ada.told(EDITOR).await;
            grace.told(EDITOR).await;
            assert!(grace.is_marked().await, "the original was not saved, so nobody loads it again");
            assert_eq!(stage.django.product_name(1), "Blue kettle");
            // What became an object of its own is no draft of the original.
            grace.open("/admin/").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            assert_eq!(ada.notice().await, "");
        })
        .await;
}

#[tokio::test]
async fn the_back_button_shows_no_old_values_for_long() {
    Stage::new("back")
        .play(async |stage| {
            let ada = stage.person("root").await;
            ada.open(DOCUMENT).await;
            ada.told(EDITOR).await;
            ada.enter_field("title", "First").await;
            ada.save("_save").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/document/");
            ada.client().back().await.unwrap();
            eventually!((ada.path().await, ada.value("title").await), |(path, title)| path == DOCUMENT
                && title == "First");
            ada.told(EDITOR).await;
            // No conflict with herself.
            ada.enter_field("title", "Second").await;
            ada.save("_save").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/document/");
            let titles =
                stage.django.rows("select title from shop_document where title in ('First', 'Second')");
            assert_eq!(titles, [[Value::from("Second")]]);
            ada.open(DOCUMENT).await;
            ada.told(EDITOR).await;
            assert_eq!(ada.notice().await, "", "all of it is saved");
        })
        .await;
}

/// A page that comes back from the browser's memory without being loaded (bfcache) is as old as it was: it hears what has
/// happened, and is loaded anew before anybody edits it.
#[tokio::test]
async fn a_page_from_the_browsers_memory_is_not_taken_for_a_new_one() {
    Stage::new("bfcache")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            ada.open(DOCUMENT).await;
            ada.told(EDITOR).await;
            // What the browser tells a page that it puts aside.
            let page = |kind: &str| {
                format!("window.dispatchEvent(new PageTransitionEvent('{kind}', {{persisted: true}}))")
            };
            ada.js(&page("pagehide"), vec![]).await;
            eventually!(stage.proxy.borrow().list(), |locks| locks.is_empty());
            saves(&grace, DOCUMENT, "title", "Grace's title").await;
            ada.mark().await;
            ada.js(&page("pageshow"), vec![]).await;
            eventually!(ada.is_marked().await, |marked| !marked);
            ada.told(EDITOR).await;
            assert_eq!(ada.value("title").await, "Grace's title");
            // What its tab shows next stands in its place; a tab that is made from it while it is shown does not.
            let handed_on =
                "return Object.entries(sessionStorage).find(([k]) => k.startsWith('collab-before:'))[1]";
            assert_eq!(ada.look(handed_on).await, "null");
            ada.js(&page("pagehide"), vec![]).await;
            assert_ne!(ada.look(handed_on).await, "null");
            ada.js(&page("pageshow"), vec![]).await;
            assert_eq!(ada.look(handed_on).await, "null");
            ada.told(EDITOR).await;
        })
        .await;
}

/// Chrome fills in what a form showed before, whatever the server sends now; and the token of that page is good.
#[tokio::test]
async fn what_the_browser_restores_overwrites_nothing() {
    Stage::new("back-restored")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            ada.open(DOCUMENT).await;
            ada.told(EDITOR).await;
            ada.enter_field("title", "Ada's title").await;
            ada.save("_save").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/document/");
            saves(&grace, DOCUMENT, "title", "Grace's title").await;
            ada.client().back().await.unwrap();
            eventually!(ada.path().await, |path| path == DOCUMENT);
            ada.told(EDITOR).await;
            assert_eq!(ada.value("title").await, "Grace's title");
            assert_eq!(ada.notice().await, "", "what she typed was saved in its time");
            ada.save("_save").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/document/");
            titled(stage, "Grace's title");

            // Not saved, and older than what is there: offered, not filled in.
            ada.open(DOCUMENT).await;
            ada.told(EDITOR).await;
            ada.enter_field("title", "Half a title").await;
            ada.drafted("Half a title").await;
            ada.click("#site-name a").await;
            eventually!(ada.path().await, |path| path == "/admin/");
            saves(&grace, DOCUMENT, "title", "Grace's second").await;
            ada.client().back().await.unwrap();
            eventually!(ada.path().await, |path| path == DOCUMENT);
            ada.told(EDITOR).await;
            ada.noticed("The page may have been saved since").await;
            assert_eq!(ada.value("title").await, "Grace's second");

            // Without a draft there is only what the browser kept.
            ada.press_notice("Fill them in").await;
            assert_eq!(ada.value("title").await, "Half a title");
            ada.click("#site-name a").await;
            eventually!(ada.path().await, |path| path == "/admin/");
            ada.js("localStorage.clear()", vec![]).await;
            ada.client().back().await.unwrap();
            eventually!(ada.path().await, |path| path == DOCUMENT);
            ada.told(EDITOR).await;
            ada.noticed("Your browser kept changes of this page").await;
            assert_eq!(ada.value("title").await, "Grace's second");
            stage.shot(&ada, "back-restored").await;
            ada.press_notice("Compare").await;
            ada.noticed("Title | Your unsaved changesHalf a title | On this page nowGrace's second").await;
            ada.press_notice("Fill them in").await;
            assert_eq!(ada.value("title").await, "Half a title");

            // The same version, and a draft: her work goes on where she left it.
            ada.drafted("Half a title").await;
            ada.click("#site-name a").await;
            eventually!(ada.path().await, |path| path == "/admin/");
            ada.client().back().await.unwrap();
            eventually!(ada.path().await, |path| path == DOCUMENT);
            ada.noticed("Filled in, and not saved yet: Title.").await;
            assert_eq!(ada.value("title").await, "Half a title");
        })
        .await;
}

fn titled(stage: &Stage, title: &str) {
    let found = stage.django.rows(&format!("select count(*) from shop_document where title = \"{title}\""));
    assert_eq!(found, [[Value::from(1)]], "{title}");
}

/// Her own save on another page is told as hers.
#[tokio::test]
async fn nobody_is_told_of_themselves_as_of_somebody_else() {
    Stage::new("own-save")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let other = stage.person("root").await;
            ada.open(DOCUMENT).await;
            ada.told(EDITOR).await;
            ada.enter_field("title", "Typed here").await;
            other.open(DOCUMENT).await;
            other.told("You are editing this on another page.").await;
            other.press("Edit here instead").await;
            other.told(EDITOR).await;
            other.enter_field("title", "Saved there").await;
            other.save("_save").await;
            eventually!(other.path().await, |path| path == "/admin/shop/document/");
            ada.told("You have saved this since you opened it here.").await;
            assert_eq!(ada.value("title").await, "Typed here");
        })
        .await;
}

#[tokio::test]
async fn deleting_what_somebody_edits_is_refused() {
    Stage::new("delete-refused")
        .play(async |stage| {
            stage.expect_in_console("423");
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            ada.open(DOCUMENT).await;
            ada.told(EDITOR).await;
            grace.open(&DOCUMENT.replace("change/", "delete/")).await;
            grace.click("#content form [type=submit]").await;
            eventually!(grace.text().await, |text| text.contains("Ada is editing this"));
            assert!(grace.text().await.contains("was not deleted: Ada has been editing it"));
            assert!(grace.text().await.contains("This document was not deleted"));
            stage.shot(&grace, "delete-refused").await;
            assert_eq!(
                stage.django.value("select count(*) from shop_document where title = 'Opening hours'"),
                1
            );
            // When she has left, the same page does it.
            ada.open("/admin/").await;
            eventually!(stage.proxy.borrow().list(), |locks| locks.is_empty());
            grace.press_in_page("Try again").await;
            eventually!(grace.path().await, |path| path == "/admin/shop/document/");
            assert_eq!(
                stage.django.value("select count(*) from shop_document where title = 'Opening hours'"),
                0
            );
        })
        .await;
}

/// Somebody saved it while the question stood there: whoever answered it has not seen that.
#[tokio::test]
async fn what_was_saved_since_is_not_deleted_unseen() {
    Stage::new("delete-stale")
        .play(async |stage| {
            stage.expect_in_console("409");
            let rows =
                || stage.django.value("select count(*) from shop_document where title = 'Longer hours'");
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            grace.open(&DOCUMENT.replace("change/", "delete/")).await;
            saves(&ada, DOCUMENT, "title", "Longer hours").await;
            grace.click("#content form [type=submit]").await;
            eventually!(grace.text().await, |text| text.contains("This document has changed"));
            let text = grace.text().await;
            assert!(
                text.contains("was not deleted: Ada saved it") && text.contains("deletes what was saved"),
                "{text}"
            );
            assert_eq!(rows(), 1);
            stage.shot(&grace, "delete-stale").await;
            grace.press_in_page("Delete anyway").await;
            eventually!(grace.path().await, |path| path == "/admin/shop/document/");
            assert_eq!(rows(), 0);
        })
        .await;
}

/// The pencil beside a related object opens its form in a window of its own.
#[tokio::test]
async fn a_popup_is_guarded_as_the_page_is() {
    Stage::new("popup")
        .play(async |stage| {
            let category = "/admin/shop/category/1/change/";
            let name = stage.django.value("select name from shop_category where id = 1");
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            let main = ada.client().window().await.unwrap();
            ada.js(
                "document.querySelector('#id_category').value = '1'; \
                document.querySelector('#id_category').dispatchEvent(new Event('change', {bubbles: true}))",
                vec![],
            )
            .await;
            ada.click("#change_id_category").await;
            let windows = eventually!(ada.client().windows().await.unwrap(), |w| w.len() == 2);
            let popup = windows.into_iter().find(|w| *w != main).unwrap();
            ada.client().switch_to_window(popup).await.unwrap();
            ada.told(EDITOR).await;
            grace.open(category).await;
            grace.told("You are next.").await;
            ada.enter_field("name", "Cookery").await;
            ada.click("[name=_save]").await;
            eventually!(ada.client().windows().await.unwrap(), |w| w.len() == 1);
            // Its own page goes on, with the new name in the list; the other one is next, with the new values.
            ada.client().switch_to_window(main).await.unwrap();
            ada.told(EDITOR).await;
            let chosen = "return document.querySelector('#id_category').selectedOptions[0].text";
            eventually!(ada.look(chosen).await, |text| text == "Cookery");
            grace.told(EDITOR).await;
            assert_eq!(grace.value("name").await, "Cookery");
            assert_ne!(name, "Cookery");
        })
        .await;
}
