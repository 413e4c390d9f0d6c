//! Any git remote without an API: a bare repository on a disk, over SSH or over HTTP.
//!
//! Errand keeps the pull requests itself. Merging is a person's effect: the merge commit is made
//! on the server, in the mirror, out of what the *remote* has for both branches, and pushed by
//! compare-and-swap. The commit is recorded before it is pushed, so a crash in between is told
//! apart from a merge that never happened.

use crate::around::Ability;
use crate::forge::{Capabilities, Forge, ForgeError, KeptBy, MergeWish, Mergeable, Result};
use crate::pull_request::{BODY_CHARS, Content, PullRequest, State, TITLE_CHARS};
use crate::store::{PullRequestStore, Replaced, RepositoryKey};
use async_trait::async_trait;
use git::commit::{CommitDraft, Merge, Signer, Signing};
use git::error::Error as GitError;
use git::mirror::Mirror;
use git::name::{BranchName, CommitId};
use git::refs::Expected;
use git::remote::{self, RefKind, Remote, RemoteHead};
use std::sync::Arc;

/// A remote without an API.
pub struct Bare {
    /// Whose repository it is.
    pub key: RepositoryKey,
    /// Where it is and how to get in.
    pub remote: Remote,
    /// Our own copy of it.
    pub mirror: Mirror,
    /// Where its pull requests are kept.
    pub store: Arc<dyn PullRequestStore>,
    /// Signs the commits that merge; none: they are not signed.
    pub signer: Option<Arc<dyn Signer>>,
}

/// Both branches as the remote has them, with their commits in the mirror.
struct Tips {
    head: CommitId,
    base: CommitId,
}

#[async_trait]
impl Forge for Bare {
    fn capabilities(&self) -> Capabilities {
        Capabilities { kept_by: KeptBy::Errand, able: &[Ability::Drafts, Ability::ConflictFiles] }
    }

    async fn find_pull_request(&self, head: &BranchName) -> Result<Option<PullRequest>> {
        self.store.find(&self.key, head).await.map_err(ForgeError::Store)
    }

    async fn create(&self, content: Content) -> Result<PullRequest> {
        let branches = [content.head.clone(), content.base.clone()];
        let heads = remote::branch_heads(self.mirror.git(), &self.remote, &branches).await;
        for (branch, head) in branches.iter().zip(heads.map_err(ForgeError::Git)?) {
            head.ok_or_else(|| ForgeError::BranchMissing(branch.clone()))?;
        }
        let content = cut(content);
        let made = self.store.open(&self.key, &content).await.map_err(ForgeError::Store)?;
        if made.content == content { Ok(made) } else { self.update(made.number, content).await }
    }

    async fn update(&self, number: u64, content: Content) -> Result<PullRequest> {
        let found = self.get(number).await?;
        if !found.state.is_open() {
            return Err(ForgeError::NotOpen { number, state: found.state.as_str() });
        }
        let changed = PullRequest { content: cut(content), ..found.clone() };
        self.replace(&found.state, changed).await
    }

    async fn get(&self, number: u64) -> Result<PullRequest> {
        let found = self.store.get(&self.key, number).await.map_err(ForgeError::Store)?;
        found.ok_or(ForgeError::NotFound(number))
    }

    async fn list(&self) -> Result<Vec<PullRequest>> {
        self.store.list(&self.key).await.map_err(ForgeError::Store)
    }

    async fn close(&self, number: u64) -> Result<PullRequest> {
        let found = self.get(number).await?;
        match found.state {
            State::Closed => Ok(found),
            State::Open => {
                let closed = PullRequest { state: State::Closed, ..found };
                self.replace(&State::Open, closed).await
            }
            // One that is being merged has to be looked at again first, by merging it.
            State::Merging { .. } | State::Merged { .. } => {
                Err(ForgeError::NotOpen { number, state: found.state.as_str() })
            }
        }
    }

    async fn mergeable(&self, number: u64) -> Result<Mergeable> {
        let found = self.get(number).await?;
        if !found.state.is_open() {
            return Err(ForgeError::NotOpen { number, state: found.state.as_str() });
        }
        let tips = self.tips(&found.content).await?;
        if self.is_ancestor(&tips.head, &tips.base).await? {
            return Ok(Mergeable::Contained);
        }
        match self.mirror.merge_tree(&tips.base, &tips.head).await.map_err(ForgeError::Git)? {
            Merge::Clean(_) => Ok(Mergeable::Clean),
            Merge::Conflicts(files) => Ok(Mergeable::Conflicts(files)),
        }
    }

