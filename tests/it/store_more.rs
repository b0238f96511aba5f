//! What a Redis is asked, and how often: lives that come back, records that nobody needs, hints that are too many, and a
//! server that takes no writes.

use std::time::Duration;

use collab_proxy::collab::command::{Command, WriteEnd, WriteProof};
use collab_proxy::collab::record::Rules;
use collab_proxy::django::object::ObjectKey;
use collab_proxy::store::{Heard, Redis, Store};
use tokio::sync::mpsc;

use crate::store::{config, object, page, redis};
use crate::store_lives::known_for_long;
use crate::support::redis::Redis as Server;

/// A became a replica of B and then the primary again: the life of B has been seen by another proxy, this one slept.
#[tokio::test]
async fn a_life_that_comes_back_is_another_life() {
    let server = Server::start();
    known_for_long(&server);
    let rules = Rules { recall: 4_000, ..Rules::default() };
    let store = Redis::new(config(server.url(), "t:"), rules, "n".into(), None).unwrap();
    let store = Store::Redis(Box::new(store));
    store.apply(&object(), &Command::Join { page: page(1, 1) }).await.unwrap();
    assert_eq!(store.read(&object()).await.unwrap().record.doubtful, None);
    // What it copied from the primary in between.
    server.tell::<()>(&["SET", "t:life", "the server in between|2"]);
    server.tell::<i64>(&["CLIENT", "KILL", "TYPE", "normal"]);
    // Once it has found that it is on another connection.
    let here = async || store.read(&object()).await.unwrap().record.doubtful;
    eventually!(here().await, Option::is_some);
    // A proxy that asks says that it is another life.
    let rules = Rules { recall: 4_000, ..Rules::default() };
    let other = Redis::new(config(server.url(), "t:"), rules, "m".into(), None).unwrap();
    let there = other.read(&object()).await.unwrap().record.doubtful;
    assert!(there.is_some());
}

/// POST and GET of an object that does not exist, by anybody.
#[tokio::test]
async fn a_blank_record_goes_soon_also_when_it_is_looked_at() {
    let server = Server::start();
    let store = redis(&server, "t:", "n", None);
    let key = ObjectKey::new("shop", "product", "no such");
    let person = page(1, 0).person;
    let begin = Command::BeginWrite { id: "r".into(), person: person.clone(), proof: WriteProof::None };
    let write = store.apply(&key, &begin).await.unwrap().step.record.write.unwrap();
    let end = Command::EndWrite { fence: write.fence, person, page: None, end: WriteEnd::NotSaved };
    store.apply(&key, &end).await.unwrap();
    let ttl = || server.tell::<i64>(&["PTTL", "t:lock:{shop.product/no such}"]);
    assert!(ttl() > 0 && ttl() <= 60_000, "{}", ttl());
    store.read(&key).await.unwrap();
    assert!(ttl() <= 60_000, "{} ms", ttl());
}

/// Whoever takes long over what was heard is not taken for deaf: to be subscribed anew is another gap to take long over.
#[tokio::test]
async fn who_takes_long_over_a_gap_is_not_deaf() {
    let server = Server::start();
    let rules = Rules::default();
    let hears = Redis::new(config(server.url(), "t:"), rules, "n".into(), None).unwrap();
    let (to, mut from) = mpsc::channel(16);
    tokio::spawn(async move { hears.listen(to).await });
    // Other proxies renew locks all the time.
    let url = server.url();
    tokio::spawn(async move {
        let other = Redis::new(config(url, "t:"), Rules::default(), "m".into(), None).unwrap();
        for n in 0_u64.. {
            let key = ObjectKey::new("shop", "product", &n.to_string());
            let _ = other.apply(&key, &Command::Join { page: page(1, 0) }).await;
            let _ = other.apply(&key, &Command::Join { page: page(1, 1) }).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            let _ = other.tell(&key, collab_proxy::collab::news::News::People).await;
        }
    });
    let subscriber = || -> Option<String> {
        let all: String = server.tell(&["CLIENT", "LIST", "TYPE", "pubsub"]);
        all.split_whitespace().find_map(|part| part.strip_prefix("id=")).map(str::to_owned)
    };
    let first = eventually!(subscriber(), Option::is_some);
    let mut gaps = 0;
    let end = tokio::time::Instant::now() + Duration::from_secs(12);
    while tokio::time::Instant::now() < end {
        if let Ok(Some(Heard::Gap)) = tokio::time::timeout_at(end, from.recv()).await {
            gaps += 1;
            // As many rooms take.
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    }
    assert!(gaps > 1, "what did not fit is told of");
    assert_eq!(subscriber(), first);
}

/// A replica is away, and Redis takes no writes (docs/redis.md: min-replicas-to-write 1). Ten people have the object open.
#[tokio::test]
async fn who_cannot_write_does_not_wait_for_the_others() {
    let server = Server::start();
    let ours = || {
        let config = collab_proxy::store::RedisConfig {
            retry_delay: Duration::from_millis(500),
            ..config(server.url(), "t:")
        };
        std::sync::Arc::new(Redis::new(config, Rules::default(), "n".into(), None).unwrap())
    };
    let store = ours();
    let version = store.read(&object()).await.unwrap().record.version;
    store.apply(&object(), &Command::Join { page: page(99, version) }).await.unwrap();
    server.tell::<()>(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let began = std::time::Instant::now();
    let all: Vec<_> = (0..8)
        .map(|n| {
            let store = std::sync::Arc::clone(&store);
            tokio::spawn(async move {
                store
                    .apply(
                        &object(),
                        &Command::BeginWrite {
                            id: format!("r{n}").as_str().into(),
                            person: page(99, 0).person,
                            proof: WriteProof::None,
                        },
                    )
                    .await
                    .map(|_| ())
                    .unwrap_err()
            })
        })
        .collect();
    for one in all {
        let error = one.await.unwrap();
        assert!(error.to_string().contains("NOREPLICAS"), "{error}");
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
