//! What can be typed after `errand audit`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `errand audit`.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// List what people and agents did, newest first
    List(ListAudit),
    /// Write the whole log, a JSON object a line, to standard output
    Export,
    /// Check that no record was changed, moved or taken away
    Verify(VerifyAudit),
    /// Print the end of the log: note it elsewhere, and `verify --head` finds what was cut off after it
    Head,
}

/// `errand audit list`.
#[derive(Debug, Args)]
pub struct ListAudit {
    /// Only of this agent: id, beginning of the id, or name; a deleted one by its whole id
    #[arg(long)]
    pub agent: Option<String>,
    /// Only from this time on: `2026-10-04T12:00:00Z`, or so long ago: 90m, 12h, 7d
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only of this kind, `secret.set`, or of all of a noun, `secret`
    #[arg(long)]
    pub kind: Option<String>,
    /// How many
    #[arg(long, default_value_t = 30, value_name = "N")]
    pub limit: usize,
}

/// `errand audit verify`.
#[derive(Debug, Args)]
pub struct VerifyAudit {
    /// An export, which needs no server; default: the server's log
    pub file: Option<PathBuf>,
    /// An end that was noted earlier: what was before it must still be there
    #[arg(long, value_name = "SEQ:HASH")]
    pub head: Option<String>,
}
