//! Asking, handing over and taking over by raw WebSocket: who is told what, and what is refused.

use serde_json::{Value, json};

use crate::socket::{Page, django, open};
use crate::upstream::Front;

const QUICK: &str = "[lock]\ngrace = \"100 ms\"\nanswer_within = \"200 ms\"\nask_again = \"10 min\"\n";

/// Ada edits, Bob waits.
async fn two(settings: &str) -> (Front, Page, Page) {
    let upstream = django().await;
    let front = Front::start(&upstream.url(), settings).await;
    // Nothing asks Django from here on but the pages, which are open.
    let mut ada = Page::join(&front, "ada").await;
    ada.status("you", "editor").await;
    let mut bob = Page::join(&front, "bob").await;
    bob.status("you", "waiting").await;
    std::mem::forget(upstream);
    (front, ada, bob)
}

async fn say(page: &mut Page, frame: Value) {
    page.send(&frame.to_string()).await;
}

/// The next status whose `handover` has this.
async fn handover(page: &mut Page, field: &str, wanted: impl Into<Value>) -> Value {
    let wanted = wanted.into();
    loop {
        let status = page.next("editor_status").await;
        if status["handover"][field] == wanted {
            return status;
        }
    }
}

async fn refused(page: &mut Page, frame: Value, why: &str) {
    say(page, frame.clone()).await;
    let error = page.next("error").await;
    assert_eq!(error["code"], "not_allowed", "{frame}");
    assert!(error["message"].as_str().unwrap().contains(why), "{frame}: {error}");
}

#[tokio::test]
async fn asked_and_given_now() {
    let (_front, mut ada, mut bob) = two(QUICK).await;
    say(&mut bob, json!({"type": "request_edit"})).await;
    assert_eq!(ada.next("edit_requested").await["names"], json!(["bob"]));
    let status = handover(&mut ada, "askers", 1).await;
    assert!(status["handover"]["answer_by"].as_u64().unwrap() > status["now"].as_u64().unwrap());
    assert_eq!(handover(&mut bob, "asked", true).await["handover"]["asking"], json!(["bob"]));
    say(&mut ada, json!({"type": "answer_request", "answer": "now"})).await;
    assert_eq!(ada.next("lock_released").await["cause"], "handed_over");
    let answered = bob.next("request_answered").await;
    assert_eq!(
        (&answered["answer"], &answered["by"], &answered["at"]),
        (&json!("now"), &json!("ada"), &Value::Null)
    );
    bob.status("you", "editor").await;
    // She does not wait in line by herself: she has given it away.
    assert_eq!(ada.status("you", "viewer").await["editor"]["name"], "bob");
}

#[tokio::test]
async fn asked_and_promised() {
    let (_front, mut ada, mut bob) = two("[lock]\nhandover_later = \"1 s\"\n").await;
    say(&mut bob, json!({"type": "request_edit"})).await;
    ada.next("edit_requested").await;
    say(&mut ada, json!({"type": "answer_request", "answer": "later"})).await;
    let answered = bob.next("request_answered").await;
    let status = handover(&mut bob, "promised", true).await;
    assert_eq!(status["handover"]["passes_on"]["at"], answered["at"]);
    assert_eq!(status["handover"]["passes_on"]["cause"], "handed_over");
    refused(&mut bob, json!({"type": "take_over"}), "ask first").await;
    refused(&mut ada, json!({"type": "answer_request", "answer": "no"}), "promised").await;
    bob.status("you", "editor").await;
    assert_eq!(ada.next("lock_released").await["cause"], "handed_over");
}

#[tokio::test]
async fn asked_and_declined() {
    let (_front, mut ada, mut bob) = two(QUICK).await;
    refused(&mut ada, json!({"type": "answer_request", "answer": "no"}), "nobody asks").await;
    refused(&mut ada, json!({"type": "request_edit"}), "waits in line").await;
    say(&mut bob, json!({"type": "request_edit"})).await;
    ada.next("edit_requested").await;
    say(&mut ada, json!({"type": "answer_request", "answer": "no"})).await;
    assert_eq!(bob.next("request_answered").await["answer"], "no");
    assert_eq!(handover(&mut ada, "askers", 0).await["you"], "editor");
    refused(&mut bob, json!({"type": "request_edit"}), "declined").await;
    refused(&mut bob, json!({"type": "take_over"}), "ask first").await;
    refused(&mut bob, json!({"type": "answer_request", "answer": "now"}), "holds the lock").await;
    refused(&mut bob, json!({"type": "unsaved_values", "fields": []}), "lost the lock").await;
}

