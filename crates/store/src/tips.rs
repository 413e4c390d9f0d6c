//! Where logs ended when this process last wrote to them, so that the next append need not ask.
//!
//! A hint: whoever uses it writes under the condition that the database still says the same.

use crate::log::Hash;
use protocol::ids::{AgentId, OrgId, Seq};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Logs whose end is known; with one more all are forgotten, and known again when next written to.
const KNOWN_LOGS: usize = 4096;

/// The known ends.
#[derive(Default)]
pub(crate) struct Tips {
    known: Mutex<HashMap<AgentId, Tip>>,
}

struct Tip {
    org: OrgId,
    seq: Seq,
    hash: Hash,
}

impl Tips {
    /// Digest of an event, if it was the last one that this process wrote to the log.
    pub(crate) fn hash(&self, org: &OrgId, agent: AgentId, seq: Seq) -> Option<Hash> {
        let known = self.lock();
        let tip = known.get(&agent).filter(|tip| tip.seq == seq && tip.org == *org)?;
        Some(tip.hash)
    }

    /// Remembers the end of a log after its commit.
    pub(crate) fn keep(&self, org: &OrgId, agent: AgentId, seq: Seq, hash: Hash) {
        let mut known = self.lock();
        if known.len() >= KNOWN_LOGS && !known.contains_key(&agent) {
            known.clear();
        }
        known.insert(agent, Tip { org: org.clone(), seq, hash });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AgentId, Tip>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
