//! A change list as it is now: the values that a browser would post from its `list_editable` rows.
//!
//! Pure: a whole page goes in. Compared with what was posted, it tells which rows Django would write.

use std::collections::BTreeMap;

use lol_html::{AsciiCompatibleEncoding, element, end_tag, text};

use super::changelist::{Row, split};
use super::list_page::{self, Place, Shown};
use super::page::{Page, PageSettings, Shared, lock};
use super::theme::Themes;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    pub shown: Shown,
    pub rows: Vec<Row>,
}

#[derive(Default)]
struct Reading {
    rows: BTreeMap<usize, Row>,
    /// The textarea that is open: where its text goes.
    area: Option<(usize, usize)>,
    /// The select that is open, and whether an option of it was taken.
    select: Option<Select>,
}

struct Select {
    name: String,
    multiple: bool,
    taken: bool,
}

impl Reading {
    fn add(&mut self, name: &str, value: String) -> Option<(usize, usize)> {
        let (number, field) = split(name)?;
        let row = self.rows.entry(number).or_insert_with(|| Row { number, fields: Vec::new() });
        row.fields.push((field.to_owned(), value));
        Some((number, row.fields.len() - 1))
    }

    fn value(&mut self, (row, at): (usize, usize)) -> Option<&mut String> {
        Some(&mut self.rows.get_mut(&row)?.fields.get_mut(at)?.1)
    }

    fn option(&mut self, value: String, selected: bool) {
        let Some(Select { name, multiple, taken }) = self.select.take() else {
            return;
        };
        // Without a choice a browser shows, and posts, the first.
        if selected || !(multiple || taken) {
            if taken
                && !multiple
                && let Some((number, field)) = split(&name)
                && let Some(row) = self.rows.get_mut(&number)
            {
                row.fields.retain(|(n, _)| n != field);
            }
            self.add(&name, value);
        }
        self.select = Some(Select { name, multiple, taken: true });
    }
}

pub fn read(themes: &Themes, encoding: AsciiCompatibleEncoding, place: &Place, html: &[u8]) -> ListPage {
    let shown: Shared<Shown> = Shared::default();
    let reading: Shared<Reading> = Shared::default();
    let mut page = Page::with(themes, encoding, |settings| {
        let settings = list_page::watch(settings, themes, place, &shown);
        areas(selects(inputs(settings, &reading), &reading), &reading)
    });
    page.write(html);
    page.end();
    let rows = std::mem::take(&mut lock(&reading).rows).into_values().collect();
    let shown = lock(&shown).clone();
    ListPage { shown, rows }
}

/// Attributes as the browser understands them.
fn attribute(el: &lol_html::send::Element<'_, '_>, name: &str) -> Option<String> {
    el.get_attribute(name).map(|v| html_escape::decode_html_entities(&v).into_owned())
}

fn inputs(settings: PageSettings, reading: &Shared<Reading>) -> PageSettings {
    let reading = Shared::clone(reading);
    settings.append_element_content_handler(element!("input[name^=\"form-\"]", move |el| {
        let name = attribute(el, "name").unwrap_or_default();
        let value = attribute(el, "value");
        let kind = attribute(el, "type").unwrap_or_default().to_ascii_lowercase();
        let sent = match kind.as_str() {
            _ if el.has_attribute("disabled") => None,
            "submit" | "button" | "image" | "reset" => None,
            // Posted as an empty part as long as none is chosen.
            "file" => Some(String::new()),
            "checkbox" | "radio" if !el.has_attribute("checked") => None,
            "checkbox" | "radio" => Some(value.unwrap_or_else(|| "on".to_owned())),
            _ => Some(value.unwrap_or_default()),
        };
        if let Some(value) = sent {
            lock(&reading).add(&name, value);
        }
        Ok(())
    }))
}

