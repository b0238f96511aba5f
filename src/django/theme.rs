//! The selectors of `assets/themes.toml`: where the admin's many faces keep their form and the person's name.
//!
//! Owns reading that file. No selector is written in any other `.rs` or `.js` file.

use lol_html::Selector;
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Themes {
    /// The object's form.
    pub form: String,
    /// Names of the submit controls that save.
    pub save_controls: Vec<String>,
    /// Where a display name stands, best first.
    pub name: Vec<NamePlace>,
    /// What the widget stops, and leaves alive, in a read-only form. Handed on as it stands.
    pub readonly: ReadOnly,
    /// What adds a row to an inline, below the inline's `…-group`. Handed on as it stands.
    pub add_row: String,
    pub remove_row: String,
    /// The box of a rich-text editor. Handed on as it stands.
    pub rich: String,
    /// The change list's parts.
    pub list: List,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamePlace {
    pub theme: String,
    pub selector: String,
}

#[derive(Clone, Debug, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReadOnly {
    pub block: Vec<String>,
    pub allow: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    pub form: String,
    pub checkbox: String,
    pub link: String,
    /// These are the widget's, handed on as they stand.
    pub toggle: String,
    pub row: String,
    pub cell: String,
    pub controls: String,
}

impl Themes {
    pub fn parse(text: &str) -> Result<Self, String> {
        let themes: Self = toml::from_str(text).map_err(|e| e.to_string())?;
        let selectors = themes.name.iter().map(|n| (&n.theme, &n.selector));
        let [form, list] = ["form", "list"].map(String::from);
        let of_list = [&themes.list.form, &themes.list.checkbox, &themes.list.link].map(|s| (&list, s));
        for (what, selector) in selectors.chain([(&form, &themes.form)]).chain(of_list) {
            selector
                .parse::<Selector>()
                .map_err(|e| format!("{what}: the selector {selector:?} cannot be used: {e}"))?;
        }
        Ok(themes)
    }
}
