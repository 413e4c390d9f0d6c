//! What happened to an agent: durable, numbered, past tense, each complete in itself.
//!
//! The log of events is the truth; state is a fold of it. Stored as JSON tagged by `type` with the
//! schema version [`VERSION`]. Values of variables and secrets never stand here, names only.
//!
//! A run's life, as events:
//!
//! ```text
//! Opened Asked RunStarted ─┬─ BaseResolved ── StepStarted MessageFinished ToolCalled ToolReturned StepFinished … ─┐
//!                          └─ SandboxWanted SandboxUp PhaseFinished… WorkspaceReady SetUpFinished… ─────────────┘
//!   TurnEnded ── CheckpointWanted CheckpointMade ── PushWanted Pushed ── [ChecksWanted Checked] ── PullRequestWanted PullRequestPublished ── RunEnded
//! ```

mod repository;
mod settings;

pub use repository::{
    Check, CheckReport, Configuration, ConfigurationTrust, DiffStat, PullRequest, PushConflict,
    PushPlan, PushStop, RepoBase, RepoCheckpoint, WorkspaceBranch,
};
pub use settings::{
    AskOptions, BuildOrder, ForkedFrom, Mode, ModelChoice, ModelParam, PullWishes, RepoSettings,
    RunLimits, Settings, SnapshotPurpose, UploadStart,
};

use crate::content::{Part, Prompt, Todo, ToolResult, Usage};
use crate::environment::found::{ChosenImage, FoundEnvironment, SetUpOutcome, SetUpPhase};
use crate::failure::Failure;
use crate::flow::{Integrity, Legs, Reading};
use crate::ids::{CallId, EffectKey, Epoch, LayerId, MessageId, QuestionId, RunId, Seq, Step};
use crate::process::Process;
use serde::{Deserialize, Serialize};

/// Version of the stored shape. Raised when an old reader could not read a new event.
pub const VERSION: u32 = 1;