fn selects(settings: PageSettings, reading: &Shared<Reading>) -> PageSettings {
    let (opened, options) = (Shared::clone(reading), Shared::clone(reading));
    settings
        .append_element_content_handler(element!("select[name^=\"form-\"]", move |el| {
            let name = attribute(el, "name").unwrap_or_default();
            let multiple = el.has_attribute("multiple");
            let enabled = !el.has_attribute("disabled");
            lock(&opened).select = enabled.then_some(Select { name, multiple, taken: false });
            Ok(())
        }))
        .append_element_content_handler(element!("select[name^=\"form-\"] option", move |el| {
            let value = attribute(el, "value").unwrap_or_default();
            lock(&options).option(value, el.has_attribute("selected"));
            Ok(())
        }))
}

fn areas(settings: PageSettings, reading: &Shared<Reading>) -> PageSettings {
    let (opened, texts) = (Shared::clone(reading), Shared::clone(reading));
    settings
        .append_element_content_handler(element!("textarea[name^=\"form-\"]", move |el| {
            if el.has_attribute("disabled") {
                return Ok(());
            }
            let name = attribute(el, "name").unwrap_or_default();
            {
                let mut state = lock(&opened);
                state.area = state.add(&name, String::new());
            }
            let closed = Shared::clone(&opened);
            el.on_end_tag(end_tag!(move |_| {
                let mut state = lock(&closed);
                if let Some(at) = state.area.take()
                    && let Some(value) = state.value(at)
                {
                    let text = html_escape::decode_html_entities(value.as_str()).into_owned();
                    // The first line break of a textarea is not part of it.
                    let inner = text.strip_prefix("\r\n").or(text.strip_prefix('\n')).unwrap_or(&text);
                    *value = inner.to_owned();
                }
                Ok(())
            }))
        }))
        .append_element_content_handler(text!("textarea[name^=\"form-\"]", move |chunk| {
            let mut state = lock(&texts);
            if let Some(at) = state.area
                && let Some(value) = state.value(at)
            {
                value.push_str(chunk.as_str());
            }
            Ok(())
        }))
}

