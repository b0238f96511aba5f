//! Pins: how a write is asked for, kept on its way, and ended, by whoever carries it out.
//!
//! Owns how often and for how long each of these is tried. What a pin means is `collab::write`'s.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::collab::command::{Command, Outcome, Refusal, WriteEnd, WriteProof};
use crate::collab::record::{KEEP, Write};
use crate::django::object::ObjectKey;
use crate::http::upstream::UpstreamError;
use crate::socket::hub::Hub;
use crate::store::{Applied, StoreError};

/// How long a save waits for a list that has its row pinned, and perhaps does not change it.
const QUIET_WAIT: Duration = Duration::from_secs(5);
const QUIET_LOOK: Duration = Duration::from_millis(100);
/// How long a save waits for stores that begin anew, one after the other.
const RECALLED_WITHIN: Duration = Duration::from_secs(15);
/// A write is on its way no longer than this: an upload that drips in would pin its object for ever.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// Longer than any write, with the looks before and after it. What still renews then has lost its write.
const KEPT: Duration = LONGEST.saturating_add(Duration::from_secs(15 * 60));
/// A store that was away is told of a write on its way no later than this after it is back.
const SOON: Duration = Duration::from_millis(250);
/// Before each try to tell the store of a write's end.
pub(crate) const END_PAUSES: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(200), Duration::from_millis(1_000)];

/// Until when a save that comes now waits for lists that are being saved.
pub(crate) fn quiet_until() -> Instant {
    Instant::now() + QUIET_WAIT
}

/// What could not be told is told again so often, and for so long: longer than the pin lasts.
const LATER: Duration = Duration::from_secs(1);
const TRIED_FOR: Duration = Duration::from_secs(10 * 60);
/// As long as any page may be open that is older than that write: nothing else may know of it (`gate::outage`).
const TOLD_FOR: Duration = Duration::from_millis(KEEP);

/// Asks for a write. A list that is being saved pins all its rows, most of which it does not change
/// (`Write::quiet`). They cannot be let go before Django is done: it writes whatever differs from the list at that
/// moment, and would take a save in between back. So a save of such a row waits, and is judged by what the list did.
/// And a store that has just lost what it knew cannot judge anything yet (`Record::recalling`).
pub(crate) async fn begin(
    hub: &Arc<Hub>,
    key: &ObjectKey,
    begin: &Command,
    until: Instant,
) -> Result<Applied, StoreError> {
    let given_up = Instant::now() + RECALLED_WITHIN;
    loop {
        let applied = match hub.run(key, begin).await {
            Ok(applied) => applied,
            Err(error) => {
                take_back(hub, key, begin);
                return Err(error);
            }
        };
        let quiet = applied.step.record.write.as_ref().is_some_and(|write| write.quiet);
        match applied.step.outcome {
            Outcome::Refused(Refusal::Saving { .. }) if quiet && Instant::now() < until => {
                sleep(QUIET_LOOK).await;
            }
            Outcome::Recalling { until } if Instant::now() < given_up => {
                sleep(Duration::from_millis(until.saturating_sub(applied.now).max(1))).await;
            }
            Outcome::Recalling { .. } => {
                tracing::warn!(object = %key, "the store loses what it knew again and again");
                return Err(StoreError::Contended);
            }
            _ => return Ok(applied),
        }
    }
}

/// Writes on their way, by object.
pub(crate) type Pinned = Arc<Mutex<BTreeMap<ObjectKey, Write>>>;

/// Renews pins until it is dropped.
pub(crate) struct Keeping(JoinHandle<()>);

