//! `collab-proxy locks list --watch`: on a terminal a table that is drawn anew in place, else a block a change.
//!
//! Owns the terminal while it lasts, and gives it back as it was. That the store is away is shown and waited out.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::super::style::{Style, Tone, cut};
use super::super::{UNREACHABLE, fail};
use super::narrow::Narrow;
use super::{Place, table};
use crate::collab::record::Millis;
use crate::operator::Lock;

const EVERY: Duration = Duration::from_secs(1);

/// What was found: the locks and the time, or what is in the way.
type Found = Result<(Vec<Lock>, Millis), String>;

pub(super) async fn run(place: &Place, narrow: &Narrow, json: bool) -> ExitCode {
    let signals = signal(SignalKind::interrupt()).and_then(|i| Ok((i, signal(SignalKind::terminate())?)));
    let (mut interrupt, mut terminate) = match signals {
        Ok(signals) => signals,
        Err(error) => return fail(UNREACHABLE, &format!("signals cannot be heard: {error}")),
    };
    let mut view: Box<dyn View> = match std::io::stdout().is_terminal() && !json {
        true => Box::new(Screen::open()),
        false => Box::new(Blocks { json, last: None }),
    };
    loop {
        let looked = async {
            let mut found = place.list().await;
            if let Ok((locks, now)) = &mut found {
                locks.retain(|lock| narrow.keeps(lock, *now));
            }
            found
        };
        let Some(found) = unless(looked, &mut interrupt, &mut terminate).await else {
            return ExitCode::SUCCESS;
        };
        // Nobody reads any more (`| head`).
        if view.show(&found, narrow.nothing()).is_err() {
            return ExitCode::SUCCESS;
        }
        if unless(tokio::time::sleep(EVERY), &mut interrupt, &mut terminate).await.is_none() {
            return ExitCode::SUCCESS;
        }
    }
}

/// None: somebody has had enough.
async fn unless<T>(work: impl Future<Output = T>, one: &mut Signal, other: &mut Signal) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        _ = one.recv() => None,
        _ = other.recv() => None,
    }
}

trait View {
    fn show(&mut self, found: &Found, nothing: &str) -> std::io::Result<()>;
}

/// A terminal, on its other screen, so that what stood on it is there again afterwards.
struct Screen {
    style: Style,
    last: Vec<String>,
}

impl Screen {
    fn open() -> Self {
        let _ = write!(std::io::stdout(), "\x1b[?1049h\x1b[?25l");
        Self { style: Style::of_stdout(), last: Vec::new() }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let mut out = std::io::stdout();
        let _ = write!(out, "\x1b[?25h\x1b[?1049l");
        let _ = out.flush();
    }
}

impl View for Screen {
    fn show(&mut self, found: &Found, nothing: &str) -> std::io::Result<()> {
        let trouble = match found {
            Ok((locks, now)) => {
                let table = match locks.is_empty() {
                    true => vec![nothing.to_owned()],
                    false => table::lines(locks, *now),
                };
                self.last = vec![format!("{}   Ctrl-C ends", stamp(*now)), String::new()];
                self.last.extend(table);
                None
            }
            Err(why) => Some(why.as_str()),
        };
        let size = terminal_size::terminal_size();
        let (width, height) = size.map_or((80, 24), |(w, h)| (usize::from(w.0), usize::from(h.0)));
        let mut out = std::io::stdout();
        write!(out, "\x1b[H{}\x1b[J", picture(&self.last, trouble, self.style, width, height))?;
        out.flush()
    }
}

/// The lines as a terminal of this size takes them. `trouble` stands on the last.
fn picture(lines: &[String], trouble: Option<&str>, style: Style, width: usize, height: usize) -> String {
    let room = height.saturating_sub(1 + usize::from(trouble.is_some())).max(1);
    let mut shown: Vec<String> = lines.iter().take(room).map(|line| cut(line, width)).collect();
    if lines.len() > room {
        shown.pop();
        shown.push(cut(&format!("… and {} more", lines.len() - room + 1), width));
    }
    let tones = [Tone::Dim, Tone::Plain, Tone::Head].into_iter().chain(std::iter::repeat(Tone::Plain));
    let mut painted: Vec<String> = shown.iter().zip(tones).map(|(line, t)| style.paint(t, line)).collect();
    if let Some(why) = trouble {
        let why = format!("Trying again: {}", why.replace('\n', " "));
        painted.push(style.paint(Tone::Bad, &cut(&why, width)));
    }
    painted.iter().map(|line| format!("{line}\x1b[K\r\n")).collect()
}

/// Into a file, or another program.
struct Blocks {
    json: bool,
    last: Option<Found>,
}

impl View for Blocks {
    fn show(&mut self, found: &Found, nothing: &str) -> std::io::Result<()> {
        if self.last.as_ref().is_some_and(|last| is_same(last, found)) {
            return Ok(());
        }
        let mut out = std::io::stdout();
        match found {
            Err(why) => writeln!(std::io::stderr(), "collab-proxy: trying again: {why}")?,
            Ok((locks, _)) if self.json => {
                writeln!(out, "{}", serde_json::to_string(locks).unwrap_or_default())?;
            }
            Ok((locks, now)) => {
                let table = match locks.is_empty() {
                    true => nothing.to_owned(),
                    false => table::text(locks, *now, Style::plain()),
                };
                writeln!(out, "{}\n{table}\n", stamp(*now))?;
            }
        }
        self.last = Some(found.clone());
        out.flush()
    }
}

/// That somebody goes on typing is no news.
fn is_same(a: &Found, b: &Found) -> bool {
    let still = |lock: &Lock| Lock { active: lock.active.map(|_| 0), ..lock.clone() };
    match (a, b) {
        (Ok((a, _)), Ok((b, _))) => a.iter().map(still).eq(b.iter().map(still)),
        (Err(_), Err(_)) => true,
        _ => false,
    }
}

fn stamp(now: Millis) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(now))
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::lock;
    use super::*;

    #[test]
    fn a_terminal_is_filled_and_never_overflows() {
        let lines = ["time", "", "OBJECT  EDITOR", "a.b/1   Ada", "a.b/2   Grace"].map(str::to_owned);
        let all = picture(&lines, None, Style::plain(), 80, 24);
        assert_eq!(all.matches("\r\n").count(), 5);
        let small = picture(&lines, Some("Redis is\naway"), Style::plain(), 10, 5);
        let shown: Vec<&str> = small.split("\x1b[K\r\n").collect();
        assert_eq!(shown, ["time", "", "… and 3 m…", "Trying ag…", ""]);
    }

    #[test]
    fn typing_is_no_news() {
        let found = |lock: Lock| Ok((vec![lock], 1));
        let typed = Lock { active: Some(lock().active.unwrap() + 5_000), ..lock() };
        assert!(is_same(&found(lock()), &found(typed)));
        assert!(!is_same(&found(lock()), &found(Lock { unsaved: false, ..lock() })));
        assert!(!is_same(&found(lock()), &Ok((Vec::new(), 1))));
        assert!(!is_same(&found(lock()), &Err("away".to_owned())));
        assert!(is_same(&Err("away".to_owned()), &Err("still away".to_owned())));
    }
}
