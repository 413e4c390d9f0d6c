//! What an agent does about the environment file of its repository.

use super::story::{Story, run, settings, trouble};
use crate::effect::Action;
use protocol::environment::found::{
    ChosenImage, FoundEnvironment, NamedTerminal, SET_UP_FAILED, SetUpOutcome, SetUpPhase as Phase,
};
use protocol::event::{BuildOrder, Event, Settings};
use protocol::ids::{Epoch, LayerId};
use protocol::input::{Input, WhenBusy};
use protocol::limits;

fn file() -> FoundEnvironment {
    let (name, command) = ("web".to_owned(), "npm run dev".to_owned());
    FoundEnvironment {
        install: Some("npm ci".to_owned()),
        start: Some("true".to_owned()),
        terminals: vec![NamedTerminal { name, command, description: None }],
        ..FoundEnvironment::default()
    }
}

/// The first run is at the point where its workspace is ready.
fn ready(environment: FoundEnvironment) -> Story {
    let mut story = Story::new(settings());
    let environment = Box::new(environment);
    story.report(Event::EnvironmentRead { run: run(1), environment });
    story.base("b0", None);
    story.up(1);
    story.ready(1, 1);
    story
}

fn wanted(story: &Story) -> Option<(u64, Phase)> {
    story.actions().into_iter().find_map(|action| match action {
        Action::SetUp { epoch, phase } => Some((epoch.0, phase)),
        _ => None,
    })
}

fn finished(epoch: u64, phase: Phase, outcome: SetUpOutcome) -> Event {
    Event::SetUpFinished { epoch: Epoch(epoch), phase, outcome, duration_ms: 1 }
}

fn follow(story: &mut Story, epoch: u64) {
    while let Some((_, phase)) = wanted(story) {
        story.report(finished(epoch, phase, SetUpOutcome::Done));
        narrow(story, epoch);
    }
}

/// The network becomes the agent's own, where that is due.
fn narrow(story: &mut Story, epoch: u64) {
    let epoch = Epoch(epoch);
    if story.actions().contains(&Action::Narrow { epoch }) {
        story.report(Event::NetworkNarrowed { epoch, secrets: vec!["NPM_TOKEN".to_owned()] });
    }
}

#[test]
fn a_file_is_followed_in_order_while_the_model_thinks_and_tools_wait() {
    let mut story = ready(file());
    for phase in [Phase::Install, Phase::Start, Phase::Terminals] {
        assert!(story.thinks(), "the model is asked meanwhile");
        assert_eq!(wanted(&story), Some((1, phase)));
        assert_eq!(story.living().to_set_up(Epoch(1)), Some(phase));
        story.report(finished(1, phase, SetUpOutcome::Done));
        story.refused(finished(1, phase, SetUpOutcome::Done));
        narrow(&mut story, 1);
    }
    assert_eq!((wanted(&story), story.living().to_set_up(Epoch(1))), (None, None));
    let environment = Box::new(file());
    story.refused(Event::EnvironmentRead { run: run(1), environment });
}

#[test]
fn without_a_file_or_with_a_broken_one_tools_wait_for_nothing() {
    let problems = vec!["1:1 broken".to_owned()];
    let broken = FoundEnvironment { problems, ..file() };
    for story in [Story::working(settings()), ready(broken)] {
        assert_eq!((wanted(&story), story.living().to_set_up(Epoch(1))), (None, None));
    }
}

#[test]
fn what_fails_is_told_to_the_model_and_ends_nothing() {
    let mut story = ready(file());
    let failure = trouble("install_failed");
    story.report(finished(1, Phase::Install, SetUpOutcome::Failed { failure }));
    assert!(matches!(story.log.last(), Some(Event::Noticed { code, text, .. })
        if code == SET_UP_FAILED && text.contains("broken")));
    narrow(&mut story, 1);
    // An effect that cannot even be carried out is given up, and that is told too.
    for _ in 0..limits::EFFECT_ATTEMPTS {
        story.wait(100_000);
        story.fail(|action| matches!(action, Action::SetUp { phase: Phase::Start, .. }));
    }
    assert_eq!(wanted(&story), Some((1, Phase::Terminals)));
    story.report(finished(1, Phase::Terminals, SetUpOutcome::Done));
    assert!(story.thinks() && story.ended(1).is_none());
}

