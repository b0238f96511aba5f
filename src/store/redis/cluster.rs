//! A Redis Cluster: a link to each of its primaries, and the map that says which of them serves a slot.
//!
//! Owns reading the map, all the time and by one task, and following it: what is asked of a server that has died or does
//! not serve the slot any more is asked of the one that does now. The crate's own cluster connection does that, too, but
//! hides which server answered, and in which of its lives (`life`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{RedisError, Value};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::link::{Failed, Keeper, Link, jittered};
use super::slots::{Address, Map, SLOTS, slot};
use crate::ids;
use crate::store::StoreError;

/// The map is read so often, and at once where something does not fit it,
const EVERY: Duration = Duration::from_millis(500);
/// but no more often than this.
const APART: Duration = Duration::from_millis(50);
/// A node that has not told its map within this is not waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// In which life each server was reached last.
type Lives = BTreeMap<Address, Arc<str>>;

/// A server that takes writes, and what stands at the end of the names of keys that speak of it alone.
#[derive(Clone)]
pub(super) struct Primary {
    pub(super) link: Arc<Link>,
    pub(super) mark: String,
}

/// The map, and the links that follow from it.
#[derive(Default)]
struct Served {
    map: Map,
    primaries: BTreeMap<Address, Primary>,
}

impl Served {
    fn of(&self, slot: u16) -> Option<&Primary> {
        self.primaries.get(self.map.of(slot)?)
    }

    /// Not by this link any more.
    fn is_moved(&self, slot: u16, link: &Arc<Link>) -> bool {
        !self.of(slot).is_some_and(|primary| Arc::ptr_eq(&primary.link, link))
    }
}

pub(super) struct Cluster {
    seed: Arc<Link>,
    served: Arc<watch::Sender<Served>>,
    /// Something does not fit the map.
    odd: Arc<Notify>,
    lives: Arc<watch::Sender<Lives>>,
    _keeper: Keeper,
}

impl Cluster {
    /// `seed`: a link to any of its nodes.
    pub(super) async fn open(seed: Arc<Link>) -> Result<Self, StoreError> {
        let asked = seed.place().address();
        let told = seed.run(|c| ask(c, asked.as_ref())).await?;
        let uncovered = told.map.uncovered();
        if uncovered > 0 {
            return Err(StoreError::Down(format!(
                "this Redis Cluster is not whole: nobody serves {uncovered} of its {SLOTS} slots (CLUSTER SLOTS)"
            )));
        }
        if !told.is_well {
            return Err(StoreError::Down(
                "this Redis Cluster serves nobody at the moment: cluster_state is not ok (CLUSTER INFO)"
                    .to_owned(),
            ));
        }
        let served = Arc::new(watch::Sender::new(Served::default()));
        follow(&served, told.map, &seed);
        let odd = Arc::new(Notify::new());
        let lives = Arc::new(watch::Sender::new(Lives::new()));
        let reads =
            read_for_ever(Arc::clone(&seed), Arc::clone(&served), Arc::clone(&odd), Arc::clone(&lives));
        Ok(Self { seed, served, odd, lives, _keeper: Keeper(tokio::spawn(reads)) })
    }

    /// Whoever serves this key at the moment.
    pub(super) fn of(&self, key: &str) -> Result<Primary, StoreError> {
        let slot = slot(key);
        self.served.borrow().of(slot).cloned().ok_or_else(|| nobody(slot))
    }

    pub(super) fn primaries(&self) -> Vec<Primary> {
        self.served.borrow().primaries.values().cloned().collect()
    }

    /// Any that answers, else any; not always the same.
    pub(super) fn any(&self) -> Option<Primary> {
        let all = self.primaries();
        let up: Vec<&Primary> = all.iter().filter(|primary| primary.link.connection().is_some()).collect();
        let among = if up.is_empty() { all.iter().collect() } else { up };
        let chosen = usize::try_from(ids::below(among.len() as u64)).unwrap_or_default();
        among.get(chosen).map(|&primary| primary.clone())
    }

