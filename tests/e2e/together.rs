//! Three people on one object: faces, attention, words, and the edit as it happens. With browsers.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::browsers::{EDITOR, PRODUCT};
use crate::stage::Stage;
use crate::support::axe::{OURS, complaints};
use crate::support::browser::Browser;
use crate::support::devtools::devtools;

/// Ada edits, Grace and Vera look on.
async fn three(stage: &Stage) -> [Rc<Browser>; 3] {
    let ada = stage.person("root").await;
    ada.open(PRODUCT).await;
    ada.told(EDITOR).await;
    let grace = stage.person("grace").await;
    grace.open(PRODUCT).await;
    grace.told("This page is being edited by Ada.").await;
    let linus = stage.person("linus").await;
    linus.open(PRODUCT).await;
    linus.told("You are number 2 in line.").await;
    [ada, grace, linus]
}

/// What is said of each face.
async fn faces(browser: &Browser) -> Vec<String> {
    let script = "return [...document.querySelector('collab-widget')?.shadowRoot.querySelectorAll('.who') ?? []].map((f) => f.ariaLabel)";
    let labels = browser.look(script).await;
    labels.as_array().into_iter().flatten().filter_map(|l| Some(l.as_str()?.to_owned())).collect()
}

async fn press_face(browser: &Browser, name: &str) {
    let script = "return [...document.querySelector('collab-widget').shadowRoot.querySelectorAll('.who')].find((f) => f.ariaLabel.startsWith(arguments[0])) ?? null";
    let face = eventually!(browser.js(script, vec![json!(name)]).await, |f| !f.is_null());
    browser.element(face).click().await.unwrap();
}

/// Everything that the conversations show.
async fn chat(browser: &Browser) -> String {
    let script = "return [...document.querySelector('collab-chat')?.shadowRoot.querySelectorAll('.window') ?? []].map((w) => \
        `${w.ariaLabel}${w.hasAttribute('minimised') ? ' small' : ''} [${w.querySelector('.count').textContent}] ${[...w.querySelectorAll('.said')].map((s) => s.textContent).join(' / ')}`).join('; ')";
    browser.look(script).await.as_str().unwrap_or_default().to_owned()
}

async fn chat_part(browser: &Browser, selector: &str) -> fantoccini::elements::Element {
    let script =
        format!("return document.querySelector('collab-chat').shadowRoot.querySelector('{selector}')");
    let part = eventually!(browser.look(&script).await, |p| !p.is_null());
    browser.element(part)
}

#[tokio::test]
async fn everybody_sees_everybody() {
    Stage::new("faces")
        .play(async |stage| {
            let [ada, grace, linus] = three(stage).await;
            let of = |faces: &[String], name: &str| {
                faces.iter().find(|f| f.starts_with(name)).cloned().unwrap_or_default()
            };
            eventually!(faces(&ada).await, |f| f.len() == 2
                && of(f, "Grace").contains("number 1 in line")
                && of(f, "Linus").contains("number 2 in line"));
            // Who came last sees who was there before.
            eventually!(faces(&linus).await, |f| of(f, "Ada").contains("editing") && f.len() == 2);
            ada.enter_field("name", "Half typed").await;
            eventually!(faces(&grace).await, |f| of(f, "Ada").contains("unsaved changes"));
            stage.shot(&grace, "faces").await;
            // One's own second page makes nobody a second person.
            let main = grace.client().window().await.unwrap();
            let second = grace.client().new_window(true).await.unwrap().handle;
            grace.client().switch_to_window(second).await.unwrap();
            grace.open(PRODUCT).await;
            eventually!(faces(&grace).await, |f| f.len() == 2);
            assert_eq!(faces(&ada).await.len(), 2);
            grace.client().close_window().await.unwrap();
            grace.client().switch_to_window(main).await.unwrap();
            // Gone within seconds; a crash leaves no ghost.
            linus.close().await;
            eventually!(faces(&ada).await, |f| f.len() == 1);
        })
        .await;
}

