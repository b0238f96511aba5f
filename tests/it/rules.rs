//! The lock's rules as tables and as properties, on the pure function alone.

use std::collections::BTreeSet;

use collab_proxy::collab::command::{Cause, Command, Event, Outcome, Refusal, WriteEnd, WriteProof};
use collab_proxy::collab::handover::{Answer, askers};
use collab_proxy::collab::lock::{Step, apply, deadline};
use collab_proxy::collab::record::{
    Millis, NodeId, Page, PageId, Person, Record, RequestId, Rules, Takeover, Waiter,
};
use collab_proxy::token::UNKNOWN_VERSION;
use proptest::prelude::*;

pub(crate) const EPOCH: Millis = 1_000;

pub(crate) fn rules() -> Rules {
    Rules::default()
}

pub(crate) fn person(user: &str) -> Person {
    Person { user: user.into(), name: format!("Name of {user}") }
}

pub(crate) fn page(user: &str, id: &str, version: Millis) -> Page {
    Page { id: id.into(), person: person(user), version }
}

/// A record, its time, and the steps taken.
pub(crate) struct Bench {
    pub(crate) record: Record,
    pub(crate) now: Millis,
    pub(crate) rules: Rules,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(rules())
    }

    pub(crate) fn with(rules: Rules) -> Self {
        Self { record: Record::fresh(EPOCH), now: EPOCH, rules }
    }

    pub(crate) fn run(&mut self, command: Command) -> Step {
        let step = apply(&self.record, self.now, &command, &self.rules);
        self.record = step.record.clone();
        step
    }

    pub(crate) fn join(&mut self, user: &str, id: &str) -> Outcome {
        let page = page(user, id, self.record.version);
        self.run(Command::Join { page }).outcome
    }

    pub(crate) fn begin(&mut self, user: &str, proof: WriteProof) -> Outcome {
        let id = RequestId::from(format!("{user}-{}", self.now));
        self.run(Command::BeginWrite { id, person: person(user), proof }).outcome
    }

    pub(crate) fn end(&mut self, user: &str, id: Option<&str>, end: WriteEnd) -> Step {
        let fence = self.record.write.as_ref().unwrap().fence;
        self.run(Command::EndWrite { fence, person: person(user), page: id.map(PageId::from), end })
    }

    pub(crate) fn holder(&self) -> Option<&str> {
        self.record.holder.as_ref().map(|h| h.page.id.as_str())
    }

    pub(crate) fn wait(&mut self, by: Millis) -> Step {
        self.now += by;
        self.run(Command::Tick)
    }
}

pub(crate) fn proof(id: &str, version: Millis) -> WriteProof {
    WriteProof::Page { page: id.into(), version }
}

/// A store that has just lost what it knew lets no save through before the proxies had time to say what they know; a save
/// that is on its way is known again by then.
#[test]
fn after_a_loss_saves_wait_for_what_others_know() {
    let begun = || {
        let mut bench = Bench::with(Rules { recall: 4_000, ..rules() });
        bench.record.doubtful = Some(EPOCH);
        bench.now = EPOCH + 3_999;
        bench
    };
    let until = EPOCH + 4_000;
    let mut bench = begun();
    for shown in [proof("p", EPOCH), proof("p", EPOCH - 1), WriteProof::None, WriteProof::Beside] {
        assert_eq!(bench.begin("ada", shown), Outcome::Recalling { until });
    }
    assert_eq!(bench.record.write, None);
    bench.now = until;
    assert!(matches!(bench.begin("ada", proof("p", EPOCH)), Outcome::Granted { .. }));
    assert!(bench.record.doubtful.is_some(), "until something is saved");
    // The save of before is told of.
    let write = bench.record.write.clone().unwrap();
    let mut bench = begun();
    bench.run(Command::KeepWrite { write: write.clone() });
    bench.now = until;
    assert!(matches!(
        bench.begin("bob", proof("p", EPOCH)),
        Outcome::Refused(Refusal::Saving { own: false, .. })
    ));
    assert_eq!(
        bench.record.write.as_ref().map(|w| (w.fence, w.deadline)),
        Some((write.fence, EPOCH + 3_999 + bench.rules.pin))
    );
    bench.end("ada", Some("p"), WriteEnd::Saved { stays: true });
    assert!(matches!(bench.begin("bob", proof("q", EPOCH)), Outcome::Refused(Refusal::Stale { .. })));
    // What has ended, or was given up, does not come back.
    bench.run(Command::KeepWrite { write });
    assert_eq!(bench.record.write, None);
    bench.begin("bob", WriteProof::None);
    let write = bench.record.write.clone().unwrap();
    bench.wait(bench.rules.pin);
    bench.run(Command::KeepWrite { write });
    assert_eq!(bench.record.write, None);
}

