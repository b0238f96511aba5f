//! Two people, two browsers: what each of them sees and can do.

use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::key::Key;
use serde_json::{Value, json};

use crate::stage::Stage;
use crate::support::browser::Browser;
use crate::support::person::Person;

pub(crate) const PRODUCT: &str = "/admin/shop/product/1/change/";
pub(crate) const EDITOR: &str = "You are in editor mode.";
pub(crate) const ADA_EDITS: &str =
    "This page is being edited by Ada. You cannot make changes until they leave.";

/// Every control's state, so that a change of any of them shows.
const STATE: &str = "return JSON.stringify([...document.querySelector('form[id$=_form]').elements].map((e) => \
    [e.name, e.id, e.type, e.value, e.checked ?? null, [...(e.selectedOptions ?? [])].map((o) => o.value)]))";

/// The whole form: its HTML, and what stands in properties only.
const FORM: &str = "const form = document.querySelector('form[id$=_form]'); \
    const all = [form, ...form.querySelectorAll('*'), ...form.elements]; \
    return [form.outerHTML, ...all.map((e) => [e.tagName, e.id, e.disabled ?? null, e.readOnly ?? null, \
    e.value ?? null, e.checked ?? null, e.isContentEditable, Object.hasOwn(form, 'submit')].join('|')), \
    String(document.adoptedStyleSheets.length)]";

/// What a person could try to edit with, as far as it can be seen.
const TARGETS: &str = "const form = document.querySelector('form[id$=_form]'); \
    const all = form.querySelectorAll('input, textarea, select, button, .select2-selection, .datetimeshortcuts a, \
    .add-row a, .inline-deletelink, .related-widget-wrapper-link, .deletelink, .selector a, .selector-chooser *'); \
    return [...new Set([...all, ...form.elements])].filter((e) => e.getClientRects().length > 0)";

/// Opens an object's form, changes a field, saves, and is back on the list.
pub(crate) async fn saves(person: &Browser, change: &str, field: &str, value: &str) {
    person.open(change).await;
    person.told(EDITOR).await;
    person.enter_field(field, value).await;
    person.save("_save").await;
    let list: String = change.split_inclusive('/').take(4).collect();
    eventually!(person.path().await, |path| *path == list);
}

#[tokio::test]
async fn the_first_edits_and_the_second_reads_along() {
    Stage::new("first-and-second")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            grace.open(PRODUCT).await;
            grace.told(ADA_EDITS).await;
            grace.told("You are next.").await;
            assert!(ada.is_editable("name").await);
            assert!(!grace.is_editable("name").await);
            stage.shot(&ada, "editor").await;
            stage.shot(&grace, "viewer").await;

            grace.mark().await;
            ada.enter_field("name", "Bluer kettle").await;
            ada.save("_save").await;
            // Nobody reloads by hand: the second is shown the new values, and edits them.
            grace.told(EDITOR).await;
            assert!(!grace.is_marked().await, "the values can only be new on a new page");
            assert_eq!(grace.value("name").await, "Bluer kettle");
            assert!(grace.is_editable("name").await);
            grace.enter_field("name", "Bluest kettle").await;
            grace.save("_save").await;
            eventually!(grace.path().await, |path| path == "/admin/shop/product/");
            assert_eq!(stage.django.product_name(1), "Bluest kettle");
        })
        .await;
}