#[test]
fn a_machine_that_comes_up_again_is_set_up_again_and_one_that_stayed_is_not() {
    let mut story = ready(file());
    follow(&mut story, 1);
    story.finish();
    story.checkpoint("b0");
    story.ask(2, WhenBusy::Refuse).unwrap();
    story.settle();
    story.base("b0", None);
    story.ready(1, 2);
    assert_eq!(wanted(&story), None, "it is the same machine");
    story.finish();
    story.checkpoint("b0");
    story.wait(limits::IDLE_MS);
    story.stopped(1);
    story.ask(3, WhenBusy::Refuse).unwrap();
    story.settle();
    story.base("b0", None);
    story.up(2);
    assert_eq!(wanted(&story), None, "not before the branch is up to date");
    story.ready(2, 3);
    assert_eq!(wanted(&story), Some((2, Phase::Install)));
    story.refused(finished(1, Phase::Install, SetUpOutcome::Kept));
    follow(&mut story, 2);
    assert!(story.thinks());
}

#[test]
fn a_machine_that_a_person_wakes_is_set_up_without_a_run() {
    let mut story = ready(file());
    follow(&mut story, 1);
    story.finish();
    story.checkpoint("b0");
    story.wait(limits::IDLE_MS);
    story.stopped(1);
    story.give(Input::Wake { principal: "owner".to_owned() }).unwrap();
    story.settle();
    story.up(2);
    assert_eq!(wanted(&story), Some((2, Phase::Install)));
    follow(&mut story, 2);
    assert!(!story.log.iter().any(|event| matches!(event, Event::Noticed { .. })));
}

#[test]
fn a_cancelled_run_sets_nothing_up_and_the_next_one_goes_on_with_it() {
    let mut story = ready(file());
    story.cancel(1).unwrap();
    assert_eq!(wanted(&story), None);
    let outcome = protocol::event::TurnOutcome::Cancelled;
    story.report(Event::TurnEnded { run: run(1), outcome });
    assert_eq!(wanted(&story), None);
    story.checkpoint("b0");
    assert_eq!(wanted(&story), None, "nobody asked for it");
    story.ask(2, WhenBusy::Refuse).unwrap();
    story.settle();
    story.base("b0", None);
    story.ready(1, 2);
    assert_eq!(wanted(&story), Some((1, Phase::Install)));
}

#[test]
fn the_network_becomes_the_agents_own_after_install_and_stays_so() {
    let mut story = ready(file());
    assert!(story.living().is_preparing(), "build secrets are for `install`");
    story.refused(Event::NetworkNarrowed { epoch: Epoch(1), secrets: Vec::new() });
    story.report(finished(1, Phase::Install, SetUpOutcome::Done));
    assert!(!story.living().is_preparing() && !story.living().is_set_up(Epoch(1)));
    assert_eq!(wanted(&story), None, "`start` waits, too");
    story.refused(finished(1, Phase::Start, SetUpOutcome::Done));
    // Given up never: it would leave the sandbox with what is not the agent's.
    for _ in 0..=limits::EFFECT_ATTEMPTS {
        story.wait(100_000);
        story.fail(|action| matches!(action, Action::Narrow { .. }));
    }
    assert_eq!(wanted(&story), None);
    story.wait(100_000);
    narrow(&mut story, 1);
    story.refused(Event::NetworkNarrowed { epoch: Epoch(1), secrets: Vec::new() });
    follow(&mut story, 1);
    assert!(story.living().is_set_up(Epoch(1)));
    // Its next machine is prepared with no more than the agent has.
    story.finish();
    story.checkpoint("b0");
    story.wait(limits::IDLE_MS);
    story.stopped(1);
    story.ask(2, WhenBusy::Refuse).unwrap();
    story.settle();
    story.base("b0", None);
    story.up(2);
    story.ready(2, 2);
    assert_eq!(wanted(&story), Some((2, Phase::Install)));
    assert!(!story.living().is_preparing());
    story.report(finished(2, Phase::Install, SetUpOutcome::Done));
    assert_eq!(wanted(&story), Some((2, Phase::Start)));
}

#[test]
fn a_machine_that_was_lost_before_the_agent_worked_is_prepared_anew_with_all() {
    let mut story = ready(file());
    story.report(Event::SandboxLost { epoch: Epoch(1), reason: "gone".to_owned() });
    story.settle();
    story.stopped(1);
    story.settle();
    story.up(2);
    story.ready(2, 1);
    assert!(story.living().is_preparing());
}

fn imaged() -> FoundEnvironment {
    FoundEnvironment { image: Some("node:24".to_owned()), ..file() }
}

fn chosen(outcome: SetUpOutcome) -> Event {
    let variables = [("NODE_VERSION".to_owned(), "24".to_owned())].into();
    let (reference, digest) = ("node:24".to_owned(), "sha256:1".to_owned());
    let image = Box::new(ChosenImage { reference, digest, variables });
    let layers = vec![LayerId::from_uuid(uuid::Uuid::from_u128(7))];
    Event::ImageChosen { run: run(1), image, layers, outcome, duration_ms: 1 }
}

