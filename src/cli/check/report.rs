//! What `check` has found, line by line: as text, or as JSON.

use std::process::ExitCode;

use serde::Serialize;

use super::super::style::{Style, Tone, printable};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    Ok,
    Warn,
    Fail,
}

impl Level {
    fn word(self) -> (&'static str, Tone) {
        match self {
            Self::Ok => ("ok  ", Tone::Good),
            Self::Warn => ("warn", Tone::Warn),
            Self::Fail => ("FAIL", Tone::Bad),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) what: &'static str,
    pub(super) level: Level,
    pub(super) found: String,
    /// What to do about it.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

impl Finding {
    pub(super) fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, level: Level::Ok, found: found.into(), advice: None }
    }

    pub(super) fn warn(what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what, level: Level::Warn, found: found.into(), advice: Some(advice.into()) }
    }

    pub(super) fn fail(what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Fail, ..Self::warn(what, found, advice) }
    }
}

#[derive(Serialize)]
pub(super) struct Report {
    ok: bool,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(findings: Vec<Finding>) -> Self {
        Self { ok: findings.iter().all(|f| f.level != Level::Fail), findings }
    }

    pub(super) fn code(&self) -> ExitCode {
        ExitCode::from(u8::from(!self.ok))
    }

    pub(super) fn text(&self, style: Style) -> String {
        let width = self.findings.iter().map(|f| f.what.len()).max().unwrap_or(0);
        let mut lines = Vec::new();
        for finding in &self.findings {
            let (word, tone) = finding.level.word();
            let what = finding.what;
            lines.push(format!("{}  {what:width$}  {}", style.paint(tone, word), printable(&finding.found)));
            let indent = word.len() + width + 4;
            for (i, line) in finding.advice.iter().flat_map(|a| a.lines()).enumerate() {
                let mark = if i == 0 { "→ " } else { "  " };
                lines.push(format!("{:indent$}{mark}{}", "", printable(line)));
            }
        }
        let count = |level: Level| self.findings.iter().filter(|f| f.level == level).count();
        let (failed, warned) = (count(Level::Fail), count(Level::Warn));
        let (end, tone) = match (failed, warned) {
            (0, 0) => ("All is well.".to_owned(), Tone::Good),
            (0, 1) => ("It works, with one warning.".to_owned(), Tone::Warn),
            (0, n) => (format!("It works, with {n} warnings."), Tone::Warn),
            (n, _) => (format!("{n} of {} failed.", self.findings.len()), Tone::Bad),
        };
        lines.push(style.paint(tone, &end));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::snapshot::check;

    #[test]
    fn a_report_says_what_to_do() {
        let report = Report::new(vec![
            Finding::ok("settings", "collab.toml"),
            Finding::warn("redis", "keys\u{1b} are thrown away", "Set maxmemory-policy to noeviction."),
            Finding::fail("outer proxy", "it answered 426", "In nginx:\n  proxy_http_version 1.1;"),
        ]);
        assert!(!report.ok);
        check("check-report", &report.text(Style::plain()));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["findings"][2]["level"], "fail");
        assert_eq!(json["findings"][0].get("do"), None);
    }
}
