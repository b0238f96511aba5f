//! What this proxy counts of itself: plain atomics, written to on the way and read by the operator's listener.
//!
//! Owns the names of what is counted and the labels, all of them known at compile time: nothing of an object, a person
//! or a path can become a label. How they are written down is `metrics/text.rs`'s.

mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub use text::{Now, Page};

/// A closed set of labels.
macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$of])* $variant,)* }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }
        }

        impl Label for $name {
            const ALL: &'static [Self] = $name::ALL;

            fn label(self) -> &'static str {
                $name::label(self)
            }

            fn number(self) -> usize {
                self as usize
            }
        }
    };
}

pub(crate) trait Label: Copy + 'static {
    const ALL: &'static [Self];
    fn label(self) -> &'static str;
    fn number(self) -> usize;
}

labels!(
    /// What a request is about.
    Class {
        /// The widget's own files.
        Asset = "asset",
        Socket = "socket",
        /// A POST to an object.
        Write = "write",
        ListWrite = "list_write",
        Form = "form",
        Login = "login",
        /// The rest of the admin.
        Admin = "admin",
        /// The rest of the site.
        Outside = "outside",
        /// What no proxy may pass on.
        Malformed = "malformed",
    }
);

labels!(
    /// What became of a write.
    Decision {
        Saved = "saved",
        SavedAsNew = "saved_as_new",
        Deleted = "deleted",
        NotSaved = "not_saved",
        Unknown = "unknown",
        Refused = "refused",
    }
);

labels!(
    /// Why a write was refused.
    Reason {
        Locked = "locked",
        Saving = "saving",
        Stale = "stale",
        Deleted = "deleted",
        Unfit = "page_unfit",
        Changed = "changed",
        Unseen = "unseen",
        Store = "store_down",
    }
);

labels!(
    /// How a lock came to somebody, or went.
    Transition {
        Granted = "granted",
        Moved = "moved",
        Released = "released",
        Saved = "saved",
        Expired = "expired",
        Idle = "idle",
        TimeUp = "time_up",
        HandedOver = "handed_over",
        TakenOver = "taken_over",
        ForceReleased = "force_released",
    }
);

labels!(
    /// Why Django gave no answer.
    UpstreamFault {
        Connect = "connect",
        ConnectTimeout = "connect_timeout",
        Broken = "broken",
        AnswerTimeout = "answer_timeout",
    }
);

labels!(
    /// Could the widget be put into a form?
    Injection {
        Done = "done",
        NotAPage = "not_a_page",
    }
);

/// One number a label.
pub(crate) struct Counters<L>(Box<[AtomicU64]>, std::marker::PhantomData<fn(L)>);

impl<L: Label> Default for Counters<L> {
    fn default() -> Self {
        Self(L::ALL.iter().map(|_| AtomicU64::new(0)).collect(), std::marker::PhantomData)
    }
}

impl<L: Label> Counters<L> {
    fn add(&self, label: L) {
        self.0[label.number()].fetch_add(1, Ordering::Relaxed);
    }

    fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
        L::ALL.iter().map(|label| (label.label(), self.0[label.number()].load(Ordering::Relaxed)))
    }
}

/// Upper ends of the buckets, in microseconds: from a page out of memory to a Django that hangs.
pub(crate) const BUCKETS: [u64; 11] =
    [5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000];

/// How long something took; the last bucket is for whatever took longer.
#[derive(Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BUCKETS.len() + 1],
    micros: AtomicU64,
}

impl Histogram {
    fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = BUCKETS.partition_point(|end| *end < micros);
        self.buckets[place].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

/// Every status code there is, 100 to 599.
const CODES: usize = 500;

struct Statuses(Box<[AtomicU64]>);

impl Default for Statuses {
    fn default() -> Self {
        Self((0..Class::ALL.len() * CODES).map(|_| AtomicU64::new(0)).collect())
    }
}

#[derive(Default)]
pub struct Metrics {
    statuses: Statuses,
    durations: [Histogram; Class::ALL.len()],
    writes: Counters<Decision>,
    blocked: Counters<Reason>,
    transitions: Counters<Transition>,
    upstream: Counters<UpstreamFault>,
    injections: Counters<Injection>,
    store: Histogram,
    store_errors: AtomicU64,
    audit_lines: AtomicU64,
    audit_dropped: AtomicU64,
    reload_failed: AtomicU64,
}

impl Metrics {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn request(&self, class: Class, status: u16, took: Duration) {
        let code = usize::from(status.clamp(100, 599)) - 100;
        self.statuses.0[class.number() * CODES + code].fetch_add(1, Ordering::Relaxed);
        self.durations[class.number()].add(took);
    }

    pub fn write(&self, decision: Decision) {
        self.writes.add(decision);
    }

    pub fn blocked(&self, reason: Reason) {
        self.writes.add(Decision::Refused);
        self.blocked.add(reason);
    }

    pub fn transition(&self, transition: Transition) {
        self.transitions.add(transition);
    }

    pub fn upstream_fault(&self, fault: UpstreamFault) {
        self.upstream.add(fault);
    }

    pub fn injection(&self, injection: Injection) {
        self.injections.add(injection);
    }

    pub fn store(&self, took: Duration, failed: bool) {
        self.store.add(took);
        if failed {
            self.store_errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn audit_line(&self) {
        self.audit_lines.fetch_add(1, Ordering::Relaxed);
    }

    pub fn audit_dropped(&self, lines: u64) {
        self.audit_dropped.fetch_add(lines, Ordering::Relaxed);
    }

    /// Whether the settings that were read last are the ones that hold.
    pub fn reloaded(&self, done: bool) {
        self.reload_failed.store(u64::from(!done), Ordering::Relaxed);
    }
}
