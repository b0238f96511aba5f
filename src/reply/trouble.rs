//! What became of a write that did not go through, and what may be done about it.

use crate::collab::command::Refusal;
use crate::http::upstream::UpstreamError;

/// Why a write was not (or perhaps not) carried out.
pub enum Trouble<'a> {
    Refused(&'a Refusal),
    /// Django shows something else than what the person saw, and no save through the proxy explains it.
    Changed,
    /// Whether Django shows something else could not be seen: it did not answer, or not with the form.
    Unseen,
    /// Django has no such object any more.
    Gone,
    /// Django said 403: the login has changed under the form, or the right to save is gone.
    Forbidden,
    /// Django asks to sign in first, at this address.
    SignedOut(String),
    /// The store of locks cannot be asked.
    Store,
    /// Nothing reached Django.
    NoDjango(UpstreamError),
    /// It reached Django, and no answer came back.
    Unknown(UpstreamError),
    /// Django, or something before it, answered with an error. `unknown`: nobody can tell whether it saved first.
    Failed {
        status: u16,
        unknown: bool,
    },
}

impl Trouble<'_> {
    /// Sending the form again from the page says "I have seen what is there now"; otherwise it is checked as
    /// before.
    pub fn is_conscious(&self) -> bool {
        match self {
            Self::Refused(refusal) => matches!(refusal, Refusal::Stale { .. } | Refusal::Unfit),
            Self::Changed | Self::Unknown(_) => true,
            Self::Failed { unknown, .. } => *unknown,
            Self::Gone
            | Self::Unseen
            | Self::Forbidden
            | Self::SignedOut(_)
            | Self::Store
            | Self::NoDjango(_) => false,
        }
    }

    /// Is there a present version to carry the changes over to?
    pub(super) fn can_apply(&self) -> bool {
        match self {
            Self::Refused(Refusal::Stale { deleted, .. }) => !deleted,
            Self::Refused(Refusal::Unfit)
            | Self::Changed
            | Self::Forbidden
            | Self::Unknown(_)
            | Self::Failed { .. } => true,
            Self::Refused(_)
            | Self::Gone
            | Self::Unseen
            | Self::SignedOut(_)
            | Self::Store
            | Self::NoDjango(_) => false,
        }
    }

    /// Somebody else is in the way, and will be gone again.
    pub(super) fn passes(&self) -> bool {
        matches!(self, Self::Refused(Refusal::Held { .. } | Refusal::Saving { .. }))
    }

    /// One word for scripts.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::Forbidden => "forbidden",
            Self::SignedOut(_) => "signed_out",
            Self::Unseen => "unseen",
            Self::Store => "store_down",
            Self::NoDjango(_) => "not_sent",
            Self::Unknown(_) | Self::Failed { unknown: true, .. } => "unknown",
            Self::Failed { .. } => "failed",
        }
    }
}
