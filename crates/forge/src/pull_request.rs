//! A pull request, as every forge tells it.

use git::name::{BranchName, CommitId};

/// Characters of a title.
pub const TITLE_CHARS: usize = 200;
/// Characters of a body; the smallest limit of the known forges, with room for their own additions.
pub const BODY_CHARS: usize = 60_000;

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Number within its repository, from 1.
    pub number: u64,
    /// What it says and where it goes.
    pub content: Content,
    /// Where it is in its life.
    pub state: State,
}

/// What a pull request says and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// The branch with the work.
    pub head: BranchName,
    /// The commit of that branch that it was last published for.
    pub commit: CommitId,
    /// The branch that it would go to.
    pub base: BranchName,
    /// Whether it is for reading only yet.
    pub stage: Stage,
}

/// Whether a pull request asks to be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// For reading; not to be merged yet.
    Draft,
    /// Ready to be merged.
    Ready,
}

/// Where a pull request is in its life.
///
/// `Open → Merging → Merged`, `Merging → Open` where the push lost a race, `Open ⇄ Closed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It waits for a person.
    Open,
    /// The commit that merges it is made and on its way to the base branch.
    Merging {
        /// That commit.
        commit: CommitId,
    },
    /// It is in the base branch.
    Merged {
        /// The commit of the base branch that has it.
        commit: CommitId,
    },
    /// It was given up.
    Closed,
}

impl State {
    /// Whether it may still be merged.
    pub const fn is_open(&self) -> bool {
        match self {
            Self::Open | Self::Merging { .. } => true,
            Self::Merged { .. } | Self::Closed => false,
        }
    }

    /// The word that people read.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Open | Self::Merging { .. } => "open",
            Self::Merged { .. } => "merged",
            Self::Closed => "closed",
        }
    }
}
