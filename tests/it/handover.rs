//! Asking, promising, taking over, being away: the tables of `collab/handover.rs`, case by case.

use collab_proxy::collab::command::{Cause, Command, Event, Outcome, WriteEnd, WriteProof};
use collab_proxy::collab::handover::{Answer, Denied};
use collab_proxy::collab::lock::{Step, deadline};
use collab_proxy::collab::record::{Millis, Rules, Takeover};

use crate::rules::{Bench, EPOCH, page, person, proof, rules};

/// Ada edits, Bob is next, Cyd after him.
fn three(rules: Rules) -> Bench {
    let mut bench = Bench::with(rules);
    assert_eq!(bench.join("ada", "a"), Outcome::Editor);
    assert_eq!(bench.join("bob", "b"), Outcome::Waiting(1));
    assert_eq!(bench.join("cyd", "c"), Outcome::Waiting(2));
    bench
}

fn ask(bench: &mut Bench, id: &str) -> Step {
    bench.run(Command::Ask { page: id.into() })
}

fn answer(bench: &mut Bench, id: &str, answer: Answer) -> Step {
    bench.run(Command::Answer { page: id.into(), answer })
}

fn take(bench: &mut Bench, user: &str, id: &str) -> Step {
    let page = page(user, id, bench.record.version);
    bench.run(Command::TakeOver { page })
}

/// All three are there, and so are their sockets.
fn pass(bench: &mut Bench, by: Millis) -> Step {
    let pages = ["a", "b", "c"].map(Into::into).to_vec();
    bench.run(Command::Touch { node: "n".into(), pages: pages.clone(), viewers: 2 });
    let step = bench.wait(by);
    bench.run(Command::Touch { node: "n".into(), pages, viewers: 2 });
    step
}

fn lost(step: &Step) -> Option<(&str, Cause, Option<&str>)> {
    step.events.iter().find_map(|event| match event {
        Event::Lost { page, cause, by, .. } => {
            Some((page.as_str(), *cause, by.as_ref().map(|p| p.user.as_str())))
        }
        _ => None,
    })
}

#[test]
fn now_gives_it_to_the_first_in_line() {
    let mut bench = three(rules());
    let step = ask(&mut bench, "c");
    let names = vec!["Name of cyd".to_owned()];
    assert_eq!(step.events, [Event::Asked { to: "a".into(), names }]);
    assert_eq!(ask(&mut bench, "c").events, [], "one request a person");
    let step = answer(&mut bench, "a", Answer::Now);
    assert_eq!(lost(&step), Some(("a", Cause::HandedOver, None)));
    assert_eq!(bench.holder(), Some("b"), "first come, first served");
    assert_eq!(bench.record.queue[0].asked, Some(bench.now), "her request stands, before a new editor");
}

#[test]
fn later_is_kept_to_the_minute() {
    let mut bench = three(rules());
    ask(&mut bench, "b");
    let later = rules().handover_later;
    let step = answer(&mut bench, "a", Answer::Later);
    let when = bench.now + later;
    let at = Some(when);
    let told = Event::Answered { to: vec!["b".into()], by: person("ada"), answer: Answer::Later, at };
    assert_eq!(step.events, [told]);
    pass(&mut bench, 25_000);
    answer(&mut bench, "a", Answer::Later);
    assert_eq!(bench.record.holder.as_ref().unwrap().promised, at, "said twice it is no later");
    assert_eq!(answer(&mut bench, "a", Answer::No).outcome, Outcome::NotAllowed(Denied::Promised));
    while bench.now + 25_000 < when {
        pass(&mut bench, 25_000);
    }
    assert_eq!(bench.holder(), Some("a"));
    assert_eq!(deadline(&bench.record, &bench.rules.clone()), at);
    let rest = when - bench.now;
    let step = pass(&mut bench, rest);
    assert_eq!(lost(&step), Some(("a", Cause::HandedOver, None)));
    assert_eq!(bench.holder(), Some("b"));
}

#[test]
fn a_promise_is_to_those_who_ask() {
    let mut bench = three(rules());
    ask(&mut bench, "b");
    answer(&mut bench, "a", Answer::Later);
    bench.run(Command::Claim { page: page("ada", "a2", EPOCH) });
    assert!(bench.record.holder.as_ref().unwrap().promised.is_some(), "hers, whatever page she is on");
    bench.run(Command::Release { page: "b".into() });
    assert_eq!(bench.record.holder.as_ref().unwrap().promised, None, "nobody is left who asked");
}

