//! What a forge can do and who owes what.
//!
//! A [`Forge`] stands for one repository on one host, with one credential. The caller owes: the
//! head branch is pushed before a pull request is opened for it, and every call may be made again
//! after a crash. The forge owes: [`Forge::create`] is idempotent by head branch,
//! [`Forge::update`] by content, [`Forge::merge`] by number; a merge is asked for by a person, and
//! it is the only thing here that writes to a base branch; an error says what to do next.

use crate::pull_request::{Content, PullRequest};
use async_trait::async_trait;
use git::commit::Signature;
use git::name::{BranchName, CommitId};

/// What a forge can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Where the pull requests are kept.
    pub kept_by: KeptBy,
    /// Whether people can be asked for a review.
    pub reviewers: bool,
    /// Whether the forge runs checks by itself.
    pub checks: bool,
}

/// Where pull requests are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptBy {
    /// By Errand; people read and merge them in its web UI.
    Errand,
    /// By the host of the repository.
    Host,
}

/// A forge's answer.
pub type Result<T> = std::result::Result<T, ForgeError>;

/// Why something was not done; a variant exists where a caller answers differently.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// There is no pull request with this number.
    #[error("there is no pull request {0} in this repository")]
    NotFound(u64),
    /// It is merged or closed already.
    #[error("pull request {number} is {state}, so it cannot be merged")]
    NotOpen {
        /// Which.
        number: u64,
        /// What it is.
        state: &'static str,
    },
    /// The branch is not on the remote.
    #[error("the branch {0} does not exist on the remote: push it first")]
    BranchMissing(BranchName),
    /// The head has other commits than those the person saw.
    #[error("the branch {branch} has moved to {now}: look at the new commits, then merge again")]
    HeadMoved {
        /// The head branch.
        branch: BranchName,
        /// Its commit now.
        now: CommitId,
    },
    /// Both sides changed the same places.
    #[error("the changes conflict with the base branch in {}: bring the branch up to date first", .files.join(", "))]
    Conflicts {
        /// The files.
        files: Vec<String>,
    },
    /// Somebody pushed to the base at the same moment.
    #[error("the branch {0} moved while merging: try again")]
    BaseMoved(BranchName),
    /// The remote is no bare repository and has the base branch checked out.
    #[error(
        "the branch {0} is checked out in the remote repository, so pushing to it would leave that \
         folder out of step: check out another branch there, or merge there by hand"
    )]
    CheckedOut(BranchName),
    /// The remote does not let us write to the base branch.
    #[error("the remote refused the push to {branch}: {detail}")]
    Refused {
        /// The base branch.
        branch: BranchName,
        /// The remote's words.
        detail: String,
    },
    /// git failed otherwise.
    #[error("git failed")]
    Git(#[source] git::error::Error),
    /// The records could not be read or written.
    #[error("failed to reach the records of pull requests")]
    Store(#[source] anyhow::Error),
}

/// A person's wish to merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeWish {
    /// The head commit that the person saw.
    pub seen: CommitId,
    /// The person, and when.
    pub person: Signature,
    /// Who makes the commit (Errand's own name), and when.
    pub committer: Signature,
}

/// Whether a pull request could be merged now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mergeable {
    /// Yes.
    Clean,
    /// Its commits are in the base branch already.
    Contained,
    /// Not before these files are brought together.
    Conflicts(Vec<String>),
}

/// One repository on one host.
#[async_trait]
pub trait Forge: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// The open pull request of a head branch.
    async fn find_pull_request(&self, head: &BranchName) -> Result<Option<PullRequest>>;

    /// Opens a pull request; one that is open for the same head is brought to this content.
    async fn create(&self, content: Content) -> Result<PullRequest>;

    /// Brings an open pull request to this content; title and body are cut to their limits.
    async fn update(&self, number: u64, content: Content) -> Result<PullRequest>;

    /// One pull request.
    async fn get(&self, number: u64) -> Result<PullRequest>;

    /// All of them, newest first.
    async fn list(&self) -> Result<Vec<PullRequest>>;

    /// Gives one up; fine if it was given up already.
    async fn close(&self, number: u64) -> Result<PullRequest>;

    /// Whether it could be merged now.
    async fn mergeable(&self, number: u64) -> Result<Mergeable>;

    /// Merges it into its base branch; fine if that happened already.
    async fn merge(&self, number: u64, wish: &MergeWish) -> Result<PullRequest>;
}
