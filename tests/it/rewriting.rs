//! The rewriter over pages as Django makes them and as nobody should: everything but our two pieces stays.

use std::path::Path;

use collab_proxy::assets::THEMES;
use collab_proxy::django::page::{Base, Insert, Learned, Page, encoding_of};
use collab_proxy::django::theme::Themes;
use collab_proxy::django::watch::withhold;
use http_body_util::BodyExt;
use hyper::Response;
use proptest::prelude::*;

use crate::upstream::{Front, Upstream, body, full, header, html_of, status};

const BEFORE: &str = "<place>";
const FIELD: &str = "<input type=\"hidden\" name=\"_collab\" value=\"T\">";
const BASE: &str = "<input type=\"hidden\" name=\"_collab_base\" value=\"B\">";
const TAIL: &str = "<tail>";

fn rewrite(html: &[u8], cuts: &[usize]) -> (Vec<u8>, Learned) {
    let themes = Themes::parse(THEMES).unwrap();
    let insert = Insert {
        before: BEFORE.to_owned(),
        field: Box::new(|_| FIELD.to_owned()),
        base: Base::Carried(Some("B".to_owned())),
        tail: Box::new(|_, _| Some(TAIL.to_owned())),
    };
    let mut page = Page::new(&themes, encoding_of("text/html; charset=utf-8").unwrap(), Some(insert));
    let mut out = Vec::new();
    let mut from = 0;
    for &cut in cuts.iter().filter(|&&c| c < html.len()) {
        if cut > from {
            out.extend(page.write(&html[from..cut]));
            from = cut;
        }
    }
    out.extend(page.write(&html[from..]));
    out.extend(page.end());
    (out, page.learned())
}

/// The page without what we put in; and how often that was.
fn without(out: &[u8]) -> (Vec<u8>, usize, usize) {
    let text = String::from_utf8_lossy(out);
    let counts = (text.matches(FIELD).count(), text.matches(TAIL).count());
    let mut plain = out.to_vec();
    for piece in [BEFORE, FIELD, BASE, TAIL] {
        if let Some(at) = plain.windows(piece.len()).position(|w| w == piece.as_bytes()) {
            plain.drain(at..at + piece.len());
        }
    }
    (plain, counts.0, counts.1)
}

fn captured() -> Vec<(String, Vec<u8>)> {
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(Path::new("tests/fixtures/pages")).unwrap() {
        let path = entry.unwrap().path();
        pages.push((path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()));
    }
    assert!(pages.len() >= 6, "only {} captured pages", pages.len());
    pages
}

#[test]
fn djangos_pages_are_read_right() {
    for (name, html) in captured() {
        let (mut out, learned) = rewrite(&html, &[]);
        for field in learned.passwords.iter().map(|p| withhold(p)) {
            let at = out.windows(field.len()).position(|w| w == field.as_bytes()).unwrap();
            let after = &out[at + field.len()..];
            let after = after.strip_prefix(BASE.as_bytes()).unwrap_or(after);
            assert!(after.starts_with(b"</form>"), "{name}: not last in the form");
            out.drain(at..at + field.len());
        }
        let (plain, fields, tails) = without(&out);
        assert!(plain == html, "{name}: changed beside our pieces");
        let is_form = name.starts_with("change");
        assert_eq!((fields, tails), if is_form { (1, 1) } else { (0, 0) }, "{name}");
        assert_eq!(learned.can_edit, is_form && !name.contains("viewer"), "{name}");
        assert_eq!(learned.form.is_some(), is_form, "{name}");
        assert_eq!(learned.popup_done, name == "popup_done", "{name}");
        match name.as_str() {
            "change_popup" | "popup_done" => assert_eq!(learned.name, None, "{name}"),
            "change_viewer" => assert_eq!(learned.name.as_deref(), Some("Vera"), "{name}"),
            _ => assert_eq!(learned.name.as_deref(), Some("Grace"), "{name}"),
        }
        if name == "change_credential" {
            assert!(learned.passwords.contains("api_secret"), "{name}: {:?}", learned.passwords);
        }
    }
}

