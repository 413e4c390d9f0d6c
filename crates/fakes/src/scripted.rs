//! A model provider that follows a script: Anthropic Messages, OpenAI Responses and Chat Completions.
//!
//! It answers at once or with a set latency, adapts its script to the tools that a request declares
//! ([`tools`]), and refuses what the real providers refuse: a tool call without exactly one output,
//! thinking that lost its signature, tool results nobody asked for (`check`). Where it stands in
//! the script follows from the conversation alone ([`script`]), so either side may restart.
//!
//! ```text
//! request ─ record ─ key ─ read (dialect) ─ check ─ script turn ─ fault? ─ answer ─ frames (dialect)
//! ```

use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

mod answer;
mod anthropic;
mod chat;
mod check;
mod door;
mod fault;
mod responses;
pub mod script;
mod seen;
mod state;
pub mod tools;

use script::{Fault, Script};

/// How long open answers may take to end after `stop`.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How the server behaves beside its script.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The only key that is accepted; any is when absent.
    pub key: Option<String>,
    /// The only models that are known; any is when empty.
    pub models: Vec<String>,
    /// Wait before the first byte of an answer.
    pub first_byte: Duration,
    /// Wait before each further event of an answer.
    pub per_event: Duration,
    /// Chat Completions: refuse histories that lost their `reasoning_content`, as some vendors do.
    pub require_reasoning_content: bool,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// When it had arrived whole.
    pub arrived: Instant,
    /// When its answer had been produced whole; absent while it runs or when it was abandoned.
    pub answered: Option<Instant>,
    /// Path of the endpoint.
    pub path: String,
    /// The body, byte for byte.
    pub body: String,
    /// Status of the answer.
    pub status: Option<u16>,
}

impl Recorded {
    /// The body as JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.body).ok()
    }
}

/// A running scripted model; dropping it stops it at once.
pub struct Server {
    address: SocketAddr,
    state: Arc<state::State>,
    stopping: CancellationToken,
    tasks: JoinSet<std::io::Result<()>>,
}

impl Server {
    /// Starts a server on a free port of the loopback interface.
    pub async fn start(script: Script) -> std::io::Result<Self> {
        Self::start_with(script, Options::default()).await
    }

    /// Starts a server with options.
    pub async fn start_with(script: Script, options: Options) -> std::io::Result<Self> {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::listen(loopback, script, options).await
    }

    /// Starts a server on a given address.
    pub async fn listen(
        address: SocketAddr,
        script: Script,
        options: Options,
    ) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stopping = CancellationToken::new();
        let state = Arc::new(state::State::new(script, options, stopping.clone()));
        let router = door::router(Arc::clone(&state));
        let connected = Arc::clone(&state);
        let mut tasks = JoinSet::new();
        let stopped = stopping.clone().cancelled_owned();
        tasks.spawn(async move {
            let listener = axum::serve::ListenerExt::tap_io(listener, move |stream| {
                connected.connected();
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot switch off write delays");
                }
            });
            axum::serve(listener, router).with_graceful_shutdown(stopped).await
        });
        Ok(Self { address, state, stopping, tasks })
    }

    /// Base URL for Anthropic clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Base URL for OpenAI clients.
    pub fn openai_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Makes the next `times` requests fail, whatever the script says.
    pub fn fail_next(&self, fault: Fault, times: u32) {
        self.state.fail_next(fault, times);
    }

    /// The requests so far, oldest first; of many, only the latest are kept.
    pub fn requests(&self) -> Vec<Recorded> {
        self.state.requests()
    }

    /// How many connections were opened to the server so far.
    pub fn connections(&self) -> u64 {
        self.state.connections()
    }

    /// Stops: no new requests, stalled answers are cut, others may end.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_TIMEOUT, ended).await.is_err() {
            tracing::debug!("an answer did not end in time");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}
