//! A model behind a URL: sends the request, watches limits, hands events to the dialect's reader.

use crate::catalog::ModelEntry;
use crate::conversation::Request;
use crate::dialect::{Decoder, Dialect};
use crate::error::{self, ModelError};
use crate::http::HttpClient;
use crate::piece::Piece;
use crate::sse::EventReader;
use crate::{Capabilities, Model, PieceStream};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Largest error body that is read.
const ERROR_BODY_BYTES_MAX: usize = 64 * 1024;
/// How long the end of a finished answer is awaited, so that its connection can be used again.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(10);
/// Longest wait that a provider may ask for; larger values are taken as this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A model of the catalog, reached over HTTP.
pub struct Endpoint {
    entry: Arc<ModelEntry>,
    http: HttpClient,
    url: String,
}

impl Endpoint {
    /// The model of a catalog entry.
    pub fn new(entry: Arc<ModelEntry>, http: HttpClient) -> Self {
        let url = entry.dialect.url(entry.base_url.as_str());
        Self { entry, http, url }
    }

    fn prepare(&self, request: &Request) -> Result<reqwest::RequestBuilder, ModelError> {
        let body = self
            .entry
            .dialect
            .body(&self.entry, request)
            .map_err(|error| ModelError::BadRequest(format!("cannot write it: {error}")))?;
        tracing::debug!(model = %self.entry.id, bytes = body.len(), "asking the model");
        let builder = self
            .http
            .inner()
            .post(&self.url)
            .header("content-type", "application/json")
            .header("accept", "text/event-stream")
            .body(body);
        Ok(self.authorised(builder))
    }

    fn authorised(&self, builder: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let key = self.entry.key.as_ref().map(ExposeSecret::expose_secret);
        match (self.entry.dialect, key) {
            (Dialect::Anthropic, key) => {
                let builder = builder.header("anthropic-version", "2023-06-01");
                let builder = match self.entry.capabilities.thinking {
                    // The older models think between tool calls only when asked to by this header.
                    crate::Thinking::Budget => {
                        builder.header("anthropic-beta", "interleaved-thinking-2025-05-14")
                    }
                    crate::Thinking::None | crate::Thinking::Adaptive | crate::Thinking::Effort => {
                        builder
                    }
                };
                match key {
                    Some(key) => builder.header("x-api-key", key),
                    None => builder,
                }
            }
            (Dialect::OpenaiResponses | Dialect::OpenaiChat, Some(key)) => builder.bearer_auth(key),
            (Dialect::OpenaiResponses | Dialect::OpenaiChat, None) => builder,
        }
    }
}

impl Model for Endpoint {
    fn capabilities(&self) -> &Capabilities {
        &self.entry.capabilities
    }

    fn stream(&self, request: &Request) -> PieceStream {
        let exchange = Exchange {
            state: State::Unsent(Box::new(self.prepare(request))),
            decoder: self.entry.dialect.decoder(),
            ready: VecDeque::new(),
            stall: self.http.stall_timeout(),
            key: self.entry.key.clone(),
        };
        stream::unfold(exchange, |mut exchange| async move {
            let item = exchange.next().await?;
            Some((item, exchange))
        })
        .boxed()
    }
}

/// One request and its answer.
struct Exchange {
    state: State,
    decoder: Box<dyn Decoder>,
    ready: VecDeque<Piece>,
    stall: Duration,
    key: Option<SecretString>,
}

enum State {
    Unsent(Box<Result<reqwest::RequestBuilder, ModelError>>),
    Reading(Box<Reading>),
    /// What arrived before the error is delivered first.
    Broken(ModelError),
    Over,
}

/// An answer being read.
struct Reading {
    bytes: BoxStream<'static, reqwest::Result<Bytes>>,
    events: EventReader,
}

