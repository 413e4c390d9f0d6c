//! A watcher of one agent's log who comes back after every break and counts on missing nothing.

use crate::api::Api;
use crate::sse::Reader;
use serde_json::Value;
use std::time::Duration;

/// How long a watcher waits for what it is told to expect.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Wait before a lost server is tried again.
const RETRY: Duration = Duration::from_millis(50);

/// A watcher.
pub struct Watcher {
    api: Api,
    agent: String,
    reader: Option<Reader>,
    /// Number of the last event seen.
    pub seq: u64,
    /// Events seen, as they came.
    pub events: Vec<Value>,
    /// Deltas seen since the last event asked for.
    pub deltas: Vec<Value>,
    /// How often the stream broke.
    pub breaks: usize,
}

impl Watcher {
    /// Watches from the event after this one.
    pub fn new(api: &Api, agent: &str, after: u64) -> Self {
        Self {
            api: api.clone(),
            agent: agent.to_owned(),
            reader: None,
            seq: after,
            events: Vec::new(),
            deltas: Vec::new(),
            breaks: 0,
        }
    }

    /// The next event, whatever breaks meanwhile. Panics where the numbers have a gap or repeat.
    pub async fn next(&mut self) -> Value {
        let next = async {
            loop {
                let Some(reader) = &mut self.reader else {
                    self.connect().await;
                    continue;
                };
                let Some(frame) = reader.next().await else {
                    self.reader = None;
                    self.breaks += 1;
                    tokio::time::sleep(RETRY).await;
                    continue;
                };
                match frame.event.as_str() {
                    "delta" => self.deltas.push(frame.data),
                    "heartbeat" => {}
                    "event" => return frame,
                    other => panic!("an unknown frame {other:?}"),
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, next).await;
        let frame = waited.unwrap_or_else(|_| {
            panic!(
                "no event after {} within {PATIENCE:?}, the last ones: {:#?}",
                self.seq,
                self.events.iter().rev().take(3).collect::<Vec<_>>()
            )
        });
        let seq = frame.data["seq"].as_u64().unwrap();
        assert_eq!(seq, self.seq + 1, "events have a gap, or one came twice");
        assert_eq!(frame.id.as_deref(), Some(seq.to_string().as_str()));
        self.seq = seq;
        self.events.push(frame.data.clone());
        frame.data["event"].clone()
    }

    /// Waits a moment for the next event; deltas that come meanwhile are kept.
    pub async fn peek(&mut self) {
        if let Ok(event) = tokio::time::timeout(RETRY, self.next()).await {
            drop(event);
        }
    }

    async fn connect(&mut self) {
        let path = format!("/v1/agents/{}/events?after={}", self.agent, self.seq);
        let request =
            self.api.request(reqwest::Method::GET, &path).header("accept", "text/event-stream");
        match request.send().await {
            Ok(response) => self.reader = Some(Reader::of(response)),
            Err(_) => tokio::time::sleep(RETRY).await,
        }
    }

    /// Reads on until an event is what is looked for.
    pub async fn until(&mut self, mut found: impl FnMut(&Value) -> bool) -> Value {
        loop {
            let event = self.next().await;
            if found(&event) {
                return event;
            }
        }
    }

    /// Reads on until an event of this type.
    pub async fn until_type(&mut self, kind: &str) -> Value {
        self.until(|event| event["type"] == kind).await
    }

    /// Reads on until a run is over; its last event.
    pub async fn until_ended(&mut self, run: &str) -> Value {
        self.until(|event| event["type"] == "RunEnded" && event["run"] == run).await
    }
}
