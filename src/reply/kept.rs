//! The page of a save that did not go through: everything that was typed, beside what is there now.
//!
//! Owns the page's parts and its data for scripts. It works without JavaScript for reading, copying and sending
//! again; `kept.js` adds what needs it.

use std::collections::BTreeMap;

use hyper::Response;

use super::versions;
use super::words::{THIS, Trouble, Words, words};
use super::{fill, respond};
use crate::assets::KEPT_PAGE;
use crate::collab::command::Refusal;
use crate::collab::record::{Millis, PageId, Person, Saved, UserKey};
use crate::django::base::BASE_FIELD;
use crate::django::compare::{Place, Row, Status};
use crate::django::fields::Value;
use crate::django::form::{Encoding, TOKEN_FIELD, Typed};
use crate::django::object::ObjectKey;
use crate::django::watch::{hidden, withhold};
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
    fn name(&self) -> String {
        let kind = || self.object.model().rsplit('.').next().unwrap_or("object").to_owned();
        self.title.map_or_else(|| format!("{THIS}{}", kind()), str::to_owned)
    }
}

/// The answer that gives everything back.
pub fn kept(trouble: &Trouble, kept: &Kept, json: bool) -> Response<Body> {
    let words = words(trouble, &kept.name(), kept.deleting, kept.reader, kept.now);
    let body = if json { data(&words, trouble, kept) } else { page(&words, trouble, kept) };
    let kind = if json { "application/json" } else { "text/html; charset=utf-8" };
    respond(words.status, kind, body, words.retry_after)
}

fn data(words: &Words, trouble: &Trouble, kept: &Kept) -> String {
    let (editor, saved): (Option<(&Person, Millis)>, Option<&Saved>) = match trouble {
        Trouble::Refused(Refusal::Held { by, since } | Refusal::Saving { by, since, .. }) => {
            (Some((by, *since)), None)
        }
        Trouble::Refused(Refusal::Stale { saved, .. }) => (None, saved.as_ref()),
        _ => (None, None),
    };
    let sent = |values: &Option<Vec<Value>>| values.as_ref().map(|v| v.iter().map(|v| v.0.clone()).collect());
    let changes = kept.rows.iter().filter(|r| r.status != Status::Unchanged).map(|row| {
        let (typed, base, now): (Option<Vec<String>>, _, _) =
            (sent(&row.typed), sent(&row.base), sent(&row.now));
        serde_json::json!({"name": row.name, "status": row.status, "row": row.place, "typed": typed, "base": base, "now": now})
    });
    serde_json::json!({
        "error": trouble.code(),
        "object": kept.object.to_string(),
        "message": words.sentence,
        "editor": editor.map(|(by, since)| serde_json::json!({"name": by.name, "since": since})),
        "saved": saved.map(|s| serde_json::json!({"by": s.by.name, "at": s.at})),
        "fields": kept.typed.fields,
        "files": kept.typed.files,
        "withheld": kept.typed.withheld,
        "changes": changes.collect::<Vec<_>>(),
    })
    .to_string()
}

