//! Bodies about the keys that wrap those of stored values.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The keys, and how far a change to the newest one is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultBody {
    /// The generation that seals.
    pub current: u64,
    /// All generations whose keys are there or needed, oldest first.
    pub generations: Vec<VaultGeneration>,
    /// Values are being wrapped with the newest key.
    pub rotating: bool,
    /// Values that an older key still wraps.
    pub waiting: u64,
    /// Those of them that do not open with that key.
    pub refused: u64,
}

/// One generation of the key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultGeneration {
    /// Its number.
    pub generation: u64,
    /// `file`: in the data folder; `kms`: there is only what KMS encrypted.
    pub kept: String,
    /// The key of KMS that encrypted it.
    pub kms_key: Option<String>,
    /// Values that it wraps.
    pub values: u64,
    /// What is wrong with its file.
    pub problem: Option<String>,
}

/// Keys that were removed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultRemoved {
    /// Their generations.
    pub removed: Vec<u64>,
    /// What is there now.
    pub vault: VaultBody,
}
