//! The process may die at any record: carried on, the run does the same as if nothing had happened.

use crate::world::{Crash, World};
use fakes::scripted::script::{Do, Script, Turn};
use protocol::event::{Event, Mode, TurnOutcome};
use serde_json::json;
use std::sync::atomic::Ordering;

fn script() -> Script {
    let todo = json!({ "todos": [{ "text": "fix", "state": "in_progress" }] });
    Script::custom(vec![
        Turn::act(vec![
            Do::Read("calc.py".into()),
            Do::List(".".into()),
            Do::Read("nothing".into()),
        ])
        .thinking("Look first."),
        Turn::act(vec![
            Do::Shell("echo one >> runs; echo out; echo err >&2".into()),
            Do::Call { name: "todo_write".into(), arguments: todo },
            Do::Edit { path: "calc.py".into(), old: "a - b".into(), new: "a + b".into() },
            Do::Shell("echo two >> runs; exit 3".into()),
        ])
        .text("Now the change."),
        Turn::act(vec![Do::Write { path: "new.txt".into(), content: "new\n".into() }]),
        Turn::act(vec![Do::Call { name: "no_such_tool".into(), arguments: json!({}) }]),
        Turn::say("All done.").thinking("Good."),
    ])
}

/// Carries on until the run is over; each death needs one more process.
async fn survive(world: &World) -> TurnOutcome {
    loop {
        if let Ok(outcome) = world.go().await {
            return outcome;
        }
    }
}

fn state(world: &World) -> (String, String, String) {
    let files = &world.workspace;
    (files.get("calc.py"), files.get("runs"), files.get("new.txt"))
}

/// What each step is said to have cost, and why its message ended.
fn outlays(world: &World) -> Vec<(u64, u64, String)> {
    let events = world.memory.events();
    let outlays = events.iter().filter_map(|event| match event {
        Event::StepFinished { usage, cost_micros, stop, .. } => {
            Some((usage.total(), *cost_micros, stop.clone()))
        }
        _ => None,
    });
    outlays.collect()
}

/// The requests of both worlds are the same, byte for byte.
fn assert_same_requests(world: &World, whole: &World, context: &str) {
    let (ours, theirs) = (bodies(world), bodies(whole));
    for (number, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        let at = ours.bytes().zip(theirs.bytes()).position(|(a, b)| a != b);
        let around = |text: &str, at: usize| {
            String::from_utf8_lossy(
                &text.as_bytes()[at.saturating_sub(80)..text.len().min(at + 80)],
            )
            .into_owned()
        };
        if let Some(at) = at {
            panic!("{context}: request {number}: {} <> {}", around(ours, at), around(theirs, at));
        }
    }
    assert_eq!(ours.len(), theirs.len(), "{context}");
}

/// The fake gives each answer ids of its own; they are numbered in order of appearance.
fn numbered(body: &str) -> String {
    const PREFIX: &str = "toolu_";
    let mut ids: Vec<&str> = Vec::new();
    let mut out = String::new();
    for (index, piece) in body.split(PREFIX).enumerate() {
        let end = piece.find('"').unwrap_or(piece.len());
        if index == 0 {
            out.push_str(piece);
            continue;
        }
        let (id, rest) = piece.split_at(end);
        let number = ids.iter().position(|known| *known == id).unwrap_or_else(|| {
            ids.push(id);
            ids.len() - 1
        });
        out.push_str(&format!("{PREFIX}{number}{rest}"));
    }
    out
}

/// Bodies, a request that was made again counted once.
fn bodies(world: &World) -> Vec<String> {
    let mut bodies: Vec<String> = world.bodies().iter().map(|body| numbered(body)).collect();
    bodies.dedup();
    bodies
}

