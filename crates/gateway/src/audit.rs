//! What the gateway tells the server about each connection, so that nothing is denied unseen.

use crate::policy::Denial;
use protocol::ids::{AgentId, Epoch};

/// Whose connection it is; known from the socket it came through, never from what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// The agent.
    pub agent: AgentId,
    /// The incarnation of its sandbox.
    pub epoch: Epoch,
}

/// A connection or request that was let through and is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The host as it was judged and dialled.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The method of a plain request; none for a tunnel.
    pub method: Option<String>,
    /// Bytes from the sandbox to the host.
    pub bytes_up: u64,
    /// Bytes from the host to the sandbox.
    pub bytes_down: u64,
}

/// A push that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The repository's name at the endpoint.
    pub repository: String,
    /// The ref that was asked for.
    pub asked: String,
    /// The ref under which it is kept.
    pub stored: String,
    /// The commit.
    pub commit: String,
}

/// Receives what the gateway saw; called inline, so an implementation hands over and returns.
pub trait Audit: Send + Sync {
    /// Something was denied.
    fn denied(&self, peer: Peer, denial: &Denial);
    /// Something passed and ended.
    fn passed(&self, peer: Peer, passage: &Passage);
    /// A push from inside was stored.
    fn recorded(&self, peer: Peer, recorded: &Recorded);
}
