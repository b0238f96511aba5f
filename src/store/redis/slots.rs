//! The slots of a Redis Cluster: which one a key is in, and which server serves it.
//!
//! Pure. Owns the specification's rules and the map as `CLUSTER SLOTS` tells it; who is asked for it, and when, is
//! `cluster`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;

use redis::Value;

pub(super) const SLOTS: u16 = 16384;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

pub(super) fn slot(key: &str) -> u16 {
    crc16(hashed(key)) % SLOTS
}

/// The hash tag: what stands between the first `{` and the first `}` after it, unless that is nothing.
fn hashed(key: &str) -> &str {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    tag.filter(|tag| !tag.is_empty()).unwrap_or(key)
}

/// CRC16-XMODEM.
fn crc16(text: &str) -> u16 {
    text.bytes().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

/// Who serves what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Map {
    ranges: Vec<(RangeInclusive<u16>, Address)>,
    replicas: BTreeSet<Address>,
}

impl Map {
    /// From the answer to `CLUSTER SLOTS`. A node without a host is the one that was asked. None: it is no such answer.
    pub(super) fn read(answer: Value, asked: Option<&Address>) -> Option<Self> {
        let mut map = Self::default();
        for range in array(answer)? {
            let mut parts = array(range)?.into_iter();
            let (first, last) = (number(parts.next()?)?, number(parts.next()?)?);
            let mut nodes = parts.map(|node| address(node, asked));
            if let Some(primary) = nodes.next()? {
                map.ranges.push((first..=last, primary));
            }
            map.replicas.extend(nodes.flatten());
        }
        map.ranges.sort_by_key(|(slots, _)| *slots.start());
        Some(map)
    }

    pub(super) fn of(&self, slot: u16) -> Option<&Address> {
        let at = self.ranges.partition_point(|(slots, _)| *slots.end() < slot);
        self.ranges.get(at).filter(|(slots, _)| slots.contains(&slot)).map(|(_, address)| address)
    }

    /// How many slots are served by nobody.
    pub(super) fn uncovered(&self) -> usize {
        usize::from(SLOTS) - self.ranges.iter().map(|(slots, _)| slots.len()).sum::<usize>().min(SLOTS.into())
    }

    /// Those that serve slots, each with a hash tag of its own: the smallest number that hashes into a slot of it. So
    /// every proxy finds the same.
    pub(super) fn primaries(&self) -> BTreeMap<Address, String> {
        let mut found: BTreeMap<Address, String> = BTreeMap::new();
        let all: BTreeSet<&Address> = self.ranges.iter().map(|(_, address)| address).collect();
        for tag in (0_u64..).map(|number| number.to_string()) {
            if found.len() == all.len() {
                break;
            }
            if let Some(address) = self.of(slot(&tag)) {
                found.entry(address.clone()).or_insert(tag);
            }
        }
        found
    }

    pub(super) fn nodes(&self) -> BTreeSet<Address> {
        self.ranges.iter().map(|(_, primary)| primary).chain(&self.replicas).cloned().collect()
    }
}

fn array(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

fn number(value: Value) -> Option<u16> {
    redis::from_redis_value(value).ok()
}

/// None: it has no name by which it could be reached.
fn address(node: Value, asked: Option<&Address>) -> Option<Address> {
    let mut parts = array(node)?.into_iter();
    let host: Option<String> = redis::from_redis_value(parts.next()?).ok()?;
    let port = number(parts.next()?)?;
    let host = match host.as_deref() {
        None | Some("") => asked?.host.clone(),
        // One that is to be known by its name, and has none.
        Some("?") => return None,
        Some(host) => host.to_owned(),
    };
    Some(Address { host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(host: &str, port: i64) -> Value {
        Value::Array(vec![Value::BulkString(host.into()), Value::Int(port), Value::BulkString("id".into())])
    }

    fn range(first: i64, last: i64, nodes: Vec<Value>) -> Value {
        Value::Array([vec![Value::Int(first), Value::Int(last)], nodes].concat())
    }

    fn at(host: &str, port: u16) -> Address {
        Address { host: host.to_owned(), port }
    }

    #[test]
    fn a_key_is_where_the_specification_says() {
        assert_eq!(crc16("123456789"), 0x31C3);
        for (key, tag) in [
            ("{user1000}.following", "user1000"),
            ("foo{}{bar}", "foo{}{bar}"),
            ("foo{{bar}}zap", "{bar"),
            ("foo{bar}{zap}", "bar"),
            ("}foo{bar", "}foo{bar"),
        ] {
            assert_eq!(hashed(key), tag);
        }
        assert_eq!(slot("collab:lock:{shop.product/1}"), slot("collab:unsaved:{shop.product/1}:page"));
        assert_eq!((slot("foo"), slot("somekey")), (12182, 11058));
    }

    #[test]
    fn the_map_is_read() {
        let told = Value::Array(vec![
            range(5461, 16383, vec![node("b", 2), node("c", 3)]),
            range(0, 5460, vec![node("", 1)]),
        ]);
        let map = Map::read(told, Some(&at("a", 9))).unwrap();
        assert_eq!((map.of(0), map.of(5460)), (Some(&at("a", 1)), Some(&at("a", 1))));
        assert_eq!((map.of(5461), map.of(16383)), (Some(&at("b", 2)), Some(&at("b", 2))));
        assert_eq!(map.uncovered(), 0);
        assert_eq!(map.nodes(), BTreeSet::from([at("a", 1), at("b", 2), at("c", 3)]));
        let none = Value::Array(vec![range(0, 9, vec![node("?", 1)]), range(10, 16383, vec![node("b", 2)])]);
        assert_eq!(Map::read(none, None).map(|map| map.uncovered()), Some(10));
        assert_eq!(Map::read(Value::Int(1), None), None);
    }

    #[test]
    fn every_primary_has_a_tag_of_its_own() {
        // The slot of "7" alone, and all the rest but the slot of "0", which nobody serves.
        let (seven, zero) = (i64::from(slot("7")), i64::from(slot("0")));
        assert!(seven < zero, "{seven} {zero}");
        let told = Value::Array(vec![
            range(0, seven - 1, vec![node("a", 1)]),
            range(seven, seven, vec![node("b", 2)]),
            range(seven + 1, zero - 1, vec![node("a", 1)]),
            range(zero + 1, 16383, vec![node("a", 1)]),
        ]);
        let map = Map::read(told, None).unwrap();
        let tags = map.primaries();
        assert_eq!(tags, BTreeMap::from([(at("a", 1), "1".to_owned()), (at("b", 2), "7".to_owned())]));
        for (address, tag) in &tags {
            assert_eq!(map.of(slot(&format!("collab:epoch:{{{tag}}}"))), Some(address));
        }
        assert!(Map::default().primaries().is_empty());
    }
}
