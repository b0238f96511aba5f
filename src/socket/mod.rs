//! The pages' live connections: the handshake, one task a socket, and the rooms of this proxy.

pub mod connection;
mod frames;
pub mod handshake;
pub mod hub;
pub mod room;
pub mod session;
mod unsaved;