#[tokio::test]
async fn unanswered_taken_over_and_the_work_passed_on() {
    let (_front, mut ada, mut bob) = two(QUICK).await;
    say(&mut bob, json!({"type": "request_edit"})).await;
    handover(&mut bob, "asked", true).await;
    refused(&mut bob, json!({"type": "take_over"}), "ask first").await;
    loop {
        say(&mut bob, json!({"type": "take_over"})).await;
        let status = handover(&mut bob, "asked", false);
        if let Ok(status) = tokio::time::timeout(std::time::Duration::from_millis(250), status).await {
            assert_eq!(status["you"], "editor");
            break;
        }
    }
    let lost = ada.next("lock_released").await;
    assert_eq!((&lost["cause"], &lost["by"]), (&json!("taken_over"), &json!("bob")));
    let fields = json!([["name", "Half typ"], ["category", "2", "Kettles"], ["_collab", "token"]]);
    let values =
        json!({"type": "unsaved_values", "fields": fields, "names": ["name", "category", "published"]});
    say(&mut ada, values.clone()).await;
    let offered = bob.next("unsaved_offered").await;
    assert_eq!(offered["by"], "ada");
    assert_eq!(offered["fields"], json!([["name", "Half typ"], ["category", "2", "Kettles"]]));
    assert_eq!(offered["names"], json!(["name", "category", "published"]));
    refused(&mut ada, values, "lost the lock").await;
    // Back with her, nothing of hers is left to pass on.
    say(&mut bob, json!({"type": "release_lock"})).await;
    say(&mut ada, json!({"type": "claim_editor"})).await;
    ada.status("you", "editor").await;
}

/// Django decides field by field who may see what; so what one person typed is told to another.
#[tokio::test]
async fn nobody_is_offered_a_field_that_their_own_page_does_not_show() {
    let upstream = django().await;
    let front = Front::start(&upstream.url(), "[lock]\ntakeover = \"always\"\n").await;
    let mut ada = Page::join(&front, "ada").await;
    ada.status("you", "editor").await;
    let mut junior = Page::join(&front, "junior").await;
    junior.status("you", "waiting").await;
    say(&mut junior, json!({"type": "take_over"})).await;
    ada.next("lock_released").await;
    let fields = json!([
        ["name", "Half typ"],
        ["category", "2", "Kettles"],
        ["parts-4-size", "9"],
        ["pin", "1234"],
        ["kept", "x"],
        ["csrfmiddlewaretoken", "y"],
        ["made_up", "z"]
    ]);
    let names = json!(["name", "category", "published", "parts-4-size", "pin", "made_up"]);
    say(&mut ada, json!({"type": "unsaved_values", "fields": fields, "names": names})).await;
    let offered = junior.next("unsaved_offered").await;
    assert_eq!(offered["fields"], json!([["name", "Half typ"], ["parts-4-size", "9"]]));
    assert_eq!(offered["names"], json!(["name", "published", "parts-4-size"]));
    // Whose page shows the field as well is offered it.
    let mut bob = Page::join(&front, "bob").await;
    bob.status("you", "waiting").await;
    say(&mut bob, json!({"type": "take_over"})).await;
    let offered = bob.next("unsaved_offered").await;
    assert_eq!(
        offered["fields"],
        json!([["name", "Half typ"], ["category", "2", "Kettles"], ["parts-4-size", "9"]])
    );
}

#[tokio::test]
async fn too_much_is_said_to_be_too_much() {
    let (_front, mut ada, mut bob) = two("[lock]\ntakeover = \"always\"\n").await;
    say(&mut bob, json!({"type": "take_over"})).await;
    ada.next("lock_released").await;
    let fields = json!([["description", "x".repeat(50 * 1024)]]);
    say(&mut ada, json!({"type": "unsaved_values", "fields": fields})).await;
    let offered = bob.next("unsaved_offered").await;
    assert_eq!((&offered["too_large"], &offered["fields"]), (&json!(true), &json!([])));
}

#[tokio::test]
async fn takeover_only_where_and_by_whom_it_is_allowed() {
    let (_front, _ada, mut bob) = two("[lock]\ntakeover = \"off\"\n").await;
    refused(&mut bob, json!({"type": "take_over"}), "does not allow").await;
    // These sessions are known by nothing but themselves, so no name of the list fits.
    let (front, _ada, mut bob) = two("[lock]\ntakeover = \"always\"\ntakeover_users = [\"bob\"]\n").await;
    refused(&mut bob, json!({"type": "take_over"}), "certain people").await;
    let mut vic = Page::join_with(&front, &open(&front, "viewer-vic").await).await;
    for frame in ["request_edit", "take_over"] {
        refused(&mut vic, json!({"type": frame}), "no save button").await;
    }
}

#[tokio::test]
async fn who_is_away_is_warned_and_then_followed() {
    let settings = "[lock]\nidle_after = \"1 s\"\nidle_warning = \"500 ms\"\n";
    let (_front, mut ada, mut bob) = two(settings).await;
    let status = ada.status("you", "editor").await;
    let passes = &status["handover"]["passes_on"];
    assert_eq!(passes["cause"], "idle", "{status}");
    assert_eq!(passes["at"].as_u64().unwrap() - passes["warn"].as_u64().unwrap(), 500);
    say(&mut ada, json!({"type": "input", "dirty": true})).await;
    assert_ne!(
        handover(&mut ada, "askers", 0).await["handover"]["passes_on"]["at"],
        passes["at"],
        "she typed"
    );
    assert_eq!(ada.next("lock_released").await["cause"], "idle");
    bob.status("you", "editor").await;
}
