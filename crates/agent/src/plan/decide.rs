//! The one event, if any, that follows from the state and the clock alone.

use super::effects::{Expired, named};
use super::{provision_key, publish, snapshot_key};
use crate::effect::Action;
use crate::state::{
    Active, Condition, Disk, Failing, Keeping, Living, Machines, Phase, Sandbox, Stage, Standing,
    State, Turn, Wake, Workspace, elapsed, later,
};
use protocol::environment::found::{ChosenImage, SetUpOutcome};
use protocol::event::{CheckReport, Event, SnapshotPurpose, StopReason, TurnOutcome};
use protocol::ids::{AgentId, Epoch};
use protocol::limits;
use std::collections::BTreeMap;

/// Who wants what nobody asked for.
const PLATFORM_PRINCIPAL: &str = "errand";
/// Who answers a question at its deadline.
pub const DEFAULT_PRINCIPAL: &str = "default";

/// The next decision or intent.
pub(crate) fn decide(state: &State, now_ms: i64) -> Option<Event> {
    let living = state.living()?;
    if let Some(event) = living.flow.to_record() {
        return Some(event);
    }
    if let Some(event) = remains(living) {
        return Some(event);
    }
    if let Some(call) = living.overdue_model_call(now_ms) {
        return Some(call.assumed());
    }
    if let Some(event) = given_up(state.agent, living, now_ms) {
        return Some(event);
    }
    match &living.active {
        Some(active) => match &active.stage {
            Stage::Turn(turn) => turning(state.agent, living, active, turn, now_ms),
            Stage::Publishing(publishing) => {
                publish::decide(state.agent, living, active, publishing, now_ms)
            }
        },
        None => resting(state.agent, living, now_ms),
    }
}

/// Whatever may be left of a failed or lost sandbox goes before another is made.
fn remains(living: &Living) -> Option<Event> {
    match living.sandbox {
        Sandbox::Remains { epoch, reason } => Some(stop(living, epoch, reason)),
        Sandbox::Absent
        | Sandbox::Wanted { .. }
        | Sandbox::Up { .. }
        | Sandbox::Stopping { .. } => None,
    }
}

fn stop(living: &Living, epoch: Epoch, reason: StopReason) -> Event {
    let keep_disk = match (living.standing, reason) {
        (Standing::Deleting, _) => false,
        (
            _,
            StopReason::Idle | StopReason::HardLimit | StopReason::Archived | StopReason::Snapshot,
        ) => true,
        (_, StopReason::Broken | StopReason::Lost | StopReason::Deleted) => {
            living.disk == Disk::Used
        }
    };
    Event::SandboxStopWanted { epoch, keep_disk, reason }
}

/// The final failure of an effect that was tried often enough.
fn given_up(agent: AgentId, living: &Living, now_ms: i64) -> Option<Event> {
    if living.failing.iter().all(|failing| failing.attempts < limits::EFFECT_ATTEMPTS) {
        return None;
    }
    named(agent, living, now_ms).into_iter().find_map(|effect| {
        let failing = living.failing.iter().find(|failing| {
            failing.key == effect.key && failing.attempts >= limits::EFFECT_ATTEMPTS
        })?;
        final_failure(&effect.action, failing)
    })
}

fn final_failure(action: &Action, failing: &Failing) -> Option<Event> {
    let (failure, key) = (failing.failure.clone(), failing.key.clone());
    match *action {
        Action::ResolveBase { run } => Some(Event::BaseFailed { run, failure }),
        Action::Provision { epoch } => Some(Event::SandboxFailed { epoch, failure }),
        Action::Attach { epoch } => {
            Some(Event::SandboxLost { epoch, reason: failing.failure.message.clone() })
        }
        Action::ChooseImage { run, ref reference } => {
            let reference = reference.clone();
            let image =
                ChosenImage { reference, digest: String::new(), variables: BTreeMap::new() };
            let (image, layers) = (Box::new(image), Vec::new());
            let outcome = SetUpOutcome::Failed { failure };
            Some(Event::ImageChosen { run, image, layers, outcome, duration_ms: 0 })
        }
        Action::Prepare { epoch, run } => Some(Event::WorkspaceFailed { epoch, run, failure }),
        Action::SetUp { epoch, phase } => {
            let outcome = SetUpOutcome::Failed { failure };
            Some(Event::SetUpFinished { epoch, phase, outcome, duration_ms: 0 })
        }
        Action::Think { run } => {
            Some(Event::TurnEnded { run, outcome: TurnOutcome::Failed { failure } })
        }
        Action::Checkpoint { run, .. } => Some(Event::CheckpointFailed { run, key, failure }),
        Action::Push { run, .. } => {
            let (conflict, stops) = (None, Vec::new());
            Some(Event::PushFailed { run, key, failure, conflict, stops })
        }
        Action::Check { run, ref url, ref commit } => {
            let (url, commit) = (url.clone(), commit.clone());
            let report = CheckReport { url, commit, checks: Vec::new(), failure: Some(failure) };
            Some(Event::Checked { run, key, report: Box::new(report) })
        }
        Action::PublishPullRequest { run } => Some(Event::PullRequestFailed { run, key, failure }),
        Action::Freeze { .. } => Some(Event::SnapshotFailed { key, failure }),
        // What must end is tried for ever: giving up would leave something running, or open.
        Action::Interrupt { .. } | Action::Stop { .. } | Action::Narrow { .. } | Action::Erase => {
            None
        }
    }
}

