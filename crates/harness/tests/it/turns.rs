//! Whole turns: the benchmark on every dialect, follow-ups, machines that come late or go.

use crate::world::{World, run_id};
use fakes::scripted::script::{Do, Fault, Script, Turn};
use model::dialect::Dialect;
use model::price::Price;
use protocol::delta::Delta;
use protocol::event::{Event, TurnOutcome};
use protocol::failure::{Failure, Phase};
use protocol::ids::Step;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub fn finished(text: &str) -> TurnOutcome {
    TurnOutcome::Finished { result: text.to_owned() }
}

async fn benchmark(dialect: Dialect) {
    let world = World::speaking(dialect, Script::bench(21)).await;
    let TurnOutcome::Finished { result } = world.end().await else { panic!("not finished") };
    assert!(result.contains("I fixed the sign"), "{result}");
    assert_eq!(world.workspace.get("calc.py").matches("# edit").count(), 7);
    let steps = world.memory.count(|event| matches!(event, Event::StepFinished { .. }));
    assert_eq!(steps, 22);
    // The first step's begin, two for each step with calls, one for the last message.
    assert_eq!(world.memory.records.load(Ordering::SeqCst), 1 + 2 * 21 + 1);
    assert_eq!(world.bodies().len(), 22);
    assert!(world.results().iter().all(|(_, is_error)| !is_error));
    println!("{dialect:?}: from the end of an answer to the next request: {}", gaps(&world));
}

/// The step gap as the model sees it, by kind of step (read, edit, command).
fn gaps(world: &World) -> String {
    let requests = world.server.requests();
    let median = |kind: usize| {
        let pairs = requests.windows(2).skip(kind).step_by(3);
        let mut gaps: Vec<_> =
            pairs.filter_map(|pair| Some(pair[1].arrived - pair[0].answered?)).collect();
        gaps.sort();
        gaps[gaps.len() / 2]
    };
    format!("read {:?}, edit {:?}, command {:?}", median(0), median(1), median(2))
}

#[tokio::test]
async fn the_benchmark_passes_with_anthropic_messages() {
    benchmark(Dialect::Anthropic).await;
}

#[tokio::test]
async fn the_benchmark_passes_with_openai_responses() {
    benchmark(Dialect::OpenaiResponses).await;
}

#[tokio::test]
async fn the_benchmark_passes_with_chat_completions() {
    benchmark(Dialect::OpenaiChat).await;
}

#[tokio::test]
async fn frames_recorded_are_the_frames_shown() {
    let world = World::new(Script::custom(vec![Turn::say("x".repeat(5000)).thinking("hm")])).await;
    world.end().await;
    let shown: Vec<u64> = world
        .memory
        .deltas
        .lock()
        .unwrap()
        .iter()
        .filter_map(|delta| match delta {
            Delta::Text { end, .. } => Some(*end),
            _ => None,
        })
        .collect();
    let recorded: Vec<u64> = world
        .memory
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::MessageFinished { frames, .. } => {
                Some(frames.iter().map(|frame| frame.end).collect::<Vec<_>>())
            }
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(shown, recorded);
    assert_eq!(recorded.last(), Some(&5002));
}

#[tokio::test]
async fn a_follow_up_carries_the_conversation_on() {
    let mut world = World::new(Script::bench(3)).await;
    world.end().await;
    let before = world.bodies().len();
    world.run = run_id(2);
    world.asked(world.run, "And now document it. script: {\"turns\": []}");
    world.end().await;
    let body = &world.bodies()[before];
    for said in ["Fix the sign", "return a - b", "I fixed the sign", "And now document it"] {
        assert!(body.contains(said), "{said}");
    }
}

#[tokio::test]
async fn the_model_is_asked_while_the_machine_boots() {
    let world = World::new(Script::bench(1)).await;
    world.workspace.set_up(false);
    let workspace = Arc::clone(&world.workspace);
    world.memory.on_event(move |_, event| {
        if matches!(event, Event::MessageFinished { .. }) {
            workspace.set_up(true);
        }
    });
    assert!(matches!(world.end().await, TurnOutcome::Finished { .. }));
    assert_eq!(world.memory.count(|event| matches!(event, Event::ToolCalled { .. })), 1);
}