#[tokio::test]
async fn a_crash_at_any_record_changes_nothing() {
    let whole = World::new(script()).await;
    let outcome = survive(&whole).await;
    let records = whole.memory.records.load(Ordering::SeqCst);
    assert!(records > 10, "{records}");
    for number in 0..records {
        for crash in [Crash::Before(number), Crash::After(number)] {
            let world = World::new(script()).await;
            *world.memory.crash.lock().unwrap() = Some(crash);
            assert_eq!(survive(&world).await, outcome, "{crash:?}");
            assert_eq!(state(&world), state(&whole), "{crash:?}");
            assert_same_requests(&world, &whole, &format!("{crash:?}"));
            assert_eq!(outlays(&world), outlays(&whole), "{crash:?}");
            let returned = |event: &Event| matches!(event, Event::ToolReturned { .. });
            assert_eq!(world.memory.count(returned), whole.memory.count(returned), "{crash:?}");
        }
    }
}

#[tokio::test]
async fn a_message_from_before_messages_said_what_they_cost_is_estimated() {
    let world = World::new(Script::custom(vec![
        Turn::act(vec![Do::Shell("echo x >> runs".into())]),
        Turn::say("ok"),
    ]))
    .await;
    *world.memory.crash.lock().unwrap() = Some(Crash::After(1));
    world.go().await.unwrap_err();
    world.memory.change(|event| {
        if let Event::MessageFinished { outlay, .. } = event {
            assert!(outlay.take().is_some());
        }
    });
    assert!(matches!(world.go().await, Ok(TurnOutcome::Finished { .. })));
    let (tokens, _, stop) = outlays(&world)[0].clone();
    assert!(tokens > 0);
    assert_eq!(stop, "tool_use");
}

#[tokio::test]
async fn a_process_that_dies_at_every_second_record_still_gets_there() {
    let whole = World::new(script()).await;
    let outcome = survive(&whole).await;
    let world = World::new(script()).await;
    let mut deaths = 0;
    let ended = loop {
        let next = world.memory.records.load(Ordering::SeqCst) + 1;
        *world.memory.crash.lock().unwrap() = Some(Crash::After(next));
        match world.go().await {
            Ok(outcome) => break outcome,
            Err(_) => deaths += 1,
        }
    };
    assert!(deaths >= 5, "{deaths}");
    assert_eq!((ended, state(&world)), (outcome, state(&whole)));
    assert_same_requests(&world, &whole, "every second");
}

#[tokio::test]
async fn calls_of_a_machine_that_went_with_the_process_are_not_repeated() {
    // Record 1 holds the message and its calls; the process dies before it hears of it.
    let world = World::new(Script::custom(vec![
        Turn::act(vec![Do::Shell("echo x >> runs".into())]),
        Turn::say("ok"),
    ]))
    .await;
    *world.memory.crash.lock().unwrap() = Some(Crash::After(1));
    world.go().await.unwrap_err();
    world.workspace.lose();
    assert!(matches!(world.go().await, Ok(TurnOutcome::Finished { .. })));
    assert_eq!(world.workspace.get("runs"), "");
    assert!(world.results()[0].0.contains("Outcome unknown"));
}

#[tokio::test]
async fn a_question_is_asked_once_however_often_the_process_dies() {
    let plan = Do::Call { name: "submit_plan".into(), arguments: json!({ "plan": "1. Fix it." }) };
    let edit = Do::Edit { path: "calc.py".into(), old: "a - b".into(), new: "a + b".into() };
    let mut world = World::new(Script::custom(vec![
        Turn::act(vec![plan]),
        Turn::act(vec![edit]),
        Turn::say("ok"),
    ]))
    .await;
    world.mode = Mode::Plan;
    *world.memory.crash.lock().unwrap() = Some(Crash::After(2));
    world.go().await.unwrap_err();
    world.memory.on_event(|_, event| assert!(!matches!(event, Event::QuestionAsked { .. })));
    let question = world.memory.events().iter().find_map(|event| match event {
        Event::QuestionAsked { question, .. } => Some(*question),
        _ => None,
    });
    world.memory.answer(question.unwrap(), "approve");
    assert!(matches!(survive(&world).await, TurnOutcome::Finished { .. }));
    assert!(world.workspace.get("calc.py").contains("a + b"));
}