/// Would Django find nothing to write? The same fields with the same values; browsers make every line break CRLF.
pub fn same(posted: &Row, present: &Row) -> bool {
    let values = |row: &Row| {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in &row.fields {
            let value = value.replace("\r\n", "\n").replace('\r', "\n");
            all.entry(name.clone()).or_default().push(value);
        }
        all
    };
    values(posted) == values(present)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::THEMES;
    use crate::django::changelist::Model;
    use crate::django::page::encoding_of;
    use crate::django::route::Prefix;

    fn list(html: &str) -> ListPage {
        let model = Model { app: "shop".to_owned(), model: "product".to_owned() };
        let place = Place { prefixes: vec![Prefix::parse("/admin/").unwrap()], model };
        read(&Themes::parse(THEMES).unwrap(), encoding_of("text/html").unwrap(), &place, html.as_bytes())
    }

    fn row(pairs: &[(&str, &str)]) -> Row {
        Row { number: 0, fields: pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect() }
    }

    #[test]
    fn a_row_is_read_as_a_browser_posts_it() {
        let found = list(
            "<form id=\"changelist-form\" method=\"post\"><input type=hidden name=form-TOTAL_FORMS value=1>\
             <input type=\"hidden\" name=\"form-0-id\" value=\"3\"><input name=\"form-0-a\" value=\"1 &amp; 2\">\
             <input type=checkbox name=form-0-b checked><input type=checkbox name=form-0-c>\
             <input type=radio name=form-0-r value=1><input type=radio name=form-0-r value=2 checked>\
             <select name=form-0-d><option value=\"\">-<option value=7 selected>7</select>\
             <select name=form-0-e><option value=x>x</option><option value=y>y</option></select>\
             <select name=form-0-f multiple><option value=1 selected><option value=2><option value=3 selected></select>\
             <select name=form-0-g multiple><option value=1></select><input name=form-0-h value=9 disabled>\
             <textarea name=form-0-t>\n two\nlines &lt;</textarea><input type=submit name=form-0-z><input type=file name=form-0-y></form>",
        );
        let want = row(&[
            ("id", "3"),
            ("a", "1 & 2"),
            ("b", "on"),
            ("r", "2"),
            ("d", "7"),
            ("e", "x"),
            ("f", "1"),
            ("f", "3"),
            ("t", " two\r\nlines <"),
            ("y", ""),
        ]);
        assert!(same(&found.rows[0], &want), "{:?}", found.rows);
        assert_eq!(found.rows.len(), 1);
        for (name, value) in [("a", "1"), ("b", ""), ("f", "2"), ("new", "")] {
            let mut other = want.clone();
            other.fields.retain(|(n, _)| n != name);
            assert_eq!(same(&found.rows[0], &other), name == "new");
            other.fields.push((name.to_owned(), value.to_owned()));
            assert!(!same(&found.rows[0], &other), "{name}");
        }
    }

    #[test]
    fn djangos_list_tells_its_rows() {
        let found = list(include_str!("../../tests/fixtures/pages/list.html"));
        let model = Model { app: "shop".to_owned(), model: "product".to_owned() };
        assert!(found.shown.form && !found.shown.asks);
        assert_eq!(found.shown.checked, ["8", "1", "7", "6", "2", "5", "3", "4"]);
        assert_eq!(found.shown.rows(&model).count(), 8);
        assert_eq!(found.shown.watched(&model).len(), 8);
        assert_eq!(found.shown.label(&model, "3"), Some("Red lantern"));
        assert_eq!(found.shown.pk_names(&model), ["id"]);
        assert_eq!(found.rows.len(), 8);
        assert!(same(&found.rows[1], &row(&[("id", "1"), ("price", "24.90"), ("stock", "12")])));
    }

    #[test]
    fn the_field_of_the_key_is_found_whatever_it_is_called() {
        let model = Model { app: "shop".to_owned(), model: "product".to_owned() };
        let form =
            |rows: &str| list(&format!("<form id=\"changelist-form\" method=\"post\">{rows}</form>")).shown;
        let boxes = "<input type=checkbox name=_selected_action value=a><input type=checkbox name=_selected_action value=b>";
        let hidden = |name: &str, a: &str, b: &str| {
            format!(
                "<input type=hidden name=form-0-{name} value={a}><input type=hidden name=form-1-{name} value={b}>"
            )
        };
        let (keys, other) = (hidden("code", "a", "b"), hidden("sort", "1", "2"));
        assert_eq!(form(&format!("{boxes}{keys}{other}")).pk_names(&model), ["code"]);
        // Nothing tells them apart: both are guarded.
        assert_eq!(form(&format!("{keys}{other}")).pk_names(&model), ["code", "sort"]);
        let links = "<a href=\"/admin/shop/product/a/change/?x=1\"> A &amp;\n b</a><a href=\"/admin/shop/product/b/change/\">B</a>\
            <a href=\"/admin/shop/part/1/change/\">no</a><a href=\"#\">no</a>";
        let shown = form(&format!("{links}{keys}{other}"));
        assert_eq!(shown.pk_names(&model), ["code"]);
        assert_eq!(shown.label(&model, "a"), Some("A & b"));
        let rows = shown.watched(&model);
        assert_eq!(rows[1].href.as_deref(), Some("/admin/shop/product/b/change/"));
    }

    /// Not every row of a long list has a badge, but every row is one.
    #[test]
    fn rows_without_a_badge_are_rows() {
        let model = Model { app: "shop".to_owned(), model: "product".to_owned() };
        let row = |n: usize| {
            format!(
                "<input type=checkbox name=_selected_action value={n}><input type=hidden name=form-{n}-id value={n}>"
            )
        };
        let rows: String = (1..=2_500).map(row).collect();
        let shown = list(&format!("<form id=\"changelist-form\" method=\"post\">{rows}</form>")).shown;
        assert_eq!((shown.rows(&model).count(), shown.watched(&model).len()), (2_500, 2_000));
        assert_eq!(shown.pk_names(&model), ["id"]);
    }
}