fn has_machine(story: &Story) -> bool {
    story.actions().iter().any(|action| matches!(action, Action::Provision { .. }))
}

/// The file was read, and a machine may have an image.
fn awaiting(environment: FoundEnvironment) -> Story {
    let mut story = Story::new(Settings { may_have_image: true, ..settings() });
    assert!(!has_machine(&story), "what its disk begins with is not known");
    let environment = Box::new(environment);
    story.report(Event::EnvironmentRead { run: run(1), environment });
    story.base("b0", None);
    story
}

#[test]
fn a_first_machine_waits_for_its_image_and_the_model_does_not() {
    let mut story = awaiting(imaged());
    assert!(story.thinks() && !has_machine(&story));
    let (run, reference) = (run(1), "node:24".to_owned());
    assert!(story.actions().contains(&Action::ChooseImage { run, reference }));
    // Where it is built, something may want out.
    let denied = Event::Denied {
        epoch: Epoch(1),
        host: "a.example".to_owned(),
        port: 443,
        code: "host_not_allowed".to_owned(),
        message: "no".to_owned(),
        process: None,
    };
    story.report(denied.clone());
    story.report(chosen(SetUpOutcome::Done));
    assert!(has_machine(&story));
    let settings = &story.living().settings;
    assert_eq!(settings.layers.len(), 1);
    assert_eq!(settings.image.as_ref().unwrap().reference, "node:24");
    story.refused(chosen(SetUpOutcome::Done));
    story.up(1);
    story.ready(1, 1);
    follow(&mut story, 1);
    let waits_for_nothing = awaiting(file());
    assert!(has_machine(&waits_for_nothing), "the file asks for none");
}

#[test]
fn without_its_image_an_agent_works_and_is_told_and_a_build_fails() {
    let failure = trouble("image_unknown");
    let mut story = awaiting(imaged());
    story.report(chosen(SetUpOutcome::Failed { failure: failure.clone() }));
    assert!(matches!(story.log.iter().rev().find(|event| matches!(event, Event::Noticed { .. })),
        Some(Event::Noticed { code, .. }) if code == SET_UP_FAILED));
    assert!(has_machine(&story) && story.living().settings.layers.is_empty());

    let layer = LayerId::from_uuid(uuid::Uuid::from_u128(8));
    let build = Some(BuildOrder { layer, environment: "shop".to_owned() });
    let mut story = Story::new(Settings { may_have_image: true, build, ..settings() });
    let environment = Box::new(imaged());
    story.report(Event::EnvironmentRead { run: run(1), environment });
    story.base("b0", None);
    story.report(chosen(SetUpOutcome::Failed { failure: failure.clone() }));
    story.up(1);
    story.ready(1, 1);
    follow(&mut story, 1);
    let outcome = protocol::event::TurnOutcome::Failed { failure };
    assert!(story.log.contains(&Event::TurnEnded { run: run(1), outcome }));
}

#[test]
fn a_machine_that_a_person_wakes_before_the_image_is_there_is_without_it() {
    let mut story = awaiting(imaged());
    story.cancel(1).unwrap();
    story.settle();
    story.give(Input::Wake { principal: "owner".to_owned() }).unwrap();
    story.settle();
    assert!(has_machine(&story));
    assert_eq!(story.living().awaits_image(), None);
}

#[test]
fn startup_commands_come_before_the_file_and_need_none() {
    let startup_commands = vec!["git lfs pull".to_owned()];
    let mut story = Story::new(Settings { startup_commands, ..settings() });
    story.base("b0", None);
    story.up(1);
    story.ready(1, 1);
    assert_eq!(wanted(&story), Some((1, Phase::Startup)));
    let failure = trouble("startup_failed");
    story.report(finished(1, Phase::Startup, SetUpOutcome::Failed { failure }));
    assert_eq!((wanted(&story), story.thinks()), (None, true));

    let startup_commands = vec!["git lfs pull".to_owned()];
    let mut story = Story::new(Settings { startup_commands, ..settings() });
    story.report(Event::EnvironmentRead { run: run(1), environment: Box::new(file()) });
    story.refused(Event::EnvironmentRead { run: run(1), environment: Box::new(file()) });
    story.base("b0", None);
    story.up(1);
    story.ready(1, 1);
    let mut seen = Vec::new();
    while let Some((_, phase)) = wanted(&story) {
        seen.push(phase);
        story.report(finished(1, phase, SetUpOutcome::Done));
        narrow(&mut story, 1);
    }
    assert_eq!(seen, [Phase::Startup, Phase::Install, Phase::Start, Phase::Terminals]);
}