/// Who held and who waited is known again before anybody who comes in anew gets the lock; after that time it is too late.
#[test]
fn after_a_loss_nobody_is_robbed() {
    let recalls = Rules { recall: 4_000, ..rules() };
    let mut before = Bench::with(recalls.clone());
    before.join("ada", "a");
    before.join("bob", "b");
    before.run(Command::Input { page: "a".into(), dirty: true });
    let known = || Box::new(before.record.clone());
    let lost = EPOCH + 20_000;
    let begun = || {
        let mut bench = Bench::with(recalls.clone());
        bench.record = Record { doubtful: Some(lost), ..Record::fresh(lost) };
        bench.now = lost + 1_000;
        bench
    };
    let people = |bench: &Bench| -> (Option<String>, Vec<String>) {
        let line = bench.record.queue.iter().map(|w| w.page.id.as_str().to_owned());
        (bench.holder().map(str::to_owned), line.collect())
    };
    let held = |line: &[&str]| (Some("a".to_owned()), line.iter().map(|&p| p.to_owned()).collect::<Vec<_>>());
    // Told at once, and once more by another proxy.
    let mut bench = begun();
    for _ in 0..2 {
        bench.run(Command::Restore { known: known() });
        assert_eq!(people(&bench), held(&["b"]));
    }
    assert_eq!(
        (bench.record.version, bench.record.doubtful),
        (EPOCH, Some(lost)),
        "her page fits, and is checked"
    );
    assert!(
        bench.record.holder.as_ref().is_some_and(|h| h.dirty && h.lease_end == bench.now + bench.rules.lease)
    );
    // Two came in before that.
    let mut bench = begun();
    for (user, id, place) in [("carol", "c", 1), ("bob", "b2", 2)] {
        assert_eq!(bench.join(user, id), Outcome::Waiting(place));
    }
    bench.run(Command::Restore { known: known() });
    assert_eq!(people(&bench), held(&["b", "c"]), "one place a person, the older one");
    // Nobody says anything: when the time is over, the first who came has it.
    let mut bench = begun();
    bench.join("carol", "c");
    assert_eq!(deadline(&bench.record, &bench.rules), Some(lost + 4_000));
    assert_eq!(people(&bench), (None, vec!["c".to_owned()]));
    bench.wait(3_000);
    assert_eq!(people(&bench), (Some("c".to_owned()), Vec::new()));
    bench.run(Command::Restore { known: known() });
    assert_eq!(people(&bench), (Some("c".to_owned()), Vec::new()), "too late");
    // A save that had ended by then, and of which nobody says any more that it is on its way, does not stay.
    let mut saving = Bench::with(recalls.clone());
    saving.join("ada", "a");
    saving.begin("ada", proof("a", EPOCH));
    let carried = saving.record.write.clone().unwrap();
    for alive in [false, true] {
        let mut bench = begun();
        bench.run(Command::Restore { known: Box::new(saving.record.clone()) });
        assert!(bench.record.write.is_some());
        if alive {
            bench.run(Command::KeepWrite { write: carried.clone() });
        }
        bench.wait(3_000);
        assert_eq!((bench.record.write.is_some(), bench.record.uncertain), (alive, !alive));
    }
    // A store that has lost nothing is not told what it once was.
    let mut bench = Bench::with(recalls.clone());
    bench.join("dora", "d");
    let now = bench.record.clone();
    bench.run(Command::Restore { known: known() });
    assert_eq!(bench.record, now);
}

/// The lock passes on at once; the next save waits for what its last editor's proxy may have to say, and is checked.
#[test]
fn what_a_cut_off_editor_may_have_saved_is_waited_for() {
    let recalls = Rules { recall: 4_000, takeover: Takeover::Always, ..rules() };
    let mut taken = Bench::with(recalls.clone());
    taken.join("ada", "a");
    taken.run(Command::TakeOver { page: page("bob", "b", EPOCH) });
    let mut freed = Bench::with(recalls.clone());
    freed.join("ada", "a");
    freed.join("bob", "b");
    freed.run(Command::ForceRelease { user: None, reason: None, operator: None });
    for mut bench in [taken, freed] {
        assert_eq!(bench.holder(), Some("b"));
        assert_eq!(bench.begin("bob", proof("b", EPOCH)), Outcome::Recalling { until: EPOCH + 4_000 });
        bench.wait(4_000);
        assert!(matches!(bench.begin("bob", proof("b", EPOCH)), Outcome::Granted { .. }));
        assert!(bench.record.is_unsure());
        bench.end("bob", Some("b"), WriteEnd::Saved { stays: true });
        assert!(bench.record.is_unsure(), "Ada's may land after it");
        // By then her lease has ended, and Django has answered whatever went by it.
        bench.run(Command::Release { page: "b".into() });
        bench.wait(bench.rules.lease + bench.rules.pin);
        let version = bench.record.version;
        bench.join("bob", "c");
        assert!(matches!(bench.begin("bob", proof("c", version)), Outcome::Granted { .. }));
        bench.end("bob", Some("c"), WriteEnd::Saved { stays: true });
        assert!(!bench.record.is_unsure());
    }
    // Whoever gives it up says so through the store; and one process is never cut off from itself.
    let mut bench = Bench::with(recalls);
    bench.join("ada", "a");
    bench.run(Command::Release { page: "a".into() });
    assert!(!bench.record.is_unsure());
    let mut bench = Bench::new();
    bench.join("ada", "a");
    bench.run(Command::ForceRelease { user: None, reason: None, operator: None });
    assert!(!bench.record.is_unsure());
}