    /// Changes when a server is reached that was not, or that has begun anew.
    pub(super) fn lives(&self) -> watch::Receiver<Lives> {
        self.lives.subscribe()
    }

    /// Runs `work` where `key` is served, and again elsewhere if that changes meanwhile: it must be safe to run twice.
    /// `life`: in no other life of whoever serves it.
    pub(super) async fn run<T, F, R>(&self, key: &str, life: Option<&str>, work: F) -> Result<T, Failed>
    where
        F: Fn(MultiplexedConnection) -> R,
        R: Future<Output = Result<T, RedisError>>,
    {
        let slot = slot(key);
        let mut changes = self.served.subscribe();
        let (mut delay, most) = self.seed.retries();
        let mut tries = 0;
        loop {
            let primary = changes.borrow_and_update().of(slot).cloned();
            let here = primary.map(|primary| primary.link);
            let error = match &here {
                None => nobody(slot),
                Some(link) => {
                    if link.connection().is_none() {
                        self.odd.notify_one();
                    }
                    tokio::select! {
                        done = link.run_in(life, &work) => match done {
                            Err(Failed::Moved(why)) => StoreError::Down(why),
                            done => return done,
                        },
                        () = until(&mut changes, |served| served.is_moved(slot, link)) => continue,
                    }
                }
            };
            if tries >= most {
                return Err(Failed::Store(error));
            }
            tries += 1;
            self.odd.notify_one();
            let fits = |served: &Served| match &here {
                Some(link) => served.is_moved(slot, link),
                None => served.of(slot).is_some(),
            };
            let _ = timeout(jittered(delay), until(&mut changes, fits)).await;
            delay *= 2;
        }
    }

    /// Returns when the server of this key is away, and not just for a moment; without a key, when all are.
    pub(super) async fn lost(&self, key: Option<&str>) -> StoreError {
        let mut changes = self.served.subscribe();
        loop {
            changes.borrow_and_update();
            let concerned = match key {
                Some(key) => self.of(key).into_iter().collect(),
                None => self.primaries(),
            };
            tokio::select! {
                errors = join_all(concerned.iter().map(|primary| primary.link.lost())) => {
                    if let Some(error) = errors.into_iter().next() {
                        return error;
                    }
                    let _ = changes.changed().await;
                }
                _ = changes.changed() => {}
            }
        }
    }

    /// Why none of it can be reached, if none can. That some cannot is the trouble of those whose objects are there: all
    /// proxies have it alike.
    pub(super) fn trouble(&self) -> Option<String> {
        let troubles: Vec<_> = self.primaries().iter().map(|primary| primary.link.trouble()).collect();
        troubles.into_iter().collect::<Option<Vec<_>>>()?.into_iter().next()
    }
}

async fn until(changes: &mut watch::Receiver<Served>, fits: impl FnMut(&Served) -> bool) {
    let _ = changes.wait_for(fits).await;
}

fn nobody(slot: u16) -> StoreError {
    StoreError::Down(format!("no node of the Redis Cluster serves slot {slot}"))
}

/// What a node says of its cluster.
struct Told {
    is_well: bool,
    /// Grows with every change of the map.
    epoch: u64,
    map: Map,
}

async fn ask(mut connection: MultiplexedConnection, asked: Option<&Address>) -> Result<Told, RedisError> {
    let mut questions = redis::pipe();
    questions.cmd("CLUSTER").arg("INFO").cmd("CLUSTER").arg("SLOTS");
    let (info, slots): (String, Value) = questions.query_async(&mut connection).await?;
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let map = Map::read(slots, asked).ok_or_else(|| {
        RedisError::from((
            redis::ErrorKind::UnexpectedReturnType,
            "the answer to CLUSTER SLOTS cannot be read",
        ))
    })?;
    Ok(Told {
        is_well: field("cluster_state:") == Some("ok"),
        epoch: field("cluster_current_epoch:").and_then(|n| n.parse().ok()).unwrap_or_default(),
        map,
    })
}