#[tokio::test]
async fn attention_stays_until_it_is_seen_and_is_answered() {
    Stage::with("attention", &[], "[options]\nnotification_request_interval = 2\n")
        .play(async |stage| {
            let [ada, grace, _linus] = three(stage).await;
            grace.press("Request Editor Attention").await;
            ada.told("User Grace is requesting the editors attention.").await;
            let title = ada.look("return document.title").await;
            assert!(title.as_str().unwrap().starts_with("Attention · "), "{title}");
            grace.told("Request sent.").await;
            stage.shot(&ada, "attention").await;
            // A page that was loaded again still says so.
            ada.client().refresh().await.unwrap();
            ada.told("User Grace is requesting the editors attention.").await;
            ada.press("OK").await;
            eventually!(ada.banner().await, |text| text == EDITOR);
            grace.told("Ada has seen your request.").await;
            grace.press("Request Editor Attention").await;
            ada.press("Write back").await;
            eventually!(chat(&ada).await, |c| c.starts_with("Grace ["));
            eventually!(ada.banner().await, |text| text == EDITOR);
        })
        .await;
}

/// Who looks elsewhere is called where they want it: by a note on the desktop, which they are asked for when they have
/// missed something, and by two tones where the site wants them.
#[tokio::test]
async fn whoever_looks_elsewhere_is_called() {
    // Headless browsers have neither a desktop nor loudspeakers.
    const FAKES: &str = "window.notes = []; window.tones = 0; \
        window.Notification = class { static permission = 'default'; constructor(_, { body }) { window.notes.push(body); } \
            static async requestPermission() { return this.permission = 'granted'; } }; \
        const tone = window.OscillatorNode; \
        window.OscillatorNode = class extends tone { start(at) { window.tones += 1; super.start(at); } }";
    Stage::with("calls", &[], "[options]\nnotification_request_interval = 1\n[attention]\nsound = true\n")
        .play(async |stage| {
            let ada = stage.person("root").await;
            ada.open(PRODUCT).await;
            ada.told(EDITOR).await;
            ada.js(FAKES, vec![]).await;
            let grace = stage.person("grace").await;
            grace.open(PRODUCT).await;
            // A page that nobody has touched yet may not sound.
            grace.press("Request Editor Attention").await;
            ada.told("User Grace is requesting").await;
            assert_eq!(ada.look("return [window.tones, window.notes.length]").await, json!([0, 0]));
            ada.press("Also tell me on the desktop").await;
            eventually!(ada.banner_buttons().await, |b| !b.iter().any(|l| l.contains("desktop")));
            ada.press("OK").await;
            grace.press("Request Editor Attention").await;
            eventually!(ada.look("return window.tones").await, |tones| *tones == 2);
            assert_eq!(ada.look("return window.notes").await, json!([]), "she is looking at it");
            ada.press("OK").await;
            let main = ada.client().window().await.unwrap();
            let other = ada.client().new_window(true).await.unwrap().handle;
            ada.client().switch_to_window(other).await.unwrap();
            grace.press("Request Editor Attention").await;
            grace.told("Request sent.").await;
            ada.client().switch_to_window(main).await.unwrap();
            eventually!(ada.look("return window.notes").await, |notes| *notes
                == json!(["User Grace is requesting the editors attention."]));
        })
        .await;
}

