//! Thousands of saves by several people through two proxies, while everything under them fails: nobody's save overwrites one
//! that its author has not seen, what is said to be saved is, and what is refused comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::Method;

use crate::cluster::Cluster;
use crate::support::django::Django;
use crate::support::history::{Change, Save, Told, broken};
use crate::support::person::{Form, Person, parse};
use crate::support::proxy::Proxy;
use crate::support::redis::Redis;
use crate::support::relay::{Relay, Way};
use crate::support::socket::PageSocket;

const PEOPLE: usize = 10;
const OBJECTS: u32 = 10;
const SETTINGS: &str = "[lock]\nlease = \"4 s\"\nping = \"500 ms\"\ndead = \"1500 ms\"\ngrace = \"1 s\"\nturn = \"2 s\"\n\
    [options]\nredis_retry_delay = \"100 ms\"\nredis_socket_timeout = \"2 s\"\n";

/// Chance that can be had again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// The database writes down by itself what becomes of names, whoever changes them.
fn watch(django: &Django) {
    django.rows("create table history (id integer primary key, object integer, was text, became text)");
    django.rows(
        "create trigger history after update on shop_product when old.name <> new.name begin \
         insert into history (object, was, became) values (new.id, old.name, new.name); end",
    );
}

fn changes(django: &Django) -> Vec<Change> {
    let rows = django.rows("select object, was, became from history order by id");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| Change {
            object: row[0].as_u64().unwrap().try_into().unwrap(),
            was: text(&row[1]),
            became: text(&row[2]),
        })
        .collect()
}

fn path(object: u32) -> String {
    format!("/admin/shop/product/{object}/change/")
}

struct Worker {
    number: usize,
    person: Person,
    /// host:port of the proxies; or of Django itself.
    doors: Vec<String>,
    chance: Chance,
    saves: Vec<Save>,
    began: Instant,
}

