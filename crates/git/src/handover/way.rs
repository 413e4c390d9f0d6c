//! Decides how a workspace's history joins ours, before any commit is written.

use super::line::{Line, Published};
use super::{Handover, NEW_COMMITS_MAX, Note};
use crate::error::{Error, Result};
use crate::history::{COMMITS_LISTED_MAX, CommitInfo, History};
use crate::name::CommitId;
use crate::repo::Repo;
use crate::runner::Input;

/// Tips of the remote among which an ancestor is looked for when history is too large to list.
const UPSTREAM_COMPARED_MAX: usize = 10_000;

/// The commits to follow, before any is written.
pub(super) enum Way<'a> {
    /// New commits are made again on a line that leads on from our tip.
    Along { line: Line<'a>, start: CommitId },
    /// One commit on top of our tip.
    OnTop { commits: Vec<&'a CommitInfo>, second: Option<CommitId>, note: Option<Note> },
}

impl Repo {
    /// Commits that neither the remote nor we had before; nothing where their words are too long.
    pub(super) async fn news(
        &self,
        handover: &Handover<'_>,
        head: &CommitId,
    ) -> Result<Option<History>> {
        let mut known = handover.upstream.to_vec();
        known.push(handover.base.clone());
        known.extend(handover.tip.cloned());
        // Published ones are listed too where the workspace's branch could not be moved to ours.
        let max = NEW_COMMITS_MAX.saturating_add(handover.published.len()).min(COMMITS_LISTED_MAX);
        match self.commits_between(std::slice::from_ref(head), &known, max).await {
            Ok(history) => Ok(Some(history)),
            Err(Error::TooLarge { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn way<'a>(
        &self,
        handover: &Handover<'a>,
        published: &Published<'_>,
        history: Option<&'a History>,
    ) -> Result<Way<'a>> {
        let our = handover.tip.unwrap_or(handover.base);
        let (Some(head), Some(history)) = (handover.workspace.head, history) else {
            let note = handover.workspace.head.map(|_| Note::Collapsed);
            let second = match handover.workspace.head {
                Some(head) => self.newest_upstream_below(handover, head).await?,
                None => None,
            };
            return Ok(Way::OnTop { commits: Vec::new(), second, note });
        };
        let line = Line::find(head, &history.commits, published);
        let complete = !history.truncated || line.roots.iter().all(|root| published.knows(root));
        if !complete || line.commits.len() > NEW_COMMITS_MAX {
            let second = self.newest_upstream_below(handover, head).await?;
            return Ok(Way::OnTop { commits: line.commits, second, note: Some(Note::Collapsed) });
        }
        let roots: Vec<CommitId> =
            line.roots.iter().map(|root| published.resolve(root).clone()).collect();
        if roots.contains(our) || self.all_reachable(our, &roots).await? {
            let start = published.resolve(head).clone();
            return Ok(Way::Along { line, start });
        }
        let foreign: Vec<CommitId> = line
            .roots
            .iter()
            .filter(|root| !published.knows(root))
            .map(|root| (*root).clone())
            .collect();
        let second = self.newest_beyond(&foreign, our).await?;
        Ok(Way::OnTop { commits: line.commits, second, note: Some(Note::Rewritten) })
    }

    /// Whether the commit can be reached from one of these.
    async fn all_reachable(&self, commit: &CommitId, from: &[CommitId]) -> Result<bool> {
        if from.is_empty() {
            return Ok(false);
        }
        Ok(self.first_of(std::slice::from_ref(commit), from).await?.is_none())
    }

    /// The newest of these commits, if our tip does not have it.
    async fn newest_beyond(
        &self,
        commits: &[CommitId],
        our: &CommitId,
    ) -> Result<Option<CommitId>> {
        if commits.is_empty() {
            return Ok(None);
        }
        self.first_of(commits, std::slice::from_ref(our)).await
    }

    /// The newest commit that the head has from the remote, if our tip does not have it.
    pub(super) async fn newest_upstream_below(
        &self,
        handover: &Handover<'_>,
        head: &CommitId,
    ) -> Result<Option<CommitId>> {
        let mut upstream = self.present(handover.upstream).await?;
        upstream.truncate(UPSTREAM_COMPARED_MAX);
        let our = handover.tip.unwrap_or(handover.base);
        // Of several commits, git takes all after the first as one.
        let attempt = "look for a common ancestor";
        let call = self.call(attempt).args(["merge-base", "--all"]).args([head, handover.base]);
        let output = call.args(&upstream).finish().await?;
        match output.code {
            Some(0 | 1) => {
                let text = output.text();
                let shared: Vec<CommitId> =
                    text.lines().filter_map(|line| CommitId::parse(line).ok()).collect();
                self.newest_beyond(&shared, our).await
            }
            Some(_) | None => Err(crate::error::of_local(attempt, &output.stderr)),
        }
    }

    /// The first commit, children before parents and newest first, reachable from some and not
    /// from others.
    async fn first_of(&self, from: &[CommitId], without: &[CommitId]) -> Result<Option<CommitId>> {
        let mut revs: String = from.iter().map(|id| format!("{id}\n")).collect();
        revs.extend(without.iter().map(|id| format!("^{id}\n")));
        let call = self
            .call("compare lines of history")
            .args(["rev-list", "--stdin", "--date-order", "--max-count=1"])
            .input(Input::Bytes(revs.into_bytes()));
        Ok(CommitId::parse(call.run().await?.text().trim()).ok())
    }
}
