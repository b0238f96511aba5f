//! One suite for every store: what the pure rules give, the embedded store and a real Redis give too.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use collab_proxy::clock::Clock;
use collab_proxy::collab::command::{Command, Event, Outcome, WriteEnd, WriteProof};
use collab_proxy::collab::handover::Answer;
use collab_proxy::collab::lock::apply;
use collab_proxy::collab::protocol::{Entry, Values};
use collab_proxy::collab::recall::lend;
use collab_proxy::collab::record::{Millis, Page, Person, Record, RequestId, Rules, UNSAVED_KEEP, Write};
use collab_proxy::django::base::{Shown, pack};
use collab_proxy::django::fields::{Field, Value};
use collab_proxy::django::object::ObjectKey;
use collab_proxy::store::{
    Certificates, Heard, Memory, Redis, RedisConfig, Sentinels, Session, Store, StoreError,
};
use hyper::Response;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::socket::{CHANGE, open};
use crate::support::redis::Redis as Server;
use crate::upstream::{Front, Upstream, full, status};

const START: Millis = 1_000_000;

pub(crate) fn object() -> ObjectKey {
    ObjectKey::new("shop", "product", "3")
}

pub(crate) fn page(user: usize, version: Millis) -> Page {
    let person = Person { user: format!("u{user}").into(), name: format!("User {user}") };
    Page { id: format!("p{user}").into(), person, version }
}

/// Short, so that scripts come to requests that go unanswered, and to idle editors.
fn rules() -> Rules {
    Rules {
        answer_within: 2_000,
        handover_later: 3_000,
        idle_after: 10_000,
        idle_warning: 1_000,
        max_hold: 25_000,
        ..Rules::default()
    }
}

pub(crate) fn memory(clock: &Clock) -> Store {
    Store::Memory(Box::new(Memory::new(clock.clone(), rules())))
}

pub(crate) fn config(url: String, prefix: &str) -> RedisConfig {
    RedisConfig {
        url,
        prefix: prefix.to_owned(),
        max_retries: 3,
        retry_delay: Duration::from_millis(20),
        timeout: Duration::from_secs(5),
        certificates: Certificates::default(),
        sentinels: Sentinels::default(),
    }
}

pub(crate) fn redis(server: &Server, prefix: &str, node: &str, clock: Option<&Clock>) -> Store {
    Store::Redis(Box::new(
        Redis::new(config(server.url(), prefix), rules(), node.into(), clock.cloned()).unwrap(),
    ))
}

/// A command for the record as it then is: some need its version or the running write's fence.
#[derive(Clone, Debug)]
enum Do {
    Join(usize, bool),
    Claim(usize),
    Touch(Vec<usize>, u32),
    Input(usize, bool),
    Leave(usize),
    Release(usize),
    Ask(usize),
    Answer(usize, Answer),
    TakeOver(usize),
    PassOn(usize),
    Free(Option<usize>),
    Begin(usize, Option<bool>),
    Keep,
    End(usize, WriteEnd),
    Tick,
}

fn script() -> impl Strategy<Value = Vec<(Do, Millis)>> {
    let user = 0..4_usize;
    let end = prop_oneof![
        any::<bool>().prop_map(|stays| WriteEnd::Saved { stays }),
        Just(WriteEnd::NotSaved),
        Just(WriteEnd::SavedAsNew),
        Just(WriteEnd::Deleted),
        any::<bool>().prop_map(|may_land| WriteEnd::Unknown { may_land }),
    ];
    let step = prop_oneof![
        4 => (user.clone(), prop::bool::weighted(0.8)).prop_map(|(u, fits)| Do::Join(u, fits)),
        1 => user.clone().prop_map(Do::Claim),
        2 => (prop::collection::vec(user.clone(), 0..3), 0..3_u32).prop_map(|(u, n)| Do::Touch(u, n)),
        1 => (user.clone(), any::<bool>()).prop_map(|(u, dirty)| Do::Input(u, dirty)),
        2 => user.clone().prop_map(Do::Leave),
        1 => user.clone().prop_map(Do::Release),
        2 => user.clone().prop_map(Do::Ask),
        1 => (user.clone(), prop_oneof![Just(Answer::Now), Just(Answer::Later), Just(Answer::No)])
            .prop_map(|(u, answer)| Do::Answer(u, answer)),
        2 => user.clone().prop_map(Do::TakeOver),
        1 => user.clone().prop_map(Do::PassOn),
        1 => prop::option::of(user.clone()).prop_map(Do::Free),
        3 => (user.clone(), prop::option::of(prop::bool::weighted(0.8))).prop_map(|(u, p)| Do::Begin(u, p)),
        1 => Just(Do::Keep),
        2 => (user, end).prop_map(|(u, end)| Do::End(u, end)),
        1 => Just(Do::Tick),
    ];
    let wait = prop_oneof![4 => 0..100_u64, 2 => 1_000..8_000_u64, 1 => Just(31_000_u64), 1 => Just(66_000)];
    prop::collection::vec((step, wait), 1..25)
}

