//! The admin's many faces: with every theme and package that the proxy is tried with, two people open an object, one
//! edits and the other reads along, they save and take turns, and the console says nothing that it does not say without
//! the proxy.

use serde_json::{Value, json};

use crate::browsers::EDITOR;
use crate::stage::Stage;
use crate::support::axe::{OURS, complaints};
use crate::support::browser::Browser;
use crate::theme::{DARK, Theme, listen_without_the_proxy, opens, person};

/// Sends the form as a script could, and gives the answer's status.
async fn posts(browser: &Browser) -> Value {
    let script = "const done = arguments[0]; const form = document.querySelector('form[method=post i]:has([name=csrfmiddlewaretoken]):not([id^=logout])'); \
        fetch(location.href, {method: 'POST', body: new FormData(form), redirect: 'manual'}).then((r) => done(r.status), (e) => done(String(e)))";
    browser.client().execute_async(script, vec![]).await.unwrap()
}

/// Every control by which this person could save.
async fn save_controls(browser: &Browser) -> Value {
    let script = "const form = document.querySelector('form[id$=_form]:has([name=title])'); \
        return [...form.elements].filter((e) => ['_save', '_continue', '_addanother', '_saveasnew'].includes(e.name)).map((e) => e.disabled)";
    browser.look(script).await
}

/// Does a row of the list say who edits it?
async fn badges(browser: &Browser) -> Vec<String> {
    let script = "return [...document.querySelectorAll('collab-badge')].map((b) => b.shadowRoot.textContent)";
    let found = browser.look(script).await;
    found.as_array().into_iter().flatten().filter_map(|b| Some(b.as_str()?.to_owned())).collect()
}

/// How well the name in a badge stands out from its row: WCAG 2.2, 1.4.3 asks for 4.5.
async fn name_contrast(browser: &Browser) -> f64 {
    let script = "const badge = document.querySelector('collab-badge'); if (!badge) return 0; \
        const rgb = (colour) => { const c = document.createElement('canvas').getContext('2d'); c.fillStyle = colour; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; }; \
        const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)) \
            .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0); \
        let ground = badge; while (rgb(getComputedStyle(ground).backgroundColor)[3] < 250 && ground.parentElement) ground = ground.parentElement; \
        for (let e = badge; e; e = e.parentElement) if (getComputedStyle(e).opacity < 1) return 0; \
        const [high, low] = [getComputedStyle(badge.shadowRoot.querySelector('.name')).color, getComputedStyle(ground).backgroundColor].map(rgb).map(light).sort((a, b) => b - a); \
        return (high + 0.05) / (low + 0.05)";
    browser.look(script).await.as_f64().unwrap_or_default()
}

async fn works(theme: Theme) {
    theme
        .stage(theme.kind)
        .play(async |stage| {
            stage.expect_in_console("423");
            listen_without_the_proxy(stage, &theme).await;
            let ada = person(stage, "root", &stage.url(), &[]).await;
            let grace = person(stage, "grace", &stage.url(), &DARK).await;
            reads_along(stage, &theme, &ada, &grace).await;
            takes_turns(stage, &theme, &ada, &grace).await;
            for page in theme.pages() {
                opens(&ada, &page).await;
            }
        })
        .await;
}

