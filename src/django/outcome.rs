//! What became of a write, read from Django's answer.
//!
//! Owns the classification; whoever asks decides what follows. When in doubt the answer is "unknown", which
//! counts as a possible save: that can cost a reload, the opposite could cost somebody's work.
//! Sources: `ModelAdmin.response_change`, `response_delete`, `response_post_save_change`,
//! `AdminSite.login`, and `admin/popup_response.html`.

use super::object::{ObjectKey, decode_path};
use super::route::{Prefix, Route, View, route};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Saved; `stays`: the person is sent back to the same object (`_continue`).
    Saved {
        stays: bool,
    },
    Deleted,
    NotSaved,
    /// Not saved: Django asks the person to sign in, and has thrown the form away.
    SignedOut,
    /// Not saved if the object is gone: Django sends to the index then. Whoever cares looks.
    Elsewhere,
    /// It may have been saved. `may_land`: Django was never heard to end, so it may still be saved later.
    Unknown {
        may_land: bool,
    },
    /// Django failed: before it saved, or after (`transaction.on_commit`, a middleware). Whoever cares looks.
    Failed,
    /// A 200: the body tells, see [`from_body`].
    AskBody,
}

/// What the button did that sent an object's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressed {
    Save,
    /// What was typed becomes another object.
    SaveAsNew,
    /// An action on this object (Django 6.1, `ModelAdmin._changeform_view`): the form beside it is not read.
    Action,
}

/// The action's name in the object's own form (`ActionLocation.CHANGE_FORM`).
pub const FORM_ACTION: &str = "CHANGE_FORM-action";

impl Pressed {
    pub fn of<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>) -> Self {
        let (mut saves, mut acts) = (false, false);
        for (name, _) in fields {
            match name {
                "_saveasnew" => return Self::SaveAsNew,
                "_save" | "_continue" | "_addanother" => saves = true,
                FORM_ACTION => acts = true,
                _ => {}
            }
        }
        if acts && !saves { Self::Action } else { Self::Save }
    }
}

/// Reads the head of the answer to a POST on `key`'s `view` at `path`. `location` is the `Location` header.
pub fn from_head(
    prefixes: &[Prefix],
    (key, view, path): (&ObjectKey, View, &str),
    status: u16,
    location: Option<&str>,
) -> Outcome {
    match status {
        200 => match view {
            // The form with its errors, or the confirmation page again.
            View::Change | View::Delete | View::Version => Outcome::AskBody,
            View::Other => Outcome::Unknown { may_land: false },
        },
        301 | 307 | 308 => Outcome::NotSaved,
        // No view of anybody's: Django takes any other address for a key, and only leads on (ModelAdmin.get_urls).
        302 | 303 if view == View::Other && leads_on(path, location.unwrap_or_default()) => Outcome::NotSaved,
        302 | 303 => redirected(prefixes, key, view, location.unwrap_or_default()),
        201..=299 | 300 | 304..=306 => Outcome::Unknown { may_land: false },
        // Something between us and Django gave up waiting; Django itself may not have.
        502 | 504 => Outcome::Unknown { may_land: true },
        500..=599 => Outcome::Failed,
        _ => Outcome::NotSaved,
    }
}

fn redirected(prefixes: &[Prefix], key: &ObjectKey, view: View, location: &str) -> Outcome {
    let (path, query) = split_location(location);
    let there = route(prefixes, path);
    if is_login(&there, path, query) {
        return Outcome::SignedOut;
    }
    match view {
        View::Delete => match there {
            // To the list, or to the index for a person who may not see the list.
            Route::List | Route::Admin => Outcome::Deleted,
            _ => Outcome::Unknown { may_land: false },
        },
        View::Change => match there {
            Route::Object { key: k, .. } if k == *key => Outcome::Saved { stays: true },
            Route::List => Outcome::Saved { stays: false },
            Route::Admin if path.ends_with("/add/") => Outcome::Saved { stays: false },
            // The index: saved by a person without the list's right, or the object is gone.
            Route::Admin => Outcome::Elsewhere,
            // Another object: saved as new, or a site's own "save and next".
            _ => Outcome::Unknown { may_land: false },
        },
        // A password set, a revision restored, an action run: each redirects when it has done its work.
        View::Version | View::Other => match there {
            Route::Object { key: k, .. } if k == *key => Outcome::Saved { stays: true },
            _ => Outcome::Saved { stays: false },
        },
    }
}

fn leads_on(path: &str, location: &str) -> bool {
    decode_path(split_location(location).0) == format!("{}change/", decode_path(path))
}

/// A login page, of Django or of a single sign-on. A list may bear a `next` of its own in its filters.
pub(super) fn is_login(there: &Route, path: &str, query: &str) -> bool {
    let admins_own = matches!(there, Route::List | Route::Object { .. });
    let comes_back = query.starts_with("next=") || query.contains("&next=");
    path.ends_with("/login/") || (comes_back && !admins_own && !path.ends_with("/add/"))
}

/// `Location` may be absolute; its origin does not matter here.
pub(super) fn split_location(location: &str) -> (&str, &str) {
    let path = match location.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => location,
    };
    let path = path.split('#').next().unwrap_or_default();
    path.split_once('?').unwrap_or((path, ""))
}