/// A page that was rendered while the store was away has to be loaded again. Its person is here, and is given the time; but
/// no longer than the lease.
#[test]
fn a_page_of_an_outage_gives_its_person_the_time_to_load_it_again() {
    let mut bench = Bench::new();
    bench.join("ada", "a");
    bench.join("bob", "b");
    let lease_end = bench.record.holder.as_ref().unwrap().lease_end;
    bench.run(Command::Leave { page: "a".into() });
    let grace = bench.rules.grace;
    let back = |bench: &mut Bench, user: &str| {
        let page = page(user, "blind", UNKNOWN_VERSION);
        bench.run(Command::Join { page }).outcome
    };
    bench.wait(grace - 1);
    assert_eq!(back(&mut bench, "ada"), Outcome::Viewer);
    bench.wait(grace - 1);
    assert_eq!(bench.holder(), Some("a"));
    // Somebody else's does nothing.
    assert_eq!(back(&mut bench, "bob"), Outcome::Viewer);
    bench.wait(1);
    assert_eq!(bench.holder(), Some("b"));
    // However often she comes.
    let mut bench = Bench::new();
    bench.join("ada", "a");
    bench.run(Command::Leave { page: "a".into() });
    while bench.now + grace < lease_end {
        bench.wait(grace / 2);
        back(&mut bench, "ada");
        assert_eq!(bench.holder(), Some("a"));
    }
    bench.wait(2 * grace);
    assert_eq!(bench.holder(), None);
}

/// A lease that ends without a word: its proxy may have been cut off, and have let its editor save.
#[test]
fn who_comes_after_a_silent_editor_waits_for_what_there_is_to_say() {
    let mut bench = Bench::with(Rules { recall: 4_000, ..rules() });
    bench.join("ada", "a");
    bench.now += bench.rules.lease - 1;
    bench.join("bob", "b");
    bench.wait(1);
    let ended = bench.now;
    assert_eq!((bench.holder(), bench.record.doubtful), (None, Some(ended)));
    assert!(matches!(bench.begin("bob", proof("b", EPOCH)), Outcome::Recalling { .. }));
    bench.wait(4_000);
    assert_eq!(bench.holder(), Some("b"));
    assert!(bench.record.doubtful.is_some(), "what is saved is checked");
    // Whoever leaves, or is given time to come back, is not silent.
    let mut bench = Bench::with(Rules { recall: 4_000, ..rules() });
    bench.join("ada", "a");
    bench.run(Command::Leave { page: "a".into() });
    bench.wait(bench.rules.grace);
    assert_eq!((bench.holder(), bench.record.doubtful), (None, None));
}

/// The table at the top of `collab/write.rs`, row by row.
#[test]
fn the_gates_table() {
    #[derive(Debug)]
    enum State {
        Free,
        Mine,
        Others,
        OthersWrite,
    }
    #[derive(Debug, PartialEq)]
    enum Want {
        Grant,
        Locked,
        Stale,
        Unfit,
    }
    use State::*;
    use Want::*;
    type Row = (State, fn(Millis) -> WriteProof, Want);
    let current = |v| proof("p", v);
    let stale = |v| proof("p", v - 1);
    let ahead = |v| proof("p", v + 1);
    let none = |_| WriteProof::None;
    let unfit = |_| WriteProof::Unfit;
    let table: Vec<Row> = vec![
        (Free, current, Grant),
        (Free, none, Grant),
        (Free, stale, Stale),
        (Free, ahead, Stale),
        (Free, unfit, Unfit),
        (Mine, current, Grant),
        (Mine, none, Grant),
        (Mine, stale, Stale),
        (Mine, unfit, Unfit),
        (Others, current, Locked),
        (Others, none, Locked),
        (Others, stale, Locked),
        (Others, unfit, Locked),
        (OthersWrite, current, Locked),
        (OthersWrite, none, Locked),
        (OthersWrite, stale, Locked),
        (OthersWrite, unfit, Locked),
    ];
    for (state, proof, want) in table {
        let mut bench = Bench::new();
        match state {
            Free => {}
            Mine => assert_eq!(bench.join("ada", "p"), Outcome::Editor),
            Others => assert_eq!(bench.join("bob", "q"), Outcome::Editor),
            OthersWrite => assert!(matches!(bench.begin("bob", WriteProof::None), Outcome::Granted { .. })),
        }
        let proof = proof(bench.record.version);
        let shown = format!("{state:?} {proof:?}");
        let got = match bench.begin("ada", proof) {
            Outcome::Granted { .. } => Grant,
            Outcome::Refused(Refusal::Held { .. } | Refusal::Saving { .. }) => Locked,
            Outcome::Refused(Refusal::Stale { .. }) => Stale,
            Outcome::Refused(Refusal::Unfit) => Unfit,
            other => panic!("{shown}: {other:?}"),
        };
        assert_eq!(got, want, "{shown}");
    }
}

