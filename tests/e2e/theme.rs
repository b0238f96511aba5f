//! The sites of tests/sites as scenarios see them: pages, people, and what the site says in the console by itself.

use std::rc::Rc;

use serde_json::json;

use crate::stage::Stage;
use crate::support::browser::Browser;
use crate::support::django::{Django, Site};
use crate::support::proxy::Proxy;

/// One of tests/sites.
pub(crate) struct Theme {
    pub(crate) kind: &'static str,
    pub(crate) venv: &'static str,
    /// Below `/admin/`.
    pub(crate) model: &'static str,
    /// What the theme's pages call Ada: her first name, her whole name, or her login.
    pub(crate) ada: &'static str,
    /// The saved title, in the database.
    pub(crate) title: &'static str,
}

pub(crate) const DARK: [&str; 1] = ["--blink-settings=preferredColorScheme=0"];

/// What themes say of things from elsewhere, which nothing here can reach, and of their own dark mode: it differs from
/// one visit to the next.
pub(crate) const NOISE: [&str; 3] = ["https://fonts.g", "https://www.gravatar.com/", "\"Baton:\""];

impl Theme {
    pub(crate) const fn new(kind: &'static str) -> Self {
        Self {
            kind,
            venv: "sites",
            model: "library/article",
            ada: "Ada",
            title: "select title from library_article where id = 1",
        }
    }

    pub(crate) fn list(&self) -> String {
        format!("/admin/{}/", self.model)
    }

    pub(crate) fn page(&self, name: &str) -> String {
        format!("/admin/{}/1/{name}/", self.model)
    }

    /// Every page that the scenario opens, and what proves that it is the page.
    pub(crate) fn pages(&self) -> Vec<(String, &'static str)> {
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

pub(crate) async fn person(stage: &Stage, user: &str, url: &str, flags: &[&str]) -> Rc<Browser> {
    let browser = stage.browser(user, url, json!({}), flags).await;
    sign_in(&browser, user).await;
    browser
}

pub(crate) async fn opens(browser: &Browser, (page, proof): &(String, &str)) {
    browser.open(page).await;
    let there =
        format!("return document.readyState === 'complete' && document.querySelector('{proof}') !== null");
    eventually!((page, browser.look(&there).await), |(_, there)| *there == true);
}

/// What the theme says in the console by itself.
pub(crate) async fn listen_without_the_proxy(stage: &Stage, theme: &Theme) {
    let alone = person(stage, "root", &stage.django.upstream(), &[]).await;
    for page in theme.pages() {
        opens(&alone, &page).await;
    }
    stage.expect_what_it_says_anyway(&alone).await;
    alone.close().await;
}

impl Theme {
    /// The site, the proxy before it, and no browser yet.
    pub(crate) fn stage(&self, name: &'static str) -> Stage {
        let django = Django::of(Site::Gallery { kind: self.kind, venv: self.venv }, &[]);
        let proxy = Proxy::start(&django.upstream());
        let stage = Stage::of(name, django, proxy);
        for noise in NOISE {
            stage.expect_in_console(noise);
        }
        stage
    }
}
