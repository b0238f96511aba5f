//! The page of a save that did not go through: everything that was typed, beside what is there now.
//!
//! Owns the page's parts. It works without JavaScript for reading, copying and sending
//! again; `kept.js` adds what needs it.

use std::collections::BTreeMap;

use hyper::Response;

use super::accepts::Representation;
use super::trouble::Trouble;
use super::words::{Name, Words, sentences, words};
use super::{again, fill, kept_data, respond, versions};
use crate::assets::KEPT_PAGE;
use crate::assets::catalog::Catalog;
use crate::collab::command::Refusal;
use crate::collab::record::{Millis, PageId, UserKey};
use crate::django::base::BASE_FIELD;
use crate::django::compare::{Place, Row};
use crate::django::form::{Encoding, TOKEN_FIELD, Typed};
use crate::django::object::ObjectKey;
use crate::django::watch::hidden;
use crate::http::body::Body;

/// Where and how the page can wait in line.
pub struct Wait {
    pub socket: String,
    pub token: String,
}

/// The person, as their own browser keeps their drafts: see `drafts.js`.
#[derive(Clone, Debug, Default)]
pub struct Drafter {
    pub user_id: String,
    /// Keyed hash of the session cookie.
    pub session: String,
    pub known: bool,
}

/// What the page needs beside the trouble.
pub struct Kept<'a> {
    pub object: &'a ObjectKey,
    /// What people call the object, where the site told.
    pub title: Option<&'a str>,
    /// Path and query that were posted to.
    pub action: &'a str,
    /// The object's change page.
    pub current: &'a str,
    pub typed: &'a Typed,
    pub rows: &'a [Row],
    /// What tells the rows of its inlines apart: prefix → how many are of saved objects, and their keys.
    pub row_keys: &'a BTreeMap<String, (usize, Vec<String>)>,
    /// Is it known what the form showed when it was opened, and what it shows now?
    pub known: (bool, bool),
    pub encoding: &'a Encoding,
    /// The token to post with next; none, where it came without one.
    pub token: Option<&'a str>,
    /// What the next post builds on.
    pub base: Option<&'a str>,
    pub page: &'a PageId,
    pub version: Option<Millis>,
    pub user: Drafter,
    /// Who reads this.
    pub reader: &'a UserKey,
    /// It was to be deleted, not saved.
    pub deleting: bool,
    /// Django's CSRF token for the form as it is now; every login makes the older ones worthless.
    pub csrf: Option<&'a str>,
    pub wait: Option<Wait>,
    /// The address of the page's script.
    pub script: String,
    pub now: Millis,
}

impl Kept<'_> {
    fn name(&self, catalog: &Catalog) -> Name {
        let model = self.object.model();
        let kind = model.rsplit('.').next().unwrap_or("object");
        match self.title {
            Some(title) => Name { text: title.to_owned(), ours: false },
            None => Name { text: catalog.fill("unnamed_object", &[("model", kind)]), ours: true },
        }
    }
}

/// The answer that gives everything back.
pub fn kept(trouble: &Trouble, kept: &Kept, to: Representation) -> Response<Body> {
    let catalog = to.catalog;
    let words = words(catalog, trouble, &kept.name(catalog), kept.deleting, kept.reader, kept.now);
    let body = match to.json {
        true => kept_data::json(catalog, &words, trouble, kept),
        false => page(catalog, &words, trouble, kept),
    };
    respond(to, words.status, body, words.retry_after)
}

fn page(catalog: &Catalog, words: &Words, trouble: &Trouble, kept: &Kept) -> String {
    let text = |s: &str| html_escape::encode_quoted_attribute(s).into_owned();
    let enctype = match kept.encoding {
        Encoding::Multipart { .. } => "multipart/form-data",
        _ => "application/x-www-form-urlencoded",
    };
    // Filling in is better than replacing, and looking better than deleting: the latter stand back.
    let second = if trouble.is_conscious() && (kept.known.1 || trouble.can_apply() || kept.deleting) {
        "second"
    } else {
        ""
    };
    let lost_row = kept.rows.iter().any(|r| r.place == Place::Deleted && r.typed.is_some());
    // Django takes no row that it does not have (BaseModelFormSet.add_fields: the key must be one of the rows').
    let hopeless = trouble.is_conscious() && lost_row;
    let advice = match hopeless {
        true => sentences(catalog, &["kept_text", "save_row_gone_text"]),
        false => words.advice.clone(),
    };
    let button = words
        .button
        // What is not all there must not be sent again: Django would take what is missing for emptied.
        .filter(|_| !hopeless && !kept.typed.cut)
        .map_or_else(String::new, |key| {
            format!("<button type=\"submit\" class=\"{second}\">{}</button>", catalog.html(key, &[]))
        });
    let button = match trouble {
        Trouble::SignedOut(login) if is_web(login) => {
            // On a new tab: without scripts this page is the only one that has it all.
            format!(
                "<a class=\"button\" href=\"{}\" target=\"_blank\" rel=\"noopener\">{}</a>",
                text(login),
                catalog.html("log_in_button", &[])
            )
        }
        _ => button,
    };
    let link = match trouble {
        Trouble::SignedOut(_) => String::new(),
        Trouble::Gone | Trouble::Refused(Refusal::Stale { deleted: true, .. }) => {
            let list = text(list_of(kept.current));
            format!("<a href=\"{list}\">{}</a>", catalog.html("to_list_button", &[]))
        }
        _ => format!(
            "<a href=\"{}\" target=\"_blank\" rel=\"noopener\">{}</a>",
            text(kept.current),
            catalog.html("open_tab_button", &[])
        ),
    };
    let versions = match kept.deleting {
        true => String::new(),
        false => versions::html(catalog, kept.rows, kept.known, trouble),
    };
    fill(
        KEPT_PAGE,
        catalog,
        &[
            ("title", &text(&words.title)),
            ("sentence", &text(&words.sentence)),
            ("advice", &html_escape::encode_text(&advice)),
            ("action", &text(kept.action)),
            ("enctype", enctype),
            ("hidden", &carried(kept)),
            ("button", &button),
            ("link", &link),
            ("again", &again::html(catalog, kept.typed)),
            ("versions", &versions),
            ("config", &kept_data::config(catalog, trouble, kept)),
            ("script", &text(&kept.script)),
        ],
    )
}

