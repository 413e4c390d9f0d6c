//! Errors in each dialect's own shape, and the ways in which a stream can go wrong.

use super::door::Dialect;
use super::script::Fault;
use axum::http::StatusCode;
use serde_json::{Value, json};

/// An error response.
pub(crate) struct ErrorResponse {
    pub(crate) status: StatusCode,
    pub(crate) retry_after_s: Option<u64>,
    pub(crate) body: Value,
}

/// How a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Whole,
    Error,
    Stall,
    Cut,
    Short,
    Malformed,
    Refusal,
}

impl Ending {
    /// The ending that a fault causes, if it strikes inside the stream.
    pub(crate) const fn of(fault: Fault) -> Option<Self> {
        match fault {
            Fault::ErrorInStream => Some(Self::Error),
            Fault::Stall => Some(Self::Stall),
            Fault::Cut => Some(Self::Cut),
            Fault::ShortStream => Some(Self::Short),
            Fault::Malformed => Some(Self::Malformed),
            Fault::Refusal => Some(Self::Refusal),
            Fault::RateLimited(_)
            | Fault::Overloaded
            | Fault::ServerError
            | Fault::WrongKey
            | Fault::UnknownModel
            | Fault::ContextTooLong => None,
        }
    }

    /// Cuts an answer's events in the middle, where the ending says so.
    pub(crate) fn shorten(self, dialect: Dialect, mut frames: Vec<String>) -> Vec<String> {
        if matches!(self, Self::Whole | Self::Refusal) {
            return frames;
        }
        frames.truncate(frames.len().div_ceil(2));
        match self {
            Self::Error => frames.push(error_frame(dialect)),
            Self::Malformed => frames.push("data: {\"type\": \"content_blo\n\n".to_owned()),
            Self::Whole | Self::Stall | Self::Cut | Self::Short | Self::Refusal => {}
        }
        frames
    }
}

/// A request that the provider finds fault with.
pub(crate) fn bad_request(dialect: Dialect, message: &str) -> ErrorResponse {
    let body = shaped(dialect, "invalid_request_error", None, message);
    ErrorResponse { status: StatusCode::BAD_REQUEST, retry_after_s: None, body }
}

/// The error response of a fault that strikes before the stream.
pub(crate) fn error(dialect: Dialect, fault: Fault) -> ErrorResponse {
    let (status, kind, code, message) = match fault {
        Fault::RateLimited(_) => (
            429,
            "rate_limit_error",
            Some("rate_limit_exceeded"),
            "Number of requests has exceeded your rate limit",
        ),
        Fault::Overloaded if dialect == Dialect::Anthropic => {
            (529, "overloaded_error", None, "Overloaded")
        }
        Fault::Overloaded => (503, "server_error", None, "The server is overloaded"),
        Fault::WrongKey if dialect == Dialect::Anthropic => {
            (401, "authentication_error", None, "invalid x-api-key")
        }
        Fault::WrongKey => {
            (401, "invalid_request_error", Some("invalid_api_key"), "Incorrect API key provided")
        }
        Fault::UnknownModel if dialect == Dialect::Anthropic => {
            (404, "not_found_error", None, "model: unknown")
        }
        Fault::UnknownModel => {
            (404, "invalid_request_error", Some("model_not_found"), "The model does not exist")
        }
        Fault::ContextTooLong if dialect == Dialect::Anthropic => (
            400,
            "invalid_request_error",
            None,
            "prompt is too long: 210000 tokens > 200000 maximum",
        ),
        Fault::ContextTooLong => (
            400,
            "invalid_request_error",
            Some("context_length_exceeded"),
            "Your input exceeds the context window of this model",
        ),
        Fault::ServerError
        | Fault::ErrorInStream
        | Fault::Stall
        | Fault::Cut
        | Fault::ShortStream
        | Fault::Malformed
        | Fault::Refusal => (500, "api_error", None, "Internal server error"),
    };
    let retry_after_s = if let Fault::RateLimited(seconds) = fault { Some(seconds) } else { None };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    ErrorResponse { status, retry_after_s, body: shaped(dialect, kind, code, message) }
}

fn shaped(dialect: Dialect, kind: &str, code: Option<&str>, message: &str) -> Value {
    match dialect {
        Dialect::Anthropic => {
            json!({"type": "error", "error": {"type": kind, "message": message}})
        }
        Dialect::Responses | Dialect::Chat => {
            json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
        }
    }
}

fn error_frame(dialect: Dialect) -> String {
    let body = match dialect {
        Dialect::Anthropic => shaped(dialect, "overloaded_error", None, "Overloaded"),
        Dialect::Responses => {
            json!({"type": "response.failed", "sequence_number": 99, "response": {
            "id": "resp_failed", "object": "response", "status": "failed", "output": [],
            "error": {"code": "server_error", "message": "The server had an error"}}})
        }
        Dialect::Chat => shaped(dialect, "server_error", None, "The server had an error"),
    };
    match body.get("type").and_then(Value::as_str) {
        Some(kind) => format!("event: {kind}\ndata: {body}\n\n"),
        None => format!("data: {body}\n\n"),
    }
}