/// Reads the map again and again.
async fn read_for_ever(
    seed: Arc<Link>,
    served: Arc<watch::Sender<Served>>,
    odd: Arc<Notify>,
    lives: Arc<watch::Sender<Lives>>,
) {
    loop {
        sleep(APART).await;
        let _ = timeout(EVERY, odd.notified()).await;
        let known: Vec<(Address, Arc<Link>)> = {
            let served = served.borrow();
            served.primaries.iter().map(|(at, primary)| (at.clone(), Arc::clone(&primary.link))).collect()
        };
        let up = known.iter().filter_map(|(at, link)| Some((at, link.connection()?)));
        let asked = up.map(|(at, connection)| async move {
            timeout(PATIENCE, ask(connection, Some(at))).await.ok()?.ok()
        });
        let mut told = newest(join_all(asked).await);
        if told.is_none() {
            let nodes = served.borrow().map.nodes();
            let places = nodes.iter().map(|at| seed.place().to(at)).chain([seed.place()]);
            let asked = places.map(|place| async move {
                let asked = async {
                    let client = place.client(PATIENCE).await?;
                    ask(client.get_multiplexed_async_connection().await?, place.address().as_ref()).await
                };
                timeout(PATIENCE, asked).await.ok()?.ok()
            });
            told = newest(join_all(asked).await);
        }
        if let Some(told) = told {
            follow(&served, told.map, &seed);
        }
        look_at_lives(&served.borrow(), &lives);
    }
}

fn look_at_lives(served: &Served, lives: &watch::Sender<Lives>) {
    let present = served.primaries.iter();
    let present: Vec<_> =
        present.filter_map(|(at, primary)| Some((at, primary.link.present_life()?))).collect();
    lives.send_if_modified(|lives| {
        let news = present.iter().any(|(at, life)| lives.get(at) != Some(life));
        lives.extend(present.into_iter().map(|(at, life)| (at.clone(), life)));
        lives.retain(|at, _| served.primaries.contains_key(at));
        news
    });
}

/// A node that is cut off from the others goes on telling the map of before.
fn newest(told: Vec<Option<Told>>) -> Option<Told> {
    let known = told.into_iter().flatten().filter(|told| told.map.uncovered() < usize::from(SLOTS));
    known.max_by_key(|told| (told.is_well, told.epoch))
}

/// Keeps the links to primaries that stay, drops the others, and makes the new ones.
fn follow(served: &watch::Sender<Served>, map: Map, seed: &Link) {
    served.send_if_modified(|served| {
        if served.map == map {
            return false;
        }
        let primaries = map.primaries().into_iter().map(|(at, tag)| {
            let link = served.primaries.get(&at).map(|primary| Arc::clone(&primary.link));
            let link = link.unwrap_or_else(|| Arc::new(seed.to(&at)));
            (at, Primary { link, mark: format!(":{{{tag}}}") })
        });
        let primaries: BTreeMap<Address, Primary> = primaries.collect();
        let names: Vec<String> = primaries.keys().map(Address::to_string).collect();
        tracing::info!(primaries = names.join(" "), "the Redis Cluster's map");
        *served = Served { map, primaries };
        true
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_map_of_a_node_that_is_well_is_believed() {
        let map = |port: i64| {
            let node = Value::Array(vec![Value::BulkString("h".into()), Value::Int(port)]);
            let range = Value::Array(vec![Value::Int(0), Value::Int(16383), node]);
            Map::read(Value::Array(vec![range]), None).unwrap()
        };
        let told = |is_well, epoch, map| Some(Told { is_well, epoch, map });
        let all = vec![told(true, 3, map(1)), None, told(true, 4, map(2)), told(false, 9, map(3))];
        assert_eq!(newest(all).map(|told| told.map), Some(map(2)));
        // One that has been thrown out knows of no slot.
        assert!(newest(vec![told(true, 9, Map::default()), None]).is_none());
    }
}
