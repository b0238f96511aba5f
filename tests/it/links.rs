//! Whatever README.md, bench/README.md and the pages of docs/ lead to is there: files, and the headings in them.

use std::path::{Path, PathBuf};

use crate::layers::files;

/// As they are named in addresses: lower case, spaces as hyphens, without punctuation.
fn anchors(text: &str) -> Vec<String> {
    let mut in_code = false;
    let heads = text.lines().filter(|line| {
        in_code ^= line.starts_with("```");
        !in_code && line.starts_with('#')
    });
    let anchor = |head: &str| {
        let kept = head.trim_start_matches('#').trim().to_lowercase();
        kept.replace(' ', "-").chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect()
    };
    heads.map(anchor).collect()
}

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    let mut all = vec![PathBuf::from("README.md"), PathBuf::from("bench/README.md")];
    files(Path::new("docs"), "md", &mut all);
    let (mut seen, mut dead) = (0, Vec::new());
    for page in &all {
        let text = std::fs::read_to_string(page).unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|t| !t.contains("://") && !t.contains(char::is_whitespace)) {
            seen += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let at = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let is_there = match anchor {
                "" => at.exists(),
                _ => {
                    std::fs::read_to_string(&at).is_ok_and(|text| anchors(&text).iter().any(|a| a == anchor))
                }
            };
            if !is_there {
                dead.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(all.len() > 10 && seen > 20, "{} pages, {seen} links", all.len());
    assert!(dead.is_empty(), "{dead:#?}");
}
