//! A change list on its way out: which rows it shows is read, and our two pieces are put in.
//!
//! Push style, like `page.rs`, whose rewriter it uses. What the pieces say is the caller's.

use std::collections::{BTreeMap, BTreeSet};

use lol_html::html_content::ContentType;
use lol_html::{AsciiCompatibleEncoding, element, end, text};

use super::changelist::{Model, SELECTED, split};
use super::page::{Field, Page, PageSettings, Shared, lock, tidy};
use super::route::{Prefix, Route, View, route};
use super::theme::Themes;
use super::watch::watch_lang;

/// More rows than this are not watched.
pub const WATCHED: usize = 2_000;
/// All keys together: they come back in one frame of the socket.
const WATCHED_BYTES: usize = 40 * 1024;

/// What a list said of its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The list's form was there.
    pub form: bool,
    /// Keys as the rows' checkboxes have them.
    pub checked: Vec<String>,
    /// Rows' own pages: address and text, by canonical key.
    pub links: BTreeMap<String, (String, String)>,
    /// Hidden inputs of `list_editable` rows: what they hold, by the field's name.
    pub hidden: BTreeMap<String, Vec<String>>,
    /// Hidden selected rows: a page that asks before it goes on.
    pub asks: bool,
    /// `<html lang>`, as it stands there.
    pub lang: String,
    /// The link that is open.
    open: Option<String>,
}

/// One row as the widget can find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownRow {
    pub pk: String,
    /// Where it has no checkbox.
    pub href: Option<String>,
}

impl Shown {
    /// The rows, each once, however many they are.
    pub fn rows<'s>(&'s self, model: &'s Model) -> impl Iterator<Item = ShownRow> + 's {
        let mut seen = BTreeSet::new();
        let boxes = self.checked.iter().map(|pk| ShownRow { pk: pk.clone(), href: None });
        let links = self.links.iter();
        let links = links.map(|(pk, (href, _))| ShownRow { pk: pk.clone(), href: Some(href.clone()) });
        boxes.chain(links).filter(move |row| seen.insert(model.object(&row.pk)))
    }

    /// The first of them: those that have badges.
    pub fn watched(&self, model: &Model) -> Vec<ShownRow> {
        let mut bytes = 0;
        let fits = |row: &ShownRow| {
            bytes += row.pk.len() + 8;
            bytes <= WATCHED_BYTES
        };
        self.rows(model).take(WATCHED).take_while(fits).collect()
    }

    /// Names of the fields that hold the rows' keys: hidden in each row, and never anything but the key of a row
    /// that is shown. More than one only where a site hides more such fields; none, if there is no telling.
    pub fn pk_names(&self, model: &Model) -> Vec<String> {
        let rows: BTreeSet<String> = self.rows(model).map(|r| model.object(&r.pk).pk().to_owned()).collect();
        let is_key = |value: &String| rows.is_empty() || rows.contains(model.object(value).pk());
        let fits = |values: &Vec<String>| values.iter().all(is_key);
        self.hidden.iter().filter(|(_, values)| fits(values)).map(|(name, _)| name.clone()).collect()
    }

    /// What people call a row.
    pub fn label(&self, model: &Model, pk: &str) -> Option<&str> {
        self.links.get(model.object(pk).pk()).map(|(_, text)| text.as_str()).filter(|t| !t.is_empty())
    }
}

/// Makes the end of a page from all that it said.
pub type Tail = Box<dyn FnOnce(&Shown) -> String + Send>;

/// What is to be put in.
pub struct Insert {
    /// Put first into the list's form, if anything.
    pub field: Option<Field>,
    pub tail: Tail,
}

/// Where links lead to.
#[derive(Clone)]
pub struct Place {
    pub prefixes: Vec<Prefix>,
    pub model: Model,
}

impl Place {
    fn pk_of(&self, href: &str) -> Option<String> {
        let path = href.split(['?', '#']).next()?;
        match route(&self.prefixes, path) {
            Route::Object { key, view: View::Change } if key.model() == self.model.label() => {
                Some(key.pk().to_owned())
            }
            _ => None,
        }
    }
}

pub fn page(themes: &Themes, encoding: AsciiCompatibleEncoding, place: &Place, insert: Insert) -> Page {
    let shown: Shared<Shown> = Shared::default();
    let Insert { field, tail } = insert;
    Page::with(themes, encoding, |settings| {
        let settings = watch(settings, themes, place, &shown);
        let settings = put_field(settings, themes, field, &shown);
        let mut tail = Some(tail);
        settings.append_document_content_handler(end!(move |document| {
            let shown = lock(&shown);
            if shown.form
                && let Some(tail) = tail.take()
            {
                document.append(&tail(&shown), ContentType::Html);
            }
            Ok(())
        }))
    })
}

fn put_field(
    settings: PageSettings,
    themes: &Themes,
    mut field: Option<Field>,
    shown: &Shared<Shown>,
) -> PageSettings {
    let shown = Shared::clone(shown);
    settings.append_element_content_handler(element!(themes.list.form.clone(), move |el| {
        if let Some(field) = field.take() {
            let lang = lock(&shown).lang.clone();
            el.prepend(&field(&lang), ContentType::Html);
        }
        Ok(())
    }))
}

fn unescaped(value: Option<String>) -> Option<String> {
    value.map(|v| html_escape::decode_html_entities(&v).into_owned())
}

/// The handlers that read a list's rows.
pub(super) fn watch(
    settings: PageSettings,
    themes: &Themes,
    place: &Place,
    shown: &Shared<Shown>,
) -> PageSettings {
    let list = &themes.list;
    let page = Shared::clone(shown);
    let settings = watch_lang(settings, move |lang| lock(&page).lang = lang);
    let [form, boxes, hidden, links, texts] = std::array::from_fn(|_| Shared::clone(shown));
    let place = place.clone();
    let inside = |selector: &str| format!("{} {selector}", list.form);
    settings
        .append_element_content_handler(element!(list.form.clone(), move |_| {
            lock(&form).form = true;
            Ok(())
        }))
        .append_element_content_handler(element!(list.checkbox.clone(), move |el| {
            if let Some(pk) = unescaped(el.get_attribute("value")) {
                lock(&boxes).checked.push(pk);
            }
            Ok(())
        }))
        .append_element_content_handler(element!("input[type=\"hidden\" i][name]", move |el| {
            let name = unescaped(el.get_attribute("name")).unwrap_or_default();
            let value = unescaped(el.get_attribute("value")).unwrap_or_default();
            let mut shown = lock(&hidden);
            shown.asks |= name == SELECTED;
            if let Some((_, field)) = split(&name) {
                shown.hidden.entry(field.to_owned()).or_default().push(value);
            }
            Ok(())
        }))
        .append_element_content_handler(element!(inside(&list.link), move |el| {
            let href = unescaped(el.get_attribute("href")).unwrap_or_default();
            let pk = place.pk_of(&href);
            let mut shown = lock(&links);
            // A row's first link is the one that names it.
            shown.open = pk.filter(|pk| !shown.links.contains_key(pk));
            if let Some(pk) = shown.open.clone() {
                shown.links.insert(pk, (href, String::new()));
            }
            Ok(())
        }))
        .append_element_content_handler(text!(inside(&list.link), move |chunk| {
            let mut shown = lock(&texts);
            let Some(pk) = shown.open.clone() else {
                return Ok(());
            };
            if let Some((_, text)) = shown.links.get_mut(&pk).filter(|(_, t)| t.len() < 600) {
                text.push_str(chunk.as_str());
                if chunk.last_in_text_node() {
                    *text = tidy(text);
                }
            }
            Ok(())
        }))
}
