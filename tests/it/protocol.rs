//! The frames, held to the golden files that the widget's tests read too.

use std::path::Path;

use collab_proxy::collab::badge::Badge;
use collab_proxy::collab::chat::Line;
use collab_proxy::collab::command::Cause;
use collab_proxy::collab::handover::Answer;
use collab_proxy::collab::presence::{Activity, Role, User};
use collab_proxy::collab::protocol::{
    Close, Entry, ErrorCode, Formset, FromPage, ToPage, UNSAVED_LIMIT, Values,
};
use collab_proxy::collab::status::{
    Asker, Attention, Editor, Handover, PassesOn, SavedBy, Stamped, Status, You,
};
use collab_proxy::token::shown::ShownFields;
use serde_json::Value;

pub(crate) fn golden(side: &str) -> Vec<(String, Value)> {
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
            FromPage::RequestEdit {} => "request_edit",
            FromPage::AnswerRequest { .. } => "answer_request",
            FromPage::TakeOver {} => "take_over",
            FromPage::UnsavedValues(_) => "unsaved_values",
            FromPage::Presence { .. } => "presence",
            FromPage::RequestAttention {} => "request_attention",
            FromPage::AttentionSeen {} => "attention_seen",
            FromPage::ChatMessage { .. } => "chat_message",
            FromPage::FieldChanged(_) => "field_changed",
            FromPage::FieldFocus { .. } => "field_focus",
            FromPage::Leave {} => "leave",
            FromPage::CheckSession {} => "check_session",
        });
        assert_eq!(seen.last().unwrap(), name);
    }
    assert_eq!(seen.len(), 16, "a frame has no golden file");
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
        ("{\"type\":\"answer_request\",\"answer\":\"maybe\"}", "maybe"),
        ("{\"type\":\"unsaved_values\",\"fields\":[[\"name\"]]}", "Entry"),
        ("{\"type\":\"unsaved_values\",\"fields\":[[\"a\",\"b\",\"c\",\"d\"]]}", "Entry"),
        ("{\"type\":\"unsaved_values\",\"fields\":[],\"more\":1}", "more"),
    ] {
        let error = FromPage::parse(text).unwrap_err();
        assert!(error.contains(wanted) || wanted == "tag", "{text}: {error}");
    }
}

fn asker() -> Asker {
    Asker { user_id: "u".to_owned(), name: "Bob".to_owned() }
}

fn line() -> Line {
    Line {
        sender_id: "u".to_owned(),
        sender_name: "Ada".to_owned(),
        recipient_id: "v".to_owned(),
        message: "hello".to_owned(),
        timestamp: 1,
        reference: "m-1".to_owned(),
    }
}

