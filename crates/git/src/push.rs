//! Publishing: a branch of a remote moves only from where we saw it, only forward, and is looked at again.

use std::time::Duration;

use crate::error::{Error, Result, of_rejection, of_remote};
use crate::name::{BranchName, CommitId};
use crate::refs::Expected;
use crate::remote::{self, FarEnd, Remote};
use crate::repo::Repo;

/// Time for one push.
pub const PUSH_TIME_MAX: Duration = Duration::from_secs(15 * 60);
const ATTEMPT: &str = "push to the remote";

/// What a push changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The branch moved.
    Moved,
    /// The branch was there already, for example after a repeated call.
    UpToDate,
}

impl Repo {
    /// Moves a branch of the remote from the expected commit to this one, and verifies it.
    ///
    /// Idempotent: a branch that is at the commit already is fine whatever was expected. History
    /// is never rewritten: the expected commit must be an ancestor of the new one.
    pub async fn push(
        &self,
        remote: &Remote,
        commit: &CommitId,
        branch: &BranchName,
        expected: Expected<'_>,
    ) -> Result<Pushed> {
        if let Expected::At(old) = expected {
            self.check_forward(old, commit, branch).await?;
        }
        let pushed = self.push_unverified(remote, commit, branch, expected).await?;
        let now = remote::branch_head(self.git(), remote, branch).await?;
        if now.as_ref() == Some(commit) {
            return Ok(pushed);
        }
        // Pushed on top of ours in the same moment is not a loss, but not what was promised either.
        let detail = match now {
            Some(now) => format!("after the push the remote has {now}"),
            None => "after the push the remote does not have it".to_owned(),
        };
        Err(Error::NonFastForward { name: branch.to_string(), detail })
    }

    async fn check_forward(
        &self,
        old: &CommitId,
        new: &CommitId,
        branch: &BranchName,
    ) -> Result<()> {
        let moved = |detail: &str| {
            Err(Error::NonFastForward { name: branch.to_string(), detail: detail.to_owned() })
        };
        match self.is_ancestor(old, new).await {
            Ok(true) => Ok(()),
            Ok(false) => moved("the new commit does not follow the one on the remote"),
            Err(Error::RefMissing { .. }) if self.has_commit(new).await? => {
                moved("the commit on the remote has not been fetched yet")
            }
            Err(error) => Err(error),
        }
    }

    async fn push_unverified(
        &self,
        remote: &Remote,
        commit: &CommitId,
        branch: &BranchName,
        expected: Expected<'_>,
    ) -> Result<Pushed> {
        let name = branch.to_ref();
        let mut call = remote::admit(self.call(ATTEMPT), remote, ATTEMPT)?
            .args(["push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed"])
            .args(["--recurse-submodules=no", "--no-progress"])
            .args(remote::far_end(remote, FarEnd::Receive)?)
            .heavy(PUSH_TIME_MAX);
        call = match expected {
            Expected::At(old) => call.arg(format!("--force-with-lease={name}:{old}")),
            Expected::Absent => call.arg(format!("--force-with-lease={name}:")),
            // Without a lease git itself refuses whatever is not a fast-forward.
            Expected::Any => call,
        };
        let output = call
            .arg("--")
            .arg(remote.url.as_str())
            .arg(format!("{commit}:{name}"))
            .finish()
            .await?;
        match status_of(&output.text(), name.as_str()) {
            Some(Status::Moved) if output.code == Some(0) => Ok(Pushed::Moved),
            Some(Status::UpToDate) => Ok(Pushed::UpToDate),
            Some(Status::Rejected(reason)) => {
                Err(of_rejection(branch.as_str(), &reason, &output.stderr))
            }
            Some(Status::Moved) | None => Err(of_remote(ATTEMPT, &output.stderr)),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Status {
    Moved,
    UpToDate,
    Rejected(String),
}

/// Reads `<flag> TAB <from>:<to> TAB <summary> (<reason>)` of `--porcelain`.
fn status_of(text: &str, name: &str) -> Option<Status> {
    let line = text.lines().find(|line| {
        line.split('\t')
            .nth(1)
            .and_then(|refs| refs.split_once(':'))
            .is_some_and(|(_, to)| to == name)
    })?;
    match line.chars().next()? {
        '=' => Some(Status::UpToDate),
        '!' => {
            let summary = line.split('\t').nth(2).unwrap_or_default();
            let reason =
                summary.split_once('(').map_or(summary, |(_, rest)| rest.trim_end_matches(')'));
            Some(Status::Rejected(reason.to_owned()))
        }
        _ => Some(Status::Moved),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn porcelain_lines_are_read() {
        let status = |line: &str| status_of(&format!("To /r\n{line}\nDone\n"), "refs/heads/b");
        assert_eq!(status("*\tabc:refs/heads/b\t[new branch]"), Some(Status::Moved));
        assert_eq!(status("=\tabc:refs/heads/b\t[up to date]"), Some(Status::UpToDate));
        assert_eq!(
            status("!\tabc:refs/heads/b\t[rejected] (stale info)"),
            Some(Status::Rejected("stale info".to_owned()))
        );
        assert_eq!(status("*\tabc:refs/heads/other\t[new branch]"), None);
    }
}
