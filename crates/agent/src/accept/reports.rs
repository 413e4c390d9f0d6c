//! What the driver reports: facts about effects that are still wanted, and its own decisions.
//!
//! A report is late, doubled or from a driver that lost its lease as often as not, so each is held
//! against the state and refused as stale unless it says something new about the present.

use crate::plan::{decide, named};
use crate::state::{
    Active, Keeping, Living, OPEN_QUESTIONS, Phase, Progress, PublishStep, Publishing, Room,
    Sandbox, Stage, Standing, State, Turn, Workspace,
};
use protocol::environment::found::{SET_UP_FAILED, SetUpOutcome, SetUpPhase};
use protocol::event::{Event, PushPlan, RepoBase, RepoCheckpoint, TurnOutcome};
use protocol::failure::Refusal;
use protocol::ids::{CallId, EffectKey, Epoch, RunId, Step};

const OLD_RUN: Refusal = Refusal::Stale("the run is not at that point");
const OLD_EPOCH: Refusal = Refusal::Stale("the sandbox is another one by now");
const OLD_KEY: Refusal = Refusal::Stale("nobody waits for this effect");
const KNOWN: Refusal = Refusal::Stale("that is known already");

/// Accepts a report that says something new about the present.
pub(super) fn check(state: &State, event: &Event, now_ms: i64) -> Result<(), Refusal> {
    let living = state.living().ok_or(Refusal::NoAgent)?;
    match event {
        Event::BaseResolved { .. } | Event::BaseFailed { .. } => beginning(living, event),
        Event::EnvironmentRead { .. } | Event::ImageChosen { .. } => beginning(living, event),
        Event::SandboxUp { .. }
        | Event::SandboxFailed { .. }
        | Event::SandboxLost { .. }
        | Event::SandboxStopped { .. }
        | Event::PhaseFinished { .. }
        | Event::Denied { .. }
        | Event::SnapshotMade { .. }
        | Event::SnapshotFailed { .. }
        | Event::WorkspaceReady { .. }
        | Event::WorkspaceFailed { .. } => machine(living, event),
        Event::IntegrityLowered { .. } | Event::LegsChanged { .. } => flows(living, event),
        Event::ModelAsked { .. } | Event::ModelCalled { .. } => models(living, event, now_ms),
        Event::SetUpFinished { .. } | Event::NetworkNarrowed { .. } => prepared(living, event),
        Event::EffectFailed { key, .. } => effect_failed(state, living, key, now_ms),
        Event::Deleted => erased(living),
        Event::StepStarted { .. }
        | Event::MessageFinished { .. }
        | Event::ToolCalled { .. }
        | Event::ToolReturned { .. }
        | Event::StepFinished { .. }
        | Event::SteerTaken { .. }
        | Event::QuestionAsked { .. }
        | Event::Noticed { .. }
        | Event::TodosChanged { .. }
        | Event::Compacted { .. } => harness(state, living, event),
        Event::TurnEnded { run, outcome } if !is_decision(state, event, now_ms) => {
            turn_ended(living, *run, outcome)
        }
        Event::CheckpointMade { .. }
        | Event::CheckpointFailed { .. }
        | Event::Pushed { .. }
        | Event::PushFailed { .. }
        | Event::Checked { .. }
        | Event::PullRequestPublished { .. }
        | Event::PullRequestFailed { .. } => published(living, event),
        Event::Opened { .. }
        | Event::Renamed { .. }
        | Event::Asked { .. }
        | Event::Steered { .. }
        | Event::RunStarted { .. }
        | Event::SandboxWanted { .. }
        | Event::SandboxStopWanted { .. }
        | Event::SnapshotWanted { .. }
        | Event::QuestionAnswered { .. }
        | Event::CancelRequested { .. }
        | Event::TurnEnded { .. }
        | Event::CheckpointWanted { .. }
        | Event::PushWanted { .. }
        | Event::ChecksWanted { .. }
        | Event::PullRequestWanted { .. }
        | Event::PullRequestMerged { .. }
        | Event::BranchUpdated { .. }
        | Event::RunEnded { .. }
        | Event::AllThreeMet { .. }
        | Event::FlowAllowed { .. }
        | Event::HostAllowed { .. }
        | Event::StopAllowed { .. }
        | Event::ConfigurationAllowed { .. }
        | Event::Woken { .. }
        | Event::Attended { .. }
        | Event::TerminalTaken { .. }
        | Event::TerminalReleased { .. }
        | Event::Archived { .. }
        | Event::Unarchived { .. }
        | Event::DeleteRequested { .. } => decided(state, event, now_ms),
    }
}