/// An event with its place in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Logged {
    /// Position, dense from 1.
    pub seq: Seq,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// What.
    pub event: Event,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum Event {
    /// The agent exists.
    Opened { settings: Box<Settings> },
    /// The agent was given another name.
    Renamed { name: String },
    /// A message was accepted as a run. It starts when no other run is active.
    Asked { run: RunId, prompt: Prompt, options: AskOptions, principal: String },
    /// A message was accepted that steers the active run.
    Steered { run: RunId, message: MessageId, prompt: Prompt, principal: String },
    /// The steering message was put before the model (by the step that starts next).
    SteerTaken { run: RunId, message: MessageId },

    /// The run is the active one; its clock starts.
    RunStarted { run: RunId },
    /// The starting commit of each repository was confirmed on its remote.
    BaseResolved { run: RunId, repos: Vec<RepoBase> },
    /// The environment file at the starting commit was read, or the saved environment of a repository without
    /// one; where there is neither nothing is told.
    EnvironmentRead { run: RunId, environment: Box<FoundEnvironment> },
    /// What the disk begins with is decided, by the image that the environment file asks for; without
    /// it where that could not be had.
    ImageChosen {
        run: RunId,
        image: Box<ChosenImage>,
        layers: Vec<LayerId>,
        outcome: SetUpOutcome,
        duration_ms: u64,
    },
    /// Finding the starting commit failed.
    BaseFailed { run: RunId, failure: Failure },

    /// Intent: a sandbox of this epoch shall exist.
    SandboxWanted { epoch: Epoch, key: EffectKey, provider: String },
    /// The sandbox exists and its guest answered.
    SandboxUp { epoch: Epoch, boot_ms: u64, isolation: serde_json::Value },
    /// Making the sandbox failed for good.
    SandboxFailed { epoch: Epoch, failure: Failure },
    /// The sandbox is gone without having been asked to go.
    SandboxLost { epoch: Epoch, reason: String },
    /// Intent: the sandbox shall end; `keep_disk` keeps its files for the next epoch.
    SandboxStopWanted { epoch: Epoch, keep_disk: bool, reason: StopReason },
    /// The sandbox is gone as wanted.
    SandboxStopped { epoch: Epoch },
    /// A phase of preparing the workspace finished (clone, branch, …).
    PhaseFinished { epoch: Epoch, phase: String, duration_ms: u64, detail: String },
    /// Every repository is checked out on the agent's branch and up to date; this run's tools may work
    /// once what the environment file asks for is over.
    WorkspaceReady { epoch: Epoch, run: RunId, branches: Vec<WorkspaceBranch> },
    /// Preparing the workspace failed for good.
    WorkspaceFailed { epoch: Epoch, run: RunId, failure: Failure },
    /// A phase that the environment file asks for is over in this sandbox, well or not.
    SetUpFinished { epoch: Epoch, phase: SetUpPhase, outcome: SetUpOutcome, duration_ms: u64 },
    /// What prepares the disk is over: from here on the sandbox reaches what the agent may, and these
    /// build secrets, by name, stand for nothing any more.
    NetworkNarrowed {
        epoch: Epoch,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        secrets: Vec<String>,
    },
    /// Intent: what the disk holds shall be kept as this layer, once no run works and the sandbox is
    /// stopped; the next run waits for it.
    SnapshotWanted {
        key: EffectKey,
        layer: LayerId,
        #[serde(default)]
        purpose: SnapshotPurpose,
        principal: String,
    },
    /// The layer is there, and the agent's disk goes on over it.
    SnapshotMade { key: EffectKey, layer: LayerId, bytes: u64, files: u64, freeze_ms: u64 },
    /// The disk could not be kept; it is as it was.
    SnapshotFailed { key: EffectKey, failure: Failure },
    /// An attempt at an effect failed; it is tried again later under the same key.
    EffectFailed { key: EffectKey, failure: Failure },

    /// A model request is about to be made.
    StepStarted { run: RunId, step: Step, attempt: u32, model: String },
    /// The model's message is complete. `frames` are the boundaries of the deltas sent, as end
    /// offsets into the concatenated text, so that a replay sends the same frames.
    MessageFinished {
        run: RunId,
        step: Step,
        attempt: u32,
        dialect: String,
        parts: Vec<Part>,
        frames: Vec<Frame>,
        /// Also in the step's end, which a crash may keep from being recorded. Older logs lack it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outlay: Option<Outlay>,
    },
    /// A tool call is about to be carried out, under this operation id, in this sandbox.
    ToolCalled {
        run: RunId,
        step: Step,
        call: CallId,
        epoch: Epoch,
        name: String,
        arguments: String,
    },
    /// A tool call is over.
    ToolReturned { run: RunId, step: Step, call: CallId, result: ToolResult, duration_ms: u64 },
    /// The step is over.
    StepFinished {
        run: RunId,
        step: Step,
        usage: Usage,
        cost_micros: u64,
        duration_ms: u64,
        stop: String,
    },
    /// The platform told the model something (soft limit, machine lost, files changed).
    Noticed { run: RunId, code: String, text: String },
    /// The to-do list is now this.
    TodosChanged { run: RunId, todos: Vec<Todo> },
    /// Everything up to and including `upto` is represented by `summary` from now on.
    Compacted { run: RunId, upto: Seq, summary: String, usage: Usage, cost_micros: u64 },
    /// Intent: a program inside asks a model through the gateway; so much is set aside until its answer
    /// is counted. Of no run: none was active.
    ModelAsked {
        run: Option<RunId>,
        epoch: Epoch,
        model: String,
        aside: Usage,
        cost_micros: u64,
        deadline_ms: i64,
    },
    /// What became of that question, told by the position of its event: this is what it cost.
    ModelCalled {
        run: Option<RunId>,
        asked: Seq,
        model: String,
        usage: Usage,
        cost_micros: u64,
        counted: Counted,
    },
    /// A connection out of the sandbox was refused.
    Denied {
        epoch: Epoch,
        host: String,
        port: u16,
        code: String,
        message: String,
        /// Whose it was, as the sandbox told; none where that could not be seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        process: Option<Process>,
    },

    /// The agent is about to read, for the first time, something that is trusted no more than this.
    IntegrityLowered { epoch: Epoch, reading: Reading },
    /// Its secrets, the ways out of its sandbox or what the administrator wants of both are these from here on.
    LegsChanged { legs: Legs },
    /// It has read what nobody here wrote, has secrets, and could carry data out: what was to be done about it is done.
    AllThreeMet { reading: Reading, legs: Legs },
    /// A person lets it carry data out, until it reads something that is trusted less than this.
    FlowAllowed { integrity: Integrity, principal: String },

    /// A person allowed a host that no environment names: an entry of an allow-list, for one run or for good.
    HostAllowed { entry: String, run: Option<RunId>, principal: String },
    /// A person lets a push carry what has this mark.
    StopAllowed { mark: String, reason: String, principal: String },
    /// A person allowed a configuration that is not trusted by itself: the agent has its credentials from here on.
    ConfigurationAllowed { digest: String, principal: String },

    /// A person is asked; the run waits.
    QuestionAsked {
        run: RunId,
        question: QuestionId,
        kind: QuestionKind,
        text: String,
        options: Vec<String>,
        default: String,
        deadline_ms: i64,
        call: Option<CallId>,
    },
    /// The question has its answer, by a person or by its default at the deadline.
    QuestionAnswered { question: QuestionId, answer: String, principal: String },

    /// A person wants the run to end.
    CancelRequested { run: RunId, principal: String },
    /// The harness is done with the run, whatever the reason. Publishing follows.
    TurnEnded { run: RunId, outcome: TurnOutcome },

    /// Intent: the worktree shall become commits in the agent's own repository.
    CheckpointWanted { run: RunId, key: EffectKey },
    /// The worktree of each repository is in the agent's own repository.
    CheckpointMade { run: RunId, key: EffectKey, repos: Vec<RepoCheckpoint> },
    /// The worktree could not be taken (machine gone, objects refused).
    CheckpointFailed { run: RunId, key: EffectKey, failure: Failure },
    /// Intent: these commits shall be on these branches of the remotes.
    PushWanted { run: RunId, key: EffectKey, pushes: Vec<PushPlan> },
    /// The remote was asked and shows exactly these commits.
    Pushed { run: RunId, key: EffectKey, pushes: Vec<PushPlan> },
    /// The push was refused or could not be verified.
    PushFailed {
        run: RunId,
        key: EffectKey,
        failure: Failure,
        conflict: Option<PushConflict>,
        /// What stopped it, if that is why.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stops: Vec<PushStop>,
    },
    /// Intent: the commit that was just pushed shall be checked by the server, in a sandbox of its own.
    ChecksWanted { run: RunId, key: EffectKey, url: String, commit: String },
    /// The checks are over, whatever came of them.
    Checked { run: RunId, key: EffectKey, report: Box<CheckReport> },
    /// Intent: a pull request for the pushed branch shall exist and describe the run.
    PullRequestWanted { run: RunId, key: EffectKey },
    /// The pull request exists with this content.
    PullRequestPublished { run: RunId, key: EffectKey, pulls: Vec<PullRequest> },
    /// The pull request could not be made; the branch stands.
    PullRequestFailed { run: RunId, key: EffectKey, failure: Failure },
    /// A person merged a pull request kept by Errand.
    PullRequestMerged { repo: String, number: u64, commit: String, principal: String },
    /// A person had this commit of the base merged into the branch of a pull request, which stood at `previous`.
    BranchUpdated {
        repo: String,
        number: u64,
        base: String,
        previous: String,
        commit: String,
        principal: String,
    },

    /// The run is over.
    RunEnded {
        run: RunId,
        status: RunStatus,
        failure: Option<Failure>,
        result: String,
        duration_ms: u64,
    },

    /// A person wants the machine up although no run needs it.
    Woken { principal: String },
    /// A person works in the machine, which is therefore not idle; recorded now and then only.
    Attended { principal: String },
    /// A person types in a terminal from now on; others watch.
    TerminalTaken { terminal: String, principal: String },
    /// Nobody types in that terminal any more.
    TerminalReleased { terminal: String, principal: String },

    /// The agent takes no more messages until it is unarchived.
    Archived { principal: String },
    /// The agent takes messages again.
    Unarchived { principal: String },
    /// The agent is to go, with its machine, transcript and artifacts.
    DeleteRequested { principal: String },
    /// Machine, disk and repository are gone; the log is the last to go.
    Deleted,
}

