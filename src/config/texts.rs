//! The texts of the widget and of the proxy's own pages: as they are documented, and what a site has changed of them.

use std::collections::BTreeSet;

use super::reader::Reader;
use crate::assets::texts::SiteTexts;

/// Texts that users of django-admin-collaborator already have in their settings.
const SEEDS: &[&str] = &[
    "editor_mode_text",
    "viewer_mode_text",
    "claiming_editor_text",
    "notification_message",
    "notification_button_text",
    "notification_request_sent_text",
    "chat_user_list_title",
    "chat_empty_state_text",
    "chat_start_conversation_text",
    "chat_input_placeholder",
    "chat_online_status_text",
    "chat_offline_status_text",
    "chat_offline_placeholder",
    "chat_cannot_send_message",
];

/// What the widget says, and what the proxy's own pages say, which no widget has to load.
pub(super) struct All {
    pub(super) widget: SiteTexts,
    pub(super) pages: SiteTexts,
}

/// Is this one of the settings that a language may have of its own?
pub(super) fn is_text(key: &str) -> bool {
    key.starts_with("texts.")
        || key.starts_with("page_texts.")
        || key.strip_prefix("options.").is_some_and(|name| SEEDS.contains(&name))
}

/// `options.tr.next_text`: the language and the text's name. Languages as `<html lang>` has them: `tr`, `pt-br`.
pub(super) fn of_language(key: &str) -> Option<(&str, &str)> {
    let (language, name) = key.strip_prefix("options.")?.split_once('.')?;
    let mut parts = language.split('-');
    let first = parts.next().unwrap_or_default();
    let letters = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric());
    ((2..=3).contains(&first.len()) && letters(first) && parts.all(letters)).then_some((language, name))
}

pub(super) fn read(r: &mut Reader) -> All {
    let of_section = |r: &Reader, section: &str| -> Vec<(String, String)> {
        r.section(section).into_iter().map(|name| (format!("{section}.{name}"), name)).collect()
    };
    let seeds = SEEDS.iter().map(|name| (format!("options.{name}"), (*name).to_owned()));
    let widget = seeds.chain(of_section(r, "texts")).collect();
    let pages = of_section(r, "page_texts");
    let mut all = All { widget: for_all(r, widget), pages: for_all(r, pages) };
    let english = all.widget.english.values().chain(all.pages.english.values());
    let known: BTreeSet<String> =
        english.flat_map(|text| placeholders(text)).chain(ALWAYS.map(str::to_owned)).collect();
    for key in r.changed().into_iter().filter(|key| is_text(key) || of_language(key).is_some()) {
        if let Some(odd) = placeholders(&r.text(&key)).into_iter().find(|name| !known.contains(name)) {
            r.complain(&key, &format!("nothing is filled in for {{{odd}}}"));
        }
    }
    for key in r.section("options") {
        let key = format!("options.{key}");
        if let Some((language, name)) = of_language(&key) {
            let (language, name) = (language.to_lowercase(), name.to_owned());
            let texts = if all.pages.english.contains_key(&name) { &mut all.pages } else { &mut all.widget };
            texts.by_language.entry(language).or_default().insert(name, r.text(&key));
        }
    }
    all
}

/// In any text.
const ALWAYS: [&str; 3] = ["editor_name", "username", "position"];

/// What stands in braces, and is a name.
fn placeholders(text: &str) -> Vec<String> {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let inside = text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
    inside.filter(|name| is_name(name)).map(str::to_owned).collect()
}

/// What is said in English, and what the site says in every language. `keys`: each with the text's name.
fn for_all(r: &mut Reader, keys: Vec<(String, String)>) -> SiteTexts {
    let mut texts = SiteTexts::default();
    for (key, name) in keys {
        let text = r.text(&key);
        if r.is_changed(&key) {
            texts.changed.insert(name.clone(), text);
        }
        texts.english.insert(name, r.default_text(&key));
    }
    texts
}
