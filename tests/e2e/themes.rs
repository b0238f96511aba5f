//! The admin's many faces: with every theme and package that the proxy is tried with, two people open an object, one
//! edits and the other reads along, they save and take turns, and the console says nothing that it does not say without
//! the proxy.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::browsers::EDITOR;
use crate::stage::Stage;
use crate::support::axe::{OURS, complaints};
use crate::support::browser::Browser;
use crate::support::django::{Django, Site};
use crate::support::proxy::Proxy;

/// One of tests/sites.
struct Theme {
    kind: &'static str,
    venv: &'static str,
    /// Below `/admin/`.
    model: &'static str,
    /// What the theme's pages call Ada: her first name, her whole name, or her login.
    ada: &'static str,
    /// The saved title, in the database.
    title: &'static str,
}

const DARK: [&str; 1] = ["--blink-settings=preferredColorScheme=0"];

/// What themes say of things from elsewhere, which nothing here can reach, and of their own dark mode: it differs from
/// one visit to the next.
const NOISE: [&str; 3] = ["https://fonts.g", "https://www.gravatar.com/", "\"Baton:\""];

impl Theme {
    const fn new(kind: &'static str) -> Self {
        Self {
            kind,
            venv: "sites",
            model: "library/article",
            ada: "Ada",
            title: "select title from library_article where id = 1",
        }
    }

    fn list(&self) -> String {
        format!("/admin/{}/", self.model)
    }

    fn page(&self, name: &str) -> String {
        format!("/admin/{}/1/{name}/", self.model)
    }

    /// Every page that the scenario opens, and what proves that it is the page.
    fn pages(&self) -> Vec<(String, &'static str)> {
        vec![
            (self.page("change"), "form[id$=_form] [name=title]"),
            (self.list(), "form[id$=changelist-form]"),
            (format!("{}add/", self.list()), "[name=_save]"),
            ("/admin/library/author/add/?_popup=1".to_owned(), "[name=_save]"),
            ("/admin/library/author/1/change/?_popup=1".to_owned(), "[name=_save]"),
            (self.page("delete"), "[name=csrfmiddlewaretoken]"),
            (self.page("history"), "body"),
        ]
    }
}

/// Themes draw their login pages as they like; the form is Django's.
async fn sign_in(browser: &Browser, user: &str) {
    browser.open("/admin/login/?next=/admin/").await;
    let script = "const [user] = arguments; \
        const set = (name, value) => { document.querySelector(`[name=${name}]`).value = value; }; \
        set('username', user); set('password', `${user}-demo`); \
        HTMLFormElement.prototype.submit.call(document.querySelector('[name=username]').form)";
    browser.js(script, vec![json!(user)]).await;
    eventually!(browser.path().await, |path| path == "/admin/");
}

async fn person(stage: &Stage, user: &str, url: &str, flags: &[&str]) -> Rc<Browser> {
    let browser = stage.browser(user, url, json!({}), flags).await;
    sign_in(&browser, user).await;
    browser
}

async fn opens(browser: &Browser, (page, proof): &(String, &str)) {
    browser.open(page).await;
    let there =
        format!("return document.readyState === 'complete' && document.querySelector('{proof}') !== null");
    eventually!((page, browser.look(&there).await), |(_, there)| *there == true);
}