#[tokio::test]
async fn a_machine_that_cannot_be_made_ends_the_run_with_its_failure() {
    let world = World::new(Script::bench(1)).await;
    let failure = Failure::new(Phase::Sandbox, "sandbox_failed", "No machine.");
    *world.workspace.failure.lock().unwrap() = Some(failure.clone());
    assert_eq!(world.end().await, TurnOutcome::Failed { failure });
}

#[tokio::test]
async fn a_lost_machine_is_told_and_nothing_is_repeated() {
    let first =
        vec![Do::Shell("echo x >> runs; sleep 1000".into()), Do::Shell("echo y >> runs".into())];
    let world = World::new(Script::custom(vec![Turn::act(first), Turn::say("Lost.")])).await;
    let pull = async {
        while world.workspace.get("runs").is_empty() {
            tokio::task::yield_now().await;
        }
        world.workspace.lose();
    };
    let (outcome, ()) = tokio::join!(world.end(), pull);
    assert_eq!(outcome, finished("Lost."));
    assert_eq!(world.workspace.get("runs"), "x\n");
    let results = world.results();
    assert_eq!(results.len(), 2);
    assert!(results.iter().all(|(text, is_error)| *is_error && text.contains("Outcome unknown")));
}

#[tokio::test]
async fn a_retried_request_is_a_new_attempt_and_the_partial_answer_is_void() {
    let world = World::new(Script::custom(vec![Turn {
        text: Some("Hello there".into()),
        fault: Some(Fault::Cut),
        ..Turn::default()
    }]))
    .await;
    assert_eq!(world.end().await, finished("Hello there"));
    let attempts: Vec<u32> = world
        .memory
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::StepStarted { attempt, .. } | Event::MessageFinished { attempt, .. } => {
                Some(*attempt)
            }
            _ => None,
        })
        .collect();
    assert_eq!(attempts, [1, 2, 2]);
    assert!(
        world
            .memory
            .deltas
            .lock()
            .unwrap()
            .iter()
            .any(|delta| matches!(delta, Delta::Retrying { attempt: 2, .. }))
    );
}

#[tokio::test]
async fn a_silent_provider_is_asked_again_and_given_up_after_its_configured_time() {
    let silent = |fault_times| Turn {
        text: Some("Here I am".into()),
        fault: Some(Fault::Stall),
        fault_times,
        ..Turn::default()
    };
    let mut world = World::new(Script::custom(vec![silent(1)])).await;
    world.http = world.http.with_stall_timeout(Duration::from_millis(200));
    assert_eq!(world.end().await, finished("Here I am"));
    assert!(world.memory.deltas.lock().unwrap().iter().any(|delta| {
        matches!(delta, Delta::Retrying { reason, .. } if reason.contains("sent nothing"))
    }));
    let mut world = World::new(Script::custom(vec![silent(100)])).await;
    world.http = world.http.with_stall_timeout(Duration::from_millis(200));
    assert_eq!(world.failure().await, "model_stalled");
}

#[tokio::test]
async fn model_errors_are_failures_with_codes_and_advice() {
    let cases = [
        (Fault::WrongKey, "model_auth"),
        (Fault::UnknownModel, "model_unknown"),
        (Fault::Overloaded, "model_overloaded"),
        (Fault::ContextTooLong, "model_context_too_long"),
        (Fault::Malformed, "model_malformed"),
        (Fault::ErrorInStream, "model_overloaded"),
        (Fault::Refusal, "model_refused"),
    ];
    for (fault, code) in cases {
        let world = World::new(Script::bench(1)).await;
        world.server.fail_next(fault, 9);
        let TurnOutcome::Failed { failure } = world.end().await else {
            panic!("{fault:?} is no failure")
        };
        assert_eq!(failure.code, code, "{fault:?}");
        assert_eq!(failure.phase, Phase::Model);
        assert!(failure.message.len() > 60, "{failure}");
    }
}

#[tokio::test]
async fn a_run_cancelled_in_mid_stream_ends_at_once() {
    let world = World::new(Script::custom(vec![Turn {
        text: Some("y".repeat(4000)),
        fault: Some(Fault::Stall),
        ..Turn::default()
    }]))
    .await;
    *world.memory.cancel_on_delta.lock().unwrap() = Some(world.cancel.clone());
    assert_eq!(world.end().await, TurnOutcome::Cancelled);
}

