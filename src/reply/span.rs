//! Time spans as people say them.

use crate::assets::catalog::Catalog;
use crate::collab::record::Millis;

/// How many of which unit: its English name, and the texts of one and of many.
fn parts(now: Millis, then: Millis) -> (u64, &'static str, [&'static str; 2]) {
    let seconds = now.saturating_sub(then) / 1000;
    match seconds {
        0..60 => (seconds, "second", ["second_span", "seconds_span"]),
        60..3600 => (seconds / 60, "minute", ["minute_span", "minutes_span"]),
        3600..86_400 => (seconds / 3600, "hour", ["hour_span", "hours_span"]),
        _ => (seconds / 86_400, "day", ["day_span", "days_span"]),
    }
}

/// For operators, who are spoken to in English.
pub fn ago(now: Millis, then: Millis) -> String {
    let (number, unit, _) = parts(now, then);
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// In a sentence nobody counts the first seconds.
pub(super) fn span(catalog: &Catalog, now: Millis, then: Millis) -> String {
    if now.saturating_sub(then) < 5_000 {
        return catalog.text("moment_span").to_owned();
    }
    let (number, _, [one, many]) = parts(now, then);
    catalog.fill(if number == 1 { one } else { many }, &[("count", &number.to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::catalog::tests::documented;
    use crate::django::language::Language;

    #[test]
    fn time_spans() {
        for (seconds, want) in
            [(0, "0 seconds"), (1, "1 second"), (61, "1 minute"), (7_200, "2 hours"), (90_000, "1 day")]
        {
            assert_eq!(ago(seconds * 1000, 0), want);
        }
        assert_eq!(ago(0, 5), "0 seconds", "a clock that went back");
    }

    #[test]
    fn time_spans_in_the_pages_language() {
        let catalogs = documented();
        for (tag, seconds, want) in [
            ("en", 4, "a few seconds"),
            ("en", 5, "5 seconds"),
            ("en", 61, "1 minute"),
            ("de", 180, "3 Minuten"),
            ("de", 90_000, "1 Tag"),
            ("tr", 7_200, "2 saat"),
        ] {
            let catalog = catalogs.find(&Language::parse(tag).unwrap()).unwrap();
            assert_eq!(span(catalog, seconds * 1000, 0), want, "{tag} {seconds}");
        }
    }
}
