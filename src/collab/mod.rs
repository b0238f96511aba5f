//! The rules of working together, as pure functions: who may edit, who waits, what a save changes.
//!
//! No I/O, no clock, no randomness: time and ids are arguments.

pub mod attention;
pub mod badge;
pub mod chat;
pub mod command;
pub mod handover;
mod join;
pub mod live;
pub mod lock;
pub mod news;
pub mod presence;
pub mod protocol;
pub mod recall;
pub mod record;
pub mod resume;
pub mod rules;
pub mod status;
pub mod trail;
mod write;
