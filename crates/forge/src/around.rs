//! What stands around a pull request: who we are there, branches, comments, reviews, checks.

use git::name::{BranchName, CommitId};

/// What a forge may be able to do beyond keeping pull requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ability {
    /// It says whose credential it was given, and what that one may do.
    Identity,
    /// It keeps a pull request as a draft until it is ready.
    Drafts,
    /// It has people asked for a review.
    Reviewers,
    /// It has labels.
    Labels,
    /// It has comments on a pull request.
    Comments,
    /// It has issues, with comments.
    Issues,
    /// It has reviews, and comments on single lines that can be answered.
    Reviews,
    /// It knows how checks of a commit ended, and takes word of ours.
    Checks,
    /// It says what a person may do in the repository.
    Permissions,
    /// It lists branches and compares them.
    Branches,
    /// It shows files of the repository, such as a template for pull requests.
    Files,
    /// It names the files in which a pull request conflicts with its base.
    ConflictFiles,
    /// It opens again what was closed.
    Reopening,
}

impl Ability {
    /// The words for people, to be read after "this forge cannot".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "say whose credential it was given",
            Self::Drafts => "keep drafts",
            Self::Reviewers => "ask people for a review",
            Self::Labels => "keep labels",
            Self::Comments => "keep comments",
            Self::Issues => "keep issues",
            Self::Reviews => "keep reviews",
            Self::Checks => "tell how checks ended",
            Self::Permissions => "say what a person may do",
            Self::Branches => "compare branches",
            Self::Files => "show files",
            Self::ConflictFiles => "name the files in conflict",
            Self::Reopening => "open a pull request again",
        }
    }
}

/// Whose credential a forge was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name on that host: of a person, or of an app.
    pub login: String,
    /// What it may do in this repository.
    pub permission: Permission,
    /// Scopes or permissions that the host names for it; empty where it names none.
    pub scopes: Vec<String>,
}

/// What somebody may do in a repository, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Not even see it.
    None,
    /// See it.
    Read,
    /// Push to it.
    Write,
    /// Change its settings.
    Admin,
}

/// A branch and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Its name.
    pub name: BranchName,
    /// Its commit.
    pub commit: CommitId,
}

/// How many commits lie between two branches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// Commits of the head that the base lacks.
    pub ahead: u64,
    /// Commits of the base that the head lacks; some hosts do not count them.
    pub behind: Option<u64>,
}

/// What something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An issue.
    Issue(u64),
    /// A pull request.
    PullRequest(u64),
}

impl Subject {
    /// Its number.
    pub const fn number(self) -> u64 {
        match self {
            Self::Issue(number) | Self::PullRequest(number) => number,
        }
    }
}

/// Where the commits of a pull request come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It is about no pull request, or the host does not say.
    Unsaid,
    /// A branch of the repository itself.
    Repository,
    /// A fork.
    Fork,
}

/// How an issue or a pull request begins, as the host tells it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Who wrote it.
    pub author: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Whether it is still open.
    pub is_open: bool,
    /// Whether a pull request comes out of this repository.
    pub origin: Origin,
}

/// A comment on an issue or a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The host's number for it.
    pub id: u64,
    /// Who wrote it.
    pub author: String,
    /// Markdown, as it was written.
    pub body: String,
}

/// What a reviewer decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// To be merged.
    Approved,
    /// Not before something changes.
    ChangesRequested,
    /// Remarks only.
    Commented,
}

/// A review of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Who reviewed.
    pub author: String,
    /// What they decided.
    pub verdict: Verdict,
    /// What they wrote above it.
    pub body: String,
}

/// A comment on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineComment {
    /// The host's number for it.
    pub id: u64,
    /// What an answer must name; on some hosts a thread, not the comment.
    pub thread: String,
    /// Who wrote it.
    pub author: String,
    /// Markdown, as it was written.
    pub body: String,
    /// The file.
    pub path: String,
    /// The line of the new side, where the host still knows it.
    pub line: Option<u64>,
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// Waiting or running.
    Pending,
    /// It ended well, or said that it had nothing to do.
    Passed,
    /// It ended badly.
    Failed,
}

/// A check of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// How far it is.
    pub state: CheckState,
    /// What it says in a line.
    pub summary: String,
    /// Where people read more.
    pub link: Option<String>,
}
