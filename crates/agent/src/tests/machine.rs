//! A machine that fails, is lost, or is no longer needed.

use super::story::{Story, run, settings, trouble};
use crate::effect::Action;
use crate::plan;
use crate::state::Sandbox;
use protocol::event::{Event, RunStatus, StopReason, TurnOutcome};
use protocol::ids::Epoch;
use protocol::input::WhenBusy;
use protocol::limits;

#[test]
fn a_failed_sandbox_is_cleared_away_before_another_is_made() {
    let mut story = Story::new(settings());
    story.base("b0", None);
    story.ask(2, WhenBusy::Queue).unwrap();
    story.report(Event::SandboxFailed { epoch: Epoch(1), failure: trouble("no_capacity") });
    assert_eq!(story.ended(1), Some((RunStatus::Error, Some("no_capacity".to_owned()))));
    assert!(story.names(|action| *action == Action::Stop { epoch: Epoch(1), keep_disk: false }));
    assert_eq!(story.active(), run(2));
    story.stopped(1);
    assert!(story.names(|action| *action == Action::Provision { epoch: Epoch(2) }));
}

#[test]
fn a_broken_workspace_is_stopped_and_its_blank_disk_goes() {
    let mut story = Story::new(settings());
    story.base("b0", None);
    story.up(1);
    let failure = trouble("clone_failed");
    story.report(Event::WorkspaceFailed { epoch: Epoch(1), run: run(1), failure });
    assert_eq!(story.ended(1), Some((RunStatus::Error, Some("clone_failed".to_owned()))));
    assert_eq!(story.stops(), [(StopReason::Broken, false)]);
}

#[test]
fn a_broken_workspace_keeps_a_disk_that_was_worked_on() {
    let mut story = Story::working(settings());
    story.finish();
    story.checkpoint("b0");
    story.ask(2, WhenBusy::Queue).unwrap();
    story.settle();
    story.base("b0", None);
    let failure = trouble("clone_failed");
    story.report(Event::WorkspaceFailed { epoch: Epoch(1), run: run(2), failure });
    assert_eq!(story.stops(), [(StopReason::Broken, true)]);
}

#[test]
fn a_lost_sandbox_is_replaced_until_too_many_were_lost() {
    let mut story = Story::working(settings());
    let losses = u64::from(limits::SANDBOX_LOSSES);
    for epoch in 1..=losses {
        story.lose(epoch);
        assert!(!story.names(|action| matches!(action, Action::Provision { .. })));
        story.stopped(epoch);
        if epoch < losses {
            assert!(story.thinks(), "the loop outlives the machine");
            story.up(epoch + 1);
        }
    }
    assert_eq!(story.ended(1), Some((RunStatus::Error, Some("sandbox_lost".to_owned()))));
    assert!(story.log.iter().any(|event| matches!(event, Event::CheckpointFailed { .. })));
    assert!(story.actions().is_empty());
}

#[test]
fn a_sandbox_lost_while_saving_is_replaced_and_saved_under_another_key() {
    let mut story = Story::working(settings());
    story.finish();
    let first = story.key(|action| matches!(action, Action::Checkpoint { .. }));
    story.lose(1);
    story.stopped(1);
    story.up(2);
    let second = story.key(|action| matches!(action, Action::Checkpoint { .. }));
    assert_ne!(first, second);
    story.checkpoint("c1");
}

#[test]
fn a_sandbox_lost_at_rest_is_not_replaced() {
    let mut story = Story::working(settings());
    story.finish();
    story.checkpoint("b0");
    story.lose(1);
    assert_eq!(story.stops(), [(StopReason::Lost, true)]);
    story.stopped(1);
    assert_eq!(story.living().sandbox, Sandbox::Absent);
    assert_eq!(plan(&story.state, story.now_ms), crate::effect::Plan::default());
}

#[test]
fn reports_of_an_old_epoch_are_stale() {
    let mut story = Story::working(settings());
    story.lose(1);
    story.stopped(1);
    let isolation = serde_json::Value::Null;
    story.refused(Event::SandboxUp { epoch: Epoch(1), boot_ms: 1, isolation });
    story.refused(Event::SandboxLost { epoch: Epoch(1), reason: String::new() });
    story.refused(Event::SandboxStopped { epoch: Epoch(1) });
    story.refused(Event::SandboxFailed { epoch: Epoch(1), failure: trouble("late") });
}

#[test]
fn an_idle_sandbox_is_stopped_and_its_disk_kept() {
    let mut story = Story::working(settings());
    story.finish();
    story.checkpoint("b0");
    let idle = story.now_ms + i64::try_from(limits::IDLE_MS).unwrap();
    assert_eq!(plan(&story.state, story.now_ms).wake_at_ms, Some(idle));
    story.wait(limits::IDLE_MS);
    assert_eq!(story.stops(), [(StopReason::Idle, true)]);
}

#[test]
fn a_sandbox_at_its_hard_limit_expires_the_run_first() {
    let mut story = Story::working(settings());
    story.ask_person(1, 100 * 3_600_000);
    story.wait(limits::SANDBOX_HARD_MS);
    assert!(story.stops().is_empty());
    assert!(story.names(|action| matches!(action, Action::Interrupt { .. })));
    story.report(Event::TurnEnded { run: run(1), outcome: TurnOutcome::Expired });
    story.checkpoint("b0");
    assert_eq!(story.stops(), [(StopReason::HardLimit, true)]);
}
