//! Too much, too slow, cut off: one page's misbehaviour is that page's alone. By sockets written by hand (`raw.rs`).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::raw::{End, PONG, Raw, TEXT, frame};
use crate::socket::{open, site};
use crate::together::{message, typed};

/// Frames that a page may send in ten seconds (docs/protocol.md).
const RATE: usize = 60;

/// One of each frame that people together send, as good as it can be.
fn frames(to: &Value) -> Vec<(&'static str, Value)> {
    let values = json!({"fields": [["name", "x"]], "names": ["name"], "too_large": false});
    let with = |kind: &str| {
        let mut frame = values.clone();
        frame["type"] = kind.into();
        frame
    };
    vec![
        ("presence", json!({"type": "presence", "activity": "idle"})),
        ("request_attention", json!({"type": "request_attention"})),
        ("attention_seen", json!({"type": "attention_seen"})),
        ("chat_message", serde_json::from_str(&message(to, "hello", "m1")).unwrap()),
        ("field_changed", with("field_changed")),
        ("field_focus", json!({"type": "field_focus", "name": "name"})),
        ("unsaved_values", with("unsaved_values")),
    ]
}

/// Sends one frame as often as is allowed, and then once more.
async fn flood(mut raw: Raw, one: &Value) -> End {
    let one = frame(TEXT, one.to_string().as_bytes());
    raw.bytes(&one.repeat(RATE)).await;
    assert!(raw.is_alive().await, "{RATE} frames are allowed");
    raw.try_bytes(&one).await;
    raw.end().await
}

/// The public id of somebody who is here.
async fn id_of(raw: &mut Raw, name: &str) -> Value {
    let is_there = |v: &Value| v["users"].as_array().is_some_and(|u| u.iter().any(|u| u["name"] == name));
    let heard = raw.until(name, is_there).await;
    let users = heard.last().unwrap()["users"].as_array().unwrap();
    users.iter().find(|u| u["name"] == name).unwrap()["user_id"].clone()
}

fn has(heard: &[Value], kind: &str) -> bool {
    heard.iter().any(|v| v["type"] == kind)
}

/// A chat message with this text has come.
fn says(text: &str) -> impl Fn(&Value) -> bool {
    move |v| v["type"] == "chat_message" && v["message"] == text
}

#[tokio::test]
async fn a_flood_by_one_who_looks_on_is_cut_off_and_hurts_nobody() {
    let (_upstream, front) = site("").await;
    let mut ada = Raw::join(&front, &open(&front, "ada").await).await;
    let mut bob = Raw::join(&front, &open(&front, "bob").await).await;
    let bobs_id = id_of(&mut ada, "bob").await;
    let adas_id = id_of(&mut bob, "ada").await;
    let all = frames(&bobs_id);
    assert_eq!(all.len(), 7);
    for (n, (kind, one)) in all.iter().enumerate() {
        let name = format!("viewer{n}");
        let raw = Raw::join(&front, &open(&front, &name).await).await;
        id_of(&mut bob, &name).await;
        assert_eq!(flood(raw, one).await.code, Some(4429), "{kind}");
        // The lock, the sockets and what they are told go on; of the flood comes no more than was allowed.
        bob.send(serde_json::from_str(&message(&adas_id, kind, kind)).unwrap()).await;
        let heard = ada.until(kind, says(kind)).await;
        assert!(!has(&heard, "lock_released") && !has(&heard, "field_changed"), "{kind}: {heard:#?}");
        ada.text(&typed(&[("name", kind)])).await;
        let is_it = |v: &Value| v["type"] == "field_changed" && v["fields"] == json!([["name", kind]]);
        let heard = bob.until(kind, is_it).await;
        assert!(heard.len() < RATE + 20, "{kind}: {}", heard.len());
    }
    // None of them is left as a ghost.
    bob.until("the two", |v| v["users"].as_array().is_some_and(|u| u.len() == 2)).await;
    assert!(ada.is_alive().await && bob.is_alive().await);
}

#[tokio::test]
async fn a_flood_by_the_editor_ends_its_socket_and_the_lock_passes_on() {
    let (_upstream, front) = site("[lock]\ngrace = \"50 ms\"\n").await;
    let mut bob = Raw::join(&front, &open(&front, "bob").await).await;
    let bobs_id = id_of(&mut bob, "bob").await;
    let all = frames(&bobs_id);
    assert_eq!(all.len(), 7);
    let mut viewer = Raw::join(&front, &open(&front, "viewer").await).await;
    for (kind, one) in &all {
        // Whoever edits floods; the one who waited edits then, and makes room for the next.
        bob.send(json!({"type": "release_lock"})).await;
        let ada = Raw::join(&front, &open(&front, "ada").await).await;
        let edited_by = |name: &str, v: &Value| v["type"] == "editor_status" && v["editor"]["name"] == name;
        bob.until("ada edits", |v| edited_by("ada", v)).await;
        bob.send(json!({"type": "claim_editor"})).await;
        bob.until("bob waits", |v| v["position"] == 1).await;
        assert_eq!(flood(ada, one).await.code, Some(4429), "{kind}");
        let heard = bob.until("bob edits", |v| edited_by("bob", v)).await;
        assert!(heard.len() < 2 * RATE, "{kind}: {}", heard.len());
        viewer.until("bob edits", |v| edited_by("bob", v)).await;
    }
    assert!(bob.is_alive().await && viewer.is_alive().await);
}