/// What people see of each other.
fn samples_of_people() -> Vec<(&'static str, ToPage)> {
    let user = User {
        user_id: "u".to_owned(),
        name: "Ada".to_owned(),
        pages: 2,
        since: 1,
        role: Role::Waiting,
        position: 1,
        activity: Activity::Idle,
        dirty: true,
        avatar: Some("https://example.org/a.png".to_owned()),
    };
    let names = ["name", "category", "published"].map(str::to_owned).to_vec();
    let formset = Formset { saved: 1, keys: vec!["id=7".to_owned()], total: Some(2) };
    let values = Values {
        fields: vec![
            Entry::Plain("name".to_owned(), "x".to_owned()),
            Entry::Choice("category".to_owned(), "2".to_owned(), "Kettles".to_owned()),
        ],
        names,
        too_large: false,
        rows: std::collections::BTreeMap::from([("reviews".to_owned(), formset)]),
    };
    let person = || ("u".to_owned(), "Ada".to_owned());
    let ((user_id, name), left) = (person(), person());
    vec![
        ("active_users", ToPage::ActiveUsers { users: vec![user], more: 3 }),
        ("attention_requested", ToPage::AttentionRequested(asker())),
        ("chat_history", ToPage::ChatHistory { messages: vec![line()] }),
        ("chat_message", ToPage::ChatMessage(Box::new(line()))),
        ("field_changed", ToPage::FieldChanged { whole: true, values }),
        ("field_focus", ToPage::FieldFocus { name: Some("name".to_owned()) }),
        ("user_joined", ToPage::UserJoined { user_id, name }),
        ("user_left", ToPage::UserLeft { user_id: left.0, name: left.1 }),
    ]
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
        saved: Some(SavedBy { by: "Grace".to_owned(), you: false, at: 4 }),
        deleted: false,
        uncertain: false,
        handover: Handover {
            asking: vec!["Bob".to_owned()],
            askers: 1,
            asked: true,
            ask_from: Some(5),
            take_over_from: Some(6),
            answer_by: Some(7),
            later: 120_000,
            promised: true,
            passes_on: Some(PassesOn { at: 9, warn: 8, cause: Cause::HandedOver }),
        },
        attention: Attention {
            asking: vec![asker()],
            askers: 1,
            ask_from: Some(10),
            asked: true,
            seen: true,
        },
    };
    let status = Stamped { now: 4, status };
    let offered = ToPage::UnsavedOffered {
        by: "Ada".to_owned(),
        at: 3,
        fields: vec![
            Entry::Plain("name".to_owned(), "x".to_owned()),
            Entry::Choice("category".to_owned(), "2".to_owned(), "Kettles".to_owned()),
        ],
        names: vec![
            "name".to_owned(),
            "category".to_owned(),
            "published".to_owned(),
            "reviews-1-text".to_owned(),
        ],
        too_large: false,
        rows: std::collections::BTreeMap::from([(
            "reviews".to_owned(),
            Formset { saved: 2, keys: vec!["id=7".to_owned(), "id=8".to_owned()], total: None },
        )]),
    };
    let answered = ToPage::RequestAnswered { answer: Answer::Later, by: "Ada".to_owned(), at: Some(1) };
    let badge =
        Badge { user_id: "u".to_owned(), name: "Ada".to_owned(), since: 1, you: false, saving: false };
    let welcome = ToPage::Welcome {
        user_id: "u".to_owned(),
        page_id: "p".into(),
        object: "shop.product/3".to_owned(),
        version: 3,
        alive: 5_000,
    };
    let released = ToPage::LockReleased {
        cause: Cause::Operator,
        by: Some("Ada".to_owned()),
        reason: Some("…".to_owned()),
    };
    let mut all = vec![
        ("alive", ToPage::Alive { store: true }),
        (
            "content_updated",
            ToPage::ContentUpdated { version: 3, by: "Ada".to_owned(), you: true, deleted: false },
        ),
        ("edit_requested", ToPage::EditRequested { names: vec!["Bob".to_owned()] }),
        ("editor_status", ToPage::EditorStatus(Box::new(status))),
        (
            "error",
            ToPage::Error {
                code: ErrorCode::NotDelivered,
                message: "…".to_owned(),
                reference: Some("m-1".to_owned()),
            },
        ),
        (
            "list_status",
            ToPage::ListStatus { rows: [("3".to_owned(), Some(badge)), ("4".to_owned(), None)].into() },
        ),
        ("lock_released", released),
        ("request_answered", answered),
        ("session", ToPage::Session { signed_in: false }),
        ("unsaved_offered", offered),
        ("welcome", welcome),
    ];
    all.extend(samples_of_people());
    all.sort_by_key(|(kind, _)| *kind);
    all
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
fn values_that_are_passed_on_are_the_forms_own_and_not_too_many() {
    let entry = |name: &str, value: &str| Entry::Plain(name.to_owned(), value.to_owned());
    let values = |fields: Vec<Entry>| Values { fields, ..Values::default() };
    let shown = ShownFields::of(["name"]);
    let mixed = || vec![entry("_collab", "t"), entry("name", "x"), entry("csrfmiddlewaretoken", "c")];
    assert_eq!(values(mixed()).only(|name| shown.contains(name)), values(vec![entry("name", "x")]));
    assert!(values(mixed()).only(|_| false).is_empty());
    let much = values(vec![entry("text", &"x".repeat(UNSAVED_LIMIT))]).fit();
    assert!(much.too_large && much.fields.is_empty());
    let enough = values(vec![entry("text", &"x".repeat(UNSAVED_LIMIT - 200))]);
    assert_eq!(enough.clone().fit(), enough);
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
