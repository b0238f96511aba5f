//! What people are told: in every language, each in its own place, and none that nobody says.

use super::tests::load_text;

/// Every language says everything that is documented, with the same holes to fill.
#[test]
fn every_language_says_all_there_is() {
    let settings = load_text("", &[], vec![]).unwrap();
    for (folder, english) in
        [("assets/texts", &settings.texts.english), ("assets/page_texts", &settings.page_texts.english)]
    {
        assert!(english.len() > 100, "{folder}: {}", english.len());
        let holes = |text: &str| {
            let parts = text.split('{').skip(1).filter_map(|p| p.split_once('}'));
            parts.map(|(hole, _)| hole.to_owned()).collect::<std::collections::BTreeSet<_>>()
        };
        let mut languages = Vec::new();
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let words: std::collections::BTreeMap<String, String> =
                toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            assert_eq!(
                words.keys().collect::<Vec<_>>(),
                english.keys().collect::<Vec<_>>(),
                "{}",
                path.display()
            );
            for (key, text) in &words {
                assert_eq!(holes(text), holes(&english[key]), "{}: {key}", path.display());
                assert!(!text.is_empty(), "{}: {key}", path.display());
            }
            languages.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        }
        languages.sort();
        assert_eq!(languages, ["ar", "de", "es", "fr", "pt", "tr"], "{folder}");
    }
}

/// A language's section names texts of both kinds, so none may have two meanings.
#[test]
fn no_text_of_a_page_is_called_as_one_of_the_widgets() {
    let settings = load_text("", &[], vec![]).unwrap();
    let both = settings.page_texts.english.keys().filter(|key| settings.texts.english.contains_key(*key));
    assert_eq!(both.collect::<Vec<_>>(), Vec::<&String>::new());
}

/// What is documented is said somewhere, in a page or by its script.
#[test]
fn no_text_of_a_page_is_left_over() {
    fn read(folder: &str, all: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => read(path.to_str().unwrap(), all),
                false => all.push_str(&std::fs::read_to_string(&path).unwrap_or_default()),
            }
        }
    }
    let mut said = String::new();
    read("src", &mut said);
    read("assets/pages", &mut said);
    for key in load_text("", &[], vec![]).unwrap().page_texts.english.keys() {
        assert!(said.contains(&format!("\"{key}\"")) || said.contains(&format!("{{{{{key}}}}}")), "{key}");
    }
}

#[test]
fn a_language_has_texts_of_the_pages_too() {
    let text = "[page_texts]\nkept_text = \"Kept.\"\n[options.tr]\ntry_button = \"Tekrar\"\nnext_text = \"Sıra sizde.\"\n";
    let settings = load_text(text, &[], vec![]).unwrap();
    // Neither kind gets the other's: a page's texts would go out with every form.
    assert_eq!(settings.page_texts.changed.keys().collect::<Vec<_>>(), ["kept_text"]);
    assert_eq!(settings.page_texts.by_language["tr"].keys().collect::<Vec<_>>(), ["try_button"]);
    assert_eq!(settings.texts.by_language["tr"].keys().collect::<Vec<_>>(), ["next_text"]);
    assert!(settings.texts.changed.is_empty() && !settings.texts.english.contains_key("try_button"));
    let problems = load_text("[options.tr]\ntry_buton = \"x\"\n", &[], vec![]).unwrap_err();
    assert!(problems[0].contains("options.tr.try_buton: there is no such setting"), "{problems:?}");
}

#[test]
fn a_language_has_texts_of_its_own() {
    let text = "[options.tr]\neditor_mode_text = \"Düzenliyorsunuz.\"\nnext_text = \"Sıra sizde.\"\n[options.pt-br]\nrow_self = \"Você\"\n";
    let texts = load_text(text, &[], vec![]).unwrap().texts;
    assert_eq!(texts.by_language["tr"]["next_text"], "Sıra sizde.");
    assert_eq!(texts.by_language["pt-br"]["row_self"], "Você");
    assert!(texts.changed.is_empty());
    let problems =
        load_text("[options.tr]\nnext_txt = \"x\"\nenable_chat = false\n", &[], vec![]).unwrap_err();
    for key in ["options.tr.next_txt", "options.tr.enable_chat"] {
        let told = format!("{key}: there is no such setting");
        assert!(problems.iter().any(|p| p.contains(&told)), "{problems:?}");
    }
}
