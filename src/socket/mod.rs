//! The pages' live connections: the handshake, one task a socket, and the rooms of this proxy.

pub mod connection;
pub mod handshake;
pub mod hub;
pub mod list_door;
pub mod lists;
pub mod room;
mod wire;
