//! The pages' live connections: the handshake, one task a socket, and the rooms of this proxy.

mod chat;
pub mod connection;
mod frames;
pub mod handshake;
mod hearing;
pub mod hub;
mod known;
pub mod list_door;
pub mod lists;
mod live;
pub mod outbox;
mod owed;
mod people;
pub mod room;
pub mod session;
mod telling;
mod unsaved;
pub mod visit;
mod vouch;
mod wire;

pub use vouch::Vouch;
