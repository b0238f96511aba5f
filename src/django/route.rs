//! What a request path means to Django's admin.
//!
//! Owns the reading of URLs; the path that goes upstream is never this reading but the bytes that came.
//! Source of the patterns: `ModelAdmin.get_urls`, `AdminSite.get_urls`, `UserAdmin.get_urls`.

use super::object::{ObjectKey, decode_path, unquote};

/// An admin root such as `/admin/` or `/{lang}/admin/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Text(String),
    Language,
}

impl Prefix {
    pub fn parse(text: &str) -> Result<Self, String> {
        let inner = text.trim_matches('/');
        if inner.is_empty() || inner.contains("//") || text.contains(['?', '#', ' ']) {
            return Err("expected the path of an admin, such as /admin/ or /{lang}/admin/".to_owned());
        }
        let segments = inner
            .split('/')
            .map(|s| match s {
                "{lang}" => Segment::Language,
                s => Segment::Text(s.to_owned()),
            })
            .collect();
        Ok(Self { segments })
    }

    /// The part of `path` below this root, and the root itself, if `path` is below it.
    fn split<'p>(&self, path: &'p str) -> Option<(&'p str, &'p str)> {
        let mut rest = path.strip_prefix('/')?;
        for segment in &self.segments {
            let (head, tail) = rest.split_once('/')?;
            match segment {
                Segment::Text(text) if text == head => {}
                Segment::Language if is_language(head) => {}
                _ => return None,
            }
            rest = tail;
        }
        Some((&path[..path.len() - rest.len()], rest))
    }

    /// The root without a language, if it has none: where the widget's own paths can hang.
    pub fn fixed(&self) -> Option<String> {
        let mut out = String::from("/");
        for segment in &self.segments {
            let Segment::Text(text) = segment else {
                return None;
            };
            out.push_str(text);
            out.push('/');
        }
        Some(out)
    }
}

/// `de`, `pt-br`, `zh-hans`: Django's language prefixes (`language_code_prefix_re`).
fn is_language(text: &str) -> bool {
    let mut parts = text.split(['-', '@']);
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.bytes().all(|b| b.is_ascii_alphabetic())
        && parts.all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The page of an object that a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    Change,
    Delete,
    /// `history/7/`: the object's form with an older version in it, which saving brings back (django-reversion,
    /// django-simple-history).
    Version,
    /// `password/`, `permissions/…`, `actions/…`: whatever else a package hangs below an object.
    Other,
}

impl View {
    /// What is posted there comes from the object's own form.
    pub fn has_form(self) -> bool {
        matches!(self, Self::Change | Self::Version)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Something of one object.
    Object { key: ObjectKey, view: View },
    /// The changelist of a model.
    List,
    /// `…/login/` of the admin.
    Login,
    /// `…/logout/`.
    Logout,
    /// Any other page below an admin root, which may show who is signed in.
    Admin,
    /// Not the admin.
    Outside,
}

/// Names that stand where a key would, but are not one (Django's and well-known packages').
const NOT_A_KEY: &[&str] = &[
    "add",
    "autocomplete",
    "jsi18n",
    "import",
    "process_import",
    "export",
    "recover",
    "move",
    "adminsortable2_update",
];

/// First segments below the root that are not an app.
const SITE_VIEWS: &[&str] = &["password_change", "autocomplete", "jsi18n", "r", "collaboration"];

/// The meaning of `path`, as the bytes came.
pub fn route(prefixes: &[Prefix], path: &str) -> Route {
    let decoded = decode_path(path);
    prefixes.iter().find_map(|p| p.split(&decoded)).map_or(Route::Outside, |(_, rest)| below_root(rest))
}

/// As [`route`], for a write: a path that Django would not resolve, but that something between us and Django
/// may straighten (`//`, `/./`, `/../`), counts as the object it would become. That can only guard too much.
pub fn route_write(prefixes: &[Prefix], path: &str) -> Route {
    match route(prefixes, path) {
        found @ (Route::Object { .. } | Route::List | Route::Login | Route::Logout) => found,
        other => match route(prefixes, &straightened(path)) {
            found @ (Route::Object { .. } | Route::List) => found,
            _ => other,
        },
    }
}

/// The admin root that `path` is below, as it came: `/de/admin/`.
pub fn root_of<'p>(prefixes: &[Prefix], path: &'p str) -> Option<&'p str> {
    prefixes.iter().find_map(|p| p.split(path)).map(|(root, _)| root)
}

/// The admin root of a write, however its path is written (see [`route_write`]).
pub fn root_of_write(prefixes: &[Prefix], path: &str) -> Option<String> {
    let path = path.split('?').next().unwrap_or_default();
    let mut ways = [path.to_owned(), decode_path(path), straightened(path)].into_iter();
    ways.find_map(|path| root_of(prefixes, &path).map(str::to_owned))
}

/// What stands below the admin root, decoded; straightened where the path as it came means nothing (see
/// [`route_write`]).
pub(super) fn below(prefixes: &[Prefix], path: &str) -> Option<String> {
    let mut ways = [decode_path(path), decode_path(&straightened(path))].into_iter();
    ways.find_map(|path| {
        let (_, rest) = prefixes.iter().find_map(|p| p.split(&path))?;
        (below_root(rest) == Route::List).then(|| rest.to_owned())
    })
}

