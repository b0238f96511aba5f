//! The frames, held to the golden files that the widget's tests read too.

use std::path::Path;

use collab_proxy::collab::badge::Badge;
use collab_proxy::collab::command::Cause;
use collab_proxy::collab::protocol::{Close, ErrorCode, FromPage, ToPage};
use collab_proxy::collab::status::{Editor, SavedBy, Status, You};
use serde_json::Value;

fn golden(side: &str) -> Vec<(String, Value)> {
    let folder = Path::new("tests/fixtures/protocol").join(side);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        found.push((name, serde_json::from_str(&text).unwrap()));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[test]
fn every_frame_from_a_page_is_understood() {
    let files = golden("from_page");
    let mut seen = Vec::new();
    for (name, value) in &files {
        let parsed = FromPage::parse(&value.to_string()).unwrap_or_else(|e| panic!("{name}: {e}"));
        // A new kind of frame does not compile until it is named here, and fails below until it has its file.
        seen.push(match parsed {
            FromPage::Join { .. } => "join",
            FromPage::ClaimEditor {} => "claim_editor",
            FromPage::ReleaseLock {} => "release_lock",
            FromPage::Input { .. } => "input",
            FromPage::Leave {} => "leave",
        });
        assert_eq!(seen.last().unwrap(), name);
    }
    assert_eq!(seen.len(), 5, "a frame has no golden file");
}

#[test]
fn what_is_no_frame_is_said_to_be_none() {
    for (text, wanted) in [
        ("", "EOF"),
        ("[]", "tag"),
        ("{}", "type"),
        ("{\"type\":\"dance\"}", "dance"),
        ("{\"type\":\"join\"}", "token"),
        ("{\"type\":\"input\",\"dirty\":1}", "boolean"),
        ("{\"type\":\"input\",\"dirty\":true,\"more\":1}", "more"),
    ] {
        let error = FromPage::parse(text).unwrap_err();
        assert!(error.contains(wanted) || wanted == "tag", "{text}: {error}");
    }
}

/// One of each, with every field filled: the golden file must have the same fields.
fn samples() -> Vec<(&'static str, ToPage)> {
    let editor =
        Editor { user_id: "u".to_owned(), page_id: "p".into(), name: "Ada".to_owned(), since: 1, active: 2 };
    let status = Status {
        editor: Some(editor),
        you: You::Waiting,
        position: 1,
        version: 3,
        stale: false,
        turn: false,
        elsewhere: false,
        saving: false,
        saved: Some(SavedBy { by: "Grace".to_owned(), at: 4 }),
        deleted: false,
        uncertain: false,
    };
    let badge =
        Badge { user_id: "u".to_owned(), name: "Ada".to_owned(), since: 1, you: false, saving: false };
    let welcome = ToPage::Welcome {
        user_id: "u".to_owned(),
        page_id: "p".into(),
        object: "shop.product/3".to_owned(),
        version: 3,
    };
    vec![
        ("content_updated", ToPage::ContentUpdated { version: 3, by: "Ada".to_owned(), deleted: false }),
        ("editor_status", ToPage::EditorStatus(status)),
        ("error", ToPage::Error { code: ErrorCode::BadFrame, message: "…".to_owned() }),
        (
            "list_status",
            ToPage::ListStatus { rows: [("3".to_owned(), Some(badge)), ("4".to_owned(), None)].into() },
        ),
        ("lock_released", ToPage::LockReleased { cause: Cause::Operator, by: Some("Ada".to_owned()) }),
        ("welcome", welcome),
    ]
}

/// The shape of a value: its fields and their types.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), shape(v))).collect(),
        Value::String(_) => "text".into(),
        Value::Number(_) => "number".into(),
        Value::Bool(_) => "bool".into(),
        Value::Null => Value::Null,
        Value::Array(items) => items.iter().map(shape).collect(),
    }
}

#[test]
fn every_frame_to_a_page_has_its_golden_shape() {
    let files = golden("to_page");
    let samples = samples();
    assert_eq!(files.len(), samples.len(), "a frame has no golden file, or a file no frame");
    for ((name, value), (kind, sample)) in files.iter().zip(&samples) {
        assert_eq!(name, kind);
        let ours: Value = serde_json::from_str(&sample.text()).unwrap();
        assert_eq!(ours["type"], value["type"], "{name}");
        assert_eq!(shape(&ours), shape(value), "{name}");
    }
}

#[test]
fn close_reasons_fit_into_a_frame() {
    let all = [
        Close::Restart,
        Close::BadJoin,
        Close::SignedOut,
        Close::Unfit,
        Close::Silent,
        Close::Replaced,
        Close::TooMuch,
    ];
    let document = std::fs::read_to_string("docs/protocol.md").unwrap();
    for close in all {
        assert!(close.reason().len() <= 123, "RFC 6455, 5.5");
        assert!(document.contains(&format!("| {} |", close.code())), "{close:?} is not documented");
    }
}
