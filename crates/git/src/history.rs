//! Questions about history: ancestors, common ancestors, and the commits between two points.

use crate::commit::{Signature, When};
use crate::error::{Error, Result};
use crate::name::{CommitId, TreeId};
use crate::repo::Repo;
use crate::runner::{Input, Overflow};

/// Commits listed at once at most.
pub const COMMITS_LISTED_MAX: usize = 10_000;
const LOG_MAX_BYTES: usize = 64 * 1024 * 1024;
const LOG_FIELDS: usize = 10;
const LOG_FORMAT: &str =
    "--format=tformat:%H%x00%T%x00%P%x00%an%x00%ae%x00%ad%x00%cn%x00%ce%x00%cd%x00%B";

/// A commit as history shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its id.
    pub id: CommitId,
    /// What it holds.
    pub tree: TreeId,
    /// What it follows, in order.
    pub parents: Vec<CommitId>,
    /// Who did the work, and when.
    pub author: Signature,
    /// Who made the commit, and when.
    pub committer: Signature,
    /// Subject and body.
    pub message: String,
}

/// Commits, and whether there were more than asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Parents before their children.
    pub commits: Vec<CommitInfo>,
    /// The oldest are missing.
    pub truncated: bool,
}

impl Repo {
    /// Commits reachable from one of `from` and from none of `without`, parents first.
    ///
    /// Ids in `without` that are not here exclude nothing.
    pub async fn commits_between(
        &self,
        from: &[CommitId],
        without: &[CommitId],
        max: usize,
    ) -> Result<History> {
        let max = max.min(COMMITS_LISTED_MAX);
        if from.is_empty() {
            // Asked about nothing, git would tell about HEAD.
            return Ok(History { commits: Vec::new(), truncated: false });
        }
        let mut revs = String::new();
        for id in from {
            revs.push_str(&format!("{id}\n"));
        }
        for id in self.present(without).await? {
            revs.push_str(&format!("^{id}\n"));
        }
        let output = self
            .call("list commits")
            .args(["log", "--stdin", "-z", "--date=raw", "--topo-order", "--no-show-signature"])
            .args(["--no-decorate", "--no-notes", "--no-mailmap", "--encoding=UTF-8", LOG_FORMAT])
            .arg(format!("--max-count={}", max + 1))
            .input(Input::Bytes(revs.into_bytes()))
            .stdout_max(LOG_MAX_BYTES, Overflow::Fail)
            .run()
            .await?;
        let text = output.text();
        let fields: Vec<&str> = text.split('\0').collect();
        let read: Option<Vec<CommitInfo>> = fields.chunks_exact(LOG_FIELDS).map(parse).collect();
        let bad = || Error::other("list commits", "git printed a commit in an unknown form");
        let mut commits = read.ok_or_else(bad)?;
        let truncated = commits.len() > max;
        commits.truncate(max);
        commits.reverse();
        Ok(History { commits, truncated })
    }

    /// One commit.
    pub async fn commit_info(&self, id: &CommitId) -> Result<CommitInfo> {
        let history = self.commits_between(std::slice::from_ref(id), &[], 1).await?;
        let missing = || Error::RefMissing { name: format!("commit {id}") };
        history.commits.into_iter().next().ok_or_else(missing)
    }

    /// Those of these commits that are here.
    pub(crate) async fn present(&self, ids: &[CommitId]) -> Result<Vec<CommitId>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let lines: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let call = self.call("look for commits").args([
            "cat-file",
            "--batch-check=%(objecttype)",
            "--buffer",
        ]);
        let output = call.input(Input::Bytes(lines.into_bytes())).run().await?;
        let text = output.text();
        let here = ids.iter().zip(text.lines()).filter(|(_, kind)| *kind == "commit");
        Ok(here.map(|(id, _)| id.clone()).collect())
    }

    /// Whether the first commit is the second or one that it follows.
    pub async fn is_ancestor(&self, old: &CommitId, new: &CommitId) -> Result<bool> {
        if old == new {
            return Ok(true);
        }
        let attempt = "look for an ancestor";
        let call = self.call(attempt).args(["merge-base", "--is-ancestor"]).args([old, new]);
        let output = call.finish().await?;
        match output.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            Some(_) | None => Err(self.missing_or_other(attempt, &output.stderr)),
        }
    }

    /// The nearest common ancestor of two commits, if they have one.
    pub async fn merge_base(&self, one: &CommitId, other: &CommitId) -> Result<Option<CommitId>> {
        let attempt = "look for a common ancestor";
        let output = self.call(attempt).arg("merge-base").args([one, other]).finish().await?;
        match output.code {
            Some(0) => Ok(CommitId::parse(output.text().trim()).ok()),
            Some(1) => Ok(None),
            Some(_) | None => Err(self.missing_or_other(attempt, &output.stderr)),
        }
    }

    fn missing_or_other(&self, attempt: &'static str, stderr: &str) -> Error {
        if stderr.contains("Not a valid") {
            let name = stderr.split_whitespace().last().unwrap_or("a commit");
            return Error::RefMissing { name: format!("commit {name}") };
        }
        crate::error::of_local(attempt, stderr)
    }
}

fn parse(fields: &[&str]) -> Option<CommitInfo> {
    let [id, tree, parents, an, ae, ad, cn, ce, cd, message] = fields else { return None };
    let parents: Option<Vec<CommitId>> =
        parents.split_whitespace().map(|id| CommitId::parse(id).ok()).collect();
    Some(CommitInfo {
        id: CommitId::parse(id.trim_start()).ok()?,
        tree: TreeId::parse(tree).ok()?,
        parents: parents?,
        author: signature(an, ae, ad),
        committer: signature(cn, ce, cd),
        message: (*message).to_owned(),
    })
}

fn signature(name: &str, email: &str, date: &str) -> Signature {
    Signature { name: name.to_owned(), email: email.to_owned(), when: parse_when(date) }
}

/// Reads "1700000000 +0200"; a date nobody can read is the beginning of time.
fn parse_when(date: &str) -> When {
    let (seconds, zone) = date.split_once(' ').unwrap_or((date, "+0000"));
    let zone: i16 = zone.parse().unwrap_or(0);
    When {
        seconds: seconds.parse().unwrap_or(0),
        offset_minutes: (zone / 100).saturating_mul(60).saturating_add(zone % 100),
    }
}