#[tokio::test]
async fn what_an_answer_cost_so_far_is_known_in_every_dialect() {
    for dialect in [Dialect::Anthropic, Dialect::OpenaiResponses, Dialect::OpenaiChat] {
        let script = Script::custom(vec![Turn {
            text: Some("y".repeat(4000)),
            fault: Some(Fault::Stall),
            ..Turn::default()
        }]);
        let mut world = World::speaking(dialect, script).await;
        world.price = Some(Price::from_cents(300, 1500, 375, 30));
        *world.memory.cancel_on_delta.lock().unwrap() = Some(world.cancel.clone());
        assert_eq!(world.end().await, TurnOutcome::Cancelled);
        let (step, usage, cost) = world.memory.heard.lock().unwrap().expect("it was heard");
        let input = usage.input_tokens + usage.cache_write_tokens + usage.cache_read_tokens;
        assert_eq!(step, Step(1), "{dialect:?}");
        assert!(input > 0 && usage.output_tokens > 0 && cost > 0, "{dialect:?}: {usage:?} {cost}");
    }
}

#[tokio::test]
async fn an_answer_that_broke_off_is_paid_for() {
    let cost_of = async |fault: Option<Fault>| {
        let text = Some("Hello there, this is what I have to say. ".repeat(20));
        let mut world =
            World::new(Script::custom(vec![Turn { text, fault, ..Turn::default() }])).await;
        world.price = Some(Price::from_cents(300, 1500, 375, 30));
        assert!(matches!(world.end().await, TurnOutcome::Finished { .. }));
        let costs = world.memory.events().into_iter().filter_map(|event| match event {
            Event::StepFinished { cost_micros, .. } => Some(cost_micros),
            _ => None,
        });
        costs.sum::<u64>()
    };
    let (whole, broken) = (cost_of(None).await, cost_of(Some(Fault::Cut)).await);
    assert!(broken > whole, "{broken} against {whole}");
    assert_eq!(cost_of(Some(Fault::Overloaded)).await, whole, "a refusal costs nothing");
}

#[tokio::test]
async fn a_cancelled_command_is_ended_and_the_next_run_is_told() {
    let turns =
        vec![Turn::act(vec![Do::Shell("test -e ran || { touch ran; exec sleep 1000; }".into())])];
    let mut world = World::new(Script::custom(turns)).await;
    let cancel = async {
        while !world.workspace.root.path().join("ran").exists() {
            tokio::task::yield_now().await;
        }
        world.cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(world.end(), cancel);
    assert_eq!(outcome, TurnOutcome::Cancelled);
    assert_eq!(world.workspace.running.load(Ordering::SeqCst), 0);
    world.cancel = Default::default();
    world.run = run_id(2);
    world.asked(world.run, "What happened? script: {}");
    world.end().await;
    assert!(world.bodies().last().unwrap().contains("Not finished: the run ended"));
}

#[tokio::test]
async fn a_step_that_was_counted_before_its_turn_ended_leaves_no_call_without_a_result() {
    let turns =
        vec![Turn::act(vec![Do::Shell("test -e ran || { touch ran; exec sleep 1000; }".into())])];
    let mut world = World::new(Script::custom(turns)).await;
    let cancel = async {
        while !world.workspace.root.path().join("ran").exists() {
            tokio::task::yield_now().await;
        }
        world.cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(world.go(), cancel);
    assert_eq!(outcome, Ok(TurnOutcome::Cancelled));
    let (run, usage) = (world.run, Default::default());
    let (stop, step) = ("tool_use".to_owned(), Step(1));
    world.memory.append(Event::StepFinished {
        run,
        step,
        usage,
        cost_micros: 0,
        duration_ms: 0,
        stop,
    });
    world.memory.append(Event::TurnEnded { run, outcome: TurnOutcome::Cancelled });
    world.cancel = Default::default();
    world.run = run_id(2);
    world.asked(world.run, "What happened? script: {}");
    assert!(matches!(world.end().await, TurnOutcome::Finished { .. }));
    assert!(world.bodies().last().unwrap().contains("Not finished: the run ended"));
}
