//! Tests of the library in this process: the rules, the stores, the proxy against a scripted upstream.
//!
//! Needs redis-server (`make test` installs it); nothing else.

#![allow(clippy::unwrap_used)]

#[macro_use]
mod support;

mod documented;
mod floods;
mod gate;
mod handing;
mod handover;
mod kept;
mod languages;
mod layers;
mod links;
mod lists;
mod odd_frames;
mod protocol;
mod proxy;
mod raw;
mod rewriting;
mod rules;
mod seeing;
mod socket;
mod sso;
mod store;
mod store_lives;
mod store_more;
mod store_people;
mod store_trail;
mod together;
mod upstream;
