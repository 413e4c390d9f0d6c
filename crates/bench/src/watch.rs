//! Watching an agent's log over server-sent events, with the time at which each event arrived.

use crate::api::Api;
use anyhow::{Context, Result, bail};
use reqwest::{Method, Response};
use serde::Deserialize;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Longest wait for a run's end.
const PATIENCE: Duration = Duration::from_secs(180);

/// An event as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its type.
    pub kind: String,
    /// When it was made, in milliseconds since 1970: the server's clock, cut to whole milliseconds.
    pub made_ms: f64,
    /// When it had arrived, by the same clock.
    pub arrived_ms: f64,
    /// When it had arrived, for differences.
    pub arrived: Instant,
    /// The frame's data.
    pub data: String,
}

#[derive(Deserialize)]
struct Frame {
    at: String,
    event: Kind,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    name: String,
}

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the only clock shared with the server's process")]
pub fn wall_ms() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs_f64() * 1000.0
}

/// A watcher of one agent, from its first event.
pub struct Watch {
    response: Response,
    held: Vec<u8>,
}

impl Watch {
    /// Begins to watch.
    pub async fn open(api: &Api, agent: &str) -> Result<Self> {
        Self::open_after(api, agent, 0).await
    }

    /// Begins to watch after this event.
    pub async fn open_after(api: &Api, agent: &str, after: u64) -> Result<Self> {
        let request = api.request(Method::GET, &format!("/v1/agents/{agent}/events?after={after}"));
        let response = request.header("accept", "text/event-stream").send().await?;
        if !response.status().is_success() {
            bail!("watch {agent}: {}", response.status());
        }
        Ok(Self { response, held: Vec::new() })
    }

    /// The next event; deltas are passed over.
    async fn next(&mut self) -> Result<Seen> {
        loop {
            if let Some(end) = self.held.windows(2).position(|two| two == b"\n\n") {
                let frame: Vec<u8> = self.held.drain(..end + 2).collect();
                let frame = String::from_utf8(frame).context("read a frame")?;
                if frame.starts_with("event: event\n") {
                    return seen(&frame);
                }
                continue;
            }
            let bytes = self.response.chunk().await?.context("the stream ended")?;
            self.held.extend_from_slice(&bytes);
        }
    }

    /// All events up to and with the first of this kind.
    pub async fn until(&mut self, kind: &str) -> Result<Vec<Seen>> {
        let reading = async {
            let mut all: Vec<Seen> = Vec::new();
            loop {
                let seen = self.next().await?;
                let is_last = seen.kind == kind;
                all.push(seen);
                if is_last {
                    return Ok(all);
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .with_context(|| format!("no {kind} within {PATIENCE:?}"))?
    }
}

fn seen(frame: &str) -> Result<Seen> {
    let (arrived, arrived_ms) = (Instant::now(), wall_ms());
    let data =
        frame.lines().find_map(|line| line.strip_prefix("data: ")).context("read a frame")?;
    let read: Frame = serde_json::from_str(data).context("read an event")?;
    let made: jiff::Timestamp = read.at.parse().context("read an event's time")?;
    let made_ms = made.as_millisecond() as f64;
    let data = data.to_owned();
    Ok(Seen { kind: read.event.name, made_ms, arrived_ms, arrived, data })
}