/// What the theme says in the console by itself.
async fn listen_without_the_proxy(stage: &Stage, theme: &Theme) {
    let alone = person(stage, "root", &stage.django.upstream(), &[]).await;
    for page in theme.pages() {
        opens(&alone, &page).await;
    }
    stage.expect_what_it_says_anyway(&alone).await;
    alone.close().await;
}

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
    let django = Django::of(Site::Gallery { kind: theme.kind, venv: theme.venv }, &[]);
    let proxy = Proxy::start(&django.upstream());
    Stage::of(theme.kind, django, proxy)
        .play(async |stage| {
            stage.expect_in_console("423");
            for noise in NOISE {
                stage.expect_in_console(noise);
            }
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
    if theme.model == "library/article" {
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

/// What can be pressed at a place of the page.
async fn at_the_middle_of(browser: &Browser, selector: &str) -> String {
    let script = "const e = document.querySelector(arguments[0]); const box = e?.getBoundingClientRect(); \
        const hit = box && document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2); \
        return hit === e || e?.contains(hit) ? 'itself' : hit?.localName ?? 'nothing'";
    let hit = browser.js(script, vec![json!(selector)]).await;
    hit.as_str().unwrap_or_default().to_owned()
}

/// Conversations and what must not be missed stand beside the bars that a theme keeps in place, never over them; and
/// nothing of the page is out of reach.
async fn covers_nothing(kind: &'static str, name: &'static str) {
    let django = Django::of(Site::Gallery { kind, venv: "sites" }, &[]);
    let proxy = Proxy::start(&django.upstream());
    let theme = Theme::new(kind);
    Stage::of(name, django, proxy)
        .play(async |stage| {
            for noise in NOISE {
                stage.expect_in_console(noise);
            }
            listen_without_the_proxy(stage, &theme).await;
            let ada = person(stage, "root", &stage.url(), &[]).await;
            ada.open(&theme.page("change")).await;
            ada.told(EDITOR).await;
            let grace = person(stage, "grace", &stage.url(), &DARK).await;
            grace.open(&theme.page("change")).await;
            grace.told("This page is being edited by").await;
            grace.press("Request Editor Attention").await;
            ada.told("is requesting the editors attention").await;
            ada.press("Write back").await;
            grace.press("Ask to edit").await;
            ada.told("asks to edit this page").await;
            ada.js("scrollTo(0, document.documentElement.scrollHeight)", vec![]).await;
            let pressable = async || {
                let save = at_the_middle_of(&ada, "[name=_save]").await;
                let edge = at_the_middle_of(&ada, "collab-edge").await;
                let chat = at_the_middle_of(&ada, "collab-chat").await;
                [save, edge, chat]
            };
            eventually!(pressable().await, |all| all.iter().all(|hit| hit == "itself"));
            stage.shot(&ada, &format!("themes/{kind}-edges")).await;
            assert_eq!(complaints(&ada, OURS).await, json!([]));
            // Whoever reads along sees why nothing can be changed, below what the theme keeps at the top.
            grace.js("scrollTo(0, 600)", vec![]).await;
            let told = async || {
                [
                    at_the_middle_of(&grace, "collab-widget").await,
                    at_the_middle_of(&grace, "collab-edge").await,
                ]
            };
            eventually!(told().await, |bars| bars.iter().any(|hit| hit == "itself"));
            stage.shot(&grace, &format!("themes/{kind}-pinned")).await;
        })
        .await;
}

/// The bar is there before the page is first painted, and is as high whatever it says.
#[tokio::test]
async fn nothing_jumps() {
    let django = Django::of(Site::Gallery { kind: "stock", venv: "sites" }, &[]);
    let proxy = Proxy::start(&django.upstream());
    let theme = Theme::new("stock");
    // Django's own scripts move parts of the form about; what must not move is where it stands.
    let shifts = "const done = arguments[0]; \
        const moved = ({node, previousRect: was, currentRect: is}) => node?.matches?.('form, fieldset') && was.height && is.height && was.y !== is.y; \
        const tell = (entries) => done(entries.flatMap((e) => e.sources).filter(moved).map((s) => `${s.previousRect.y} ${s.currentRect.y}`)); \
        const seen = new PerformanceObserver((list) => tell(list.getEntries())); \
        seen.observe({type: 'layout-shift', buffered: true}); setTimeout(() => tell(seen.takeRecords()), 500)";
    let form = "return document.querySelector('#article_form').getBoundingClientRect().top + scrollY";
    Stage::of("jumps", django, proxy)
        .play(async |stage| {
            let ada = person(stage, "root", &stage.url(), &[]).await;
            let grace = person(stage, "grace", &stage.url(), &[]).await;
            ada.open(&theme.page("change")).await;
            ada.told(EDITOR).await;
            let before = ada.look(form).await;
            grace.open(&theme.page("change")).await;
            grace.told("You are next.").await;
            grace.press("Request Editor Attention").await;
            ada.told("is requesting the editors attention").await;
            grace.press("Ask to edit").await;
            ada.told("asks to edit this page").await;
            assert_eq!((ada.look(form).await, grace.look(form).await), (before.clone(), before));
            for browser in [&ada, &grace] {
                let moved = browser.client().execute_async(shifts, vec![]).await.unwrap();
                assert_eq!(moved, json!([]), "{}", browser.name);
            }
        })
        .await;
}

macro_rules! uncovered {
    ($($name:ident: $kind:expr;)*) => { $(
        #[tokio::test]
        async fn $name() {
            covers_nothing($kind, stringify!($name)).await;
        }
    )* };
}

uncovered! {
    nothing_of_unfold_is_covered: "unfold";
    nothing_of_grappelli_is_covered: "grappelli";
    nothing_of_admin_interface_is_covered: "admin-interface";
    nothing_of_the_stock_admin_is_covered: "stock";
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
    let django = Django::of(Site::Gallery { kind: "simpleui", venv: "sites" }, &[]);
    let proxy = Proxy::start(&django.upstream());
    let theme = Theme::new("simpleui");
    let item = "return [...document.querySelectorAll('.el-menu-item')].find((i) => i.textContent.includes('Articles')) ?? null";
    Stage::of("simpleui-shell", django, proxy)
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

/// Types into a rich-text editor as a person does: into what can be edited, wherever it stands.
async fn types_rich(browser: &Browser, kind: &str, text: &str) -> Result<(), fantoccini::error::CmdError> {
    let client = browser.client();
    let frame = kind == "tinymce";
    if frame {
        let frame = "return document.querySelector('form iframe')";
        let frame = eventually!(browser.look(frame).await, |f| !f.is_null());
        let element = browser.element(frame);
        element.enter_frame().await.unwrap();
    }
    let body = eventually!(
        browser.look("return document.querySelector('body[contenteditable], .ck-editor__editable')").await,
        |b| !b.is_null()
    );
    let body = browser.element(body);
    let typed = match body.click().await {
        Ok(()) => body.send_keys(text).await,
        Err(error) => Err(error),
    };
    if frame {
        client.clone().enter_parent_frame().await?;
    }
    typed
}

/// What the editor on the page shows.
async fn reads_rich(browser: &Browser) -> String {
    let script = "const inner = document.querySelector('form iframe')?.contentDocument ?? document; \
        return inner.querySelector('body[contenteditable], .ck-editor__editable')?.innerText.trim() ?? ''";
    browser.look(script).await.as_str().unwrap_or_default().to_owned()
}

/// The text of a rich-text editor is text like any other: seen as it is typed, kept as a draft, saved, and asked for
/// when it would be lost.
async fn rich_text(kind: &'static str, name: &'static str) {
    let django = Django::of(Site::Gallery { kind, venv: "sites" }, &[]);
    let proxy = Proxy::start(&django.upstream());
    let theme = Theme::new(kind);
    const TYPED: &str = "Typed at high water. ";
    const WAS: &str = "The tide, as it was.";
    Stage::of(name, django, proxy)
        .play(async |stage| {
            listen_without_the_proxy(stage, &theme).await;
            let ada = person(stage, "root", &stage.url(), &[]).await;
            let grace = person(stage, "grace", &stage.url(), &[]).await;
            ada.open(&theme.page("change")).await;
            ada.told(EDITOR).await;
            grace.open(&theme.page("change")).await;
            grace.told("This page is being edited by Ada.").await;
            eventually!(reads_rich(&grace).await, |text| text == WAS);
            // Nothing comes of what she tries.
            let _ = types_rich(&grace, kind, "nothing of this").await;
            types_rich(&ada, kind, TYPED).await.unwrap();
            eventually!(reads_rich(&grace).await, |text| text.contains(TYPED.trim())
                && !text.contains("nothing"));
            let marked = "return document.querySelector('[data-collab-live]')?.className ?? ''";
            eventually!(grace.look(marked).await, |m| m
                .as_str()
                .is_some_and(|m| m.contains("ck-editor") || m.contains("tox")));
            let here = "return document.querySelector('[data-collab-here]')?.className ?? ''";
            eventually!(grace.look(here).await, |m| m
                .as_str()
                .is_some_and(|m| m.contains("ck-editor") || m.contains("tox")));
            stage.shot(&grace, &format!("themes/{kind}-rich")).await;
            // A reload, or a crash, takes nothing away.
            ada.drafted("high water").await;
            ada.open("/admin/").await;
            grace.told(EDITOR).await;
            eventually!(reads_rich(&grace).await, |text| text == WAS);
            grace.open("/admin/").await;
            ada.open(&theme.page("change")).await;
            ada.told(EDITOR).await;
            eventually!(reads_rich(&ada).await, |text| text == WAS);
            ada.press_notice("Fill them in").await;
            eventually!(reads_rich(&ada).await, |text| text.contains(TYPED.trim()));
            ada.js("document.querySelector('[name=_save]').click()", vec![]).await;
            eventually!(ada.path().await, |path| *path == theme.list());
            let saved = stage.django.value("select body from library_article where id = 1");
            assert!(
                saved.as_str().is_some_and(|s| s.contains(TYPED.trim()) && s.contains("as it was")),
                "{saved}"
            );
            // What was saved is no draft any more.
            ada.open(&theme.page("change")).await;
            ada.told(EDITOR).await;
            assert_eq!(ada.notice().await, "");
        })
        .await;
}

#[tokio::test]
async fn text_in_ckeditor_is_text_like_any_other() {
    rich_text("ckeditor5", "rich-ckeditor5").await;
}

#[tokio::test]
async fn text_in_tinymce_is_text_like_any_other() {
    rich_text("tinymce", "rich-tinymce").await;
}
