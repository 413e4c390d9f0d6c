//! Files between this computer's worktrees and agents: [`up`] sends one as an agent's start, [`down`]
//! brings an agent's changes back. What git has to do with it stands in `git::worktree`.
//!
//! [`secrets`] looks at what would leave, [`send`] sends it so that an interrupted call goes on.

pub mod down;
mod report;
mod secrets;
mod send;
pub mod up;

use crate::exit::{Exit, Trouble};
use crate::settings::Surroundings;
use anyhow::{Context as _, Result};
use git::commit::{Signature, When};
use git::error::Error as GitError;
use git::name::RefName;
use git::runner::Git;
use git::worktree::{Personal, Worktree};
use std::path::Path;

/// Opens the worktree that a folder lies in.
async fn open(folder: &Path, around: &Surroundings) -> Result<Worktree> {
    let git = Git::new().map_err(trouble)?;
    let config = around.login_file().ok();
    let config = config.as_deref().and_then(Path::parent).and_then(Path::parent);
    let personal =
        Personal { home: around.home_folder(), config: config.map(|folder| folder.join("git")) };
    Worktree::open(&git, folder, &personal).await.map_err(trouble)
}

/// A failure of git on this computer, for the person.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others say themselves what to do")]
fn trouble(error: GitError) -> anyhow::Error {
    match &error {
        GitError::NotFound { detail, .. } => {
            Trouble::new(Exit::Usage, "no_worktree", detail.clone())
        }
        GitError::BadObjects { detail } => {
            let message = format!("what the server sent was refused: {detail}");
            Trouble::new(Exit::Usage, "objects_refused", message)
        }
        GitError::TooLarge { what, limit_bytes, .. } => {
            let message = format!("{what} is larger than {limit_bytes}: nothing was changed");
            Trouble::new(Exit::Usage, "too_large", message)
        }
        GitError::Io { .. } | GitError::Timeout { .. } | GitError::Other { .. } => {
            return anyhow::Error::from(error).context("work on the worktree");
        }
        _ => Trouble::new(Exit::Usage, "git_failed", error.to_string()),
    }
    .into()
}

/// Who the commits that only refs of ours name are by.
fn who() -> Signature {
    let when = When { seconds: jiff::Timestamp::now().as_second(), offset_minutes: 0 };
    Signature { name: "Errand".to_owned(), email: "errand@localhost".to_owned(), when }
}

/// What this worktree and the agent's last had in common.
fn synced_ref(agent: &str, repo: usize) -> Result<RefName> {
    RefName::parse(&format!("refs/errand/synced/{agent}-{repo}")).context("name a ref")
}

/// Where the worktree before a change is kept.
fn backup_ref(agent: &str) -> Result<RefName> {
    let now = jiff::Timestamp::now().as_millisecond();
    RefName::parse(&format!("refs/errand/backup/{agent}-{now}")).context("name a ref")
}
