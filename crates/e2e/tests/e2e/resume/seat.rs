//! Somebody at a terminal, who sits down again whenever the socket breaks.

use super::socket::{Came, Socket};
use e2e::api::Api;
use serde_json::json;
use std::time::Duration;

/// Wait before a lost server is tried again.
const RETRY: Duration = Duration::from_millis(50);
/// How long something is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// A place at a terminal.
pub struct Seat {
    api: Api,
    agent: String,
    name: String,
    socket: Option<Socket>,
    text: String,
}

impl Seat {
    /// Opens a terminal, sits down and types.
    pub async fn sit(api: &Api, agent: &str, name: &str) -> Self {
        let path = format!("/v1/agents/{agent}/terminals");
        let body = json!({"name": name, "cols": 80, "rows": 24});
        api.post(&path, &body).await.expect(200);
        let (agent, name) = (agent.to_owned(), name.to_owned());
        let mut seat = Self { api: api.clone(), agent, name, socket: None, text: String::new() };
        seat.reaches(
            &format!("OWN={}; echo first-$OWN\r", seat.name),
            &format!("first-{}", seat.name),
        )
        .await;
        seat
    }

    /// After a kill: the screen is as it was, and keys reach the same shell.
    pub async fn comes_back(&mut self, round: usize) {
        self.text.clear();
        self.socket = None;
        let before = match round {
            0 => format!("first-{}", self.name),
            _ => format!("again-{}-{}", round - 1, self.name),
        };
        self.shows(&before).await;
        let wanted = format!("again-{round}-{}", self.name);
        self.reaches(&format!("echo again-{round}-$OWN\r"), &wanted).await;
    }

    async fn reaches(&mut self, keys: &str, shown: &str) {
        self.connected().await;
        let socket = self.socket.as_mut().unwrap();
        let sent = socket.say(&json!({"type": "take"})).await && socket.bytes(keys).await;
        assert!(sent, "{}: nothing can be typed", self.name);
        self.shows(shown).await;
    }

    async fn connected(&mut self) {
        let path = format!("/v1/agents/{}/terminals/{}/socket", self.agent, self.name);
        while self.socket.is_none() {
            self.socket = Socket::open(&self.api, "terminal", &path).await;
            if self.socket.is_none() {
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    async fn shows(&mut self, wanted: &str) {
        let shown = async {
            while !self.text.contains(wanted) {
                self.connected().await;
                match self.socket.as_mut().unwrap().next().await {
                    Some(Came::Bytes(bytes)) => {
                        self.text.push_str(&String::from_utf8_lossy(&bytes))
                    }
                    Some(Came::Json(message)) => {
                        assert_ne!(message["type"], "exit", "{} ended", self.name);
                    }
                    None => self.socket = None,
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, shown).await;
        assert!(
            waited.is_ok(),
            "{} {} does not show {wanted:?}: {:?}",
            self.agent,
            self.name,
            self.text
        );
    }
}
