//! What an agent may reach through its git endpoint: its own repositories, each by name.

use crate::large_files::LargeFiles;
use git::name::BranchName;
use git::repo::Repo;
use protocol::limits::{PUSH_BYTES, PUSH_OBJECT_BYTES, PUSH_OBJECTS};
use std::sync::Arc;

/// Where pushes from inside a sandbox are kept until Errand takes them over.
pub const INBOX: &str = "refs/errand/inbox/";

/// How large one push may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushLimits {
    /// Bytes of its pack.
    pub bytes: u64,
    /// Objects in it.
    pub objects: u64,
    /// Bytes of one of them, unpacked.
    pub object_bytes: u64,
}

impl Default for PushLimits {
    fn default() -> Self {
        Self { bytes: PUSH_BYTES, objects: PUSH_OBJECTS, object_bytes: PUSH_OBJECT_BYTES }
    }
}

impl PushLimits {
    /// Why a pack that begins so is not taken.
    pub(crate) fn refuse(self, head: &[u8]) -> Option<String> {
        let count = head.strip_prefix(b"PACK")?.get(4..8)?;
        let count = u64::from(u32::from_be_bytes(count.try_into().ok()?));
        (count > self.objects).then(|| {
            format!("it has {count} objects, and one push may have {}: push in parts", self.objects)
        })
    }

    /// What git said of a pack that it did not take, in words of ours where a limit was met.
    pub(crate) fn explain(self, said: &str) -> Option<String> {
        if said.contains("exceeds maximum allowed size") {
            Some(format!(
                "its pack has more than {} bytes: push in parts, or without large files",
                self.bytes
            ))
        } else if said.contains("attempting to allocate") {
            Some(format!(
                "a file in it has more than {} bytes: keep that with Git LFS",
                self.object_bytes
            ))
        } else {
            None
        }
    }
}

/// One repository of an agent.
#[derive(Clone)]
pub struct AgentRepository {
    /// Its name at the endpoint: `http://errand.internal/git/<name>.git`.
    pub name: String,
    /// Its real address, which git inside replaces by the one above.
    pub url: String,
    /// The agent's own bare repository on the server.
    pub repo: Repo,
    /// The branch that the agent works on, the only one it may push.
    pub branch: BranchName,
    /// The contents that pointers in it stand for.
    pub large_files: Arc<dyn LargeFiles>,
}
