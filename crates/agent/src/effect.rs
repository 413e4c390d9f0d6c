//! What the driver of an agent is to carry out, as [`plan`](mod@crate::plan) names it.

use protocol::environment::found::SetUpPhase;
use protocol::event::{PushPlan, SnapshotPurpose};
use protocol::ids::{EffectKey, Epoch, LayerId, RunId};

/// What shall be recorded and what shall be running now.
///
/// The plan is level-triggered: it names everything that should be going on. The driver starts what
/// is missing and stops what is no longer named; it is told nothing else.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Decisions and intents to append before anything else. When not empty, `effects` is not final:
    /// append, fold, plan again.
    pub record: Vec<protocol::event::Event>,
    /// Effects that should be running, each once per key.
    pub effects: Vec<Effect>,
    /// When to plan again although nothing happened, in milliseconds since 1970.
    pub wake_at_ms: Option<i64>,
}

/// One effect with its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Agent + epoch or run + name of the effect; a repeat after a crash uses the same key.
    pub key: EffectKey,
    /// What to do.
    pub action: Action,
}

/// What an effect does, and which events it reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Confirm the starting commit on each remote: `BaseResolved`, the first time after
    /// `EnvironmentRead` where there is a file; or `BaseFailed` for good.
    ResolveBase { run: RunId },
    /// Make the sandbox and meet its guest: `SandboxUp`, or `SandboxFailed` for good.
    Provision { epoch: Epoch },
    /// Hold the link to a sandbox that is up; runs until stopped: `SandboxLost` when it is gone.
    Attach { epoch: Epoch },
    /// Bring what the disk begins with: `ImageChosen`, whatever came of it.
    ChooseImage { run: RunId, reference: String },
    /// Check out, branch, bring up to date: `WorkspaceReady`, or `WorkspaceFailed` for good.
    Prepare { epoch: Epoch, run: RunId },
    /// Carry out what the environment file asks for: `SetUpFinished`, whatever came of it.
    SetUp { epoch: Epoch, phase: SetUpPhase },
    /// Give the sandbox the agent's own network: `NetworkNarrowed`.
    Narrow { epoch: Epoch },
    /// Drive the model: the step events, then `TurnEnded`.
    Think { run: RunId },
    /// Kill what the run left running inside, then `TurnEnded` with this reason.
    Interrupt { run: RunId, epoch: Option<Epoch>, because: Interruption },
    /// Take the worktree: `CheckpointMade` or `CheckpointFailed`.
    Checkpoint { run: RunId, epoch: Epoch },
    /// Push and verify: `Pushed` or `PushFailed`.
    Push { run: RunId, pushes: Vec<PushPlan> },
    /// Run the base's checks at the pushed commit in a sandbox of their own: `Checked`, whatever came of it.
    Check { run: RunId, url: String, commit: String },
    /// Make or update the pull request: `PullRequestPublished` or `PullRequestFailed`.
    PublishPullRequest { run: RunId },
    /// End the sandbox: `SandboxStopped`.
    Stop { epoch: Epoch, keep_disk: bool },
    /// Keep what the disk holds: `SnapshotMade`, or `SnapshotFailed` for good.
    Freeze { layer: LayerId, purpose: SnapshotPurpose },
    /// Remove disk, repository and sealed values: `Deleted`.
    Erase,
}

/// Why a run is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interruption {
    /// A person cancelled it.
    Cancelled,
    /// Its hard time limit was reached.
    Expired,
}
