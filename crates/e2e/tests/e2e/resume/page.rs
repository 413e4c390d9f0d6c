//! A page: one live socket that watches an agent and the list, opened again whenever it breaks.

use super::socket::{Came, Socket};
use e2e::api::Api;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Wait before a lost server is tried again.
const RETRY: Duration = Duration::from_millis(50);
/// How long something is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a page has seen.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// Events, as they came.
    pub events: Vec<Value>,
    /// How often the socket was open and had caught up.
    pub lives: usize,
    /// Sockets on which an agent of the list was told.
    pub lists: usize,
    /// Rounds of stored events.
    pub batches: usize,
    /// What went wrong.
    pub wrong: Option<String>,
}

/// A page. Closed when dropped.
pub struct Page {
    /// Whom it shows.
    pub agent: String,
    seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

impl Page {
    /// Opens one.
    pub fn open(api: &Api, agent: &str) -> Self {
        let (sender, seen) = watch::channel(Seen::default());
        let (api, whom) = (api.clone(), agent.to_owned());
        #[expect(clippy::disallowed_methods, reason = "aborted when the page is dropped")]
        let task = tokio::spawn(async move {
            while sender.borrow().wrong.is_none() {
                show(&api, &whom, &sender).await;
                tokio::time::sleep(RETRY).await;
            }
        });
        Self { agent: agent.to_owned(), seen, task }
    }

    /// Waits until it has come back so often.
    pub async fn back(&self, kills: usize) {
        self.wait("comes back", |seen| seen.lives > kills).await;
    }

    /// Waits until it has so many events.
    pub async fn until(&self, events: usize) -> Seen {
        self.wait("has all events", |seen| seen.events.len() >= events).await
    }

    async fn wait(&self, what: &str, mut holds: impl FnMut(&Seen) -> bool) -> Seen {
        let mut seen = self.seen.clone();
        let waited = tokio::time::timeout(
            PATIENCE,
            seen.wait_for(|seen| seen.wrong.is_some() || holds(seen)),
        );
        let found = waited.await.unwrap_or_else(|_| {
            let seen = self.seen.borrow();
            panic!(
                "{}: no page {what}: {} events, {} times live",
                self.agent,
                seen.events.len(),
                seen.lives
            )
        });
        let found = found.unwrap().clone();
        assert_eq!(found.wrong, None);
        found
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn show(api: &Api, agent: &str, seen: &watch::Sender<Seen>) {
    let Some(mut socket) = Socket::open(api, "live", "/v1/live").await else { return };
    let after = seen.borrow().events.len();
    let watches = [
        json!({"type": "watchAgent", "id": 1, "agent": agent, "after": after}),
        json!({"type": "watchList", "id": 2}),
    ];
    for watch in watches {
        if !socket.say(&watch).await {
            return;
        }
    }
    let mut has_list = false;
    while let Some(Came::Json(frame)) = socket.next().await {
        seen.send_modify(|seen| {
            if frame["type"] == "agent" && !has_list {
                has_list = true;
                seen.lists += 1;
            }
            take(seen, &frame);
        });
    }
}

fn take(seen: &mut Seen, frame: &Value) {
    match frame["type"].as_str().unwrap() {
        "events" => {
            let items = frame["items"].as_array().unwrap();
            seen.batches += usize::from(items.len() > 1);
            for item in items {
                let next = seen.events.len() as u64 + 1;
                if item["seq"] != next {
                    seen.wrong.get_or_insert(format!("event {} instead of {next}", item["seq"]));
                }
                seen.events.push(item.clone());
            }
        }
        "live" if frame["id"] == 1 => {
            seen.lives += 1;
            if frame["seq"] != seen.events.len() as u64 {
                seen.wrong.get_or_insert(format!(
                    "live at {}, {} seen",
                    frame["seq"],
                    seen.events.len()
                ));
            }
        }
        "error" => drop(seen.wrong.get_or_insert(frame.to_string())),
        _ => {}
    }
}
