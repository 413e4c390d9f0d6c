//! What a clone on this computer says of a record: whether the commit is there and signed, and where the branch stands.

use super::report::Check;
use crate::exit::Trouble;
use crate::text;
use anyhow::Result;
use git::name::{CommitId, RefName};
use git::repo::Repo;
use git::runner::Git;
use git::worktree::{Personal, Worktree};
use server::record::commit;
use server::record::envelope::{Checked, Doubt};
use server::record::signers::Signers;
use std::path::Path;

/// Somebody's clone; nothing in it is changed, and nothing of its configuration is run.
pub struct LocalClone(Repo);

impl LocalClone {
    /// Opens one that was named, a worktree or a bare one.
    pub async fn open(path: Option<&Path>) -> Result<Option<Self>, Trouble> {
        let Some(path) = path else { return Ok(None) };
        let wrong = |error: git::error::Error| {
            Trouble::usage(format!("--repo {}: {error}", path.display()))
        };
        let git = Git::new().map_err(wrong)?;
        let real = path.canonicalize();
        if let Some(bare) = real.ok().and_then(|real| Repo::open(&git, &real).ok()) {
            return Ok(Some(Self(bare)));
        }
        let worktree = Worktree::open(&git, path, &Personal::default()).await.map_err(wrong)?;
        Ok(Some(Self(worktree.repo().map_err(wrong)?)))
    }

    /// Whether it has the record's commit, signed by somebody who may, at the end of the record's branch.
    pub async fn examine(&self, checked: &Checked, signers: &Signers) -> Result<Vec<Check>> {
        let branch = &checked.statement.predicate.branch;
        let commit = self.commit(&checked.commit, signers).await?;
        Ok(vec![commit, self.branch(&checked.commit, branch).await?])
    }

    async fn commit(&self, id: &CommitId, signers: &Signers) -> Result<Check> {
        let short = text::short_commit(id.as_str());
        let Some(bytes) = self.0.commit_bytes(id).await? else {
            let why = format!("{short} is not in the clone: fetch its branch");
            return Ok(Check::failed("commit", why));
        };
        Ok(match commit::check(id, &bytes, signers) {
            Ok(signer) => Check::passed("commit", format!("{short} is signed by {signer}")),
            Err(Doubt(why)) => Check::failed("commit", format!("{short}: {why}")),
        })
    }

    /// What a remote was last seen to have counts before what was done here since.
    async fn branch(&self, id: &CommitId, branch: &str) -> Result<Check> {
        let remotes = self.0.refs("refs/remotes").await?;
        let of_remote = |name: &RefName| {
            let rest = name.as_str().strip_prefix("refs/remotes/")?.split_once('/')?.1;
            Some(rest == branch)
        };
        let mut heads: Vec<_> =
            remotes.into_iter().filter(|(name, _)| of_remote(name) == Some(true)).collect();
        if heads.is_empty() {
            let own = format!("refs/heads/{branch}");
            heads = self.0.refs(&own).await?;
            heads.retain(|(name, _)| name.as_str() == own);
        }
        let short = text::short_commit(id.as_str());
        Ok(match heads.iter().find(|(_, head)| head != id) {
            Some((name, head)) => {
                let head = text::short_commit(head.as_str());
                let why = format!("{name} is at {head}, the record is of {short}");
                Check::failed("branch", why)
            }
            None if heads.is_empty() => {
                Check::failed("branch", format!("{branch} is not in the clone: fetch it"))
            }
            None => Check::passed("branch", format!("{branch} ends with {short}")),
        })
    }
}