async fn reads_along(stage: &Stage, theme: &Theme, ada: &Browser, grace: &Browser) {
    let shot = async |browser: &Browser, name: &str| {
        stage.shot(browser, &format!("themes/{}-{name}", theme.kind)).await;
    };
    ada.open(&theme.page("change")).await;
    ada.told(EDITOR).await;
    grace.open(&theme.page("change")).await;
    grace.told(&format!("This page is being edited by {}.", theme.ada)).await;
    assert!(!grace.is_editable("title").await);
    let controls = save_controls(grace).await;
    assert!(
        controls.as_array().is_some_and(|c| !c.is_empty() && c.iter().all(|off| *off == true)),
        "{controls}"
    );
    assert_eq!(posts(grace).await, 423, "who only looks cannot save");
    shot(ada, "editor").await;
    for (browser, whose) in [(ada, "the editor's"), (grace, "the other's")] {
        eventually!((whose, complaints(browser, OURS).await), |(_, found)| *found == json!([]));
    }
    ada.enter_field("title", "The high tide").await;
    eventually!(grace.value("title").await, |title| title == "The high tide");
    shot(grace, "viewer").await;
    // Editors in rows want to begin before their row goes: rich_text.rs waits for them.
    let editors = ["ckeditor4", "ckeditor5", "tinymce"].contains(&theme.kind);
    if theme.model == "library/article" && !editors {
        rows_come_and_go(stage, ada, grace).await;
    }
    // Guards of themes ("Leave this page?") do not take it for her own: the console would tell of a prompt.
    let link =
        "return [...document.querySelectorAll('a[href]')].find((a) => a.pathname === arguments[0]) ?? null";
    if !grace.js(link, vec![json!(theme.list())]).await.is_null() {
        grace.js(&format!("(() => {{ {link} }})().click()"), vec![json!(theme.list())]).await;
        eventually!(grace.path().await, |path| *path == theme.list());
        grace.open(&theme.page("change")).await;
        eventually!(grace.value("title").await, |title| title == "The high tide");
    }
    grace.mark().await;
    // Themes move and cover their buttons; what a press of one does is the same.
    ada.js("document.querySelector('[name=_continue]').click()", vec![]).await;
    eventually!(stage.django.value(theme.title), |title| title == "The high tide");
    eventually!(grace.is_marked().await, |marked| !marked);
    grace.told("This page is being edited by").await;
    assert_eq!(grace.value("title").await, "The high tide");
    ada.told(EDITOR).await;
}

/// Rows of an inline are added and taken away by each theme's own links; who reads along sees it.
async fn rows_come_and_go(stage: &Stage, ada: &Browser, grace: &Browser) {
    const ADD: &str = "const group = document.getElementById('comment_set-group'); \
        const links = [...group.querySelectorAll('a')].filter((a) => (/add/.test(a.className) || a.closest('.add-row')) \
            && a.closest('[id$=\"-group\"]') === group && !a.closest('.empty-form')); \
        links.at(-1).click()";
    const TYPE: &str = "const field = document.querySelector('[name=comment_set-2-name]'); field.value = 'A third reader'; \
        field.dispatchEvent(new Event('input', {bubbles: true}))";
    const REMOVE: &str = "let row = document.querySelector('[name=comment_set-2-name]'); const found = () => \
            row.querySelector('.inline-deletelink, [class*=remove], .delete-template'); \
        while (!found()) row = row.parentElement; found().click()";
    ada.js(ADD, vec![]).await;
    eventually!(
        ada.look("return document.querySelector('[name=comment_set-2-name]') !== null").await,
        |there| there == true
    );
    ada.js(TYPE, vec![]).await;
    eventually!(grace.value("comment_set-2-name").await, |name| name == "A third reader");
    stage.shot(grace, "themes/row").await;
    ada.js(REMOVE, vec![]).await;
    eventually!(ada.look("return document.querySelector('[name=comment_set-2-name]')").await, Value::is_null);
    eventually!(
        grace.look("return document.querySelector('[name=comment_set-2-name]')").await,
        Value::is_null
    );
}

