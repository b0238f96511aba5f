//! The pages' live connections: the handshake, one task a socket, and the rooms of this proxy.

pub mod connection;
mod frames;
pub mod handshake;
pub mod hub;
pub mod list_door;
pub mod lists;
pub mod room;
pub mod session;
mod unsaved;
mod wire;
