//! How a model call fails, typed by what the caller does about it.

use serde::Deserialize;
use std::time::Duration;

/// Longest message of a provider that is kept, in bytes.
const MESSAGE_BYTES_MAX: usize = 2_000;

/// Why a model gave no (whole) answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The key is missing, wrong or not allowed to use the model.
    #[error("the model provider refused the key: {0}")]
    Auth(String),
    /// The account has no credit left, or a budget is exhausted.
    #[error("the model account has no credit left: {0}")]
    OutOfCredit(String),
    /// The provider does not know the model.
    #[error("the model provider does not know this model: {0}")]
    UnknownModel(String),
    /// The provider found fault with the request.
    #[error("the model provider refused the request: {0}")]
    BadRequest(String),
    /// Too many requests or tokens per minute.
    #[error("the model provider limits the rate of requests")]
    RateLimited {
        /// How long the provider asks to wait.
        retry_after: Option<Duration>,
    },
    /// The provider has trouble of its own.
    #[error("the model provider is overloaded or failing: {message}")]
    Overloaded {
        /// How long the provider asks to wait.
        retry_after: Option<Duration>,
        /// The provider's words.
        message: String,
    },
    /// The conversation is longer than the model's context window.
    #[error("the conversation is too long for the model: {0}")]
    ContextTooLong(String),
    /// No connection to the provider.
    #[error("the model provider cannot be reached: {0}")]
    Unreachable(String),
    /// The connection stands but nothing arrives.
    #[error("the model provider sent nothing for {} s", .0.as_secs())]
    Stalled(Duration),
    /// The answer broke off.
    #[error("the answer of the model broke off")]
    CutStream,
    /// The answer does not follow the provider's own protocol, or exceeds a limit.
    #[error("the answer of the model provider makes no sense: {0}")]
    Malformed(String),
    /// The model or its provider declines to answer this conversation.
    #[error("the model declined to answer: {0}")]
    Refused(String),
}

impl ModelError {
    /// Whether the same request may succeed later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Overloaded { .. }
            | Self::Unreachable(_)
            | Self::Stalled(_)
            | Self::CutStream
            | Self::Malformed(_) => true,
            Self::Auth(_)
            | Self::OutOfCredit(_)
            | Self::UnknownModel(_)
            | Self::BadRequest(_)
            | Self::ContextTooLong(_)
            | Self::Refused(_) => false,
        }
    }

    /// How long the provider asked to wait, if it did.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Overloaded { retry_after, .. } => {
                *retry_after
            }
            Self::Auth(_)
            | Self::OutOfCredit(_)
            | Self::UnknownModel(_)
            | Self::BadRequest(_)
            | Self::ContextTooLong(_)
            | Self::Unreachable(_)
            | Self::Stalled(_)
            | Self::CutStream
            | Self::Malformed(_)
            | Self::Refused(_) => None,
        }
    }

    /// A stable code for programs and run failures.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Auth(_) => "model_auth",
            Self::OutOfCredit(_) => "model_out_of_credit",
            Self::UnknownModel(_) => "model_unknown",
            Self::BadRequest(_) => "model_bad_request",
            Self::RateLimited { .. } => "model_rate_limited",
            Self::Overloaded { .. } => "model_overloaded",
            Self::ContextTooLong(_) => "model_context_too_long",
            Self::Unreachable(_) => "model_unreachable",
            Self::Stalled(_) => "model_stalled",
            Self::CutStream => "model_cut_stream",
            Self::Malformed(_) => "model_malformed",
            Self::Refused(_) => "model_refused",
        }
    }
}

/// The error object of the three dialects: they differ only in which fields they fill.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireError {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) code: Option<serde_json::Value>,
    pub(crate) message: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    error: WireError,
}

/// The error of a response that is not a success.
pub(crate) fn from_response(status: u16, retry_after: Option<Duration>, body: &str) -> ModelError {
    let wire = serde_json::from_str::<Envelope>(body).map(|envelope| envelope.error);
    let wire = wire.unwrap_or_else(|_| WireError {
        message: Some(body.trim().to_owned()),
        ..WireError::default()
    });
    classify(Some(status), retry_after, &wire)
}

/// The error of an error object inside a stream.
pub(crate) fn from_stream(wire: &WireError) -> ModelError {
    classify(None, None, wire)
}

