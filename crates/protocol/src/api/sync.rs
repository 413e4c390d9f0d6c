//! Bodies about files that travel between a person's worktree and an agent's.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use crate::event::UploadStart;

/// `POST /v1/uploads`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateUpload {
    /// How many bytes will come.
    pub bytes: u64,
    /// BLAKE3 digest of them, 64 hexadecimal digits.
    pub blake3: String,
}

/// An upload and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Upload {
    /// Names it.
    pub id: String,
    /// Bytes that are here; the next piece begins there.
    pub offset: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Everything is here and was checked.
    pub complete: bool,
}

/// The worktree of one repository of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorktreeBody {
    /// The repository's URL, as it was given.
    pub url: String,
    /// The agent's branch.
    pub branch: String,
    /// Commit that the work started from.
    pub base: String,
    /// Tree that the work started from: the base's, or that of a worktree that was sent.
    pub base_tree: String,
    /// Commit that the worktree stands at.
    pub head: String,
    /// All its files.
    pub tree: String,
    /// Read from the running machine just now; else as it was last saved.
    pub live: bool,
}

/// `POST /v1/agents/{id}/worktree/pack`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackRequest {
    /// Which repository, from 0.
    pub repo: usize,
    /// Commits and trees that are wanted, as `worktree` gave them.
    pub want: Vec<String>,
    /// Commits and trees that are there already; unknown ones are ignored.
    pub have: Vec<String>,
}
