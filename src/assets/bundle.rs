//! Several modules as one script: a page loads one file, and it packs better than many.
//!
//! Made when the program starts, from files that stay what they are: every module becomes a function that gives what it
//! exports. It understands only how our own files are written, one import or export a line; a test holds them to it.

use std::collections::{BTreeMap, BTreeSet};

/// `import { a, b } from './name.js';`: the names, and the module.
pub(super) fn import(line: &str) -> Option<(&str, &str)> {
    let (names, rest) = line.strip_prefix("import {")?.split_once("} from './")?;
    Some((names.trim(), rest.strip_suffix(".js';")?))
}

/// The exported name, and the line without its `export`.
fn export(line: &str) -> Option<(&str, &str)> {
    let plain = line.strip_prefix("export ")?;
    let after = ["function ", "async function ", "class ", "const "]
        .iter()
        .find_map(|kind| plain.strip_prefix(kind))?;
    let end = after.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')?;
    Some((&after[..end], plain))
}

/// The script of `entry` (without `.js`), with everything that it needs. `sources`: texts without comments, by name.
pub(super) fn bundle(entry: &str, sources: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    add(entry, sources, &mut BTreeSet::new(), &mut out);
    // For who loads it from another script.
    let exports: Vec<&str> =
        sources.get(entry).into_iter().flat_map(|s| s.lines()).filter_map(|l| Some(export(l)?.0)).collect();
    if !exports.is_empty() {
        out.push_str(&format!("export const {{ {} }} = ${entry};\n", exports.join(", ")));
    }
    out
}

fn add(name: &str, sources: &BTreeMap<String, String>, done: &mut BTreeSet<String>, out: &mut String) {
    let Some(source) = sources.get(name).filter(|_| done.insert(name.to_owned())) else {
        return;
    };
    for (_, module) in source.lines().filter_map(import) {
        add(module, sources, done, out);
    }
    let mut exports = Vec::new();
    out.push_str(&format!("const ${name} = (() => {{\n"));
    for line in source.lines() {
        if let Some((names, module)) = import(line) {
            out.push_str(&format!("const {{ {} }} = ${module};\n", names.replace(" as ", ": ")));
        } else if let Some((exported, plain)) = export(line) {
            exports.push(exported);
            out.push_str(&format!("{plain}\n"));
        } else {
            out.push_str(&format!("{line}\n"));
        }
    }
    out.push_str(&format!("return {{ {} }};\n}})();\n", exports.join(", ")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_become_functions_in_the_order_they_need() {
        let sources = BTreeMap::from([
            (
                "main".to_owned(),
                "import { a, b as c } from './low.js';\nimport { x } from './mid.js';\na(c, x);\n".to_owned(),
            ),
            ("mid".to_owned(), "import { a } from './low.js';\nexport const x = a(1);\n".to_owned()),
            (
                "low".to_owned(),
                "export function a(n) {\nreturn n;\n}\nexport class b {}\nexport async function d() {}\n"
                    .to_owned(),
            ),
            ("other".to_owned(), "export const z = 1;\n".to_owned()),
        ]);
        let script = bundle("main", &sources);
        assert_eq!(
            script,
            "const $low = (() => {\nfunction a(n) {\nreturn n;\n}\nclass b {}\nasync function d() {}\nreturn { a, b, d };\n})();\n\
             const $mid = (() => {\nconst { a } = $low;\nconst x = a(1);\nreturn { x };\n})();\n\
             const $main = (() => {\nconst { a, b: c } = $low;\nconst { x } = $mid;\na(c, x);\nreturn {  };\n})();\n"
        );
    }
}
