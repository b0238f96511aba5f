//! Locks as a table.

use super::super::style::{Style, Tone, columns, printable};
use crate::collab::record::Millis;
use crate::operator::Lock;
use crate::reply::ago;

/// The head first. Nothing in it is painted yet.
pub(super) fn lines(locks: &[Lock], now: Millis) -> Vec<String> {
    let since = |t: Option<Millis>| t.map_or_else(|| "-".to_owned(), |t| format!("{} ago", ago(now, t)));
    let mut rows =
        vec![["OBJECT", "EDITOR", "SINCE", "LAST ACTIVE", "STATE", "WAITING", "VIEWERS"].map(str::to_owned)];
    for lock in locks {
        let state = if lock.unsaved {
            format!("{}, unsaved", lock.state.word())
        } else {
            lock.state.word().to_owned()
        };
        rows.push([
            printable(&lock.object.to_string()),
            printable(lock.editor.as_deref().unwrap_or("-")),
            since(lock.since),
            since(lock.active),
            state,
            lock.waiting.to_string(),
            lock.viewers.to_string(),
        ]);
    }
    columns(&rows)
}

pub(super) fn text(locks: &[Lock], now: Millis, style: Style) -> String {
    let mut lines = lines(locks, now);
    if let Some(head) = lines.first_mut() {
        *head = style.paint(Tone::Head, head);
    }
    lines.join("\n")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cli::snapshot::check;
    use crate::django::object::ObjectKey;
    use crate::operator::State;

    /// Some time.
    pub(in crate::cli::locks) const NOW: Millis = 1_764_259_200_000;

    pub(in crate::cli::locks) fn lock() -> Lock {
        Lock {
            object: ObjectKey::new("shop", "product", "3"),
            editor: Some("Ada Lovelace".to_owned()),
            user: Some("login:ada".to_owned()),
            since: Some(NOW - 3_600_000),
            active: Some(NOW - 60_000),
            state: State::Editing,
            unsaved: true,
            waiting: 1,
            viewers: 2,
        }
    }

    #[test]
    fn the_table_lines_up_and_obeys_nobody() {
        let away = Lock {
            object: ObjectKey::new("shop", "part", "a/b_c d"),
            editor: Some("田中\u{1b}[2J".to_owned()),
            state: State::Away,
            unsaved: false,
            ..lock()
        };
        let waiting = Lock {
            object: ObjectKey::new("auth", "user", "7"),
            editor: None,
            user: None,
            since: None,
            active: None,
            state: State::Waiting,
            unsaved: false,
            waiting: 12,
            viewers: 0,
        };
        check("locks-list", &text(&[lock(), away, waiting], NOW, Style::plain()));
    }
}
