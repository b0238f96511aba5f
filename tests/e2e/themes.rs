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
    grace.mark().await;
    // Themes move and cover their buttons; what a press of one does is the same.
    ada.js("document.querySelector('[name=_continue]').click()", vec![]).await;
    eventually!(stage.django.value(theme.title), |title| title == "The high tide");
    eventually!(grace.is_marked().await, |marked| !marked);
    grace.told("This page is being edited by").await;
    assert_eq!(grace.value("title").await, "The high tide");
    ada.told(EDITOR).await;
}

async fn takes_turns(stage: &Stage, theme: &Theme, ada: &Browser, grace: &Browser) {
    ada.open(&theme.list()).await;
    grace.told(EDITOR).await;
    let badge = eventually!(badges(ada).await, |found| found.len() == 1);
    assert!(!badge[0].is_empty());
    stage.shot(ada, &format!("themes/{}-list", theme.kind)).await;
    ada.open(&theme.page("delete")).await;
    assert_eq!(posts(ada).await, 423, "what somebody edits is not deleted");
    grace.enter_field("title", "The low tide").await;
    grace.js("document.querySelector('[name=_save]').click()", vec![]).await;
    eventually!(grace.path().await, |path| *path == theme.list());
    assert_eq!(stage.django.value(theme.title), "The low tide");
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
