//! The widget's files, compiled in, at addresses that hold their hash: cached for ever, never stale.

mod bundle;
pub mod catalog;
pub mod texts;

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use bytes::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use sha2::{Digest, Sha256};

use crate::http::body::Body;
use crate::http::headers;

#[derive(rust_embed::RustEmbed)]
#[folder = "assets/widget/"]
struct Files;

/// The themes, for the rewriter and the widget.
pub const THEMES: &str = include_str!("../../assets/themes.toml");
/// The page that a refused save gets.
pub const KEPT_PAGE: &str = include_str!("../../assets/pages/kept.html");
/// The page that a refused POST to a list gets.
pub const ROWS_PAGE: &str = include_str!("../../assets/pages/rows.html");
/// The page for everything else that goes wrong.
pub const ERROR_PAGE: &str = include_str!("../../assets/pages/error.html");

struct Asset {
    kind: HeaderValue,
    plain: Bytes,
    gzip: Bytes,
}

/// The scripts that pages load; everything else in the folder is part of one of them.
const ENTRIES: [&str; 5] = ["main", "together", "list", "kept", "rows"];

pub struct Assets {
    hash: String,
    files: HashMap<String, Asset>,
}

impl Asset {
    fn new(name: &str, data: Vec<u8>) -> Self {
        let kind = match name.rsplit_once('.') {
            Some((_, "js")) => "text/javascript; charset=utf-8",
            Some((_, "css")) => "text/css; charset=utf-8",
            _ => "application/octet-stream",
        };
        Self { kind: HeaderValue::from_static(kind), gzip: packed(&data).into(), plain: Bytes::from(data) }
    }
}

impl Assets {
    pub fn load() -> Self {
        let mut files = HashMap::new();
        let mut sources = BTreeMap::new();
        let mut hash = Sha256::new();
        let mut names: Vec<String> = Files::iter().map(|n| n.to_string()).collect();
        names.sort();
        for name in &names {
            let Some(file) = Files::get(name) else {
                continue;
            };
            hash.update(name.as_bytes());
            hash.update(&file.data);
            match name.strip_suffix(".js") {
                Some(stem) => {
                    sources.insert(stem.to_owned(), without_comments(&String::from_utf8_lossy(&file.data)));
                }
                None => {
                    files.insert(name.clone(), Asset::new(name, file.data.into_owned()));
                }
            }
        }
        for entry in ENTRIES {
            let name = format!("{entry}.js");
            let asset = Asset::new(&name, bundle::bundle(entry, &sources).into_bytes());
            files.insert(name, asset);
        }
        let hash = hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect();
        Self { hash, files }
    }

    /// `assets/<hash>/`, below our own prefix.
    pub fn folder(&self) -> String {
        format!("assets/{}/", self.hash)
    }

    /// `path` is what follows our own prefix.
    pub fn serve(&self, path: &str, request: &HeaderMap) -> Option<Response<Body>> {
        let name = path.strip_prefix("assets/")?.strip_prefix(self.hash.as_str())?.strip_prefix('/')?;
        let asset = self.files.get(name)?;
        let gzip = headers::lists(request, &ACCEPT_ENCODING, "gzip");
        let body = if gzip { &asset.gzip } else { &asset.plain };
        let mut answer = Response::new(Body::bytes(body.clone()));
        *answer.status_mut() = StatusCode::OK;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, asset.kind.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Some(answer)
    }
}

/// Comments and indentation stay at home: they are a third of what every browser would have to load.
fn without_comments(script: &str) -> String {
    // In a style sheet, the other kind.
    let remark = |line: &str| line.starts_with("//") || (line.starts_with("/*") && line.ends_with("*/"));
    let lines = script.lines().map(str::trim_start).filter(|line| !remark(line) && !line.is_empty());
    lines
        .flat_map(|line| {
            [
                line, "
",
            ]
        })
        .collect()
}

fn packed(data: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    // Writing to memory does not fail.
    let _ = packer.write_all(data);
    packer.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_are_found_by_their_hash_only() {
        let assets = Assets::load();
        let main = format!("{}main.js", assets.folder());
        let answer = assets.serve(&main, &HeaderMap::new()).unwrap();
        assert_eq!(answer.headers()[CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert!(assets.serve("assets/0123456789abcdef/main.js", &HeaderMap::new()).is_none());
        assert!(assets.serve(&format!("{}../main.js", assets.folder()), &HeaderMap::new()).is_none());
    }

    /// What the bundler understands is how our files are written.
    #[test]
    fn every_file_is_written_as_the_bundler_reads_it() {
        let mut parts = 0;
        for name in Files::iter().filter(|name| name.ends_with(".js")) {
            let text = String::from_utf8(Files::get(&name).unwrap().data.into_owned()).unwrap();
            let mut ticks = 0;
            for line in text.lines() {
                let comment = line.trim_start().starts_with("//");
                assert!(!comment || ticks % 2 == 0, "{name}: part of a text: {line}");
                ticks += if comment { 0 } else { line.matches('`').count() };
                if let Some((_, module)) = bundle::import(line) {
                    assert!(Files::get(&format!("{module}.js")).is_some(), "{name}: {line}");
                    parts += 1;
                }
            }
            let plain = without_comments(&text);
            let odd = |line: &&str| {
                let imports = line.starts_with("import ") && bundle::import(line).is_none();
                let starts = ["function ", "async function ", "class ", "const "];
                let exports =
                    line.strip_prefix("export ").is_some_and(|l| !starts.iter().any(|s| l.starts_with(s)));
                imports || exports || line.contains(" import('")
            };
            assert_eq!(plain.lines().find(odd), None, "{name}");
        }
        assert!(parts > 30, "{parts}");
    }

    #[test]
    fn what_a_page_loads_is_small_and_whole() {
        let assets = Assets::load();
        for entry in ENTRIES {
            let asset = &assets.files[&format!("{entry}.js")];
            let text = std::str::from_utf8(&asset.plain).unwrap();
            assert!(!text.contains("import {"), "{entry}");
            assert_eq!(text.contains("export "), entry == "together", "{entry}");
            assert!(asset.gzip.len() <= 30 * 1024, "{entry}: {} bytes gzipped", asset.gzip.len());
        }
        assert!(std::str::from_utf8(&assets.files["main.js"].plain).unwrap().contains("const $draft = "));
    }
}