impl Do {
    fn command(&self, record: &Record, number: usize) -> Command {
        let fits = |u: usize, fits: bool| page(u, if fits { record.version } else { 7 });
        let fence = record.write.as_ref().map_or(42, |w| w.fence);
        match self {
            Self::Join(u, f) => Command::Join { page: fits(*u, *f) },
            Self::Claim(u) => Command::Claim { page: fits(*u, true) },
            Self::Touch(users, viewers) => Command::Touch {
                node: "n".into(),
                pages: users.iter().map(|u| page(*u, 0).id).collect(),
                viewers: *viewers,
            },
            Self::Input(u, dirty) => Command::Input { page: page(*u, 0).id, dirty: *dirty },
            Self::Leave(u) => Command::Leave { page: page(*u, 0).id },
            Self::Release(u) => Command::Release { page: page(*u, 0).id },
            Self::Ask(u) => Command::Ask { page: page(*u, 0).id },
            Self::Answer(u, answer) => Command::Answer { page: page(*u, 0).id, answer: *answer },
            Self::TakeOver(u) => Command::TakeOver { page: fits(*u, true) },
            Self::PassOn(u) => Command::PassOn { page: page(*u, 0).id },
            Self::Free(user) => Command::ForceRelease {
                user: user.map(|u| page(u, 0).person.user),
                reason: None,
                operator: None,
            },
            Self::Begin(u, proof) => Command::BeginWrite {
                id: RequestId::from(format!("r{number}")),
                person: page(*u, 0).person,
                proof: match proof {
                    None => WriteProof::None,
                    Some(f) => WriteProof::Page { page: page(*u, 0).id, version: fits(*u, *f).version },
                },
            },
            // One that ended, or that nobody has begun, is told of too.
            Self::Keep => Command::KeepWrite { write: record.write.clone().unwrap_or_else(unheard) },
            Self::End(u, end) => {
                let page = page(*u, 0);
                Command::EndWrite { fence, person: page.person, page: Some(page.id), end: *end }
            }
            Self::Tick => Command::Tick,
        }
    }
}

fn unheard() -> Write {
    let person = page(0, 0).person;
    Write { id: "r".into(), person, page: None, fence: 42, since: START, deadline: START, quiet: false }
}

/// Runs a script on a store and on the pure rules; every step must be the same.
async fn agree(store: &Store, clock: &Clock, script: &[(Do, Millis)]) {
    let epoch = clock.now();
    let (mut record, mut until) = (Record::fresh(epoch), Millis::MAX);
    for (number, (step, wait)) in script.iter().enumerate() {
        clock.advance(*wait);
        // Redis forgets by its own clock, which a test cannot turn.
        if matches!(store, Store::Memory(_)) && clock.now() >= until {
            record = Record::fresh(epoch);
        }
        let command = step.command(&record, number);
        let mut want = apply(&record, clock.now(), &command, &rules());
        if want.changed && matches!(store, Store::Redis(_)) {
            lend(&record, &mut want, &command, &"n".into(), clock.now());
        }
        let got = store.apply(&object(), &command).await.unwrap();
        assert_eq!(got.step, want, "step {number}: {command:?}");
        assert_eq!(
            store.read(&object()).await.unwrap().record,
            want.record,
            "what is read after {command:?}"
        );
        record = want.record;
        until = clock.now() + record.keep_for();
    }
}

