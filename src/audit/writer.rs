//! The trail's own thread: takes lines from the channel and writes them.
//!
//! Owns the file: opening it, here only, and again after a write that failed.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};

use super::{Happened, Target, line};
use crate::clock::Clock;
use crate::collab::record::NodeId;
use crate::metrics::Metrics;

pub(super) enum Job {
    Line(String),
    /// Answered when all before it is written.
    Flush(SyncSender<()>),
    /// Somebody may have moved the file away: go on in a new one of its name.
    Reopen,
}

/// Gives a writer at the trail's end. Called at the start, and whenever the one in use is of no more use.
pub type Open = Box<dyn FnMut() -> io::Result<Box<dyn Write + Send>> + Send>;

pub fn open(target: Target) -> Open {
    Box::new(move || match &target {
        Target::Stdout => Ok(Box::new(io::stdout())),
        // Names of people and of what they do: not for everybody on the machine.
        Target::File(path) => {
            let file = OpenOptions::new().create(true).append(true).mode(0o640).open(path)?;
            Ok(Box::new(file))
        }
    })
}

/// What the thread knows beside the file.
pub(super) struct Trail {
    pub(super) node: NodeId,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) dropped: Arc<AtomicU64>,
}

pub(super) fn start(mut open: Open, from: Receiver<Job>, trail: Trail) -> io::Result<()> {
    let file = open()?;
    std::thread::Builder::new().name("audit".to_owned()).spawn(move || {
        Writing { open, file: Some(file), trail, lines: String::new(), count: 0 }.run(&from)
    })?;
    Ok(())
}

/// Lines that are written in one go.
const TOGETHER: usize = 64 * 1024;

struct Writing {
    open: Open,
    file: Option<Box<dyn Write + Send>>,
    trail: Trail,
    lines: String,
    count: u64,
}

impl Writing {
    /// Until nobody is left who could tell anything.
    fn run(mut self, from: &Receiver<Job>) {
        while let Ok(first) = from.recv() {
            let mut next = Some(first);
            let mut waiting = Vec::new();
            while let Some(job) = next {
                match job {
                    Job::Line(line) => self.add(&line),
                    Job::Flush(done) => waiting.push(done),
                    Job::Reopen => {
                        self.write();
                        let fresh = (self.open)();
                        self.file =
                            fresh.inspect_err(|e| tracing::error!(error = %e, "the audit trail")).ok();
                    }
                }
                next = match from.try_recv() {
                    Ok(job) if self.lines.len() < TOGETHER => Some(job),
                    Ok(job) => {
                        self.write();
                        Some(job)
                    }
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
                };
            }
            self.say_what_is_missing();
            self.write();
            for done in waiting {
                let _ = done.send(());
            }
        }
    }

    fn add(&mut self, line: &str) {
        self.lines.push_str(line);
        self.lines.push('\n');
        self.count += 1;
    }

    /// The trail says itself that it has a gap.
    fn say_what_is_missing(&mut self) {
        let missing = self.trail.dropped.swap(0, Ordering::Relaxed);
        if missing > 0 {
            let why = format!("{missing} lines are missing here");
            let happened = Happened { event: "audit_dropped", why: Some(&why), ..Happened::default() };
            let line = line(&happened, self.trail.node.as_str(), self.trail.clock.now());
            self.add(&line);
        }
    }

    fn write(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        if let Err(error) = self.try_write() {
            tracing::error!(%error, lines = self.count, "the audit trail could not be written");
            // Half a line may stand there; another file, or the same one on a disk with room, begins with a new one.
            self.file = None;
            self.trail.metrics.audit_dropped(self.count);
            self.trail.dropped.fetch_add(self.count, Ordering::Relaxed);
        } else {
            for _ in 0..self.count {
                self.trail.metrics.audit_line();
            }
        }
        self.lines.clear();
        self.count = 0;
    }

    fn try_write(&mut self) -> io::Result<()> {
        let again = self.file.is_none();
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert((self.open)()?),
        };
        if again {
            file.write_all(b"\n")?;
        }
        file.write_all(self.lines.as_bytes())?;
        file.flush()
    }
}
