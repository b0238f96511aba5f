//! A strict reader of Prometheus's text format, and of what may stand in it.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub struct Scrape {
    kinds: BTreeMap<String, String>,
    /// By name and labels, as they stand there: `name{a="b"}`.
    pub values: BTreeMap<String, f64>,
}

/// Every name with its type and the labels that it has, no more and no fewer.
pub const DOCUMENTED: &[(&str, &str, &[&str])] = &[
    ("collab_proxy_build_info", "gauge", &["version"]),
    ("collab_proxy_http_requests_total", "counter", &["class", "status"]),
    ("collab_proxy_http_request_duration_seconds", "histogram", &["class"]),
    ("collab_proxy_writes_total", "counter", &["decision"]),
    ("collab_proxy_writes_blocked_total", "counter", &["reason"]),
    ("collab_proxy_lock_transitions_total", "counter", &["kind"]),
    ("collab_proxy_injections_total", "counter", &["result"]),
    ("collab_proxy_upstream_errors_total", "counter", &["kind"]),
    ("collab_proxy_websocket_connections", "gauge", &[]),
    ("collab_proxy_rooms", "gauge", &[]),
    ("collab_proxy_locks_held", "gauge", &[]),
    ("collab_proxy_store_up", "gauge", &[]),
    ("collab_proxy_store_duration_seconds", "histogram", &[]),
    ("collab_proxy_redis_errors_total", "counter", &[]),
    ("collab_proxy_audit_lines_total", "counter", &[]),
    ("collab_proxy_audit_dropped_total", "counter", &[]),
    ("collab_proxy_config_last_reload_success", "gauge", &[]),
];

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// `name{a="b",c="d"}` → the name and the labels. Values hold neither quotes nor backslashes here.
fn series(text: &str) -> (&str, Vec<(&str, &str)>) {
    let Some((name, rest)) = text.split_once('{') else { return (text, Vec::new()) };
    let inner = rest.strip_suffix('}').unwrap_or_else(|| panic!("no end of the labels: {text}"));
    let labels = inner.split(',').map(|pair| {
        let (label, value) = pair.split_once('=').unwrap_or_else(|| panic!("no label: {text}"));
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        let value = value.unwrap_or_else(|| panic!("no quotes: {text}"));
        assert!(is_name(label) && !value.contains(['"', '\\']), "{text}");
        (label, value)
    });
    (name, labels.collect())
}

impl Scrape {
    pub fn read(text: &str) -> Self {
        let mut scrape = Self::default();
        let (mut helped, mut present) = (BTreeSet::new(), String::new());
        assert!(text.ends_with('\n'), "the last line has no end");
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').unwrap_or_else(|| panic!("{line}"));
                assert!(is_name(name) && !words.is_empty(), "{line}");
                assert!(helped.insert(name.to_owned()), "HELP stands there twice: {line}");
                present = name.to_owned();
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap_or_else(|| panic!("{line}"));
                assert_eq!(name, present, "TYPE follows its HELP");
                assert!(scrape.kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            } else {
                assert!(!line.starts_with('#') && !line.is_empty(), "{line}");
                let (text, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
                let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
                assert!(value >= 0.0, "{line}");
                scrape.check(text, &present);
                assert!(scrape.values.insert(text.to_owned(), value).is_none(), "twice: {line}");
            }
        }
        let kinds: BTreeSet<&str> = scrape.kinds.keys().map(String::as_str).collect();
        assert_eq!(kinds, DOCUMENTED.iter().map(|(name, ..)| *name).collect());
        scrape.histograms_add_up();
        scrape
    }

    fn check(&self, text: &str, present: &str) {
        let (name, labels) = series(text);
        let kind = self.kinds.get(present).unwrap_or_else(|| panic!("no TYPE before {text}"));
        let (_, wanted, known) = DOCUMENTED
            .iter()
            .find(|(documented, ..)| *documented == present)
            .unwrap_or_else(|| panic!("{present} is not documented"));
        assert_eq!(kind, wanted, "{present}");
        let suffix = name.strip_prefix(present).unwrap_or_else(|| panic!("{text} stands below {present}"));
        let mut allowed: Vec<&str> = known.to_vec();
        match (kind.as_str(), suffix) {
            ("histogram", "_bucket") => allowed.push("le"),
            ("histogram", "_sum" | "_count") => {}
            ("counter", "") => assert!(name.ends_with("_total"), "{name}"),
            ("gauge", "") => {}
            _ => panic!("{text} below {present}, a {kind}"),
        }
        assert_eq!(labels.iter().map(|(label, _)| *label).collect::<Vec<_>>(), allowed, "{text}");
    }

    /// Buckets grow, end with +Inf, and that one is the count.
    fn histograms_add_up(&self) {
        let mut seen = 0;
        for (text, count) in self.values.iter().filter(|(text, _)| text.contains("_count")) {
            let start = text.replace("_count", "_bucket").trim_end_matches('}').to_owned();
            let mut buckets: Vec<(f64, f64)> = Vec::new();
            for (bucket, value) in self.values.iter().filter(|(t, _)| t.starts_with(&start)) {
                let end = series(bucket).1.last().unwrap().1;
                buckets.push((end.replace("+Inf", "inf").parse().unwrap(), *value));
            }
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(buckets.len() > 3 && buckets.is_sorted_by(|a, b| a.1 <= b.1), "{text}: {buckets:?}");
            assert_eq!(buckets.last(), Some(&(f64::INFINITY, *count)), "{text}");
            seen += 1;
        }
        assert!(seen > 5, "only {seen} histograms");
    }

    /// 0 where nothing of it was counted.
    pub fn get(&self, series: &str) -> f64 {
        self.values.get(series).copied().unwrap_or_default()
    }

    /// All of one name, whatever the labels.
    pub fn sum(&self, name: &str) -> f64 {
        self.values.iter().filter(|(text, _)| series(text).0 == name).map(|(_, value)| value).sum()
    }
}
