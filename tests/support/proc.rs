//! A child process of a test: its environment is empty but for what is given, its output is kept, and it is
//! gone when the handle is.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::eventually::STEP;

/// Starting under load takes its time.
const READY_WITHIN: Duration = Duration::from_secs(60);
const LAST: usize = 50;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<VecDeque<String>>>);

impl Log {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Reads a pipe to its end, so that the child never waits for us.
    fn drain(&self, pipe: impl Read + Send + 'static) {
        let log = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n') {
                let Ok(line) = line else { return };
                let line = String::from_utf8_lossy(&line).into_owned();
                log.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(line);
            }
        });
    }
}

pub struct Proc {
    name: String,
    child: Child,
    log: Log,
    status: Option<ExitStatus>,
}

/// What a finished command said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A command with an empty environment but for PATH, a home and a language.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", path()).env("LANG", "C.UTF-8").env("HOME", std::env::temp_dir());
    command
}

/// Daemons live in sbin, which an ordinary person's PATH lacks.
fn path() -> String {
    let own = std::env::var("PATH").unwrap_or_default();
    format!("{own}:/usr/local/sbin:/usr/sbin:/sbin")
}

/// The program of that name, or a panic that says how to get it.
pub fn tool(name: &str, install: &str) -> PathBuf {
    path()
        .split(':')
        .map(|folder| Path::new(folder).join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{name} is missing; please run: {install}"))
}

/// Runs a command to its end.
pub fn run(mut command: Command) -> Said {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    Said {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Proc {
    pub fn start(name: &str, mut command: Command) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{name} cannot be started: {command:?}: {e}"));
        let mut started = Self { name: name.to_owned(), child, log: Log::default(), status: None };
        started.log.drain(started.child.stdout.take().expect("stdout is piped"));
        started.log.drain(started.child.stderr.take().expect("stderr is piped"));
        started
    }

    /// Waits for a line that `read` makes something of.
    pub fn ready<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(found) = self.log.lines().iter().find_map(|line| read(line)) {
                return found;
            }
            if let Some(status) = self.ended() {
                panic!("{} ended before it was ready ({status}):\n{}", self.name, self.last_lines());
            }
            assert!(
                Instant::now() < deadline,
                "{} was not ready within {READY_WITHIN:?}:\n{}",
                self.name,
                self.last_lines()
            );
            std::thread::sleep(STEP);
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        self.log.lines().join("\n")
    }

    pub fn last_lines(&self) -> String {
        let lines = self.log.lines();
        lines[lines.len().saturating_sub(LAST)..].join("\n")
    }

    /// The exit status, if the child has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("a child can be waited for");
        }
        self.status
    }

    /// Sends a signal: `TERM`, `INT`, `KILL`, `STOP`, `CONT`.
    pub fn signal(&mut self, signal: &str) {
        if self.ended().is_none() {
            kill(signal, self.pid());
        }
    }

    /// Asks the child to end, and makes it if it does not within `patience`.
    pub fn stop(&mut self, patience: Duration) -> ExitStatus {
        self.signal("TERM");
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            if Instant::now() >= deadline {
                return self.kill();
            }
            std::thread::sleep(STEP);
        }
    }

    pub fn kill(&mut self) -> ExitStatus {
        if self.ended().is_none() {
            let _ = self.child.kill();
            self.status = self.child.wait().ok();
        }
        self.status.expect("a killed child has a status")
    }
}

pub fn kill(signal: &str, pid: u32) {
    let said = run({
        let mut kill = command("kill");
        kill.args([&format!("-{signal}"), &pid.to_string()]);
        kill
    });
    assert_eq!(said.code, Some(0), "kill -{signal} {pid}: {}", said.err);
}

impl Drop for Proc {
    fn drop(&mut self) {
        // Politely first, so that it takes its own children along.
        self.stop(Duration::from_secs(5));
        if std::thread::panicking() {
            let (name, lines) = (&self.name, self.last_lines());
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("--- the last of {name} ---\n{lines}\n").as_bytes(),
            );
        }
    }
}