async fn takes_turns(stage: &Stage, theme: &Theme, ada: &Browser, grace: &Browser) {
    ada.open(&theme.list()).await;
    grace.told(EDITOR).await;
    let badge = eventually!(badges(ada).await, |found| found.len() == 1);
    assert!(!badge[0].is_empty());
    eventually!(name_contrast(ada).await, |contrast| *contrast >= 4.5);
    stage.shot(ada, &format!("themes/{}-list", theme.kind)).await;
    ada.open(&theme.page("delete")).await;
    assert_eq!(posts(ada).await, 423, "what somebody edits is not deleted");
    grace.enter_field("title", "The low tide").await;
    grace.js("document.querySelector('[name=_save]').click()", vec![]).await;
    eventually!(grace.path().await, |path| *path == theme.list());
    assert_eq!(stage.django.value(theme.title), "The low tide");
    ada.open(&theme.page("change")).await;
    ada.told(EDITOR).await;
    eventually!(name_contrast(grace).await, |contrast| *contrast >= 4.5);
    stage.shot(grace, &format!("themes/{}-list-dark", theme.kind)).await;
}

macro_rules! themes {
    ($($name:ident: $theme:expr;)*) => { $(
        #[tokio::test]
        async fn $name() {
            works($theme).await;
        }
    )* };
}

themes! {
    django_3_2: Theme { venv: "sites-3.2", ..Theme::new("stock") };
    django_4_2: Theme { venv: "sites-4.2", ..Theme::new("stock") };
    django_5_2: Theme::new("stock");
    django_newest: Theme { venv: "sites-newest", ..Theme::new("stock") };
    unfold: Theme { ada: "Ada Lovelace", ..Theme::new("unfold") };
    jazzmin: Theme { ada: "root", ..Theme::new("jazzmin") };
    grappelli: Theme::new("grappelli");
    simpleui: Theme { ada: "root", ..Theme::new("simpleui") };
    admin_interface: Theme::new("admin-interface");
    baton: Theme::new("baton");
    import_export: Theme::new("import-export");
    reversion: Theme::new("reversion");
    guardian: Theme::new("guardian");
    nested: Theme::new("nested");
    polymorphic: Theme {
        model: "shelf/publication",
        title: "select title from shelf_publication where id = 1",
        ..Theme::new("polymorphic")
    };
    ckeditor4: Theme::new("ckeditor4");
    ckeditor5: Theme::new("ckeditor5");
    tinymce: Theme::new("tinymce");
    parler: Theme {
        model: "pages/page",
        title: "select title from pages_page_translation where language_code = 'en'",
        ..Theme::new("parler")
    };
}

/// simpleui shows every page in a frame of its index.
#[tokio::test]
async fn simpleui_in_its_shell() {
    let theme = Theme::new("simpleui");
    let item = "return [...document.querySelectorAll('.el-menu-item')].find((i) => i.textContent.includes('Articles')) ?? null";
    theme
        .stage("simpleui-shell")
        .play(async |stage| {
            // simpleui's own words, and a file that it does not bring.
            for noise in ["simpleui", "QQ", "/locale/en.js"] {
                stage.expect_in_console(noise);
            }
            listen_without_the_proxy(stage, &theme).await;
            let ada = person(stage, "root", &stage.url(), &[]).await;
            eventually!(ada.look(item).await, |item| !item.is_null());
            ada.js(&format!("(() => {{ {item} }})().click()"), vec![]).await;
            let frame =
                eventually!(ada.look("return document.querySelector('iframe')").await, |f| !f.is_null());
            ada.element(frame).enter_frame().await.unwrap();
            eventually!(ada.path().await, |path| *path == theme.list());
            let link = "document.querySelector('a[href*=\"/1/change/\"]')";
            eventually!(ada.look(&format!("return {link}")).await, |l| !l.is_null());
            ada.js(&format!("{link}.click()"), vec![]).await;
            ada.told(EDITOR).await;
            let grace = person(stage, "grace", &stage.url(), &[]).await;
            grace.open(&theme.page("change")).await;
            grace.told("This page is being edited by root.").await;
            ada.enter_field("title", "From a frame").await;
            eventually!(grace.value("title").await, |title| title == "From a frame");
            ada.js("document.querySelector('[name=_save]').click()", vec![]).await;
            grace.told(EDITOR).await;
            assert_eq!(grace.value("title").await, "From a frame");
        })
        .await;
}