#[tokio::test]
async fn a_read_only_form_refuses_every_way_of_editing() {
    Stage::new("refuses").play(async |stage| {
        let ada = stage.person("root").await;
        let grace = stage.person("grace").await;
        ada.open(PRODUCT).await;
        ada.told(EDITOR).await;
        grace.open(PRODUCT).await;
        grace.told(ADA_EDITS).await;
        // A section that opens is reading, not editing.
        grace.click("details summary").await;
        eventually!(grace.look("return document.querySelector('details').open").await, |open| open == true);
        stage.shot(&grace, "viewer-section-open").await;

        let before = grace.look(STATE).await;
        let targets = grace.js(TARGETS, vec![]).await;
        let targets = targets.as_array().unwrap();
        assert!(targets.len() > 45, "a product's form has more controls than {}", targets.len());
        for target in targets {
            let what = grace.js("const e = arguments[0]; e.scrollIntoView({block: 'center'}); return e.outerHTML.slice(0, 200)", vec![target.clone()]).await;
            let element = grace.element(target.clone());
            if let Err(error) = element.click().await {
                // What is covered or faded away from the mouse cannot be edited by it either; and chromedriver
                // itself never clicks a file input.
                let message = error.to_string();
                let fine = ["not interactable", "intercepted"].iter().any(|part| message.contains(part));
                assert!(fine || what.to_string().contains("type=\\\"file"), "{what}: {error}");
            }
            type_keys(&grace, &['x', ' ', char::from(Key::Down), char::from(Key::Delete), char::from(Key::Enter)]).await;
            grace.js("arguments[0].focus({preventScroll: true})", vec![target.clone()]).await;
            type_keys(&grace, &['y', char::from(Key::Down), ' ', char::from(Key::Enter)]).await;
            assert_eq!(grace.look(STATE).await, before, "{what}");
            assert_eq!(grace.client().windows().await.unwrap().len(), 1, "{what} opened a window");
            assert_eq!(grace.path().await, PRODUCT, "{what} led away");
            let open = "return document.querySelectorAll('.select2-container--open, .calendarbox:not([style*=\"display: none\"]), .clockbox:not([style*=\"display: none\"])').length";
            assert_eq!(grace.look(open).await, 0, "{what} opened a picker");
        }
        // Nor does a script's own submit go out.
        grace.js("document.querySelector('form[id$=_form]').submit()", vec![]).await;
        grace.js("document.querySelector('form[id$=_form]').requestSubmit()", vec![]).await;
        assert_eq!(grace.look(STATE).await, before);
        assert_eq!(grace.path().await, PRODUCT);
        grace.told(ADA_EDITS).await;
        // Text can be read out and copied all the same.
        let selected = "const d = document.querySelector('#id_description'); d.select(); return d.value.slice(d.selectionStart, d.selectionEnd)";
        assert_eq!(grace.look(selected).await, "Blue kettle, made by Tinsmith & Daughters.");
    })
    .await;
}

async fn type_keys(browser: &Browser, keys: &[char]) {
    let actions = keys.iter().fold(KeyActions::new("keyboard".to_owned()), |actions, key| {
        actions.then(KeyAction::Down { value: *key }).then(KeyAction::Up { value: *key })
    });
    browser.client().perform_actions(actions).await.unwrap();
}

#[tokio::test]
async fn when_the_editor_leaves_the_next_edits_without_a_reload() {
    Stage::new("leaves")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            grace.open(PRODUCT).await;
            grace.told(ADA_EDITS).await;
            grace.mark().await;
            ada.open("/admin/").await;
            grace.told(EDITOR).await;
            assert!(grace.is_marked().await, "nothing was saved, so there is nothing to load");
            assert!(grace.is_editable("name").await);
            grace.enter_field("name", "Grey kettle").await;
            grace.save("_save").await;
            eventually!(grace.path().await, |path| path == "/admin/shop/product/");
            assert_eq!(stage.django.product_name(1), "Grey kettle");
        })
        .await;
}

#[tokio::test]
async fn save_and_continue_and_a_validation_error_keep_the_lock() {
    Stage::new("continue")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            grace.open(PRODUCT).await;
            grace.told(ADA_EDITS).await;

            grace.mark().await;
            ada.enter_field("name", "Bluer kettle").await;
            ada.save("_continue").await;
            // The viewer is shown the new values, and is a viewer still.
            eventually!((grace.is_marked().await, grace.value("name").await), |(marked, name)| !marked
                && name == "Bluer kettle");
            ada.told(EDITOR).await;
            grace.told(ADA_EDITS).await;

            grace.mark().await;
            let error = "return document.querySelector('.errornote')?.textContent.trim() ?? ''";
            ada.enter_field("price", "-1").await;
            ada.save("_save").await;
            eventually!(ada.look(error).await, |note| note
                .as_str()
                .is_some_and(|n| n.contains("correct the error")));
            ada.told(EDITOR).await;
            stage.shot(&ada, "validation-error").await;
            assert_eq!(stage.proxy.borrow().list().len(), 1);
            assert_eq!(stage.proxy.borrow().list()[0]["editor"], "Ada");
            assert_eq!(stage.proxy.borrow().list()[0]["unsaved"], true, "what was refused is not saved yet");
            grace.told(ADA_EDITS).await;
            assert!(grace.is_marked().await, "nothing was saved, so nobody loads anything");

            ada.enter_field("price", "26.00").await;
            ada.save("_save").await;
            grace.told(EDITOR).await;
            assert_eq!(grace.value("price").await, "26.00");
        })
        .await;
}

