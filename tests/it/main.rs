//! Tests of the library in this process: the rules, the stores, the proxy against a scripted upstream.
//!
//! Needs redis-server (`make test` installs it); nothing else.

#![allow(clippy::unwrap_used)]

mod layers;
mod rules;
