//! A process inside a sandbox, as the sandbox tells it.

use serde::{Deserialize, Serialize};

/// A process that did something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// Its number inside.
    pub pid: u32,
    /// Name of its program, as the kernel keeps it.
    pub name: String,
    /// Its command line, arguments between spaces; empty where it cannot be read.
    pub command: String,
}
