//! Imports point down only. Walks `src/` and reads every `crate::` path.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Top first. A module may use its own layer and the ones below.
const LAYERS: &[(&str, &[&str])] = &[
    (
        "shell",
        &[
            "main", "lib", "cli", "config", "server", "control", "serve", "state", "notify", "reload",
            "health", "logs",
        ],
    ),
    ("flow", &["flow"]),
    ("ways", &["gate", "list_write", "lists", "forms", "login", "own"]),
    ("means", &["pass", "render", "reply", "operator", "app", "socket", "resolve", "seeing", "vouch"]),
    ("ports", &["http", "identity", "store", "clock", "ids", "assets", "settable", "audit", "metrics"]),
    ("pure", &["django", "collab", "token"]),
];

/// `http/headers.rs` is pure too, though it stands beside what uses it.
const PURE_FILES: &[&str] = &["src/http/headers.rs"];

/// What a pure module must not touch: waiting, I/O, time, chance.
const NOT_PURE: &[&str] = &[
    "tokio::",
    "redis::",
    "std::fs",
    "std::net::Tcp",
    "std::io::stdin",
    "Instant",
    "SystemTime",
    "getrandom",
    "tracing::",
    "std::env",
    "std::thread",
    "async fn",
    ".await",
];

/// The files below a folder whose names end so.
pub(crate) fn files(folder: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, end, found);
        } else if path.extension().is_some_and(|e| e == end) {
            found.push(path);
        }
    }
}

/// A file of tests, which may say and use anything.
fn is_test(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with("tests.rs"))
}

fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix("src").unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The code without its tests and comments, which may say and use anything.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The modules that `text` names: `crate::a`, `crate::{a, b::c}`.
fn used(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for rest in text.split("crate::").skip(1) {
        let names = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap().split(',').collect(),
            None => vec![rest],
        };
        for name in names {
            let end = name.trim().find(|c: char| !c.is_alphanumeric() && c != '_');
            out.push(name.trim()[..end.unwrap_or(name.trim().len())].to_owned());
        }
    }
    out
}

fn all() -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(Path::new("src"), "rs", &mut found);
    found.retain(|path| !is_test(path));
    assert!(found.len() > 30, "only {} files under src/", found.len());
    found
}

#[test]
fn imports_point_down_only() {
    let rank: BTreeMap<&str, usize> = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(i, (_, modules))| modules.iter().map(move |m| (*m, i)))
        .collect();
    let mut wrong = Vec::new();
    for path in all() {
        let module = module_of(&path);
        let own = *rank.get(module.as_str()).unwrap_or_else(|| panic!("{module} is in no layer"));
        for name in used(&code(&path)) {
            match rank.get(name.as_str()) {
                Some(&theirs) if theirs < own => wrong.push(format!("{} uses crate::{name}", path.display())),
                Some(_) => {}
                None => wrong.push(format!("{}: crate::{name} is in no layer", path.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point up:\n{}", wrong.join("\n"));
}

#[test]
fn pure_modules_touch_nothing() {
    let pure = LAYERS.last().unwrap().1;
    let mut wrong = Vec::new();
    let mut seen = 0;
    for path in all() {
        if !pure.contains(&module_of(&path).as_str()) && !PURE_FILES.iter().any(|f| path == Path::new(f)) {
            continue;
        }
        seen += 1;
        let code = code(&path);
        for word in NOT_PURE.iter().filter(|w| code.contains(**w)) {
            wrong.push(format!("{} holds {word:?}", path.display()));
        }
    }
    assert!(seen > 10, "only {seen} pure files");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_open_with_what_they_own_and_stay_small() {
    for path in all() {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//!"), "{} does not say what it is for", path.display());
        let lines = text.split("#[cfg(test)]").next().unwrap().lines().count();
        assert!(lines <= 350, "{} has {lines} lines: split it along the data's way", path.display());
    }
}
