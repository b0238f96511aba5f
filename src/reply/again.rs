//! What cannot be sent again without the person: files have to be chosen, and passwords typed, once more.

use crate::assets::catalog::Catalog;
use crate::django::form::Typed;
use crate::django::watch::withhold;

fn text(s: &str) -> String {
    html_escape::encode_quoted_attribute(s).into_owned()
}

/// In the form of a refused save.
pub(super) fn html(catalog: &Catalog, typed: &Typed) -> String {
    let mut html = String::new();
    for (name, file) in &typed.files {
        let label = choose(catalog, &in_words(name), file);
        let name = text(name);
        html.push_str(&format!(
            "<p><label for=\"file-{name}\">{label}</label> \
             <input type=\"file\" id=\"file-{name}\" name=\"{name}\"></p>"
        ));
    }
    for name in &typed.withheld {
        let mark = withhold(name);
        let name = text(name);
        let label = catalog.html("type_again_text", &[("field", &format!("<b>{name}</b>"))]);
        html.push_str(&format!(
            "<p><label for=\"again-{name}\">{label}</label> \
             <input type=\"password\" id=\"again-{name}\" name=\"{name}\" autocomplete=\"off\">{mark}</p>"
        ));
    }
    if typed.cut {
        html.push_str(&format!("<p>{}</p>", catalog.html("cut_text", &[])));
    }
    html
}

/// In each of the forms of a refused list, which may have the same fields several times: without ids.
pub(super) fn of_list(catalog: &Catalog, files: &[(String, String)], withheld: &[String]) -> String {
    let mut html = String::new();
    for (name, file) in files {
        let label = choose(catalog, name, file);
        html.push_str(&format!(
            "<p><label>{label} <input type=\"file\" name=\"{}\"></label></p>",
            text(name)
        ));
    }
    for name in withheld {
        let mark = withhold(name);
        let name = text(name);
        let label = catalog.html("type_again_text", &[("field", &name)]);
        html.push_str(&format!(
            "<p><label>{label} <input type=\"password\" name=\"{name}\" autocomplete=\"off\"></label>{mark}</p>"
        ));
    }
    html
}

fn choose(catalog: &Catalog, field: &str, file: &str) -> String {
    let (field, file) = (text(field), format!("<b>{}</b>", text(file)));
    catalog.html("choose_file_text", &[("field", &field), ("file", &file)])
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
