//! The widget's files, compiled in, at addresses that hold their hash: cached for ever, never stale.

use std::collections::{BTreeSet, HashMap};
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
pub const THEMES: &str = include_str!("../assets/themes.toml");
/// The page that a refused save gets.
pub const KEPT_PAGE: &str = include_str!("../assets/pages/kept.html");
/// The page that a refused POST to a list gets.
pub const ROWS_PAGE: &str = include_str!("../assets/pages/rows.html");
/// The page for everything else that goes wrong.
pub const ERROR_PAGE: &str = include_str!("../assets/pages/error.html");

struct Asset {
    kind: HeaderValue,
    plain: Bytes,
    gzip: Bytes,
    /// The modules that a script names in its imports.
    imports: Vec<String>,
}

pub struct Assets {
    hash: String,
    files: HashMap<String, Asset>,
}

impl Assets {
    pub fn load() -> Self {
        let mut files = HashMap::new();
        let mut hash = Sha256::new();
        let mut names: Vec<String> = Files::iter().map(|n| n.to_string()).collect();
        names.sort();
        for name in &names {
            let Some(file) = Files::get(name) else {
                continue;
            };
            hash.update(name.as_bytes());
            hash.update(&file.data);
            let data =
                if name.ends_with(".js") { without_comments(&file.data) } else { file.data.into_owned() };
            let kind = match name.rsplit_once('.') {
                Some((_, "js")) => "text/javascript; charset=utf-8",
                Some((_, "css")) => "text/css; charset=utf-8",
                _ => "application/octet-stream",
            };
            let asset = Asset {
                kind: HeaderValue::from_static(kind),
                gzip: packed(&data).into(),
                imports: imports(&data),
                plain: Bytes::from(data),
            };
            files.insert(name.clone(), asset);
        }
        let hash = hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect();
        Self { hash, files }
    }

    /// `assets/<hash>/`, below our own prefix.
    pub fn folder(&self) -> String {
        format!("assets/{}/", self.hash)
    }

    /// The modules that an entry needs, so that a page can fetch them all at once.
    pub fn parts_of<'a>(&'a self, entry: &'a str) -> BTreeSet<&'a str> {
        let mut parts = BTreeSet::new();
        let mut open = vec![entry];
        while let Some(asset) = open.pop().and_then(|name| self.files.get(name)) {
            open.extend(asset.imports.iter().map(String::as_str).filter(|part| parts.insert(*part)));
        }
        parts
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

/// `import … from './name.js';`, a line each.
fn imports(script: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(script);
    let lines = text.lines().filter(|line| line.starts_with("import "));
    lines.filter_map(|line| Some(line.split_once("'./")?.1.split_once('\'')?.0.to_owned())).collect()
}

/// Lines that are comments stay at home: they are a quarter of what every browser would have to load.
fn without_comments(script: &[u8]) -> Vec<u8> {
    let lines = script.split_inclusive(|b| *b == b'\n');
    lines.filter(|line| !line.trim_ascii_start().starts_with(b"//")).flatten().copied().collect()
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

    #[test]
    fn a_page_fetches_what_its_script_imports() {
        let assets = Assets::load();
        assert!(assets.files.len() > 20);
        for (name, asset) in assets.files.iter().filter(|(name, _)| name.ends_with(".js")) {
            let text = std::str::from_utf8(&asset.plain).unwrap();
            assert_eq!(asset.imports.len(), text.matches(" from './").count(), "{name}");
            assert!(asset.imports.iter().all(|part| assets.files.contains_key(part)), "{name}");
        }
        let parts = assets.parts_of("main.js");
        assert!(parts.contains("draft.js") && parts.contains("inlines.js"), "{parts:?}");
        assert!(!parts.contains("list_rows.js"), "{parts:?}");
    }

    #[test]
    fn only_comments_are_left_out() {
        assert_eq!(
            without_comments(b"// a\nlet a = 1; // b\n  // c\nlet b;\n"),
            b"let a = 1; // b\nlet b;\n"
        );
        for name in Files::iter() {
            let text = String::from_utf8(Files::get(&name).unwrap().data.into_owned()).unwrap();
            let mut ticks = 0;
            for line in text.lines() {
                let comment = line.trim_start().starts_with("//");
                assert!(!comment || ticks % 2 == 0, "{name}: part of a text: {line}");
                ticks += if comment { 0 } else { line.matches('`').count() };
            }
        }
    }

    #[test]
    fn what_a_page_loads_is_small() {
        let assets = Assets::load();
        for entry in ["main.js", "kept.js", "list.js", "rows.js"] {
            let mut parts = assets.parts_of(entry);
            assert!(!parts.is_empty() && !parts.contains(entry), "{entry}: {parts:?}");
            parts.insert(entry);
            let total: usize = parts.iter().map(|name| assets.files[*name].gzip.len()).sum();
            assert!(total <= 32 * 1024, "{entry}: {total} bytes gzipped");
        }
    }
}
