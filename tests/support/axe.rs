//! axe-core: what people who cannot see, or not well, would stumble over.

use serde_json::{Value, json};

use super::browser::Browser;

/// axe-core, as the tests' Python package brings it.
fn axe() -> String {
    let lib = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/lib");
    let python =
        std::fs::read_dir(&lib).unwrap().next().expect("tests/setup/venv.sh has made a venv").unwrap();
    let file = python.path().join("site-packages/axe_playwright_python/axe.min.js");
    std::fs::read_to_string(&file)
        .unwrap_or_else(|e| panic!("{}: {e}; run tests/setup/venv.sh", file.display()))
}

/// Every element of ours that may stand on a page.
pub const OURS: &str = "collab-widget,collab-notice,collab-chat,collab-offer,collab-edge";

/// What axe has to say of our elements, or of the whole page. It is kept from fetching the page's style sheets
/// again (`preload`), which it does from wrong addresses.
pub async fn complaints(browser: &Browser, of: &str) -> Value {
    if browser.look("return typeof window.axe").await != "object" {
        browser.js(&axe(), vec![]).await;
    }
    let script = "const done = arguments[1]; const there = arguments[0].split(',').filter((s) => document.querySelector(s)); \
        axe.run({include: there.map((s) => [s])}, {resultTypes: ['violations'], preload: false}).then(({violations}) => \
        done(violations.map(({id, nodes}) => `${id}: ${nodes.map((n) => `${n.target.flat().join(' ')} ${n.failureSummary}`).join(' | ')}`)), (e) => done([String(e)]))";
    browser.client().execute_async(script, vec![json!(of)]).await.unwrap()
}
