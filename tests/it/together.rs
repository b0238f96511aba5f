//! What people on one object have of each other, as their sockets hear it: who is there, attention, words, typing.

use collab_proxy::collab::live::Live;
use collab_proxy::collab::protocol::{Entry, Values};
use serde_json::{Value, json};

use crate::raw::Raw;
use crate::socket::{Page, open, site};
use crate::support::redis::Redis as Server;
use crate::upstream::Front;

async fn users(page: &mut Page, holds: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    for _ in 0..50 {
        let frame = page.next("active_users").await;
        let users = frame["users"].as_array().unwrap().clone();
        if holds(&users) {
            return users;
        }
    }
    panic!("people never were as they should be");
}

fn said(users: &[Value], what: &str) -> Vec<String> {
    users.iter().map(|u| format!("{} {}", u["name"].as_str().unwrap(), u[what])).collect()
}

#[tokio::test]
async fn everybody_sees_who_is_there_and_what_they_do() {
    let (_upstream, front) = site("").await;
    let mut ada = Page::join(&front, "ada").await;
    users(&mut ada, |u| u.len() == 1).await;
    let mut bob = Page::join(&front, "bob").await;
    // Who comes later sees who is there already.
    let there = users(&mut bob, |u| u.len() == 2).await;
    assert_eq!(said(&there, "role"), ["ada \"editing\"", "bob \"waiting\""]);
    assert_eq!(ada.next("user_joined").await["name"], "bob");
    // One entry a person, however many pages.
    let mut second = Page::join(&front, "bob").await;
    let there = users(&mut ada, |u| u.iter().any(|u| u["pages"] == 2)).await;
    assert_eq!(said(&there, "pages"), ["ada 1", "bob 2"]);
    // The liveliest page counts.
    bob.send("{\"type\":\"presence\",\"activity\":\"away\"}").await;
    second.send("{\"type\":\"presence\",\"activity\":\"idle\"}").await;
    users(&mut ada, |u| u[1]["activity"] == "idle").await;
    second.send("{\"type\":\"leave\"}").await;
    users(&mut ada, |u| u[1]["activity"] == "away" && u[1]["pages"] == 1).await;
    ada.send("{\"type\":\"input\",\"dirty\":true}").await;
    let there = users(&mut bob, |u| u[0]["dirty"] == true).await;
    assert!(there.iter().all(|u| u.get("email").is_none()), "nobody's address is told");
    // Gone within seconds; the lock and the roles pass on.
    ada.send("{\"type\":\"leave\"}").await;
    assert_eq!(bob.next("user_left").await["name"], "ada");
    let there = users(&mut bob, |u| u.len() == 1 && u[0]["role"] == "editing").await;
    assert_eq!(said(&there, "position"), ["bob 0"]);
}

/// Whoever comes in is one of those who are here, from the first word of it.
#[tokio::test]
async fn nobody_is_told_of_people_without_being_one_of_them() {
    let (_upstream, front) = site("").await;
    let mut pages = Vec::new();
    for name in ["ada", "bob", "viewer"] {
        let mut page = Raw::join(&front, &open(&front, name).await).await;
        let mut heard = page.until("people", |v| v["type"] == "active_users").await;
        let there = heard.pop().unwrap()["users"].as_array().unwrap().clone();
        assert_eq!(there.len(), pages.len() + 1, "{there:#?}");
        assert!(there.iter().any(|u| u["name"] == name), "{there:#?}");
        assert!(heard.iter().all(|v| v["type"] == "editor_status"), "{heard:#?}");
        pages.push(page);
    }
}