#[test]
fn the_token_is_the_forms_first_control() {
    for (name, html) in captured().into_iter().filter(|(n, _)| n.starts_with("change")) {
        let out = String::from_utf8(rewrite(&html, &[]).0).unwrap();
        let at = out.find(FIELD).unwrap();
        let tag = &out[out[..at].rfind("<form").unwrap()..at];
        assert!(tag.ends_with('>') && tag.matches('<').count() == 1, "{name}: {tag:?} stands before it");
        let before = &out[..at - tag.len()];
        assert!(before.ends_with(BEFORE) && out.matches(BEFORE).count() == 1, "{name}: the bar's place");
        assert!(out.ends_with(TAIL), "{name}");
    }
}

const FORM: &str = "<form id=\"x_form\" method=\"POST\" novalidate>";

/// Pages that no template should make: each arrives whole.
#[test]
fn odd_pages_arrive_whole() {
    let deep = "<div>".repeat(20_000);
    let wide = format!("<a b=\"{}\">", "x".repeat(3_000_000));
    let pages: Vec<(&str, String, (usize, usize))> = vec![
        ("empty", String::new(), (0, 0)),
        ("text", "no html at all".to_owned(), (0, 0)),
        ("no end tags", format!("<body>{FORM}<input name=_save type=submit>"), (1, 1)),
        ("two forms", format!("{FORM}</form>{FORM}</form>"), (1, 1)),
        (
            "a logout form first",
            format!("<form id=\"logout-form\" method=\"post\" novalidate></form>{FORM}"),
            (1, 1),
        ),
        ("a form in a comment", format!("<!-- {FORM} -->"), (0, 0)),
        ("a form in a script", format!("<script>'{FORM}'</script>"), (0, 0)),
        ("a form in a textarea", format!("<textarea>{FORM}</textarea>"), (0, 0)),
        ("select and xmp", format!("{FORM}<select><xmp><script></select></form><p>more"), (1, 1)),
        ("cut in a tag", format!("{FORM}<input name=\"_sa"), (1, 1)),
        ("two bodies", format!("<body><body>{FORM}</body></body>"), (1, 1)),
        ("deep", format!("{deep}{FORM}</form>tail"), (1, 1)),
        ("wide", format!("{wide}{FORM}</form>tail"), (1, 1)),
        ("our own mark in the text", format!("{FORM}<p>&lt;input name=\"_collab\"&gt;</p></form>"), (1, 1)),
    ];
    for (name, html, want) in pages {
        let (plain, fields, tails) = without(&rewrite(html.as_bytes(), &[]).0);
        assert_eq!(plain, html.as_bytes(), "{name}");
        assert_eq!((fields, tails), want, "{name}");
    }
}

/// More open elements than the rewriter may remember: the page goes on as it came.
#[test]
fn a_page_too_big_to_rewrite_arrives_whole() {
    let html = format!("{}{FORM}the end", "<div a=b>".repeat(600_000));
    let cuts: Vec<usize> = (0..html.len()).step_by(16_384).collect();
    let (plain, fields, tails) = without(&rewrite(html.as_bytes(), &cuts).0);
    assert!(plain == html.as_bytes(), "the page was changed");
    assert!(fields <= 1 && tails <= 1);
}

#[test]
fn save_controls_outside_the_form_count_if_tied_to_it() {
    for (html, want) in [
        (format!("{FORM}<input type=submit name=_save></form>"), true),
        (format!("{FORM}</form><button form=x_form name=_continue>"), true),
        (format!("<button form=x_form name=_save></button>{FORM}</form>"), true),
        (format!("{FORM}</form><button form=other name=_save>"), false),
        (format!("{FORM}</form><input type=submit name=_save>"), false),
        (format!("{FORM}<input type=hidden name=_save></form>"), false),
        (format!("{FORM}<button name=_publish></form>"), false),
    ] {
        assert_eq!(rewrite(html.as_bytes(), &[]).1.can_edit, want, "{html}");
    }
}

