//! What can be typed after `errand verify`.

use clap::Args;
use std::path::PathBuf;

/// `errand verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// An agent by id, beginning of the id, or name; or a pull request by its link or number
    #[arg(required_unless_present = "record", conflicts_with = "record")]
    pub target: Option<String>,
    /// A record in a file; with --allowed-signers no server is asked
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Who may sign, as `errand signing-key allowed-signers` prints it; default: whom the server names
    #[arg(long, value_name = "FILE")]
    pub allowed_signers: Option<PathBuf>,
    /// A clone of the repository: its commit and its branch are checked, too
    #[arg(long, value_name = "PATH")]
    pub repo: Option<PathBuf>,
    /// Write the record to a file, for later
    #[arg(long, value_name = "FILE", requires = "target")]
    pub save: Option<PathBuf>,
}

impl Verify {
    /// Whether everything that it takes is on this computer.
    pub const fn is_offline(&self) -> bool {
        self.record.is_some() && self.allowed_signers.is_some()
    }
}