/// A page that is loaded again is not somebody who leaves.
#[tokio::test]
async fn a_reload_is_no_leaving() {
    let (_upstream, front) = site("").await;
    let mut ada = Page::join(&front, "ada").await;
    let mut bob = Page::join(&front, "bob").await;
    let since = users(&mut ada, |u| u.len() == 2).await[1]["since"].clone();
    bob.send("{\"type\":\"leave\"}").await;
    let mut bob = Page::join(&front, "bob").await;
    let carol = Page::join(&front, "carol").await;
    let there = users(&mut bob, |u| u.len() == 3).await;
    assert_eq!(there.iter().find(|u| u["name"] == "bob").unwrap()["since"], since);
    // Everything that was told meanwhile, in order: carol came, and nobody went.
    drop(carol);
    assert_eq!(ada.next("user_left").await["name"], "carol");
}

#[tokio::test]
async fn attention_is_asked_once_in_an_interval_and_stays_until_it_is_seen() {
    let (_upstream, front) = site("[options]\nnotification_request_interval = 600\n").await;
    let opened = open(&front, "ada").await;
    let mut ada = Page::join_with(&front, &opened).await;
    // Whoever may only look may ask all the same.
    let mut viewer = Page::join(&front, "viewer").await;
    viewer.send("{\"type\":\"request_attention\"}").await;
    let asked = ada.next("attention_requested").await;
    assert_eq!(asked["name"], "viewer");
    let status = ada.next("editor_status").await;
    assert_eq!(
        (&status["attention"]["askers"], &status["attention"]["asking"][0]["name"]),
        (&json!(1), &json!("viewer"))
    );
    loop {
        if viewer.next("editor_status").await["attention"]["asked"] == true {
            break;
        }
    }
    viewer.send("{\"type\":\"request_attention\"}").await;
    assert_eq!(viewer.next("error").await["code"], "not_allowed");
    // It is part of the state: a line that breaks loses nothing.
    drop(ada);
    let mut ada = Page::join_with(&front, &opened).await;
    let status = ada.status("you", "editor").await;
    assert_eq!(status["attention"]["asking"][0]["user_id"], asked["user_id"]);
    ada.send("{\"type\":\"attention_seen\"}").await;
    loop {
        let status = viewer.next("editor_status").await;
        if status["attention"]["seen"] == true {
            break;
        }
    }
    // Of nobody, or of oneself, nothing can be asked; and who only looks has seen nothing of it.
    for (page, text) in [(&mut ada, "request_attention"), (&mut viewer, "attention_seen")] {
        page.send(&json!({"type": text}).to_string()).await;
        assert_eq!(page.next("error").await["code"], "not_allowed", "{text}");
    }
}

pub(crate) fn message(to: &Value, text: &str, reference: &str) -> String {
    json!({"type": "chat_message", "recipient_id": to, "message": text, "ref": reference}).to_string()
}

#[tokio::test]
async fn words_reach_the_two_and_all_their_pages_and_nobody_else() {
    let (_upstream, front) = site("[chat]\nmessages = 3\n").await;
    let mut ada = Page::join(&front, "ada").await;
    let mut second = Page::join(&front, "ada").await;
    let mut bob = Page::join(&front, "bob").await;
    let mut eve = Page::join(&front, "eve").await;
    let there = users(&mut ada, |u| u.len() == 3).await;
    let id = |name: &str| there.iter().find(|u| u["name"] == name).unwrap()["user_id"].clone();
    ada.send(&message(&id("bob"), "hello <b>", "m1")).await;
    for page in [&mut ada, &mut second, &mut bob] {
        let line = page.next("chat_message").await;
        assert_eq!(
            (&line["message"], &line["ref"], &line["sender_id"]),
            (&json!("hello <b>"), &json!("m1"), &id("ada"))
        );
    }
    for n in 2..=5 {
        bob.send(&message(&id("ada"), &format!("{n}"), &format!("b{n}"))).await;
        ada.next("chat_message").await;
    }
    // Eve has heard none of it: what comes to her next is what is meant for her.
    ada.send(&message(&id("eve"), "for eve", "m2")).await;
    assert_eq!(eve.next("chat_message").await["message"], "for eve");
    // Kept for who loads the page again, and no more than so many.
    let mut again = Page::join(&front, "bob").await;
    let history = again.next("chat_history").await;
    let texts: Vec<&str> =
        history["messages"].as_array().unwrap().iter().map(|m| m["message"].as_str().unwrap()).collect();
    assert_eq!(texts, ["3", "4", "5"]);
    // What cannot be delivered is said not to be.
    for (to, text) in [
        (json!("nobody"), "x"),
        (id("ada"), "to myself"),
        (id("bob"), "  "),
        (id("bob"), "ü".repeat(4_001).as_str()),
    ] {
        ada.send(&message(&to, text, "m9")).await;
        let error = ada.next("error").await;
        assert_eq!((&error["code"], &error["ref"]), (&json!("not_delivered"), &json!("m9")), "{text}");
    }
    eve.send("{\"type\":\"leave\"}").await;
    assert_eq!(ada.next("user_left").await["name"], "eve");
    ada.send(&message(&id("eve"), "too late", "m3")).await;
    assert_eq!(ada.next("error").await["ref"], "m3");
}

