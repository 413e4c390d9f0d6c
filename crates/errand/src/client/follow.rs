//! Follows an agent's events through lost connections and restarts of the server: nothing is missed,
//! because reading goes on after the last number seen.

use super::Client;
use super::sse::{SseEvent, SseReader};
use crate::exit::{Exit, Trouble};
use anyhow::Result;
use protocol::api::agents::EventBody;
use protocol::delta::Delta;
use protocol::ids::AgentId;
use reqwest::{Method, Response, header};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// A silent server is taken for lost after this; it shows that it lives every 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(50);
/// Longest wait for the stream to begin.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Wait before the first new connection; doubles.
const DELAY_MIN: Duration = Duration::from_millis(200);
/// Longest wait between two connections.
const DELAY_MAX: Duration = Duration::from_secs(5);
/// How long new connections are tried.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// One thing that following yields.
#[derive(Debug)]
pub enum Followed {
    /// An event of the log.
    Event(Box<EventBody>),
    /// Live only.
    Delta(Box<Delta>),
    /// The connection was lost, for this reason; it is made again.
    Lost(String),
    /// The connection is there again.
    Back,
}

/// A place in an agent's log, and the connection that is read from.
pub struct Follower {
    client: Client,
    agent: AgentId,
    after: u64,
    connection: Option<Connection>,
    waiting: VecDeque<SseEvent>,
    /// Since when, and how often, the connection has been missed.
    missing: Option<(Instant, u32)>,
}

struct Connection {
    response: Response,
    reader: SseReader,
}

impl Follower {
    /// Begins after this number; the first connection must succeed.
    pub async fn start(client: &Client, agent: AgentId, after: u64) -> Result<Self> {
        let mut follower = Self {
            client: client.clone(),
            agent,
            after,
            connection: None,
            waiting: VecDeque::new(),
            missing: None,
        };
        follower.connection = Some(follower.connect().await?);
        Ok(follower)
    }

    /// The next thing. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Result<Followed> {
        loop {
            while let Some(event) = self.waiting.pop_front() {
                if let Some(followed) = self.read(&event)? {
                    return Ok(followed);
                }
            }
            if self.connection.is_some() {
                if let Some(reason) = self.receive().await {
                    self.connection = None;
                    self.waiting.clear();
                    self.missing = Some((Instant::now(), 0));
                    return Ok(Followed::Lost(reason));
                }
            } else if self.reconnect().await? {
                return Ok(Followed::Back);
            }
        }
    }

    fn read(&mut self, event: &SseEvent) -> Result<Option<Followed>> {
        let odd = |error: serde_json::Error| {
            Trouble::unreachable(format!(
                "cannot read an event of the server ({error}): do both sides have the same version?"
            ))
        };
        match event.kind.as_str() {
            "event" => {
                let body: EventBody = serde_json::from_str(&event.data).map_err(odd)?;
                // A server that was restarted may repeat; the log's numbers tell.
                if body.seq <= self.after {
                    return Ok(None);
                }
                self.after = body.seq;
                Ok(Some(Followed::Event(Box::new(body))))
            }
            // A newer server may show more than we know; live bytes may be lost.
            "delta" => Ok(serde_json::from_str(&event.data)
                .ok()
                .map(|delta| Followed::Delta(Box::new(delta)))),
            _ => Ok(None),
        }
    }

    /// Reads more, or says why there is no more.
    async fn receive(&mut self) -> Option<String> {
        let connection = self.connection.as_mut()?;
        let received = tokio::time::timeout(SILENCE_MAX, connection.response.chunk()).await;
        match received {
            Err(_) => Some(format!("nothing heard for {} s", SILENCE_MAX.as_secs())),
            Ok(Err(error)) => Some(super::deepest(&error)),
            Ok(Ok(None)) => Some("the server ended it".to_owned()),
            Ok(Ok(Some(bytes))) => connection
                .reader
                .push(&bytes, &mut self.waiting)
                .err()
                .map(|error| error.to_string()),
        }
    }

    async fn reconnect(&mut self) -> Result<bool> {
        let (since, attempt) = *self.missing.get_or_insert_with(|| (Instant::now(), 0));
        tokio::time::sleep(delay(attempt)).await;
        match self.connect().await {
            Ok(connection) => {
                self.connection = Some(connection);
                self.missing = None;
                Ok(true)
            }
            Err(error) if is_passing(&error) && since.elapsed() < PATIENCE => {
                self.missing = Some((since, attempt.saturating_add(1)));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn connect(&self) -> Result<Connection> {
        let agent = self.agent.to_string();
        let query = [("after", self.after.to_string())];
        let request = self
            .client
            .request(Method::GET, &["agents", &agent, "events"], &query)?
            .header(header::ACCEPT, "text/event-stream");
        let response = match tokio::time::timeout(ANSWER_TIMEOUT, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.client.unreachable(&error).into()),
            Err(_) => {
                return Err(
                    Trouble::unreachable(format!("{} does not answer", self.client.url())).into()
                );
            }
        };
        let response = self.client.accepted(response).await?;
        Ok(Connection { response, reader: SseReader::default() })
    }
}

fn delay(attempt: u32) -> Duration {
    DELAY_MIN.saturating_mul(2_u32.saturating_pow(attempt.min(16))).min(DELAY_MAX)
}

/// Whether trying again may help: the server is away, not of another opinion.
fn is_passing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Trouble>().is_some_and(|trouble| {
        trouble.exit == Exit::Unreachable
            && !matches!(trouble.code.as_str(), "unauthorized" | "api_key_not_found")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit() {
        let waits: Vec<u128> = (0..8).map(|attempt| delay(attempt).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        assert_eq!(delay(u32::MAX), DELAY_MAX);
    }

    #[test]
    fn only_an_absent_server_is_waited_for() {
        for (exit, code, passing) in [
            (Exit::Unreachable, "unreachable", true),
            (Exit::Unreachable, "internal_error", true),
            (Exit::Unreachable, "rate_limit_exceeded", true),
            (Exit::Unreachable, "unauthorized", false),
            (Exit::NotFound, "agent_not_found", false),
        ] {
            assert_eq!(is_passing(&Trouble::new(exit, code, "").into()), passing, "{code}");
        }
    }
}