impl Worker {
    async fn works(mut self, stop: Arc<AtomicBool>) -> Vec<Save> {
        while !stop.load(Ordering::Relaxed) {
            let object = 1 + u32::try_from(self.chance.below(u64::from(OBJECTS))).unwrap();
            let door = self.chance.below(self.doors.len() as u64);
            self.person.address = self.doors[usize::try_from(door).unwrap()].clone();
            let Some(form) = self.opens(object).await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            // Many come with a page that is open, some with a script.
            let socket = match self.chance.below(4) {
                0 => None,
                _ => PageSocket::try_join(&self.person, &form).await.ok(),
            };
            if let Some(socket) = &socket {
                let patience = Instant::now() + Duration::from_millis(self.chance.below(150));
                while socket.status()["you"] != "editor" && Instant::now() < patience {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            // And may go to the other proxy with it.
            if self.chance.below(5) == 0 {
                let door = self.chance.below(self.doors.len() as u64);
                self.person.address = self.doors[usize::try_from(door).unwrap()].clone();
            }
            self.saves(object, &form).await;
            // Most go on to another page; some are cut off.
            if let Some(socket) = socket.filter(|_| self.chance.below(10) > 0) {
                socket.leave();
            }
        }
        self.saves
    }

    async fn opens(&mut self, object: u32) -> Option<Form> {
        let answer = self.person.request(Method::GET, &path(object), &[], Vec::new()).await.ok()?;
        let text = answer.text();
        (answer.status == 200 && text.contains("id=\"product_form\"")).then(|| parse(&text, "_form"))
    }

    async fn saves(&mut self, object: u32, form: &Form) {
        let wrote = format!("w{}n{}", self.number, self.saves.len());
        let button = if self.chance.below(2) == 0 { "_save" } else { "_continue" };
        let typed = form.with("name", &wrote).with(button, "Save");
        let sent = self.began.elapsed();
        let told = match self.person.try_post(&path(object), &typed).await {
            Err(_) => Told::Unknown,
            Ok(answer) => match answer.status {
                302 => Told::Saved,
                // The site failed, or nobody knows.
                500 | 502 | 504 => Told::Unknown,
                _ => Told::Refused { kept: answer.text().contains(&wrote) },
            },
        };
        let at = [sent, self.began.elapsed()];
        self.saves.push(Save { object, saw: form.get("name").to_owned(), wrote, told, at });
    }
}

/// Sessions that no proxy has seen begin are different people to it.
async fn workers(django: &Django, doors: &[String], began: Instant) -> Vec<Worker> {
    let mut all = Vec::new();
    for number in 0..PEOPLE {
        let mut person = Person::at_address(django.upstream().strip_prefix("http://").unwrap(), "root");
        person.sign_in("/admin/").await;
        let chance = Chance(number as u64 * 7919 + 1);
        all.push(Worker { number, person, doors: doors.to_vec(), chance, saves: Vec::new(), began });
    }
    all
}

/// Lets people work while `meanwhile` happens. Gives their saves.
async fn play(workers: Vec<Worker>, meanwhile: impl AsyncFnOnce()) -> Vec<Save> {
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = workers.into_iter().map(|w| tokio::spawn(w.works(Arc::clone(&stop)))).collect();
    meanwhile().await;
    stop.store(true, Ordering::Relaxed);
    let mut saves = Vec::new();
    for task in tasks {
        saves.extend(task.await.unwrap());
    }
    saves
}

async fn a_while(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// How often everything fails, one after the other: COLLAB_HISTORY_ROUNDS, or often enough for some 2,000 saves.
fn rounds() -> usize {
    let given = std::env::var("COLLAB_HISTORY_ROUNDS").ok();
    given.map_or(4, |rounds| rounds.parse().expect("COLLAB_HISTORY_ROUNDS is a number"))
}

#[expect(clippy::print_stdout, reason = "shown if the test fails")]
async fn everything_fails(cluster: &mut Cluster, way: &Relay, began: Instant) {
    let now = |what: &str| println!("{:?} {what}", began.elapsed());
    a_while(3).await;
    now("Redis stands still");
    cluster.redis.freeze();
    a_while(3).await;
    cluster.redis.thaw();
    a_while(2).await;
    now("Redis is gone, and back with nothing");
    cluster.redis.kill();
    a_while(1).await;
    cluster.redis.restart();
    a_while(6).await;
    now("proxy two is killed");
    cluster.two.proc.kill();
    cluster.two.restart();
    a_while(2).await;
    now("proxy one stands still for longer than the lease");
    cluster.one.proc.signal("STOP");
    a_while(6).await;
    cluster.one.proc.signal("CONT");
    a_while(2).await;
    cluster.redis.snapshot();
    a_while(2).await;
    now("Redis knows what it knew two seconds ago");
    cluster.redis.kill();
    cluster.redis.restart();
    a_while(6).await;
    now("Redis is emptied");
    cluster.redis.tell::<()>(&["FLUSHALL"]);
    a_while(6).await;
    now("Redis forgets scripts and connections");
    cluster.redis.tell::<()>(&["SCRIPT", "FLUSH"]);
    cluster.redis.tell::<()>(&["CLIENT", "KILL", "TYPE", "normal"]);
    a_while(2).await;
    now("Django is killed");
    cluster.django.kill();
    cluster.django.restart();
    a_while(3).await;
    now("proxy one is restarted");
    cluster.one.stop();
    cluster.one.restart();
    a_while(2).await;
    now("proxy two is cut off from Redis for longer than the lease");
    way.set(Way::Nowhere);
    a_while(6).await;
    way.set(Way::After(Duration::ZERO));
    a_while(3).await;
    now("proxy two's connections lead nowhere");
    way.forget_connections();
    a_while(4).await;
    now("Redis is slow for proxy two");
    way.set(Way::After(Duration::from_millis(100)));
    a_while(4).await;
    way.set(Way::After(Duration::ZERO));
}

fn count(saves: &[Save], of: impl Fn(Told) -> bool) -> usize {
    saves.iter().filter(|save| of(save.told)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "for whoever wants to know")]
async fn nobody_overwrites_what_they_have_not_seen_whatever_fails() {
    let (folder, began) = (tempfile::tempdir().unwrap(), Instant::now());
    // Django takes its time over a save: what fails meanwhile must not be forgotten.
    let slow = folder.path().join("slow");
    std::fs::write(&slow, "0.1").unwrap();
    let django = Django::with(&[("DEMO_SAVE_DELAY_FILE", slow.to_str().unwrap())]);
    let redis = Redis::on_port(&[]);
    let way = Relay::before(redis.address());
    let node = |redis: &str| Proxy::with(&django.upstream(), SETTINGS, &["--redis", redis]);
    let (one, two) = (node(&redis.url()), node(&way.url()));
    let mut cluster = Cluster { one, two, redis, django };
    watch(&cluster.django);
    let doors = [&cluster.one, &cluster.two].map(|p: &Proxy| p.address().to_owned());
    let workers = workers(&cluster.django, &doors, began).await;
    let saves = play(workers, async || {
        for _ in 0..rounds() {
            everything_fails(&mut cluster, &way, began).await;
        }
    })
    .await;
    let changes = changes(&cluster.django);
    let found = broken(&saves, &changes);
    assert!(found.is_empty(), "{} of {} saves:\n{}", found.len(), saves.len(), found.join("\n"));
    // It was a history worth judging.
    let saved = count(&saves, |told| told == Told::Saved);
    let refused = count(&saves, |told| matches!(told, Told::Refused { .. }));
    let seen = format!("{saved} saved, {refused} refused, {} landed", changes.len());
    assert!(saved > 100 * rounds() && refused > 50 * rounds(), "{seen}");
    println!("{seen}");
    // Everybody has gone: every lock becomes free by itself.
    eventually!(cluster.one.list(), |locks| locks.is_empty(), within: Duration::from_secs(20));
}

/// The same people without a proxy between them and the site: the judge must find what goes wrong there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_judge_finds_what_nobody_guards() {
    let django = Django::start();
    watch(&django);
    let doors = [django.upstream().strip_prefix("http://").unwrap().to_owned()];
    let workers = workers(&django, &doors, Instant::now()).await;
    let saves = play(workers, async || a_while(4).await).await;
    let found = broken(&saves, &changes(&django));
    assert!(saves.len() > 50, "{}", saves.len());
    assert!(found.iter().any(|f| f.contains("had not seen")), "{found:?}");
}