#[tokio::test]
async fn a_site_without_chat_has_none() {
    let (_upstream, front) = site("[options]\nenable_chat = false\nlive_view = false\n").await;
    let opened = open(&front, "ada").await;
    assert_eq!((&opened.config["chat"], &opened.config["live"]), (&json!(false), &json!(false)));
    let mut ada = Page::join_with(&front, &opened).await;
    let mut bob = Page::join(&front, "bob").await;
    let there = users(&mut ada, |u| u.len() == 2).await;
    ada.send(&message(&there[1]["user_id"], "hello", "m1")).await;
    assert_eq!(ada.next("error").await["code"], "not_allowed");
    // Nor is typing told: what Bob hears next is that she left.
    ada.send(&typed(&[("name", "secret")])).await;
    ada.send("{\"type\":\"release_lock\"}").await;
    let status = bob.status("you", "editor").await;
    assert_eq!(status["type"], "editor_status");
}

pub(crate) fn typed(fields: &[(&str, &str)]) -> String {
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    json!({"type": "field_changed", "fields": fields, "names": names, "too_large": false}).to_string()
}

#[tokio::test]
async fn the_edit_is_seen_as_it_happens_by_whom_it_concerns() {
    let (_upstream, front) = site("[live_view]\nexcept = [\"shop.secret\"]\n").await;
    let mut ada = Page::join(&front, "ada").await;
    let mut bob = Page::join(&front, "bob").await;
    let mut junior = Page::join(&front, "junior").await;
    bob.status("you", "waiting").await;
    ada.send(&typed(&[
        ("name", "Blue"),
        ("category", "2"),
        ("pin", "1234"),
        ("kept", "x"),
        ("csrfmiddlewaretoken", "t"),
        ("other", "y"),
    ]))
    .await;
    let heard = bob.next("field_changed").await;
    assert_eq!(
        (&heard["fields"], &heard["whole"]),
        (&json!([["name", "Blue"], ["category", "2"]]), &json!(false))
    );
    // Django shows this one fewer fields.
    assert_eq!(junior.next("field_changed").await["fields"], json!([["name", "Blue"]]));
    ada.send("{\"type\":\"field_focus\",\"name\":\"category\"}").await;
    assert_eq!(bob.next("field_focus").await["name"], "category");
    assert_eq!(junior.next("field_focus").await["name"], Value::Null);
    ada.send(&typed(&[("name", "Bluer")])).await;
    bob.next("field_changed").await;
    // Who comes later sees all of it.
    let mut late = Page::join(&front, "late").await;
    let heard = late.next("field_changed").await;
    assert_eq!(heard["whole"], true);
    assert_eq!(heard["fields"], json!([["category", "2"], ["name", "Bluer"]]));
    assert_eq!(late.next("field_focus").await["name"], "category");
    // Nobody but the editor is heard.
    bob.send(&typed(&[("name", "Bob's")])).await;
    // Too much is said to be.
    ada.send(&typed(&[("description", &"x".repeat(49 * 1024))])).await;
    let heard = bob.next("field_changed").await;
    assert_eq!((&heard["too_large"], &heard["fields"]), (&json!(true), &json!([])));
    // Given up without a save: as it was, and she is in none of the fields.
    ada.send("{\"type\":\"release_lock\"}").await;
    assert_eq!(bob.next("field_focus").await["name"], Value::Null);
    let heard = junior.find_whole().await;
    assert_eq!((&heard["fields"], &heard["names"]), (&json!([]), &json!([])));
}

