//! A Redis Cluster of the test's own: three primaries with a replica each.

use std::path::{Path, PathBuf};

use super::certificates::tls_settings;
use super::redis::{Redis, free_port};

const PRIMARIES: usize = 3;
const SLOTS: usize = 16384;

pub struct RedisCluster {
    /// The primaries, and then their replicas in the same order.
    pub nodes: Vec<Redis>,
    url: String,
}

/// One that knows no other yet.
pub fn node(args: &[&str]) -> (Redis, u16) {
    // Ports of their own for what they tell each other: the usual ones may be too high.
    let bus = free_port();
    let number = bus.to_string();
    let settings = ["--cluster-enabled", "yes", "--cluster-port", &number, "--cluster-node-timeout", "2000"];
    (Redis::on_port(&[&settings, args].concat()), bus)
}

/// The slots of the `n`th primary.
pub fn share(n: usize) -> (usize, usize) {
    (n * SLOTS / PRIMARIES, (n + 1) * SLOTS / PRIMARIES - 1)
}

pub fn add_slots(node: &Redis, (first, last): (usize, usize)) {
    node.tell::<()>(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
}

/// Of certificates that are given.
struct Tls {
    folder: PathBuf,
    /// Of the nodes, in their order.
    ports: Vec<String>,
}

impl Tls {
    /// The nodes speak among themselves by the same certificates.
    fn settings(&self, n: usize) -> Vec<String> {
        let among = ["--tls-cluster", "yes", "--tls-replication", "yes"].map(str::to_owned);
        tls_settings(&self.folder, &self.ports[n]).into_iter().chain(among).collect()
    }
}

impl RedisCluster {
    pub async fn start() -> Self {
        Self::by(None).await
    }

    /// With `certificates` in this folder. Their plain ports are for the test alone.
    pub async fn encrypted(folder: &Path) -> Self {
        let ports = (0..2 * PRIMARIES).map(|_| free_port().to_string()).collect();
        Self::by(Some(Tls { folder: folder.to_owned(), ports })).await
    }

    async fn by(tls: Option<Tls>) -> Self {
        // The objects of the others are served while one fails over; and a replica stays whose it is.
        let args = ["--cluster-require-full-coverage", "no", "--cluster-allow-replica-migration", "no"];
        // A replica need not wait for others that may want to be told, too; nor for a first word to be known by.
        let soon = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];
        let args = [&args[..], &soon].concat();
        let (nodes, buses): (Vec<Redis>, Vec<u16>) = (0..2 * PRIMARIES)
            .map(|n| {
                let tls = tls.as_ref().map(|tls| tls.settings(n)).unwrap_or_default();
                node(&args.iter().copied().chain(tls.iter().map(String::as_str)).collect::<Vec<_>>())
            })
            .unzip();
        for (n, primary) in nodes.iter().take(PRIMARIES).enumerate() {
            add_slots(primary, share(n));
            primary.tell::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(n + 1).to_string()]);
        }
        for (n, (other, bus)) in nodes.iter().zip(&buses).enumerate().skip(1) {
            let (host, port) =
                other.address().split_once(':').map(|(h, p)| (h.to_owned(), p.to_owned())).unwrap();
            let port = tls.as_ref().map_or(port, |tls| tls.ports[n].clone());
            nodes[0].tell::<()>(&["CLUSTER", "MEET", &host, &port, &bus.to_string()]);
        }
        for node in &nodes {
            let known = || -> String { node.tell(&["CLUSTER", "NODES"]) };
            eventually!(known(), |nodes| nodes.lines().count() == 2 * PRIMARIES
                && !nodes.contains("handshake"));
        }
        for n in 0..PRIMARIES {
            let id: String = nodes[n].tell(&["CLUSTER", "MYID"]);
            nodes[PRIMARIES + n].tell::<()>(&["CLUSTER", "REPLICATE", &id]);
        }
        let url = tls.as_ref().map(|tls| format!("rediss://127.0.0.1:{}/0", tls.ports[0]));
        let cluster = Self { url: url.unwrap_or_else(|| nodes[0].url()), nodes };
        for node in &cluster.nodes {
            let state = || -> (String, Vec<Vec<redis::Value>>) {
                (node.tell(&["CLUSTER", "INFO"]), node.tell(&["CLUSTER", "SLOTS"]))
            };
            // Every range with its first and last slot, its primary and its replica.
            eventually!(state(), |(info, slots)| info.contains("cluster_state:ok")
                && slots.len() == PRIMARIES
                && slots.iter().all(|range| range.len() == 4));
        }
        for n in 0..PRIMARIES {
            cluster.settle(n).await;
            // Their memory of locks began long ago (tests/support/redis.rs).
            let tag = (0..).map(|tag: u32| tag.to_string()).find(|tag| cluster.of(tag) == n).unwrap();
            cluster.nodes[n].tell::<()>(&["SET", &format!("collab:epoch:{{{tag}}}"), "1"]);
        }
        cluster
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    pub fn slot(&self, key: &str) -> usize {
        self.nodes[PRIMARIES - 1].tell(&["CLUSTER", "KEYSLOT", key])
    }

    /// Which primary has served this key from the start.
    pub fn of(&self, key: &str) -> usize {
        let slot = self.slot(key);
        (0..PRIMARIES).find(|n| (share(*n).0..=share(*n).1).contains(&slot)).unwrap()
    }

    /// The replica of the `n`th primary.
    pub fn replica(&mut self, n: usize) -> &mut Redis {
        &mut self.nodes[PRIMARIES + n]
    }

    /// The replica of the `n`th primary has all there is.
    pub async fn settle(&self, n: usize) {
        let offset = |at: usize, name: &str| {
            let info: String = self.nodes[at].tell(&["INFO", "replication"]);
            let line = info.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            (line, info)
        };
        let both = || (offset(n, "master_repl_offset:"), offset(PRIMARIES + n, "slave_repl_offset:"));
        eventually!(both(), |((written, _), (heard, info))| info.contains("master_link_status:up")
            && written.is_some()
            && written == heard);
    }

    /// Begins to move a slot, as `redis-cli --cluster reshard` does: all that is in it has arrived.
    pub fn give_slot(&self, slot: usize, from: usize, to: usize) {
        let slot = &slot.to_string();
        let id = |n: usize| -> String { self.nodes[n].tell(&["CLUSTER", "MYID"]) };
        self.nodes[to].tell::<()>(&["CLUSTER", "SETSLOT", slot, "IMPORTING", &id(from)]);
        self.nodes[from].tell::<()>(&["CLUSTER", "SETSLOT", slot, "MIGRATING", &id(to)]);
        let address = self.nodes[to].address();
        let (host, port) = address.split_once(':').unwrap();
        loop {
            let keys: Vec<String> = self.nodes[from].tell(&["CLUSTER", "GETKEYSINSLOT", slot, "100"]);
            if keys.is_empty() {
                return;
            }
            let words = ["MIGRATE", host, port, "", "0", "5000", "KEYS"];
            let words: Vec<&str> = words.into_iter().chain(keys.iter().map(String::as_str)).collect();
            self.nodes[from].tell::<()>(&words);
        }
    }

    /// And ends it.
    pub fn hand_over_slot(&self, slot: usize, from: usize, to: usize) {
        let id: String = self.nodes[to].tell(&["CLUSTER", "MYID"]);
        for n in [to, from].into_iter().chain(0..PRIMARIES) {
            self.nodes[n].tell::<()>(&["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", &id]);
        }
    }
}
