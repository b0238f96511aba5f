//! Frames that are wrong, forbidden or none at all, by sockets written by hand (`raw.rs`): each is answered as
//! docs/protocol.md says, and nobody else hears of it.

use serde_json::{Value, json};

use crate::raw::{BINARY, ENDS, GOES_ON, PING, Raw, TEXT, TEXT_BEGINS, frame};
use crate::socket::{Opened, open, site};
use crate::together::{message, typed};
use crate::upstream::{Front, Upstream};

/// What is good and what is not, field by field.
struct Frame {
    good: Value,
    fields: &'static [(&'static str, &'static [&'static str])],
}

const NO_TEXT: &[&str] = &["", "null", "7", "true", "[]", "{}"];
const NO_VALUES: &[(&str, &[&str])] = &[
    (
        "fields",
        &["", "null", "7", "\"x\"", "{}", "[7]", "[[\"a\"]]", "[[\"a\",7]]", "[[\"a\",\"b\",\"c\",\"d\"]]"],
    ),
    ("names", &["null", "7", "\"x\"", "{}", "[7]", "[[\"a\"]]"]),
    ("too_large", &["null", "7", "\"yes\""]),
    (
        "rows",
        &[
            "null",
            "[]",
            "{\"a\":{}}",
            "{\"a\":{\"saved\":-1,\"keys\":[]}}",
            "{\"a\":{\"saved\":1,\"keys\":[7]}}",
            "{\"a\":{\"saved\":1,\"keys\":[],\"total\":\"x\"}}",
            "{\"a\":{\"saved\":1,\"keys\":[],\"more\":1}}",
        ],
    ),
];

fn kinds(to: &Value) -> Vec<Frame> {
    let values = |kind: &str| json!({"type": kind, "fields": [["name", "x"]], "names": ["name"], "too_large": false, "rows": {}});
    vec![
        Frame {
            good: json!({"type": "presence", "activity": "idle"}),
            fields: &[("activity", &["", "null", "7", "[]", "\"dancing\"", "\"\"", "[[[[[[]]]]]]"])],
        },
        Frame { good: json!({"type": "request_attention"}), fields: &[] },
        Frame { good: json!({"type": "attention_seen"}), fields: &[] },
        Frame {
            good: serde_json::from_str(&message(to, "hello", "m1")).unwrap(),
            fields: &[("recipient_id", NO_TEXT), ("message", NO_TEXT), ("ref", NO_TEXT)],
        },
        Frame { good: values("field_changed"), fields: NO_VALUES },
        Frame {
            good: json!({"type": "field_focus", "name": "name"}),
            fields: &[("name", &["", "7", "true", "[]", "{}", "[\"name\"]"])],
        },
        Frame { good: values("unsaved_values"), fields: NO_VALUES },
    ]
}

/// `good` with one field otherwise; "": without it.
fn with(good: &Value, field: &str, json: &str) -> String {
    let mut frame = good.clone();
    if json.is_empty() {
        frame.as_object_mut().unwrap().remove(field);
    } else {
        frame[field] = serde_json::from_str(json).unwrap();
    }
    frame.to_string()
}

struct Stage {
    front: Front,
    ada: Opened,
    bob: Raw,
    bobs_id: Value,
    _upstream: Upstream,
}

/// Ada may edit, Bob waits and listens.
async fn stage() -> Stage {
    let (_upstream, front) = site("").await;
    let ada = open(&front, "ada").await;
    let mut page = Raw::join(&front, &ada).await;
    let mut bob = Raw::join(&front, &open(&front, "bob").await).await;
    let users = page.until("bob", |v| v["users"].as_array().is_some_and(|u| u.len() == 2)).await;
    let bobs_id = users.last().unwrap()["users"][1]["user_id"].clone();
    bob.until("himself", |v| v["type"] == "active_users").await;
    Stage { front, ada, bob, bobs_id, _upstream }
}