async fn scripts_agree(cases: u32, open: impl Fn(u32, &Clock) -> Store) {
    let mut runner = TestRunner::deterministic();
    for case in 0..cases {
        let script = script().new_tree(&mut runner).unwrap().current();
        let clock = Clock::manual(START);
        let store = open(case, &clock);
        // The store's memory begins now, as the pure record's does.
        store.read(&object()).await.unwrap();
        agree(&store, &clock, &script).await;
    }
}

#[tokio::test]
async fn the_embedded_store_follows_the_rules() {
    scripts_agree(1_000, |_, clock| memory(clock)).await;
}

#[tokio::test]
async fn redis_follows_the_rules() {
    let server = Server::start();
    scripts_agree(200, |case, clock| redis(&server, &format!("case{case}:"), "n", Some(clock))).await;
}

/// 50 people claim at one instant, 100 rounds: always exactly one editor, and 49 places in the queue.
async fn race(stores: Vec<Arc<Store>>) {
    for round in 0..100 {
        let key = ObjectKey::new("shop", "product", &round.to_string());
        let version = stores[0].read(&key).await.unwrap().record.version;
        let start = Arc::new(tokio::sync::Barrier::new(50));
        let mut tasks = Vec::new();
        for user in 0..50 {
            let (store, key, start) =
                (Arc::clone(&stores[user % stores.len()]), key.clone(), Arc::clone(&start));
            tasks.push(tokio::spawn(async move {
                let command = Command::Join { page: page(user, version) };
                start.wait().await;
                store.apply(&key, &command).await.unwrap().step.outcome
            }));
        }
        let mut editors = 0;
        let mut places = BTreeSet::new();
        for task in tasks {
            match task.await.unwrap() {
                Outcome::Editor => editors += 1,
                Outcome::Waiting(place) => {
                    assert!(places.insert(place), "round {round}: {place} given twice")
                }
                other => panic!("round {round}: {other:?}"),
            }
        }
        assert_eq!(editors, 1, "round {round}");
        assert_eq!(places, (1..50).collect(), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_claims_at_once_give_one_editor_embedded() {
    race(vec![Arc::new(memory(&Clock::system()))]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_claims_at_once_give_one_editor_in_redis_over_three_proxies() {
    let server = Server::start();
    let stores = ["a", "b", "c"].map(|node| Arc::new(redis(&server, "t:", node, None)));
    race(stores.to_vec()).await;
}

/// A store that lost its memory never lets a page from before pass for a fresh one.
#[tokio::test]
async fn a_store_without_its_memory_knows_that() {
    let mut server = Server::start();
    let clock = Clock::manual(START);
    let save = async |store: &Store| {
        let person = page(1, 0).person;
        let begin = Command::BeginWrite { id: "r".into(), person: person.clone(), proof: WriteProof::None };
        let Outcome::Granted { fence, .. } = store.apply(&object(), &begin).await.unwrap().step.outcome
        else {
            panic!("not granted")
        };
        let end = WriteEnd::Saved { stays: false };
        store.apply(&object(), &Command::EndWrite { fence, person, page: None, end }).await.unwrap();
        store.read(&object()).await.unwrap().record.version
    };
    let refused = async |store: &Store, version: Millis| {
        let proof = WriteProof::Page { page: "p".into(), version };
        let begin = Command::BeginWrite { id: "q".into(), person: page(2, 0).person, proof };
        matches!(store.apply(&object(), &begin).await.unwrap().step.outcome, Outcome::Refused(_))
    };

    let store = memory(&clock);
    let version = save(&store).await;
    clock.advance(1_000);
    assert!(refused(&memory(&clock), version).await, "the embedded store after a restart");

    let store = redis(&server, "t:", "n", Some(&clock));
    let version = save(&store).await;
    clock.advance(1_000);
    server.restart();
    eventually!(store.now().await, |now| now.is_ok()).unwrap();
    assert!(refused(&store, version).await, "a Redis that came back empty");
}

#[tokio::test]
async fn any_key_is_kept_apart_and_listed() {
    let server = Server::start();
    let clock = Clock::manual(START);
    let odd = ["3", "a/b_c d+e%é", "{x}", "}{", "a|b", "*", "\u{1}", &"long".repeat(2_000)];
    for store in [memory(&clock), redis(&server, "odd{[*:", "n", Some(&clock))] {
        for (i, pk) in odd.iter().enumerate() {
            let key = ObjectKey::new("shop", "part", pk);
            let version = store.read(&key).await.unwrap().record.version;
            let step = store.apply(&key, &Command::Join { page: page(i, version) }).await.unwrap().step;
            assert_eq!(step.outcome, Outcome::Editor, "{pk}");
        }
        let listed = store.list().await.unwrap();
        assert_eq!(listed.len(), odd.len());
        for (key, found) in listed {
            let i = odd.iter().position(|pk| ObjectKey::new("shop", "part", pk) == key).unwrap();
            assert_eq!(found.record.holder.unwrap().page, page(i, found.record.version));
        }
        clock.advance(rules().lease);
        assert!(store.list().await.unwrap().is_empty(), "leases ended");
    }
}

/// Only a page that is rendered keeps its record longer; an operator's list, asked for every minute, must not.
#[tokio::test]
async fn looking_at_the_list_keeps_nothing() {
    let server = Server::start();
    let clock = Clock::manual(START);
    let store = redis(&server, "t:", "n", Some(&clock));
    let client = ::redis::Client::open(server.url()).unwrap();
    let mut link = client.get_multiplexed_async_connection().await.unwrap();
    // More than are asked for in one go.
    let many: Vec<ObjectKey> =
        (0..1_203).map(|pk| ObjectKey::new("shop", "product", &pk.to_string())).collect();
    for key in &many {
        let version = store.read(key).await.unwrap().record.version;
        store.apply(key, &Command::Join { page: page(1, version) }).await.unwrap();
        let key = format!("t:lock:{{{key}}}");
        ::redis::cmd("PEXPIRE").arg(key).arg(3_600_000).exec_async(&mut link).await.unwrap();
    }
    assert_eq!(store.list().await.unwrap().len(), many.len());
    // Nothing changes, nothing is written.
    store.apply(&many[3], &Command::Tick).await.unwrap();
    for key in &many {
        let key = format!("t:lock:{{{key}}}");
        let left: u64 = ::redis::cmd("PTTL").arg(&key).query_async(&mut link).await.unwrap();
        assert!(left <= 3_600_000, "{key} is kept for {left} ms");
    }
    // A page is rendered, longer after the last change than is let pass.
    clock.advance(30 * 60 * 1000 + 1);
    store.read(&many[3]).await.unwrap();
    let left: u64 = ::redis::cmd("PTTL").arg("t:lock:{shop.product/3}").query_async(&mut link).await.unwrap();
    assert!(left > 3_600_000, "{left} ms");
}

#[tokio::test]
async fn sessions_are_remembered_and_forgotten() {
    let server = Server::start();
    let clock = Clock::manual(START);
    let ada = Session { user: Some("login:ada".into()), name: Some("Ada".to_owned()) };
    for store in [memory(&clock), redis(&server, "t:", "n", Some(&clock))] {
        assert_eq!(store.session("h").await.unwrap(), None);
        store.set_session("h", Some(&ada)).await.unwrap();
        assert_eq!(store.session("h").await.unwrap().as_ref(), Some(&ada));
        store.set_session("h", None).await.unwrap();
        assert_eq!(store.session("h").await.unwrap(), None);
    }
}

/// What is left unsaved is kept by object and page, whatever they are called, and forgotten in the end.
#[tokio::test]
async fn unsaved_values_are_kept_for_a_while() {
    let server = Server::start();
    let clock = Clock::manual(START);
    let values = |text: &str| Values {
        fields: vec![
            Entry::Plain("name".into(), text.into()),
            Entry::Choice("tags".into(), "1".into(), "New \u{1F6AB}".into()),
        ],
        names: vec!["name".into(), "tags".into(), "published".into()],
        too_large: false,
        rows: std::collections::BTreeMap::new(),
    };
    let odd = ObjectKey::new("shop", "part", "a/b {x} %é");
    for store in [memory(&clock), redis(&server, "t:", "n", Some(&clock))] {
        assert_eq!(store.unsaved(&odd, &"p".into()).await.unwrap(), None);
        store.set_unsaved(&odd, &"p".into(), &values("first")).await.unwrap();
        store.set_unsaved(&odd, &"p".into(), &values("second")).await.unwrap();
        store.set_unsaved(&odd, &"q".into(), &values("another page's")).await.unwrap();
        assert_eq!(store.unsaved(&odd, &"p".into()).await.unwrap(), Some(values("second")));
        assert_eq!(store.unsaved(&object(), &"p".into()).await.unwrap(), None);
        // Redis forgets by its own clock, which a test cannot turn.
        if matches!(store, Store::Memory(_)) {
            clock.advance(UNSAVED_KEEP);
            assert_eq!(store.unsaved(&odd, &"p".into()).await.unwrap(), None);
        }
    }
}

/// A record that was written before hand-over existed.
#[tokio::test]
async fn records_of_earlier_versions_are_read() {
    let server = Server::start();
    let store = redis(&server, "t:", "n", None);
    let old = r#"5|{"revision":5,"version":3,"fence":4,"holder":{"page":{"id":"a","person":{"user":"login:ada","name":"Ada"},"version":3},"fence":4,"since":1,"active":1,"dirty":true,"lease_end":9999999999999,"away":null},"queue":[{"page":{"id":"b","person":{"user":"login:bob","name":"Bob"},"version":3},"since":2,"lease_end":9999999999999,"away":null}],"deleted":false,"uncertain":false}"#;
    let client = ::redis::Client::open(server.url()).unwrap();
    let mut link = client.get_multiplexed_async_connection().await.unwrap();
    ::redis::cmd("SET").arg("t:lock:{shop.product/3}").arg(old).exec_async(&mut link).await.unwrap();
    let step = store.apply(&object(), &Command::Ask { page: "b".into() }).await.unwrap().step;
    // Bob has waited since long ago and Ada has not typed for years: it is his.
    assert!(matches!(step.events[..], [Event::Lost { .. }]), "{:?}", step.events);
    assert!(step.record.is_holder(&"b".into()));
}

/// Every change is told to the other proxies, with what happened; nobody hears themselves.
#[tokio::test]
async fn proxies_hear_each_other() {
    let server = Server::start();
    let (here, there) = (redis(&server, "t:", "here", None), redis(&server, "t:", "there", None));
    let here = Arc::new(here);
    let (to, mut from) = tokio::sync::mpsc::channel(16);
    let listener = Arc::clone(&here);
    let listening = tokio::spawn(async move {
        if let Store::Redis(redis) = &*listener {
            redis.listen(to).await;
        }
    });
    let hear = async |from: &mut tokio::sync::mpsc::Receiver<Heard>| {
        tokio::time::timeout(Duration::from_secs(10), from.recv()).await.unwrap().unwrap()
    };
    assert!(matches!(hear(&mut from).await, Heard::Gap), "at the start anything may have been missed");
    let version = here.read(&object()).await.unwrap().record.version;
    assert!(matches!(hear(&mut from).await, Heard::Gap), "its memory begins: everybody says what they know");
    here.apply(&object(), &Command::Join { page: page(1, version) }).await.unwrap();
    there
        .apply(&object(), &Command::ForceRelease { user: None, reason: None, operator: None })
        .await
        .unwrap();
    let Heard::Notice(notice) = hear(&mut from).await else { panic!("a gap") };
    assert_eq!(notice.object, object());
    assert!(matches!(notice.events[..], [Event::Lost { .. }]), "{:?}", notice.events);
    listening.abort();
}

/// A Redis that dies is said to be down, soon; when it is back, so is the store, on a new connection.
#[tokio::test]
async fn redis_may_die_and_come_back() {
    let mut server = Server::start();
    let store = redis(&server, "t:", "n", None);
    store.now().await.unwrap();
    server.kill();
    let begun = std::time::Instant::now();
    let error = store.apply(&object(), &Command::Tick).await.unwrap_err();
    assert!(matches!(error, StoreError::Down(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    server.restart();
    eventually!(store.now().await, |now| now.is_ok()).unwrap();
}

/// A way to a Redis that can be cut: each of so many messages breaks its connection instead of arriving.
async fn cuttable(server: &Server) -> (tempfile::TempDir, String, Arc<AtomicUsize>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let cuts = Arc::new(AtomicUsize::new(0));
    let (left, behind) = (Arc::clone(&cuts), server.socket());
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let (mut from, mut to) = near.into_split();
            let far = tokio::net::UnixStream::connect(&behind).await.unwrap();
            let (mut answers, mut commands) = far.into_split();
            let left = Arc::clone(&left);
            tokio::spawn(async move { tokio::io::copy(&mut answers, &mut to).await });
            tokio::spawn(async move {
                let mut buffer = vec![0; 65_536];
                while let Ok(n @ 1..) = from.read(&mut buffer).await {
                    let cut = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
                    if cut.is_ok() || commands.write_all(&buffer[..n]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    let url = format!("unix://{}", path.display());
    (folder, url, cuts)
}

/// The deep check lets go of its pin although the store is away at that moment.
#[tokio::test]
async fn the_end_of_a_refused_save_is_told_again() {
    let server = Server::start();
    let (_folder, url, cuts) = cuttable(&server).await;
    let cutting = Arc::clone(&cuts);
    let upstream = Upstream::start(move |request| {
        // The second look is the deep check's; after it the store is not there for a moment.
        if request.headers().contains_key("x-cut") {
            cutting.store(1, Ordering::SeqCst);
        }
        async move {
            let html = Response::builder().header("content-type", "text/html; charset=utf-8");
            html.body(full(
                "<form id=\"x_form\" method=\"post\" novalidate><input name=\"name\" value=\"b\">\
                 <input type=\"submit\" name=\"_save\"></form>",
            ))
            .unwrap()
        }
    })
    .await;
    let settings = format!(
        "store = \"redis\"\n[saves]\ndeep_check = \"always\"\n[options]\nredis_url = \"{url}\"\nredis_max_retries = 0\n"
    );
    let front = Front::start(&upstream.url(), &settings).await;
    let ada = open(&front, "ada").await;
    let fields = vec![Field {
        name: "name".to_owned(),
        values: vec![Value("a".to_owned(), String::new())],
        ..Field::default()
    }];
    let base = pack(&Shown { title: None, fields }).unwrap();
    let body = format!("_collab={}&name=c&_collab_base={base}", ada.field);
    let answer = front.post(CHANGE, "Cookie: sessionid=ada\r\nX-Cut: 1\r\n", &body).await;
    assert_eq!(cuts.load(Ordering::SeqCst), 0);
    assert_eq!(status(&answer), 409, "{answer}");
    let record = redis(&server, "collab:", "n", None).list().await.unwrap();
    assert!(record.is_empty(), "{record:?}");
}

/// Many rows do not each wait for a store that is away: the answer must leave.
#[tokio::test]
async fn a_store_that_is_away_is_not_asked_for_every_row() {
    const MANY: usize = 10_000;
    let server = Server::start();
    let (_folder, url, cuts) = cuttable(&server).await;
    let cutting = Arc::clone(&cuts);
    let upstream = Upstream::start(move |_| {
        cutting.store(MANY, Ordering::SeqCst);
        async {
            Response::builder().status(302).header("location", "/admin/shop/product/").body(full("")).unwrap()
        }
    })
    .await;
    let settings = format!("store = \"redis\"\n[options]\nredis_url = \"{url}\"\nredis_max_retries = 0\n");
    let front = Front::start(&upstream.url(), &settings).await;
    let rows: String = (1..=40).map(|pk| format!("&_selected_action={pk}")).collect();
    let body = format!("action=publish&index=0{rows}");
    let answer = front.post("/admin/shop/product/", "Cookie: sessionid=ada\r\n", &body).await;
    assert_eq!(status(&answer), 302, "{answer}");
    let asked = MANY - cuts.load(Ordering::SeqCst);
    assert!(asked < 40, "asked {asked} times");
}
