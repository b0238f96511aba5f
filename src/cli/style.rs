//! How the command line looks: columns that line up, and colours where somebody looks at them.
//!
//! Owns the decision about colours (a terminal, and no NO_COLOR). It must not know what is printed.

use std::io::IsTerminal;

use unicode_width::UnicodeWidthStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Head,
    Dim,
    Good,
    Warn,
    Bad,
}

#[derive(Clone, Copy)]
pub(super) struct Style {
    coloured: bool,
}

impl Style {
    pub(super) fn plain() -> Self {
        Self { coloured: false }
    }

    /// For standard output. <https://no-color.org>: NO_COLOR counts if it is not empty.
    pub(super) fn of_stdout() -> Self {
        let says = |name: &str, wanted: fn(&str) -> bool| {
            std::env::var_os(name).is_some_and(|v| v.to_str().is_none_or(wanted))
        };
        let refused = says("NO_COLOR", |v| !v.is_empty()) || says("TERM", |v| v == "dumb");
        Self { coloured: std::io::stdout().is_terminal() && !refused }
    }

    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            _ if !self.coloured || text.is_empty() => return text.to_owned(),
            Tone::Plain => return text.to_owned(),
            Tone::Head => "1",
            Tone::Dim => "2",
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "1;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Names come from people; a terminal must not obey them.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_bidi(c) { '\u{fffd}' } else { c }).collect()
}

/// What turns the reading direction of all that follows.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Rows as lines, each column as wide as its widest cell.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| {
            let gap = width - cell.width();
            format!("{cell}{:gap$}", "")
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// So much of a line as fits.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if format!("{out}{c}").width() >= width {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_the_script() {
        let rows = [["東京", "x"], ["a", "y"], ["", "z"]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), ["東京  x", "a     y", "      z"]);
    }

    #[test]
    fn a_terminal_obeys_nobody() {
        assert_eq!(printable("Ada\u{1b}[2J\u{202e}"), "Ada\u{fffd}[2J\u{fffd}");
        assert_eq!(Style::plain().paint(Tone::Bad, "x"), "x");
        assert_eq!(Style { coloured: true }.paint(Tone::Bad, "x"), "\x1b[1;31mx\x1b[0m");
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(cut("editing", 7), "editing");
        assert_eq!(cut("editing", 5), "edit…");
        assert_eq!(cut("東京都", 5), "東京…");
    }
}
