//! Claims per second on both stores, through the library.

use std::path::Path;
use std::process::Command as Program;
use std::sync::Arc;
use std::time::{Duration, Instant};

use collab_proxy::clock::Clock;
use collab_proxy::collab::command::{Command, Outcome};
use collab_proxy::collab::record::{NodeId, Page, PageId, Person, Rules, UserKey};
use collab_proxy::django::object::ObjectKey;
use collab_proxy::store::{Certificates, Memory, Redis, RedisConfig, Sentinels, Store};
use tokio::task::JoinSet;

use crate::Error;
use crate::process::Process;
use crate::stats::{Series, heading};

const TASKS: usize = 64;
const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_secs(1);

pub(crate) async fn run(dir: &Path) -> Result<(), Error> {
    let socket = dir.join("redis.sock");
    let mut redis = Program::new("redis-server");
    redis.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]).arg(&socket);
    let _redis = Process::until("redis", &mut redis, dir, || {
        std::os::unix::net::UnixStream::connect(&socket).is_ok()
    })?;
    let config = RedisConfig {
        url: format!("unix://{}", socket.display()),
        prefix: "bench:".to_owned(),
        max_retries: 3,
        retry_delay: Duration::from_millis(500),
        timeout: Duration::from_secs(5),
        certificates: Certificates::default(),
        sentinels: Sentinels::default(),
    };
    let redis = Redis::new(config, Rules::default(), NodeId::from("bench"), None)?;
    let stores = [
        ("embedded", Arc::new(Store::Memory(Box::new(Memory::new(Clock::system(), Rules::default()))))),
        ("Redis, unix socket", Arc::new(Store::Redis(Box::new(redis)))),
    ];
    let mut figures =
        [const { [const { None }; 2] }; 2].map(|row| row.map(|_: Option<()>| Series::default()));
    for _ in 0..ROUNDS {
        for (store, row) in stores.iter().zip(&mut figures) {
            for (one_object, series) in [false, true].into_iter().zip(row) {
                series.add(claims(&store.1, one_object).await?);
            }
        }
    }
    heading("Claims per second, each with its release");
    println!("{TASKS} tasks at once, {ROUNDS} rounds of {} s\n", TIME.as_secs());
    println!("{:<22}{:<30}all on one object", "store", "each on an object of its own");
    for ((name, _), [apart, together]) in stores.iter().zip(&figures) {
        println!("{name:<22}{apart:<30}{together}");
    }
    Ok(())
}

async fn claims(store: &Arc<Store>, one_object: bool) -> Result<f64, Error> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for n in 0..TASKS {
        let store = Arc::clone(store);
        let object = ObjectKey::new("shop", "product", &if one_object { 0 } else { 1 + n }.to_string());
        tasks.spawn(async move { claim(&store, &object, n, one_object, started).await });
    }
    let mut count = 0;
    while let Some(task) = tasks.join_next().await {
        count += task??;
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}

/// One person who claims and releases until the time is over; gives how often.
async fn claim(
    store: &Store,
    object: &ObjectKey,
    n: usize,
    contended: bool,
    started: Instant,
) -> Result<usize, Error> {
    let page = Page {
        id: PageId::from(format!("page{n}")),
        person: Person { user: UserKey::from(format!("id:{n}")), name: format!("Person {n}") },
        version: store.read(object).await?.record.version,
    };
    let (claim, release) = (Command::Claim { page: page.clone() }, Command::Release { page: page.id });
    let mut count = 0;
    while started.elapsed() < TIME {
        match store.apply(object, &claim).await?.step.outcome {
            Outcome::Editor => {}
            Outcome::Waiting(_) if contended => {}
            other => return Err(format!("a claim gave {other:?}").into()),
        }
        store.apply(object, &release).await?;
        count += 1;
        // The embedded store never waits; the others get their turn all the same.
        tokio::task::yield_now().await;
    }
    Ok(count)
}
