//! What the model said comes back byte for byte to its own dialect, and degrades for others.

use crate::world::{DIALECTS, World, request, results};
use fakes::scripted::script::{Do, Turn};
use model::conversation::{Message, Part, Raw, Request};
use model::dialect::Dialect;
use model::error::ModelError;
use std::sync::Arc;

fn turns() -> Vec<Turn> {
    let first = Turn::act(vec![Do::Read("a".into()), Do::Shell("ls".into())])
        .thinking("First I think.")
        .text("Reading.");
    vec![Turn { opaque: true, ..first }, Turn::say("Done.")]
}

/// The request that follows the first answer.
async fn second(world: &World, dialect: Dialect) -> Request {
    let mut request = request("go");
    let answer = world.ask(dialect, &request).await.unwrap();
    request.messages.push(Arc::new(answer.to_message()));
    request.messages.push(Arc::new(Message::tool_results(results(&answer))));
    request
}

#[tokio::test]
async fn every_raw_part_is_replayed_byte_for_byte() {
    for dialect in DIALECTS {
        let world = World::of(turns()).await;
        let request = second(&world, dialect).await;
        world.ask(dialect, &request).await.unwrap();
        let body = &world.server.requests()[1].body;
        let raws: Vec<&Raw> = request.messages[1].parts.iter().filter_map(Part::raw).collect();
        assert!(raws.len() >= 3, "{dialect:?}");
        for raw in raws {
            // The vendors' reasoning fields of Chat Completions are fields of the message itself.
            let text = raw.as_str();
            let inner = text.trim_start_matches('{').trim_end_matches('}');
            assert!(body.contains(text) || body.contains(inner), "{dialect:?} lost {text}");
        }
    }
}

#[tokio::test]
async fn stored_raw_texts_are_recognised_after_a_restart() {
    for dialect in DIALECTS {
        let world = World::of(turns()).await;
        let mut request = second(&world, dialect).await;
        let stored = |part: &Part| {
            let again = |raw: &Option<Raw>| raw.as_ref().and_then(|raw| Raw::parse(raw.as_str()));
            match part {
                Part::Text { text, raw } => Part::Text { text: text.clone(), raw: again(raw) },
                Part::Thinking { text, raw } => {
                    Part::Thinking { text: text.clone(), raw: again(raw) }
                }
                other => other.clone(),
            }
        };
        let parts = request.messages[1].parts.iter().map(stored).collect();
        let message = Message::assistant(parts);
        assert_eq!(message.dialect, Some(dialect));
        request.messages[1] = Arc::new(message);
        world.ask(dialect, &request).await.unwrap();
    }
}

#[tokio::test]
async fn another_dialect_gets_text_and_calls_but_no_foreign_thinking() {
    for from in DIALECTS {
        for to in DIALECTS.into_iter().filter(|to| *to != from) {
            let world = World::of(turns()).await;
            let request = second(&world, from).await;
            world.ask(to, &request).await.unwrap();
            let body = &world.server.requests()[1].body;
            assert!(body.contains("Reading."), "{from:?} to {to:?} lost the text");
            assert!(!body.contains("First I think."), "{from:?} to {to:?} sent foreign thinking");
        }
    }
}

#[tokio::test]
async fn a_changed_signature_is_refused_by_the_fake() {
    for dialect in DIALECTS {
        let world = World::of(turns()).await;
        let mut request = second(&world, dialect).await;
        let changed = |part: &Part| match part {
            Part::Thinking { text, raw: Some(raw) } => {
                let raw = Raw::parse(raw.as_str().replace("First I think.", ""));
                Part::Thinking { text: text.clone(), raw }
            }
            other => other.clone(),
        };
        let parts = request.messages[1].parts.iter().map(changed).collect();
        request.messages[1] = Arc::new(Message::assistant(parts));
        let error = world.ask(dialect, &request).await.unwrap_err();
        assert!(matches!(error, ModelError::BadRequest(_)), "{dialect:?}: {error:?}");
    }
}

#[tokio::test]
async fn lost_thinking_is_refused_by_the_fake() {
    for dialect in DIALECTS {
        let world = World::of(turns()).await;
        let mut request = second(&world, dialect).await;
        let parts = request.messages[1].parts.iter();
        let parts = parts.filter(|part| !matches!(part, Part::Thinking { .. })).cloned().collect();
        request.messages[1] = Arc::new(Message::assistant(parts));
        let error = world.ask(dialect, &request).await.unwrap_err();
        assert!(matches!(error, ModelError::BadRequest(_)), "{dialect:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_call_without_its_only_output_is_refused_by_the_fake() {
    for dialect in DIALECTS {
        let world = World::of(turns()).await;
        let good = second(&world, dialect).await;
        let all = good.messages[2].parts.clone();
        let missing = all[..1].to_vec();
        let doubled = [all.clone(), all[..1].to_vec()].concat();
        let foreign = [all, vec![Part::tool_result("nobody", "x")]].concat();
        for parts in [missing, doubled, foreign] {
            let mut request = good.clone();
            request.messages[2] = Arc::new(Message::tool_results(parts));
            let error = world.ask(dialect, &request).await.unwrap_err();
            assert!(matches!(error, ModelError::BadRequest(_)), "{dialect:?}: {error:?}");
        }
    }
}
