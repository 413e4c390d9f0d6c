//! Makes the commits of a handover, one on the other.

use super::line::{Line, Published};
use super::{HandedOver, Handover, Note, Wording, message};
use crate::commit::{CommitDraft, Signature, When};
use crate::error::Result;
use crate::history::CommitInfo;
use crate::name::{CommitId, TreeId};
use crate::repo::Repo;

/// How far a clock in a sandbox may be ahead of ours.
const CLOCK_AHEAD_MAX_SECONDS: i64 = 24 * 60 * 60;
/// Farthest time zones in use, in minutes from Greenwich.
const OFFSET_MAX_MINUTES: i16 = 14 * 60;

/// Commits while they are made.
pub(super) struct Making<'a> {
    handover: &'a Handover<'a>,
    repo: &'a Repo,
    pub tip: CommitId,
    pub published: Vec<(CommitId, CommitId)>,
    made: Vec<(CommitId, Vec<u8>)>,
    pub notes: Vec<Note>,
}

impl<'a> Making<'a> {
    pub fn new(repo: &'a Repo, handover: &'a Handover<'a>) -> Self {
        let tip = handover.tip.unwrap_or(handover.base).clone();
        let (published, made, notes) = (Vec::new(), Vec::new(), Vec::new());
        Self { handover, repo, tip, published, made, notes }
    }

    /// Makes each commit of the line again.
    pub async fn along(
        &mut self,
        line: &Line<'_>,
        start: CommitId,
        published: &Published<'_>,
    ) -> Result<()> {
        self.tip = start;
        let mut ours = std::collections::HashMap::new();
        for commit in &line.commits {
            let mut parents: Vec<CommitId> = Vec::with_capacity(commit.parents.len());
            for parent in &commit.parents {
                let parent = ours.get(parent).unwrap_or_else(|| published.resolve(parent));
                if !parents.contains(parent) {
                    parents.push(parent.clone());
                }
            }
            let (message, trailers) = message::again(self.handover, &commit.message);
            let author = self.author_at(commit.author.when);
            let tree = commit.tree.clone();
            let id = self.write(tree, parents, author, (message, trailers)).await?;
            ours.insert(commit.id.clone(), id.clone());
            self.published.push((commit.id.clone(), id.clone()));
            self.tip = id;
        }
        Ok(())
    }

    /// Makes one commit of the final tree on top.
    pub async fn rest(&mut self, commits: &[&CommitInfo], second: Option<CommitId>) -> Result<()> {
        let parents = std::iter::once(self.tip.clone()).chain(second).collect();
        let words = message::of_rest(self.handover, commits);
        let tree = self.handover.workspace.tree.clone();
        self.tip = self.write(tree, parents, self.handover.bot.clone(), words).await?;
        Ok(())
    }

    async fn write(
        &mut self,
        tree: TreeId,
        parents: Vec<CommitId>,
        author: Signature,
        (message, trailers): (String, Vec<(String, String)>),
    ) -> Result<CommitId> {
        let committer = self.handover.bot.clone();
        let Wording(reworded) = self.handover.wording;
        let message = reworded(&message);
        let trailers = trailers.into_iter().map(|(key, value)| (key, reworded(&value))).collect();
        let draft = CommitDraft { tree, parents, author, committer, message, trailers };
        let content = draft.stored(self.handover.signing)?;
        let id = self.repo.keep_commit(content.clone()).await?;
        self.made.push((id.clone(), content));
        Ok(id)
    }

    /// The bot, at the moment the agent made its commit if that can be.
    fn author_at(&self, when: When) -> Signature {
        let bot = self.handover.bot;
        let latest = bot.when.seconds.saturating_add(CLOCK_AHEAD_MAX_SECONDS);
        let plausible = (1..=latest).contains(&when.seconds)
            && (-OFFSET_MAX_MINUTES..=OFFSET_MAX_MINUTES).contains(&when.offset_minutes);
        Signature { when: if plausible { when } else { bot.when }, ..bot.clone() }
    }

    pub fn finish(mut self) -> HandedOver {
        // The head stands for all that was handed over: where the workspace's branch cannot be
        // moved to our tip, what follows the head follows our tip.
        if let Some(head) = self.handover.workspace.head.filter(|head| **head != self.tip) {
            self.published.retain(|(local, _)| local != head);
            let known = self.handover.published.iter().rev().find(|(local, _)| local == head);
            if known.is_none_or(|(_, published)| *published != self.tip) {
                self.published.push((head.clone(), self.tip.clone()));
            }
        }
        let workspace = self.handover.workspace;
        if !workspace.unmerged.is_empty() {
            self.notes.push(Note::Unmerged(workspace.unmerged.to_vec()));
        }
        if !workspace.embedded.is_empty() {
            self.notes.push(Note::Embedded(workspace.embedded.to_vec()));
        }
        let Self { tip, published, made, notes, .. } = self;
        HandedOver { tip, published, new_commits: made.len(), made, notes }
    }
}