#[test]
fn names_are_decoded_tidied_and_bounded() {
    let name = |inner: &str| {
        let html = format!("<div id=\"user-tools\">Hi <strong>{inner}</strong></div>");
        rewrite(html.as_bytes(), &[]).1.name
    };
    assert_eq!(name(" Ada\n  <b>Love</b>lace ").as_deref(), Some("Ada Lovelace"));
    assert_eq!(name("O&#x27;Neil &amp; &lt;Co&gt;").as_deref(), Some("O'Neil & <Co>"));
    assert_eq!(name("  "), None);
    assert_eq!(name(&"x".repeat(5_000)).unwrap().chars().count(), 151);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// However the network cuts a page, the same bytes leave.
    #[test]
    fn cuts_do_not_matter(which in 0..100_usize, mut cuts in prop::collection::vec(0..40_000_usize, 0..40)) {
        let pages = captured();
        let (_, html) = &pages[which % pages.len()];
        cuts.sort_unstable();
        prop_assert_eq!(rewrite(html, &cuts), rewrite(html, &[]));
    }

    /// Any bytes at all: no panic, nothing lost.
    #[test]
    fn any_bytes_arrive(bytes: Vec<u8>, cuts in prop::collection::vec(0..100_usize, 0..5)) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        prop_assert_eq!(without(&rewrite(&bytes, &cuts).0).0, bytes);
    }
}

// ---- through the proxy

const CHANGE: &str = "/admin/shop/product/3/change/";

fn change_form() -> String {
    format!("<html><body><p>æ</p>{FORM}<input type=\"submit\" name=\"_save\"></form></body></html>")
}

/// An upstream whose answer the path's query chooses.
async fn site() -> Upstream {
    Upstream::start(|request| async move {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let gzip = |text: &str| {
            use std::io::Write;
            let mut z = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            z.write_all(text.as_bytes()).unwrap();
            z.finish().unwrap()
        };
        let html = change_form();
        let answer =
            Response::builder().header("content-type", "text/html; charset=utf-8").header("etag", "\"e\"");
        let asked = request.headers().get("accept-encoding").map_or("", |v| v.to_str().unwrap()).to_owned();
        let conditional = request.headers().contains_key("if-none-match");
        let _ = request.into_body().collect().await;
        let answer = match query.as_str() {
            "gzip" => answer.header("content-encoding", "gzip").body(full(gzip(&html))),
            "br" => answer.header("content-encoding", "br").body(full("not really brotli")),
            "utf16" => {
                let answer = Response::builder().header("content-type", "text/html; charset=utf-16");
                answer.body(full(html))
            }
            "json" => Response::builder().header("content-type", "application/json").body(full(html)),
            "404" => answer.status(404).body(full(html)),
            "self" => answer.header("content-security-policy", "default-src 'self'").body(full(html)),
            "nonce" => answer
                .header(
                    "content-security-policy",
                    "default-src 'none'; script-src 'nonce-N1' 'strict-dynamic'",
                )
                .body(full(html)),
            _ => answer.header("x-asked", format!("{asked} {conditional}")).body(full(html)),
        };
        answer.unwrap()
    })
    .await
}

#[tokio::test]
async fn a_change_form_gets_the_widget() {
    let upstream = site().await;
    let front = Front::start(&upstream.url(), "").await;
    for query in ["", "?gzip", "?self"] {
        let answer =
            front.get(&format!("{CHANGE}{query}"), "Cookie: sessionid=s\r\nIf-None-Match: \"e\"\r\n").await;
        assert_eq!(status(&answer), 200, "{answer}");
        for gone in ["content-length", "etag", "content-encoding"] {
            assert_eq!(header(&answer, gone), None, "{query} {gone}");
        }
        assert_eq!(header(&answer, "cache-control"), Some("no-store, private"));
        let html = html_of(&answer);
        assert!(html.contains("novalidate><input type=\"hidden\" name=\"_collab\" value=\""), "{html}");
        assert!(
            html.contains("\"object\":\"shop.product/3\"") && html.contains("\"can_edit\":true"),
            "{html}"
        );
        assert!(html.starts_with("<html><body><p>æ</p>"), "{html}");
        if query.is_empty() {
            assert_eq!(header(&answer, "x-asked"), Some("identity false"));
        }
    }
    let answer = front.get(&format!("{CHANGE}?nonce"), "").await;
    let policy = "default-src 'none'; script-src 'nonce-N1' 'strict-dynamic'; connect-src 'self'";
    assert_eq!(header(&answer, "content-security-policy"), Some(policy));
    assert!(html_of(&answer).contains("main.js\" nonce=\"N1\"></script>"), "{answer}");
    assert!(!html_of(&answer).contains("place.css"), "the policy refuses style sheets: {answer}");
    let answer = front.get(CHANGE, "").await;
    assert!(html_of(&answer).contains("place.css\"><collab-widget><i></i></collab-widget><form"), "{answer}");
}

