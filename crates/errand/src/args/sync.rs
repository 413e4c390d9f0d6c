//! What the commands take that move files between this computer and an agent.

use super::How;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `errand up`.
#[derive(Debug, Args)]
pub struct Up {
    /// What is to be done; `-` reads it from standard input
    pub task: String,
    /// Worktree to send
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub from: PathBuf,
    /// Remote that the agent's branch is pushed to
    #[arg(long, value_name = "NAME", default_value = "origin")]
    pub remote: String,
    /// File that may be sent although it looks like a secret; may be given several times
    #[arg(long, value_name = "PATH")]
    pub allow_secret: Vec<String>,
    /// Only show what would be sent
    #[arg(long)]
    pub dry_run: bool,
    /// Send without asking
    #[arg(long, short)]
    pub yes: bool,
    /// Branch to work on; default: errand/NAME-SUFFIX
    #[arg(long)]
    pub branch: Option<String>,
    /// Name of the agent; default: from the task
    #[arg(long)]
    pub name: Option<String>,
    /// Open no pull request
    #[arg(long)]
    pub no_pr: bool,
    #[command(flatten)]
    pub how: How,
}

/// `errand down`.
#[derive(Debug, Args)]
pub struct Down {
    /// Id, beginning of the id, or name
    pub agent: String,
    /// Worktree to bring the changes into
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub into: PathBuf,
    /// Which repository of the agent, where there are several
    #[arg(long, value_name = "URL")]
    pub repo: Option<String>,
    /// What to do where both sides changed the same
    #[arg(long, value_enum, default_value_t = Conflicts::Refuse)]
    pub conflicts: Conflicts,
    /// Only show what would be done
    #[arg(long, conflicts_with = "watch")]
    pub dry_run: bool,
    /// Go on bringing changes as the agent makes them
    #[arg(long)]
    pub watch: bool,
}

/// What to do with conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Conflicts {
    /// Change nothing and list them
    Refuse,
    /// Write both versions into the files, with marks
    Files,
    /// Leave the worktree and put the agent's files on a branch
    Branch,
}