impl Stage {
    /// What Bob has heard by the time when something that is in order comes through: nothing but states.
    async fn bob_has_heard_nothing(&mut self) {
        let mut ada = Raw::join(&self.front, &self.ada).await;
        ada.text(&message(&self.bobs_id, "the end", "end")).await;
        let heard = self.bob.until("the end", |v| v["message"] == "the end").await;
        let states = ["editor_status", "active_users", "user_joined"];
        let more: Vec<_> = heard.iter().filter(|v| !states.contains(&v["type"].as_str().unwrap())).collect();
        assert_eq!(more.len(), 1, "{more:#?}");
    }

    /// Sends something odd, on a socket that stays open, and is answered so.
    async fn is_answered(&self, ada: &mut Raw, text: &str, code: &str) -> Value {
        ada.text(text).await;
        let error = ada.next("error").await;
        let shown: String = text.chars().take(300).collect();
        assert_eq!(error["code"], code, "{shown}: {error}");
        let said = error["message"].as_str().unwrap();
        assert!(!said.is_empty() && said.chars().count() <= 200, "{shown}: {} characters", said.len());
        error
    }
}

#[tokio::test]
async fn every_field_that_is_wrong_is_answered_and_nobody_hears_of_it() {
    let mut stage = stage().await;
    let kinds = kinds(&stage.bobs_id);
    assert_eq!(kinds.len(), 7);
    for Frame { good, fields } in &kinds {
        // A line of its own for each, or it would be a flood.
        let mut ada = Raw::join(&stage.front, &stage.ada).await;
        stage.is_answered(&mut ada, &with(good, "more", "1"), "bad_frame").await;
        stage.is_answered(&mut ada, &with(good, &"x".repeat(50 * 1024), "1"), "bad_frame").await;
        stage
            .is_answered(&mut ada, &good.to_string().replace("{\"", "{\"type\":\"presence\",\""), "bad_frame")
            .await;
        let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        let deep = good.to_string().replacen('{', &format!("{{\"more\":{deep},"), 1);
        stage.is_answered(&mut ada, &deep, "bad_frame").await;
        for (field, wrong) in *fields {
            assert!(!wrong.is_empty());
            for json in *wrong {
                stage.is_answered(&mut ada, &with(good, field, json), "bad_frame").await;
            }
        }
    }
    stage.bob_has_heard_nothing().await;
}

