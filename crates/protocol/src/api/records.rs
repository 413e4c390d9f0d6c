//! Bodies about what is signed of pushed commits.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A record on a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordBody {
    /// The repository.
    pub repo_url: String,
    /// The commit that it is about.
    pub commit: String,
    /// The branch that the commit was pushed to.
    pub branch: String,
    /// The run that pushed it.
    pub run_id: String,
    /// When that was decided on.
    pub at: String,
    /// SHA-256 of the record's bytes, in hexadecimal.
    pub digest: String,
    /// Fingerprint of the key that signed it.
    pub key: String,
    /// Where it is.
    pub url: String,
}
