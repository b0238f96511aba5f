//! A form's fields, as they come out of the stream.

use super::*;
use crate::assets::THEMES;
use crate::django::page::{Page, encoding_of};
use crate::django::theme::Themes;

fn read(html: &str) -> Vec<Field> {
    let themes = Themes::parse(THEMES).unwrap();
    let form = format!("<form id=x_form method=post novalidate>{html}</form><input name=after value=1>");
    Page::read(&themes, encoding_of("text/html").unwrap(), form.as_bytes()).1.fields
}

fn one(html: &str) -> (Kind, String, Vec<(String, String)>) {
    let fields = read(html);
    assert_eq!(fields.len(), 1, "{fields:?}");
    let Field { kind, label, values, .. } = fields[0].clone();
    (kind, label, values.into_iter().map(|Value(value, words)| (value, words)).collect())
}

#[test]
fn a_field_is_read_as_a_browser_would_send_it() {
    let value = |v: &str, w: &str| (v.to_owned(), w.to_owned());
    for (html, kind, label, values) in [
        (
            "<label for=a>Na&amp;me:</label><input id=a name=n value='&lt;x&gt;'>",
            Kind::Text,
            "Na&me",
            vec![value("<x>", "")],
        ),
        ("<input name=n>", Kind::Text, "", vec![value("", "")]),
        ("<textarea name=n>\n\na\r\nb &amp; c</textarea>", Kind::Long, "", vec![value("\na\nb & c", "")]),
        ("<textarea name=n></textarea>", Kind::Long, "", vec![value("", "")]),
        (
            "<select name=n><option value=1>One</option><option value=2 selected> T\nwo</option></select>",
            Kind::Choice,
            "",
            vec![value("2", "T wo")],
        ),
        (
            "<select name=n><option value=''>---</option><option value=2>B</option></select>",
            Kind::Choice,
            "",
            vec![value("", "---")],
        ),
        (
            "<select name=n><option>One<option selected>Two</select>",
            Kind::Choice,
            "",
            vec![value("Two", "Two")],
        ),
        (
            "<select name=n multiple><option value=1 selected>A</option><option value=2>B</option><option value=3 selected>C</option></select>",
            Kind::Choice,
            "",
            vec![value("1", "A"), value("3", "C")],
        ),
        ("<select name=n multiple><option value=1>A</option></select>", Kind::Choice, "", vec![]),
        (
            "<input type=checkbox id=a name=n checked><label for=a>Published</label>",
            Kind::Box,
            "Published",
            vec![value("on", "")],
        ),
        ("<input type=checkbox name=n>", Kind::Box, "", vec![]),
        (
            "<label for=a><input id=a type=radio name=n value=1>One</label><label for=b><input id=b type=radio name=n value=2 checked>Two</label>",
            Kind::Box,
            "",
            vec![value("2", "Two")],
        ),
        ("<input type=hidden name=n value=7>", Kind::Hidden, "", vec![value("7", "")]),
    ] {
        assert_eq!(one(html), (kind, label.to_owned(), values), "{html}");
    }
}

#[test]
fn what_is_never_sent_or_is_secret_is_not_read() {
    let html = "<input name=csrfmiddlewaretoken value=x><input name=_collab value=t><input type=password name=p \
                value=secret><input type=file name=f><input type=submit name=_save value=Save><input name=d \
                value=1 disabled><input value=nameless><input name=r-__prefix__-x value=1>";
    assert_eq!(read(html), []);
}

#[test]
fn a_real_form_is_read_whole() {
    let html = include_bytes!("../../tests/fixtures/pages/change.html");
    let themes = Themes::parse(THEMES).unwrap();
    let (learned, current) = Page::read(&themes, encoding_of("text/html").unwrap(), html);
    assert!(learned.can_edit);
    let find =
        |name: &str| current.fields.iter().find(|f| f.name == name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!((find("name").label.as_str(), find("name").sent()), ("Name", vec!["Blue kettle"]));
    assert_eq!(find("description").sent(), ["Blue kettle, made by Tinsmith & Daughters."]);
    assert_eq!(find("category").values[0].1, "Kitchen");
    assert_eq!(find("tags").values.len(), 2);
    assert_eq!(find("published").sent(), ["on"]);
    assert_eq!(find("reviews-1-text").sent(), ["It whistles."]);
    assert_eq!(find("reviews-INITIAL_FORMS").sent(), ["2"]);
    assert!(current.fields.iter().all(|f| f.name != "manual"), "a file");
    assert_eq!(current.words[&("colour".to_owned(), "red".to_owned())], "Red");
}