#[tokio::test]
async fn what_is_no_frame_at_all_is_answered() {
    let mut stage = stage().await;
    let mut ada = Raw::join(&stage.front, &stage.ada).await;
    let long = format!("{{\"type\":\"{}\"}}", "y".repeat(50 * 1024));
    let deep = "[".repeat(60_000);
    let lone = message(&stage.bobs_id, "@", "m1").replace('@', "\\ud800");
    let raw_control = message(&stage.bobs_id, "@", "m1").replace('@', "\u{1}");
    for odd in [
        "",
        " ",
        "null",
        "7",
        "\"x\"",
        "[]",
        "{}",
        "{\"type\":7}",
        "{\"type\":null}",
        "{",
        &long,
        &deep,
        &lone,
        &raw_control,
    ] {
        stage.is_answered(&mut ada, odd, "bad_frame").await;
    }
    ada.bytes(&frame(BINARY, message(&stage.bobs_id, "binary", "m1").as_bytes())).await;
    assert_eq!(ada.next("error").await["code"], "bad_frame");
    assert!(ada.is_alive().await);
    stage.bob_has_heard_nothing().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_delivered_says_so_and_the_line_goes_on() {
    let mut stage = stage().await;
    let mut ada = Raw::join(&stage.front, &stage.ada).await;
    let own = ada.until("herself", |v| v["users"][0]["name"] == "ada").await.pop().unwrap();
    let own = own["users"][0]["user_id"].clone();
    let (to, reference) = (stage.bobs_id.clone(), "r".repeat(64));
    for (to, text) in [
        (&json!("nobody"), "x"),
        (&json!(""), "x"),
        (&json!("y".repeat(50 * 1024)), "x"),
        (&own, "x"),
        (&to, ""),
        (&to, " \n\t\u{a0}"),
        (&to, "x".repeat(4_001).as_str()),
        (&to, "𝄞".repeat(4_001).as_str()),
    ] {
        let error = stage.is_answered(&mut ada, &message(to, text, &reference), "not_delivered").await;
        assert_eq!(error["ref"], reference.as_str());
    }
    for reference in ["r".repeat(65), "ü".repeat(33), "r".repeat(50 * 1024)] {
        let error = stage.is_answered(&mut ada, &message(&to, "x", &reference), "not_allowed").await;
        assert!(error.get("ref").is_none(), "what is too long to be a name is none");
    }
    stage.bob_has_heard_nothing().await;
    // What may be said is delivered as it was written.
    let mut ada = Raw::join(&stage.front, &stage.ada).await;
    for text in ["\u{0}\u{1}\u{7f}", "\u{202e}abc\u{feff}", "<b>&amp;</script>", &"𝄞".repeat(4_000)] {
        ada.text(&message(&to, text, "m")).await;
        assert_eq!(stage.bob.next("chat_message").await["message"], text);
    }
}

#[tokio::test]
async fn what_breaks_the_rules_of_websocket_closes_with_the_code_for_it() {
    let mut stage = stage().await;
    let large = message(&stage.bobs_id, "large", "m1");
    let padded = |length: usize| format!("{large}{}", " ".repeat(length - large.len())).into_bytes();
    let mut bad_text = message(&stage.bobs_id, "@@", "m1").into_bytes();
    let at = bad_text.iter().position(|b| *b == b'@').unwrap();
    bad_text[at] = 0xff;
    let mut unmasked = frame(TEXT, b"{\"type\":\"attention_seen\"}");
    unmasked[1] &= 0x7f;
    let parts = |count: usize| {
        let mut parts = frame(TEXT_BEGINS, &[b' '; 1024]);
        parts.extend(frame(GOES_ON, &[b' '; 1024]).repeat(count - 1));
        parts
    };
    let cases = [
        ("text that is none", frame(TEXT, &bad_text), 1007),
        ("a frame too large", frame(TEXT, &padded(64 * 1024 + 1)), 1009),
        ("parts without an end", parts(65), 1009),
        ("no mask", unmasked, 1002),
        ("a reserved bit", frame(TEXT | 0x40, b"{}"), 1002),
        ("a reserved kind", frame(0x83, b"{}"), 1002),
        ("the end of nothing", frame(ENDS, b"{}"), 1002),
        ("a ping in parts", frame(PING & 0x7f, b""), 1002),
        ("a ping too long", frame(PING, &[b' '; 126]), 1002),
    ];
    for (what, bytes, code) in cases {
        let mut ada = Raw::join(&stage.front, &stage.ada).await;
        ada.try_bytes(&bytes).await;
        assert_eq!(ada.end().await.code, Some(code), "{what}");
    }
    // Before the join as well.
    for (bytes, code) in [(frame(TEXT, &bad_text), 1007), (frame(TEXT, &padded(64 * 1024 + 1)), 1009)] {
        let mut ada = Raw::connect(&stage.front, &stage.ada, None).await;
        ada.try_bytes(&bytes).await;
        assert_eq!(ada.end().await.code, Some(code));
    }
    stage.bob_has_heard_nothing().await;
    // As large as may be, in parts, with a ping between them: all of that is allowed.
    let mut ada = Raw::join(&stage.front, &stage.ada).await;
    let large = padded(64 * 1024);
    ada.bytes(&frame(TEXT_BEGINS, &large[..10])).await;
    ada.bytes(&frame(GOES_ON, &large[10..70])).await;
    assert!(ada.is_alive().await);
    ada.bytes(&frame(ENDS, &large[70..])).await;
    assert_eq!(stage.bob.next("chat_message").await["message"], "large");
}

#[tokio::test]
async fn nobody_but_the_editor_speaks_for_the_editor() {
    let mut stage = stage().await;
    let mut ada = Raw::join(&stage.front, &stage.ada).await;
    let mut junior = Raw::join(&stage.front, &open(&stage.front, "junior").await).await;
    let mut vic = Raw::join(&stage.front, &open(&stage.front, "viewer").await).await;
    let theirs = json!({"type": "unsaved_values", "fields": [["name", "x"]], "names": ["name"]}).to_string();
    let all = [
        typed(&[("name", "theirs")]),
        // Even what nobody would be shown.
        typed(&[("pin", "theirs")]),
        "{\"type\":\"field_focus\",\"name\":\"name\"}".to_owned(),
        "{\"type\":\"field_focus\",\"name\":null}".to_owned(),
        "{\"type\":\"attention_seen\"}".to_owned(),
        theirs.clone(),
    ];
    for text in &all {
        for page in [&mut vic, &mut junior] {
            stage.is_answered(page, text, "not_allowed").await;
        }
    }
    // The editor has lost nothing that could be passed on.
    stage.is_answered(&mut ada, &theirs, "not_allowed").await;
    ada.text(&typed(&[("name", "hers")])).await;
    for page in [&mut stage.bob, &mut junior, &mut vic] {
        let heard = page.until("her typing", |v| v["type"] == "field_changed").await;
        assert_eq!(heard.last().unwrap()["fields"], json!([["name", "hers"]]));
        let forbidden = ["field_focus", "unsaved_offered", "lock_released"];
        assert!(!heard.iter().any(|v| forbidden.contains(&v["type"].as_str().unwrap())), "{heard:#?}");
    }
}

/// Passwords, hidden fields, tokens, what is no field of the form: whatever the editor's page says.
#[tokio::test]
async fn what_a_page_does_not_show_is_never_told_to_it() {
    const SECRET: [&str; 7] =
        ["pin", "kept", "csrfmiddlewaretoken", "_collab", "_collab_base", "parts-0-secret", "other"];
    let mut stage = stage().await;
    let mut ada = Raw::join(&stage.front, &stage.ada).await;
    let mut junior = Raw::join(&stage.front, &open(&stage.front, "junior").await).await;
    let mut fields: Vec<Value> = SECRET.iter().map(|name| json!([name, "SECRET"])).collect();
    fields.extend([
        json!(["pin", "SECRET", "SECRET"]),
        json!(["category", "2", "Kettles"]),
        json!(["name", "n"]),
    ]);
    let mut names = SECRET.to_vec();
    names.extend(["category", "name", "parts-0-size"]);
    let rows = json!({"parts": {"saved": 0, "keys": []}, "secret": {"saved": 1, "keys": ["SECRET"]}});
    let values = |kind: &str| json!({"type": kind, "fields": fields, "names": names, "rows": rows});
    for name in SECRET {
        ada.send(json!({"type": "field_focus", "name": name})).await;
        assert_eq!(stage.bob.next("field_focus").await["name"], Value::Null, "{name}");
    }
    ada.send(values("field_changed")).await;
    let heard = stage.bob.next("field_changed").await;
    let wanted = json!({"type": "field_changed", "whole": false, "too_large": false,
        "fields": [["category", "2", "Kettles"], ["name", "n"]], "names": ["category", "name", "parts-0-size"],
        "rows": {"parts": {"saved": 0, "keys": []}}});
    assert_eq!(heard, wanted);
    // Whom Django shows fewer fields, and who comes later.
    let heard = junior.next("field_changed").await;
    assert_eq!(
        (&heard["fields"], &heard["names"]),
        (&json!([["name", "n"]]), &json!(["name", "parts-0-size"]))
    );
    let mut late = Raw::join(&stage.front, &open(&stage.front, "junior-late").await).await;
    let heard = late.until("all of it", |v| v["whole"] == true).await;
    assert_eq!(heard.last().unwrap()["fields"], json!([["name", "n"]]));
    // What is left for the next editor is no more than that.
    stage.bob.send(json!({"type": "request_edit"})).await;
    ada.next("edit_requested").await;
    ada.send(json!({"type": "answer_request", "answer": "now"})).await;
    ada.next("lock_released").await;
    ada.send(values("unsaved_values")).await;
    let offered = stage.bob.next("unsaved_offered").await;
    assert_eq!(
        (&offered["fields"], &offered["names"], &offered["rows"]),
        (&wanted["fields"], &wanted["names"], &wanted["rows"])
    );
}