/// The event, and what belongs to it: before the end of a turn that of its open step, since what a
/// message cost counts however its turn ended; after a set-up that failed what the model is told.
#[expect(clippy::wildcard_enum_match_arm, reason = "most events stand alone")]
pub(super) fn whole(state: &State, event: Event, now_ms: i64) -> Vec<Event> {
    let living = state.living();
    match event {
        Event::TurnEnded { run, .. } => {
            let open = living.and_then(Living::turn);
            let end = open.and_then(|turn| turn.step.end(run, now_ms));
            end.into_iter().chain([event]).collect()
        }
        Event::SetUpFinished {
            phase: SetUpPhase::Startup,
            outcome: SetUpOutcome::Failed { ref failure },
            ..
        } => {
            let what = "The startup commands of this agent were not carried out in full.";
            let told = living.and_then(|living| told(living, what, &failure.message));
            std::iter::once(event).chain(told).collect()
        }
        Event::ImageChosen { outcome: SetUpOutcome::Failed { ref failure }, .. }
        | Event::SetUpFinished { outcome: SetUpOutcome::Failed { ref failure }, .. } => {
            let what = "The environment file was not followed in full.";
            let told = living.and_then(|living| told(living, what, &failure.message));
            std::iter::once(event).chain(told).collect()
        }
        _ => vec![event],
    }
}

fn told(living: &Living, what: &str, message: &str) -> Option<Event> {
    let active = living.active.as_ref()?;
    in_phase(living, active.run, &Phase::Thinking).ok()?;
    let text = format!("{what} {message}");
    Some(Event::Noticed { run: active.run, code: SET_UP_FAILED.to_owned(), text })
}

fn is_decision(state: &State, event: &Event, now_ms: i64) -> bool {
    decide(state, now_ms).as_ref() == Some(event)
}

