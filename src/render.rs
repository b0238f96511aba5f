//! Change forms and other admin pages on their way out: the widget goes in, and what the page tells is kept.
//!
//! Owns what is put into which page: all of it into a change form; only the token into the form that brings back an
//! older version, and into the one that deletes. Reading and changing the bytes is `django::page`'s.

pub(crate) mod before;

use std::io::Read;
use std::sync::Arc;
use std::task::{Context, Waker};

use http_body_util::BodyExt;
use hyper::Response;
use hyper::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, HeaderValue, LAST_MODIFIED,
};

use crate::app::App;
use crate::assets;
use crate::collab::record::{Millis, PageId};
use crate::django::base::unpack;
use crate::django::compare::Current;
use crate::django::csp;
use crate::django::fields::Kind;
use crate::django::form::TOKEN_FIELD;
use crate::django::language::Language;
use crate::django::object::ObjectKey;
use crate::django::page::{Base, Field, Insert, Learned, Page, encoding_of};
use crate::django::route::{Route, View, route_write};
use crate::django::watch::hidden;
use crate::http::body::Body;
use crate::http::rewriting::{Packing, Rewriting};
use crate::identity::Who;
use crate::token::shown::ShownFields;
use crate::token::{Claims, JoinClaims};

/// One rendering of a page that writes an object.
#[derive(Clone)]
pub struct Rendering {
    pub object: ObjectKey,
    pub view: View,
    pub who: Who,
    pub page: PageId,
    /// What the object was at when Django was asked; never what it is at when Django has answered.
    pub version: Millis,
    pub now: Millis,
    /// Carried: the form came back with what was typed, and nothing of it is saved yet.
    pub base: Base,
    /// The person's pages whose saves went well: what was typed there is no draft any more.
    pub saved_pages: Vec<PageId>,
    /// The admin's root as the page's address has it: `/de/admin/`.
    pub root: String,
    /// HTML before the form, for people to read; may be empty.
    pub notice: String,
}

/// A form that is read but not shown; Django's largest are far below this.
const FORM_LIMIT: usize = 16 * 1024 * 1024;

const POLICIES: [HeaderName; 2] = [
    HeaderName::from_static("content-security-policy"),
    HeaderName::from_static("content-security-policy-report-only"),
];

/// Describes the bytes that Django sent, not the ones that leave.
const OF_THE_BYTES: [HeaderName; 7] = [
    CONTENT_LENGTH,
    ETAG,
    LAST_MODIFIED,
    ACCEPT_RANGES,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

/// Asks Django for a page that can be read: whole, and not packed.
pub fn ask_plainly(request: &mut HeaderMap) {
    use hyper::header::{
        ACCEPT_ENCODING, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
    };
    for name in [IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE] {
        request.remove(name);
    }
    request.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
}

/// The headers of a person's request, made fit for a look at another page of theirs.
pub fn eyes(request: &HeaderMap) -> HeaderMap {
    use hyper::header::{ACCEPT, CONTENT_ENCODING, EXPECT, ORIGIN, TRANSFER_ENCODING};
    let mut headers = request.clone();
    for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, TRANSFER_ENCODING, EXPECT, ORIGIN] {
        headers.remove(name);
    }
    headers.remove("x-requested-with");
    headers.insert(ACCEPT, HeaderValue::from_static("text/html"));
    ask_plainly(&mut headers);
    headers
}

/// What an object's page shows, without showing it to anybody. Its Set-Cookie goes nowhere.
pub async fn read_form(app: &App, answer: Response<Body>) -> Option<(Learned, Current)> {
    let (encoding, packing) = readable(&answer)?;
    let read = http_body_util::Limited::new(answer.into_body(), FORM_LIMIT).collect().await.ok()?.to_bytes();
    let html = match packing {
        Packing::Plain => read.to_vec(),
        Packing::Gzip => {
            let mut plain = Vec::new();
            let limit = u64::try_from(FORM_LIMIT).unwrap_or(u64::MAX);
            flate2::read::MultiGzDecoder::new(read.as_ref()).take(limit).read_to_end(&mut plain).ok()?;
            plain
        }
    };
    Some(Page::read(&app.themes, encoding, &html))
}

