//! Real parts for tests: children with a ready line, Django, Redis, the built proxy, browsers, people.
//!
//! Nothing here uses a fixed port, and nothing outlives its test: a child dies when its handle is dropped.
#![allow(dead_code, unreachable_pub, reason = "every test binary takes what it needs of these")]

#[macro_use]
pub mod eventually;

pub mod axe;
pub mod browser;
pub mod certificates;
pub mod devtools;
pub mod django;
pub mod history;
pub mod http;
pub mod operator;
pub mod person;
pub mod proc;
pub mod prometheus;
pub mod proxy;
pub mod redis;
pub mod redis_cluster;
pub mod relay;
pub mod socket;
