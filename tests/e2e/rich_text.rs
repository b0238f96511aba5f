//! Text in rich-text editors is text like any other: seen as it is typed, kept as a draft, filled in, saved, and nobody
//! else's. In the object's own field and in rows of an inline, which editors of their own come and go with.

use fantoccini::error::CmdError;
use serde_json::{Value, json};

use crate::browsers::EDITOR;
use crate::stage::Stage;
use crate::support::browser::Browser;
use crate::theme::{Theme, listen_without_the_proxy, person};

const TYPED: &str = "Typed at high water. ";
const WAS: &str = "The tide, as it was.";

/// Everything on the page that can be typed in as in a document, in the page's order: a frame, or an element.
const EDITORS: &str = "const seen = (e) => e.getClientRects().length > 0; \
    const all = [...document.querySelectorAll('form iframe, form .ck-editor__editable')].filter(seen); \
    const body = (e) => (e.contentDocument ? e.contentDocument.body : e);";

/// The last of them, or the one of this number.
async fn editor(browser: &Browser, number: i32) -> Value {
    let script = format!("{EDITORS} return all.at({number}) ?? null");
    eventually!(browser.look(&script).await, |e| !e.is_null())
}

/// As a person does: into what can be edited, wherever it stands. Some editors take a while to begin.
async fn types(browser: &Browser, number: i32, text: &str) {
    let script =
        format!("{EDITORS} const e = all.at({number}); return e ? body(e)?.isContentEditable : false");
    eventually!(browser.look(&script).await, |editable| *editable == true);
    // As a person who waits for the caret: what is typed before CKEditor 5 has seen that it has the focus goes astray.
    let found = browser.element(editor(browser, number).await);
    if found.tag_name().await.unwrap() != "iframe" {
        found.click().await.unwrap();
        let focused = format!("{EDITORS} return all.at({number}).matches('.ck-focused:focus')");
        eventually!(browser.look(&focused).await, |focused| *focused == true);
        return found.send_keys(text).await.unwrap();
    }
    tries(browser, number, text).await.unwrap();
}

async fn tries(browser: &Browser, number: i32, text: &str) -> Result<(), CmdError> {
    let found = browser.element(editor(browser, number).await);
    if found.tag_name().await? != "iframe" {
        found.click().await?;
        return found.send_keys(text).await;
    }
    found.enter_frame().await?;
    let body = browser.client().find(fantoccini::Locator::Css("body")).await?;
    let typed = match body.click().await {
        Ok(()) => body.send_keys(text).await,
        Err(error) => Err(error),
    };
    browser.client().clone().enter_parent_frame().await?;
    typed
}

async fn reads(browser: &Browser, number: i32) -> String {
    let script =
        format!("{EDITORS} const e = all.at({number}); return e ? body(e)?.innerText.trim() ?? '' : ''");
    browser.look(&script).await.as_str().unwrap_or_default().to_owned()
}

/// The fields that this browser has kept something of.
async fn drafts(browser: &Browser) -> Value {
    let script = "return Object.entries(localStorage).filter(([k]) => k.startsWith('collab-draft:')).flatMap(([, draft]) => JSON.parse(draft).names)";
    browser.look(script).await
}

/// Which marks the editor's box bears.
const MARKS: &str = "const box = document.querySelector('#id_body').nextElementSibling; \
    return [box.hasAttribute('data-collab-live'), box.hasAttribute('data-collab-here')]";

/// A CKEditor 4 that takes its time begins when its textarea is read-only already.
const BEGIN_AGAIN: &str = "const four = window.CKEDITOR?.instances.id_body; \
    four?.destroy(true); four && CKEDITOR.replace('id_body', JSON.parse(document.querySelector('#id_body').dataset.config))";

async fn opens(browser: &Browser, theme: &Theme) {
    browser.open(&theme.page("change")).await;
    browser.told(EDITOR).await;
    eventually!(reads(browser, 0).await, |text| text == WAS);
}