#[test]
fn first_come_first_served() {
    let mut bench = Bench::new();
    assert_eq!(bench.join("ada", "a"), Outcome::Editor);
    assert_eq!(bench.join("bob", "b"), Outcome::Waiting(1));
    assert_eq!(bench.join("cyd", "c"), Outcome::Waiting(2));
    bench.run(Command::Release { page: "a".into() });
    assert_eq!(bench.holder(), Some("b"));
    bench.run(Command::Release { page: "b".into() });
    assert_eq!(bench.holder(), Some("c"));
}

#[test]
fn a_reload_keeps_the_lock_and_the_place() {
    let mut bench = Bench::new();
    bench.join("ada", "a");
    bench.join("bob", "b");
    bench.join("cyd", "c");
    bench.run(Command::Leave { page: "a".into() });
    bench.run(Command::Leave { page: "b".into() });
    bench.wait(rules().grace - 1);
    assert_eq!(bench.join("ada", "a2"), Outcome::Editor);
    assert_eq!(bench.join("bob", "b2"), Outcome::Waiting(1));
    assert_eq!(bench.holder(), Some("a2"));
}

#[test]
fn who_does_not_come_back_is_followed_by_the_next() {
    let mut bench = Bench::new();
    bench.join("ada", "a");
    bench.join("bob", "b");
    bench.run(Command::Leave { page: "a".into() });
    let step = bench.wait(rules().grace);
    assert_eq!(
        step.events,
        [Event::Lost { page: "a".into(), cause: Cause::Expired, by: None, reason: None }]
    );
    assert_eq!(bench.holder(), Some("b"));
}

#[test]
fn a_silent_proxys_lock_ends_with_its_lease() {
    let mut bench = Bench::new();
    bench.join("ada", "a");
    bench.wait(rules().lease - 1);
    assert_eq!(bench.holder(), Some("a"));
    let touch = Command::Touch { node: NodeId::from("n"), pages: vec!["a".into()], viewers: 0 };
    bench.run(touch);
    bench.wait(rules().lease - 1);
    assert_eq!(bench.holder(), Some("a"), "renewed");
    bench.wait(1);
    assert_eq!(bench.holder(), None);
}

#[test]
fn a_page_from_before_the_last_save_must_load_again() {
    let mut bench = Bench::new();
    bench.join("ada", "a");
    bench.join("bob", "b");
    let before = bench.record.version;
    bench.begin("ada", proof("a", before));
    bench.now += 10;
    bench.end("ada", Some("a"), WriteEnd::Saved { stays: false });
    let holder = bench.record.holder.clone().unwrap();
    assert_eq!((holder.page.id.as_str(), holder.away), ("b", Some(bench.now + rules().turn)), "his turn");
    assert_eq!(bench.run(Command::Join { page: page("bob", "b", before) }).outcome, Outcome::Viewer);
    assert_eq!(bench.join("cyd", "c"), Outcome::Waiting(1), "kept for bob");
    assert_eq!(bench.join("bob", "b2"), Outcome::Editor);
}

#[test]
fn who_misses_the_turn_is_followed_by_the_next() {
    let mut bench = Bench::new();
    bench.join("ada", "a");
    bench.join("bob", "b");
    bench.begin("ada", WriteProof::None);
    bench.end("ada", None, WriteEnd::Saved { stays: false });
    bench.join("cyd", "c");
    bench.wait(rules().turn);
    assert_eq!(bench.holder(), Some("c"));
}

#[test]
fn save_and_continue_and_errors_keep_the_lock() {
    for end in [
        WriteEnd::Saved { stays: true },
        WriteEnd::NotSaved,
        WriteEnd::SavedAsNew,
        WriteEnd::Unknown { may_land: false },
    ] {
        let mut bench = Bench::new();
        bench.join("ada", "a");
        bench.join("bob", "b");
        let base = bench.record.version;
        bench.begin("ada", proof("a", base));
        // The browser has left the page to wait for the answer, and Django takes its time.
        bench.run(Command::Leave { page: "a".into() });
        bench.wait(rules().lease + 5);
        bench.end("ada", Some("a"), end);
        let stays = matches!(end, WriteEnd::NotSaved | WriteEnd::SavedAsNew);
        assert_eq!(bench.record.version == base, stays, "{end:?}");
        bench.wait(rules().grace - 1);
        assert_eq!(bench.join("ada", "a2"), Outcome::Editor, "{end:?}");
    }
}

#[test]
fn nobody_is_let_in_while_a_save_is_on_its_way() {
    let mut bench = Bench::new();
    bench.join("ada", "a");
    bench.join("bob", "b");
    bench.begin("ada", proof("a", EPOCH));
    bench.run(Command::ForceRelease { user: None, reason: None, operator: None });
    assert_eq!(bench.holder(), None, "the operator frees the lock, but not the pin");
    let refused = bench.begin("bob", proof("b", EPOCH));
    assert!(matches!(refused, Outcome::Refused(Refusal::Saving { .. })), "{refused:?}");
    bench.end("ada", Some("a"), WriteEnd::NotSaved);
    assert_eq!(bench.holder(), Some("b"));
}