fn turning(
    agent: AgentId,
    living: &Living,
    active: &Active,
    turn: &Turn,
    now_ms: i64,
) -> Option<Event> {
    // What the open step cost is counted before its turn ends.
    let ended = |outcome| {
        let run = active.run;
        Some(turn.step.end(run, now_ms).unwrap_or(Event::TurnEnded { run, outcome }))
    };
    match &turn.phase {
        Phase::Failing(failure) => {
            return ended(TurnOutcome::Failed { failure: failure.clone() });
        }
        Phase::Cancelling => {
            return if living.up().is_none() { ended(TurnOutcome::Cancelled) } else { None };
        }
        Phase::Starting | Phase::Thinking => {}
    }
    if is_expired(living, active, turn, now_ms) == Expired::Yes {
        return if living.up().is_none() { ended(TurnOutcome::Expired) } else { None };
    }
    if let Some(late) = turn.waiting.questions.iter().find(|open| open.deadline_ms <= now_ms) {
        return Some(Event::QuestionAnswered {
            question: late.question,
            answer: late.default.clone(),
            principal: DEFAULT_PRINCIPAL.to_owned(),
        });
    }
    if living.awaits_base() {
        return None;
    }
    built(living, active, turn).or_else(|| want_sandbox(agent, living, active))
}

/// A build is over when all is done that prepares a disk.
fn built(living: &Living, active: &Active, turn: &Turn) -> Option<Event> {
    living.settings.build.as_ref()?;
    let epoch = living.up()?;
    let is_ready = turn.phase == Phase::Thinking && active.workspace == Workspace::Ready(epoch);
    if !is_ready || !living.is_set_up(epoch) {
        return None;
    }
    let trouble = living.set_up.as_ref().and_then(|set_up| set_up.trouble().cloned());
    let outcome = match trouble {
        Some(failure) => TurnOutcome::Failed { failure },
        None => TurnOutcome::Finished { result: String::new() },
    };
    Some(Event::TurnEnded { run: active.run, outcome })
}

/// Whether the run has used up its time, or its sandbox has; time waited for persons does not count.
pub(crate) fn is_expired(living: &Living, active: &Active, turn: &Turn, now_ms: i64) -> Expired {
    let worked = elapsed(active.started_at_ms, now_ms).saturating_sub(turn.waiting.until(now_ms));
    if worked >= living.settings.limits.hard_time_ms || over_hard_limit(living, now_ms) {
        Expired::Yes
    } else {
        Expired::No
    }
}

fn over_hard_limit(living: &Living, now_ms: i64) -> bool {
    match living.sandbox {
        Sandbox::Up { since_ms, .. } => elapsed(since_ms, now_ms) >= limits::SANDBOX_HARD_MS,
        Sandbox::Absent
        | Sandbox::Wanted { .. }
        | Sandbox::Remains { .. }
        | Sandbox::Stopping { .. } => false,
    }
}

/// The intent of a sandbox for the active run, when there is none at all.
pub(super) fn want_sandbox(agent: AgentId, living: &Living, active: &Active) -> Option<Event> {
    match (&living.sandbox, &active.machines) {
        (Sandbox::Absent, Machines::Available { .. }) => Some(sandbox_wanted(agent, living)),
        (Sandbox::Absent, Machines::Exhausted(_))
        | (
            Sandbox::Wanted { .. }
            | Sandbox::Up { .. }
            | Sandbox::Remains { .. }
            | Sandbox::Stopping { .. },
            _,
        ) => None,
    }
}

fn sandbox_wanted(agent: AgentId, living: &Living) -> Event {
    let (epoch, provider) = (living.epoch.next(), living.settings.provider.clone());
    Event::SandboxWanted { epoch, key: provision_key(agent, epoch), provider }
}

/// What follows when no run is active.
fn resting(agent: AgentId, living: &Living, now_ms: i64) -> Option<Event> {
    let next = match living.standing {
        Standing::Open => living.queue.front(),
        Standing::Archived | Standing::Deleting => None,
    };
    if let (Keeping::Due, Some(build)) = (&living.keeping, &living.settings.build) {
        let (layer, principal) = (build.layer, PLATFORM_PRINCIPAL.to_owned());
        let key = snapshot_key(agent, layer);
        let purpose = SnapshotPurpose::Environment;
        return Some(Event::SnapshotWanted { key, layer, purpose, principal });
    }
    let is_kept = living.keeping != Keeping::Unasked;
    let must_end = match living.sandbox {
        Sandbox::Absent | Sandbox::Remains { .. } | Sandbox::Stopping { .. } => None,
        Sandbox::Wanted { epoch, .. } if is_kept => Some((epoch, StopReason::Snapshot)),
        Sandbox::Wanted { epoch, .. } if next.is_none() && living.wake == Wake::Unasked => {
            Some((epoch, StopReason::Idle))
        }
        Sandbox::Wanted { .. } => None,
        Sandbox::Up { epoch, condition: Condition::Broken, .. } => {
            Some((epoch, StopReason::Broken))
        }
        Sandbox::Up { epoch, .. } if is_kept => Some((epoch, StopReason::Snapshot)),
        Sandbox::Up { epoch, .. } if over_hard_limit(living, now_ms) => {
            Some((epoch, StopReason::HardLimit))
        }
        Sandbox::Up { epoch, .. } => {
            let idle = next.is_none() && later(living.active_at_ms, limits::IDLE_MS) <= now_ms;
            (idle || living.standing != Standing::Open).then_some((epoch, StopReason::Idle))
        }
    };
    if let Some((epoch, reason)) = must_end {
        let reason = match living.standing {
            Standing::Open => reason,
            Standing::Archived => StopReason::Archived,
            Standing::Deleting => StopReason::Deleted,
        };
        return Some(stop(living, epoch, reason));
    }
    match next {
        _ if is_kept => None,
        Some(queued) => Some(Event::RunStarted { run: queued.run }),
        None if living.wake == Wake::Asked && living.sandbox == Sandbox::Absent => {
            Some(sandbox_wanted(agent, living))
        }
        None => None,
    }
}