    async fn merge(&self, number: u64, wish: &MergeWish) -> Result<PullRequest> {
        let found = self.get(number).await?;
        match &found.state {
            State::Merged { .. } => return Ok(found),
            State::Closed => {
                return Err(ForgeError::NotOpen { number, state: found.state.as_str() });
            }
            State::Open | State::Merging { .. } => {}
        }
        let base = self.fetched(&found.content.base).await?;
        if let State::Merging { commit } = &found.state
            && self.has(commit).await?
            && self.is_ancestor(commit, &base).await?
        {
            let commit = commit.clone();
            return self.merged(found, commit).await;
        }
        let head = self.fetched(&found.content.head).await?;
        if head != wish.seen {
            return Err(ForgeError::HeadMoved { branch: found.content.head, now: head });
        }
        if self.is_ancestor(&head, &base).await? {
            // Merged by hand on the remote: nothing to write, the record catches up.
            return self.merged(found, base).await;
        }
        let commit = self.make_commit(&found, &Tips { head, base: base.clone() }, wish).await?;
        let merging = State::Merging { commit: commit.clone() };
        let intent = PullRequest { state: merging.clone(), ..found.clone() };
        let intent = self.replace(&found.state, intent).await?;
        if let Err(error) = self.push(&commit, &found.content.base, &base).await {
            let open = PullRequest { state: State::Open, ..intent };
            self.replace(&merging, open).await?;
            return Err(error);
        }
        self.merged(intent, commit).await
    }
}

impl Bare {
    async fn merged(&self, found: PullRequest, commit: CommitId) -> Result<PullRequest> {
        let was = found.state.clone();
        self.replace(&was, PullRequest { state: State::Merged { commit }, ..found }).await
    }

    async fn replace(&self, was: &State, changed: PullRequest) -> Result<PullRequest> {
        let replaced = self.store.replace(&self.key, was, &changed).await;
        match replaced.map_err(ForgeError::Store)? {
            Replaced::Yes => Ok(changed),
            Replaced::Stale => {
                let now = self.get(changed.number).await?;
                Err(ForgeError::NotOpen { number: now.number, state: now.state.as_str() })
            }
        }
    }

    /// The merge commit: the base first, as people who read the history of the base expect it.
    async fn make_commit(
        &self,
        found: &PullRequest,
        tips: &Tips,
        wish: &MergeWish,
    ) -> Result<CommitId> {
        let merge =
            self.mirror.merge_tree(&tips.base, &tips.head).await.map_err(ForgeError::Git)?;
        let tree = match merge {
            Merge::Clean(tree) => tree,
            Merge::Conflicts(files) => return Err(ForgeError::Conflicts { files }),
        };
        let Content { title, head, .. } = &found.content;
        let draft = CommitDraft {
            tree,
            parents: vec![tips.base.clone(), tips.head.clone()],
            author: wish.person.clone(),
            committer: wish.committer.clone(),
            message: format!("Merge {head} (#{})\n\n{title}", found.number),
            trailers: Vec::new(),
        };
        let signing = Signing(self.signer.as_deref());
        self.mirror.commit_signed(&draft, signing).await.map_err(ForgeError::Git)
    }

    async fn push(&self, commit: &CommitId, branch: &BranchName, was: &CommitId) -> Result<()> {
        let pushed = self.mirror.push(&self.remote, commit, branch, Expected::At(was)).await;
        let Err(error) = pushed else { return Ok(()) };
        Err(match error {
            GitError::NonFastForward { .. } => ForgeError::BaseMoved(branch.clone()),
            GitError::CheckedOutBranch { .. } => ForgeError::CheckedOut(branch.clone()),
            GitError::Declined { detail, .. } | GitError::PermissionDenied { detail, .. } => {
                ForgeError::Refused { branch: branch.clone(), detail }
            }
            other @ (GitError::NotFound { .. }
            | GitError::EmptyRepository
            | GitError::RefMissing { .. }
            | GitError::Unreachable { .. }
            | GitError::BadObjects { .. }
            | GitError::Timeout { .. }
            | GitError::TooLarge { .. }
            | GitError::Io { .. }
            | GitError::Other { .. }) => ForgeError::Git(other),
        })
    }

    async fn tips(&self, content: &Content) -> Result<Tips> {
        Ok(Tips {
            head: self.fetched(&content.head).await?,
            base: self.fetched(&content.base).await?,
        })
    }

    async fn tip(&self, branch: &BranchName) -> Result<CommitId> {
        let asked = remote::branch_head(self.mirror.git(), &self.remote, branch).await;
        asked.map_err(ForgeError::Git)?.ok_or_else(|| ForgeError::BranchMissing(branch.clone()))
    }

    /// The commit a branch of the remote is at, fetched.
    async fn fetched(&self, branch: &BranchName) -> Result<CommitId> {
        let commit = self.tip(branch).await?;
        let kind = RefKind::Branch(branch.clone());
        let head = RemoteHead { default_branch: None, commit, kind };
        self.mirror.ensure(&self.remote, &head, &mut |_| {}).await.map_err(ForgeError::Git)?;
        Ok(head.commit)
    }

    async fn has(&self, commit: &CommitId) -> Result<bool> {
        self.mirror.has_commit(commit).await.map_err(ForgeError::Git)
    }

    async fn is_ancestor(&self, old: &CommitId, new: &CommitId) -> Result<bool> {
        self.mirror.is_ancestor(old, new).await.map_err(ForgeError::Git)
    }
}

fn cut(content: Content) -> Content {
    let line = content.title.split(['\n', '\r']).next().unwrap_or_default();
    Content {
        title: line.chars().take(TITLE_CHARS).collect(),
        body: content.body.chars().take(BODY_CHARS).collect(),
        ..content
    }
}