#[test]
fn no_is_a_pause() {
    let mut bench = three(rules());
    ask(&mut bench, "b");
    ask(&mut bench, "c");
    let step = answer(&mut bench, "a", Answer::No);
    let to = vec!["b".into(), "c".into()];
    assert_eq!(step.events, [Event::Answered { to, by: person("ada"), answer: Answer::No, at: None }]);
    assert_eq!(answer(&mut bench, "a", Answer::No).outcome, Outcome::NotAllowed(Denied::NobodyAsks));
    assert_eq!(ask(&mut bench, "b").outcome, Outcome::NotAllowed(Denied::TooSoon));
    for _ in 0..3 {
        pass(&mut bench, rules().ask_again / 3);
    }
    assert_eq!(take(&mut bench, "bob", "b").outcome, Outcome::NotAllowed(Denied::AskFirst));
    assert_eq!(ask(&mut bench, "b").outcome, Outcome::Done);
}

#[test]
fn who_may_ask_and_who_may_answer() {
    let mut bench = three(rules());
    assert_eq!(ask(&mut bench, "a").outcome, Outcome::NotAllowed(Denied::NotWaiting));
    assert_eq!(ask(&mut bench, "x").outcome, Outcome::NotAllowed(Denied::NotWaiting));
    assert_eq!(answer(&mut bench, "a", Answer::Now).outcome, Outcome::NotAllowed(Denied::NobodyAsks));
    ask(&mut bench, "b");
    assert_eq!(answer(&mut bench, "b", Answer::Now).outcome, Outcome::NotAllowed(Denied::NotEditor));
    // The request goes with the one who made it.
    bench.run(Command::Release { page: "b".into() });
    assert_eq!(answer(&mut bench, "a", Answer::Now).outcome, Outcome::NotAllowed(Denied::NobodyAsks));
    // And comes back with a page that is only loaded again.
    ask(&mut bench, "c");
    bench.run(Command::Leave { page: "c".into() });
    bench.join("cyd", "c2");
    assert!(bench.record.queue[0].asked.is_some());
}

/// Policy, asked how long ago, who: may they?
#[test]
fn takeover_by_policy() {
    use Takeover::{AfterRequest, Always, Off};
    let patience = rules().answer_within;
    let table = [
        (Off, vec![], Some(patience), Err(Denied::TakeoverOff)),
        (AfterRequest, vec![], None, Err(Denied::AskFirst)),
        (AfterRequest, vec![], Some(patience - 1), Err(Denied::AskFirst)),
        (AfterRequest, vec![], Some(patience), Ok(())),
        (AfterRequest, vec!["ada", "cyd"], Some(patience), Err(Denied::TakeoverNotYou)),
        (AfterRequest, vec!["cyd", "bob"], Some(patience), Ok(())),
        (Always, vec![], None, Ok(())),
        (Always, vec!["cyd"], None, Err(Denied::TakeoverNotYou)),
        (Always, vec!["bob"], None, Ok(())),
    ];
    for (takeover, users, asked, want) in table {
        let shown = format!("{takeover:?} {users:?} {asked:?}");
        let takeover_users = users.into_iter().map(Into::into).collect();
        let mut bench = three(Rules { takeover, takeover_users, ..rules() });
        if let Some(ago) = asked {
            ask(&mut bench, "b");
            pass(&mut bench, 25_000);
            pass(&mut bench, 25_000);
            pass(&mut bench, ago - 50_000);
        }
        let step = take(&mut bench, "bob", "b");
        match want {
            Err(denied) => assert_eq!(step.outcome, Outcome::NotAllowed(denied), "{shown}"),
            Ok(()) => {
                assert_eq!(step.outcome, Outcome::Editor, "{shown}");
                assert_eq!(lost(&step), Some(("a", Cause::TakenOver, Some("bob"))), "{shown}");
                let left: Vec<&str> = bench.record.queue.iter().map(|w| w.page.id.as_str()).collect();
                assert_eq!(left, ["c"], "{shown}");
            }
        }
    }
}

#[test]
fn no_takeover_of_a_promise_of_a_save_or_by_a_stale_page() {
    let always = Rules { takeover: Takeover::Always, ..rules() };
    let mut bench = three(always);
    bench.begin("ada", proof("a", EPOCH));
    assert_eq!(take(&mut bench, "bob", "b").outcome, Outcome::NotAllowed(Denied::Saving));
    bench.end("ada", Some("a"), WriteEnd::Saved { stays: true });
    let stale = Command::TakeOver { page: page("bob", "b", EPOCH) };
    assert_eq!(bench.run(stale).outcome, Outcome::NotAllowed(Denied::Stale));
    assert_eq!(take(&mut bench, "bob", "b2").outcome, Outcome::Editor);

    let mut bench = three(rules());
    ask(&mut bench, "b");
    answer(&mut bench, "a", Answer::Later);
    for _ in 0..4 {
        pass(&mut bench, rules().answer_within / 3);
    }
    assert_eq!(
        take(&mut bench, "bob", "b").outcome,
        Outcome::NotAllowed(Denied::AskFirst),
        "it was answered"
    );
}

