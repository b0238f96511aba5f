//! The trail's lines, and that a gap in them is said.

use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// A disk that writes when it is told to, and fails when it is told that.
#[derive(Clone)]
struct Disk {
    text: Arc<Mutex<String>>,
    /// Told of every write that begins.
    began: Sender<()>,
    go: Arc<Mutex<Receiver<io::Result<()>>>>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.began.send(());
        self.go.lock().unwrap().recv().unwrap_or(Ok(()))?;
        self.text.lock().unwrap().push_str(std::str::from_utf8(bytes).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Trail {
    audit: Audit,
    text: Arc<Mutex<String>>,
    began: Receiver<()>,
    /// What the next write comes to; all, once this is dropped.
    go: Sender<io::Result<()>>,
    metrics: Arc<Metrics>,
}

fn trail(waiting: usize) -> Trail {
    let ((began, begins), (go, told)) = (channel(), channel());
    let disk = Disk { text: Arc::default(), began, go: Arc::new(Mutex::new(told)) };
    let text = Arc::clone(&disk.text);
    let metrics = Metrics::new();
    let open: Open = Box::new(move || Ok(Box::new(disk.clone())));
    let clock = Clock::manual(1_000);
    let audit = Audit::start(open, waiting, "n".into(), clock, Arc::clone(&metrics)).unwrap();
    Trail { audit, text, began: begins, go, metrics }
}

fn events(text: &Mutex<String>) -> Vec<String> {
    let text = text.lock().unwrap();
    let lines = text.lines().filter(|l| !l.is_empty());
    let lines = lines.map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    lines.map(|l| l["event"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_line_holds_what_is_known_and_nothing_breaks_it() {
    let person = Person { user: "login:ada".into(), name: "Ada\n{\"event\":\"forged\"}".to_owned() };
    let page = "p".into();
    let happened = Happened {
        at: Some(1_700_000_000_123),
        event: "lock_granted",
        object: "shop.part/a\nb",
        person: Some(&person),
        page: Some(&page),
        ..Happened::default()
    };
    assert_eq!(
        line(&happened, "n", 0),
        r#"{"time":"2023-11-14T22:13:20.123Z","node":"n","event":"lock_granted","object":"shop.part/a\nb","user":"login:ada","name":"Ada\n{\"event\":\"forged\"}","page":"p"}"#
    );
    let happened = Happened { event: "write_refused", why: Some("store_down"), ..Happened::default() };
    let wanted = r#"{"time":"1970-01-01T00:00:01.000Z","node":"n","event":"write_refused","object":"","why":"store_down"}"#;
    assert_eq!(line(&happened, "n", 1_000), wanted);
}

/// The disk hangs: the first line is being written, two wait, and three more find no room.
#[test]
fn what_finds_no_room_is_counted_and_said() {
    let Trail { audit, text, began, go, metrics } = trail(2);
    let tell = |event| audit.tell(&Happened { event, ..Happened::default() });
    tell("one");
    began.recv().unwrap();
    ["two", "three", "four", "five", "six"].into_iter().for_each(tell);
    drop(go);
    audit.finish();
    assert_eq!(events(&text), ["one", "two", "three", "audit_dropped"]);
    assert!(text.lock().unwrap().contains("3 lines are missing here"));
    let page = metrics.page(crate::metrics::Now::default());
    assert!(page.contains("\ncollab_proxy_audit_dropped_total 3\n"), "{page}");
}

#[test]
fn a_write_that_fails_is_said_by_the_next_one() {
    let Trail { audit, text, go, metrics, .. } = trail(10);
    go.send(Err(io::Error::other("no space left"))).unwrap();
    drop(go);
    for event in ["lost", "next"] {
        audit.tell(&Happened { event, ..Happened::default() });
        audit.finish();
    }
    let mut said = events(&text);
    said.sort();
    assert_eq!(said, ["audit_dropped", "next"]);
    let page = metrics.page(crate::metrics::Now::default());
    assert!(page.contains("\ncollab_proxy_audit_dropped_total 1\n"), "{page}");
    assert!(page.contains("\ncollab_proxy_audit_lines_total 2\n"), "{page}");
}

#[test]
fn a_file_is_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    std::fs::write(&path, "before\n").unwrap();
    let target = Target::File(path.clone());
    let audit = Audit::start(open(target), 10, "n".into(), Clock::manual(0), Metrics::new()).unwrap();
    audit.tell(&Happened { event: "after", ..Happened::default() });
    audit.finish();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("before\n{") && text.ends_with("}\n") && text.lines().count() == 2, "{text}");
    let nowhere = Target::File(folder.path().join("no/such/folder"));
    assert!(Audit::start(open(nowhere), 10, "n".into(), Clock::manual(0), Metrics::new()).is_err());
    assert!(!Audit::off().is_on());
}
