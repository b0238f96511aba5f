//! docs/protocol.md and the golden files name the same frames with the same fields, docs/operating.md and the program the
//! same metrics and events: neither can gain or lose one alone.

use std::collections::{BTreeMap, BTreeSet};

use collab_proxy::collab::command::Cause;
use collab_proxy::collab::trail::Kind;
use collab_proxy::metrics::{Class, Decision, Reason};

use crate::protocol::golden;
use crate::support::prometheus::DOCUMENTED;

type Frames = BTreeMap<String, BTreeSet<String>>;

/// What stands between backticks.
fn names(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// The frames of the table that follows `start`, and their fields.
fn documented(document: &str, start: &str) -> Frames {
    let (_, after) = document.split_once(start).unwrap_or_else(|| panic!("no {start:?}"));
    let rows =
        after.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let mut frames = Frames::new();
    // Below the head and the line under it.
    for row in rows.skip(2) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [kinds, fields, _] = cells[..] else { panic!("not three cells: {row}") };
        for kind in names(kinds) {
            let known = frames.insert(kind.clone(), names(fields).collect());
            assert!(known.is_none(), "{kind} stands there twice");
        }
    }
    assert!(!frames.is_empty(), "no table after {start:?}");
    frames
}

fn kept(side: &str) -> Frames {
    let files = golden(side);
    assert!(!files.is_empty(), "no golden files of {side}");
    let fields = |file: &serde_json::Value| {
        file.as_object().unwrap().keys().filter(|key| *key != "type").cloned().collect()
    };
    files.iter().map(|(name, file)| (name.clone(), fields(file))).collect()
}

#[test]
fn every_documented_frame_has_a_golden_file_with_its_fields_and_every_file_is_documented() {
    let document = std::fs::read_to_string("docs/protocol.md").unwrap();
    let from_page = documented(&document, "\nFrom the page:\n");
    let mut to_page = documented(&document, "\nTo the page:\n");
    // A list hears some frames of pages, and one of its own.
    for (kind, fields) in documented(&document, " To the list:\n") {
        let of_page = to_page.entry(kind.clone()).or_insert_with(|| fields.clone());
        assert!(fields.is_subset(of_page), "{kind}: {fields:?} to a list, {of_page:?} to a page");
    }
    assert_eq!(kept("from_page"), from_page);
    assert_eq!(kept("to_page"), to_page);
    assert!(document.contains("The first frame is `join` with `token` and `rows`"));
    let join = ["rows", "token"].map(str::to_owned).into();
    assert_eq!(kept("from_list"), Frames::from([("join".to_owned(), join)]));
}

/// The strict reader of metrics (tests/support/prometheus.rs) takes these and no others.
#[test]
fn every_metric_is_documented_with_its_labels() {
    let document = std::fs::read_to_string("docs/operating.md").unwrap();
    let rows = document.lines().filter(|line| line.starts_with("| `collab_proxy_"));
    let documented: BTreeMap<String, Vec<String>> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
            (names(cells[0]).next().unwrap(), names(cells[1]).collect())
        })
        .collect();
    let real = DOCUMENTED.iter().map(|(name, _, labels)| {
        ((*name).to_owned(), labels.iter().map(|label| (*label).to_owned()).collect())
    });
    assert_eq!(documented, real.collect());
}

#[test]
fn every_event_and_every_reason_is_documented() {
    let document = std::fs::read_to_string("docs/operating.md").unwrap();
    let named: BTreeSet<String> = document.lines().filter(|l| l.starts_with('|')).flat_map(names).collect();
    let causes = [
        Cause::Released,
        Cause::Expired,
        Cause::Operator,
        Cause::Moved,
        Cause::Saved,
        Cause::HandedOver,
        Cause::TakenOver,
        Cause::Idle,
        Cause::TimeUp,
    ];
    let kinds = [Kind::Granted, Kind::Moved, Kind::QueueJoined, Kind::GivenUp];
    let mut all: Vec<&str> = Vec::new();
    for kind in causes.into_iter().map(Kind::Lost).chain(kinds) {
        all.push(kind.event());
        all.extend(kind.why());
    }
    all.extend(Decision::ALL.iter().map(|d| d.label()));
    all.extend(Reason::ALL.iter().map(|r| r.label()));
    all.extend(Class::ALL.iter().map(|c| c.label()));
    let missing: Vec<&str> = all.into_iter().filter(|word| !named.contains(*word)).collect();
    assert!(missing.is_empty(), "not in docs/operating.md: {missing:?}");
}