#[tokio::test]
async fn words_go_to_one_person_and_stay() {
    Stage::new("chat")
        .play(async |stage| {
            let [ada, grace, linus] = three(stage).await;
            press_face(&grace, "Ada").await;
            let text = "Are you done? <b>See</b> https://example.org/x.";
            chat_part(&grace, "textarea").await.send_keys(&format!("{text}\u{e007}")).await.unwrap();
            eventually!(chat(&grace).await, |c| c == &format!("Ada [] {text}"));
            // It shows itself small, and opens nothing over her form.
            eventually!(chat(&ada).await, |c| c == &format!("Grace small [1] {text}"));
            stage.shot(&ada, "chat-small").await;
            eventually!(faces(&ada).await, |f| f.iter().any(|f| f.contains("1 unread")));
            chat_part(&ada, ".head").await.click().await.unwrap();
            eventually!(chat(&ada).await, |c| c == &format!("Grace [] {text}"));
            let link = ada.look("const a = document.querySelector('collab-chat').shadowRoot.querySelector('.said a'); return [a.href, a.rel, a.target]").await;
            assert_eq!(link, json!(["https://example.org/x", "noopener noreferrer nofollow", "_blank"]));
            // Shift and Enter begin a line; the form underneath hears none of it.
            chat_part(&ada, "textarea").await.send_keys("One\u{e008}\u{e007}\u{e000}two\u{e007}").await.unwrap();
            eventually!(chat(&grace).await, |c| c.ends_with("/ One\ntwo"));
            assert_eq!(ada.banner().await, EDITOR);
            stage.shot(&ada, "chat").await;
            // A reload loses neither words nor windows, nor what is being typed.
            chat_part(&grace, "textarea").await.send_keys("Half a").await.unwrap();
            grace.client().refresh().await.unwrap();
            eventually!(chat(&grace).await, |c| c.contains("One\ntwo"));
            let typed = "return document.querySelector('collab-chat').shadowRoot.querySelector('textarea').value";
            assert_eq!(grace.look(typed).await, "Half a");
            assert_eq!(chat(&linus).await, "", "the third hears nothing");
            // Whoever has left is not written to.
            grace.close().await;
            eventually!(faces(&ada).await, |f| f.len() == 1);
            let away = "const part = (s) => document.querySelector('collab-chat').shadowRoot.querySelector(s); \
                return [part('.away').textContent, part('textarea').placeholder]";
            let once = json!(["User is offline. Messages cannot be sent.", ""]);
            eventually!(ada.look(away).await, |said| *said == once);
            stage.shot(&ada, "chat-offline").await;
        })
        .await;
}

#[tokio::test]
async fn viewers_see_the_edit_happen() {
    Stage::new("live")
        .play(async |stage| {
            let [ada, grace, linus] = three(stage).await;
            ada.enter_field("name", "Bluer kettle").await;
            eventually!(grace.value("name").await, |name| name == "Bluer kettle");
            eventually!(linus.value("name").await, |name| name == "Bluer kettle");
            grace.told("What Ada types is shown here, and not saved yet.").await;
            let change = "const f = (n) => document.querySelector(`[name=\"${n}\"]`); \
                f('published').click(); f('colour').value = 'red'; f('colour').dispatchEvent(new Event('change', {bubbles: true})); \
                f('description').focus();";
            ada.js(change, vec![]).await;
            let state = "const f = (n) => document.querySelector(`[name=\"${n}\"]`); \
                return [f('published').checked, f('colour').value, document.querySelectorAll('[data-collab-live]').length, f('description').hasAttribute('data-collab-here')]";
            eventually!(grace.look(state).await, |s| *s == json!([false, "red", 3, true]));
            // Whatever scripts of the page do to it: each row that comes is another beginning.
            unlock(&grace).await;
            // A row that is added is seen, and so is what is typed in it.
            ada.js("document.querySelector('#reviews-group .add-row a').click()", vec![]).await;
            let row = "#reviews-3 [name='reviews-3-author'], [name='reviews-3-author']";
            ada.js(&format!("const f = document.querySelector(\"{row}\"); f.value = 'New author'; f.dispatchEvent(new Event('input', {{bubbles: true}}))"), vec![]).await;
            eventually!(grace.value("reviews-3-author").await, |v| v == "New author");
            stage.shot(&grace, "live").await;
            stage.shot(&ada, "live-editor").await;
            unlock(&grace).await;
            // Who comes later sees all of it.
            linus.client().refresh().await.unwrap();
            eventually!(linus.value("name").await, |name| name == "Bluer kettle");
            eventually!(linus.value("reviews-3-author").await, |v| v == "New author");
            let drafts = "return Object.keys(localStorage).filter((k) => k.startsWith('collab-draft:')).length";
            assert_eq!((linus.look(drafts).await, linus.notice().await), (json!(0), String::new()), "it is none of Linus's");
            // The row is taken away again.
            ada.js("document.querySelector('#reviews-3 .inline-deletelink').click()", vec![]).await;
            ada.enter_field("name", "Bluest kettle").await;
            eventually!(grace.look("return document.querySelector('[name=\"reviews-3-author\"]') === null").await, |gone| *gone == true);
            // Left without a save: everything goes back, a row that was added too, and also where somebody goes on waiting.
            ada.js("document.querySelector('#reviews-group .add-row a').click()", vec![]).await;
            ada.js(&format!("const f = document.querySelector(\"{row}\"); f.value = 'Another'; f.dispatchEvent(new Event('input', {{bubbles: true}}))"), vec![]).await;
            eventually!(linus.value("reviews-3-author").await, |v| v == "Another");
            ada.open("/admin/").await;
            grace.told(EDITOR).await;
            for reader in [&grace, &linus] {
                let rows = "return document.querySelector('[name=\"reviews-TOTAL_FORMS\"]').value";
                eventually!((&reader.name, reader.look(rows).await), |(_, rows)| *rows == "3");
            }
            eventually!((grace.value("name").await, grace.value("colour").await), |v| *v == ("Blue kettle".to_owned(), "blue".to_owned()));
            assert_eq!(grace.look("return document.querySelectorAll('[data-collab-live], [data-collab-here]').length").await, 0);
            grace.save("_continue").await;
            grace.told(EDITOR).await;
            assert_eq!(stage.django.product_name(1), "Blue kettle");
            assert_eq!(stage.django.value("select colour from shop_product where id = 1"), "blue");
            assert_eq!(grace.look(drafts).await, 0, "what somebody else typed is nobody's draft");
        })
        .await;
}

