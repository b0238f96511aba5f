//! HTTP between two sides: which headers cross, bodies, the connections to Django, tunnels.

pub mod body;
pub mod certificate;
pub mod connect;
pub mod headers;
pub mod request_id;
pub mod rewriting;
pub mod tunnel;
pub mod upstream;