#[test]
fn a_lost_proxys_save_counts_as_one_and_the_next_is_told() {
    let mut bench = Bench::new();
    bench.join("ada", "a");
    bench.begin("ada", proof("a", EPOCH));
    let fence = bench.record.write.as_ref().unwrap().fence;
    let step = bench.wait(rules().pin);
    assert!(matches!(step.events[..], [Event::Saved { .. }, ..]), "{:?}", step.events);
    assert!(bench.record.uncertain);
    assert!(bench.record.version > EPOCH);
    let late =
        Command::EndWrite { fence, person: person("ada"), page: None, end: WriteEnd::Saved { stays: false } };
    let version = bench.record.version;
    bench.run(late);
    assert!(bench.record.version > version && !bench.record.uncertain, "the truth came late, and counts");
}

#[test]
fn the_same_person_elsewhere() {
    let mut bench = Bench::new();
    bench.join("ada", "a");
    assert_eq!(bench.join("ada", "a2"), Outcome::Viewer, "the first page lives");
    let step = bench.run(Command::Claim { page: page("ada", "a2", EPOCH) });
    assert_eq!(step.outcome, Outcome::Editor);
    assert_eq!(step.events, [Event::Lost { page: "a".into(), cause: Cause::Moved, by: None, reason: None }]);
    bench.run(Command::Leave { page: "a2".into() });
    assert_eq!(bench.join("ada", "a"), Outcome::Editor, "without asking, as the other page is gone");
}

#[test]
fn deletion_ends_everything() {
    let mut bench = Bench::new();
    bench.join("ada", "a");
    bench.join("bob", "b");
    bench.begin("ada", WriteProof::None);
    let step = bench.end("ada", None, WriteEnd::Deleted);
    assert!(step.events.iter().any(|e| matches!(e, Event::Deleted { .. })));
    assert!(!bench.record.is_live() && bench.record.deleted);
    assert_eq!(bench.join("cyd", "c"), Outcome::Editor, "made again under the same key");
    assert!(!bench.record.deleted);
}

#[test]
fn an_operator_frees_only_whom_they_name() {
    let mut bench = Bench::new();
    bench.join("ada", "a");
    let step = bench.run(Command::ForceRelease { user: Some("bob".into()), reason: None, operator: None });
    assert_eq!(step.outcome, Outcome::Freed(None));
    let step = bench.run(Command::ForceRelease { user: Some("ada".into()), reason: None, operator: None });
    assert!(matches!(step.outcome, Outcome::Freed(Some(_))));
    assert_eq!(
        step.events,
        [Event::Lost { page: "a".into(), cause: Cause::Operator, by: None, reason: None }]
    );
}

/// Her socket is away, or its proxy is: she is told when she is back, and not given the lock before she has read it.
#[test]
fn an_operators_reason_waits_for_who_was_away() {
    let reason = "Prices are imported";
    let mut bench = Bench::new();
    bench.join("ada", "a");
    bench.run(Command::Leave { page: "a".into() });
    bench.run(Command::ForceRelease { user: None, reason: Some(reason.to_owned()), operator: None });
    let back = Command::Join { page: page("ada", "a", EPOCH) };
    let step = bench.run(back.clone());
    assert_eq!(step.outcome, Outcome::Viewer);
    assert_eq!(step.events, [Event::ToldLate { page: "a".into(), reason: reason.to_owned() }]);
    // Once.
    assert_eq!(bench.run(back.clone()).outcome, Outcome::Editor);
    // Who edits again by their own wish has read it; and of another page nothing is kept.
    bench.run(Command::ForceRelease { user: None, reason: Some(reason.to_owned()), operator: None });
    assert_eq!(bench.run(Command::Claim { page: page("ada", "a", EPOCH) }).outcome, Outcome::Editor);
    assert_eq!(bench.record.operator_ended, None);
    bench.run(Command::ForceRelease { user: None, reason: Some(reason.to_owned()), operator: None });
    assert_eq!(bench.join("bob", "b"), Outcome::Editor);
    assert_eq!(bench.run(back).outcome, Outcome::Viewer);
    // Without a word there is nothing to wait for.
    bench.run(Command::ForceRelease { user: None, reason: None, operator: None });
    assert_eq!(bench.record.operator_ended, None);
}

// ---- properties

/// What may happen, by small numbers: users 0..3, their pages, and time.
#[derive(Clone, Debug)]
enum Act {
    Render(usize),
    Join(usize),
    Claim(usize),
    Touch(usize),
    Input(usize),
    Leave(usize),
    Release(usize),
    Ask(usize),
    Answer(usize, Answer),
    TakeOver(usize),
    PassOn(usize),
    Free,
    /// A post of this page.
    Begin(usize, Proof),
    /// Django writes the row.
    Land,
    /// The proxy hears how it ended.
    End(Heard),
    Wait(Millis),
}

