//! What the command line says of itself and of the settings: help, completions, manual pages, `config show`. Kept as
//! plain text in tests/fixtures/cli; COLLAB_SNAPSHOTS=write writes it anew.

use std::path::Path;

use serde_json::Value;

use crate::support::proc::{Said, command, run};
use crate::support::proxy::binary;

#[path = "../../src/cli/snapshot.rs"]
mod snapshot;

/// As wide as a page.
fn call(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Said {
    let mut cli = binary(folder);
    cli.args(args).env("COLUMNS", "100").envs(env.iter().copied());
    run(cli)
}

fn said(args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let said = call(folder.path(), args, &[]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{args:?}");
    said.out
}

const VERBS: &[&[&str]] = &[
    &[],
    &["serve"],
    &["healthcheck"],
    &["locks"],
    &["locks", "list"],
    &["locks", "show"],
    &["locks", "release"],
    &["check"],
    &["config"],
    &["config", "show"],
    &["config", "defaults"],
    &["completions"],
    &["man"],
];

#[test]
fn every_verb_has_help() {
    // What the whole says it can do, and what every part of it says.
    let listed = |help: &str| -> Vec<String> {
        let after = help.split_once("\nCommands:\n").map_or("", |(_, after)| after);
        let names = after.lines().take_while(|l| l.starts_with("  ")).filter(|l| !l.starts_with("   "));
        names
            .filter_map(|l| l.split_whitespace().next())
            .filter(|n| *n != "help")
            .map(str::to_owned)
            .collect()
    };
    let mut verbs = 0;
    for verb in VERBS {
        let help = said(&[verb, &["--help"][..]].concat());
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        for below in listed(&help) {
            let whole = [verb, &[below.as_str()][..]].concat();
            assert!(VERBS.contains(&whole.as_slice()), "{whole:?} is not looked at here");
        }
        let name = std::iter::once("help").chain(verb.iter().copied()).collect::<Vec<_>>().join("-");
        snapshot::check(&name, &help);
        verbs += 1;
    }
    assert_eq!(verbs, 13);
    for verb in ["serve", "healthcheck", "locks list", "locks release", "locks show", "check", "config show"]
    {
        let help = said(&verb.split(' ').chain(["--help"]).collect::<Vec<_>>());
        assert!(help.contains("Exit codes: 0 "), "{help}");
    }
}

#[test]
fn shells_and_manuals_are_told() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = said(&["completions", shell]);
        assert!(script.contains("release") && script.contains("dry-run"), "{shell}");
        if shell == "bash" {
            let file = folder.path().join("completions");
            std::fs::write(&file, &script).unwrap();
            // A person's shell takes it, and completes by it.
            for (words, last, before, completed) in [
                ("collab-proxy lo", "lo", "collab-proxy", "locks\n"),
                ("collab-proxy locks rel", "rel", "locks", "release\n"),
                ("collab-proxy locks release --dry", "--dry", "release", "--dry-run\n"),
            ] {
                let at = words.split(' ').count() - 1;
                let mut bash = command("bash");
                bash.arg("-c").arg(format!(
                    "source \"$0\" && COMP_WORDS=({words}) COMP_CWORD={at} && \
                     _collab__proxy collab-proxy {last} {before} && echo \"${{COMPREPLY[@]}}\"",
                ));
                bash.arg(&file);
                let done = run(bash);
                assert_eq!((done.code, done.out.as_str()), (Some(0), completed), "{words}: {}", done.err);
            }
        }
    }
    let page = said(&["man"]);
    assert!(
        page.contains(".TH collab-proxy 1") && page.contains(".SH \"EXIT STATUS\"\nExit codes"),
        "{page}"
    );
    let page = said(&["man", "locks", "release"]);
    assert!(page.contains(".TH collab-proxy-locks-release 1") && page.contains("dry\\-run"), "{page}");
    let wrong = call(folder.path(), &["man", "lokcs"], &[]);
    assert_eq!(
        (wrong.code, wrong.err.contains("there is no command \"lokcs\"")),
        (Some(2), true),
        "{wrong:?}"
    );
    assert_eq!(call(folder.path(), &["completions", "cmd"], &[]).code, Some(2));
}

const SETTINGS: &str = "listen = \"127.0.0.1:9000\"\nsecret = \"not-to-be-seen-by-anybody\"\n\n\
[lock]\nlease = \"30 s\"\nqueue = 7\n\n[texts]\nnext_text = \"You're next.\"\n\n\
[options.tr]\nnext_text = \"Sıra sizde.\"\n\n[redis]\nsentinels = [\"redis://u:hush@h:1\"]\n";

#[test]
fn every_setting_is_shown_with_its_origin() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("collab.toml"), SETTINGS).unwrap();
    let env = [
        ("COLLAB_LOCK_GRACE", "9 s"),
        ("COLLAB_ADMIN_PREFIXES", "/a/,/b/"),
        ("COLLAB_OPTIONS_ENABLE_CHAT", "false"),
    ];
    let show = |more: &[&str]| {
        let flags = ["--redis", "redis://u:hush@h:1/0", "--upstream", "http://h:2"];
        let said = call(folder.path(), &[&["config", "show"], more, &flags[..]].concat(), &env);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{more:?}");
        assert!(!said.out.contains("hush") && !said.out.contains("not-to-be-seen"), "{}", said.out);
        said.out
    };
    snapshot::check("config-show", &show(&[]));
    snapshot::check("config-show-changed", &show(&["--changed"]));
    // It is TOML, for whoever wants to go on from it; but for what is masked, it can be read in again.
    let read: toml::Table = toml::from_str(&show(&["--all"])).unwrap();
    assert_eq!(read["lock"]["grace"].as_str(), Some("9 s"));
    assert!(
        read["texts"].as_table().unwrap().len() > 100 && read["page_texts"].as_table().unwrap().len() > 100
    );
    let all: Vec<Value> = serde_json::from_str(&show(&["--json", "--changed"])).unwrap();
    let of = |key: &str| all.iter().find(|s| s["key"] == key).unwrap_or_else(|| panic!("{key}"));
    assert_eq!(of("secret")["value"], "***");
    assert_eq!(of("secret")["masked"], true);
    assert_eq!(of("lock.queue")["value"], 7);
    assert_eq!(
        of("lock.queue")["origin"],
        serde_json::json!({"from": "file", "file": "collab.toml", "line": 6})
    );
    assert_eq!(
        of("lock.grace")["origin"],
        serde_json::json!({"from": "environment", "variable": "COLLAB_LOCK_GRACE"})
    );
    assert_eq!(of("upstream")["origin"], serde_json::json!({"from": "flag", "flag": "--upstream"}));

    let empty = tempfile::tempdir().unwrap();
    let none = call(empty.path(), &["config", "show", "--changed"], &[]);
    assert_eq!((none.code, none.out.as_str()), (Some(0), "Every setting has its default.\n"));
    let wrong = call(empty.path(), &["config", "show"], &[("COLLAB_LOCK_LEASE", "soon")]);
    assert_eq!(
        (wrong.code, wrong.err.contains("COLLAB_LOCK_LEASE: lock.lease")),
        (Some(2), true),
        "{wrong:?}"
    );
}