#[tokio::test]
async fn an_operator_frees_a_lock_and_nothing_typed_is_lost() {
    Stage::new("operator")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            grace.open(PRODUCT).await;
            grace.told(ADA_EDITS).await;
            ada.enter_field("name", "Half typ").await;
            eventually!(stage.proxy.borrow().list()[0]["unsaved"].clone(), |unsaved| *unsaved == true);

            grace.mark().await;
            let said = stage.proxy.borrow().locks(&[
                "release",
                "shop.product/1",
                "--reason",
                "Prices are imported <now>",
            ]);
            assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
            assert_eq!(
                said.out,
                "Released shop.product/1 (held by Ada, with unsaved changes on their page).\n"
            );
            ada.told("An administrator ended your editing.").await;
            ada.told("The reason: “Prices are imported <now>”.").await;
            ada.told("What you typed is still here, and is offered to Grace.").await;
            assert_eq!(ada.value("name").await, "Half typ");
            assert!(!ada.is_editable("name").await);
            stage.shot(&ada, "released").await;
            grace.told(EDITOR).await;
            assert!(grace.is_marked().await);
            // The server holds it as well.
            assert!(grace.is_editable("name").await);
            grace.enter_field("name", "Whole").await;
            grace.save("_save").await;
            eventually!(grace.path().await, |path| path == "/admin/shop/product/");
            ada.told("What you typed is kept on this page").await;
            assert_eq!(
                ada.value("name").await,
                "Half typ",
                "a page with typed text is never loaded again by itself"
            );
            stage.shot(&ada, "changed-under-typed-text").await;
        })
        .await;
}

#[tokio::test]
async fn a_form_is_given_back_exactly_as_it_was() {
    Stage::new("given-back")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            // As used: a section open, one more inline row, something typed.
            ada.click("details summary").await;
            ada.click("#reviews-group .add-row a").await;
            ada.enter_field("reviews-3-author", "Lin").await;
            ada.js("document.activeElement.blur(); scrollTo(0, 0)", vec![]).await;
            let before = ada.js(FORM, vec![]).await;
            assert!(before.as_array().unwrap().len() > 300, "the form has many elements");

            assert_eq!(stage.proxy.borrow().locks(&["release", "--all"]).code, Some(0));
            ada.told("An administrator ended your editing.").await;
            let locked = ada.js(FORM, vec![]).await;
            assert_ne!(locked, before);
            grace.open(PRODUCT).await;
            grace.told(EDITOR).await;
            ada.press("Wait in line").await;
            ada.told("This page is being edited by Grace.").await;
            grace.open("/admin/").await;
            ada.told(EDITOR).await;
            let after = ada.js(FORM, vec![]).await;
            let pairs = before.as_array().unwrap().iter().zip(after.as_array().unwrap());
            for (was, is) in pairs {
                assert_eq!(was, is);
            }
            assert_eq!(before, after);
            // And it works: the added row goes with the save.
            ada.js("document.querySelector('[name=reviews-3-stars]').value = '4'", vec![]).await;
            ada.save("_save").await;
            eventually!(ada.path().await, |path| path == "/admin/shop/product/");
            assert_eq!(stage.django.value("select stars from shop_review where author = 'Lin'"), 4);
        })
        .await;
}

#[tokio::test]
async fn who_may_only_look_never_holds_and_never_waits() {
    Stage::new("view-only")
        .play(async |stage| {
            let vera = stage.person("vera").await;
            let ada = stage.person("root").await;
            vera.open(PRODUCT).await;
            vera.told("You can view this page, but not change it.").await;
            assert_eq!(stage.proxy.borrow().list(), [] as [Value; 0]);
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            vera.told("This page is being edited by Ada.").await;
            stage.shot(&vera, "view-only").await;
            assert_eq!(vera.banner_buttons().await, ["Request Editor Attention"]);
            let lock = eventually!(stage.proxy.borrow().list(), |locks| locks[0]["viewers"] == 1);
            assert_eq!(lock[0]["waiting"], 0);
            // She is shown what is saved, and still holds nothing.
            ada.enter_field("name", "Bluer kettle").await;
            ada.save("_save").await;
            eventually!(
                vera.look("return document.querySelector('.field-name .readonly')?.textContent").await,
                |name| name == "Bluer kettle"
            );
            vera.told("You can view this page, but not change it.").await;
            eventually!(stage.proxy.borrow().list(), |locks| locks.is_empty());
        })
        .await;
}