/// What a post shows of the page that it came from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Proof {
    Token,
    None,
    /// Of a list that carries the row along.
    Beside,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Heard {
    Saved {
        stays: bool,
    },
    /// What was typed became another object, if nothing landed here.
    AsNew,
    Deleted,
    Gone,
    Lost {
        may_land: bool,
    },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let page = 0..12_usize;
    let act = prop_oneof![
        3 => (0..3_usize).prop_map(Act::Render),
        4 => page.clone().prop_map(Act::Join),
        1 => page.clone().prop_map(Act::Claim),
        2 => page.clone().prop_map(Act::Touch),
        1 => page.clone().prop_map(Act::Input),
        2 => page.clone().prop_map(Act::Leave),
        1 => page.clone().prop_map(Act::Release),
        3 => page.clone().prop_map(Act::Ask),
        2 => (page.clone(), prop_oneof![Just(Answer::Now), Just(Answer::Later), Just(Answer::No)])
            .prop_map(|(p, answer)| Act::Answer(p, answer)),
        3 => page.clone().prop_map(Act::TakeOver),
        1 => page.clone().prop_map(Act::PassOn),
        1 => Just(Act::Free),
        4 => (page, prop_oneof![4 => Just(Proof::Token), 3 => Just(Proof::None), 1 => Just(Proof::Beside)])
            .prop_map(|(p, proof)| Act::Begin(p, proof)),
        3 => Just(Act::Land),
        3 => prop_oneof![
            8 => any::<bool>().prop_map(|stays| Heard::Saved { stays }),
            1 => Just(Heard::AsNew),
            1 => Just(Heard::Deleted),
            1 => Just(Heard::Gone),
            1 => any::<bool>().prop_map(|may_land| Heard::Lost { may_land }),
        ]
        .prop_map(Act::End),
        5 => prop_oneof![1..50_u64, 1_000..5_000_u64, 1_000..20_000_u64, Just(31_000), Just(66_000)].prop_map(Act::Wait),
    ];
    prop::collection::vec(act, 1..60)
}

/// Sites differ; the times are short, so that much happens.
fn policies() -> impl Strategy<Value = Rules> {
    let takeover = prop_oneof![Just(Takeover::Off), Just(Takeover::AfterRequest), Just(Takeover::Always)];
    let users = prop_oneof![Just(Vec::new()), Just(vec!["u1".into()])];
    let limit = |millis: Millis| prop_oneof![Just(0), Just(millis)];
    (takeover, users, limit(6_000), limit(12_000)).prop_map(
        |(takeover, takeover_users, idle_after, max_hold)| Rules {
            takeover,
            takeover_users,
            idle_after,
            max_hold,
            idle_warning: 2_000,
            answer_within: 3_000,
            handover_later: 4_000,
            ask_again: 2_000,
            ..rules()
        },
    )
}

struct Rendered {
    page: Page,
    /// The row as Django showed it.
    row: u64,
}

/// A write inside Django.
struct Flight {
    fence: u64,
    user: String,
    page: Option<usize>,
    landed: bool,
}

/// Everything together: people, the record, and Django's row, which counts its writes.
struct World {
    bench: Bench,
    pages: Vec<Rendered>,
    row: u64,
    flight: Option<Flight>,
    fences: u64,
    steps: u64,
    /// Pages that lost the lock and may hold unsaved work.
    losers: BTreeSet<String>,
}

impl World {
    fn new(rules: Rules) -> Self {
        let (bench, losers) = (Bench::with(rules), BTreeSet::new());
        Self { bench, pages: Vec::new(), row: 0, flight: None, fences: 0, steps: 0, losers }
    }

    fn act(&mut self, act: &Act) {
        self.steps += 1;
        let page = |i: &usize| self.pages.get(*i).map(|r| r.page.clone());
        let command = match act {
            Act::Render(user) => {
                let id = format!("p{}", self.pages.len());
                let page = page_of(*user, &id, self.bench.record.version);
                self.pages.push(Rendered { page, row: self.row });
                return;
            }
            Act::Join(i) => page(i).map(|page| Command::Join { page }),
            Act::Claim(i) => page(i).map(|page| Command::Claim { page }),
            Act::Touch(i) => {
                page(i).map(|p| Command::Touch { node: "n".into(), pages: vec![p.id], viewers: 1 })
            }
            Act::Input(i) => page(i).map(|p| Command::Input { page: p.id, dirty: true }),
            Act::Leave(i) => page(i).map(|p| Command::Leave { page: p.id }),
            Act::Release(i) => page(i).map(|p| Command::Release { page: p.id }),
            Act::Ask(i) => page(i).map(|p| Command::Ask { page: p.id }),
            Act::Answer(i, answer) => page(i).map(|p| Command::Answer { page: p.id, answer: *answer }),
            Act::TakeOver(i) => page(i).map(|page| Command::TakeOver { page }),
            Act::PassOn(i) => page(i).map(|p| Command::PassOn { page: p.id }),
            Act::Free => Some(Command::ForceRelease { user: None, reason: None, operator: None }),
            Act::Begin(i, shown) => return self.begin(*i, *shown),
            Act::Land => return self.land(),
            Act::End(heard) => return self.end(*heard),
            Act::Wait(by) => {
                self.bench.now += by;
                Some(Command::Tick)
            }
        };
        if let Some(command) = command {
            self.run(command);
        }
    }

