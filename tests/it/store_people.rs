//! What people see of each other, as both stores keep it.

use collab_proxy::clock::Clock;
use collab_proxy::collab::chat::{Keep, Line};
use collab_proxy::collab::live::Live;
use collab_proxy::collab::presence::{Activity, Present};
use collab_proxy::collab::record::{Millis, Page};
use collab_proxy::django::object::ObjectKey;
use collab_proxy::store::Store;

use crate::store::{memory, object, page, redis};
use crate::support::redis::Redis as Server;

fn line(from: &str, to: &str, number: usize) -> Line {
    Line {
        sender_id: from.to_owned(),
        sender_name: from.to_uppercase(),
        recipient_id: to.to_owned(),
        message: format!("{number} ü\n<b>"),
        timestamp: 1_000 + number as Millis,
        reference: format!("m{number}"),
    }
}

/// What people say to each other is kept for the two, in its order, and no more of it than was set.
async fn conversations(store: &Store) {
    let keep = Keep { age: 60_000, lines: 3 };
    let key = object();
    for number in 0..5 {
        let (from, to) = if number % 2 == 0 { ("ada", "bob") } else { ("bob", "ada") };
        store.say(&key, &line(from, to, number), keep).await.unwrap();
    }
    store.say(&key, &line("ada", "eve", 9), keep).await.unwrap();
    let said = |who: &'static str| async move {
        let mut lines = store.said(&object(), who).await.unwrap();
        lines.sort_by_key(|l| l.timestamp);
        lines
    };
    let talk = vec![line("ada", "bob", 2), line("bob", "ada", 3), line("ada", "bob", 4)];
    assert_eq!(said("bob").await, talk);
    assert_eq!(said("eve").await, [line("ada", "eve", 9)]);
    assert_eq!(said("ada").await, [talk, vec![line("ada", "eve", 9)]].concat());
    assert_eq!(said("mallory").await, []);
    assert_eq!(store.said(&ObjectKey::new("shop", "product", "4"), "ada").await.unwrap(), []);
}

#[tokio::test]
async fn both_stores_keep_what_is_said() {
    let server = Server::start();
    let clock = Clock::manual(1_000_000);
    conversations(&memory(&clock)).await;
    conversations(&redis(&server, "talk:", "a", None)).await;
    // And the embedded one forgets it in time.
    let store = memory(&clock);
    store.say(&object(), &line("ada", "bob", 1), Keep { age: 60_000, lines: 3 }).await.unwrap();
    clock.advance(60_001);
    assert_eq!(store.said(&object(), "ada").await.unwrap(), []);
}

#[tokio::test]
async fn nodes_know_of_each_others_people_and_forget_dead_ones() {
    let server = Server::start();
    let clock = Clock::manual(1_000_000);
    let present = |user: usize| {
        let Page { id, person, .. } = page(user, 1);
        Present { page: id, person, since: 5, activity: Activity::Away, dirty: true, avatar: None }
    };
    let (a, b) = (redis(&server, "who:", "a", Some(&clock)), redis(&server, "who:", "b", Some(&clock)));
    assert_eq!(a.meet(&object(), vec![present(0)], 30_000).await.unwrap(), [present(0)]);
    let mut all = b.meet(&object(), vec![present(1), present(2)], 30_000).await.unwrap();
    all.sort_by(|x, y| x.page.cmp(&y.page));
    assert_eq!(all, [present(0), present(1), present(2)]);
    // b says nothing any more: a still does, and in time b's people are gone.
    clock.advance(20_000);
    assert_eq!(a.meet(&object(), vec![present(0)], 30_000).await.unwrap().len(), 3);
    clock.advance(10_001);
    assert_eq!(a.meet(&object(), vec![present(0)], 30_000).await.unwrap(), [present(0)]);
    assert_eq!(a.meet(&object(), vec![], 30_000).await.unwrap(), []);
    // The embedded store is one node.
    assert_eq!(memory(&clock).meet(&object(), vec![present(3)], 30_000).await.unwrap(), [present(3)]);
}

#[tokio::test]
async fn what_is_being_typed_is_found_by_the_other_node() {
    let server = Server::start();
    let (a, b) = (redis(&server, "live:", "a", None), redis(&server, "live:", "b", None));
    assert_eq!(b.live(&object()).await.unwrap(), None);
    let live = Live { page: "p1".into(), version: 7, focus: Some("name".to_owned()), ..Live::default() };
    a.set_live(&object(), &live).await.unwrap();
    assert_eq!(b.live(&object()).await.unwrap(), Some(live));
}
