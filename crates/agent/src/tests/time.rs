//! Waiting, deadlines, and clocks that go wrong.

use super::story::{Story, question, run, settings};
use super::{answered, step_started};
use crate::effect::Action;
use crate::plan;
use protocol::event::{Event, RunStatus, StopReason, TurnOutcome};
use protocol::failure::Refusal;
use protocol::input::Input;
use protocol::limits;

#[test]
fn a_failing_effect_waits_longer_each_time_and_then_fails_for_good() {
    let mut story = Story::new(settings());
    let is_base = |action: &Action| matches!(action, Action::ResolveBase { .. });
    for wait_ms in [1_000, 4_000, 15_000] {
        story.fail(is_base);
        assert!(!story.names(is_base));
        assert_eq!(plan(&story.state, story.now_ms).wake_at_ms, Some(story.now_ms + wait_ms));
        story.wait(u64::try_from(wait_ms).unwrap() - 1);
        assert!(!story.names(is_base));
        story.wait(1);
    }
    story.fail(is_base);
    assert_eq!(story.ended(1), Some((RunStatus::Error, Some("flaky".to_owned()))));
}

#[test]
fn stopping_is_never_given_up() {
    let mut story = Story::new(settings());
    story.cancel(1).unwrap();
    let is_stop = |action: &Action| matches!(action, Action::Stop { .. });
    for _ in 0..10 * limits::EFFECT_ATTEMPTS {
        story.fail(is_stop);
        assert!(!story.names(is_stop));
        story.wait(60_000);
        assert!(story.names(is_stop));
    }
}

#[test]
fn a_clock_set_back_does_not_hold_an_effect_back() {
    let mut story = Story::new(settings());
    let is_base = |action: &Action| matches!(action, Action::ResolveBase { .. });
    story.fail(is_base);
    story.now_ms -= 900_000;
    assert!(story.names(is_base));
}

#[test]
fn a_clock_set_back_gives_a_run_no_more_time() {
    let mut story = Story::working(settings());
    story.wait(limits::RUN_HARD_MS / 3);
    story.report(step_started(1));
    story.now_ms -= 24 * 3_600_000;
    story.report(answered());
    story.wait(limits::RUN_HARD_MS / 3);
    assert!(story.thinks());
    story.wait(limits::RUN_HARD_MS / 3 + 3);
    assert!(!story.thinks(), "the run has its time and not a day more");
    story.report(Event::TurnEnded { run: run(1), outcome: TurnOutcome::Expired });
    story.checkpoint("c1");
    story.push();
    let ended = story.log.iter().find_map(|event| match event {
        Event::RunEnded { duration_ms, .. } => Some(*duration_ms),
        _ => None,
    });
    assert!(ended.is_some_and(|ms| ms < limits::RUN_HARD_MS * 2), "{ended:?}");
}

#[test]
fn a_clock_set_back_keeps_deadlines_and_idle_times_as_long_as_they_were() {
    let mut story = Story::working(settings());
    story.ask_person(1, 5_000);
    story.now_ms -= 24 * 3_600_000;
    story.give(Input::Attend { principal: "owner".to_owned() }).unwrap();
    assert_eq!(plan(&story.state, story.now_ms).wake_at_ms, Some(story.now_ms + 5_000));
    story.wait(5_000);
    assert!(matches!(story.log.last(), Some(Event::QuestionAnswered { .. })));
    story.finish();
    story.checkpoint("b0");
    story.now_ms -= 3_600_000;
    story.give(Input::Attend { principal: "owner".to_owned() }).unwrap();
    story.wait(limits::IDLE_MS);
    assert_eq!(story.stops(), [(StopReason::Idle, true)]);
}

#[test]
fn a_clock_that_leaps_ahead_ends_the_run_with_its_work_kept() {
    let mut story = Story::working(settings());
    story.wait(24 * 3_600_000);
    assert!(!story.thinks());
    story.report(Event::TurnEnded { run: run(1), outcome: TurnOutcome::Expired });
    story.checkpoint("c1");
    story.push();
    assert_eq!(story.ended(1), Some((RunStatus::Expired, None)));
}

#[test]
fn a_run_expires_by_the_time_it_worked_not_by_the_time_it_waited() {
    let mut story = Story::working(settings());
    story.ask_person(1, 3_600_000);
    story.wait(limits::RUN_HARD_MS * 2);
    assert!(story.thinks());
    let (question, text) = (question(1), "that".to_owned());
    story.give(Input::Answer { question, answer: text, principal: "owner".to_owned() }).unwrap();
    story.wait(limits::RUN_HARD_MS - 1);
    assert!(story.thinks());
    story.wait(1);
    assert!(!story.thinks());
    story.report(Event::TurnEnded { run: run(1), outcome: TurnOutcome::Expired });
    story.checkpoint("c1");
    story.push();
    assert_eq!(story.ended(1), Some((RunStatus::Expired, None)));
}

#[test]
fn a_question_gets_its_default_at_the_deadline_and_no_answer_after() {
    let mut story = Story::working(settings());
    story.ask_person(1, 5_000);
    assert_eq!(plan(&story.state, story.now_ms).wake_at_ms, Some(story.now_ms + 5_000));
    story.wait(5_000);
    assert!(matches!(
        story.log.last(),
        Some(Event::QuestionAnswered { answer, principal, .. })
            if answer == "either" && principal == "default"
    ));
    let (question, answer) = (question(1), "that".to_owned());
    let late = Input::Answer { question, answer, principal: "owner".to_owned() };
    assert_eq!(story.give(late), Err(Refusal::NoQuestion));
}
