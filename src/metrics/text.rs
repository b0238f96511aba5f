//! The counts in Prometheus's text format (version 0.0.4).
//!
//! Owns names, help and types: one HELP and one TYPE a name, and every label's value from the beginning, so that a rate
//! can be told from the first event on. Only status codes come as they are seen: most never are.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{BUCKETS, CODES, Class, Counters, Histogram, Label, Metrics};

/// What is counted at the moment when somebody asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    pub sockets: usize,
    pub rooms: usize,
    /// By pages that are open on this proxy.
    pub locks: usize,
    pub store_up: bool,
}

/// A page of metrics that is being written.
#[derive(Default)]
pub struct Page(String);

impl Page {
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    pub fn text(self) -> String {
        self.0
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    fn counters<L: Label>(&mut self, name: &str, label: &str, help: &str, counters: &Counters<L>) {
        self.head(name, "counter", help);
        for (value, count) in counters.each() {
            let _ = writeln!(self.0, "{name}{{{label}=\"{value}\"}} {count}");
        }
    }

    /// `label`: ready to stand before `le`, or empty.
    fn histogram(&mut self, name: &str, label: &str, histogram: &Histogram) {
        let mut sum = 0;
        let comma = if label.is_empty() { "" } else { "," };
        for (number, count) in histogram.buckets.iter().enumerate() {
            sum += load(count);
            let end = BUCKETS.get(number).map_or_else(|| "+Inf".to_owned(), |micros| seconds(*micros));
            let _ = writeln!(self.0, "{name}_bucket{{{label}{comma}le=\"{end}\"}} {sum}");
        }
        let labels = if label.is_empty() { String::new() } else { format!("{{{label}}}") };
        let _ = writeln!(self.0, "{name}_sum{labels} {}", seconds(load(&histogram.micros)));
        let _ = writeln!(self.0, "{name}_count{labels} {sum}");
    }
}

fn load(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

/// Without the errors of a float: `0.005`.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Metrics {
    pub fn page(&self, now: Now) -> String {
        let mut page = Page::default();
        page.head("collab_proxy_build_info", "gauge", "Which version runs here; always 1.");
        let _ = writeln!(page.0, "collab_proxy_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
        self.requests(&mut page);
        page.counters(
            "collab_proxy_writes_total",
            "decision",
            "Writes to objects, one a row of a list, by what became of them.",
            &self.writes,
        );
        page.counters(
            "collab_proxy_writes_blocked_total",
            "reason",
            "Writes that were refused, by why.",
            &self.blocked,
        );
        page.counters(
            "collab_proxy_lock_transitions_total",
            "kind",
            "Locks that were granted or lost by a step that this proxy has taken.",
            &self.transitions,
        );
        page.counters(
            "collab_proxy_injections_total",
            "result",
            "Forms that were sent to people, by whether the widget could be put in.",
            &self.injections,
        );
        page.counters(
            "collab_proxy_upstream_errors_total",
            "kind",
            "Requests to which Django gave no answer, by why.",
            &self.upstream,
        );
        self.at_this_moment(&mut page, now);
        page.text()
    }

    fn requests(&self, page: &mut Page) {
        let name = "collab_proxy_http_requests_total";
        page.head(name, "counter", "Requests, by what they are about and the status of the answer.");
        for class in Class::ALL {
            for code in 0..CODES {
                let count = load(&self.statuses.0[class.number() * CODES + code]);
                if count > 0 {
                    let (class, status) = (class.label(), code + 100);
                    let _ = writeln!(page.0, "{name}{{class=\"{class}\",status=\"{status}\"}} {count}");
                }
            }
        }
        let name = "collab_proxy_http_request_duration_seconds";
        page.head(name, "histogram", "From a request's head to its answer's head.");
        for class in Class::ALL {
            page.histogram(name, &format!("class=\"{}\"", class.label()), &self.durations[class.number()]);
        }
    }

    fn at_this_moment(&self, page: &mut Page, now: Now) {
        page.one(
            "collab_proxy_websocket_connections",
            "gauge",
            "Sockets of pages and lists that are open here.",
            now.sockets,
        );
        page.one("collab_proxy_rooms", "gauge", "Objects that are open on pages here.", now.rooms);
        page.one("collab_proxy_locks_held", "gauge", "Locks held by pages that are open here.", now.locks);
        page.one(
            "collab_proxy_store_up",
            "gauge",
            "1 if the store of locks can be reached.",
            u8::from(now.store_up),
        );
        let name = "collab_proxy_store_duration_seconds";
        page.head(name, "histogram", "How long Redis took for what it was asked, tries again included.");
        page.histogram(name, "", &self.store);
        page.one(
            "collab_proxy_redis_errors_total",
            "counter",
            "What was asked of Redis and not answered, after all tries.",
            load(&self.store_errors),
        );
        page.one(
            "collab_proxy_audit_lines_total",
            "counter",
            "Lines written to the audit trail.",
            load(&self.audit_lines),
        );
        page.one(
            "collab_proxy_audit_dropped_total",
            "counter",
            "Lines that the audit trail had no room for, or that could not be written.",
            load(&self.audit_dropped),
        );
        page.one(
            "collab_proxy_config_last_reload_success",
            "gauge",
            "1 if the settings that were read last are the ones that hold.",
            1 - load(&self.reload_failed).min(1),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Decision, Reason, Transition};
    use super::*;

    #[test]
    fn what_was_counted_stands_there() {
        let metrics = Metrics::default();
        metrics.request(Class::Write, 302, Duration::from_millis(5));
        metrics.request(Class::Write, 302, Duration::from_millis(6));
        metrics.request(Class::Write, 423, Duration::from_secs(11));
        metrics.write(Decision::Saved);
        metrics.blocked(Reason::Locked);
        metrics.transition(Transition::Granted);
        metrics.reloaded(false);
        let page = metrics.page(Now { sockets: 3, rooms: 2, locks: 1, store_up: true });
        for line in [
            "collab_proxy_http_requests_total{class=\"write\",status=\"302\"} 2",
            "collab_proxy_http_requests_total{class=\"write\",status=\"423\"} 1",
            // The end belongs to the bucket.
            "collab_proxy_http_request_duration_seconds_bucket{class=\"write\",le=\"0.005\"} 1",
            "collab_proxy_http_request_duration_seconds_bucket{class=\"write\",le=\"0.01\"} 2",
            "collab_proxy_http_request_duration_seconds_bucket{class=\"write\",le=\"10\"} 2",
            "collab_proxy_http_request_duration_seconds_bucket{class=\"write\",le=\"+Inf\"} 3",
            "collab_proxy_http_request_duration_seconds_sum{class=\"write\"} 11.011",
            "collab_proxy_http_request_duration_seconds_count{class=\"write\"} 3",
            "collab_proxy_writes_total{decision=\"saved\"} 1",
            "collab_proxy_writes_total{decision=\"refused\"} 1",
            "collab_proxy_writes_blocked_total{reason=\"locked\"} 1",
            "collab_proxy_lock_transitions_total{kind=\"granted\"} 1",
            "collab_proxy_lock_transitions_total{kind=\"expired\"} 0",
            "collab_proxy_websocket_connections 3",
            "collab_proxy_locks_held 1",
            "collab_proxy_config_last_reload_success 0",
        ] {
            assert!(page.lines().any(|l| l == line), "{line} in\n{page}");
        }
    }
}
