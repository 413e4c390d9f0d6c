//! What a forge can do and who owes what.
//!
//! A [`Forge`] stands for one repository on one host, with one credential. The caller owes: the
//! head branch is pushed before a pull request is opened for it, and every call may be made again
//! after a crash. The forge owes: [`Forge::create`] is idempotent by head branch,
//! [`Forge::update`] by content, [`Forge::merge`] by number; a merge is asked for by a person, and
//! it is the only thing here that writes to a base branch; an error says what to do next.

use crate::around::{
    Ability, Branch, Check, Comment, Comparison, Identity, LineComment, Opening, Permission,
    Review, Subject,
};
use crate::pull_request::{Content, PullRequest};
use async_trait::async_trait;
use git::commit::Signature;
use git::name::{BranchName, CommitId};
use std::time::Duration;

/// What a forge can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Where the pull requests are kept.
    pub kept_by: KeptBy,
    /// What it is able to do beyond keeping them; all else is [`ForgeError::Unsupported`].
    pub able: &'static [Ability],
}

impl Capabilities {
    /// Whether it is able to do that.
    pub fn can(&self, ability: Ability) -> bool {
        self.able.contains(&ability)
    }
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
    /// There is nothing with this number.
    #[error("there is no issue or pull request {0} in this repository")]
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
    #[error(
        "the changes conflict with the base branch{}: bring the branch up to date first",
        places(files)
    )]
    Conflicts {
        /// The files; empty where the host does not name them.
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
    /// This forge has no such thing.
    #[error("this forge cannot {}", .0.as_str())]
    Unsupported(Ability),
    /// The host asks to be left alone for a while.
    #[error("the host limits how often it is asked: it can be asked again in {} s", .wait.as_secs())]
    RateLimited {
        /// How long.
        wait: Duration,
    },
    /// Something was asked for and no answer came: it may have been done or not. Look, then decide.
    #[error("the host did not say whether it was done ({detail}): look there, then try again")]
    OutcomeUnknown {
        /// What was seen.
        detail: String,
    },
    /// Nothing was done: the host was not reached, or could not answer a question.
    #[error("the host cannot be reached or does not work ({detail}): try again later")]
    Unreachable {
        /// What was seen.
        detail: String,
    },
    /// The host does not take the credential.
    #[error("the host refused the credential: enter a new one")]
    Credential,
    /// The credential is good, but may not do this.
    #[error("the credential may not do this: {detail}")]
    Denied {
        /// The host's words.
        detail: String,
    },
    /// The host refused what was asked for, or answered what we cannot read.
    #[error("the host refused: {detail}")]
    Rejected {
        /// The host's words.
        detail: String,
    },
    /// git failed otherwise.
    #[error("git failed")]
    Git(#[source] git::error::Error),
    /// The records could not be read or written.
    #[error("failed to reach the records of pull requests")]
    Store(#[source] anyhow::Error),
}

fn places(files: &[String]) -> String {
    if files.is_empty() { String::new() } else { format!(" in {}", files.join(", ")) }
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
    /// Not before these files are brought together; empty where the host does not name them.
    Conflicts(Vec<String>),
    /// The host is still finding out: ask again in a moment.
    Checking,
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

    /// Where people see it, if that is on the host.
    fn link(&self, _number: u64) -> Option<String> {
        None
    }

    /// Whose credential this is and what it may do here; the first thing to ask with a new one.
    async fn identity(&self) -> Result<Identity> {
        Err(ForgeError::Unsupported(Ability::Identity))
    }

    /// The branch that the host shows first.
    async fn default_branch(&self) -> Result<BranchName> {
        Err(ForgeError::Unsupported(Ability::Branches))
    }

    /// The commit a branch is at, if there is such a branch.
    async fn branch(&self, _name: &BranchName) -> Result<Option<CommitId>> {
        Err(ForgeError::Unsupported(Ability::Branches))
    }

    /// Branches, up to a bound.
    async fn branches(&self) -> Result<Vec<Branch>> {
        Err(ForgeError::Unsupported(Ability::Branches))
    }

    /// How far two branches are apart.
    async fn compare(&self, _base: &BranchName, _head: &BranchName) -> Result<Comparison> {
        Err(ForgeError::Unsupported(Ability::Branches))
    }

    /// Opens a closed one again; fine if it is open.
    async fn reopen(&self, _number: u64) -> Result<PullRequest> {
        Err(ForgeError::Unsupported(Ability::Reopening))
    }

    /// Asks people for a review, besides those asked already.
    async fn ask_reviewers(&self, _number: u64, _logins: &[String]) -> Result<()> {
        Err(ForgeError::Unsupported(Ability::Reviewers))
    }

    /// Who is asked for a review.
    async fn reviewers(&self, _number: u64) -> Result<Vec<String>> {
        Err(ForgeError::Unsupported(Ability::Reviewers))
    }

    /// Adds labels to those that are there.
    async fn add_labels(&self, _number: u64, _labels: &[String]) -> Result<()> {
        Err(ForgeError::Unsupported(Ability::Labels))
    }

    /// Its labels.
    async fn labels(&self, _number: u64) -> Result<Vec<String>> {
        Err(ForgeError::Unsupported(Ability::Labels))
    }

    /// How an issue or a pull request begins.
    async fn opening(&self, _on: Subject) -> Result<Opening> {
        Err(ForgeError::Unsupported(Ability::Issues))
    }

    /// Writes a comment. Not idempotent: [`keep_comment`] is.
    async fn comment(&self, _on: Subject, _body: &str) -> Result<Comment> {
        Err(ForgeError::Unsupported(Ability::Comments))
    }

    /// Replaces the text of a comment of ours.
    async fn edit_comment(&self, _on: Subject, _id: u64, _body: &str) -> Result<Comment> {
        Err(ForgeError::Unsupported(Ability::Comments))
    }

    /// Comments on it as a whole, oldest first, up to a bound.
    async fn comments(&self, _on: Subject) -> Result<Vec<Comment>> {
        Err(ForgeError::Unsupported(Ability::Comments))
    }

    /// Reviews, oldest first; on hosts that keep only where each reviewer stands, those.
    async fn reviews(&self, _number: u64) -> Result<Vec<Review>> {
        Err(ForgeError::Unsupported(Ability::Reviews))
    }

    /// Comments on lines, oldest first, up to a bound.
    async fn line_comments(&self, _number: u64) -> Result<Vec<LineComment>> {
        Err(ForgeError::Unsupported(Ability::Reviews))
    }

    /// Answers a comment on a line, in its thread.
    async fn reply(&self, _number: u64, _thread: &str, _body: &str) -> Result<()> {
        Err(ForgeError::Unsupported(Ability::Reviews))
    }

    /// The newest word of each check of a commit.
    async fn checks(&self, _commit: &CommitId) -> Result<Vec<Check>> {
        Err(ForgeError::Unsupported(Ability::Checks))
    }

    /// What a check that ended badly printed or says of it, as far as the host shows it; the end where
    /// it is long. TRUST: whoever may push decides what stands there.
    async fn check_log(&self, _commit: &CommitId, _name: &str) -> Result<String> {
        Err(ForgeError::Unsupported(Ability::Checks))
    }

    /// Says how a check of ours is doing; the newest word of a name counts.
    async fn report_check(&self, _commit: &CommitId, _check: &Check) -> Result<()> {
        Err(ForgeError::Unsupported(Ability::Checks))
    }

    /// What a person may do in the repository.
    async fn permission(&self, _login: &str) -> Result<Permission> {
        Err(ForgeError::Unsupported(Ability::Permissions))
    }

    /// The repository's template for pull requests, as the default branch has it.
    async fn template(&self) -> Result<Option<String>> {
        Err(ForgeError::Unsupported(Ability::Files))
    }
}

/// Keeps one comment of ours under a mark of its own: writes it, or brings it up to date. After an
/// unknown outcome it is found again instead of written twice.
pub async fn keep_comment(
    forge: &dyn Forge,
    on: Subject,
    mark: &str,
    body: &str,
) -> Result<Comment> {
    let mark = format!("<!-- errand:{mark} -->");
    let body = format!("{body}\n\n{mark}");
    // TRUST: anybody can write the mark into a comment, so only those of our own name count.
    let own = forge.identity().await?.login;
    let kept = forge.comments(on).await?.into_iter();
    match kept.into_iter().find(|found| found.author == own && found.body.contains(&mark)) {
        Some(found) if found.body == body => Ok(found),
        Some(found) => forge.edit_comment(on, found.id, &body).await,
        None => forge.comment(on, &body).await,
    }
}
