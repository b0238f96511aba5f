//! A redis-server of the test's own, on a unix socket in a folder of its own.

use std::path::PathBuf;
use std::time::Duration;

use super::proc::{Proc, command, tool};

pub struct Redis {
    proc: Proc,
    folder: tempfile::TempDir,
}

impl Redis {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let proc = launch(&folder);
        Self { proc, folder }
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// As `--redis` takes it.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Gone without a word, as when its machine dies.
    pub fn kill(&mut self) {
        self.proc.kill();
    }

    /// Writes to disk what it knows now; a restart begins with that.
    pub fn snapshot(&self) {
        let mut connection = redis::Client::open(self.url()).unwrap().get_connection().unwrap();
        redis::cmd("SAVE").exec(&mut connection).unwrap();
    }

    /// Alive, and deaf: it answers nobody until `thaw`.
    pub fn freeze(&mut self) {
        self.proc.signal("STOP");
    }

    pub fn thaw(&mut self) {
        self.proc.signal("CONT");
    }

    /// Back at the same address, with nothing in it but what `snapshot` has written.
    pub fn restart(&mut self) {
        self.proc.stop(Duration::from_secs(5));
        self.proc = launch(&self.folder);
    }
}

fn launch(folder: &tempfile::TempDir) -> Proc {
    let socket = folder.path().join("redis.sock");
    let mut redis = command(tool("redis-server", "sudo apt-get install -y redis-server"));
    redis
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--daemonize", "no", "--unixsocket"])
        .arg(&socket)
        .arg("--dir")
        .arg(folder.path());
    let mut proc = Proc::start("redis-server", redis);
    proc.ready(|line| line.to_lowercase().contains("ready to accept connections").then_some(()));
    proc
}
