//! The processes that are measured, and what the kernel says of them.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::Error;

const START: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(3);
/// Linux tells CPU time in hundredths of a second (`USER_HZ`).
const TICKS: f64 = 100.0;

/// A started program; ended when dropped.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    fn spawn(name: &'static str, command: &mut Command, dir: &Path) -> Result<Self, Error> {
        let log = dir.join(format!("{name}.log"));
        let child = command
            .current_dir(dir)
            .stdin(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .map_err(|e| format!("{name} does not start: {e}"))?;
        Ok(Self { name, child, log })
    }

    /// Starts a program that prints `READY address`, and gives the address.
    pub(crate) fn ready(
        name: &'static str,
        command: &mut Command,
        dir: &Path,
    ) -> Result<(Self, String), Error> {
        let mut process = Self::spawn(name, command.stdout(Stdio::piped()), dir)?;
        let lines = process.child.stdout.take().ok_or("no standard output")?;
        let (to, from) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(lines).lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("READY ") {
                    let _ = to.send(address.to_owned());
                }
            }
        });
        match from.recv_timeout(START) {
            Ok(address) => Ok((process, address.trim_start_matches("http://").to_owned())),
            Err(_) => Err(process.complaint("is not ready")),
        }
    }

    /// Starts a program and waits until `is_up`.
    pub(crate) fn until(
        name: &'static str,
        command: &mut Command,
        dir: &Path,
        is_up: impl Fn() -> bool,
    ) -> Result<Self, Error> {
        let mut process = Self::spawn(name, command.stdout(Stdio::null()), dir)?;
        let started = Instant::now();
        while !is_up() {
            if process.child.try_wait()?.is_some() || started.elapsed() > START {
                return Err(process.complaint("is not up"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(process)
    }

    fn complaint(&self, what: &str) -> Error {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        format!("{} {what}\n{log}", self.name).into()
    }

    /// Seconds of CPU that it and its children have used, in user and in system mode.
    pub(crate) fn cpu(&self) -> Result<f64, Error> {
        let mut ticks = 0;
        for entry in std::fs::read_dir("/proc")?.flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else {
                continue;
            };
            // Somebody else's process may end while we look.
            let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
                continue;
            };
            // The name stands in parentheses and may hold anything; the fields behind it are plain.
            let fields: Vec<&str> =
                stat.rsplit_once(") ").map_or("", |(_, f)| f).split_whitespace().collect();
            let field = |n: usize| fields.get(n).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
            if pid == self.child.id() || field(1) == u64::from(self.child.id()) {
                ticks += field(11) + field(12);
            }
        }
        Ok(ticks as f64 / TICKS)
    }

    /// KiB of memory in use (`VmRSS`).
    pub(crate) fn rss(&self) -> Result<f64, Error> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Asked first: nginx and gunicorn end their workers themselves.
        let _ = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        let asked = Instant::now();
        while asked.elapsed() < STOP {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The proxy as `collab-proxy serve` runs with its defaults.
pub(crate) fn proxy(upstream: &str, dir: &Path) -> Result<(Process, String), Error> {
    let mut command = Command::new(crate::proxy_bin());
    command
        .env_clear()
        .args(["serve", "--listen", "127.0.0.1:0", "--upstream", &format!("http://{upstream}")])
        .arg("--control")
        .arg(dir.join("control.sock"));
    Process::ready("collab-proxy", &mut command, dir)
}

/// A port that was free a moment ago, for programs that cannot choose one themselves.
pub(crate) fn free_port() -> Result<u16, Error> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// nginx with these lines in its `http` block.
pub(crate) fn nginx(
    name: &'static str,
    port: u16,
    workers: u32,
    http: &str,
    dir: &Path,
) -> Result<Process, Error> {
    let dir = dir.join(name);
    std::fs::create_dir_all(&dir)?;
    let conf = format!(
        "daemon off; pid nginx.pid; error_log stderr warn; worker_processes {workers};\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n access_log off; keepalive_requests 1000000000;\n\
         client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;\n\
         {http}\n}}\n"
    );
    std::fs::write(dir.join("nginx.conf"), conf)?;
    let mut command = Command::new("nginx");
    command.arg("-e").arg("stderr").arg("-p").arg(&dir).arg("-c").arg(dir.join("nginx.conf"));
    Process::until(name, &mut command, &dir, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
}
