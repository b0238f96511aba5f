//! A scenario with browsers: sets the stage, and keeps the evidence when it goes wrong.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::rc::Rc;

use futures_util::FutureExt;
use serde_json::{Value, json};

use crate::support::browser::{Browser, Driver};
use crate::support::django::Django;
use crate::support::proxy::Proxy;

pub(crate) struct Stage {
    name: &'static str,
    pub(crate) proxy: RefCell<Proxy>,
    pub(crate) django: Django,
    driver: Driver,
    browsers: RefCell<Vec<Rc<Browser>>>,
    expected: RefCell<Vec<String>>,
}

/// Where what a run leaves behind is kept.
fn kept() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/e2e")
}

impl Stage {
    /// `name`: the folder of the evidence.
    pub(crate) fn new(name: &'static str) -> Self {
        Self::with(name, &[], "")
    }

    /// `site`: settings of the demo site. `settings`: the proxy's collab.toml.
    pub(crate) fn with(name: &'static str, site: &[(&str, &str)], settings: &str) -> Self {
        let django = Django::with(site);
        let proxy = Proxy::with(&django.upstream(), settings, &[]);
        Self::of(name, django, proxy)
    }

    pub(crate) fn of(name: &'static str, django: Django, proxy: Proxy) -> Self {
        Self {
            name,
            proxy: RefCell::new(proxy),
            django,
            driver: Driver::start(),
            browsers: RefCell::default(),
            expected: RefCell::default(),
        }
    }

    pub(crate) fn url(&self) -> String {
        self.proxy.borrow().url().to_owned()
    }

    /// Somebody with a browser of their own, signed in.
    pub(crate) async fn person(&self, user: &str) -> Rc<Browser> {
        self.person_at(user, &self.url(), "/admin/").await
    }

    pub(crate) async fn person_at(&self, user: &str, url: &str, root: &str) -> Rc<Browser> {
        let browser = self.browser(user, url, json!({}), &[]).await;
        browser.sign_in(user, root).await;
        browser
    }

    pub(crate) async fn browser(&self, name: &str, url: &str, prefs: Value, flags: &[&str]) -> Rc<Browser> {
        let browser = Rc::new(Browser::start(&self.driver, name, url, prefs, flags).await);
        self.browsers.borrow_mut().push(Rc::clone(&browser));
        browser
    }

    /// A part of a console line that this scenario brings about on purpose.
    pub(crate) fn expect_in_console(&self, part: &str) {
        self.expected.borrow_mut().push(part.to_owned());
    }

    /// What the site itself has said to a browser without the proxy.
    pub(crate) async fn expect_what_it_says_anyway(&self, browser: &Browser) {
        let lines = browser.console().await;
        self.expected.borrow_mut().extend(lines.iter().map(|line| self.placeless(line)));
    }

    /// The same of both addresses, and of every time it is said.
    fn placeless(&self, line: &str) -> String {
        let line = line.replace(&self.url(), "").replace(&self.django.upstream(), "");
        line.split_once("?_=").map_or(line.clone(), |(start, rest)| {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            format!("{start}{rest}")
        })
    }

    /// A picture for people to look at.
    pub(crate) async fn shot(&self, browser: &Browser, name: &str) {
        browser.screenshot(&kept().join("shots").join(format!("{name}.png"))).await;
    }

    /// Plays the scenario. Whatever happens, no browser is left over; if it fails, pictures and logs are kept.
    pub(crate) async fn play(self, scenario: impl AsyncFnOnce(&Stage)) {
        let played = AssertUnwindSafe(scenario(&self)).catch_unwind().await;
        let consoles = self.consoles().await;
        let unexpected: Vec<&String> = consoles
            .iter()
            .filter(|line| !self.expected.borrow().iter().any(|part| self.placeless(line).contains(part)))
            .collect();
        if played.is_err() || !unexpected.is_empty() {
            self.keep_evidence(&consoles).await;
        }
        let unexpected = format!("{unexpected:#?}");
        let browsers = self.browsers.borrow().clone();
        for browser in browsers {
            browser.close().await;
        }
        if let Err(panic) = played {
            std::panic::resume_unwind(panic);
        }
        assert_eq!(unexpected, "[]", "the console is not empty");
    }

    async fn consoles(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let browsers = self.browsers.borrow().clone();
        for browser in browsers {
            lines.extend(browser.console().await.into_iter().map(|line| format!("{}: {line}", browser.name)));
        }
        lines
    }

    async fn keep_evidence(&self, consoles: &[String]) {
        let folder = kept().join(self.name);
        let _ = std::fs::create_dir_all(&folder);
        let browsers = self.browsers.borrow().clone();
        for (number, browser) in browsers.iter().enumerate() {
            browser.screenshot(&folder.join(format!("{number}-{}.png", browser.name))).await;
        }
        let _ = std::fs::write(folder.join("console.log"), consoles.join("\n"));
        let _ = std::fs::write(folder.join("proxy.log"), self.proxy.borrow().log());
        let _ = std::fs::write(folder.join("django.log"), self.django.log());
    }
}
