//! A full disk of the server, in the words that people are told.

use protocol::failure::{Failure, Phase};
use std::io::ErrorKind;

/// What programs print when a disk is full.
const NO_SPACE: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// The failure of something that found no room.
pub fn full(phase: Phase) -> Failure {
    let message = "The disk of Errand's server is full. Free some space there (delete agents that are no longer needed, or files of this one), then send the message again: what was done is kept in the workspace.";
    Failure::new(phase, "disk_full", message)
}

/// Whether an error comes from a full disk.
pub fn is_full(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        matches!(io, Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
            || matches!(cause.downcast_ref(), Some(store::error::Error::Full))
            || says_full(&cause.to_string())
    })
}

/// Whether a program's words are about a full disk.
pub fn says_full(text: &str) -> bool {
    NO_SPACE.iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context as _, anyhow};

    #[test]
    fn a_full_disk_is_recognised_wherever_it_was_met() {
        let io = std::io::Error::from(ErrorKind::StorageFull);
        assert!(is_full(&anyhow::Error::new(io).context("write a pack")));
        assert!(is_full(&anyhow::Error::new(store::error::Error::Full).context("append")));
        assert!(is_full(&anyhow!("fatal: write error: No space left on device").context("git")));
        let other: anyhow::Result<()> = Err(anyhow!("no such file")).context("write a pack");
        assert!(!is_full(&other.unwrap_err()));
    }
}
