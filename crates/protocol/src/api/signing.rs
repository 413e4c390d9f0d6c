//! Bodies about the keys that sign commits.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The keys by which commits of this server are signed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SigningKeysBody {
    /// Newest first; the first one signs.
    pub items: Vec<SigningKeyBody>,
    /// A file for git's `gpg.ssh.allowedSignersFile`.
    pub allowed_signers: String,
}

/// The public half of a key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SigningKeyBody {
    /// By which people compare it.
    pub fingerprint: String,
    /// As forges take it.
    pub public_key: String,
    /// When it was made.
    pub created_at: String,
    /// When the next one took its place.
    pub retired_at: Option<String>,
}
