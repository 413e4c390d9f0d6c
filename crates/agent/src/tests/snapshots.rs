//! What an agent does so that its disk is kept, and how a build differs from all others.

use super::story::{Story, agent_id, run, settings, trouble};
use crate::effect::Action;
use protocol::environment::found::{FoundEnvironment, SetUpOutcome, SetUpPhase as Phase};
use protocol::event::{
    BuildOrder, Event, RunStatus, Settings, SnapshotPurpose, StopReason, TurnOutcome,
};
use protocol::failure::Refusal;
use protocol::ids::{Epoch, LayerId};
use protocol::input::{Input, WhenBusy};
use uuid::Uuid;

fn layer(nth: u128) -> LayerId {
    LayerId::from_uuid(Uuid::from_u128(nth))
}

fn snapshot(story: &mut Story, nth: u128) -> Result<usize, Refusal> {
    let given = {
        let (layer, purpose) = (layer(nth), SnapshotPurpose::Fork);
        story.give(Input::Snapshot { layer, purpose, principal: "owner".to_owned() })
    };
    story.settle();
    given
}

fn freezes(story: &Story) -> bool {
    story.names(|action| matches!(action, Action::Freeze { .. }))
}

fn made(story: &Story, nth: u128) -> Event {
    let key = story.key(|action| matches!(action, Action::Freeze { .. }));
    Event::SnapshotMade { key, layer: layer(nth), bytes: 1, files: 1, freeze_ms: 1 }
}

fn building() -> Story {
    let build = Some(BuildOrder { layer: layer(7), environment: "shop".to_owned() });
    let mut story = Story::new(Settings { build, ..settings() });
    let environment = Box::new(FoundEnvironment {
        install: Some("npm ci".to_owned()),
        start: Some("true".to_owned()),
        ..FoundEnvironment::default()
    });
    story.report(Event::EnvironmentRead { run: run(1), environment });
    story.base("b0", None);
    story.up(1);
    story.ready(1, 1);
    story
}

fn installed(story: &mut Story, outcome: SetUpOutcome) {
    let (epoch, phase) = (Epoch(1), Phase::Install);
    story.report(Event::SetUpFinished { epoch, phase, outcome, duration_ms: 1 });
    story.report(Event::NetworkNarrowed { epoch, secrets: Vec::new() });
}

#[test]
fn a_disk_is_kept_when_no_run_works_and_the_next_run_waits_for_it() {
    let mut story = Story::working(settings());
    assert_eq!(snapshot(&mut story, 7), Ok(1));
    assert!(story.thinks() && !freezes(&story), "the run is not disturbed");
    assert_eq!(snapshot(&mut story, 7), Ok(0), "it was accepted before");
    assert_eq!(snapshot(&mut story, 8), Err(Refusal::Busy));
    story.ask(2, WhenBusy::Queue).unwrap();
    story.finish();
    story.checkpoint("b0");
    assert_eq!(story.stops(), [(StopReason::Snapshot, true)]);
    assert!(!freezes(&story), "its machine is not stopped yet");
    story.stopped(1);
    assert!(freezes(&story) && story.living().active.is_none());
    let made = made(&story, 7);
    story.report(made.clone());
    story.refused(made);
    assert_eq!(story.active(), run(2), "now the next one starts");
}

#[test]
fn what_cannot_be_kept_holds_nobody_up() {
    let mut story = Story::working(settings());
    snapshot(&mut story, 7).unwrap();
    story.finish();
    story.checkpoint("b0");
    story.stopped(1);
    let key = story.key(|action| matches!(action, Action::Freeze { .. }));
    story.report(Event::SnapshotFailed { key, failure: trouble("no_space") });
    assert!(!freezes(&story));
    story.ask(2, WhenBusy::Refuse).unwrap();
    story.settle();
    assert_eq!(story.active(), run(2));
}

#[test]
fn there_is_nothing_to_keep_before_a_workspace_was_ready_nor_after_the_end() {
    let mut story = Story::new(settings());
    assert_eq!(snapshot(&mut story, 7), Err(Refusal::NoDisk));
    let mut story = Story::working(settings());
    snapshot(&mut story, 7).unwrap();
    story.give(Input::Delete { principal: "owner".to_owned() }).unwrap();
    story.settle();
    story.report(Event::TurnEnded { run: run(1), outcome: TurnOutcome::Cancelled });
    story.stopped(1);
    assert_eq!(story.actions(), [Action::Erase], "what goes is not kept");
    assert_eq!(snapshot(&mut story, 7), Err(Refusal::NoAgent));
}

#[test]
fn a_build_installs_asks_no_model_and_ends_in_a_layer() {
    let mut story = building();
    let install = Action::SetUp { epoch: Epoch(1), phase: Phase::Install };
    assert!(!story.thinks() && story.names(|action| *action == install));
    assert_eq!(story.ask(2, WhenBusy::Queue), Err(Refusal::IsBuild));
    installed(&mut story, SetUpOutcome::Done);
    assert_eq!(story.ended(1), Some((RunStatus::Finished, None)), "nothing is saved or pushed");
    assert_eq!(story.stops(), [(StopReason::Snapshot, true)]);
    story.stopped(1);
    assert_eq!(
        story.actions(),
        [Action::Freeze { layer: layer(7), purpose: SnapshotPurpose::Environment }]
    );
    let made = made(&story, 7);
    story.report(made);
    assert!(story.actions().is_empty(), "{:?} {:?}", agent_id(), story.actions());
}

#[test]
fn a_build_that_cannot_install_fails_and_leaves_no_layer() {
    let mut story = building();
    installed(&mut story, SetUpOutcome::Failed { failure: trouble("install_failed") });
    assert_eq!(story.ended(1), Some((RunStatus::Error, Some("install_failed".to_owned()))));
    story.wait(protocol::limits::IDLE_MS);
    story.stopped(1);
    assert!(story.actions().is_empty());
}