    fn run(&mut self, command: Command) -> Step {
        let before = self.bench.record.clone();
        let idle = apply(&before, self.bench.now, &Command::Tick, &self.bench.rules).record;
        let step = self.bench.run(command.clone());
        let after = &step.record;
        self.check_handover(&before, &idle, &command, &step);
        assert!(after.version >= before.version, "the version went back");
        assert!(after.fence >= before.fence, "the fence went back");
        assert_eq!(step.changed, after.revision > before.revision, "the revision tells of every change");
        if let Some(at) = deadline(after, &self.bench.rules) {
            assert!(at > self.bench.now, "a deadline in the past: nobody would ever stop looking");
        }
        let (old, new) = (before.holder.as_ref().map(|h| h.fence), after.holder.as_ref());
        if let Some(new) = new.filter(|h| Some(h.fence) != old) {
            assert!(new.fence > self.fences, "a fencing number twice");
            self.fences = new.fence;
            // First come, first served: nobody who waited longer still waits.
            assert!(new.away.is_some() || new.page.version == after.version, "a stale page became editor");
            let taken = matches!(&command, Command::TakeOver { page } if page.id == new.page.id);
            if let Some(place) = before.queue.iter().find(|w| w.page.id == new.page.id) {
                let passed_over = after.queue.iter().any(|w| w.since < place.since);
                assert!(taken || !passed_over, "somebody was passed over");
            }
            // Beside a list's pin the lock may move between pages of the one who has it.
            let user = &new.page.person.user;
            let moved = before.holder.as_ref().is_some_and(|h| h.page.person.user == *user);
            assert!(
                after.write.as_ref().is_none_or(|w| w.person.user == *user || (moved && w.quiet)),
                "let in during a save"
            );
        }
        if let (Some(a), Some(b)) = (&before.holder, &after.holder)
            && a.fence == b.fence
            && matches!(command, Command::Touch { .. })
        {
            assert!(b.lease_end >= a.lease_end, "renewing shortened the lease");
        }
        if self.flight.is_some() && after.write.is_none() && !matches!(command, Command::EndWrite { .. }) {
            assert!(after.uncertain && after.version > before.version, "a pin was given up in silence");
            // From here on Django's row may change behind everybody's back; that is what `uncertain` says.
            self.flight = None;
        }
        step
    }

    /// `idle`: what time alone would have made of `before`.
    fn check_handover(&mut self, before: &Record, idle: &Record, command: &Command, step: &Step) {
        let (now, rules) = (self.bench.now, self.bench.rules.clone());
        for event in &step.events {
            let Event::Lost { page, cause, by, .. } = event else { continue };
            if cause.leaves_work() {
                self.losers.insert(page.as_str().to_owned());
            }
            match cause {
                Cause::TakenOver => may_have_taken_over(idle, now, command, by.as_ref(), &rules),
                Cause::Idle | Cause::TimeUp => {
                    let holder = before.holder.as_ref().expect("somebody lost it");
                    let (start, limit) = match cause {
                        Cause::Idle => (holder.active, rules.idle_after),
                        _ => (holder.since, rules.max_hold),
                    };
                    assert!(limit > 0 && start + limit <= now, "{cause:?} too early");
                    let alive = |w: &Waiter| w.lease_end > now && w.away.is_none_or(|t| t > now);
                    let warned = |w: &Waiter| alive(w) && w.since + rules.idle_warning <= now;
                    assert!(before.queue.iter().any(warned), "{cause:?} while nobody waits");
                }
                _ => {}
            }
        }
        if let Outcome::NotAllowed(_) = step.outcome {
            assert_eq!((&step.record.holder, &step.record.queue), (&idle.holder, &idle.queue));
        }
        if let (Command::PassOn { page }, Outcome::Done) = (command, &step.outcome) {
            assert!(self.losers.contains(page.as_str()) && !step.record.is_holder(page));
        }
        self.check_promise(before, step);
    }

    /// "In a moment" is kept, and never put off.
    fn check_promise(&self, before: &Record, step: &Step) {
        let Some((holder, at)) = before.holder.as_ref().and_then(|h| Some((h, h.promised?))) else { return };
        let now = self.bench.now;
        let alive = |w: &&Waiter| w.lease_end > now && w.away.is_none_or(|t| t > now);
        let waits = askers(before).any(|w| alive(&w));
        let same = step.record.holder.as_ref().filter(|h| h.fence == holder.fence);
        if now >= at && before.write.is_none() && waits {
            assert!(same.is_none(), "a promise was broken");
        }
        match same.map(|h| h.promised) {
            Some(Some(later)) => assert!(later <= at, "a promise was put off"),
            Some(None) => assert!(askers(&step.record).next().is_none(), "a promise was forgotten"),
            None => {}
        }
    }

