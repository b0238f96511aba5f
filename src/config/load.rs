//! Lays the sources over each other: the defaults, the site's file, the environment, the flags.
//!
//! Owns which is stronger, and that what none of them knows is an error.

use std::path::Path;

use super::reader::Reader;
use super::shown::{self, Shown};
use super::source::{self, Entry, Layer, Origin, Problem};
use super::{DEFAULTS, FILE, Flags, Problems, Settings, settings, texts};

/// Reads the file, the environment and the flags. `config`: a file that must be there; else [`FILE`] if it is.
pub fn load(
    config: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
    flags: Flags,
) -> Result<Settings, Problems> {
    let mut problems = Vec::new();
    let (name, text) = read_file(config, &mut problems);
    let settings = resolve(&name, &text, variables, flags, &mut problems);
    match settings {
        Some(settings) if problems.is_empty() => Ok(settings),
        _ => Err(Problems(problems)),
    }
}

/// The same, for who wants to see every setting and where it comes from.
pub fn show(
    config: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
    flags: Flags,
) -> Result<Vec<Shown>, Problems> {
    let mut problems = Vec::new();
    let (name, text) = read_file(config, &mut problems);
    let (layer, defaults) = layers(&name, &text, variables, flags, &mut problems);
    let mut reader = Reader::new(layer.clone(), defaults.clone());
    settings(&mut reader);
    problems.extend(reader.into_problems());
    match problems.is_empty() {
        true => Ok(shown::all(&layer, &defaults)),
        false => Err(Problems(problems)),
    }
}

/// How the file is called, and what is in it.
fn read_file(config: Option<&Path>, problems: &mut Vec<Problem>) -> (String, String) {
    let path = config.unwrap_or(Path::new(FILE));
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if config.is_none() && e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => {
            problems.push(Problem { origin: name.clone(), text: format!("cannot be read: {e}") });
            String::new()
        }
    };
    (name, text)
}

pub(super) fn resolve(
    name: &str,
    text: &str,
    variables: impl IntoIterator<Item = (String, String)>,
    flags: Flags,
    problems: &mut Vec<Problem>,
) -> Option<Settings> {
    let (layer, defaults) = layers(name, text, variables, flags, problems);
    let mut reader = Reader::new(layer, defaults);
    let settings = settings(&mut reader);
    problems.extend(reader.into_problems());
    settings
}

/// What holds, and what is documented.
pub(super) fn layers(
    name: &str,
    text: &str,
    variables: impl IntoIterator<Item = (String, String)>,
    flags: Flags,
    problems: &mut Vec<Problem>,
) -> (Layer, Layer) {
    let defaults = source::defaults(DEFAULTS, problems);
    let mut layer = defaults.clone();
    let keys: Vec<String> = layer.keys().cloned().collect();
    let file = source::file(name, text, problems);
    for (key, entry) in &file {
        // A language may have any of the texts.
        let known = match texts::of_language(key) {
            Some((_, name)) => {
                keys.iter().any(|k| texts::is_text(k) && k.split_once('.').is_some_and(|(_, n)| n == name))
            }
            None => keys.contains(key),
        };
        if !known {
            problems.push(Problem {
                origin: entry.origin.to_string(),
                text: format!(
                    "{key}: there is no such setting{}",
                    source::suggestion(key, &keys, str::to_owned)
                ),
            });
        }
    }
    layer.extend(file);
    layer.extend(source::environment(variables, &keys, problems));
    layer.extend(flag_layer(flags));
    (layer, defaults)
}

fn flag_layer(flags: Flags) -> Layer {
    flags
        .into_iter()
        .map(|(key, value, flag)| {
            let origin = Origin::Flag { flag: flag.to_owned() };
            (key.to_owned(), Entry { raw: source::word(&value), origin })
        })
        .collect()
}
