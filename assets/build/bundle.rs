//! Several modules as one script: a page loads one file, and it packs better than many.
//!
//! They share one scope, where every name of a module's top level ends with the module's own (`apart.rs`), so that what is
//! imported simply is there. It understands only how our own files are written, one import or export a line; a test holds
//! them to it.

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

/// `name` of a module's top level, among those of all modules.
pub(crate) fn full(name: &str, module: &str) -> String {
    format!("{name}${module}")
}

/// What a module's imports are called in it, and in full.
pub(crate) fn imported(source: &str) -> impl Iterator<Item = (&str, String)> {
    source.lines().filter_map(import).flat_map(|(names, module)| {
        names.split(',').map(move |part| {
            let (name, here) = part.trim().split_once(" as ").unwrap_or((part.trim(), part.trim()));
            (here, full(name, module))
        })
    })
}

/// Which modules a script holds, which names of another script it borrows, and which of its own it lends.
struct Plan {
    held: Vec<String>,
    borrowed: BTreeSet<String>,
    lent: BTreeSet<String>,
}

/// The script of `entry` (without `.js`), with everything that it needs. `sources`: the modules' texts, by name. `apart`: the
/// same with names in full. `lenders`: `(borrower, lender)`: the first is only ever loaded by a page that has loaded the
/// second, and takes from it what both need.
pub(crate) fn bundle(
    entry: &str,
    sources: &BTreeMap<String, String>,
    apart: &BTreeMap<String, String>,
    lenders: &[(&str, &str)],
) -> String {
    let plan = plan(entry, sources, lenders);
    let mut out = String::new();
    if let Some((_, lender)) = lenders.iter().find(|(borrower, _)| *borrower == entry) {
        let names = renamed(&plan.borrowed, |name, short| format!("{short} as {name}"));
        out.push_str(&format!("import {{ {names} }} from './{lender}.js';\n"));
    }
    for name in &plan.held {
        for line in apart[name].lines().filter(|line| !line.starts_with("import ")) {
            out.push_str(export(line).map_or(line, |(_, plain)| plain));
            out.push('\n');
        }
    }
    if !plan.lent.is_empty() {
        let names = renamed(&plan.lent, |name, short| format!("{name} as {short}"));
        out.push_str(&format!("export {{ {names} }};\n"));
    }
    // For who loads it from another script.
    for line in sources[entry].lines() {
        if let Some((name, _)) = export(line) {
            out.push_str(&format!("export {{ {} as {name} }};\n", full(name, entry)));
        }
    }
    out
}

/// What one script lends and another borrows has short names between them: minifiers leave such names alone, and every
/// page would have to load them.
fn renamed(names: &BTreeSet<String>, pair: impl Fn(&str, &str) -> String) -> String {
    let pairs = names.iter().enumerate().map(|(at, name)| pair(name, &format!("_{at}")));
    pairs.collect::<Vec<_>>().join(", ")
}

fn plan(entry: &str, sources: &BTreeMap<String, String>, lenders: &[(&str, &str)]) -> Plan {
    let all = needed(entry, sources);
    let lender = lenders.iter().find(|(borrower, _)| *borrower == entry);
    let there = lender.map(|(_, lender)| needed(lender, sources)).unwrap_or_default();
    let held: Vec<String> = all.into_iter().filter(|name| !there.contains(name)).collect();
    let own = held.iter().flat_map(|name| imported(&sources[name]));
    let of_others = own.filter(|(_, name)| !held.iter().any(|module| name.ends_with(&full("", module))));
    let borrowed = of_others.map(|(_, name)| name).collect();
    let borrowers = lenders.iter().filter(|(_, lender)| *lender == entry);
    let lent = borrowers.flat_map(|(borrower, _)| plan(borrower, sources, lenders).borrowed).collect();
    Plan { held, borrowed, lent }
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
        for (_, module) in source.lines().filter_map(import) {
            add(module, sources, seen, order);
        }
        order.push(name.to_owned());
    }
    let mut order = Vec::new();
    add(entry, sources, &mut BTreeSet::new(), &mut order);
    order
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

    /// As apart.rs leaves them.
    fn apart() -> BTreeMap<String, String> {
        let modules = [
            ("main", "import { a as a$low, b as b$low } from \"./low.js\";\na$low(b$low, x$mid);\n"),
            ("mid", "import { a as a$low } from \"./low.js\";\nexport const x$mid = a$low(1);\n"),
            (
                "low",
                "export function a$low(n) {\nreturn n;\n}\nexport class b$low {}\nexport async function d$low() {}\n",
            ),
            ("late", "export const y$late = a$low(z$other);\n"),
            ("other", "export const z$other = 1;\n"),
        ];
        modules.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    const MAIN: &str = "function a$low(n) {\nreturn n;\n}\nclass b$low {}\nasync function d$low() {}\n\
        const x$mid = a$low(1);\na$low(b$low, x$mid);\n";

    #[test]
    fn modules_come_in_the_order_they_need() {
        assert_eq!(bundle("main", &sources(), &apart(), &[]), MAIN);
    }

    #[test]
    fn what_is_there_already_is_borrowed() {
        let lenders = [("late", "main")];
        let main = bundle("main", &sources(), &apart(), &lenders);
        assert_eq!(main, format!("{MAIN}export {{ a$low as _0 }};\n"));
        assert_eq!(
            bundle("late", &sources(), &apart(), &lenders),
            "import { _0 as a$low } from './main.js';\nconst z$other = 1;\nconst y$late = a$low(z$other);\n\
             export { y$late as y };\n"
        );
    }

    #[test]
    fn what_a_module_imports_has_a_name_here_and_one_in_full() {
        let names: Vec<_> =
            imported(&sources()["main"]).map(|(here, name)| format!("{here} {name}")).collect();
        assert_eq!(names, ["a a$low", "c b$low", "x x$mid"]);
    }
}
