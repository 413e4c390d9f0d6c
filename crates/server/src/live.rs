//! What watchers of an agent see: stored events as they are appended, and deltas between them.
//!
//! Deltas of the running step are kept in memory, so that somebody who comes late sees the sentence
//! from its beginning; everything older is read from the log. A watcher who falls behind is told so
//! by the channel and reads the log again.

use protocol::delta::Delta;
use protocol::event::{Event, Logged};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;

/// Items a watcher may be behind before it has to read the log again.
const WATCHER_BACKLOG: usize = 512;
/// Deltas of the running step that are kept for late watchers.
const STEP_DELTAS: usize = 20_000;

/// An event as watchers see it.
#[derive(Debug)]
pub struct Entry {
    /// The event with its place.
    pub logged: Logged,
    /// Its chained hash, hex.
    pub hash: String,
}

/// One thing that watchers see.
#[derive(Debug, Clone)]
pub enum Item {
    /// An event, after its commit.
    Event(Arc<Entry>),
    /// Live only.
    Delta(Arc<Delta>),
}

/// The live side of one agent.
#[derive(Debug)]
pub struct Live {
    sender: broadcast::Sender<Item>,
    running: Mutex<Vec<Arc<Delta>>>,
}

impl Default for Live {
    fn default() -> Self {
        Self { sender: broadcast::channel(WATCHER_BACKLOG).0, running: Mutex::default() }
    }
}

impl Live {
    /// Shows an event that is in the log.
    pub fn event(&self, entry: Arc<Entry>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match &entry.logged.event {
            Event::StepStarted { .. } | Event::MessageFinished { .. } | Event::RunEnded { .. } => {
                running.clear()
            }
            Event::ToolReturned { call, .. } => {
                running.retain(
                    |delta| !matches!(&**delta, Delta::Output { call: of, .. } if of == call),
                );
            }
            _ => {}
        }
        // Nobody watching is not an error.
        drop(self.sender.send(Item::Event(entry)));
    }

    /// Shows a delta.
    pub fn delta(&self, delta: Delta) {
        let delta = Arc::new(delta);
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.len() < STEP_DELTAS {
            running.push(Arc::clone(&delta));
        }
        drop(self.sender.send(Item::Delta(delta)));
    }

    /// Starts watching: what the running step said so far, then everything that follows.
    pub fn watch(&self) -> (Vec<Arc<Delta>>, broadcast::Receiver<Item>) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        (running.clone(), self.sender.subscribe())
    }

    /// How many watch.
    pub fn watchers(&self) -> usize {
        self.sender.receiver_count()
    }
}
