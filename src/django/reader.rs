//! Reads what an object's form shows while its page streams: its fields' names, labels and values.
//!
//! Pure. Owns what a browser would send of a form that nobody touched (HTML, 4.10.22: constructing the entry
//! list). Passwords and files are never read. Which form it is, `django::page` knows.

use std::collections::HashMap;

use lol_html::send::Settings;
use lol_html::{element, end_tag, text};

use super::fields::{Field, Kind, Value, plain_lines};
use super::page::{Shared, lock, tidy};

enum Open {
    Label { of: String, text: String },
    Area { field: usize, text: String },
    Option { value: Option<String>, text: String, selected: bool },
}

/// A list that is just being read.
struct Choice {
    field: usize,
    multiple: bool,
    /// What a browser takes if nothing is marked.
    first: Option<Value>,
}

/// Collects the fields of one form.
#[derive(Default)]
pub struct Reader {
    pub inside: bool,
    fields: Vec<Field>,
    places: HashMap<String, usize>,
    /// A control's id → its field, and the box's value.
    ids: HashMap<String, (usize, Option<String>)>,
    /// How many boxes bear a name.
    boxes: HashMap<usize, usize>,
    labels: Vec<(String, String)>,
    /// Fields of the empty rows that new ones are made from.
    templates: Vec<String>,
    open: Option<Open>,
    choice: Option<Choice>,
    /// Every choice's words, (name, value) → words; only where they are asked for.
    pub words: Option<HashMap<(String, String), String>>,
    title: String,
    /// Django's CSRF token of this form.
    pub csrf: Option<String>,
}

impl Reader {
    fn place(&mut self, name: String, kind: Kind) -> usize {
        if let Some(&at) = self.places.get(&name) {
            return at;
        }
        let at = self.fields.len();
        self.places.insert(name.clone(), at);
        self.fields.push(Field { name, kind, ..Field::default() });
        at
    }

    fn input(&mut self, control: Control) {
        let kind = match control.kind.as_str() {
            "checkbox" | "radio" => Kind::Box,
            "hidden" => Kind::Hidden,
            "password" | "file" | "submit" | "button" | "reset" | "image" => return,
            _ => Kind::Text,
        };
        if control.template {
            self.templates.extend((kind != Kind::Hidden).then_some(control.name));
            return;
        }
        let at = self.place(control.name, kind);
        let value = control.value.unwrap_or_else(|| if kind == Kind::Box { "on" } else { "" }.to_owned());
        if kind == Kind::Box {
            *self.boxes.entry(at).or_default() += 1;
        }
        if let Some(id) = control.id {
            self.ids.insert(id, (at, (kind == Kind::Box).then(|| value.clone())));
        }
        if kind != Kind::Box || control.checked {
            self.fields[at].values.push(Value(plain_lines(&value), String::new()));
        }
    }

    fn close(&mut self) {
        match self.open.take() {
            Some(Open::Label { of, text }) => self.labels.push((of, tidy(&text))),
            Some(Open::Area { field, text }) => {
                let text = html_escape::decode_html_entities(&text).into_owned();
                // The line end right after the tag is not part of the text (HTML, 13.2.6.4.7).
                let text = plain_lines(&text);
                let text = text.strip_prefix('\n').unwrap_or(&text).to_owned();
                self.fields[field].values.push(Value(text, String::new()));
            }
            Some(Open::Option { value, text, selected }) => {
                let Some(choice) = &mut self.choice else { return };
                let shown = tidy(&text);
                let value = Value(value.unwrap_or_else(|| shown.clone()), shown);
                if let Some(words) = &mut self.words {
                    let name = self.fields[choice.field].name.clone();
                    words.insert((name, value.0.clone()), value.1.clone());
                }
                if selected {
                    let values = &mut self.fields[choice.field].values;
                    if !choice.multiple {
                        values.clear();
                    }
                    values.push(value);
                } else if choice.first.is_none() {
                    choice.first = Some(value);
                }
            }
            None => {}
        }
    }

    fn close_choice(&mut self) {
        self.close();
        let Some(Choice { field, multiple, first }) = self.choice.take() else { return };
        let values = &mut self.fields[field].values;
        if values.is_empty() && !multiple {
            values.extend(first);
        }
    }

    fn text(&mut self, chunk: &str) {
        match &mut self.open {
            Some(Open::Label { text, .. } | Open::Area { text, .. } | Open::Option { text, .. }) => {
                text.push_str(chunk);
            }
            None => {}
        }
    }

    /// Names of the fields that people see, those of empty rows too.
    pub fn seen(&self) -> Vec<&str> {
        let fields = self.fields.iter().filter(|f| f.kind != Kind::Hidden).map(|f| f.name.as_str());
        fields.chain(self.templates.iter().map(String::as_str)).collect()
    }

    /// The object's name: the first part of `Blue kettle | Change product | Corner shop`.
    pub fn title(&self) -> Option<String> {
        let parts: Vec<&str> = self.title.split('|').collect();
        (parts.len() >= 3).then(|| tidy(parts[0])).filter(|t| !t.is_empty())
    }