/// An answer that may be read: 200, HTML, in a character set and a packing that are understood.
pub(crate) fn readable(answer: &Response<Body>) -> Option<(lol_html::AsciiCompatibleEncoding, Packing)> {
    if answer.status() != hyper::StatusCode::OK {
        return None;
    }
    let text = |name| answer.headers().get(name).map(HeaderValue::to_str).transpose().ok();
    let kind = text(CONTENT_TYPE)??;
    if !kind.trim_start().to_ascii_lowercase().starts_with("text/html") {
        return None;
    }
    Some((encoding_of(kind)?, Packing::of(text(CONTENT_ENCODING)?)?))
}

/// The page with our pieces in it, and true; or the answer as it came, if it is no page that can be changed.
pub fn object_page(app: &Arc<App>, answer: Response<Body>, rendering: Rendering) -> (Response<Body>, bool) {
    match rewriting(app, answer, rendering) {
        Ok((answer, page)) => (answer.map(|()| Body::Page(Box::new(page))), true),
        Err(answer) => (*answer, false),
    }
}

/// The pieces of a page that is being rewritten, for those who look into it before it leaves.
pub fn rewriting(
    app: &Arc<App>,
    answer: Response<Body>,
    rendering: Rendering,
) -> Result<(Response<()>, Rewriting), Box<Response<Body>>> {
    let Some((encoding, packing)) = readable(&answer) else {
        return Err(Box::new(answer));
    };
    let (mut parts, body) = answer.into_parts();
    prepare(&mut parts.headers, packing);
    let page = match rendering.view {
        View::Change => {
            let nonce = nonce(&parts.headers);
            let before = format!("{}{}", rendering.notice, before::place(app, policies(&parts.headers)));
            open_socket(&mut parts.headers);
            Page::new(&app.themes, encoding, Some(insert(app, &rendering, before, nonce)))
        }
        View::Delete => {
            let (prefixes, object) = (app.prefixes.clone(), rendering.object.clone());
            let ours = move |path: &str| matches!(route_write(&prefixes, path), Route::Object { key, .. } if key == object);
            Page::confirming(&app.themes, encoding, token_field(app, claims(&rendering)), ours)
        }
        View::Version | View::Other => {
            // What it shows is not what the object was when it was opened, so there is nothing to compare with.
            let (field, base) = (token_field(app, claims(&rendering)), Base::Carried(None));
            Page::new(
                &app.themes,
                encoding,
                Some(Insert { before: String::new(), field, base, tail: Box::new(|_, _| None) }),
            )
        }
    };
    let done = learn(app, rendering.who, Some(rendering.object));
    let page = Rewriting::new(body, page, packing, false, done);
    Ok((Response::from_parts(parts, ()), page))
}

/// Headers of a page that is being changed.
pub(crate) fn prepare(headers: &mut HeaderMap, packing: Packing) {
    for name in &OF_THE_BYTES {
        headers.remove(name);
    }
    if packing != Packing::Plain {
        headers.remove(CONTENT_ENCODING);
    }
    // The page holds a token of one person's; Django says the same of its own accord.
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, private"));
    }
}

fn policies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let policies = POLICIES.into_iter().flat_map(|name| headers.get_all(name));
    policies.filter_map(|policy| policy.to_str().ok())
}

/// The nonce that our scripts need on this page, if its policies ask for one.
pub(crate) fn nonce(headers: &HeaderMap) -> Option<String> {
    csp::nonce(policies(headers))
}

fn nonce_attribute(nonce: Option<&str>) -> String {
    nonce.map_or_else(String::new, |n| format!(" nonce=\"{}\"", html_escape::encode_quoted_attribute(n)))
}

/// Lets the page talk to us, where its policy would not.
pub(crate) fn open_socket(headers: &mut HeaderMap) {
    for name in &POLICIES {
        let old: Vec<HeaderValue> = headers.get_all(name).iter().cloned().collect();
        let new = old.iter().map(|v| v.to_str().ok().and_then(csp::with_socket));
        let new: Vec<Option<String>> = new.collect();
        if new.iter().all(Option::is_none) {
            continue;
        }
        headers.remove(name);
        for (old, new) in old.into_iter().zip(new) {
            let value = new.and_then(|n| HeaderValue::from_str(&n).ok()).unwrap_or(old);
            headers.append(name, value);
        }
    }
}

fn claims(rendering: &Rendering) -> Claims {
    let Rendering { object, who, page, version, now, .. } = rendering;
    who.claims(object.clone(), page.clone(), *version, *now)
}