#[tokio::test]
async fn ones_own_second_tab_can_take_over() {
    Stage::new("second-tab")
        .play(async |stage| {
            let ada = stage.person("root").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            let first = ada.client().window().await.unwrap();
            let second = ada.client().new_window(true).await.unwrap().handle;
            ada.client().switch_to_window(second.clone()).await.unwrap();
            ada.open(PRODUCT).await;
            ada.told("You are editing this on another page.").await;
            assert!(!ada.is_editable("name").await);
            stage.shot(&ada, "second-tab").await;
            ada.press("Edit here instead").await;
            ada.told(EDITOR).await;
            assert!(ada.is_editable("name").await);
            ada.client().switch_to_window(first).await.unwrap();
            ada.told("You are editing this on another page.").await;
            assert!(!ada.is_editable("name").await);
            // The second tab is closed: the first one edits again.
            ada.client().switch_to_window(second).await.unwrap();
            ada.client().close_window().await.unwrap();
            let left = ada.client().windows().await.unwrap();
            assert_eq!(left.len(), 1);
            ada.client().switch_to_window(left[0].clone()).await.unwrap();
            ada.told(EDITOR).await;
            assert!(ada.is_editable("name").await);
        })
        .await;
}

#[tokio::test]
async fn a_reload_by_the_editor_keeps_the_lock() {
    Stage::new("reload").play(async |stage| {
        let ada = stage.person("root").await;
        let grace = stage.person("grace").await;
        ada.open(PRODUCT).await;
        ada.told(EDITOR).await;
        grace.open(PRODUCT).await;
        grace.told(ADA_EDITS).await;
        grace.mark().await;
        // Everything the second is told from now on.
        grace.js("window.__told = []; const root = document.querySelector('collab-widget').shadowRoot; \
            new MutationObserver(() => window.__told.push(root.querySelector('.text').textContent)).observe(root, {subtree: true, childList: true, characterData: true})", vec![]).await;
        for _ in 0..3 {
            ada.mark().await;
            ada.client().refresh().await.unwrap();
            ada.told(EDITOR).await;
            assert!(!ada.is_marked().await);
        }
        grace.told(ADA_EDITS).await;
        assert!(grace.is_marked().await);
        let told = grace.js("return window.__told", vec![]).await;
        for sentence in told.as_array().unwrap() {
            assert!(!sentence.as_str().unwrap().contains(EDITOR), "{told}");
        }
    })
    .await;
}

#[tokio::test]
async fn widgets_reconnect_to_a_restarted_proxy() {
    let settings = "secret = \"a secret that outlives a restart\"";
    Stage::with("restart", &[], settings)
        .play(async |stage| {
            // While the proxy is away, the browser says so in its console.
            stage.expect_in_console("WebSocket connection to");
            let ada = stage.person("root").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            let grace = stage.person("grace").await;
            grace.open(PRODUCT).await;
            grace.told(ADA_EDITS).await;
            ada.mark().await;
            grace.mark().await;
            ada.enter_field("name", "Typed before").await;
            assert!(stage.proxy.borrow_mut().stop().success());
            ada.told("The connection is lost, trying again.").await;
            stage.shot(&ada, "connection-lost").await;
            assert!(ada.is_editable("name").await, "the server checks the save, so typing can go on");
            assert!(!grace.is_editable("name").await);
            stage.proxy.borrow_mut().restart();
            // Nobody has slipped in between, and nothing was loaded again.
            ada.told_within(EDITOR, Duration::from_secs(25)).await;
            grace.told_within(ADA_EDITS, Duration::from_secs(25)).await;
            assert!(ada.is_marked().await && grace.is_marked().await);
            assert_eq!(ada.value("name").await, "Typed before");
            eventually!(grace.value("name").await, |name| name == "Typed before");
            // One that is killed hands nothing on: the embedded store has forgotten who edits, and what was saved meanwhile,
            // so no page from before may save. Hers holds typed text and waits for her; the other loads itself again.
            stage.proxy.borrow_mut().proc.kill();
            ada.told("The connection is lost, trying again.").await;
            stage.proxy.borrow_mut().restart();
            grace.told_within(EDITOR, Duration::from_secs(25)).await;
            assert!(!grace.is_marked().await);
            ada.told_within("The server has lost track of this page", Duration::from_secs(25)).await;
            ada.told("What you typed is kept on this page, to copy from.").await;
            assert!(ada.is_marked().await);
            assert_eq!(ada.value("name").await, "Typed before");
        })
        .await;
}