async fn is_nobodys_but_the_authors(stage: &Stage, theme: &Theme, ada: &Browser, grace: &Browser) {
    opens(ada, theme).await;
    grace.open(&theme.page("change")).await;
    grace.told("This page is being edited by Ada.").await;
    eventually!(reads(grace, 0).await, |text| text == WAS);
    grace.js(BEGIN_AGAIN, vec![]).await;
    eventually!(reads(grace, 0).await, |text| text == WAS);
    let mark = format!("{EDITORS} body(all[0]).marked = true");
    grace.js(&mark, vec![]).await;
    types(ada, 0, TYPED).await;
    eventually!(reads(grace, 0).await, |text| text.contains(TYPED.trim()));
    eventually!(grace.look(MARKS).await, |marks| *marks == json!([true, true]));
    // Nothing comes of what a reader tries, not even now that the editor has been given another text.
    let _ = tries(grace, 0, "nothing of this").await;
    types(ada, 0, "\u{e010}And on. ").await;
    eventually!(reads(grace, 0).await, |text| text.contains("And on.") && !text.contains("nothing"));
    stage.shot(grace, &format!("themes/{}-rich", theme.kind)).await;
    ada.drafted("high water").await;
    ada.open("/admin/").await;
    grace.told(EDITOR).await;
    eventually!(reads(grace, 0).await, |text| text == WAS);
    // What somebody types into is never exchanged for another under their hands.
    let marked = format!("{EDITORS} return body(all[0]).marked");
    assert_eq!(grace.look(&marked).await, true);
    // To have read along is no work: what she types elsewhere is all there is, and with it the draft goes.
    grace.enter_field("slug", "of-grace").await;
    grace.drafted("of-grace").await;
    assert_eq!(drafts(grace).await, json!(["slug"]));
    grace.enter_field("slug", "the-tide").await;
    eventually!(drafts(grace).await, |names| *names == json!([]));
    // To type is, in the same editor.
    types(grace, 0, "Of Grace. ").await;
    grace.drafted("Of Grace").await;
    grace.open("/admin/").await;
}

async fn survives(stage: &Stage, theme: &Theme, ada: &Browser) {
    opens(ada, theme).await;
    ada.press_notice("Fill them in").await;
    eventually!(reads(ada, 0).await, |text| text.contains(TYPED.trim()));
    let filled =
        "return document.querySelector('#id_body').nextElementSibling.hasAttribute('data-collab-filled')";
    assert_eq!(ada.look(filled).await, true);
    // Three rows of comments: the second is taken away, and the third is numbered anew.
    ada.enter_field("comment_set-1-name", "Second").await;
    ada.js("document.querySelector('#comment_set-group .add-row a').click()", vec![]).await;
    let count = format!("{EDITORS} return all.length");
    eventually!(ada.look(&count).await, |n| *n == 4);
    ada.enter_field("comment_set-2-name", "Third").await;
    types(ada, 3, "Words of the third").await;
    ada.drafted("Words of the third").await;
    ada.js("document.querySelector('#comment_set-1 .inline-deletelink').click()", vec![]).await;
    eventually!(ada.look(&count).await, |n| *n == 3);
    types(ada, -1, ", and more").await;
    let drafted = "return Object.values(localStorage).join().includes('and more') && !Object.values(localStorage).join().includes('Second')";
    eventually!(ada.look(drafted).await, |d| *d == true);
    // A crash, and a form whose editors may be slower than the draft.
    ada.open("/admin/").await;
    opens(ada, theme).await;
    ada.press_notice("Fill them in").await;
    eventually!(reads(ada, 0).await, |text| text.contains(TYPED.trim()));
    eventually!(reads(ada, -1).await, |text| text.contains("and more"));
    stage.shot(ada, &format!("themes/{}-rich-rows", theme.kind)).await;
    ada.js("document.querySelector('[name=_save]').click()", vec![]).await;
    eventually!(ada.path().await, |path| *path == theme.list());
    let saved = |sql: &str| stage.django.value(sql).as_str().unwrap_or_default().to_owned();
    let body = saved("select body from library_article where id = 1");
    assert!(body.contains(TYPED.trim()) && body.contains("it was"), "{body}");
    let comment = saved("select text from library_comment where article_id = 1 and name = 'Third'");
    assert!(comment.contains("Words of the third") && comment.contains("and more"), "{comment}");
    // What was saved is no draft any more.
    ada.open(&theme.page("change")).await;
    ada.told(EDITOR).await;
    assert_eq!((ada.notice().await, drafts(ada).await), (String::new(), json!([])));
}

async fn like_any_other(kind: &'static str, name: &'static str) {
    let theme = Theme::new(kind);
    theme
        .stage(name)
        .play(async |stage| {
            listen_without_the_proxy(stage, &theme).await;
            let ada = person(stage, "root", &stage.url(), &[]).await;
            let grace = person(stage, "grace", &stage.url(), &[]).await;
            is_nobodys_but_the_authors(stage, &theme, &ada, &grace).await;
            survives(stage, &theme, &ada).await;
        })
        .await;
}

#[tokio::test]
async fn ckeditor_4() {
    like_any_other("ckeditor4", "rich-ckeditor4").await;
}

#[tokio::test]
async fn ckeditor_5() {
    like_any_other("ckeditor5", "rich-ckeditor5").await;
}

#[tokio::test]
async fn tinymce() {
    like_any_other("tinymce", "rich-tinymce").await;
}
