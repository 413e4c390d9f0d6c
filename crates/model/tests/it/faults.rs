//! Every way to fail becomes its own error, and what may pass is tried again.

use crate::world::{DIALECTS, KEY, STALL, World, finish, request};
use fakes::scripted::Options;
use fakes::scripted::script::{Fault, Script, Turn};
use futures::StreamExt;
use model::Model;
use model::dialect::Dialect;
use model::error::ModelError;
use model::piece::Piece;
use model::retry::{RetryPolicy, with_retries};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn long_text() -> Turn {
    Turn::say("A sentence that is long enough to be streamed in several events. ".repeat(4))
}

#[tokio::test]
async fn every_fault_is_a_typed_error_in_every_dialect() {
    let faults = [
        (Fault::RateLimited(7), "model_rate_limited"),
        (Fault::Overloaded, "model_overloaded"),
        (Fault::ServerError, "model_overloaded"),
        (Fault::WrongKey, "model_auth"),
        (Fault::UnknownModel, "model_unknown"),
        (Fault::ContextTooLong, "model_context_too_long"),
        (Fault::ErrorInStream, "model_overloaded"),
        (Fault::Stall, "model_stalled"),
        (Fault::Cut, "model_cut_stream"),
        (Fault::ShortStream, "model_cut_stream"),
        (Fault::Malformed, "model_malformed"),
        (Fault::Refusal, "model_refused"),
    ];
    for dialect in DIALECTS {
        let world = World::of(vec![long_text()]).await;
        for (fault, code) in faults {
            world.server.fail_next(fault, 1);
            let error = world.ask(dialect, &request("go")).await.unwrap_err();
            assert_eq!(error.code(), code, "{dialect:?} {fault:?}: {error:?}");
        }
        world.ask(dialect, &request("go")).await.unwrap();
    }
}

#[tokio::test]
async fn retry_after_is_read_from_the_answer() {
    let world = World::of(vec![Turn::fail(Fault::RateLimited(7))]).await;
    let error = world.ask(Dialect::Anthropic, &request("go")).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn silence_before_the_first_byte_is_a_stall() {
    let first_byte = STALL * 20;
    let options = Options { first_byte, ..Options::default() };
    let world = World::with(Script::custom(vec![long_text()]), options).await;
    let begun = Instant::now();
    let error = world.ask(Dialect::OpenaiChat, &request("go")).await.unwrap_err();
    assert_eq!(error, ModelError::Stalled(STALL));
    assert!(begun.elapsed() < first_byte);
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let world = World::of(vec![long_text()]).await;
    let model = world.model(Dialect::Anthropic);
    world.server.stop().await;
    let error = finish(model.stream(&request("go"))).await.unwrap_err();
    assert!(matches!(error, ModelError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn the_key_is_sent_and_a_wrong_one_refused() {
    for dialect in DIALECTS {
        for (key, is_right) in [(KEY, true), ("another", false)] {
            let options = Options { key: Some(key.to_owned()), ..Options::default() };
            let world = World::with(Script::custom(vec![long_text()]), options).await;
            let result = world.ask(dialect, &request("go")).await;
            assert_eq!(result.is_ok(), is_right, "{dialect:?} {result:?}");
        }
    }
}

#[tokio::test]
async fn unknown_models_are_told_apart() {
    for dialect in DIALECTS {
        let options = Options { models: vec!["other".to_owned()], ..Options::default() };
        let world = World::with(Script::custom(vec![long_text()]), options).await;
        let error = world.ask(dialect, &request("go")).await.unwrap_err();
        assert!(matches!(error, ModelError::UnknownModel(_)), "{dialect:?} {error:?}");
    }
}

#[tokio::test]
async fn a_broken_answer_is_asked_again_and_the_watcher_is_told() {
    let quick = RetryPolicy { base_delay: Duration::from_millis(1), ..RetryPolicy::default() };
    for fault in [Fault::Cut, Fault::Malformed, Fault::ErrorInStream, Fault::Overloaded] {
        for dialect in DIALECTS {
            let world =
                World::of(vec![Turn { fault: Some(fault), fault_times: 2, ..long_text() }]).await;
            let request = Arc::new(request("go"));
            let mut pieces = with_retries(world.model(dialect), request, quick, 1);
            let (mut attempts, mut text) = (vec![], String::new());
            while let Some(piece) = pieces.next().await {
                match piece.unwrap() {
                    Piece::TextDelta(delta) => text.push_str(&delta),
                    Piece::Retrying { attempt, reason, .. } => {
                        assert!(!reason.is_empty());
                        attempts.push(attempt);
                        text.clear();
                    }
                    _ => {}
                }
            }
            assert_eq!(attempts, [2, 3], "{dialect:?} {fault:?}");
            assert_eq!(Some(text), long_text().text);
        }
    }
}

#[tokio::test]
async fn what_cannot_succeed_is_asked_once() {
    let world = World::of(vec![Turn { fault_times: 5, ..Turn::fail(Fault::WrongKey) }]).await;
    let model = world.model(Dialect::Anthropic);
    let pieces = with_retries(model, Arc::new(request("go")), RetryPolicy::default(), 1);
    let error = finish(pieces).await.unwrap_err();
    assert!(matches!(error, ModelError::Auth(_)));
    assert_eq!(world.server.requests().len(), 1);
}

/// A model without a network: fails so many times, then answers.
struct Flaky {
    failures: std::sync::atomic::AtomicU32,
    error: ModelError,
    capabilities: model::Capabilities,
}

impl Model for Flaky {
    fn capabilities(&self) -> &model::Capabilities {
        &self.capabilities
    }

    fn stream(&self, _request: &model::conversation::Request) -> model::PieceStream {
        use std::sync::atomic::Ordering::SeqCst;
        let less = |left: u32| left.checked_sub(1);
        let piece = match self.failures.fetch_update(SeqCst, SeqCst, less) {
            Ok(_) => Err(self.error.clone()),
            Err(_) => Ok(Piece::TextDelta("fine".to_owned())),
        };
        futures::stream::iter([piece]).boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_obeys_retry_after_to_the_second() {
    let retry_after = Some(Duration::from_secs(30));
    let flaky = Flaky {
        failures: 2.into(),
        error: ModelError::RateLimited { retry_after },
        capabilities: model::catalog::compatible_capabilities(),
    };
    let begun = tokio::time::Instant::now();
    let request = Arc::new(request("go"));
    let pieces = with_retries(Arc::new(flaky), request, RetryPolicy::default(), 42);
    let pieces: Vec<_> = pieces.collect().await;
    assert_eq!(pieces.len(), 3);
    let waited = begun.elapsed().as_secs_f64();
    assert!((60.0..67.0).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn the_error_of_the_last_attempt_is_reported() {
    let flaky = Flaky {
        failures: u32::MAX.into(),
        error: ModelError::CutStream,
        capabilities: model::catalog::compatible_capabilities(),
    };
    let policy = RetryPolicy { attempts_max: 3, ..RetryPolicy::default() };
    let pieces = with_retries(Arc::new(flaky), Arc::new(request("go")), policy, 42);
    let pieces: Vec<_> = pieces.collect().await;
    assert_eq!(pieces.len(), 3);
    assert_eq!(pieces[2].as_ref().unwrap_err(), &ModelError::CutStream);
}
