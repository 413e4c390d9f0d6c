//! The same script gives the same parts in every dialect.

use crate::world::{DIALECTS, World, finish, request};
use fakes::scripted::script::{Do, Script, Turn};
use futures::StreamExt;
use model::conversation::{Image, Message, Part};
use model::dialect::Dialect;
use model::piece::{Piece, Stop};
use serde_json::json;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

/// What an answer says, without ids and raw texts.
fn said(parts: &[Part]) -> String {
    parts.iter().fold(String::new(), |mut out, part| {
        match part {
            Part::Text { text, .. } => writeln!(out, "text {text}"),
            Part::Thinking { text, .. } => writeln!(out, "thinking {text}"),
            Part::ToolCall { name, arguments, .. } => writeln!(out, "call {name} {arguments}"),
            Part::ToolResult { .. } | Part::Image(_) | Part::Opaque { .. } => Ok(()),
        }
        .unwrap();
        out
    })
}

fn two_calls() -> Turn {
    Turn::act(vec![Do::Read("ä.py".into()), Do::Shell("echo \"1\\2\" | wc".into())])
        .thinking("Thinking about it, at some length, so that several events are needed.")
        .text("Looking – at both files.\n")
}

#[tokio::test]
async fn all_dialects_give_the_same_parts() {
    for dialect in DIALECTS {
        let world = World::of(vec![two_calls()]).await;
        let answer = world.ask(dialect, &request("go")).await.unwrap();
        assert_eq!(
            said(&answer.parts),
            "thinking Thinking about it, at some length, so that several events are needed.\n\
             text Looking – at both files.\n\n\
             call read_file {\"path\":\"ä.py\"}\n\
             call shell {\"command\":\"echo \\\"1\\\\2\\\" | wc\"}\n",
            "{dialect:?}"
        );
        assert_eq!(answer.stop, Stop::ToolUse, "{dialect:?}");
        assert!(answer.response_id.is_some());
    }
}

#[tokio::test]
async fn deltas_add_up_to_the_finished_parts() {
    for dialect in DIALECTS {
        let world = World::of(vec![two_calls()]).await;
        let mut pieces = world.model(dialect).stream(&request("go"));
        let (mut text, mut thinking, mut calls) = (String::new(), String::new(), Vec::new());
        let mut parts = Vec::new();
        while let Some(piece) = pieces.next().await {
            match piece.unwrap() {
                Piece::TextDelta(delta) => text.push_str(&delta),
                Piece::ThinkingDelta(delta) => thinking.push_str(&delta),
                Piece::ToolCallStarted { index, id, name } => {
                    assert_eq!(index, calls.len());
                    calls.push((id, name, String::new()));
                }
                Piece::ToolCallDelta { index, arguments } => calls[index].2.push_str(&arguments),
                Piece::Counted(_) => {}
                Piece::Retrying { .. } => panic!("nothing is retried here"),
                Piece::Finished(answer) => parts = answer.parts,
            }
        }
        let finished: Vec<_> = parts
            .iter()
            .filter_map(|part| match part {
                Part::ToolCall { id, name, arguments, .. } => {
                    Some((id.clone(), name.clone(), arguments.clone()))
                }
                Part::Text { text: whole, .. } => {
                    assert_eq!(*whole, text);
                    None
                }
                Part::Thinking { text: whole, .. } => {
                    assert_eq!(*whole, thinking);
                    None
                }
                _ => None,
            })
            .collect();
        assert_eq!(finished, calls, "{dialect:?}");
    }
}

#[tokio::test]
async fn the_bench_runs_21_steps_in_every_dialect() {
    for dialect in DIALECTS {
        let world = World::new(Script::bench(21)).await;
        let (answers, _) = world.converse(dialect, "fix calc.py").await;
        assert_eq!(answers.len(), 22, "{dialect:?}");
        assert_eq!(answers[21].stop, Stop::EndTurn);
        let edits = answers.iter().filter(|answer| said(&answer.parts).contains("edit_file"));
        assert_eq!(edits.count(), 7);
    }
}

#[tokio::test]
async fn the_prefix_is_read_from_the_cache_from_the_second_request_on() {
    for dialect in DIALECTS {
        let world = World::new(Script::bench(3)).await;
        let (answers, _) = world.converse(dialect, "fix calc.py").await;
        assert_eq!(answers[0].usage.cache_read_tokens, 0, "{dialect:?}");
        for pair in answers.windows(2) {
            let seen_before = pair[0].usage.context_tokens();
            let read = pair[1].usage.cache_read_tokens;
            assert!(read + 8 >= seen_before, "{dialect:?}: {read} of {seen_before} were cached");
        }
    }
}