/// What the live view's reader has in front of her: the chosen supplier as it is shown, the tags, the date, how many
/// fields are marked.
const KINDS: &str = "const f = (s) => document.querySelector(s); const labels = (s) => [...f(s).options].map((o) => o.text); \
    return [f('#select2-id_supplier-container').title, labels('#id_tags_to').sort().join(), labels('#id_tags_from').includes('wood'), \
    f('[name=available_from]').value, document.querySelectorAll('[data-collab-live]').length]";

/// Fields that are more than one control: an autocomplete that knows only its own choice, both boxes of a many-to-many
/// list, a date that is picked. All by the mouse and the keyboard.
#[tokio::test]
async fn every_kind_of_field_is_seen() {
    Stage::new("live-kinds")
        .play(async |stage| {
            let [ada, grace, linus] = three(stage).await;
            let before = grace.look(KINDS).await;
            assert_eq!(before, json!(["Tinsmith & Daughters", "metal,new", true, "2026-01-01", 0]));
            ada.click(".field-supplier .select2-selection").await;
            ada.enter(".select2-search__field", "mill").await;
            let found = "return [...document.querySelectorAll('.select2-results__option')].map((o) => o.textContent).join()";
            eventually!(ada.look(found).await, |text| *text == "Mill on the Brook");
            ada.click(".select2-results__option").await;
            eventually!(grace.look(KINDS).await, |now| now[0] == "Mill on the Brook");
            ada.click("#id_tags_from option[title=wood]").await;
            ada.click(".selector-add").await;
            eventually!(grace.look(KINDS).await, |now| (&now[1], &now[2]) == (&json!("metal,new,wood"), &json!(false)));
            ada.enter_field("available_from", "2027-02-28").await;
            let all = json!(["Mill on the Brook", "metal,new,wood", false, "2027-02-28", 3]);
            eventually!(grace.look(KINDS).await, |now| *now == all);
            stage.shot(&grace, "live-kinds").await;
            linus.client().refresh().await.unwrap();
            eventually!(linus.look(KINDS).await, |now| *now == all);
            ada.open("/admin/").await;
            grace.told(EDITOR).await;
            eventually!(grace.look(KINDS).await, |now| *now == before);
            grace.save("_continue").await;
            grace.told(EDITOR).await;
            let tags = "select count(*) from shop_product_tags where product_id = 1";
            assert_eq!(stage.django.value(tags), 2, "what somebody else chose is saved by nobody");
        })
        .await;
}

/// A script makes a read-only field editable, again and again: it is read-only again each time.
async fn unlock(browser: &Browser) {
    let script = "const done = arguments[0]; const f = document.querySelector('[name=\"name\"]'); let left = 15; \
        const again = () => { if (!f.readOnly) return done(left); if (left-- === 0) return done('never'); f.readOnly = false; setTimeout(again, 10); }; again();";
    assert_eq!(browser.client().execute_async(script, vec![]).await.unwrap(), "never");
}