/// The field with the page's token, which says what language the page speaks.
fn token_field(app: &Arc<App>, claims: Claims) -> Field {
    let key = app.identity.key().clone();
    Box::new(move |lang| {
        let claims = Claims { language: Language::parse(lang), ..claims.clone() };
        hidden(TOKEN_FIELD, &key.sign(&claims))
    })
}

fn insert(app: &Arc<App>, rendering: &Rendering, before: String, nonce: Option<String>) -> Insert {
    let claims = claims(rendering);
    let (shown, app) = (rendering.clone(), Arc::clone(app));
    Insert {
        before,
        field: token_field(&app, claims.clone()),
        base: rendering.base.clone(),
        tail: Box::new(move |learned, fields| {
            Some(tail(&app, shown, claims, learned, ShownFields::of(fields.iter().copied()), nonce))
        }),
    }
}

/// What the form showed before Django gave it back with errors, for drafts: `[[name, value, words], …]`.
fn shown_before(base: &Base) -> Option<Vec<(String, String, String)>> {
    let Base::Carried(Some(base)) = base else {
        return None;
    };
    let fields = unpack(base)?.fields.into_iter().filter(|f| f.kind != Kind::Hidden);
    Some(fields.flat_map(|f| f.values.into_iter().map(move |v| (f.name.clone(), v.0, v.1))).collect())
}

/// The data block and the script at the end of the page.
fn tail(
    app: &App,
    shown: Rendering,
    mut claims: Claims,
    learned: &Learned,
    fields: ShownFields,
    nonce: Option<String>,
) -> String {
    let Rendering { who, base, saved_pages, root, .. } = shown;
    let name = learned.name.clone().unwrap_or_else(|| who.shown_name());
    claims.language = Language::parse(&learned.lang);
    claims.join = Some(JoinClaims {
        can_edit: learned.can_edit,
        name: name.clone(),
        root: root.clone(),
        shown: fields,
    });
    let config = serde_json::json!({
        "socket": app.socket_path(&claims.object),
        "token": app.identity.key().sign(&claims),
        "object": claims.object.to_string(),
        "page_id": claims.page,
        "user": {
            "user_id": app.identity.key().public_id(&claims.user),
            "name": name,
            // By these the browser finds its drafts again after a restart of the proxy.
            "session": claims.session,
            "known": claims.user.is_known(),
        },
        "can_edit": learned.can_edit,
        "version": claims.version,
        "form": learned.form.as_deref().filter(|id| !id.is_empty()),
        "unsaved": base != Base::Shown,
        "base": shown_before(&base),
        "saved_pages": saved_pages,
        "root": root,
        "mode": "lock",
        "readonly": app.themes.readonly,
        "add_row": app.themes.add_row,
        "remove_row": app.themes.remove_row,
        "rich": app.themes.rich,
        "chat": app.hub.sharing().chat.is_some(),
        "sound": app.hub.sharing().sound,
        "live": app.hub.shares_live(&claims.object),
        "texts": app.texts.of(&learned.lang),
    });
    // `<` would let a text end the data block.
    let config = config.to_string().replace('<', "\\u003c");
    let nonce = nonce_attribute(nonce.as_deref());
    let folder = format!("{}{}", app.own_prefix, assets::folder());
    format!(
        "<script type=\"application/json\" id=\"collab-config\">{config}</script>\
         <script type=\"module\" src=\"{folder}main.js\"{nonce}></script>"
    )
}

/// An admin page of a person whose name is not known yet: read, and passed on byte for byte.
pub fn tapped(app: &Arc<App>, answer: Response<Body>, who: Who) -> Response<Body> {
    match readable(&answer) {
        Some((encoding, Packing::Plain)) => {
            let page = Page::new(&app.themes, encoding, None);
            let done = learn(app, who, None);
            answer.map(|body| Body::Page(Box::new(Rewriting::new(body, page, Packing::Plain, true, done))))
        }
        _ => answer,
    }
}

/// Keeps what a page told, when it is over.
pub(crate) fn learn(app: &Arc<App>, who: Who, object: Option<ObjectKey>) -> Box<dyn FnOnce(Learned) + Send> {
    let app = Arc::clone(app);
    Box::new(move |learned| {
        if let Some(object) = object {
            app.learn_passwords(&object, &learned);
        }
        if let Some(name) = learned.name {
            // Known before the page is whole, where the store answers at once: the next request may follow closely.
            let mut keeping = Box::pin(async move { app.identity.named(&who, &name).await });
            if keeping.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                tokio::spawn(keeping);
            }
        }
    })
}
