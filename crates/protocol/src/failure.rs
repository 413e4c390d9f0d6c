//! How things go wrong: a failed run, and a refused request.

use serde::{Deserialize, Serialize};

/// Where in a run's life something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Finding the repository and its starting commit.
    Repository,
    /// Making the sandbox.
    Sandbox,
    /// Checking the repository out inside it.
    Clone,
    /// Making the agent's branch.
    Branch,
    /// Following the environment file inside.
    SetUp,
    /// Asking the model.
    Model,
    /// Carrying out a tool call.
    Tool,
    /// Turning the worktree into a commit.
    Commit,
    /// Pushing and verifying the branch.
    Push,
    /// Opening or updating the pull request.
    PullRequest,
    /// Anything inside Errand itself.
    Internal,
}

/// Why a run ended `ERROR`: a stable code, plain words with what to do, and the phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
pub struct Failure {
    /// Stable, snake case, for programs.
    pub code: String,
    /// Plain words: what happened and what to do.
    pub message: String,
    /// Where it happened.
    pub phase: Phase,
}

impl Failure {
    /// A failure from its three parts.
    pub fn new(phase: Phase, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), phase }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

/// Why an input was refused. The server maps each to an HTTP status and a stable code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The agent is not open yet, or was deleted.
    #[error("there is no such agent")]
    NoAgent,
    /// An agent with this id exists already.
    #[error("an agent with this id exists already")]
    AgentExists,
    /// Another run is active and the caller chose not to queue.
    #[error("another run is active: wait for it, queue this message, or steer it")]
    Busy,
    /// The agent is archived.
    #[error("the agent is archived: unarchive it first")]
    Archived,
    /// There is no such run.
    #[error("there is no such run")]
    NoRun,
    /// The run is over.
    #[error("the run is not active, so it cannot be cancelled")]
    NotCancellable,
    /// Nothing is waiting for this answer.
    #[error("this question is not open")]
    NoQuestion,
    /// There is nothing that a snapshot could hold.
    #[error("the agent has no disk yet: wait until its first run has worked")]
    NoDisk,
    /// It prepares a disk and talks to nobody.
    #[error("this is a build, which takes no messages and keeps its disk by itself")]
    IsBuild,
    /// The queue of follow-ups is full.
    #[error("too many messages are queued: wait until some are done")]
    QueueFull,
    /// A host cannot be allowed for a run that is not there.
    #[error("no run is active: allow the host for the agent, or when the run goes on")]
    NoActiveRun,
    /// An agent was allowed as many hosts as it may be.
    #[error("too many hosts were allowed for this agent: name them in its environment")]
    HostsFull,
    /// Nobody looked at the configuration that the agent has.
    #[error(
        "the agent has no configuration of this digest: look at it again, then allow what it shows"
    )]
    ConfigurationUnknown,
    /// Nothing of this mark stopped a push.
    #[error(
        "nothing of this mark stopped the newest push: look at it again, then allow what it shows"
    )]
    StopUnknown,
    /// The agent has read something since that is trusted less than what a person saw.
    #[error(
        "the agent has read something that is trusted less: look at it again, then allow what it shows"
    )]
    FlowLowered,
    /// A report about something that is no longer current; the driver drops it.
    #[error("stale: {0}")]
    Stale(&'static str),
}

impl Refusal {
    /// The stable code of the public API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoAgent => "agent_not_found",
            Self::AgentExists => "agent_id_conflict",
            Self::Busy => "agent_busy",
            Self::Archived => "agent_archived",
            Self::NoRun => "run_not_found",
            Self::NotCancellable => "run_not_cancellable",
            Self::NoQuestion => "question_not_open",
            Self::NoDisk => "no_disk",
            Self::IsBuild => "is_build",
            Self::QueueFull => "queue_full",
            Self::NoActiveRun => "no_active_run",
            Self::HostsFull => "hosts_full",
            Self::ConfigurationUnknown => "configuration_unknown",
            Self::StopUnknown => "stop_unknown",
            Self::FlowLowered => "flow_lowered",
            Self::Stale(_) => "stale",
        }
    }
}
