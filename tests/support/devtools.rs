//! Commands of Chromium's own, for what WebDriver has no words for.

use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};

use super::browser::Browser;

#[derive(Debug)]
struct Devtools(&'static str, Value);

impl WebDriverCompatibleCommand for Devtools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (hyper::Method, Option<String>) {
        (hyper::Method::POST, Some(json!({"cmd": self.0, "params": self.1}).to_string()))
    }
}

pub async fn devtools(browser: &Browser, command: &'static str, params: Value) {
    browser.client().issue_cmd(Devtools(command, params)).await.unwrap();
}

/// A page of this width: no window of Chromium's gets as narrow as a phone.
pub async fn sized(browser: &Browser, width: u32) {
    let size = json!({"width": width, "height": 740, "deviceScaleFactor": 1, "mobile": width < 500});
    devtools(browser, "Emulation.setDeviceMetricsOverride", size).await;
}

/// Pages of this browser cannot load what these patterns match.
pub async fn block(browser: &Browser, patterns: &[&str]) {
    devtools(browser, "Network.enable", json!({})).await;
    devtools(browser, "Network.setBlockedURLs", json!({"urls": patterns})).await;
}

/// What its pages are told of the device.
pub async fn claims_to_be_a_phone(browser: &Browser) {
    let agent = browser.look("return navigator.userAgent").await;
    let device = json!({"platform": "Android", "platformVersion": "16", "architecture": "", "model": "", "mobile": true});
    devtools(
        browser,
        "Emulation.setUserAgentOverride",
        json!({"userAgent": agent, "userAgentMetadata": device}),
    )
    .await;
}
