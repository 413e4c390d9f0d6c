//! The run that is going on: its turn, and the saving and showing that follow it.

use super::{Totals, elapsed};
use protocol::event::{Event, Outlay, PushConflict, PushPlan, PushStop, TurnOutcome};
use protocol::failure::Failure;
use protocol::ids::{CallId, EffectKey, Epoch, MessageId, QuestionId, RunId, Step};
use std::collections::VecDeque;

/// The run that is going on.
#[derive(Debug, Clone, PartialEq)]
pub struct Active {
    /// Which.
    pub run: RunId,
    /// Made by Errand itself.
    pub automatic: bool,
    /// When its clock started.
    pub started_at_ms: i64,
    /// Whether it knows where its repositories stand.
    pub start: Start,
    /// Whether its workspace can be worked in.
    pub workspace: Workspace,
    /// Whether another sandbox may be made for it.
    pub machines: Machines,
    /// What it used up.
    pub spent: Totals,
    /// How far it is.
    pub stage: Stage,
}

/// Whether the remotes were asked during the active run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Not yet, or they gave no answer.
    Unconfirmed,
    /// They were.
    Confirmed,
}

/// Whether the workspace of the active run can be worked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workspace {
    /// It never was ready during this run.
    Never,
    /// It is ready in this epoch.
    Ready(Epoch),
    /// It was ready in a sandbox that is gone.
    Lost,
}

/// Whether another sandbox may be made for the active run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Machines {
    /// Yes; so many were lost.
    Available {
        /// Sandboxes lost during this run.
        losses: u32,
    },
    /// No, for this reason.
    Exhausted(Failure),
}

/// How far the active run is.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// The harness has not yielded.
    Turn(Turn),
    /// The harness is done; the work is saved and shown.
    Publishing(Publishing),
}

/// A turn of the harness.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// What goes on.
    pub phase: Phase,
    /// Questions that wait for a person.
    pub waiting: Waiting,
    /// Steering messages not yet taken, in order.
    pub steers: VecDeque<MessageId>,
    /// The newest step and its calls.
    pub step: StepNow,
}

/// What goes on in a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// The starting commits are being confirmed.
    Starting,
    /// The model works.
    Thinking,
    /// A person wants the run to end.
    Cancelling,
    /// Something it needs failed for good.
    Failing(Failure),
}

/// Time and questions of a turn that wait for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The open questions.
    pub questions: Vec<Question>,
    /// Questions answered lately.
    pub answered: VecDeque<QuestionId>,
    /// Since when at least one is open.
    pub since_ms: i64,
    /// Time waited before that.
    pub waited_ms: u64,
}

/// A question that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Which.
    pub question: QuestionId,
    /// The answer at the deadline.
    pub default: String,
    /// When the default holds.
    pub deadline_ms: i64,
}

/// The newest step of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepNow {
    /// Its number; 0 before the first.
    pub step: Step,
    /// Its newest attempt.
    pub attempt: u32,
    /// When it began.
    pub started_at_ms: i64,
    /// How far it is.
    pub progress: Progress,
    /// What its message cost, if the message says so.
    pub outlay: Option<Outlay>,
    /// Its tool calls.
    pub calls: Vec<Call>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The model was asked.
    Asking,
    /// Its message is complete.
    Answered,
    /// It is over, or there was none yet.
    Finished,
}

/// A tool call of the newest step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which.
    pub call: CallId,
    /// Whether its result is in.
    pub returned: bool,
}

/// What follows a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Publishing {
    /// How the turn ended.
    pub outcome: TurnOutcome,
    /// How far saving and showing is.
    pub step: PublishStep,
    /// The first thing that failed in it.
    pub trouble: Option<Failure>,
    /// Whether a conflict is handed to the agent.
    pub mending: Mending,
}

/// How far saving and showing the work is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishStep {
    /// The worktree may hold work that is not on our side.
    Unsaved,
    /// It is being taken under this key.
    Checkpointing {
        /// The intent's key.
        key: EffectKey,
        /// The sandbox it is taken from.
        epoch: Epoch,
    },
    /// It is on our side.
    Saved,
    /// It could not be taken; what an earlier run saved is another matter.
    Unsavable,
    /// It is being pushed under this key.
    Pushing {
        /// The intent's key.
        key: EffectKey,
        /// What shall be where.
        pushes: Vec<PushPlan>,
    },
    /// The remotes were seen to hold it.
    Pushed,
    /// The server checks one of them itself under this key.
    Checking {
        /// The intent's key.
        key: EffectKey,
        /// The repository.
        url: String,
        /// Its commit.
        commit: String,
    },
    /// That is over.
    Checked,
    /// The pull request is being made under this key.
    Requesting {
        /// The intent's key.
        key: EffectKey,
    },
    /// All went well, or something failed and the rest is left out.
    Done,
}

/// What of a failed push is handed to the agent as a run of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mending {
    /// Nothing, or it is handed over already.
    Settled,
    /// A conflict is still to be handed over.
    Merge(PushConflict),
    /// What stopped it is still to be handed over.
    Remove(Vec<PushStop>),
}

impl Turn {
    /// A turn at its very beginning.
    pub(crate) const fn new(phase: Phase) -> Self {
        let step = StepNow::new(Step(0), 0, 0, Progress::Finished);
        let waiting =
            Waiting { questions: Vec::new(), answered: VecDeque::new(), since_ms: 0, waited_ms: 0 };
        Self { phase, waiting, steers: VecDeque::new(), step }
    }

    /// Whether the run is meant to go on.
    pub const fn is_wanted(&self) -> bool {
        match self.phase {
            Phase::Starting | Phase::Thinking => true,
            Phase::Cancelling | Phase::Failing(_) => false,
        }
    }
}

impl StepNow {
    /// A step without calls.
    pub(crate) const fn new(
        step: Step,
        attempt: u32,
        started_at_ms: i64,
        progress: Progress,
    ) -> Self {
        Self { step, attempt, started_at_ms, progress, outlay: None, calls: Vec::new() }
    }

    /// The end of a step that its turn leaves open, if it is known what it cost.
    pub(crate) fn end(&self, run: RunId, now_ms: i64) -> Option<Event> {
        let Outlay { usage, cost_micros, stop } = match self.progress {
            Progress::Answered => self.outlay.clone()?,
            Progress::Asking | Progress::Finished => return None,
        };
        let duration_ms = elapsed(self.started_at_ms, now_ms);
        Some(Event::StepFinished { run, step: self.step, usage, cost_micros, duration_ms, stop })
    }
}

impl Waiting {
    /// Time waited for persons until `now_ms`.
    pub fn until(&self, now_ms: i64) -> u64 {
        let open = if self.questions.is_empty() { 0 } else { elapsed(self.since_ms, now_ms) };
        self.waited_ms.saturating_add(open)
    }
}