fn decided(state: &State, event: &Event, now_ms: i64) -> Result<(), Refusal> {
    let stale = Refusal::Stale("this is not what follows");
    if is_decision(state, event, now_ms) { Ok(()) } else { Err(stale) }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller hands in facts of flows only")]
fn flows(living: &Living, event: &Event) -> Result<(), Refusal> {
    let is_news = match event {
        Event::IntegrityLowered { epoch, reading } => {
            wanted(living, *epoch).or_else(|_| up(living, *epoch))?;
            reading.integrity < living.flow.integrity()
        }
        Event::LegsChanged { legs } => living.flow.is_news(legs),
        _ => false,
    };
    if is_news { Ok(()) } else { Err(KNOWN) }
}

fn active(living: &Living, run: RunId) -> Result<&Active, Refusal> {
    living.active.as_ref().filter(|active| active.run == run).ok_or(OLD_RUN)
}

fn turn(living: &Living, run: RunId) -> Result<&Turn, Refusal> {
    match &active(living, run)?.stage {
        Stage::Turn(turn) => Ok(turn),
        Stage::Publishing(_) => Err(OLD_RUN),
    }
}

fn in_phase(living: &Living, run: RunId, phase: &Phase) -> Result<(), Refusal> {
    if turn(living, run)?.phase == *phase { Ok(()) } else { Err(OLD_RUN) }
}

fn starting(living: &Living, run: RunId) -> Result<(), Refusal> {
    in_phase(living, run, &Phase::Starting)
}

fn base_resolved(living: &Living, run: RunId, bases: &[RepoBase]) -> Result<(), Refusal> {
    starting(living, run)?;
    let all = living.repos.iter().all(|repo| bases.iter().any(|base| base.url == repo.url));
    if all { Ok(()) } else { Err(Refusal::Stale("a repository is missing")) }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller hands in facts of a beginning only")]
fn beginning(living: &Living, event: &Event) -> Result<(), Refusal> {
    match event {
        Event::BaseResolved { run, repos } => base_resolved(living, *run, repos),
        Event::EnvironmentRead { run, .. } => {
            starting(living, *run)?;
            let is_read = living.set_up.as_ref().is_some_and(|set_up| set_up.is_read);
            if is_read { Err(KNOWN) } else { Ok(()) }
        }
        Event::ImageChosen { run, image, .. } => {
            in_phase(living, *run, &Phase::Thinking)?;
            let is_awaited = living.awaits_image() == Some(image.reference.as_str());
            if is_awaited { Ok(()) } else { Err(KNOWN) }
        }
        Event::BaseFailed { run, .. } => starting(living, *run),
        _ => Err(OLD_RUN),
    }
}

fn set_up_finished(living: &Living, epoch: Epoch, phase: SetUpPhase) -> Result<(), Refusal> {
    up(living, epoch)?;
    let is_next = living.to_set_up(epoch) == Some(phase) && !living.is_to_be_narrowed(epoch);
    if is_next { Ok(()) } else { Err(KNOWN) }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller hands in facts of set-ups only")]
fn prepared(living: &Living, event: &Event) -> Result<(), Refusal> {
    match event {
        Event::SetUpFinished { epoch, phase, .. } => set_up_finished(living, *epoch, *phase),
        Event::NetworkNarrowed { epoch, .. } => narrowed(living, *epoch),
        _ => Err(OLD_EPOCH),
    }
}

fn narrowed(living: &Living, epoch: Epoch) -> Result<(), Refusal> {
    up(living, epoch)?;
    if living.is_to_be_narrowed(epoch) { Ok(()) } else { Err(KNOWN) }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller hands in facts of machines only")]
fn machine(living: &Living, event: &Event) -> Result<(), Refusal> {
    match event {
        Event::SandboxUp { epoch, .. } | Event::SandboxFailed { epoch, .. } => {
            wanted(living, *epoch)
        }
        Event::WorkspaceReady { epoch, run, .. } | Event::WorkspaceFailed { epoch, run, .. } => {
            preparing(living, *epoch, *run)
        }
        Event::SandboxLost { epoch, .. } => up(living, *epoch),
        Event::SandboxStopped { epoch } => stopping(living, *epoch),
        // Of the machine in which what it begins with is built.
        Event::Denied { epoch: Epoch(1), .. } if living.awaits_image().is_some() => Ok(()),
        Event::PhaseFinished { epoch, .. } | Event::Denied { epoch, .. } => {
            wanted(living, *epoch).or_else(|_| up(living, *epoch))
        }
        Event::SnapshotMade { key, .. } | Event::SnapshotFailed { key, .. } => kept(living, key),
        _ => Err(OLD_EPOCH),
    }
}

fn effect_failed(
    state: &State,
    living: &Living,
    key: &EffectKey,
    now_ms: i64,
) -> Result<(), Refusal> {
    let live = named(state.agent, living, now_ms).iter().any(|effect| effect.key == *key);
    if live { Ok(()) } else { Err(OLD_KEY) }
}

/// Questions of programs inside, which their machine asks and the run that is going on pays for.
#[expect(clippy::wildcard_enum_match_arm, reason = "the caller hands in facts of models only")]
fn models(living: &Living, event: &Event, now_ms: i64) -> Result<(), Refusal> {
    match event {
        Event::ModelAsked { run, epoch, aside, cost_micros, deadline_ms, .. } => {
            up(living, *epoch)?;
            if *deadline_ms <= now_ms {
                return Err(Refusal::Stale("its time is over"));
            }
            if living.settings.build.is_some() {
                return Err(Refusal::IsBuild);
            }
            if living.active.as_ref().map(|active| active.run) != *run {
                return Err(OLD_RUN);
            }
            match living.model_room(aside, *cost_micros) {
                Room::Enough => Ok(()),
                Room::Crowded => Err(Refusal::Stale("other questions are open")),
                Room::Spent => Err(Refusal::Stale("the limit is reached")),
            }
        }
        Event::ModelCalled { run, asked, .. } => {
            let mut open = living.model_calls.iter();
            if open.any(|call| call.asked == *asked && call.run == *run) {
                Ok(())
            } else {
                Err(KNOWN)
            }
        }
        _ => Err(OLD_KEY),
    }
}

fn wanted(living: &Living, reported: Epoch) -> Result<(), Refusal> {
    match living.sandbox {
        Sandbox::Wanted { epoch, .. } if epoch == reported => Ok(()),
        Sandbox::Absent
        | Sandbox::Wanted { .. }
        | Sandbox::Up { .. }
        | Sandbox::Remains { .. }
        | Sandbox::Stopping { .. } => Err(OLD_EPOCH),
    }
}

fn up(living: &Living, reported: Epoch) -> Result<(), Refusal> {
    if living.up() == Some(reported) { Ok(()) } else { Err(OLD_EPOCH) }
}

fn stopping(living: &Living, reported: Epoch) -> Result<(), Refusal> {
    match living.sandbox {
        Sandbox::Stopping { epoch, .. } if epoch == reported => Ok(()),
        Sandbox::Absent
        | Sandbox::Wanted { .. }
        | Sandbox::Up { .. }
        | Sandbox::Remains { .. }
        | Sandbox::Stopping { .. } => Err(OLD_EPOCH),
    }
}

fn preparing(living: &Living, epoch: Epoch, run: RunId) -> Result<(), Refusal> {
    up(living, epoch)?;
    in_phase(living, run, &Phase::Thinking)?;
    if active(living, run)?.workspace == Workspace::Ready(epoch) { Err(KNOWN) } else { Ok(()) }
}

fn kept(living: &Living, reported: &EffectKey) -> Result<(), Refusal> {
    let at_rest = living.active.is_none() && living.sandbox == Sandbox::Absent;
    match &living.keeping {
        Keeping::Wanted { key, .. } if key == reported && at_rest => Ok(()),
        Keeping::Unasked | Keeping::Due | Keeping::Wanted { .. } => Err(OLD_KEY),
    }
}

fn erased(living: &Living) -> Result<(), Refusal> {
    let ready = living.standing == Standing::Deleting
        && living.active.is_none()
        && living.sandbox == Sandbox::Absent;
    if ready { Ok(()) } else { Err(Refusal::Stale("something is still there")) }
}

/// Facts of the harness. New work is begun only while the run is meant to go on; work that was
/// going on when a person cancelled may still report, so that its tokens are counted.
#[expect(clippy::wildcard_enum_match_arm, reason = "the caller hands in facts of the harness only")]
fn harness(state: &State, living: &Living, event: &Event) -> Result<(), Refusal> {
    let run = event.run().ok_or(OLD_RUN)?;
    let now = turn(living, run)?;
    match &now.phase {
        Phase::Thinking | Phase::Cancelling => {}
        // The bill of a run that fails is still taken.
        Phase::Failing(_) if matches!(event, Event::StepFinished { .. }) => {}
        Phase::Starting | Phase::Failing(_) => return Err(OLD_RUN),
    }
    let begins = || in_phase(living, run, &Phase::Thinking);
    match event {
        Event::StepStarted { step, attempt, .. } => {
            begins().and_then(|()| step_started(now, *step, *attempt))
        }
        Event::MessageFinished { step, attempt, .. } => message_finished(now, *step, *attempt),
        Event::StepFinished { step, .. } => step_finished(now, *step),
        Event::ToolCalled { step, call, epoch, .. } => {
            begins()?;
            // Tools that need no sandbox may be called before the first one, with epoch 0.
            if *epoch != living.epoch && *epoch != Epoch(0) {
                return Err(OLD_EPOCH);
            }
            tool_called(now, *step, call)
        }
        Event::ToolReturned { step, call, .. } => tool_returned(now, *step, call),
        Event::SteerTaken { message, .. } => {
            begins()?;
            if now.steers.contains(message) { Ok(()) } else { Err(KNOWN) }
        }
        Event::QuestionAsked { question, .. } => {
            begins()?;
            let open = &now.waiting.questions;
            if open.len() >= OPEN_QUESTIONS {
                return Err(Refusal::Stale("too many questions are open"));
            }
            let known = now.waiting.answered.contains(question)
                || open.iter().any(|open| open.question == *question);
            if known { Err(KNOWN) } else { Ok(()) }
        }
        Event::Compacted { upto, .. } if *upto > state.seq => {
            Err(Refusal::Stale("it covers what is not in the log"))
        }
        _ => Ok(()),
    }
}

fn step_started(now: &Turn, step: Step, attempt: u32) -> Result<(), Refusal> {
    let again = step == now.step.step
        && now.step.progress == Progress::Asking
        && attempt > now.step.attempt;
    if again || step > now.step.step { Ok(()) } else { Err(KNOWN) }
}

fn message_finished(now: &Turn, step: Step, attempt: u32) -> Result<(), Refusal> {
    let expected = now.step.step == step
        && now.step.attempt == attempt
        && now.step.progress == Progress::Asking;
    if expected { Ok(()) } else { Err(KNOWN) }
}

fn step_finished(now: &Turn, step: Step) -> Result<(), Refusal> {
    let open = now.step.step == step && now.step.progress != Progress::Finished;
    if open { Ok(()) } else { Err(KNOWN) }
}

fn tool_called(now: &Turn, step: Step, call: &CallId) -> Result<(), Refusal> {
    let new = now.step.step == step && now.step.calls.iter().all(|known| known.call != *call);
    if new { Ok(()) } else { Err(KNOWN) }
}

fn tool_returned(now: &Turn, step: Step, call: &CallId) -> Result<(), Refusal> {
    let open = now.step.step == step
        && now.step.calls.iter().any(|known| known.call == *call && !known.returned);
    if open { Ok(()) } else { Err(KNOWN) }
}

fn turn_ended(living: &Living, run: RunId, outcome: &TurnOutcome) -> Result<(), Refusal> {
    let now = turn(living, run)?;
    let fits = match (&now.phase, outcome) {
        // An acknowledged message must reach the model, so the harness goes on with it.
        (Phase::Thinking, TurnOutcome::Finished { .. }) => now.steers.is_empty(),
        (Phase::Thinking, TurnOutcome::Failed { .. })
        | (Phase::Starting | Phase::Thinking, TurnOutcome::Expired)
        | (Phase::Cancelling, TurnOutcome::Cancelled) => true,
        // A cancelled run ends cancelled, and only after what it left running was killed.
        (Phase::Cancelling | Phase::Failing(_), _)
        | (Phase::Starting | Phase::Thinking, TurnOutcome::Cancelled)
        | (Phase::Starting, TurnOutcome::Finished { .. } | TurnOutcome::Failed { .. }) => false,
    };
    if fits { Ok(()) } else { Err(OLD_RUN) }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the caller hands in outcomes of publishing only"
)]
fn published(living: &Living, event: &Event) -> Result<(), Refusal> {
    let run = event.run().ok_or(OLD_RUN)?;
    let Stage::Publishing(publishing) = &active(living, run)?.stage else { return Err(OLD_RUN) };
    match event {
        Event::CheckpointMade { key, repos, .. } => {
            checkpointing(publishing, key)?;
            if covers(living, repos) { Ok(()) } else { Err(Refusal::Stale("unknown repository")) }
        }
        Event::CheckpointFailed { key, .. } => checkpointing(publishing, key),
        Event::Pushed { key, pushes, .. } => pushing(publishing, key, Some(pushes)),
        Event::PushFailed { key, .. } => pushing(publishing, key, None),
        Event::Checked { key, report, .. } => {
            let PublishStep::Checking { key: wanted, url, commit } = &publishing.step else {
                return Err(OLD_KEY);
            };
            let fits = key == wanted && report.url == *url && report.commit == *commit;
            if fits { Ok(()) } else { Err(OLD_KEY) }
        }
        Event::PullRequestPublished { key, .. } | Event::PullRequestFailed { key, .. } => {
            requesting(publishing, key)
        }
        _ => Err(OLD_KEY),
    }
}

fn covers(living: &Living, repos: &[RepoCheckpoint]) -> bool {
    living.repos.len() == repos.len()
        && living.repos.iter().all(|repo| repos.iter().any(|made| made.url == repo.url))
}

fn checkpointing(publishing: &Publishing, reported: &EffectKey) -> Result<(), Refusal> {
    let PublishStep::Checkpointing { key, .. } = &publishing.step else { return Err(OLD_KEY) };
    if key == reported { Ok(()) } else { Err(OLD_KEY) }
}

/// The commits may be newer than wanted (a merge with a person's push), the branches may not differ.
fn pushing(
    publishing: &Publishing,
    reported: &EffectKey,
    done: Option<&Vec<PushPlan>>,
) -> Result<(), Refusal> {
    let PublishStep::Pushing { key, pushes } = &publishing.step else { return Err(OLD_KEY) };
    let same = |done: &Vec<PushPlan>| {
        done.len() == pushes.len()
            && pushes.iter().all(|wanted| {
                done.iter().any(|push| push.url == wanted.url && push.branch == wanted.branch)
            })
    };
    if key == reported && done.is_none_or(same) { Ok(()) } else { Err(OLD_KEY) }
}

fn requesting(publishing: &Publishing, reported: &EffectKey) -> Result<(), Refusal> {
    let PublishStep::Requesting { key } = &publishing.step else { return Err(OLD_KEY) };
    if key == reported { Ok(()) } else { Err(OLD_KEY) }
}