fn classify(status: Option<u16>, retry_after: Option<Duration>, wire: &WireError) -> ModelError {
    let message = clipped(wire.message.as_deref().unwrap_or_default(), status);
    let kind = wire.kind.as_deref().unwrap_or_default();
    let code = wire.code.as_ref().and_then(|code| code.as_str()).unwrap_or_default();
    let any = |names: &[&str]| names.contains(&kind) || names.contains(&code);

    if any(&["insufficient_quota", "billing_error", "billing_hard_limit_reached"])
        || status == Some(402)
        || message.contains("credit balance is too low")
    {
        return ModelError::OutOfCredit(message);
    }
    if any(&["context_length_exceeded", "request_too_large"])
        || status == Some(413)
        || speaks_of_context(&message)
    {
        return ModelError::ContextTooLong(message);
    }
    if any(&["rate_limit_error", "rate_limit_exceeded", "too_many_requests"]) {
        return ModelError::RateLimited { retry_after };
    }
    if any(&["model_not_found"]) {
        return ModelError::UnknownModel(message);
    }
    if any(&["authentication_error", "permission_error", "invalid_api_key"]) {
        return ModelError::Auth(message);
    }
    if any(&["content_filter", "content_policy_violation", "cyber_policy_violation"]) {
        return ModelError::Refused(message);
    }
    by_status(status, retry_after, kind, message)
}

fn by_status(
    status: Option<u16>,
    retry_after: Option<Duration>,
    kind: &str,
    message: String,
) -> ModelError {
    match status {
        Some(401 | 403) => ModelError::Auth(message),
        Some(404) => ModelError::UnknownModel(message),
        Some(429) => ModelError::RateLimited { retry_after },
        Some(408 | 409 | 425 | 500..) => ModelError::Overloaded { retry_after, message },
        Some(_) => ModelError::BadRequest(message),
        None if kind == "invalid_request_error" => ModelError::BadRequest(message),
        None => ModelError::Overloaded { retry_after, message },
    }
}

/// Servers without error codes say it in words only.
fn speaks_of_context(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    [
        "prompt is too long",
        "maximum context length",
        "context length exceeded",
        "exceeds the context window",
        "exceed context limit",
        "exceeds the available context size",
    ]
    .iter()
    .any(|phrase| message.contains(phrase))
}

fn clipped(message: &str, status: Option<u16>) -> String {
    if message.is_empty() {
        return status.map_or_else(|| "no reason given".to_owned(), |s| format!("HTTP {s}"));
    }
    let end = message.floor_char_boundary(MESSAGE_BYTES_MAX);
    message.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> ModelError {
        from_response(status, Some(Duration::from_secs(3)), body)
    }

    #[test]
    fn providers_errors_are_told_apart_by_what_the_caller_does() {
        let after = Some(Duration::from_secs(3));
        let cases = [
            (401, r#"{"error":{"type":"authentication_error","message":"no"}}"#, "model_auth"),
            (403, r#"{"error":{"message":"not yours"}}"#, "model_auth"),
            (404, r#"{"error":{"type":"not_found_error","message":"model: x"}}"#, "model_unknown"),
            (400, r#"{"error":{"code":"model_not_found","message":"x"}}"#, "model_unknown"),
            (
                429,
                r#"{"error":{"code":"insufficient_quota","message":"x"}}"#,
                "model_out_of_credit",
            ),
            (429, "slow down", "model_rate_limited"),
            (529, r#"{"error":{"type":"overloaded_error","message":"x"}}"#, "model_overloaded"),
            (500, "<html>", "model_overloaded"),
            (400, r#"{"error":{"message":"prompt is too long: 9 > 8"}}"#, "model_context_too_long"),
            (400, r#"{"error":{"message":"tool_use without result"}}"#, "model_bad_request"),
            (413, "", "model_context_too_long"),
            (400, r#"{"error":{"code":400,"message":"numeric code"}}"#, "model_bad_request"),
        ];
        for (status, body, code) in cases {
            assert_eq!(error(status, body).code(), code, "{status} {body}");
        }
        assert_eq!(error(429, "").retry_after(), after);
        assert_eq!(error(503, "").retry_after(), after);
        assert_eq!(error(401, "").retry_after(), None);
    }

    #[test]
    fn long_messages_are_clipped_at_a_character() {
        let ModelError::BadRequest(message) = error(400, &"ä".repeat(3_000)) else {
            panic!("a bad request was expected")
        };
        assert_eq!(message.len(), MESSAGE_BYTES_MAX);
    }
}