fn below_root(rest: &str) -> Route {
    match rest {
        "login/" => return Route::Login,
        "logout/" => return Route::Logout,
        _ => {}
    }
    let mut parts = rest.splitn(3, '/');
    let (Some(app), Some(model), Some(tail)) = (parts.next(), parts.next(), parts.next()) else {
        return Route::Admin;
    };
    if app.is_empty() || model.is_empty() || SITE_VIEWS.contains(&app) {
        return Route::Admin;
    }
    if tail.is_empty() {
        return Route::List;
    }
    match object_view(tail) {
        Some((pk, view)) => Route::Object { key: ObjectKey::new(app, model, &unquote(pk)), view },
        None => Route::Admin,
    }
}

/// `tail` is what follows `app/model/`. Django's own patterns take everything before the last `/change/` as
/// the key (`<path:object_id>` matches slashes); anything else hangs below the first segment.
fn object_view(tail: &str) -> Option<(&str, View)> {
    for (suffix, view) in [("/change/", View::Change), ("/delete/", View::Delete), ("/history/", View::Other)]
    {
        if let Some(pk) = tail.strip_suffix(suffix) {
            return (!pk.is_empty()).then_some((pk, view));
        }
    }
    let (pk, below) = tail.split_once('/')?;
    // `<pk>/` alone only redirects; Django drops the body of a POST to it.
    let view = if below.starts_with("history/") { View::Version } else { View::Other };
    (!pk.is_empty() && !below.is_empty() && !NOT_A_KEY.contains(&pk)).then_some((pk, view))
}

/// The path with empty, `.` and `..` segments worked off, as nginx's `merge_slashes` and RFC 3986 5.2.4 do.
fn straightened(path: &str) -> String {
    let decoded = decode_path(path);
    let mut out: Vec<&str> = Vec::new();
    for segment in decoded.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                out.pop();
            }
            s => out.push(s),
        }
    }
    // The text is decoded already; encode the one character that decoding twice would change.
    format!("/{}/", out.join("/").replace('%', "%25"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes() -> Vec<Prefix> {
        ["/admin/", "/{lang}/admin/"].iter().map(|p| Prefix::parse(p).unwrap()).collect()
    }

    fn object(path: &str) -> Option<(String, View)> {
        match route_write(&prefixes(), path) {
            Route::Object { key, view } => Some((key.to_string(), view)),
            _ => None,
        }
    }

    #[test]
    fn object_paths() {
        for (path, key, view) in [
            ("/admin/shop/product/3/change/", "shop.product/3", View::Change),
            ("/admin/shop/product/03/change/", "shop.product/3", View::Change),
            ("/admin/shop/product/%31/change/", "shop.product/1", View::Change),
            ("/admin/shop/product/1%20/change/", "shop.product/1", View::Change),
            ("/admin/shop/product/%EF%BC%91/change/", "shop.product/1", View::Change),
            ("/%61dmin/shop/product/1/change/", "shop.product/1", View::Change),
            ("/de/admin/shop/product/3/change/", "shop.product/3", View::Change),
            ("/pt-br/admin/shop/product/3/delete/", "shop.product/3", View::Delete),
            ("/admin/shop/part/a_2Fb_5Fc%20d_2Be_25%C3%A9/change/", "shop.part/a/b_c d+e%é", View::Change),
            ("/admin/shop/part/a/b_c%20d+e%25%C3%A9/change/", "shop.part/a/b_c d+e%é", View::Change),
            ("/admin/auth/user/5/password/", "auth.user/5", View::Other),
            ("/admin/shop/product/3/history/7/", "shop.product/3", View::Version),
            ("/admin/shop/product/3/history/", "shop.product/3", View::Other),
            ("/admin/shop/product/3/actions/publish/", "shop.product/3", View::Other),
            ("/admin/shop/product/3/change/delete-translation/de/", "shop.product/3", View::Other),
            ("/admin//shop/product/3/change/", "shop.product/3", View::Change),
            ("/x/../admin/shop/./product/3/change/", "shop.product/3", View::Change),
            ("/admin/shop/product/3/change", "shop.product/3", View::Other),
            (
                "/admin/shop/document/7B2C1D3E4F5061728394A5B6C7D8E9F0/change/",
                "shop.document/7b2c1d3e-4f50-6172-8394-a5b6c7d8e9f0",
                View::Change,
            ),
        ] {
            assert_eq!(object(path), Some((key.to_owned(), view)), "{path}");
        }
    }

    #[test]
    fn other_paths() {
        for (path, want) in [
            ("/", Route::Outside),
            ("/administration/shop/product/3/change/", Route::Outside),
            ("/deutsch/admin/shop/product/3/change/", Route::Outside),
            ("/admin", Route::Outside),
            ("/admin/", Route::Admin),
            ("/admin/login/", Route::Login),
            ("/de/admin/logout/", Route::Logout),
            ("/admin/shop/", Route::Admin),
            ("/admin/shop/product/", Route::List),
            ("/admin/shop/product/add/", Route::Admin),
            ("/admin/shop/product/import/x/", Route::Admin),
            ("/admin/shop/product/3/", Route::Admin),
            ("/admin/password_change/done/", Route::Admin),
            ("/admin/r/3/17/", Route::Admin),
        ] {
            assert_eq!(route(&prefixes(), path), want, "{path}");
        }
    }

    #[test]
    fn prefixes_are_checked() {
        assert!(Prefix::parse("/").is_err());
        assert!(Prefix::parse("/a b/").is_err());
        assert_eq!(Prefix::parse("backoffice").unwrap().fixed().as_deref(), Some("/backoffice/"));
        assert_eq!(Prefix::parse("/{lang}/admin").unwrap().fixed(), None);
    }

    proptest::proptest! {
        #[test]
        fn no_path_panics(path in "\\PC*", tail in "[a-z0-9/%._-]*") {
            route_write(&prefixes(), &path);
            route_write(&prefixes(), &format!("/admin/{tail}"));
        }
    }
}