#[tokio::test]
async fn steering_and_images_travel_in_every_dialect() {
    for dialect in DIALECTS {
        let world = World::of(vec![two_calls(), Turn::say("Seen.")]).await;
        let mut request = request("go");
        let answer = world.ask(dialect, &request).await.unwrap();
        request.messages.push(Arc::new(answer.to_message()));
        let image = Image { mime_type: "image/png".into(), base64: "iVBORw0KGgo=".into() };
        let mut results = crate::world::results(&answer);
        if let Some(Part::ToolResult { images, is_error, .. }) = results.first_mut() {
            images.push(image.clone());
            *is_error = true;
        }
        request.messages.push(Arc::new(Message::tool_results(results)));
        let steering = vec![Part::text("Also look at this:"), Part::Image(image)];
        request.messages.push(Arc::new(Message::user(steering)));
        let answer = world.ask(dialect, &request).await.unwrap();
        assert_eq!(said(&answer.parts), "text Seen.\n", "{dialect:?}");
        let body = &world.server.requests()[1].body;
        assert_eq!(body.matches("iVBORw0KGgo=").count(), 2, "{dialect:?}");
    }
}

#[tokio::test]
async fn malformed_arguments_are_handed_on_and_can_be_answered() {
    let call = Do::Call { name: "shell".into(), arguments: json!("{\"command\": \"ls") };
    for dialect in DIALECTS {
        let world = World::of(vec![Turn::act(vec![call.clone()]), Turn::say("Sorry.")]).await;
        let (answers, _) = world.converse(dialect, "go").await;
        assert_eq!(said(&answers[0].parts), "call shell {\"command\": \"ls\n", "{dialect:?}");
        assert_eq!(said(&answers[1].parts), "text Sorry.\n");
    }
}

#[tokio::test]
async fn a_script_in_the_prompt_is_followed() {
    let prompt = "Please.\nscript: {\"turns\": [{\"text\": \"one\", \"calls\": [{\"shell\": \"true\"}]}, \
                  {\"text\": \"two\"}]}\nThank you.";
    for dialect in DIALECTS {
        let world = World::new(Script::by_prompt()).await;
        let (answers, _) = world.converse(dialect, prompt).await;
        let said: Vec<_> = answers.iter().map(|answer| said(&answer.parts)).collect();
        assert_eq!(said, ["text one\ncall shell {\"command\":\"true\"}\n", "text two\n"]);
    }
}

#[tokio::test]
async fn endless_tool_calls_go_on_as_long_as_they_are_answered() {
    let turn = Turn { forever: true, ..Turn::act(vec![Do::Shell("true".into())]) };
    let world = World::of(vec![turn]).await;
    let mut request = request("go");
    for _ in 0..10 {
        let answer = world.ask(Dialect::Anthropic, &request).await.unwrap();
        assert_eq!(answer.stop, Stop::ToolUse);
        request.messages.push(Arc::new(answer.to_message()));
        request.messages.push(Arc::new(Message::tool_results(crate::world::results(&answer))));
    }
}

#[tokio::test]
async fn a_dropped_stream_sends_nothing_more() {
    let world = World::of(vec![Turn::say("x")]).await;
    let unpolled = world.model(Dialect::Anthropic).stream(&request("go"));
    drop(unpolled);
    assert!(world.server.requests().is_empty());
}

#[tokio::test]
async fn slow_answers_arrive_whole() {
    let turn = Turn { first_byte_ms: 5, per_event_ms: 1, ..two_calls() };
    for dialect in DIALECTS {
        let world = World::of(vec![turn.clone()]).await;
        let answer = world.ask(dialect, &request("go")).await.unwrap();
        assert_eq!(answer.parts.len(), 4, "{dialect:?}");
    }
}

/// The pool keeps connections: a request costs a round trip, not a handshake.
#[tokio::test]
async fn connections_are_used_again() {
    for dialect in DIALECTS {
        let world = World::of(vec![Turn { forever: true, ..Turn::say("x") }]).await;
        let model = world.model(dialect);
        let request = request("go");
        finish(model.stream(&request)).await.unwrap();
        let begun = Instant::now();
        for _ in 0..50 {
            finish(model.stream(&request)).await.unwrap();
        }
        println!("{dialect:?}: {:?} per request", begun.elapsed() / 50);
        assert_eq!(world.server.connections(), 1, "{dialect:?}");
    }
}
