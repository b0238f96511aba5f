//! The log on standard error: text for people, or JSON for machines; one line an event either way.
//!
//! Owns that nothing in a value can break a line or imitate another: keys and names come from people. What is logged is
//! said where it happens.

use std::fmt;
use std::io::IsTerminal;

use tracing::field::{Field, Visit};
use tracing::{Level, Metadata};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, reload};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// These would log frames and heads at their lowest levels: what people write to each other, and cookies.
const TALKATIVE: [&str; 3] = ["tungstenite", "tokio_tungstenite", "hyper"];

/// Whatever the settings say.
fn is_discreet(what: &Metadata) -> bool {
    let within = |name: &&str| what.target().split("::").next() == Some(name);
    *what.level() <= Level::INFO || !TALKATIVE.iter().any(within)
}

/// The running log, whose filter can be replaced.
pub struct Log(Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>);

impl Log {
    /// From now on this is logged.
    pub fn set(&self, text: &str) -> Result<(), String> {
        (self.0)(filter(text)?).map_err(|e| e.to_string())
    }
}

/// What is logged, as the settings say it.
pub fn filter(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(text)
        .map_err(|e| format!("expected error, warn, info, debug, or a tracing filter ({e})"))
}

pub fn start(text: &str, format: LogFormat) -> Result<Log, String> {
    let filter = filter(text)?;
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(
            std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        )
        .with_target(false);
    Ok(Log(match format {
        LogFormat::Text => {
            let log = log.fmt_fields(OneLine).with_env_filter(filter).with_filter_reloading();
            let running = log.reload_handle();
            log.finish().with(filter_fn(is_discreet)).init();
            Box::new(move |filter| running.reload(filter))
        }
        LogFormat::Json => {
            let log = log.json().flatten_event(true).with_current_span(false).with_span_list(false);
            let log = log.with_env_filter(filter).with_filter_reloading();
            let running = log.reload_handle();
            log.finish().with(filter_fn(is_discreet)).init();
            Box::new(move |filter| running.reload(filter))
        }
    }))
}

/// `name=value`, the value in quotes where it would be hard to tell its end.
struct OneLine;

impl<'w> FormatFields<'w> for OneLine {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = Fields { writer, first: true, result: Ok(()) };
        fields.record(&mut line);
        line.result
    }
}

struct Fields<'w> {
    writer: Writer<'w>,
    first: bool,
    result: fmt::Result,
}

impl Fields<'_> {
    fn add(&mut self, field: &Field, value: &str) {
        let space = if std::mem::take(&mut self.first) { "" } else { " " };
        self.result = self.result.and_then(|()| match field.name() {
            "message" => write!(self.writer, "{space}{}", printable(value, false)),
            name => write!(self.writer, "{space}{name}={}", printable(value, true)),
        });
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

/// Ends a line for some reader, or makes a terminal or an editor show it otherwise than it is.
fn is_tricky(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn printable(text: &str, quoted: bool) -> String {
    let quoted = quoted && (text.is_empty() || text.contains([' ', '"', '=']) || text.contains(is_tricky));
    let mut out = String::with_capacity(text.len() + 2);
    out.extend(quoted.then_some('"'));
    for c in text.chars() {
        match c {
            c if is_tricky(c) => out.extend(c.escape_default()),
            '"' | '\\' if quoted => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out.extend(quoted.then_some('"'));
    out
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Seen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat) -> Vec<String> {
        let seen = Seen::default();
        let to = seen.clone();
        let log =
            tracing_subscriber::fmt().with_writer(move || to.clone()).with_ansi(false).with_target(false);
        let say = || {
            let key = "shop.part/a\nb\r\u{85}\u{2028}\u{1b}[2J request=forged";
            tracing::info!(object = %key, user = "login:ada", status = 423, why = "", "request");
            tracing::info!("Ada\nLovelace");
        };
        match format {
            LogFormat::Text => tracing::subscriber::with_default(log.fmt_fields(OneLine).finish(), say),
            LogFormat::Json => {
                tracing::subscriber::with_default(log.json().flatten_event(true).finish(), say)
            }
        }
        let text = String::from_utf8(seen.0.lock().unwrap().clone()).unwrap();
        text.split_terminator('\n').map(str::to_owned).collect()
    }

    #[test]
    fn what_people_write_is_logged_at_no_level() {
        let everything = tracing_subscriber::registry()
            .with(filter("trace,tungstenite::protocol=trace,hyper::proto=trace").unwrap())
            .with(filter_fn(is_discreet));
        tracing::subscriber::with_default(everything, || {
            assert!(!tracing::enabled!(target: "tungstenite::protocol", Level::TRACE));
            assert!(!tracing::enabled!(target: "hyper::proto::h1", Level::DEBUG));
            assert!(tracing::enabled!(target: "hyper::proto::h1", Level::INFO));
            assert!(tracing::enabled!(target: "collab_proxy::flow", Level::TRACE));
        });
    }

    #[test]
    fn no_key_and_no_name_breaks_a_line() {
        let lines = logged(LogFormat::Text);
        assert_eq!(lines.len(), 2, "{lines:#?}");
        let wanted = r#" INFO request object="shop.part/a\nb\r\u{85}\u{2028}\u{1b}[2J request=forged" user=login:ada status=423 why="""#;
        assert!(lines[0].ends_with(wanted), "{}", lines[0]);
        assert!(lines[1].ends_with(r" INFO Ada\nLovelace"), "{}", lines[1]);
        let lines = logged(LogFormat::Json);
        assert_eq!(lines.len(), 2, "{lines:#?}");
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(line["object"], "shop.part/a\nb\r\u{85}\u{2028}\u{1b}[2J request=forged");
        assert_eq!(
            (&line["level"], &line["message"], &line["status"]),
            (&"INFO".into(), &"request".into(), &423.into())
        );
    }

    #[test]
    fn quotes_where_the_end_could_not_be_told() {
        for (text, quoted) in
            [("a", "a"), ("a b", "\"a b\""), ("a\"b", r#""a\"b""#), ("a\\b", "a\\b"), ("", "\"\"")]
        {
            assert_eq!(printable(text, true), quoted);
        }
    }
}