    fn begin(&mut self, i: usize, shown: Proof) {
        let Some(rendered) = self.pages.get(i) else { return };
        let page = rendered.page.clone();
        let token = shown == Proof::Token;
        let proof = match shown {
            Proof::Token => proof(page.id.as_str(), page.version),
            Proof::None => WriteProof::None,
            Proof::Beside => WriteProof::Beside,
        };
        let id = RequestId::from(format!("r{}", self.steps));
        let begin = Command::BeginWrite { id, person: page.person.clone(), proof };
        let idle = apply(&self.bench.record, self.bench.now, &Command::Tick, &self.bench.rules).record;
        let step = self.run(begin.clone());
        match step.outcome {
            Outcome::Granted { fence, base } => {
                assert!(fence > self.fences, "a fencing number twice");
                self.fences = fence;
                let other = step.record.holder.as_ref().filter(|h| h.page.person.user != page.person.user);
                assert!(other.is_none() || shown == Proof::Beside, "granted while {other:?} holds it");
                assert!(!token || base == page.version);
                let again = self.run(begin).outcome;
                assert_eq!(again, Outcome::Granted { fence, base }, "sent twice, done once");
                let user = page.person.user.as_str().to_owned();
                self.flight = Some(Flight { fence, user, page: token.then_some(i), landed: false });
            }
            Outcome::Refused(_) => {
                let mut same = step.record.clone();
                same.revision = idle.revision;
                assert_eq!(same, idle, "a refused write changed something");
            }
            other => panic!("{other:?}"),
        }
    }

    /// Promise 2: what is written builds on what its author saw.
    fn land(&mut self) {
        let Some(flight) = self.flight.as_mut().filter(|f| !f.landed) else { return };
        if let Some(i) = flight.page {
            assert_eq!(self.pages[i].row, self.row, "overwrote a save its author had not seen");
        }
        flight.landed = true;
        self.row += 1;
    }

    fn end(&mut self, heard: Heard) {
        let Some(flight) = self.flight.take() else { return };
        let end = match (flight.landed, heard) {
            (landed, Heard::Lost { may_land }) => WriteEnd::Unknown { may_land: may_land && !landed },
            (true, Heard::Saved { stays }) => WriteEnd::Saved { stays },
            (true, Heard::Deleted) => WriteEnd::Deleted,
            (false, Heard::AsNew) => WriteEnd::SavedAsNew,
            (false, Heard::Gone) => WriteEnd::Gone,
            // What landed is heard of as a save, what did not as none.
            (true, Heard::AsNew | Heard::Gone) => WriteEnd::Saved { stays: false },
            (false, Heard::Saved { .. } | Heard::Deleted) => WriteEnd::NotSaved,
        };
        // Somebody else has deleted it, past the proxy.
        self.row += u64::from(end == WriteEnd::Gone);
        let page = flight.page.map(|i| self.pages[i].page.id.clone());
        let command = Command::EndWrite { fence: flight.fence, person: person(&flight.user), page, end };
        let version = self.bench.record.version;
        let step = self.run(command.clone());
        assert!(step.record.write.is_none());
        let stays_as_it_was = matches!(end, WriteEnd::NotSaved | WriteEnd::SavedAsNew);
        assert_eq!(step.record.version > version, !stays_as_it_was, "{end:?}");
        if matches!(end, WriteEnd::Deleted | WriteEnd::Gone) {
            assert!(step.record.deleted && step.record.holder.is_none() && step.record.queue.is_empty());
        }
        let again = self.run(command);
        assert_eq!(again.record.version, step.record.version, "ended twice, counted once");
    }
}

/// `record`: as it was found.
fn may_have_taken_over(record: &Record, now: Millis, command: &Command, by: Option<&Person>, rules: &Rules) {
    let Command::TakeOver { page } = command else { panic!("taken over by {command:?}") };
    assert_eq!(by, Some(&page.person));
    assert_ne!(rules.takeover, Takeover::Off);
    assert!(rules.takeover_users.is_empty() || rules.takeover_users.contains(&page.person.user));
    assert!(record.write.is_none(), "taken over during a save");
    assert_eq!(page.version, record.version, "a stale page took over");
    if rules.takeover == Takeover::AfterRequest {
        let waiter = record.queue.iter().find(|w| w.page.id == page.id).expect("who takes over waited");
        assert!(waiter.asked.is_some_and(|t| t + rules.answer_within <= now), "unasked, or too soon");
        assert_eq!(record.holder.as_ref().unwrap().promised, None, "it had been answered");
    }
}

fn page_of(user: usize, id: &str, version: Millis) -> Page {
    page(&format!("u{user}"), id, version)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    /// Whatever people do: one holder, growing numbers, no unseen save overwritten, nobody passed over.
    #[test]
    fn whatever_happens_the_promises_hold(rules in policies(), acts in acts()) {
        let mut world = World::new(rules);
        for act in &acts {
            world.act(act);
        }
    }

    /// Once people are gone, every lock becomes free by itself, in bounded time and few looks.
    #[test]
    fn every_lock_becomes_free(rules in policies(), acts in acts()) {
        let mut world = World::new(rules.clone());
        for act in &acts {
            world.act(act);
        }
        let people = world.bench.record.queue.len() as u64 + 1;
        let bound = world.bench.now + rules.pin + rules.lease.max(rules.turn) * people;
        let mut looks = 0;
        while world.bench.record.is_live() {
            let at = deadline(&world.bench.record, &rules).expect("something is held, so somebody must look again");
            prop_assert!(at <= bound, "not free in time");
            world.bench.now = at;
            world.run(Command::Tick);
            looks += 1;
            prop_assert!(looks <= 2 * people + 2, "looked {looks} times");
        }
    }
}
