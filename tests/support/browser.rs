//! Chromium through chromedriver. One [`Browser`] is one person: a profile of its own.

use std::path::Path;
use std::time::Duration;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use super::proc::{Proc, command, tool};

const INSTALL: &str = "sudo apt-get install -y chromium chromium-driver";
const FLAGS: [&str; 12] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Chromium's shared memory must not depend on how a container was started.
    "--disable-dev-shm-usage",
    "--window-size=1280,1000",
    "--lang=en-US",
    // A theme's fonts from elsewhere fail at once: a page that waits for them longer than `lock.grace` is taken for gone.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];

pub struct Driver {
    proc: Proc,
    url: String,
}

impl Driver {
    pub fn start() -> Self {
        let mut chromedriver = command(tool("chromedriver", INSTALL));
        chromedriver.arg(format!("--port={}", free_port()));
        let mut proc = Proc::start("chromedriver", chromedriver);
        let port: u16 = proc.ready(|line| {
            line.strip_prefix("ChromeDriver was started successfully on port ")?
                .trim_end_matches('.')
                .parse()
                .ok()
        });
        Self { proc, url: format!("http://127.0.0.1:{port}") }
    }
}

/// chromedriver binds one port on IPv4 and IPv6; left to choose, it takes one that is free on one of them only,
/// and gives up.
fn free_port() -> u16 {
    loop {
        let four = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = four.local_addr().unwrap().port();
        // A machine without IPv6 has nothing to be taken there.
        match std::net::TcpListener::bind(("::1", port)) {
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            _ => return port,
        }
    }
}

pub struct Browser {
    pub name: String,
    client: Client,
    profile: tempfile::TempDir,
    base: String,
}

/// Chromium's own log of a page. Reading it empties it.
#[derive(Debug)]
struct ReadConsole;

impl WebDriverCompatibleCommand for ReadConsole {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (hyper::Method, Option<String>) {
        (hyper::Method::POST, Some(json!({"type": "browser"}).to_string()))
    }
}