    /// The fields, with the labels that the page gives them.
    pub fn fields(&self) -> Vec<Field> {
        let mut fields = self.fields.clone();
        for (of, text) in &self.labels {
            let Some((at, value)) = self.ids.get(of) else { continue };
            let field = &mut fields[*at];
            match value {
                Some(value) if self.boxes.get(at).is_some_and(|n| *n > 1) => {
                    for chosen in field.values.iter_mut().filter(|v| v.0 == *value) {
                        chosen.1.clone_from(text);
                    }
                }
                _ if field.label.is_empty() => text.trim_end_matches(':').clone_into(&mut field.label),
                _ => {}
            }
        }
        fields
    }
}

#[derive(Default)]
struct Control {
    name: String,
    kind: String,
    id: Option<String>,
    value: Option<String>,
    checked: bool,
    /// Of a row that is only there to be copied, and never sent.
    template: bool,
}

type Element<'r, 't> = lol_html::send::Element<'r, 't>;

fn attribute(el: &Element, name: &str) -> Option<String> {
    el.get_attribute(name).map(|value| html_escape::decode_html_entities(&value).into_owned())
}

/// None for what is never sent: no name, switched off, ours.
fn control(el: &Element) -> Option<Control> {
    let name = attribute(el, "name").filter(|n| !n.is_empty())?;
    let ours =
        name == super::form::TOKEN_FIELD || name.starts_with("_collab") || name == "csrfmiddlewaretoken";
    if ours || el.has_attribute("disabled") {
        return None;
    }
    Some(Control {
        template: name.contains("__prefix__"),
        name,
        kind: el.get_attribute("type").unwrap_or_default().to_ascii_lowercase(),
        id: attribute(el, "id"),
        value: attribute(el, "value"),
        checked: el.has_attribute("checked"),
    })
}

/// Reads every field between the form's start and its end, as `inside` says.
pub fn watch(settings: Settings<'static, 'static>, reader: &Shared<Reader>) -> Settings<'static, 'static> {
    let settings = watch_controls(settings, reader);
    let [labels, options, texts, titles] = [(); 4].map(|()| Shared::clone(reader));
    settings
        .append_element_content_handler(text!("head > title", move |chunk| {
            lock(&titles).title.push_str(chunk.as_str());
            Ok(())
        }))
        .append_element_content_handler(element!("label[for]", move |el| {
            let mut reader = lock(&labels);
            if reader.inside
                && let Some(of) = attribute(el, "for")
            {
                reader.close();
                reader.open = Some(Open::Label { of, text: String::new() });
                drop(reader);
                closes(el, &labels, Reader::close)?;
            }
            Ok(())
        }))
        .append_element_content_handler(element!("option", move |el| {
            let mut reader = lock(&options);
            if reader.choice.is_some() {
                reader.close();
                let selected = el.has_attribute("selected");
                let wanted = selected
                    || reader.words.is_some()
                    || reader.choice.as_ref().is_some_and(|c| !c.multiple && c.first.is_none());
                if wanted {
                    let value = attribute(el, "value");
                    reader.open = Some(Open::Option { value, text: String::new(), selected });
                    drop(reader);
                    closes(el, &options, Reader::close)?;
                }
            }
            Ok(())
        }))
        .append_element_content_handler(text!("label, option, textarea", move |chunk| {
            lock(&texts).text(chunk.as_str());
            Ok(())
        }))
}

fn watch_controls(
    settings: Settings<'static, 'static>,
    reader: &Shared<Reader>,
) -> Settings<'static, 'static> {
    let [inputs, areas, selects] = [(); 3].map(|()| Shared::clone(reader));
    settings
        .append_element_content_handler(element!("input", move |el| {
            let mut reader = lock(&inputs);
            if reader.inside && el.get_attribute("name").as_deref() == Some("csrfmiddlewaretoken") {
                reader.csrf = attribute(el, "value");
            }
            if reader.inside
                && let Some(control) = control(el)
            {
                reader.input(control);
            }
            Ok(())
        }))
        .append_element_content_handler(element!("textarea", move |el| {
            let mut reader = lock(&areas);
            if reader.inside
                && let Some(Control { name, id, template, .. }) = control(el)
            {
                if template {
                    reader.templates.push(name);
                    return Ok(());
                }
                let field = reader.place(name, Kind::Long);
                reader.ids.extend(id.map(|id| (id, (field, None))));
                reader.close();
                reader.open = Some(Open::Area { field, text: String::new() });
                drop(reader);
                closes(el, &areas, Reader::close)?;
            }
            Ok(())
        }))
        .append_element_content_handler(element!("select", move |el| {
            let mut reader = lock(&selects);
            if reader.inside
                && let Some(Control { name, id, template, .. }) = control(el)
            {
                if template {
                    reader.templates.push(name);
                    return Ok(());
                }
                let field = reader.place(name, Kind::Choice);
                reader.ids.extend(id.map(|id| (id, (field, None))));
                reader.choice = Some(Choice { field, multiple: el.has_attribute("multiple"), first: None });
                drop(reader);
                closes(el, &selects, Reader::close_choice)?;
            }
            Ok(())
        }))
}

fn closes(el: &mut Element, reader: &Shared<Reader>, close: fn(&mut Reader)) -> lol_html::HandlerResult {
    let reader = Shared::clone(reader);
    el.on_end_tag(end_tag!(move |_| {
        close(&mut lock(&reader));
        Ok(())
    }))?;
    Ok(())
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
