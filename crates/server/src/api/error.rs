//! What a caller is told when a request is not carried out: a status, a stable code, plain words.

use crate::clock::now_ms;
use crate::disk;
use crate::effects::Failed;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::api::{ErrorBody, ErrorDetail};
use protocol::failure::Refusal;

/// The answer of a handler that did not do what was asked.
pub type ApiResult<T> = Result<T, ApiError>;

/// A refused or failed request.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    rate: Option<RateAnswer>,
}

/// What a caller over its rate is told in headers.
#[derive(Debug)]
struct RateAnswer {
    retry_after_s: u64,
    limit: u32,
}

impl ApiError {
    /// An error from its parts.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), rate: None }
    }

    /// `400 validation_error`; the message starts with the field's name.
    pub fn invalid(field: &str, problem: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "validation_error", format!("{field}: {problem}"))
    }

    /// A 404 with its code.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// `429`, to be tried again later.
    pub fn too_many(retry_after_s: u64, limit: u32) -> Self {
        let message = format!("too many requests: try again in {retry_after_s} s");
        let rate = Some(RateAnswer { retry_after_s, limit });
        Self { rate, ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message) }
    }

    /// Code and message, where there is no HTTP answer to carry them.
    pub fn told(&self) -> (&'static str, &str) {
        (self.code, &self.message)
    }

    /// Whether it was not the caller's fault.
    pub fn is_ours(&self) -> bool {
        self.status.is_server_error() && self.status != StatusCode::NOT_IMPLEMENTED
    }

    /// `501`, naming what is missing.
    pub fn not_implemented(field: &str, what: &str) -> Self {
        let message = format!("{field}: {what} is not supported yet; leave it out");
        Self::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", message)
    }
}

impl From<anyhow::Error> for ApiError {
    /// The caller learns that it was our fault; the operator finds the chain in the log.
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<Refusal>() {
            Ok(refusal) => refusal.into(),
            Err(error) if error.is::<Failed>() => {
                tracing::error!(error = format!("{error:#}"), "what a request needs failed");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string())
            }
            Err(error) if disk::is_full(&error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "a request found no room on the disk"
                );
                let message = "the disk of Errand's server is full: free some space there, or delete agents that are no longer needed, then try again";
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", message)
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "a request failed");
                let message =
                    "something went wrong inside Errand; the server's log has the details";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
            }
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::NoAgent | Refusal::NoRun => StatusCode::NOT_FOUND,
            Refusal::AgentExists
            | Refusal::Busy
            | Refusal::Archived
            | Refusal::NotCancellable
            | Refusal::NoQuestion
            | Refusal::Stale(_) => StatusCode::CONFLICT,
            Refusal::NoDisk
            | Refusal::IsBuild
            | Refusal::NoActiveRun
            | Refusal::HostsFull
            | Refusal::ConfigurationUnknown
            | Refusal::StopUnknown
            | Refusal::FlowLowered => StatusCode::CONFLICT,
            Refusal::QueueFull => StatusCode::TOO_MANY_REQUESTS,
        };
        Self::new(status, refusal.code(), refusal.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let detail = ErrorDetail {
            code: self.code.to_owned(),
            message: self.message,
            help_url: None,
            provider: None,
        };
        let mut response = (self.status, Json(ErrorBody { error: detail })).into_response();
        if let Some(rate) = self.rate {
            let headers = response.headers_mut();
            let reset = now_ms() / 1000 + i64::try_from(rate.retry_after_s).unwrap_or(0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(rate.retry_after_s));
            headers.insert("x-ratelimit-limit", HeaderValue::from(rate.limit));
            headers.insert("x-ratelimit-remaining", HeaderValue::from(0));
            headers.insert("x-ratelimit-reset", HeaderValue::from(reset));
        }
        response
    }
}
