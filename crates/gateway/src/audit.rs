//! What the gateway tells the server about each connection, so that nothing is denied unseen.

use crate::host::Authority;
use crate::policy::Denial;
use protocol::ids::{AgentId, Epoch};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
    /// The method of a request; none for a connection that was not opened.
    pub method: Option<String>,
    /// The status of its answer; none where there was none.
    pub status: Option<u16>,
    /// The grants whose values were put in, by name.
    pub grants: Vec<String>,
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

/// Counts one passage, and tells the audit when it is over, however it ends; one that never began is none.
pub(crate) struct Report {
    audit: Arc<dyn Audit>,
    peer: Peer,
    target: Authority,
    method: Option<String>,
    began: AtomicBool,
    status: AtomicU16,
    up: AtomicU64,
    down: AtomicU64,
    grants: Mutex<BTreeSet<String>>,
}

impl Report {
    /// A report on a connection to `target`, or on a request with this method.
    pub(crate) fn new(
        audit: &Arc<dyn Audit>,
        peer: Peer,
        target: &Authority,
        method: Option<String>,
    ) -> Arc<Self> {
        Arc::new(Self {
            audit: Arc::clone(audit),
            peer,
            target: target.clone(),
            method,
            began: AtomicBool::new(false),
            status: AtomicU16::new(0),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            grants: Mutex::default(),
        })
    }

    /// There is a connection, on which this much is sent first.
    pub(crate) fn begin(&self, bytes: u64) {
        if !self.began.swap(true, Ordering::Relaxed) {
            self.up(bytes);
        }
    }

    /// Bytes went out.
    pub(crate) fn up(&self, bytes: u64) {
        self.up.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes came in.
    pub(crate) fn down(&self, bytes: u64) {
        self.down.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The answer's status.
    pub(crate) fn answered(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// These grants were put in.
    pub(crate) fn used(&self, grants: Vec<String>) {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner).extend(grants);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if !*self.began.get_mut() {
            return;
        }
        let status = *self.status.get_mut();
        let grants = self.grants.get_mut().unwrap_or_else(PoisonError::into_inner);
        let passage = Passage {
            host: self.target.host.to_string(),
            port: self.target.port,
            method: self.method.take(),
            status: (status != 0).then_some(status),
            grants: std::mem::take(grants).into_iter().collect(),
            bytes_up: *self.up.get_mut(),
            bytes_down: *self.down.get_mut(),
        };
        self.audit.passed(self.peer, &passage);
    }
}