/// What one model call cost, and why it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outlay {
    /// Tokens.
    pub usage: Usage,
    /// Money, in millionths of a dollar.
    pub cost_micros: u64,
    /// Why the model stopped.
    pub stop: String,
}

/// Who says what a question of a program inside cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// The provider.
    Told,
    /// Nobody: it is taken to have cost what was set aside.
    Assumed,
}

/// The end of one delta frame: where, and of which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// Text or thinking.
    pub kind: FrameKind,
    /// End offset in bytes within all deltas of this attempt.
    pub end: u64,
}

/// Which of the two streams of a message a frame belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameKind {
    /// The answer.
    Text,
    /// Thinking before it.
    Thinking,
}

/// Why a person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum QuestionKind {
    /// Is this plan to be carried out?
    PlanApproval,
    /// A question by the model.
    Question,
    /// May this host be reached?
    AllowRequest,
}

/// How a turn of the harness ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TurnOutcome {
    /// The model yielded; its last text.
    Finished { result: String },
    /// Something failed; work so far is kept.
    Failed { failure: Failure },
    /// A person cancelled it.
    Cancelled,
    /// The hard time limit was reached; work is kept.
    Expired,
}

/// Status of a run, as the public API spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunStatus {
    /// Accepted, not started (queued, or the first thing has not happened yet).
    Creating,
    /// Working.
    Running,
    /// Ended well.
    Finished,
    /// Ended with a failure.
    Error,
    /// Ended by a person.
    Cancelled,
    /// Ended by its time limit.
    Expired,
}