impl Browser {
    /// `base`: where the site is. `prefs`: Chromium preferences, for instance to turn JavaScript off.
    pub async fn start(driver: &Driver, name: &str, base: &str, prefs: Value, more: &[&str]) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut args: Vec<String> = FLAGS.iter().chain(more).map(|f| (*f).to_owned()).collect();
        args.push(format!("--user-data-dir={}", profile.path().display()));
        let capabilities = json!({
            "goog:chromeOptions": {"args": args, "prefs": prefs, "binary": tool("chromium", INSTALL)},
            "goog:loggingPrefs": {"browser": "ALL"},
            // A page that asks before it is left would stop a scenario for good.
            "unhandledPromptBehavior": "accept",
        });
        let capabilities = capabilities.as_object().unwrap().clone();
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&driver.url)
            .await
            .unwrap_or_else(|e| panic!("no browser: {e}\n{}", driver.proc.last_lines()));
        Self { name: name.to_owned(), client, profile, base: base.to_owned() }
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The process ids of this browser, found by its profile.
    pub fn pids(&self) -> Vec<u32> {
        let mark = format!("--user-data-dir={}", self.profile.path().display());
        let mut ps = command("ps");
        ps.args(["-eo", "pid=,args=", "-ww"]);
        let listing = super::proc::run(ps).out;
        let own = listing.lines().filter(|line| line.contains(&mark));
        own.filter_map(|line| line.trim().split(' ').next()?.parse().ok()).collect()
    }

    pub async fn close(&self) {
        let _ = self.client.clone().close().await;
    }

    /// Opens a path of the site.
    pub async fn open(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.base)).await.unwrap();
    }

    pub async fn sign_in(&self, user: &str, root: &str) {
        self.open(&format!("{root}login/?next={root}")).await;
        self.enter("#id_username", user).await;
        self.enter("#id_password", &format!("{user}-demo")).await;
        self.click("#login-form [type=submit]").await;
        eventually!(self.path().await, |path| path == root);
    }

    /// The value of a script, or null while a page is just being exchanged.
    pub async fn look(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap_or_default()
    }

    #[track_caller]
    pub fn js(&self, script: &str, args: Vec<Value>) -> impl Future<Output = Value> {
        let (at, client, script) = (std::panic::Location::caller(), self.client.clone(), script.to_owned());
        async move {
            let done = client.execute(&script, args).await;
            done.unwrap_or_else(|e| panic!("{at}: {e}\n{script}"))
        }
    }

    pub async fn path(&self) -> String {
        let path = self.look("return location.pathname").await;
        path.as_str().unwrap_or_default().to_owned()
    }

    /// What the banner says; empty without one.
    pub async fn banner(&self) -> String {
        let text = self
            .look(
                "return document.querySelector('collab-widget')?.shadowRoot.querySelector('.text').textContent ?? ''",
            )
            .await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the banner says this.
    pub async fn told(&self, text: &str) {
        eventually!((&self.name, self.banner().await), |(_, banner)| banner.contains(text));
    }

    /// Waits until the banner says this, longer than usual.
    pub async fn told_within(&self, text: &str, within: Duration) {
        eventually!((&self.name, self.banner().await), |(_, banner)| banner.contains(text), within: within);
    }

    /// What the notice below the banner says, and its buttons; empty without one.
    pub async fn notice(&self) -> String {
        let script = "const n = document.querySelector('collab-notice'); return n && !n.hidden ? [...n.shadowRoot.querySelectorAll('p, .row > *, button')].map((e) => e.textContent).join(' | ') : ''";
        self.look(script).await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the notice says this.
    pub async fn noticed(&self, text: &str) {
        eventually!((&self.name, self.notice().await), |(_, notice)| notice.contains(text));
    }

    /// Presses a button of the notice, as the mouse would.
    pub async fn press_notice(&self, label: &str) {
        self.noticed(label).await;
        let script = "return [...document.querySelector('collab-notice').shadowRoot.querySelectorAll('button')].find((b) => b.textContent === arguments[0])";
        let button = self.js(script, vec![json!(label)]).await;
        self.element(button).click().await.unwrap();
    }

    /// Everything that can be read on the page.
    pub async fn text(&self) -> String {
        self.look("return document.body?.innerText ?? ''").await.as_str().unwrap_or_default().to_owned()
    }

    /// Presses a button or a link of the page itself, by its words.
    pub async fn press_in_page(&self, label: &str) {
        let script = "return [...document.querySelectorAll('button, a')].find((b) => !b.hidden && b.textContent.trim() === arguments[0]) ?? null";
        eventually!(self.js(script, vec![json!(label)]).await, |found| !found.is_null());
        let found = self.js(script, vec![json!(label)]).await;
        self.element(found).click().await.unwrap();
    }

    /// Has this browser a draft of what is typed now? Waits for it.
    pub async fn drafted(&self, part: &str) {
        let script = "return Object.entries(localStorage).filter(([k]) => k.startsWith('collab-draft:')).map(([, v]) => v).join()";
        eventually!(self.look(script).await, |drafts| drafts.as_str().is_some_and(|d| d.contains(part)));
    }

    /// The labels of the banner's buttons.
    pub async fn banner_buttons(&self) -> Vec<String> {
        let labels = self
            .look("return [...document.querySelector('collab-widget').shadowRoot.querySelectorAll('.actions button')].map((b) => b.textContent)")
            .await;
        labels.as_array().into_iter().flatten().filter_map(|l| Some(l.as_str()?.to_owned())).collect()
    }

    /// Presses a button of the banner, as the mouse would.
    pub async fn press(&self, label: &str) {
        eventually!(self.banner_buttons().await, |labels| labels.iter().any(|l| l == label));
        let script = "return [...document.querySelector('collab-widget').shadowRoot.querySelectorAll('.actions button')].find((b) => b.textContent === arguments[0])";
        let element = self.js(script, vec![json!(label)]).await;
        let element: fantoccini::elements::Element = self.element(element);
        element.click().await.unwrap();
    }

    pub fn element(&self, reference: Value) -> fantoccini::elements::Element {
        let id = reference.as_object().and_then(|o| o.values().next()?.as_str().map(str::to_owned));
        let id = id.unwrap_or_else(|| panic!("no element: {reference}"));
        fantoccini::elements::Element::from_element_id(self.client.clone(), id.into())
    }

    pub async fn value(&self, field: &str) -> String {
        let script = format!("return document.querySelector('[name=\"{field}\"]')?.value ?? null");
        self.look(&script).await.as_str().unwrap_or_default().to_owned()
    }

    /// Empties a field and types into it, key by key.
    pub async fn enter(&self, selector: &str, text: &str) {
        let field =
            self.client.find(Locator::Css(selector)).await.unwrap_or_else(|e| panic!("{selector}: {e}"));
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    pub async fn enter_field(&self, name: &str, text: &str) {
        self.enter(&format!("[name=\"{name}\"]"), text).await;
    }

    pub async fn choose_file(&self, name: &str, file: &Path) {
        let input = self.client.find(Locator::Css(&format!("[type=file][name=\"{name}\"]"))).await.unwrap();
        input.send_keys(file.to_str().unwrap()).await.unwrap();
    }

    pub async fn click(&self, selector: &str) {
        let element =
            self.client.find(Locator::Css(selector)).await.unwrap_or_else(|e| panic!("{selector}: {e}"));
        element.click().await.unwrap_or_else(|e| panic!("{selector}: {e}"));
    }

    /// Presses one of Django's save buttons.
    pub async fn save(&self, button: &str) {
        self.click(&format!(".submit-row [name=\"{button}\"]")).await;
    }

    /// Leaves a mark in the page that no reload survives.
    pub async fn mark(&self) {
        self.js("window.__mark = true", vec![]).await;
    }

    pub async fn is_marked(&self) -> bool {
        self.look("return window.__mark === true").await == true
    }

    /// Can this field be changed?
    pub async fn is_editable(&self, name: &str) -> bool {
        let script = format!(
            "const e = document.querySelector('[name=\"{name}\"]'); return !e.readOnly && !e.matches(':disabled')"
        );
        self.look(&script).await == true
    }

    /// What the console has said since it was last asked.
    pub async fn console(&self) -> Vec<String> {
        let log = self.client.issue_cmd(ReadConsole).await.unwrap_or_default();
        let line = |entry: &Value| {
            format!(
                "{}: {}",
                entry["level"].as_str().unwrap_or_default(),
                entry["message"].as_str().unwrap_or_default()
            )
        };
        log.as_array().into_iter().flatten().map(line).collect()
    }

    pub async fn screenshot(&self, file: &Path) {
        if let Ok(png) = self.client.screenshot().await {
            let _ = std::fs::create_dir_all(file.parent().unwrap());
            let _ = std::fs::write(file, png);
        }
    }
}