#[tokio::test]
async fn objects_with_other_keys_are_locked_too() {
    let objects = [
        (
            "/admin/shop/document/a1b2c3d4-e5f6-4a1b-8c2d-3e4f5a6b7c8d/change/",
            "title",
            "shop.document/a1b2c3d4-e5f6-4a1b-8c2d-3e4f5a6b7c8d",
        ),
        ("/admin/shop/part/a_2Fb_5Fc%20d_2Be_25%C3%A9/change/", "name", "shop.part/a/b_c d+e%é"),
    ];
    Stage::new("keys")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            for (path, field, key) in objects {
                ada.open(path).await;
                ada.told(EDITOR).await;
                assert_eq!(stage.proxy.borrow().list()[0]["object"], key);
                grace.open(path).await;
                grace.told(ADA_EDITS).await;
                ada.enter_field(field, "New words").await;
                ada.save("_save").await;
                grace.told(EDITOR).await;
                assert_eq!(grace.value(field).await, "New words");
                grace.open("/admin/").await;
                eventually!(stage.proxy.borrow().list(), |locks| locks.is_empty());
            }
        })
        .await;
}

#[tokio::test]
async fn a_strict_content_security_policy_lets_the_widget_run() {
    under_policy("csp-strict", "strict").await;
}

#[tokio::test]
async fn a_content_security_policy_with_nonces_lets_the_widget_run() {
    under_policy("csp-nonce", "nonce").await;
}

async fn under_policy(name: &'static str, policy: &str) {
    Stage::with(name, &[("DEMO_CSP", policy)], "")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            grace.open(PRODUCT).await;
            grace.told(ADA_EDITS).await;
            assert!(!grace.is_editable("name").await);
            let height = "return document.querySelector('collab-widget').getBoundingClientRect().height";
            assert!(
                grace.look(height).await.as_f64().unwrap() > 40.0,
                "the banner's own style sheet is in force"
            );
            ada.save("_continue").await;
            ada.told(EDITOR).await;
            grace.told(ADA_EDITS).await;
        })
        .await;
}

#[tokio::test]
async fn without_javascript_the_form_is_plain_and_the_gate_holds() {
    Stage::new("no-javascript")
        .play(async |stage| {
            // The refusal is a page with the status 423, which Chromium notes in its console.
            stage.expect_in_console("the server responded with a status of 423");
            let mut ada = Person::stranger(&stage.proxy.borrow(), "root");
            ada.sign_in("/admin/").await;
            let form = ada.form(PRODUCT).await;
            let editing = crate::support::socket::PageSocket::join(&ada, &form).await;
            editing.becomes("editor").await;

            let off = json!({"profile.managed_default_content_settings.javascript": 2});
            let grace = stage.browser("grace", &stage.url(), off, &[]).await;
            grace.sign_in("grace", "/admin/").await;
            grace.open(PRODUCT).await;
            assert_eq!(grace.banner().await, "");
            grace.enter_field("name", "Typed without scripts").await;
            grace.save("_save").await;
            let page = "return document.body?.innerText ?? ''";
            eventually!(grace.look(page).await, |text| text
                .as_str()
                .is_some_and(|t| t.contains("Ada has been editing it for")));
            let text = grace.look(page).await;
            assert!(text.as_str().unwrap().contains("Typed without scripts"), "{text}");
            stage.shot(&grace, "refused").await;
            assert_eq!(stage.django.product_name(1), "Blue kettle");

            editing.leave();
            eventually!(stage.proxy.borrow().list(), |locks| locks.is_empty());
            grace.click("button[type=submit]").await;
            eventually!(grace.path().await, |path| path == "/admin/shop/product/");
            assert_eq!(stage.django.product_name(1), "Typed without scripts");
        })
        .await;
}

