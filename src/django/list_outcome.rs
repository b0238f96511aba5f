//! What became of a POST to a change list, read from Django's answer.
//!
//! As `outcome.rs` for one object: in doubt it is "unknown", which counts as a possible save of every row.

use super::outcome::{Outcome, is_login, split_location};
use super::route::{Prefix, route};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Action,
    /// "Delete selected"; `sure`: the step that deletes.
    Delete {
        sure: bool,
    },
    Edit,
}

/// Reads the head of the answer. `AskBody`: see [`from_page`].
pub fn from_head(prefixes: &[Prefix], kind: Kind, status: u16, location: Option<&str>) -> Outcome {
    match status {
        200 => Outcome::AskBody,
        301 | 307 | 308 => Outcome::NotSaved,
        302 | 303 => {
            let (path, query) = split_location(location.unwrap_or_default());
            match kind {
                _ if is_login(&route(prefixes, path), path, query) => Outcome::SignedOut,
                Kind::Delete { sure: true } => Outcome::Deleted,
                // The person's other pages of these rows stay where they are.
                _ => Outcome::Saved { stays: true },
            }
        }
        201..=299 | 300 | 304..=306 => Outcome::Unknown { may_land: false },
        502 | 504 => Outcome::Unknown { may_land: true },
        // An action that fails half-way may have done the first half; edited rows are saved in one transaction,
        // but what fails after it (`transaction.on_commit`) looks the same.
        500..=599 => Outcome::Unknown { may_land: false },
        _ => Outcome::NotSaved,
    }
}

/// Reads a 200 that is a page. `form`: the list again, with its errors. `asks`: the selected rows once more, hidden,
/// as on pages that ask before they go on. "Delete selected" redirects when it has deleted; its pages ask, or say that
/// it cannot be done, with nothing to send (`delete_selected_confirmation.html`).
pub fn from_page(kind: Kind, form: bool, asks: bool) -> Outcome {
    match kind {
        Kind::Edit if form => Outcome::NotSaved,
        Kind::Action if asks => Outcome::NotSaved,
        Kind::Delete { .. } => Outcome::NotSaved,
        _ => Outcome::Unknown { may_land: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_to_lists() {
        let (edit, publish, delete) = (Kind::Edit, Kind::Action, Kind::Delete { sure: true });
        let unknown = Outcome::Unknown { may_land: false };
        let saved = Outcome::Saved { stays: true };
        let prefixes = [Prefix::parse("/admin/").unwrap()];
        for (kind, status, location, want) in [
            (edit, 302, "/admin/shop/product/?p=2", saved),
            (publish, 302, "/admin/shop/product/", saved),
            (publish, 303, "/elsewhere/", saved),
            (delete, 302, "/admin/shop/product/", Outcome::Deleted),
            (delete, 302, "/admin/login/?next=/admin/shop/product/", Outcome::SignedOut),
            (edit, 302, "/admin/shop/product/?next=1", saved),
            (edit, 302, "/sso?next=/admin/", Outcome::SignedOut),
            (edit, 200, "", Outcome::AskBody),
            (edit, 500, "", unknown),
            (publish, 500, "", unknown),
            (publish, 403, "", Outcome::NotSaved),
            (delete, 504, "", Outcome::Unknown { may_land: true }),
            (publish, 204, "", unknown),
            (edit, 301, "/admin/shop/product/", Outcome::NotSaved),
        ] {
            assert_eq!(
                from_head(&prefixes, kind, status, Some(location)),
                want,
                "{kind:?} {status} {location}"
            );
        }
        assert_eq!(from_page(edit, true, false), Outcome::NotSaved);
        assert_eq!(from_page(edit, false, true), unknown);
        assert_eq!(from_page(publish, true, false), unknown);
        assert_eq!(from_page(publish, false, false), unknown);
        assert_eq!(from_page(publish, false, true), Outcome::NotSaved);
        for sure in [false, true] {
            for asks in [false, true] {
                assert_eq!(from_page(Kind::Delete { sure }, false, asks), Outcome::NotSaved);
            }
        }
        assert_eq!(
            from_head(&prefixes, Kind::Delete { sure: false }, 302, Some("/admin/shop/product/")),
            saved
        );
    }
}