/// What went back while a page's line was down goes back there too, once it is up again.
#[tokio::test]
async fn a_line_that_was_down_shows_nothing_that_is_over() {
    Stage::new("deaf")
        .play(async |stage| {
            let [ada, grace, linus] = three(stage).await;
            // The page's socket is in nobody's hands but its own, until it says something.
            let catch = "const send = WebSocket.prototype.send; WebSocket.prototype.send = function (...a) { window.__line = this; return send.apply(this, a); }";
            linus.js(catch, vec![]).await;
            linus.press("Request Editor Attention").await;
            eventually!(linus.look("return window.__line !== undefined").await, |caught| *caught == true);
            ada.enter_field("name", "Bluer kettle").await;
            eventually!(linus.value("name").await, |name| name == "Bluer kettle");
            // Linus's line is deaf, and Ada goes without a save.
            linus.js("window.__line.onmessage = null", vec![]).await;
            ada.open("/admin/").await;
            eventually!(grace.value("name").await, |name| name == "Blue kettle");
            assert_eq!(linus.value("name").await, "Bluer kettle");
            // He comes back to where nothing is typed any more, and goes on waiting: it is Grace who edits now.
            linus.js("window.__line.close()", vec![]).await;
            eventually!(linus.value("name").await, |name| name == "Blue kettle");
            assert_eq!(linus.look("return document.querySelectorAll('[data-collab-live]').length").await, 0);
        })
        .await;
}

#[tokio::test]
async fn nothing_of_it_where_it_is_off() {
    Stage::with("no-chat", &[], "[options]\nenable_chat = false\nlive_view = false\n")
        .play(async |stage| {
            let [ada, grace, _linus] = three(stage).await;
            eventually!(faces(&ada).await, |f| f.len() == 2);
            assert_eq!(ada.look("return document.querySelector('collab-chat')").await, Value::Null);
            let kinds = "return [...document.querySelector('collab-widget').shadowRoot.querySelectorAll('.who')].map((f) => f.localName)";
            assert_eq!(ada.look(kinds).await, json!(["span", "span"]));
            ada.enter_field("name", "Typed in private").await;
            eventually!(faces(&grace).await, |f| f.iter().any(|f| f.contains("unsaved changes")));
            assert_eq!(grace.value("name").await, "Blue kettle");
        })
        .await;
}

/// On a phone, in the dark, and from right to left.
#[tokio::test]
async fn faces_and_words_fit_everywhere() {
    Stage::new("together-narrow")
        .play(async |stage| {
            let [ada, grace, _linus] = three(stage).await;
            press_face(&ada, "Grace").await;
            chat_part(&ada, "textarea").await.send_keys("Nearly done\u{e007}").await.unwrap();
            eventually!(chat(&grace).await, |c| c == "Ada small [1] Nearly done");
            for browser in [&ada, &grace] {
                crate::handover::narrow(browser).await;
            }
            let inside = "const boxes = [...document.querySelectorAll('collab-widget, collab-chat')].flatMap((e) => [...e.shadowRoot.querySelectorAll('.bar, .window, .who, button')]); \
                return boxes.map((b) => b.getBoundingClientRect()).filter((r) => r.width > 0 && (r.left < -1 || r.right > innerWidth + 1)).length";
            for (browser, name) in [(&ada, "narrow-editor"), (&grace, "narrow-viewer")] {
                assert_eq!(browser.look(inside).await, 0, "{name}: something stands outside");
                stage.shot(browser, &format!("together-{name}")).await;
            }
            chat_part(&grace, ".head").await.click().await.unwrap();
            eventually!(chat(&grace).await, |c| c == "Ada [] Nearly done");
            assert_eq!(grace.look(inside).await, 0);
            stage.shot(&grace, "together-narrow-chat").await;
            grace.js("document.documentElement.dir = 'rtl'", vec![]).await;
            assert_eq!(grace.look(inside).await, 0);
            stage.shot(&grace, "together-rtl").await;
        })
        .await;
}

