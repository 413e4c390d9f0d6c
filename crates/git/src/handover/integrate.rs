//! Joins our work with what a person pushed to the same branch meanwhile.

use super::Message;
use crate::commit::{CommitDraft, Merge, Signature, Signing};
use crate::error::{Error, Result};
use crate::name::CommitId;
use crate::repo::Repo;
use crate::runner::Input;

/// Two lines of history to be joined.
#[derive(Debug, Clone, Copy)]
pub struct Meeting<'a> {
    /// Our tip.
    pub ours: &'a CommitId,
    /// The remote's.
    pub theirs: &'a CommitId,
    /// Author and committer of a merge, and the time it is made.
    pub bot: &'a Signature,
    /// What a merge says.
    pub message: Message<'a>,
    /// `Key: value` lines at the end of its message.
    pub trailers: &'a [(String, String)],
    /// What a merge is signed with.
    pub signing: Signing<'a>,
}

/// What became of two lines of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Integration {
    /// A commit that has both: one of the two if it has the other already, a merge otherwise.
    Integrated {
        /// The commit.
        commit: CommitId,
    },
    /// Both changed the same places; nothing was made.
    Conflict {
        /// The paths.
        files: Vec<String>,
    },
}

impl Repo {
    /// Joins two lines of history without a worktree; the same input gives the same commit.
    pub async fn integrate(&self, meeting: &Meeting<'_>) -> Result<Integration> {
        let Meeting { ours, theirs, .. } = *meeting;
        match self.apart(ours, theirs).await? {
            (_, 0) => return Ok(Integration::Integrated { commit: ours.clone() }),
            (0, _) => return Ok(Integration::Integrated { commit: theirs.clone() }),
            (_, _) => {}
        }
        let tree = match self.merge_tree(ours, theirs).await? {
            Merge::Clean(tree) => tree,
            Merge::Conflicts(files) => return Ok(Integration::Conflict { files }),
        };
        let Message { subject, body } = meeting.message;
        let draft = CommitDraft {
            tree,
            parents: vec![ours.clone(), theirs.clone()],
            author: meeting.bot.clone(),
            committer: meeting.bot.clone(),
            message: format!("{}\n\n{}", subject.trim(), body.trim()),
            trailers: meeting.trailers.to_vec(),
        };
        Ok(Integration::Integrated { commit: self.commit_signed(&draft, meeting.signing).await? })
    }

    /// How many commits each of the two has that the other has not.
    pub async fn apart(&self, one: &CommitId, other: &CommitId) -> Result<(u64, u64)> {
        let attempt = "compare lines of history";
        let call = self
            .call(attempt)
            .args(["rev-list", "--left-right", "--count", "--stdin"])
            .input(Input::Bytes(format!("{one}...{other}\n").into_bytes()));
        let text = call.run().await?.text();
        let mut counts = text.split_whitespace().map(str::parse);
        match (counts.next(), counts.next()) {
            (Some(Ok(left)), Some(Ok(right))) => Ok((left, right)),
            (Some(_) | None, _) => Err(Error::other(attempt, "git counted in an unknown form")),
        }
    }
}
