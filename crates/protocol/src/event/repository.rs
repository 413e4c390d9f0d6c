//! Where the repositories of an agent stand: here, in the workspace, on the remote.

use crate::failure::Failure;
use serde::{Deserialize, Serialize};

/// The confirmed start of one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepoBase {
    /// The repository's URL.
    pub url: String,
    /// Branch that a pull request would go to.
    pub base_branch: String,
    /// Commit the work starts from.
    pub commit: String,
    /// The remote's default branch.
    pub default_branch: String,
    /// Where the branch that will be pushed stands on the remote now; none while it does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// What configures agents at that commit, and whether it is trusted. Older logs do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<Configuration>,
    /// The newest commit of the base that a person had merged into the branch since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<String>,
}

/// What configures agents at a commit: the environment file with its Dockerfile, and instructions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Configuration {
    /// Names its content.
    pub digest: String,
    /// Why it is trusted, or that it is not.
    pub trust: ConfigurationTrust,
}

/// Whether what a repository says of its agents is the repository's own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConfigurationTrust {
    /// The default branch has the commit.
    DefaultBranch,
    /// A branch that the operator named has it.
    NamedBranch,
    /// On another branch of the repository, and the same as on its default branch.
    Unchanged,
    /// Different on another branch.
    Changed,
    /// Perhaps a stranger's commit, as the head of a fork is.
    Stranger,
}

impl ConfigurationTrust {
    /// Whether the agent has its credentials although nobody allowed it.
    pub const fn is_trusted(self) -> bool {
        match self {
            Self::DefaultBranch | Self::NamedBranch | Self::Unchanged => true,
            Self::Changed | Self::Stranger => false,
        }
    }
}

/// Where a repository stands in the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceBranch {
    /// The repository's URL.
    pub url: String,
    /// Its folder inside the sandbox.
    pub path: String,
    /// The branch checked out.
    pub branch: String,
    /// The commit checked out.
    pub commit: String,
}

/// A repository's worktree as commits on our side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepoCheckpoint {
    /// The repository's URL.
    pub url: String,
    /// Tip of the branch on our side; equals the base when nothing changed.
    pub commit: String,
    /// What the branch started from or stood at before this run.
    pub previous: String,
    /// How many commits are new in this run.
    pub new_commits: u32,
    /// `local id -> published id` for commits made inside the sandbox.
    pub published: Vec<(String, String)>,
    /// The diff against the base, counted.
    pub stat: DiffStat,
    /// Things a person should know (unmerged files, embedded repositories left out).
    pub notes: Vec<String>,
}

/// A diff, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DiffStat {
    /// Files that differ.
    pub files: u32,
    /// Lines added.
    pub additions: u64,
    /// Lines removed.
    pub deletions: u64,
}

/// One compare-and-swap of a remote branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushPlan {
    /// The repository's URL.
    pub url: String,
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// What the branch must be now; none = it must not exist.
    pub expected: Option<String>,
    /// What it shall be.
    pub commit: String,
}

/// A person's push met ours and they do not merge by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushConflict {
    /// The repository's URL.
    pub url: String,
    /// The commit found on the remote.
    pub theirs: String,
    /// The files that conflict.
    pub files: Vec<String>,
}

/// Something that a push would have carried and may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushStop {
    /// The repository's URL.
    pub url: String,
    /// The commit that brings it.
    pub commit: String,
    /// Stable name of the rule.
    pub rule: String,
    /// The file, where it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line, where it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// In plain words what it is and what to do; never the thing itself.
    pub why: String,
    /// By which a person allows exactly this.
    pub mark: String,
}

/// What the server found when it checked a pushed commit itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// The repository's URL.
    pub url: String,
    /// The commit.
    pub commit: String,
    /// Each command that was begun, in order.
    pub checks: Vec<Check>,
    /// Why not all were run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// One command of the base's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// As it is written there.
    pub command: String,
    /// How it ended; none where it was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// How long it took.
    pub duration_ms: u64,
    /// The end of what it printed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub said: String,
}

/// A pull request as its forge knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullRequest {
    /// The repository's URL.
    pub url: String,
    /// Number within the repository.
    pub number: u64,
    /// Where people read it.
    pub link: String,
    /// Branch with the work.
    pub head: String,
    /// Branch it would go to.
    pub base: String,
    /// Head commit that it was last published for.
    pub commit: String,
}
