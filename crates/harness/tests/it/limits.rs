//! Limits end a run with a code; a window that fills up is emptied.

use crate::world::{World, run_id};
use fakes::scripted::script::{Do, Fault, Script, Turn};
use model::price::Price;
use protocol::event::{Event, RunLimits, TurnOutcome};
use protocol::failure::{Failure, Phase};
use protocol::ids::Step;
use std::sync::atomic::Ordering;

fn endless(command: &str) -> Script {
    Script::custom(vec![Turn { forever: true, ..Turn::act(vec![Do::Shell(command.into())]) }])
}

fn codes(world: &World) -> Vec<String> {
    world
        .memory
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Noticed { code, .. } => Some(code),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn steps_are_limited_after_a_notice() {
    let mut world = World::new(endless("true")).await;
    world.limits = RunLimits { steps: 5, ..RunLimits::default() };
    assert_eq!(world.failure().await, "limit_steps");
    assert_eq!(world.memory.count(|event| matches!(event, Event::StepStarted { .. })), 5);
    assert_eq!(codes(&world), ["soft_steps"]);
    assert!(world.bodies().last().unwrap().contains("1 of 5 steps are left"));
}

#[tokio::test]
async fn tokens_and_money_are_limited() {
    let mut world = World::new(endless("true")).await;
    world.limits = RunLimits { tokens: 10_000, ..RunLimits::default() };
    assert_eq!(world.failure().await, "limit_tokens");
    let mut world = World::new(endless("true")).await;
    world.price = Some(Price::from_cents(300, 1500, 375, 30));
    world.limits = RunLimits { cost_micros: 20_000, ..RunLimits::default() };
    assert_eq!(world.failure().await, "limit_cost");
}

#[tokio::test]
async fn time_is_limited_after_a_notice() {
    let mut world = World::new(endless("true")).await;
    world.limits = RunLimits { soft_time_ms: 20, hard_time_ms: 50, ..RunLimits::default() };
    world.memory.on_event(|memory, event| {
        if matches!(event, Event::ToolReturned { .. }) {
            memory.clock.fetch_add(10, Ordering::Relaxed);
        }
    });
    assert_eq!(world.end().await, TurnOutcome::Expired);
    assert_eq!(codes(&world), ["soft_time"]);
}

#[tokio::test]
async fn a_long_command_does_not_hide_that_little_time_is_left() {
    let turns = vec![
        Turn::act(vec![Do::Shell("echo begun; exec sleep 1000".into())]),
        Turn::say("I wrapped up."),
    ];
    let mut world = World::new(Script::custom(turns)).await;
    world.limits = RunLimits { soft_time_ms: 50, hard_time_ms: 60_000, ..RunLimits::default() };
    world.memory.on_event(|memory, event| {
        if matches!(event, Event::ToolCalled { .. }) {
            memory.clock.fetch_add(50, Ordering::Relaxed);
        }
    });
    let outcome = world.end().await;
    assert_eq!(outcome, TurnOutcome::Finished { result: "I wrapped up.".to_owned() });
    assert_eq!(codes(&world), ["soft_time"]);
    let (text, is_error) = world.results().remove(0);
    assert!(text.contains("left in the background") && !is_error, "{text}");
    assert!(world.bodies().last().unwrap().contains("Wrap up"));
}

#[tokio::test]
async fn a_run_without_room_to_work_in_ends_after_a_step_that_might_make_some() {
    let world = World::new(endless("true")).await;
    let failure = Failure::new(Phase::Internal, "disk_full", "There is no room.");
    *world.memory.hindrance.lock().unwrap() = Some(failure);
    assert_eq!(world.failure().await, "disk_full");
    assert_eq!(world.memory.count(|event| matches!(event, Event::ToolReturned { .. })), 1);
}

#[tokio::test]
async fn a_clock_set_back_gives_a_run_no_more_time() {
    let mut world = World::new(endless("true")).await;
    world.limits = RunLimits { soft_time_ms: 20, hard_time_ms: 50, ..RunLimits::default() };
    world.memory.clock.store(1_000_000, Ordering::Relaxed);
    world.run = run_id(2);
    world.asked(world.run, "Once more, with a clock that is wrong.");
    world.memory.on_event(|memory, event| match event {
        Event::StepFinished { step: Step(1), .. } => memory.clock.store(0, Ordering::Relaxed),
        Event::ToolReturned { .. } => _ = memory.clock.fetch_add(10, Ordering::Relaxed),
        _ => {}
    });
    assert_eq!(world.end().await, TurnOutcome::Expired);
    assert_eq!(codes(&world), ["soft_time"]);
}

#[tokio::test]
async fn the_same_failing_call_over_and_over_ends_the_run() {
    let world = World::new(endless("exit 1")).await;
    assert_eq!(world.failure().await, "no_progress");
    assert_eq!(codes(&world), ["failing"]);
    assert!(world.bodies().len() < 10);
}

#[tokio::test]
async fn an_empty_answer_is_asked_about_once() {
    let world = World::new(Script::custom(vec![Turn::say(""), Turn::say("")])).await;
    world.memory.on_event(|_, _| {});
    let outcome = world.end().await;
    // The fake starts its script again after a message without calls, so that it stays empty.
    let TurnOutcome::Failed { failure } = outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.code, "model_empty");
}

#[tokio::test]
async fn a_full_window_is_emptied_and_the_task_stays() {
    let mut world =
        World::new(endless("head -c 20000 /dev/zero | tr '\\0' x; echo >> runs; wc -l < runs"))
            .await;
    world.entry.capabilities.context_window = 40_000;
    world.limits = RunLimits { steps: 20, ..RunLimits::default() };
    assert_eq!(world.failure().await, "limit_steps");
    assert_eq!(world.workspace.get("runs").lines().count(), 20);
    assert!(world.memory.count(|event| matches!(event, Event::Compacted { .. })) >= 2);
    let bodies = world.bodies();
    assert!(bodies.iter().all(|body| body.len() < 4 * 40_000), "a request is too long");
    let last = bodies.last().unwrap();
    assert!(last.contains("<summary>") && last.contains("Fix the sign in calc.py."));
}

#[tokio::test]
async fn a_request_refused_as_too_long_is_shortened_once() {
    let turns = (0..9).map(|n| Turn::act(vec![Do::Shell(format!("echo {n}"))])).collect();
    let mut world = World::new(Script::custom(turns)).await;
    world.limits.steps = 9;
    assert!(matches!(world.go().await, Ok(TurnOutcome::Failed { .. })));
    world.server.fail_next(Fault::ContextTooLong, 1);
    world.limits.steps = 20;
    let outcome = world.end().await;
    assert!(matches!(outcome, TurnOutcome::Finished { .. }), "{outcome:?}");
    assert_eq!(world.memory.count(|event| matches!(event, Event::Compacted { .. })), 1);
}