#[test]
fn a_new_editor_has_the_time_to_answer_that_the_old_one_had() {
    let mut bench = three(rules());
    ask(&mut bench, "b");
    ask(&mut bench, "c");
    for _ in 0..3 {
        pass(&mut bench, rules().answer_within / 3);
    }
    assert_eq!(take(&mut bench, "cyd", "c").outcome, Outcome::Editor, "past the line, which else stays");
    assert_eq!(take(&mut bench, "bob", "b").outcome, Outcome::NotAllowed(Denied::AskFirst));
}

#[test]
fn idle_only_while_somebody_waits_and_never_unwarned() {
    let limits = Rules { idle_after: 20_000, idle_warning: 5_000, ..rules() };
    let mut bench = Bench::with(limits);
    bench.join("ada", "a");
    for _ in 0..3 {
        assert_eq!(lost(&pass(&mut bench, 20_000)), None, "nobody waits");
    }
    bench.join("bob", "b");
    assert_eq!(lost(&pass(&mut bench, 4_999)), None, "first she is warned");
    bench.run(Command::Input { page: "a".into(), dirty: true });
    assert_eq!(lost(&pass(&mut bench, 19_999)), None, "she typed");
    assert_eq!(lost(&pass(&mut bench, 1)), Some(("a", Cause::Idle, None)));
    assert_eq!(bench.holder(), Some("b"));
    assert_eq!(lost(&pass(&mut bench, 25_000)), None, "ada does not wait");
}

#[test]
fn nobody_makes_way_for_who_is_gone_and_nobody_goes_unwarned() {
    let limits = Rules { idle_after: 10_000, idle_warning: 5_000, ..rules() };
    let mut bench = Bench::with(limits);
    bench.join("ada", "a");
    bench.join("bob", "b");
    pass(&mut bench, 8_000);
    bench.run(Command::Leave { page: "b".into() });
    assert_eq!(lost(&pass(&mut bench, 2_000)), None, "he may not come back");
    assert!(deadline(&bench.record, &bench.rules).is_some_and(|at| at > bench.now));
    // He was only loading the page again: she has been counting down all along.
    bench.join("bob", "b2");
    assert_eq!(bench.holder(), Some("b2"));
}

#[test]
fn max_hold_ends_even_busy_editors_while_somebody_waits() {
    let limits = Rules { max_hold: 20_000, idle_warning: 5_000, ..rules() };
    let mut bench = Bench::with(limits);
    bench.join("ada", "a");
    pass(&mut bench, 19_000);
    bench.run(Command::Claim { page: page("ada", "a2", EPOCH) });
    bench.join("bob", "b");
    bench.run(Command::Touch { node: "n".into(), pages: vec!["a2".into()], viewers: 1 });
    bench.run(Command::Input { page: "a2".into(), dirty: true });
    assert_eq!(lost(&pass(&mut bench, 4_999)), None, "another page gives no more time, but a warning is due");
    assert_eq!(lost(&pass(&mut bench, 1)), Some(("a2", Cause::TimeUp, None)));
}

#[test]
fn a_save_on_its_way_ends_before_the_lock_passes_on() {
    let mut bench = three(rules());
    ask(&mut bench, "b");
    answer(&mut bench, "a", Answer::Later);
    bench.begin("ada", proof("a", EPOCH));
    for _ in 0..6 {
        let write = bench.record.write.clone().unwrap();
        assert_eq!(lost(&pass(&mut bench, 25_000)), None);
        bench.run(Command::KeepWrite { write: write.clone() });
    }
    let step = bench.end("ada", Some("a"), WriteEnd::NotSaved);
    assert_eq!(lost(&step), Some(("a", Cause::HandedOver, None)));
    assert_eq!(bench.holder(), Some("b"));
}

#[test]
fn only_the_last_loser_passes_values_on_and_only_onto_the_same_version() {
    let pass_on = |bench: &mut Bench, id: &str| bench.run(Command::PassOn { page: id.into() }).outcome;
    let denied = Outcome::NotAllowed(Denied::NothingLost);
    let mut bench = three(rules());
    assert_eq!(pass_on(&mut bench, "a"), denied, "she has it still");
    bench.run(Command::ForceRelease { user: None, reason: None, operator: None });
    assert_eq!(pass_on(&mut bench, "c"), denied);
    assert_eq!(pass_on(&mut bench, "a"), Outcome::Done);
    assert_eq!(bench.record.unsaved.as_ref().map(|u| u.by.user.as_str()), Some("ada"));
    assert_eq!(pass_on(&mut bench, "a"), denied, "once");
    bench.begin("bob", WriteProof::None);
    bench.end("bob", None, WriteEnd::Saved { stays: true });
    assert_eq!(bench.record.unsaved, None, "they belonged to what was there before");
    // Who gives the lock up has nothing to pass on.
    bench.run(Command::Release { page: "b".into() });
    assert_eq!(pass_on(&mut bench, "b"), denied);
}
