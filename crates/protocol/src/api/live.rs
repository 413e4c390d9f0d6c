//! Frames of the live socket, `GET /v1/live`: JSON texts, one socket for everything a page shows.
//!
//! The server's frames are serialised where they arise, because an event is shown to many: this
//! module is their description, and what clients in Rust parse.

use super::agents::{Agent, EventBody};
use crate::delta::Delta;
use serde::{Deserialize, Serialize};

/// Closed because the reader fell behind: open again and resume with `after`.
pub const CLOSE_SLOW: u16 = 4008;
/// Closed because the key was revoked or the session is over: sign in again.
pub const CLOSE_SESSION_OVER: u16 = 4401;
/// Closed because the server ends: open again.
pub const CLOSE_GOING_AWAY: u16 = 1001;
/// Closed because a frame was not understood.
pub const CLOSE_PROTOCOL: u16 = 1003;

/// What a client sends. `id` is chosen by the client and names a watch in all its frames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub enum ClientFrame {
    /// Events of an agent after a number, then live.
    WatchAgent {
        /// The watch.
        id: u64,
        /// `bc-<uuid>`.
        agent: String,
        /// The last event the client has; absent: from the beginning.
        #[serde(default)]
        after: u64,
    },
    /// Every agent that changes from now on.
    WatchList {
        /// The watch.
        id: u64,
    },
    /// Ends a watch.
    Unwatch {
        /// The watch.
        id: u64,
    },
    /// Asks for a `pong`.
    Ping {},
}

/// What the server sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ServerFrame {
    /// Events in order without a gap; many while catching up, then one by one.
    Events {
        /// The watch.
        id: u64,
        /// Oldest first.
        items: Vec<EventBody>,
    },
    /// The client has everything up to here; what follows happens now.
    Live {
        /// The watch.
        id: u64,
        /// The last event sent; 0 for a list.
        seq: u64,
    },
    /// Seen once, kept nowhere.
    Delta {
        /// The watch.
        id: u64,
        /// Text or output as it comes.
        delta: Delta,
    },
    /// Who watches this agent, at every change.
    Presence {
        /// The watch.
        id: u64,
        /// By name.
        watchers: Vec<Watcher>,
    },
    /// An agent of the list is new or changed.
    Agent {
        /// The watch.
        id: u64,
        /// As `GET /v1/agents/{id}` shows it.
        agent: Box<Agent>,
    },
    /// An agent of the list was deleted.
    AgentGone {
        /// The watch.
        id: u64,
        /// `bc-<uuid>`.
        agent: String,
    },
    /// A watch was refused or has failed; the socket stays.
    Error {
        /// The watch.
        id: u64,
        /// As in the HTTP API.
        code: String,
        /// Plain words.
        message: String,
    },
    /// The answer to `ping`.
    Pong,
}

/// A person who watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watcher {
    /// Name of their key.
    pub name: String,
    /// Pages they have open on this agent.
    pub count: u32,
    /// It is the reader.
    pub you: bool,
}
