//! The part of `tests/support` that needs neither Django nor a browser.
#![allow(dead_code, unreachable_pub)]

#[macro_use]
#[path = "../support/eventually.rs"]
pub mod eventually;
#[path = "../support/proc.rs"]
pub mod proc;
#[path = "../support/prometheus.rs"]
pub mod prometheus;
#[path = "../support/redis.rs"]
pub mod redis;