impl Drop for Keeping {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Renews these pins as long as their write is on its way; also those that are added later. A store that has forgotten one
/// hears of it again, within what it waits for that (`Rules::recall`). Not for ever: what has
/// been given up counts as a possible save, which is less bad than an object that nobody can save any more.
pub(crate) fn keep(hub: &Arc<Hub>, every: Duration, pinned: &Pinned) -> Keeping {
    let (hub, pinned) = (Arc::clone(hub), Arc::clone(pinned));
    Keeping(tokio::spawn(async move {
        let end = Instant::now() + KEPT;
        let mut pause = every;
        while Instant::now() < end {
            sleep(pause).await;
            pause = every;
            let now = pinned.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for (key, write) in now {
                // In a cluster one server may be away, and the others not.
                if let Err(error) = hub.run(&key, &Command::KeepWrite { write }).await {
                    // When it is back it may have forgotten it, and does not wait long to hear of it.
                    if std::mem::replace(&mut pause, every.min(SOON)) == every {
                        tracing::warn!(object = %key, %error, "a save on its way could not be renewed");
                    }
                }
            }
        }
    }))
}

/// Waits for Django to take a write and to answer it.
pub(crate) async fn carry<T>(
    sending: impl Future<Output = Result<T, UpstreamError>>,
) -> Result<T, UpstreamError> {
    timeout(LONGEST, sending).await.unwrap_or(Err(UpstreamError::AnswerTimeout(LONGEST)))
}

/// The store was asked for a write and did not answer: it may have granted it all the same. Asked once more for the same
/// write it says so, and hears that there was none.
fn take_back(hub: &Arc<Hub>, key: &ObjectKey, begin: &Command) {
    let Command::BeginWrite { id, person, proof } = begin else {
        return;
    };
    let page = match proof {
        WriteProof::Page { page, .. } => Some(page.clone()),
        WriteProof::None | WriteProof::Beside | WriteProof::Unfit => None,
    };
    let (hub, key, id, person) = (Arc::clone(hub), key.clone(), id.clone(), person.clone());
    tokio::spawn(async move {
        let until = Instant::now() + TRIED_FOR;
        while Instant::now() < until {
            sleep(LATER).await;
            match hub.store().read(&key).await {
                Ok(seen) => {
                    if let Some(write) = seen.record.write.filter(|write| write.id == id) {
                        let end =
                            Command::EndWrite { fence: write.fence, person, page, end: WriteEnd::NotSaved };
                        end_later(&hub, vec![(key, end)]);
                    }
                    return;
                }
                Err(error) => tracing::debug!(object = %key, %error, "the store is still away"),
            }
        }
    });
}

/// Goes on telling the store how writes ended: what was saved must not look for a minute as if it still were.
pub(crate) fn end_later(hub: &Arc<Hub>, ends: Vec<(ObjectKey, Command)>) {
    let hub = Arc::clone(hub);
    let ends: Vec<_> = ends.into_iter().map(|(key, end)| (hub.owe(&key), key, end)).collect();
    tokio::spawn(async move {
        let until = Instant::now() + TOLD_FOR;
        let mut ends = ends.into_iter().peekable();
        while let Some((_, key, end)) = ends.peek() {
            match hub.run(key, end).await {
                Ok(_) => {
                    tracing::info!(object = %key, "a write's end is stored at last");
                    ends.next();
                }
                Err(_) if Instant::now() >= until => return,
                Err(error) => {
                    tracing::debug!(object = %key, %error, "the store is still away");
                    sleep(LATER).await;
                }
            }
        }
    });
}

/// Tells the store how a write ended, more than once if need be; and goes on if it is away. What cannot be told at all
/// ends by itself, as a possible save.
pub(crate) async fn end(hub: &Arc<Hub>, key: &ObjectKey, end: &Command) -> Result<Applied, StoreError> {
    let mut tries = END_PAUSES.into_iter();
    loop {
        sleep(tries.next().unwrap_or_default()).await;
        match hub.run(key, end).await {
            Err(error) => {
                tracing::warn!(object = %key, %error, "a write's end could not be stored");
                if tries.len() == 0 {
                    end_later(hub, vec![(key.clone(), end.clone())]);
                    return Err(error);
                }
            }
            told => return told,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::collab::record::{Millis, Person, Rules};
    use crate::socket::hub::Sharing;
    use crate::store::{Memory, Store};
    use crate::token::Key;

    pub(crate) const PIN: Millis = 3_000;

    /// A hub whose time goes with tokio's.
    pub(crate) fn hub() -> Arc<Hub> {
        let clock = Clock::manual(1_000_000);
        let rules = Rules { pin: PIN, ..Rules::default() };
        let store = Store::Memory(Box::new(Memory::new(clock.clone(), rules.clone())));
        tokio::spawn(async move {
            loop {
                sleep(Duration::from_millis(50)).await;
                clock.advance(50);
            }
        });
        Hub::new(Arc::new(store), Key::new(b"k"), "n".into(), rules, Sharing::default())
    }

    pub(crate) fn person(name: &str) -> Person {
        Person { user: name.into(), name: name.to_owned() }
    }

    fn wanted(who: &str, proof: WriteProof) -> Command {
        Command::BeginWrite { id: who.into(), person: person(who), proof }
    }

    pub(crate) async fn granted(hub: &Arc<Hub>, key: &ObjectKey, who: &str, proof: WriteProof) -> Write {
        let step = begin(hub, key, &wanted(who, proof), quiet_until()).await.unwrap().step;
        assert!(matches!(step.outcome, Outcome::Granted { .. }), "{:?}", step.outcome);
        step.record.write.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_save_waits_for_a_list_and_is_judged_by_what_it_did() {
        let key = ObjectKey::new("shop", "product", "3");
        for (how, good) in [(WriteEnd::NotSaved, true), (WriteEnd::Saved { stays: true }, false)] {
            let hub = hub();
            let version = hub.store().read(&key).await.unwrap().record.version;
            let fence = granted(&hub, &key, "bob", WriteProof::Beside).await.fence;
            let (waits, at) = (Arc::clone(&hub), key.clone());
            let proof = WriteProof::Page { page: "p".into(), version };
            let waiting =
                tokio::spawn(async move { begin(&waits, &at, &wanted("ada", proof), quiet_until()).await });
            sleep(Duration::from_secs(2)).await;
            assert!(!waiting.is_finished());
            let ended = Command::EndWrite { fence, person: person("bob"), page: None, end: how };
            end(&hub, &key, &ended).await.unwrap();
            let outcome = waiting.await.unwrap().unwrap().step.outcome;
            assert_eq!(matches!(outcome, Outcome::Granted { .. }), good, "{outcome:?}");
            assert_eq!(matches!(outcome, Outcome::Refused(Refusal::Stale { .. })), !good, "{outcome:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_nor_for_a_save_that_is_one() {
        let hub = hub();
        let key = ObjectKey::new("shop", "product", "3");
        for (proof, wait) in [(WriteProof::Beside, QUIET_WAIT), (WriteProof::None, Duration::ZERO)] {
            let write = granted(&hub, &key, "bob", proof).await;
            let fence = write.fence;
            let pinned = Pinned::default();
            pinned.lock().unwrap().insert(key.clone(), write);
            let keeping = keep(&hub, Duration::from_millis(PIN / 3), &pinned);
            let asked = Instant::now();
            let answer = begin(&hub, &key, &wanted("ada", WriteProof::None), quiet_until()).await.unwrap();
            assert!(matches!(answer.step.outcome, Outcome::Refused(Refusal::Saving { own: false, .. })));
            let waited = asked.elapsed();
            assert!(waited >= wait && waited < wait + QUIET_LOOK * 2, "{waited:?}");
            drop(keeping);
            let ended =
                Command::EndWrite { fence, person: person("bob"), page: None, end: WriteEnd::NotSaved };
            end(&hub, &key, &ended).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pin_is_not_renewed_for_ever() {
        let hub = hub();
        let key = ObjectKey::new("shop", "product", "3");
        let write = granted(&hub, &key, "bob", WriteProof::None).await;
        let pinned = Pinned::default();
        pinned.lock().unwrap().insert(key.clone(), write);
        let _keeping = keep(&hub, Duration::from_millis(PIN / 3), &pinned);
        let never: Result<(), _> = carry(std::future::pending()).await;
        assert!(never.is_err_and(|error| !error.never_sent()));
        let kept = hub.run(&key, &Command::Tick).await.unwrap().step.record;
        assert!(kept.write.is_some(), "as long as the write may take");
        sleep(KEPT - LONGEST + Duration::from_millis(2 * PIN)).await;
        let given_up = hub.run(&key, &Command::Tick).await.unwrap().step.record;
        assert!(given_up.write.is_none() && given_up.uncertain);
    }
}