#[tokio::test]
async fn what_cannot_be_rewritten_arrives_as_it_was() {
    let upstream = site().await;
    let front = Front::start(&upstream.url(), "").await;
    for (query, want) in [
        ("?br", "not really brotli".to_owned()),
        ("?utf16", change_form()),
        ("?json", change_form()),
        ("?404", change_form()),
    ] {
        let answer = front.get(&format!("{CHANGE}{query}"), "").await;
        assert_eq!(body(&answer), want, "{query}");
        assert_eq!(header(&answer, "content-length"), Some(want.len().to_string().as_str()), "{query}");
    }
    for path in ["/admin/shop/product/add/", "/shop/product/3/change/", "/admin/shop/product/3/password/"] {
        assert_eq!(body(&front.get(path, "Cookie: sessionid=s\r\n").await), change_form(), "{path}");
    }
    // A list is looked through; one without a list's form stays as it is.
    let list = front.get("/admin/shop/product/", "Cookie: sessionid=s\r\n").await;
    assert_eq!(html_of(&list), change_form());
    let head = front.raw(&format!("HEAD {CHANGE} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
    assert_eq!(body(&head), "");
}

/// The other pages that write an object whole: they get the token, and nothing else.
#[tokio::test]
async fn a_form_that_deletes_or_brings_back_gets_the_token_only() {
    const DELETE: &str = "<body><form action=\"/admin/logout/\" method=\"post\"></form><form method=\"post\">\
        <input type=\"hidden\" name=\"post\" value=\"yes\"></form><form action=\"/admin/shop/product/03/delete/?x\" \
        method=\"POST\"></form><form action=\"/admin/shop/product/4/delete/\" method=\"post\"></form>\
        <form action=\"//b/admin/shop/product/3/delete/\" method=\"post\"></form><form></form></body>";
    let upstream = Upstream::start(|request| async move {
        let html = if request.uri().path().ends_with("/delete/") { DELETE.to_owned() } else { change_form() };
        let answer = Response::builder().header("content-type", "text/html; charset=utf-8");
        answer.header("content-security-policy", "default-src 'none'").body(full(html)).unwrap()
    })
    .await;
    let front = Front::start(&upstream.url(), "").await;
    let fields = |html: &str| html.matches("<input type=\"hidden\" name=\"_collab\" value=\"").count();
    let without = |html: &str| {
        let (before, rest) = html.split_once("<input type=\"hidden\" name=\"_collab\"").unwrap();
        format!("{before}{}", rest.split_once('>').unwrap().1)
    };
    let answer = front.get("/admin/shop/product/3/delete/", "Cookie: sessionid=s\r\n").await;
    assert_eq!(header(&answer, "content-security-policy"), Some("default-src 'none'"));
    let html = html_of(&answer);
    assert_eq!(fields(&html), 2, "{html}");
    assert!(html.contains("<form method=\"post\"><input type=\"hidden\" name=\"_collab\""), "{html}");
    assert_eq!(without(&without(&html)), DELETE);
    let answer = front.get("/admin/shop/product/3/history/7/", "Cookie: sessionid=s\r\n").await;
    let html = html_of(&answer);
    assert_eq!(fields(&html), 1, "{html}");
    assert_eq!(without(&html), change_form());
}

/// The widget's own files: named by their hash, cached for ever, packed if wanted.
#[tokio::test]
async fn assets_are_served() {
    let upstream = site().await;
    let front = Front::start(&upstream.url(), "").await;
    let page = html_of(&front.get(CHANGE, "").await);
    let at = page.find("src=\"/admin/collaboration/assets/").unwrap() + 5;
    let path = &page[at..at + page[at..].find('"').unwrap()];
    let answer = front.get(path, "").await;
    assert_eq!(
        (status(&answer), header(&answer, "content-type")),
        (200, Some("text/javascript; charset=utf-8"))
    );
    assert!(header(&answer, "cache-control").unwrap().contains("immutable"));
    assert_eq!(
        header(&front.get(path, "Accept-Encoding: gzip, br\r\n").await, "content-encoding"),
        Some("gzip")
    );
    let requests = upstream.count();
    assert_eq!(status(&front.get("/admin/collaboration/assets/0/main.js", "").await), 404);
    assert_eq!(status(&front.get("/admin/collaboration/shop/product/3/", "").await), 426);
    assert_eq!(upstream.count(), requests, "our own paths never reach Django");
}
