//! The HTTP side: routes, keys, and answers streamed event by event.

use super::answer::{self, Answer};
use super::fault::{self, Ending};
use super::script::{Fault, Turn};
use super::seen::Seen;
use super::state::State;
use super::{anthropic, chat, responses, tools};
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, OriginalUri, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::stream;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Largest request body.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A wire format that the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Anthropic,
    Responses,
    Chat,
}

impl Dialect {
    fn read(self, body: &Value, headers: &HeaderMap, state: &State) -> Result<Seen, String> {
        match self {
            Self::Anthropic => {
                let betas = headers.get("anthropic-beta").and_then(|value| value.to_str().ok());
                anthropic::read(body, betas.unwrap_or_default())
            }
            Self::Responses => responses::read(body),
            Self::Chat => chat::read(body, state.options.require_reasoning_content),
        }
    }

    fn frames(self, answer: &Answer) -> Vec<String> {
        match self {
            Self::Anthropic => anthropic::frames(answer),
            Self::Responses => responses::frames(answer),
            Self::Chat => chat::frames(answer),
        }
    }

    fn whole(self, answer: &Answer) -> Value {
        match self {
            Self::Anthropic => anthropic::whole(answer),
            Self::Responses => responses::whole(answer),
            Self::Chat => chat::whole(answer),
        }
    }
}

/// The routes.
pub(crate) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/v1/messages", post(messages))
        .route("/v1/messages/count_tokens", post(count_tokens))
        .route("/v1/responses", post(respond))
        .route("/v1/chat/completions", post(complete))
        .route("/v1/models", get(models))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(state)
}

async fn messages(
    Shared(state): Shared<Arc<State>>,
    uri: OriginalUri,
    headers: HeaderMap,
    body: String,
) -> Response {
    answer(&state, Dialect::Anthropic, uri.path(), &headers, &body)
}

async fn respond(
    Shared(state): Shared<Arc<State>>,
    uri: OriginalUri,
    headers: HeaderMap,
    body: String,
) -> Response {
    answer(&state, Dialect::Responses, uri.path(), &headers, &body)
}

async fn complete(
    Shared(state): Shared<Arc<State>>,
    uri: OriginalUri,
    headers: HeaderMap,
    body: String,
) -> Response {
    answer(&state, Dialect::Chat, uri.path(), &headers, &body)
}

async fn count_tokens(body: String) -> Json<Value> {
    Json(json!({"input_tokens": body.len() / 4}))
}

async fn models(Shared(state): Shared<Arc<State>>) -> Json<Value> {
    let known = &state.options.models;
    let names = if known.is_empty() { vec!["scripted".to_owned()] } else { known.clone() };
    let models: Vec<Value> = names
        .into_iter()
        .map(|id| {
            json!({"id": id, "object": "model", "type": "model", "display_name": id,
                         "owned_by": "errand", "created": 0})
        })
        .collect();
    Json(json!({"object": "list", "data": models, "has_more": false}))
}

fn answer(
    state: &Arc<State>,
    dialect: Dialect,
    path: &str,
    headers: &HeaderMap,
    body: &str,
) -> Response {
    let number = state.record(path, body);
    let response = respond_to(state, dialect, headers, body, number)
        .unwrap_or_else(|refusal| refusal.into_response(dialect));
    state.answered(number, response.status().as_u16());
    response
}

/// Why there is no answer.
enum Refusal {
    Bad(String),
    Fault(Fault),
}