/// Frames that come too fast, and a flood of people, break nothing for the others.
#[tokio::test]
async fn a_crowd_is_told_in_bounded_frames() {
    let (_upstream, front) = site("").await;
    let mut ada = Page::join(&front, "ada").await;
    let mut crowd = Vec::new();
    for n in 0..70 {
        crowd.push(Page::join(&front, &format!("viewer{n}")).await);
    }
    let opened = open(&front, "viewer-last").await;
    let mut unnamed = Page::join_with(&front, &opened).await;
    let mut last = Value::Null;
    for _ in 0..100 {
        last = ada.next("active_users").await;
        if last["more"] == 22 {
            break;
        }
    }
    let users_named = last["users"].as_array().unwrap();
    assert_eq!((users_named.len(), &last["more"]), (50, &json!(22)));
    assert_eq!(last["users"][0]["role"], "editing", "the editor is always named");
    // Who is not named is here all the same, and can be written to.
    assert!(users_named.iter().all(|u| u["name"] != "viewer-last"), "{last}");
    ada.send(&message(&opened.config["user"]["user_id"], "and you", "m1")).await;
    assert_eq!(unnamed.next("chat_message").await["message"], "and you");
    drop((crowd, unnamed));
    users(&mut ada, |u| u.len() == 1).await;
}

/// What one proxy has not heard of the other it looks up as soon as it hears again.
#[tokio::test]
async fn after_a_gap_everything_is_looked_at_again() {
    let server = Server::start();
    let settings = format!(
        "store = \"redis\"\n[options]\nredis_url = \"{}\"\n[redis]\nprefix = \"gap:\"\n",
        server.url()
    );
    let (upstream, one) = site(&settings).await;
    let other = Front::start(&upstream.url(), &settings).await;
    let opened = open(&one, "ada").await;
    let mut ada = Page::join_with(&one, &opened).await;
    // The memory of locks of this Redis has only begun.
    ada.status("you", "editor").await;
    let mut bob = Page::join(&other, "bob").await;
    let there = users(&mut ada, |u| u.len() == 2).await;
    ada.send(&message(&there[1]["user_id"], "hello", "m1")).await;
    bob.next("chat_message").await;
    ada.send(&typed(&[("name", "heard")])).await;
    assert_eq!(bob.next("field_changed").await["fields"], json!([["name", "heard"]]));
    // Typed, kept, and told to nobody: as if the news of it had been lost.
    let fields = vec![Entry::Plain("name".to_owned(), "missed".to_owned())];
    let values = Values { fields, names: vec!["name".to_owned()], ..Values::default() };
    let page = opened.config["page_id"].as_str().unwrap();
    let live = Live { values, ..Live::of(page.into(), opened.config["version"].as_u64().unwrap()) };
    crate::store::redis(&server, "gap:", "c", None).set_live(&crate::store::object(), &live).await.unwrap();
    let mut connection = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    redis::cmd("CLIENT").arg(&["KILL", "TYPE", "pubsub"]).exec(&mut connection).unwrap();
    assert_eq!(bob.next("chat_history").await["messages"][0]["message"], "hello");
    assert_eq!(bob.find_whole().await["fields"], json!([["name", "missed"]]));
}