/// What a 200 shows: found by the rewriter while the page streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The object's form again, with its errors.
    Form,
    /// The script page that closes a popup after a save.
    PopupDone,
    Neither,
}

pub fn from_body(view: View, shown: Shown) -> Outcome {
    match (view, shown) {
        (_, Shown::PopupDone) if view == View::Delete => Outcome::Deleted,
        (_, Shown::PopupDone) => Outcome::Saved { stays: false },
        (_, Shown::Form) => Outcome::NotSaved,
        (View::Delete, Shown::Neither) => Outcome::NotSaved,
        (_, Shown::Neither) => Outcome::Unknown { may_land: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(view: View, status: u16, location: &str) -> Outcome {
        let prefixes = [Prefix::parse("/admin/").unwrap()];
        let object = (&ObjectKey::new("shop", "product", "3"), view, "/admin/shop/product/3/x/");
        from_head(&prefixes, object, status, Some(location))
    }

    #[test]
    fn answers_to_a_save() {
        let unknown = Outcome::Unknown { may_land: false };
        for (status, location, want) in [
            (302, "/admin/shop/product/", Outcome::Saved { stays: false }),
            (302, "/admin/shop/product/?published__exact=1", Outcome::Saved { stays: false }),
            (302, "http://h:1/admin/shop/product/", Outcome::Saved { stays: false }),
            (302, "/admin/shop/product/add/", Outcome::Saved { stays: false }),
            (302, "/admin/shop/product/3/change/", Outcome::Saved { stays: true }),
            (302, "/admin/shop/product/03/change/?_x=1", Outcome::Saved { stays: true }),
            (302, "/admin/shop/product/4/change/", unknown),
            (302, "/admin/", Outcome::Elsewhere),
            (302, "/admin/login/?next=/admin/shop/product/3/change/", Outcome::SignedOut),
            (302, "/sso?next=/admin/", Outcome::SignedOut),
            (302, "/admin/?next=/admin/", Outcome::SignedOut),
            (302, "/admin/shop/product/?next=1", Outcome::Saved { stays: false }),
            (302, "/admin/shop/product/add/?a=1&next=1", Outcome::Saved { stays: false }),
            (302, "/admin/shop/product/3/change/?next=1", Outcome::Saved { stays: true }),
            (302, "https://idp.example/authorize", unknown),
            (301, "/admin/shop/product/3/change/", Outcome::NotSaved),
            (200, "", Outcome::AskBody),
            (403, "", Outcome::NotSaved),
            (500, "", Outcome::Failed),
            (502, "", Outcome::Unknown { may_land: true }),
            (504, "", Outcome::Unknown { may_land: true }),
        ] {
            assert_eq!(head(View::Change, status, location), want, "{status} {location}");
        }
    }

    #[test]
    fn answers_to_a_deletion_and_to_other_views() {
        assert_eq!(head(View::Delete, 302, "/admin/shop/product/"), Outcome::Deleted);
        assert_eq!(head(View::Delete, 302, "/admin/"), Outcome::Deleted);
        assert_eq!(head(View::Delete, 302, "/admin/login/?next=/"), Outcome::SignedOut);
        assert_eq!(head(View::Delete, 200, ""), Outcome::AskBody);
        assert_eq!(head(View::Version, 302, "/admin/shop/product/"), Outcome::Saved { stays: false });
        assert_eq!(
            head(View::Version, 302, "/admin/shop/product/3/history/7/"),
            Outcome::Saved { stays: true }
        );
        assert_eq!(head(View::Version, 200, ""), Outcome::AskBody);
        assert_eq!(from_body(View::Version, Shown::Form), Outcome::NotSaved);
        assert_eq!(from_body(View::Version, Shown::Neither), Outcome::Unknown { may_land: false });
        assert_eq!(head(View::Other, 302, "../../3/change/"), Outcome::Saved { stays: false });
        assert_eq!(head(View::Other, 302, "/admin/shop/product/3/history/"), Outcome::Saved { stays: true });
        assert_eq!(head(View::Other, 302, "/admin/shop/product/3/x/change/"), Outcome::NotSaved);
        assert_eq!(head(View::Other, 200, ""), Outcome::Unknown { may_land: false });
    }

    #[test]
    fn buttons_of_a_form() {
        for (names, want) in [
            (&["name", "_save"][..], Pressed::Save),
            (&["name"], Pressed::Save),
            (&["name", "_saveasnew"], Pressed::SaveAsNew),
            (&["name", FORM_ACTION, "_selected_action", "index"], Pressed::Action),
            (&["name", FORM_ACTION, "_continue"], Pressed::Save),
        ] {
            assert_eq!(Pressed::of(names.iter().map(|name| (*name, ""))), want, "{names:?}");
        }
    }

    #[test]
    fn a_200_is_told_by_its_body() {
        assert_eq!(from_body(View::Change, Shown::Form), Outcome::NotSaved);
        assert_eq!(from_body(View::Change, Shown::PopupDone), Outcome::Saved { stays: false });
        assert_eq!(from_body(View::Change, Shown::Neither), Outcome::Unknown { may_land: false });
        assert_eq!(from_body(View::Delete, Shown::Neither), Outcome::NotSaved);
        assert_eq!(from_body(View::Delete, Shown::PopupDone), Outcome::Deleted);
    }
}
