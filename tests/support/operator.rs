//! What an operator sees of a built proxy: its listener, its log line by line, its audit trail.

use std::path::Path;

use hyper::Method;
use serde_json::Value;

use super::http::{Answer, send};
use super::proc::{Said, run};
use super::prometheus::Scrape;
use super::proxy::{Proxy, binary};

pub const LISTENS: &str = "[operator]\nlisten = \"127.0.0.1:0\"\n";

/// Where the proxy says that it tells of its health.
pub fn address(proxy: &Proxy) -> String {
    let log = proxy.log();
    let line = log.lines().find_map(|line| line.trim().strip_prefix("health at     http://"));
    line.unwrap_or_else(|| panic!("no operator's listener:\n{log}")).to_owned()
}

pub async fn ask(proxy: &Proxy, path: &str) -> Answer {
    send(&address(proxy), Method::GET, path, &[], Vec::new()).await.unwrap()
}

pub async fn scrape(proxy: &Proxy) -> Scrape {
    Scrape::read(&ask(proxy, "/metrics").await.expect(200).text())
}

/// `collab-proxy healthcheck`, as a container calls it.
pub fn healthcheck(operator: &str) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let mut check = binary(folder.path());
    check.args(["healthcheck", "--operator", operator]);
    run(check)
}

/// The lines of a log in JSON. What the proxy says at its start is no log.
pub fn log(proxy: &Proxy) -> Vec<Value> {
    let text = proxy.log();
    let lines = text.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// A trail's lines.
pub fn trail(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}