fn page(words: &Words, trouble: &Trouble, kept: &Kept) -> String {
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
    let advice = if hopeless {
        "Everything you typed is kept below. A row of yours was deleted meanwhile, so the site would not take this \
         form as it is: fill your changes into the current version."
    } else {
        words.advice
    };
    let button = words
        .button
        // What is not all there must not be sent again: Django would take what is missing for emptied.
        .filter(|_| !hopeless && !kept.typed.cut)
        .map_or_else(String::new, |b| format!("<button type=\"submit\" class=\"{second}\">{b}</button>"));
    let button = match trouble {
        Trouble::SignedOut(login) if is_web(login) => {
            // On a new tab: without scripts this page is the only one that has it all.
            format!(
                "<a class=\"button\" href=\"{}\" target=\"_blank\" rel=\"noopener\">Sign in and go on</a>",
                text(login)
            )
        }
        _ => button,
    };
    let link = match trouble {
        Trouble::SignedOut(_) => String::new(),
        Trouble::Gone | Trouble::Refused(Refusal::Stale { deleted: true, .. }) => {
            format!("<a href=\"{}\">Go to the list</a>", text(list_of(kept.current)))
        }
        _ => format!(
            "<a href=\"{}\" target=\"_blank\" rel=\"noopener\">Open it in a new tab</a>",
            text(kept.current)
        ),
    };
    fill(
        KEPT_PAGE,
        &[
            ("title", &text(&words.title)),
            ("sentence", &text(&words.sentence)),
            ("advice", advice),
            ("action", &text(kept.action)),
            ("enctype", enctype),
            ("hidden", &carried(kept)),
            ("button", &button),
            ("link", &link),
            ("again", &to_fill_in(kept.typed)),
            (
                "versions",
                &if kept.deleting { String::new() } else { versions::html(kept.rows, kept.known, trouble) },
            ),
            ("config", &config(trouble, kept)),
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

/// A field's name as people would say it: `images-0-file` → `Images #1: file`.
fn in_words(name: &str) -> String {
    let spaced = |text: &str| text.replace('_', " ");
    let row = name.rsplit_once('-').and_then(|(head, field)| {
        let (prefix, row) = head.rsplit_once('-')?;
        Some(format!("{} #{}: {}", spaced(prefix), row.parse::<usize>().ok()? + 1, spaced(field)))
    });
    let mut words = row.unwrap_or_else(|| spaced(name));
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// What cannot be sent again without the person: files and passwords.
fn to_fill_in(typed: &Typed) -> String {
    let text = |s: &str| html_escape::encode_quoted_attribute(s).into_owned();
    let mut html = String::new();
    for (name, file) in &typed.files {
        let label = text(&in_words(name));
        let (name, file) = (text(name), text(file));
        html.push_str(&format!(
            "<p><label for=\"file-{name}\">{label}: the file <b>{file}</b> has to be chosen again:</label> \
             <input type=\"file\" id=\"file-{name}\" name=\"{name}\"></p>"
        ));
    }
    for name in &typed.withheld {
        let mark = withhold(name);
        let name = text(name);
        html.push_str(&format!(
            "<p><label for=\"again-{name}\"><b>{name}</b> is not shown again; type it again:</label> \
             <input type=\"password\" id=\"again-{name}\" name=\"{name}\" autocomplete=\"off\">{mark}</p>"
        ));
    }
    if typed.cut {
        html.push_str("<p>More was sent than can be kept here, so it cannot be sent again from this page. Your browser's Back \
             button may still have it all.</p>");
    }
    html
}

/// An address that a link may lead to: never a script.
pub(super) fn is_web(address: &str) -> bool {
    (address.starts_with('/') && !address.starts_with("//"))
        || address.starts_with("https://")
        || address.starts_with("http://")
}

/// What the page's script needs: the draft that keeps what was typed, and the way into the line.
fn config(trouble: &Trouble, kept: &Kept) -> String {
    let typed = |r: &&Row| !kept.deleting && r.status < Status::Unchanged && r.status != Status::Theirs;
    let changed: Vec<&Row> = kept.rows.iter().filter(typed).collect();
    let list = |of: fn(&Row) -> &Option<Vec<Value>>| -> Vec<(String, String, String)> {
        let values =
            changed.iter().flat_map(|row| of(row).iter().flatten().map(|v| (row.name.clone(), v.clone())));
        values.map(|(name, value)| (name, value.0.clone(), value.shown().to_owned())).collect()
    };
    let config = serde_json::json!({
        "object": kept.object.to_string(),
        "user": {"user_id": kept.user.user_id, "session": kept.user.session, "known": kept.user.known},
        "current": kept.current,
        "socket": kept.wait.as_ref().map(|w| &w.socket),
        "token": kept.wait.as_ref().map(|w| &w.token),
        "waits": trouble.passes(),
        "applies": trouble.can_apply(),
        "draft": {
            "page": kept.page,
            "version": kept.version,
            "rows": kept.row_keys.iter().map(|(prefix, (saved, keys))| {
                (prefix, serde_json::json!({"saved": saved, "keys": keys}))
            }).collect::<BTreeMap<_, _>>(),
            "files": kept.typed.files,
            "names": changed.iter().map(|r| &r.name).collect::<Vec<_>>(),
            "fields": list(|row| &row.typed),
            "base": list(|row| &row.base),
        },
    });
    config.to_string().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let html = page(&words(&trouble, &kept.name(), false, kept.reader, 0), &trouble, &kept);
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
            let html =
                page(&words(&trouble, &nameless.name(), deleting, nameless.reader, 0), &trouble, &nameless);
            assert!(html.contains(says), "{says} in {html}");
        }
    }

    #[test]
    fn the_list_of_a_page() {
        assert_eq!(list_of("/admin/shop/product/3/change/"), "/admin/shop/product/");
        assert_eq!(list_of("/"), "/");
    }

    #[test]
    fn fields_in_words() {
        for (name, words) in [
            ("manual", "Manual"),
            ("last_seen", "Last seen"),
            ("images-0-file", "Images #1: file"),
            ("a-b", "A-b"),
        ] {
            assert_eq!(in_words(name), words);
        }
    }

    #[test]
    fn links_lead_to_pages_only() {
        assert!(is_web("/admin/login/?next=/") && is_web("https://sso.example/"));
        assert!(!is_web("javascript:alert(1)") && !is_web("//evil.example/") && !is_web(""));
    }
}