impl Refusal {
    fn into_response(self, dialect: Dialect) -> Response {
        let error = match self {
            Self::Bad(message) => fault::bad_request(dialect, &message),
            Self::Fault(fault) => fault::error(dialect, fault),
        };
        let mut response = (error.status, Json(error.body)).into_response();
        if let Some(seconds) = error.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

fn respond_to(
    state: &Arc<State>,
    dialect: Dialect,
    headers: &HeaderMap,
    body: &str,
    number: u64,
) -> Result<Response, Refusal> {
    check_key(state, headers)?;
    let json: Value = serde_json::from_str(body)
        .map_err(|error| Refusal::Bad(format!("the body is not JSON: {error}")))?;
    let seen = dialect.read(&json, headers, state).map_err(Refusal::Bad)?;
    if !state.options.models.is_empty() && !state.options.models.contains(&seen.model) {
        return Err(Refusal::Fault(Fault::UnknownModel));
    }
    let turn = state.script.turn(&seen).map_err(Refusal::Bad)?;
    let fault = state.next_fault().or_else(|| state.scripted_fault(&seen, &turn));
    let ending = match fault {
        None => Ending::Whole,
        Some(fault) => Ending::of(fault).ok_or(Refusal::Fault(fault))?,
    };
    let mut answer = compose(state, &seen, &turn);
    answer.is_refusal = ending == Ending::Refusal;
    if !seen.is_stream {
        state.ended(number);
        return Ok(Json(dialect.whole(&answer)).into_response());
    }
    let frames = ending.shorten(dialect, dialect.frames(&answer));
    Ok(streamed(Playing::of(state, &turn, number, frames, ending)))
}

fn check_key(state: &State, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(key) = &state.options.key else { return Ok(()) };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let given = header("x-api-key").or(bearer);
    if given == Some(key) { Ok(()) } else { Err(Refusal::Fault(Fault::WrongKey)) }
}

fn compose(state: &State, seen: &Seen, turn: &Turn) -> Answer {
    let calls: Vec<_> = turn.calls.iter().filter_map(|doing| tools::call(doing, seen)).collect();
    let cannot_act = calls.is_empty() && turn.text.is_none() && !turn.calls.is_empty();
    let text = if cannot_act {
        Some("The scripted model needs a tool for its next step, and none is declared.".to_owned())
    } else {
        turn.text.clone()
    };
    let mut answer = Answer {
        nonce: answer::nonce(),
        model: seen.model.clone(),
        thinking: turn.thinking.clone().filter(|_| seen.may_think),
        is_opaque: turn.opaque,
        is_refusal: false,
        text,
        calls,
        usage: answer::input_usage(seen, state.known_prefix(seen)),
    };
    answer.usage.output = answer.output_tokens();
    answer
}

/// An answer on its way out.
struct Playing {
    state: Arc<State>,
    number: u64,
    frames: VecDeque<String>,
    first_byte: Duration,
    per_event: Duration,
    is_first: bool,
    ending: Ending,
}

impl Playing {
    fn of(
        state: &Arc<State>,
        turn: &Turn,
        number: u64,
        frames: Vec<String>,
        ending: Ending,
    ) -> Self {
        let options = &state.options;
        let first_byte = options.first_byte + Duration::from_millis(turn.first_byte_ms);
        let per_event = options.per_event + Duration::from_millis(turn.per_event_ms);
        // Without latency the whole answer goes out in one write.
        let frames = if per_event.is_zero() { vec![frames.concat()] } else { frames };
        Self {
            state: Arc::clone(state),
            number,
            frames: frames.into(),
            first_byte,
            per_event,
            is_first: true,
            ending,
        }
    }

    async fn next(&mut self) -> Option<std::io::Result<Bytes>> {
        let wait = if self.is_first { self.first_byte } else { self.per_event };
        self.is_first = false;
        let Some(frame) = self.frames.pop_front() else { return self.end().await };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        if self.frames.is_empty() && self.ending != Ending::Stall {
            self.state.ended(self.number);
        }
        Some(Ok(Bytes::from(frame)))
    }

    async fn end(&mut self) -> Option<std::io::Result<Bytes>> {
        match self.ending {
            Ending::Stall => {
                self.state.stopping.cancelled().await;
                None
            }
            Ending::Cut => {
                self.ending = Ending::Whole;
                // The events before the cut are to arrive: an error in the same turn of the
                // connection would discard them.
                tokio::task::yield_now().await;
                Some(Err(std::io::Error::other("cut as the script says")))
            }
            Ending::Whole | Ending::Error | Ending::Short | Ending::Malformed | Ending::Refusal => {
                None
            }
        }
    }
}

fn streamed(playing: Playing) -> Response {
    let body = stream::unfold(playing, |mut playing| async move {
        let item = playing.next().await?;
        Some((item, playing))
    });
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")],
        Body::from_stream(body),
    )
        .into_response()
}
