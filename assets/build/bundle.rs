//! Several modules as one script: a page loads one file, and it packs better than many.
//!
//! Every module becomes a function that gives what it exports. It understands only how our own files are written, one
//! import or export a line; a test holds them to it.

use std::collections::{BTreeMap, BTreeSet};

/// `import { a, b } from './name.js';`: the names, and the module.
pub(crate) fn import(line: &str) -> Option<(&str, &str)> {
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

/// Which modules a script holds, which of another script's it borrows, and which of its own it lends.
struct Plan {
    held: Vec<String>,
    borrowed: BTreeSet<String>,
    lent: BTreeSet<String>,
}

/// The script of `entry` (without `.js`), with everything that it needs. `sources`: the modules' texts, by name.
/// `lenders`: `(borrower, lender)`: the first is only ever loaded by a page that has loaded the second, and takes from
/// it what both need.
pub(crate) fn bundle(entry: &str, sources: &BTreeMap<String, String>, lenders: &[(&str, &str)]) -> String {
    let plan = plan(entry, sources, lenders);
    let names = |modules: &BTreeSet<String>| {
        modules.iter().map(|name| format!("${name}")).collect::<Vec<_>>().join(", ")
    };
    let mut out = String::new();
    if let Some((_, lender)) = lenders.iter().find(|(borrower, _)| *borrower == entry) {
        out.push_str(&format!("import {{ {} }} from './{lender}.js';\n", names(&plan.borrowed)));
    }
    for name in &plan.held {
        module(name, sources, &mut out);
    }
    if !plan.lent.is_empty() {
        out.push_str(&format!("export {{ {} }};\n", names(&plan.lent)));
    }
    // For who loads it from another script.
    let exports = exports(&sources[entry]).join(", ");
    if !exports.is_empty() {
        out.push_str(&format!("export const {{ {} }} = ${entry};\n", pattern(&exports, entry, sources)));
    }
    out
}

fn plan(entry: &str, sources: &BTreeMap<String, String>, lenders: &[(&str, &str)]) -> Plan {
    let all = needed(entry, sources);
    let lender = lenders.iter().find(|(borrower, _)| *borrower == entry);
    let there = lender.map(|(_, lender)| needed(lender, sources)).unwrap_or_default();
    let held: Vec<String> = all.into_iter().filter(|name| !there.contains(name)).collect();
    let borrows = |held: &[String]| -> BTreeSet<String> {
        held.iter().flat_map(|name| imports(&sources[name])).filter(|name| !held.contains(name)).collect()
    };
    let borrowed = borrows(&held);
    let borrowers = lenders.iter().filter(|(_, lender)| *lender == entry);
    let lent = borrowers.flat_map(|(borrower, _)| plan(borrower, sources, lenders).borrowed).collect();
    Plan { held, borrowed, lent }
}

fn imports(source: &str) -> impl Iterator<Item = String> {
    source.lines().filter_map(import).map(|(_, module)| module.to_owned())
}

/// Every module that `entry` needs, in the order in which they have to run.
fn needed(entry: &str, sources: &BTreeMap<String, String>) -> Vec<String> {
    fn add(
        name: &str,
        sources: &BTreeMap<String, String>,
        seen: &mut BTreeSet<String>,
        order: &mut Vec<String>,
    ) {
        if !seen.insert(name.to_owned()) {
            return;
        }
        let source = sources.get(name).unwrap_or_else(|| panic!("no module is called {name}.js"));
        for module in imports(source) {
            add(&module, sources, seen, order);
        }
        order.push(name.to_owned());
    }
    let mut order = Vec::new();
    add(entry, sources, &mut BTreeSet::new(), &mut order);
    order
}

fn exports(source: &str) -> Vec<&str> {
    source.lines().filter_map(|line| Some(export(line)?.0)).collect()
}

/// What a module calls an export of its own towards others: its place among them. Minifiers leave such names alone, and
/// so would every page have to load them.
fn key(module: &str, source: &str, name: &str) -> String {
    let at = exports(source).iter().position(|export| *export == name);
    format!("_{}", at.unwrap_or_else(|| panic!("{module}.js exports no {name}")))
}

/// `a, b as c` of a module, as a pattern to take it apart with.
fn pattern(names: &str, module: &str, sources: &BTreeMap<String, String>) -> String {
    let source = sources.get(module).unwrap_or_else(|| panic!("no module is called {module}.js"));
    let parts = names.split(',').map(|part| {
        let (name, here) = part.trim().split_once(" as ").unwrap_or((part.trim(), part.trim()));
        format!("{}: {here}", key(module, source, name))
    });
    parts.collect::<Vec<_>>().join(", ")
}

fn module(name: &str, sources: &BTreeMap<String, String>, out: &mut String) {
    let source = &sources[name];
    out.push_str(&format!("const ${name} = (() => {{\n"));
    for line in source.lines() {
        if let Some((names, module)) = import(line) {
            out.push_str(&format!("const {{ {} }} = ${module};\n", pattern(names, module, sources)));
        } else {
            let plain = export(line).map_or(line, |(_, plain)| plain);
            out.push_str(&format!("{plain}\n"));
        }
    }
    let given: Vec<String> =
        exports(source).iter().map(|export| format!("{}: {export}", key(name, source, export))).collect();
    out.push_str(&format!("return {{ {} }};\n}})();\n", given.join(", ")));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> BTreeMap<String, String> {
        let modules = [
            ("main", "import { a, b as c } from './low.js';\nimport { x } from './mid.js';\na(c, x);\n"),
            ("mid", "import { a } from './low.js';\nexport const x = a(1);\n"),
            (
                "low",
                "export function a(n) {\nreturn n;\n}\nexport class b {}\nexport async function d() {}\n",
            ),
            (
                "late",
                "import { a } from './low.js';\nimport { z } from './other.js';\nexport const y = a(z);\n",
            ),
            ("other", "export const z = 1;\n"),
        ];
        modules.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    const MAIN: &str = "const $low = (() => {\nfunction a(n) {\nreturn n;\n}\nclass b {}\nasync function d() {}\nreturn { _0: a, _1: b, _2: d };\n})();\n\
        const $mid = (() => {\nconst { _0: a } = $low;\nconst x = a(1);\nreturn { _0: x };\n})();\n\
        const $main = (() => {\nconst { _0: a, _1: c } = $low;\nconst { _0: x } = $mid;\na(c, x);\nreturn {  };\n})();\n";

    #[test]
    fn modules_become_functions_in_the_order_they_need() {
        assert_eq!(bundle("main", &sources(), &[]), MAIN);
    }

    #[test]
    fn what_is_there_already_is_borrowed() {
        let lenders = [("late", "main")];
        assert_eq!(bundle("main", &sources(), &lenders), format!("{MAIN}export {{ $low }};\n"));
        assert_eq!(
            bundle("late", &sources(), &lenders),
            "import { $low } from './main.js';\n\
             const $other = (() => {\nconst z = 1;\nreturn { _0: z };\n})();\n\
             const $late = (() => {\nconst { _0: a } = $low;\nconst { _0: z } = $other;\nconst y = a(z);\nreturn { _0: y };\n})();\n\
             export const { _0: y } = $late;\n"
        );
    }
}
