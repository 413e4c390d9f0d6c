//! Terminals of people inside sandboxes: how they are named and started, who sits at them.
//!
//! The terminals themselves live in the guest, which keeps what they printed last. Here is only who
//! looks and who types; after a restart people sit down again and find their screens.

mod launch;
mod room;

pub use launch::{Found, NotOpened, Opening, Work, begin, clean, close, find, list, open};
pub use room::{Room, Seat};

use protocol::ids::AgentId;
use protocol::link::OpId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncGuard, watch};

/// Bytes that a terminal keeps of what it printed.
pub const KEPT_BYTES: u64 = 1024 * 1024;
/// Bytes shown again to somebody who sits down.
pub const REPLAY_BYTES: u64 = 256 * 1024;
/// Terminals of one agent.
pub const TERMINALS: usize = 16;
/// What names of operations begin with that belong to people and outlive a run.
const PEOPLE: [&str; 3] = ["terminal:", "ssh:", "browser:"];

/// Whether an operation is a person's, so that the end of a run does not end it.
pub fn is_persons(op: &OpId) -> bool {
    PEOPLE.iter().any(|prefix| op.as_str().starts_with(prefix))
}

/// Who sits where.
#[derive(Debug, Default)]
pub struct Terminals {
    rooms: Mutex<HashMap<(AgentId, String), Weak<Table>>>,
}

/// The people at one terminal.
#[derive(Debug)]
pub struct Table {
    room: Mutex<Room>,
    changed: watch::Sender<u64>,
    opening: AsyncMutex<()>,
}

impl Terminals {
    /// The people at this terminal, whether or not there are any.
    pub fn table(&self, agent: AgentId, name: &str) -> Arc<Table> {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (agent, name.to_owned());
        if let Some(table) = rooms.get(&key).and_then(Weak::upgrade) {
            return table;
        }
        rooms.retain(|_, table| table.strong_count() > 0);
        let table = Arc::new(Table {
            room: Mutex::default(),
            changed: watch::Sender::new(0),
            opening: AsyncMutex::default(),
        });
        rooms.insert(key, Arc::downgrade(&table));
        table
    }
}

impl Table {
    /// Waits for one's turn to open the terminal.
    pub async fn opening(&self) -> AsyncGuard<'_, ()> {
        self.opening.lock().await
    }

    /// Looks at who is there.
    pub fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes who is there and tells everybody.
    pub fn change<T>(&self, change: impl FnOnce(&mut Room) -> T) -> T {
        let done = change(&mut self.room());
        self.changed.send_modify(|count| *count += 1);
        done
    }

    /// Tells when somebody came, went, or began to type.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
