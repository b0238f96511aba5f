//! Tells the service manager how far the program is: systemd's `sd_notify(3)`, where `NOTIFY_SOCKET` names its socket.
//!
//! Owns the protocol. Without that variable nothing is told to anybody; what cannot be told is no reason to stop.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// One of `READY=1`, `STOPPING=1`, `RELOADING=1`, `WATCHDOG=1`, `STATUS=…`, or several on lines of their own.
pub fn tell(state: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|s| !s.is_empty()) else { return };
    if let Err(error) = send(&socket, state) {
        tracing::warn!(%error, "the service manager could not be told: {state}");
    }
}

fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    // A name that begins with @ is in the kernel's own space, not on disk.
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(|_| ())
}

/// What it is told before a reload: the time of it by the clock that it compares with (`Type=notify-reload`).
pub fn reloading() -> String {
    let up = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = up.split_whitespace().next().and_then(|s| s.parse::<f64>().ok()).unwrap_or_default();
    format!("RELOADING=1\nMONOTONIC_USEC={:.0}", seconds * 1e6)
}

/// How often the service manager wants to hear that the program is alive: half of what it waits for.
pub fn watchdog() -> Option<Duration> {
    let text = std::env::var("WATCHDOG_USEC").ok()?;
    let ours = std::env::var("WATCHDOG_PID").is_ok_and(|pid| pid != std::process::id().to_string());
    let micros: u64 = text.parse().ok().filter(|&n| n > 0 && !ours)?;
    Some(Duration::from_micros(micros / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_arrive_by_path_and_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let by_path = UnixDatagram::bind(&path).unwrap();
        let name = format!("collab-proxy-test-{}", std::process::id());
        let by_name = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        send(path.as_os_str(), "READY=1").unwrap();
        send(OsStr::new(&format!("@{name}")), "STOPPING=1").unwrap();
        for (socket, want) in [(by_path, "READY=1"), (by_name, "STOPPING=1")] {
            let mut buffer = [0; 64];
            let n = socket.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..n], want.as_bytes());
        }
        assert!(send(OsStr::new("/nowhere/notify"), "READY=1").is_err());
    }
}
