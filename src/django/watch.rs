//! What the rewriter looks for in a form's page, and where it puts our pieces.
//!
//! Handlers only note what they saw, in the page's shared state; what it means is decided elsewhere.

use std::collections::BTreeSet;
use std::sync::Arc;

use lol_html::html_content::ContentType;
use lol_html::{element, end, end_tag, text};

use super::base::{BASE_FIELD, Shown as Form, pack};
use super::form::WITHHOLD_FIELD;
use super::page::{Base, Field, NAME_LIMIT, PageSettings, Seen, Shared, Tail, lock};
use super::reader::Reader;
use super::theme::Themes;

pub(super) fn watch_form(
    settings: PageSettings,
    themes: &Themes,
    seen: &Shared<Seen>,
    start: Option<(String, Field, Base)>,
    fields: &Shared<Reader>,
) -> PageSettings {
    let (seen, fields) = (Arc::clone(seen), Arc::clone(fields));
    let mut start = start;
    settings.append_element_content_handler(element!(themes.form.clone(), move |el| {
        let id = el.get_attribute("id").unwrap_or_default();
        let mut state = lock(&seen);
        if state.learned.form.is_some() || matches!(id.as_str(), "logout_form" | "logout-form") {
            return Ok(());
        }
        state.learned.form = Some(id);
        state.inside_form = true;
        let lang = state.learned.lang.clone();
        drop(state);
        let Some((before, field, mut base)) = start.take() else {
            return Ok(());
        };
        el.before(&before, ContentType::Html);
        el.prepend(&field(&lang), ContentType::Html);
        lock(&fields).inside = true;
        let (seen, fields) = (Arc::clone(&seen), Arc::clone(&fields));
        el.on_end_tag(end_tag!(move |tag| {
            let mut state = lock(&seen);
            state.inside_form = false;
            // The form itself says what must not be echoed: whoever refuses its POST need not have seen the page.
            for name in &state.learned.passwords {
                tag.before(&withhold(name), ContentType::Html);
            }
            let mut fields = lock(&fields);
            fields.inside = false;
            let base = match &mut base {
                Base::Shown => pack(&Form { title: fields.title(), fields: fields.fields() }),
                Base::Carried(base) => base.take(),
            };
            if let Some(base) = base {
                tag.before(&hidden(BASE_FIELD, &base), ContentType::Html);
            }
            Ok(())
        }))
    }))
}

/// Puts `field` into each form that posts to the page's own address, or to one that is `ours`.
pub(super) fn mark_forms(
    settings: PageSettings,
    seen: &Shared<Seen>,
    field: Field,
    ours: impl Fn(&str) -> bool + Send + 'static,
) -> PageSettings {
    let seen = Arc::clone(seen);
    settings.append_element_content_handler(element!("form[method=\"post\" i]", move |el| {
        let action = el.get_attribute("action").unwrap_or_default();
        let path = action.split(['?', '#']).next().unwrap_or_default();
        if path.is_empty() || (!path.starts_with("//") && ours(path)) {
            let lang = lock(&seen).learned.lang.clone();
            el.prepend(&field(&lang), ContentType::Html);
        }
        Ok(())
    }))
}

/// A hidden field that names a field whose value is never given back.
pub fn withhold(name: &str) -> String {
    hidden(WITHHOLD_FIELD, name)
}

/// A hidden field, escaped.
pub fn hidden(name: &str, value: &str) -> String {
    let text = html_escape::encode_quoted_attribute;
    format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", text(name), text(value))
}

pub(super) fn watch_controls(settings: PageSettings, themes: &Themes, seen: &Shared<Seen>) -> PageSettings {
    let names: BTreeSet<String> = themes.save_controls.iter().cloned().collect();
    let controls = Arc::clone(seen);
    let passwords = Arc::clone(seen);
    let popup = Arc::clone(seen);
    settings
        .append_element_content_handler(element!("input[name], button[name]", move |el| {
            let is_save = el.get_attribute("name").is_some_and(|n| names.contains(&n));
            let hidden = el.get_attribute("type").is_some_and(|t| t.eq_ignore_ascii_case("hidden"));
            if !is_save || hidden {
                return Ok(());
            }
            let mut state = lock(&controls);
            match el.get_attribute("form") {
                Some(form) => state.tied.push(form),
                None => state.learned.can_edit |= state.inside_form,
            }
            Ok(())
        }))
        .append_element_content_handler(element!("input[type=\"password\" i][name]", move |el| {
            if let Some(name) = el.get_attribute("name") {
                lock(&passwords).learned.passwords.insert(name);
            }
            Ok(())
        }))
        .append_element_content_handler(element!("[data-popup-response]", move |_| {
            lock(&popup).learned.popup_done = true;
            Ok(())
        }))
}

/// The page's language.
pub(super) fn watch_lang(settings: PageSettings, tell: impl Fn(String) + Send + 'static) -> PageSettings {
    settings.append_element_content_handler(element!("html[lang]", move |el| {
        tell(el.get_attribute("lang").unwrap_or_default());
        Ok(())
    }))
}

/// Django's own links from an object's page name its key, whatever the page's address is.
pub(super) fn watch_links(settings: PageSettings, seen: &Shared<Seen>) -> PageSettings {
    const MOST: usize = 8;
    let seen = Arc::clone(seen);
    settings.append_element_content_handler(element!(
        "a[href$=\"/history/\"], a[href$=\"/delete/\"]",
        move |el| {
            let links = &mut lock(&seen).learned.links;
            if links.len() < MOST {
                let href = el.get_attribute("href").unwrap_or_default();
                links.push(html_escape::decode_html_entities(&href).into_owned());
            }
            Ok(())
        }
    ))
}

pub(super) fn watch_names(mut settings: PageSettings, themes: &Themes, seen: &Shared<Seen>) -> PageSettings {
    for (i, place) in themes.name.iter().enumerate() {
        let seen = Arc::clone(seen);
        settings = settings.append_element_content_handler(text!(place.selector.clone(), move |chunk| {
            let mut state = lock(&seen);
            if state.names[i].len() < 4 * NAME_LIMIT {
                state.names[i].push_str(chunk.as_str());
            }
            Ok(())
        }));
    }
    settings
}

pub(super) fn append_tail(
    settings: PageSettings,
    seen: &Shared<Seen>,
    fields: &Shared<Reader>,
    tail: Tail,
) -> PageSettings {
    let (seen, fields) = (Arc::clone(seen), Arc::clone(fields));
    let mut tail = Some(tail);
    settings.append_document_content_handler(end!(move |document| {
        let learned = lock(&seen).known();
        if learned.form.is_some()
            && let Some(html) = tail.take().and_then(|tail| tail(&learned, &lock(&fields).seen()))
        {
            document.append(&html, ContentType::Html);
        }
        Ok(())
    }))
}