impl Exchange {
    async fn next(&mut self) -> Option<Result<Piece, ModelError>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(Ok(piece));
            }
            let result = match std::mem::replace(&mut self.state, State::Over) {
                State::Unsent(prepared) => self.send(*prepared).await,
                State::Reading(reading) => self.read(reading).await,
                State::Broken(error) => return Some(Err(error)),
                State::Over => return None,
            };
            self.state = result.unwrap_or_else(State::Broken);
        }
    }

    async fn send(
        &mut self,
        prepared: Result<reqwest::RequestBuilder, ModelError>,
    ) -> Result<State, ModelError> {
        let sent = timeout(self.stall, prepared?.send()).await;
        let response = sent
            .map_err(|_| ModelError::Stalled(self.stall))?
            .map_err(|error| ModelError::Unreachable(plain(&error)))?;
        if !response.status().is_success() {
            return Err(self.failed(response).await);
        }
        streams_events(response.headers())?;
        let bytes = response.bytes_stream().boxed();
        Ok(State::Reading(Box::new(Reading { bytes, events: EventReader::default() })))
    }

    async fn failed(&mut self, response: reqwest::Response) -> ModelError {
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let mut bytes = response.bytes_stream();
        let mut body = Vec::new();
        while body.len() < ERROR_BODY_BYTES_MAX {
            match timeout(self.stall, bytes.next()).await {
                Ok(Some(Ok(chunk))) => body.extend_from_slice(&chunk),
                Ok(Some(Err(_)) | None) | Err(_) => break,
            }
        }
        let text = String::from_utf8_lossy(&body);
        error::from_response(status, retry_after, &self.redacted(&text))
    }

    /// TRUST: some providers echo the key they refuse; it must not reach logs or people.
    fn redacted(&self, text: &str) -> String {
        match self.key.as_ref().map(ExposeSecret::expose_secret) {
            Some(key) if !key.is_empty() => text.replace(key, "[key]"),
            Some(_) | None => text.to_owned(),
        }
    }

    async fn read(&mut self, mut reading: Box<Reading>) -> Result<State, ModelError> {
        let chunk = timeout(self.stall, reading.bytes.next()).await;
        let Some(bytes) = chunk.map_err(|_| ModelError::Stalled(self.stall))? else {
            self.decoder.end(&mut self.ready)?;
            return Ok(State::Over);
        };
        let mut events = VecDeque::new();
        let bytes = bytes.map_err(|_| ModelError::CutStream)?;
        let split = reading.events.push(&bytes, &mut events);
        for data in events {
            self.decoder.event(&data, &mut self.ready)?;
            if matches!(self.ready.back(), Some(Piece::Finished(_))) {
                reading.drain().await;
                return Ok(State::Over);
            }
        }
        split.map(|()| State::Reading(reading))
    }
}

impl Reading {
    /// Reads on to the end of the response: only then its connection goes back to the pool.
    async fn drain(mut self: Box<Self>) {
        let rest = async { while let Some(Ok(_)) = self.bytes.next().await {} };
        if timeout(DRAIN_TIMEOUT, rest).await.is_err() {
            tracing::debug!("the provider keeps a finished answer open");
        }
    }
}

/// A server that ignores `stream` would otherwise look like an answer that broke off.
fn streams_events(headers: &HeaderMap) -> Result<(), ModelError> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_other = ["application/json", "text/html"].iter().any(|other| kind.starts_with(other));
    if is_other {
        return Err(ModelError::Malformed(format!("{kind} instead of a stream of events")));
    }
    Ok(())
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let milliseconds = text("retry-after-ms").and_then(|ms| ms.trim().parse::<u64>().ok());
    let seconds = || text(RETRY_AFTER.as_str()).and_then(|s| s.trim().parse::<f64>().ok());
    milliseconds
        .map(Duration::from_millis)
        .or_else(|| seconds().and_then(|s| Duration::try_from_secs_f64(s).ok()))
        .map(|delay| delay.min(RETRY_AFTER_MAX))
}

/// The innermost cause, which says what happened; the outer ones repeat the URL.
fn plain(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