/// Everything that came, ready to be sent again.
fn carried(kept: &Kept) -> String {
    let mut html = String::new();
    for (name, value) in [(TOKEN_FIELD, kept.token), (BASE_FIELD, kept.base)] {
        html.extend(value.map(|v| hidden(name, v)));
    }
    html.extend(kept.typed.fields.iter().map(|(name, value)| match kept.csrf {
        Some(csrf) if name == "csrfmiddlewaretoken" => hidden(name, csrf),
        _ => hidden(name, value),
    }));
    html
}

/// `/admin/shop/product/3/change/` → `/admin/shop/product/`.
fn list_of(change_page: &str) -> &str {
    let object = change_page.trim_end_matches("change/").trim_end_matches('/');
    object.rfind('/').map_or("/", |at| &object[..=at])
}

/// An address that a link may lead to: never a script.
pub(super) fn is_web(address: &str) -> bool {
    (address.starts_with('/') && !address.starts_with("//"))
        || address.starts_with("https://")
        || address.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::catalog::tests::documented;
    use crate::collab::record::Person;
    use crate::django::compare;

    #[test]
    fn what_was_typed_is_escaped() {
        let typed = Typed { fields: vec![("a\"b".into(), "<script>&\n'\"".into())], ..Typed::default() };
        let object = ObjectKey::new("shop", "product", "3");
        let rows = compare::rows(&typed, None, None);
        let page_id = PageId::from("p");
        let kept = Kept {
            object: &object,
            title: Some("<i>Kettle"),
            action: "/admin/shop/product/3/change/?a=1&b=\"",
            current: "/admin/shop/product/3/change/",
            typed: &typed,
            rows: &rows,
            row_keys: &BTreeMap::new(),
            known: (false, false),
            encoding: &Encoding::UrlEncoded,
            token: Some("t"),
            base: None,
            page: &page_id,
            version: Some(1),
            user: Drafter::default(),
            reader: &"ada".into(),
            deleting: false,
            csrf: None,
            wait: None,
            script: "/s".to_owned(),
            now: 0,
        };
        let by = Person { user: "id:1".into(), name: "<b>Ada</b>".to_owned() };
        let refusal = Refusal::Held { by, since: 0 };
        let trouble = Trouble::Refused(&refusal);
        let catalogs = documented();
        let shown = |kept: &Kept, deleting| {
            let catalog = catalogs.english();
            page(
                catalog,
                &words(catalog, &trouble, &kept.name(catalog), deleting, kept.reader, 0),
                &trouble,
                kept,
            )
        };
        let html = shown(&kept, false);
        assert!(
            !html.contains("<script>&") && !html.contains("<b>Ada") && !html.contains("<i>Kettle"),
            "{html}"
        );
        assert!(html.contains("value=\"&lt;script&gt;&amp;\n"), "{html}");

        // Without a title it is called by what it is, never by its key.
        let nameless = Kept { title: None, ..kept };
        for (deleting, says) in
            [(true, "<p>This product was not deleted: "), (false, "changes to this product were")]
        {
            let html = shown(&nameless, deleting);
            assert!(html.contains(says), "{says} in {html}");
        }
    }

    #[test]
    fn the_list_of_a_page() {
        assert_eq!(list_of("/admin/shop/product/3/change/"), "/admin/shop/product/");
        assert_eq!(list_of("/"), "/");
    }

    #[test]
    fn links_lead_to_pages_only() {
        assert!(is_web("/admin/login/?next=/") && is_web("https://sso.example/"));
        assert!(!is_web("javascript:alert(1)") && !is_web("//evil.example/") && !is_web(""));
    }
}