impl RunStatus {
    /// Whether the run is over.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Creating | Self::Running => false,
            Self::Finished | Self::Error | Self::Cancelled | Self::Expired => true,
        }
    }
}

/// Why a sandbox is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// Nothing happened for the idle time.
    Idle,
    /// It reached the hard time limit of a machine.
    HardLimit,
    /// The agent was archived.
    Archived,
    /// The agent is being deleted.
    Deleted,
    /// The workspace could not be prepared; the next run starts afresh.
    Broken,
    /// It was lost; whatever is left of it is cleared away before another is made.
    Lost,
    /// What its disk holds is to be kept, which needs it at rest.
    Snapshot,
}

impl Event {
    /// The run that the event belongs to, if it belongs to one.
    pub const fn run(&self) -> Option<RunId> {
        match self {
            Self::Asked { run, .. }
            | Self::Steered { run, .. }
            | Self::SteerTaken { run, .. }
            | Self::RunStarted { run }
            | Self::BaseResolved { run, .. }
            | Self::EnvironmentRead { run, .. }
            | Self::ImageChosen { run, .. }
            | Self::BaseFailed { run, .. }
            | Self::StepStarted { run, .. }
            | Self::MessageFinished { run, .. }
            | Self::ToolCalled { run, .. }
            | Self::ToolReturned { run, .. }
            | Self::StepFinished { run, .. }
            | Self::Noticed { run, .. }
            | Self::TodosChanged { run, .. }
            | Self::Compacted { run, .. }
            | Self::QuestionAsked { run, .. }
            | Self::CancelRequested { run, .. }
            | Self::TurnEnded { run, .. }
            | Self::CheckpointWanted { run, .. }
            | Self::CheckpointMade { run, .. }
            | Self::CheckpointFailed { run, .. }
            | Self::PushWanted { run, .. }
            | Self::Pushed { run, .. }
            | Self::PushFailed { run, .. }
            | Self::ChecksWanted { run, .. }
            | Self::Checked { run, .. }
            | Self::PullRequestWanted { run, .. }
            | Self::PullRequestPublished { run, .. }
            | Self::PullRequestFailed { run, .. }
            | Self::RunEnded { run, .. }
            | Self::WorkspaceReady { run, .. }
            | Self::WorkspaceFailed { run, .. } => Some(*run),
            Self::ModelAsked { run, .. } | Self::ModelCalled { run, .. } => *run,
            Self::Opened { .. }
            | Self::Renamed { .. }
            | Self::SandboxWanted { .. }
            | Self::SandboxUp { .. }
            | Self::SandboxFailed { .. }
            | Self::SandboxLost { .. }
            | Self::SandboxStopWanted { .. }
            | Self::SandboxStopped { .. }
            | Self::PhaseFinished { .. }
            | Self::SetUpFinished { .. }
            | Self::NetworkNarrowed { .. }
            | Self::SnapshotWanted { .. }
            | Self::SnapshotMade { .. }
            | Self::SnapshotFailed { .. }
            | Self::EffectFailed { .. }
            | Self::Denied { .. }
            | Self::IntegrityLowered { .. }
            | Self::LegsChanged { .. }
            | Self::AllThreeMet { .. }
            | Self::FlowAllowed { .. }
            | Self::HostAllowed { .. }
            | Self::StopAllowed { .. }
            | Self::ConfigurationAllowed { .. }
            | Self::QuestionAnswered { .. }
            | Self::PullRequestMerged { .. }
            | Self::BranchUpdated { .. }
            | Self::Woken { .. }
            | Self::Attended { .. }
            | Self::TerminalTaken { .. }
            | Self::TerminalReleased { .. }
            | Self::Archived { .. }
            | Self::Unarchived { .. }
            | Self::DeleteRequested { .. }
            | Self::Deleted => None,
        }
    }
}