#[tokio::test]
async fn an_admin_with_language_prefixes() {
    let settings = "[admin]\nprefixes = [\"/{lang}/admin/\"]";
    Stage::with("languages", &[("DEMO_I18N", "1")], settings)
        .play(async |stage| {
            let ada = stage.person_at("root", &stage.url(), "/en/admin/").await;
            let grace = stage.person_at("grace", &stage.url(), "/de/admin/").await;
            ada.open("/en/admin/shop/product/1/change/").await;
            ada.told(EDITOR).await;
            // Each is told in the language of the page.
            grace.open("/de/admin/shop/product/1/change/").await;
            grace.told("Diese Seite wird von Ada bearbeitet.").await;
            ada.enter_field("name", "Kettle").await;
            ada.save("_save").await;
            grace.told("Sie sind im Bearbeitungsmodus.").await;
            assert_eq!(grace.value("name").await, "Kettle");
            assert_eq!(grace.path().await, "/de/admin/shop/product/1/change/");
        })
        .await;
}

#[tokio::test]
async fn a_tab_in_the_background_keeps_the_lock() {
    let settings = "[lock]\nlease = \"2 s\"\nping = \"500 ms\"\ndead = \"1500 ms\"\ngrace = \"1 s\"";
    Stage::with("background", &[], settings)
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            grace.open(PRODUCT).await;
            grace.told(ADA_EDITS).await;
            let page = ada.client().window().await.unwrap();
            let other = ada.client().new_window(true).await.unwrap().handle;
            ada.client().switch_to_window(other).await.unwrap();
            ada.open("/admin/").await;
            let until = Instant::now() + Duration::from_secs(8);
            let mut looks = 0;
            while Instant::now() < until {
                let locks = stage.proxy.borrow().list();
                assert_eq!(locks.len(), 1);
                assert_eq!(
                    (locks[0]["editor"].as_str(), locks[0]["state"].as_str()),
                    (Some("Ada"), Some("editing"))
                );
                assert!(grace.banner().await.starts_with(ADA_EDITS));
                tokio::time::sleep(Duration::from_millis(100)).await;
                looks += 1;
            }
            assert!(looks > 10);
            ada.client().switch_to_window(page).await.unwrap();
            ada.told(EDITOR).await;
        })
        .await;
}

#[tokio::test]
async fn a_killed_browser_frees_its_lock() {
    Stage::new("killed")
        .play(async |stage| {
            let ada = stage.person("root").await;
            let grace = stage.person("grace").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            grace.open(PRODUCT).await;
            grace.told(ADA_EDITS).await;
            grace.mark().await;
            let pids = ada.pids();
            assert!(!pids.is_empty());
            crate::support::proc::kill("KILL", pids[0]);
            grace.told_within(EDITOR, Duration::from_secs(18)).await;
            assert!(grace.is_marked().await);
        })
        .await;
}

#[tokio::test]
async fn the_banner_follows_a_dark_page() {
    Stage::new("dark").play(async |stage| {
        // The refusal is a page with the status 423, which Chromium notes in its console.
        stage.expect_in_console("the server responded with a status of 423");
        let ada = stage.person("root").await;
        let dark = ["--blink-settings=preferredColorScheme=0"];
        let grace = stage.browser("grace", &stage.url(), json!({}), &dark).await;
        grace.sign_in("grace", "/admin/").await;
        ada.open(PRODUCT).await;
        ada.told(EDITOR).await;
        grace.open(PRODUCT).await;
        grace.told(ADA_EDITS).await;
        eventually!(grace.look("return document.querySelector('collab-widget').hasAttribute('dark')").await, |dark| dark == true);
        assert_eq!(ada.look("return document.querySelector('collab-widget').hasAttribute('dark')").await, false);
        stage.shot(&grace, "viewer-dark").await;
        let narrow = async |name: &str, size: (u32, u32)| {
            grace.client().set_window_size(size.0, size.1).await.unwrap();
            stage.shot(&grace, name).await;
        };
        narrow("viewer-dark-narrow", (520, 900)).await;
        narrow("viewer-dark-again", (1280, 1000)).await;
        // Past the widget, as a person whose scripts have died would: the page that keeps the work.
        grace.js("const form = document.querySelector('form[id$=_form]'); form.elements.name.removeAttribute('readonly'); \
            form.elements.name.value = 'Typed in the dark'; HTMLFormElement.prototype.submit.call(form)", vec![]).await;
        eventually!(grace.look("return document.title").await, |title| title == "Ada is editing this");
        stage.shot(&grace, "refused-dark").await;
    })
    .await;
}
