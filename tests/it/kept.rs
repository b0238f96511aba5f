//! Whatever is refused is given back: every field of any form, ready to be sent again, and nothing of it run.

use std::path::Path;
use std::sync::LazyLock;

use collab_proxy::assets::catalog::Catalogs;
use collab_proxy::collab::command::Refusal;
use collab_proxy::collab::record::{Millis, PageId, Person, Saved};
use collab_proxy::config;
use collab_proxy::django::compare;
use collab_proxy::django::form::{Encoding, Typed};
use collab_proxy::django::object::ObjectKey;
use collab_proxy::reply::{Drafter, Kept, Representation, Trouble, kept};
use http_body_util::BodyExt;
use lol_html::{RewriteStrSettings, element, rewrite_str};
use proptest::prelude::*;

static CATALOGS: LazyLock<Catalogs> = LazyLock::new(|| {
    let settings = config::load(Some(Path::new("collab.toml")), [], vec![]).unwrap();
    Catalogs::new(&settings.page_texts)
});

/// The page that a refused form gets.
fn page_of(typed: &Typed) -> String {
    let by = Person { user: "id:1".into(), name: "Ada".to_owned() };
    answer(typed, &Trouble::Refused(&Refusal::Held { by, since: 0 }), 0)
}

fn answer(typed: &Typed, trouble: &Trouble, now: Millis) -> String {
    let object = ObjectKey::new("shop", "product", "1");
    let page = PageId::from("p");
    let rows = compare::rows(typed, None, None);
    let facts = Kept {
        object: &object,
        title: None,
        action: "/admin/shop/product/1/change/",
        current: "/admin/shop/product/1/change/",
        typed,
        rows: &rows,
        known: (false, false),
        encoding: &Encoding::UrlEncoded,
        token: Some("t.t"),
        base: None,
        page: &page,
        version: Some(1),
        user: Drafter::default(),
        reader: &"ada".into(),
        deleting: false,
        csrf: None,
        row_keys: &std::collections::BTreeMap::new(),
        wait: None,
        script: "/kept.js".to_owned(),
        now,
    };
    let answer =
        kept(trouble, &facts, Representation { catalog: CATALOGS.english(), json: false, request: "" });
    let body = futures_util::FutureExt::now_or_never(answer.into_body().collect()).unwrap().unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}

#[test]
fn nobody_reads_of_themselves_as_of_somebody_else() {
    for (user, expected) in [("id:1", "Ada saved it 3 minutes ago"), ("ada", "you saved it 3 minutes ago")] {
        let saved = Saved { by: Person { user: user.into(), name: "Ada".to_owned() }, at: 0 };
        let stale = Refusal::Stale { saved: Some(saved), deleted: false };
        let page = answer(&Typed::default(), &Trouble::Refused(&stale), 3 * 60_000);
        assert!(page.contains(expected), "{page}");
    }
}

/// What the page's form would send.
fn hidden(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let text = |t: Option<String>| html_escape::decode_html_entities(&t.unwrap()).into_owned();
    let input = element!("form input[type=hidden]", |e| {
        found.push((text(e.get_attribute("name")), text(e.get_attribute("value"))));
        Ok(())
    });
    rewrite_str(page, RewriteStrSettings::new().append_element_content_handler(input)).unwrap();
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn every_field_comes_back(fields in prop::collection::vec(("[a-z0-9][a-z0-9_-]{0,12}", "\\PC{0,40}|[<>&\"' \\n]{0,12}"), 1..12)) {
        let body: Vec<u8> = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish().into_bytes();
        let typed = Typed::urlencoded(&body, &std::collections::BTreeSet::new());
        let page = page_of(&typed);
        let mut back = hidden(&page);
        prop_assert_eq!(back.remove(0).0, "_collab");
        // What a password field held is named, and asked for again.
        let secret = |name: &str| ["password", "passwd", "passphrase"].iter().any(|w| name.contains(w));
        let want: Vec<(String, String)> = fields.iter().filter(|(n, _)| !secret(n)).cloned().collect();
        prop_assert_eq!(back, want);
        prop_assert_eq!(page.matches("<script").count(), 2, "only our own scripts");
    }
}