/// In every state that people see, light and dark, axe-core finds nothing.
#[tokio::test]
async fn axe_finds_nothing() {
    Stage::new("axe")
        .play(async |stage| {
            stage.expect_in_console("423");
            let [ada, grace, linus] = three(stage).await;
            let mut states = 0;
            let mut look = async |browser: &Browser, state: &str| {
                for theme in ["light", "dark"] {
                    let set = format!("document.documentElement.dataset.theme = '{theme}'");
                    browser.js(&set, vec![]).await;
                    // Colours change over a moment.
                    eventually!((state, theme, complaints(browser, OURS).await), |(_, _, found)| *found
                        == json!([]));
                    states += 1;
                }
            };
            look(&ada, "editor").await;
            look(&grace, "next in line").await;
            grace.press("Request Editor Attention").await;
            ada.told("User Grace is requesting").await;
            look(&ada, "attention").await;
            look(&grace, "request sent").await;
            press_face(&ada, "Grace").await;
            chat_part(&ada, "textarea").await.send_keys("See https://example.org\u{e007}").await.unwrap();
            eventually!(chat(&grace).await, |c| c.starts_with("Ada small [1]"));
            look(&ada, "a conversation").await;
            look(&grace, "a small one").await;
            ada.enter_field("name", "Half typed").await;
            grace.told("What Ada types is shown here").await;
            look(&grace, "the edit as it happens").await;
            linus.open("/admin/").await;
            linus.open(PRODUCT).await;
            ada.drafted("Half typed").await;
            ada.client().refresh().await.unwrap();
            ada.noticed("You have unsaved changes of this page").await;
            ada.press_notice("Compare").await;
            look(&ada, "a draft").await;
            // The page of a refused save is all ours.
            grace
                .js(
                    "HTMLFormElement.prototype.submit.call(document.querySelector('form[id$=_form]'))",
                    vec![],
                )
                .await;
            eventually!(grace.text().await, |text| text.contains("is editing this"));
            let found = complaints(&grace, "html").await;
            assert_eq!(found, json!([]), "refused: {found:#}");
            assert_eq!(states, 16);
        })
        .await;
}

/// A low window, as on a small laptop: a conversation covers no button of the widget's.
#[tokio::test]
async fn a_conversation_covers_no_button() {
    Stage::new("chat-low")
        .play(async |stage| {
            let [ada, grace, _linus] = three(stage).await;
            ada.enter_field("name", "Half typed").await;
            ada.drafted("Half typed").await;
            let size = json!({"width": 1000, "height": 617, "deviceScaleFactor": 1, "mobile": false});
            devtools(&ada, "Emulation.setDeviceMetricsOverride", size).await;
            ada.client().refresh().await.unwrap();
            ada.noticed("You have unsaved changes of this page").await;
            grace.press("Request Editor Attention").await;
            ada.told("User Grace is requesting").await;
            press_face(&ada, "Grace").await;
            let covered = "const chat = document.querySelector('collab-chat'); \
                const own = [...document.querySelectorAll('collab-widget, collab-notice, collab-offer, collab-edge')]; \
                const buttons = own.flatMap((o) => [...o.shadowRoot.querySelectorAll('button')]); \
                const boxes = buttons.map((b) => b.getBoundingClientRect()).filter((b) => b.height && b.top >= 0 && b.bottom <= innerHeight); \
                const over = (b) => [b.left + 2, b.right - 2].some((x) => document.elementFromPoint(x, b.bottom - 2) === chat); \
                return [boxes.length > 4, boxes.filter(over).length, chat.shadowRoot.querySelector('.log').clientHeight > 40]";
            for lines in [0, 9] {
                // Where this theme has them, and where one with more above the form would.
                let push = format!("document.querySelector('collab-widget').parentElement.prepend(...Array.from({{length: {lines}}}, () => document.createElement('br')))");
                ada.js(&push, vec![]).await;
                eventually!((lines, ada.look(covered).await), |(_, found)| *found == json!([true, 0, true]));
            }
            stage.shot(&ada, "conversation-low").await;
        })
        .await;
}
