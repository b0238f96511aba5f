//! The widget's files, compiled in, at addresses that hold their hash: cached for ever, never stale.

pub mod catalog;
pub mod texts;

use bytes::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

use crate::http::body::Body;
use crate::http::headers;

/// The themes, for the rewriter and the widget.
pub const THEMES: &str = include_str!("../../assets/themes.toml");
/// The page that a refused save gets.
pub const KEPT_PAGE: &str = include_str!("../../assets/pages/kept.html");
/// The page that a refused POST to a list gets.
pub const ROWS_PAGE: &str = include_str!("../../assets/pages/rows.html");
/// The page for everything else that goes wrong.
pub const ERROR_PAGE: &str = include_str!("../../assets/pages/error.html");

/// A file as assets/build/main.rs has made it: plain, and gzipped.
struct Asset {
    plain: &'static [u8],
    gzip: &'static [u8],
}

macro_rules! files {
    ($($name:literal),*) => {
        [$(($name, Asset {
            plain: include_bytes!(concat!(env!("OUT_DIR"), "/", $name)),
            gzip: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz")),
        })),*]
    };
}

/// What pages load.
static FILES: [(&str, Asset); 6] =
    files!["main.js", "together.js", "list.js", "kept.js", "rows.js", "place.css"];

/// Of what all files hold.
const HASH: &str = env!("WIDGET_HASH");

/// `assets/<hash>/`, below our own prefix.
pub fn folder() -> String {
    format!("assets/{HASH}/")
}

/// `path` is what follows our own prefix.
pub fn serve(path: &str, request: &HeaderMap) -> Option<Response<Body>> {
    let name = path.strip_prefix("assets/")?.strip_prefix(HASH)?.strip_prefix('/')?;
    let (_, asset) = FILES.iter().find(|(file, _)| *file == name)?;
    let gzip = headers::lists(request, &ACCEPT_ENCODING, "gzip");
    let body = if gzip { asset.gzip } else { asset.plain };
    let mut answer = Response::new(Body::bytes(Bytes::from_static(body)));
    *answer.status_mut() = StatusCode::OK;
    let headers = answer.headers_mut();
    let kind =
        if name.ends_with(".css") { "text/css; charset=utf-8" } else { "text/javascript; charset=utf-8" };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Some(answer)
}

// It belongs to the build, which has no tests of its own.
#[cfg(test)]
#[path = "../../assets/build/bundle.rs"]
mod bundle;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_are_found_by_their_hash_only() {
        let main = format!("{}main.js", folder());
        let answer = serve(&main, &HeaderMap::new()).unwrap();
        assert_eq!(answer.headers()[CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert!(serve("assets/0123456789abcdef/main.js", &HeaderMap::new()).is_none());
        assert!(serve(&format!("{}../main.js", folder()), &HeaderMap::new()).is_none());
    }

    /// What the bundler understands is how our files are written.
    #[test]
    fn every_file_is_written_as_the_bundler_reads_it() {
        let widget = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/widget");
        let mut parts = 0;
        for file in std::fs::read_dir(&widget).unwrap() {
            let file = file.unwrap().path();
            let text = std::fs::read_to_string(&file).unwrap();
            let name = file.display();
            for (_, module) in text.lines().filter_map(bundle::import) {
                assert!(widget.join(format!("{module}.js")).exists(), "{name}: {module}");
                parts += 1;
            }
            let odd = |line: &&str| {
                let imports = line.starts_with("import ") && bundle::import(line).is_none();
                let starts = ["function ", "async function ", "class ", "const "];
                let exports =
                    line.strip_prefix("export ").is_some_and(|l| !starts.iter().any(|s| l.starts_with(s)));
                imports || exports || line.contains(" import('")
            };
            assert_eq!(text.lines().find(odd), None, "{name}");
        }
        assert!(parts > 30, "{parts}");
    }

    /// All that a change form ever loads, faces and conversations included.
    #[test]
    fn what_a_page_loads_is_small_and_whole() {
        let size = |wanted: &str| {
            let (_, asset) = FILES.iter().find(|(name, _)| *name == wanted).unwrap();
            let mut plain = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(asset.gzip), &mut plain).unwrap();
            assert!(!plain.is_empty() && plain == asset.plain, "{wanted}");
            asset.gzip.len()
        };
        let (main, together, place) = (size("main.js"), size("together.js"), size("place.css"));
        assert!(main + together + place <= 30 * 1024, "{main} + {together} + {place} bytes gzipped");
        for alone in ["list.js", "kept.js", "rows.js"] {
            assert!(size(alone) <= 10 * 1024, "{alone}");
        }
    }
}
