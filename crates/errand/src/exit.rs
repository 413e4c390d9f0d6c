//! How the process ends: one number for each outcome a script may want to tell apart.

use protocol::event::RunStatus;
use std::process::ExitCode;

/// The exit codes, as `errand --help` and `docs/cli.md` list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; a run that was followed ended `FINISHED`, or was left with Ctrl-C.
    Done = 0,
    /// The run ended `ERROR`.
    Failed = 1,
    /// The command or the request was wrong.
    Usage = 2,
    /// The run ended `CANCELLED`.
    Cancelled = 3,
    /// The run ended `EXPIRED`.
    Expired = 4,
    /// There is no such agent, run, key or pull request.
    NotFound = 5,
    /// The server cannot be reached, does not know the key, or failed.
    Unreachable = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// The code for a run that ended so.
    pub const fn of_run(status: RunStatus) -> Self {
        match status {
            RunStatus::Creating | RunStatus::Running | RunStatus::Finished => Self::Done,
            RunStatus::Error => Self::Failed,
            RunStatus::Cancelled => Self::Cancelled,
            RunStatus::Expired => Self::Expired,
        }
    }
}

/// Why a command did not do what was asked: for the person in words, for scripts by code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Trouble {
    /// How the process ends.
    pub exit: Exit,
    /// Stable, snake case; the server's own where it answered.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
}

impl Trouble {
    /// Trouble from its parts.
    pub fn new(exit: Exit, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { exit, code: code.into(), message: message.into() }
    }

    /// The command was given something it cannot use.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// The server could not be reached or understood.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(Exit::Unreachable, "unreachable", message)
    }
}
