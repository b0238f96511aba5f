//! The built binary before a real Django, with real Redis and real browsers: the issues' promises, as people see
//! them. `make test` brings everything these need.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
#[macro_use]
mod support;

mod browsers;
mod cli;
mod cli_check;
mod cli_locks;
mod cli_words;
mod cluster;
mod conflict;
mod deploy;
mod drafts;
mod edges;
mod faults;
mod gate;
mod handover;
mod history;
mod lists;
mod lists_seen;
mod outage;
mod outcomes;
mod recall;
mod redis_cluster;
mod redises;
mod reload;
mod revert;
mod rich_text;
mod roundabout;
mod seeing;
mod stage;

mod theme;
mod themes;
mod together;
mod unseen;
mod upload;