/// Each of many stays within what one may send; all of it at once to one person is still no reason to cut that
/// person off, who reads as fast as anybody.
#[tokio::test]
async fn many_who_write_to_one_person_do_not_cut_them_off() {
    let (_upstream, front) = site("").await;
    let mut bob = Raw::join(&front, &open(&front, "bob").await).await;
    let mut writers = Vec::new();
    for n in 0..6 {
        let mut writer = Raw::join(&front, &open(&front, &format!("viewer{n}")).await).await;
        let bobs_id = id_of(&mut writer, "bob").await;
        writers.push((writer, bobs_id));
    }
    for (writer, bobs_id) in &mut writers {
        let one = message(bobs_id, "hello", "m1");
        writer.bytes(&frame(TEXT, one.as_bytes()).repeat(RATE)).await;
    }
    let mut lines = 0;
    while lines < writers.len() * RATE {
        bob.next("chat_message").await;
        lines += 1;
    }
    assert!(bob.is_alive().await);
}

/// Takes nothing in, but goes on saying that it is there.
#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut_off_and_sees_everything_when_it_is_back() {
    let (_upstream, front) = site("[lock]\nping = \"500 ms\"\ndead = \"3 s\"\n").await;
    let mut ada = Raw::join(&front, &open(&front, "ada").await).await;
    let mut bob = Raw::join(&front, &open(&front, "bob").await).await;
    let opened = open(&front, "stalled").await;
    let mut stalled = Raw::join_with(&front, &opened, Some(1024)).await;
    let id = id_of(&mut bob, "stalled").await;
    id_of(&mut ada, "stalled").await;
    let mut last = String::new();
    // Not more than anybody may send, and more than the machine takes in for a reader that does not read.
    for n in 0..RATE / 2 {
        last = format!("{n}{}", "x".repeat(46 * 1024));
        ada.text(&typed(&[("description", &last)])).await;
        for page in [&mut ada, &mut bob] {
            page.text(&message(&id, &format!("{n}{}", "漢".repeat(3_900)), &n.to_string())).await;
            page.next("chat_message").await;
        }
        stalled.try_bytes(&frame(PONG, b"")).await;
    }
    let begun = Instant::now();
    let gone = |v: &Value| v["type"] == "user_left" && v["name"] == "stalled";
    let heard = {
        let hers_and_his =
            async { tokio::join!(ada.until("its leaving", gone), bob.until("its leaving", gone)) };
        tokio::pin!(hers_and_his);
        loop {
            tokio::select! {
                (hers, his) = &mut hers_and_his => break [hers, his].concat(),
                () = tokio::time::sleep(Duration::from_millis(100)) => {
                    stalled.try_bytes(&frame(PONG, b"")).await;
                }
            }
        }
    };
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    assert!(!has(&heard, "lock_released"), "{heard:#?}");
    // Nobody else has noticed.
    assert!(ada.is_alive().await && bob.is_alive().await);

    let mut back = Raw::join(&front, &opened).await;
    let whole = back.until("the whole state", |v| v["whole"] == true).await;
    assert_eq!(whole.last().unwrap()["fields"], json!([["description", last]]));
    let status = whole.iter().find(|v| v["type"] == "editor_status").unwrap();
    assert_eq!((&status["you"], &status["editor"]["name"]), (&json!("waiting"), &json!("ada")));
    let told = whole.iter().filter(|v| v["type"] == "chat_history");
    let lines: usize = told.map(|v| v["messages"].as_array().unwrap().len()).sum();
    assert!(lines > 30, "the newest of what was said: {lines}");
}

#[tokio::test]
async fn a_socket_that_is_reset_within_a_frame_leaves_no_ghost_and_comes_back_once() {
    let (_upstream, front) = site("").await;
    let mut ada = Raw::join(&front, &open(&front, "ada").await).await;
    let opened = open(&front, "bob").await;
    let mut bob = Raw::join(&front, &opened).await;
    let bobs_id = id_of(&mut ada, "bob").await;
    ada.text(&message(&bobs_id, "before", "m1")).await;
    ada.text(&typed(&[("name", "Blue")])).await;
    bob.until("typing", |v| v["type"] == "field_changed").await;
    let half = frame(TEXT, message(&bobs_id, &"x".repeat(500), "m2").as_bytes());
    bob.bytes(&half[..300]).await;
    bob.reset();
    let begun = Instant::now();
    let heard = ada.until("his leaving", |v| v["type"] == "user_left" && v["name"] == "bob").await;
    let took = begun.elapsed();
    assert!((Duration::from_secs(1)..Duration::from_secs(5)).contains(&took), "two seconds: {took:?}");
    assert!(!has(&heard, "error"));
    let heard = ada.until("those who are left", |v| v["type"] == "active_users").await;
    assert_eq!(heard.last().unwrap()["users"].as_array().unwrap().len(), 1);

    let mut bob = Raw::join(&front, &opened).await;
    id_of(&mut ada, "bob").await;
    let mut heard = bob.until("the whole state", |v| v["whole"] == true).await;
    ada.text(&message(&bobs_id, "after", "m3")).await;
    heard.extend(bob.until("a word", says("after")).await);
    let of = |kind: &str| heard.iter().filter(|v| v["type"] == kind).collect::<Vec<_>>();
    assert_eq!((of("chat_history").len(), of("field_changed").len()), (1, 1), "{heard:#?}");
    assert_eq!(of("chat_history")[0]["messages"].as_array().unwrap().len(), 1);
    assert_eq!(of("chat_history")[0]["messages"][0]["message"], "before");
    assert_eq!(of("field_changed")[0]["fields"], json!([["name", "Blue"]]));
}
