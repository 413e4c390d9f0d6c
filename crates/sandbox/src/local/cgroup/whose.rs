//! Whose control groups: a sandbox of its own, one that shares, or what those that share have in common.

use std::path::{Path, PathBuf};

use crate::local::commons::{self, CommonsId};
use crate::local::record;
use crate::provider::SandboxKey;

/// Name of the list of groups among somebody's records.
const RECORD: &str = "groups.json";
/// Group of the first process of a commons, beside those of its sandboxes.
const FIRST: &str = "first";

/// Whose groups. Those of a commons lie above those of the sandboxes in it, and hold the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A sandbox's, and the commons it is in, if it is in one.
    Sandbox(SandboxKey, Option<CommonsId>),
    /// Of the first process of a commons.
    Commons(CommonsId),
}

impl Whose {
    /// Of the sandbox that was started under this key.
    pub fn of(key: SandboxKey) -> Self {
        // What cannot be read was never written: this is noted before there are any groups.
        Self::Sandbox(key, commons::of_sandbox(key).unwrap_or_default())
    }

    /// Its path below the parent of all.
    pub fn name(self) -> PathBuf {
        match self {
            Self::Sandbox(key, None) => PathBuf::from(key.to_string()),
            Self::Sandbox(key, Some(commons)) => {
                Path::new(&commons.to_string()).join(key.to_string())
            }
            Self::Commons(commons) => Path::new(&commons.to_string()).join(FIRST),
        }
    }

    /// Where it is written down.
    pub fn record(self) -> PathBuf {
        match self {
            Self::Sandbox(key, _) => record::dir(key).join(RECORD),
            Self::Commons(commons) => commons::dir(commons).join(RECORD),
        }
    }

    /// The group of the commons above one of these, if it is in one.
    pub fn above(self, dir: &Path) -> Option<&Path> {
        match self {
            Self::Sandbox(_, None) => None,
            Self::Sandbox(_, Some(_)) | Self::Commons(_) => dir.parent(),
        }
    }
}
