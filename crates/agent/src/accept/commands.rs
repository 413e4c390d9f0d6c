//! What people ask of an agent.

use crate::plan::snapshot_key;
use crate::state::{
    ALLOWED_HOSTS, Allowed, Condition, Disk, Keeping, Living, Phase, Pull, Queued, Sandbox,
    Standing, State, Wake,
};
use protocol::content::Prompt;
use protocol::event::{AskOptions, Event, RunStatus, Settings, SnapshotPurpose};
use protocol::failure::Refusal;
use protocol::flow::Integrity;
use protocol::ids::{AgentId, LayerId, MessageId, QuestionId, RunId};
use protocol::input::WhenBusy;
use protocol::limits;

/// The first message, with what the agent is opened with.
pub(super) struct Opening {
    pub(super) settings: Box<Settings>,
    pub(super) inherited: Vec<Event>,
    pub(super) run: RunId,
    pub(super) prompt: Prompt,
    pub(super) options: AskOptions,
}

/// A follow-up message.
pub(super) struct Asking {
    pub(super) run: RunId,
    pub(super) prompt: Prompt,
    pub(super) options: AskOptions,
    pub(super) principal: String,
    pub(super) message: MessageId,
}

/// The agent, unless it is gone or going.
pub(super) fn existing(state: &State) -> Result<&Living, Refusal> {
    state.living().filter(|living| living.standing != Standing::Deleting).ok_or(Refusal::NoAgent)
}

pub(super) fn open(state: &State, agent: AgentId, opening: Opening) -> Result<Vec<Event>, Refusal> {
    if agent != state.agent {
        return Err(Refusal::NoAgent);
    }
    match state.living() {
        Some(living) if living.status(opening.run).is_some() => Ok(Vec::new()),
        Some(_) => Err(Refusal::AgentExists),
        None if state.is_deleted() => Err(Refusal::AgentExists),
        None => {
            let Opening { settings, inherited, run, prompt, options } = opening;
            let principal = settings.principal.clone();
            let first = std::iter::once(Event::Opened { settings });
            let asked = Event::Asked { run, prompt, options, principal };
            Ok(first.chain(inherited).chain([asked]).collect())
        }
    }
}

pub(super) fn ask(
    living: &Living,
    asking: Asking,
    when_busy: WhenBusy,
) -> Result<Vec<Event>, Refusal> {
    if living.standing == Standing::Deleting {
        return Err(Refusal::NoAgent);
    }
    let steered = living.steered.contains(&asking.message);
    if steered || living.status(asking.run).is_some() {
        return Ok(Vec::new());
    }
    if living.standing == Standing::Archived {
        return Err(Refusal::Archived);
    }
    if living.settings.build.is_some() {
        return Err(Refusal::IsBuild);
    }
    let busy = living.active.is_some() || !living.queue.is_empty();
    match when_busy {
        WhenBusy::Refuse if busy => return Err(Refusal::Busy),
        WhenBusy::Steer => {
            if let (Some(active), Some(turn)) = (&living.active, living.turn())
                && turn.is_wanted()
            {
                if turn.steers.len() >= limits::QUEUED_STEERS {
                    return Err(Refusal::QueueFull);
                }
                let Asking { prompt, principal, message, .. } = asking;
                return Ok(vec![Event::Steered { run: active.run, message, prompt, principal }]);
            }
        }
        WhenBusy::Refuse | WhenBusy::Queue => {}
    }
    if living.queue.len() >= limits::QUEUED_RUNS {
        return Err(Refusal::QueueFull);
    }
    let Asking { run, prompt, mut options, principal, .. } = asking;
    // Only Errand itself makes automatic messages, and those do not come through this door.
    options.automatic = false;
    Ok(vec![Event::Asked { run, prompt, options, principal }])
}

pub(super) fn cancel(
    living: &Living,
    run: RunId,
    principal: String,
) -> Result<Vec<Event>, Refusal> {
    if living.standing == Standing::Deleting {
        return Err(Refusal::NoAgent);
    }
    if living.is_queued(run) {
        return Ok(vec![cancelled(run)]);
    }
    match (&living.active, living.turn()) {
        (Some(active), Some(turn)) if active.run == run => match turn.phase {
            Phase::Starting | Phase::Thinking => {
                Ok(vec![Event::CancelRequested { run, principal }])
            }
            Phase::Cancelling => Ok(Vec::new()),
            Phase::Failing(_) => Err(Refusal::NotCancellable),
        },
        _ if living.status(run).is_some() => Err(Refusal::NotCancellable),
        _ => Err(Refusal::NoRun),
    }
}

/// A queued run ends without having started.
fn cancelled(run: RunId) -> Event {
    let (status, failure) = (RunStatus::Cancelled, None);
    Event::RunEnded { run, status, failure, result: String::new(), duration_ms: 0 }
}

pub(super) fn answer(
    living: &Living,
    question: QuestionId,
    answer: String,
    principal: String,
) -> Result<Vec<Event>, Refusal> {
    let turn = living.turn().filter(|turn| turn.is_wanted()).ok_or(Refusal::NoQuestion)?;
    if turn.waiting.questions.iter().any(|open| open.question == question) {
        Ok(vec![Event::QuestionAnswered { question, answer, principal }])
    } else {
        Err(Refusal::NoQuestion)
    }
}

pub(super) fn rename(living: &Living, name: String) -> Result<Vec<Event>, Refusal> {
    if living.settings.name == name { Ok(Vec::new()) } else { Ok(vec![Event::Renamed { name }]) }
}

pub(super) fn archive(living: &Living, principal: String) -> Result<Vec<Event>, Refusal> {
    match living.standing {
        Standing::Archived => Ok(Vec::new()),
        Standing::Deleting => Err(Refusal::NoAgent),
        Standing::Open => {
            let mut events = end_all(living, &principal);
            events.push(Event::Archived { principal });
            Ok(events)
        }
    }
}

pub(super) fn unarchive(living: &Living, principal: String) -> Vec<Event> {
    match living.standing {
        Standing::Archived => vec![Event::Unarchived { principal }],
        Standing::Open | Standing::Deleting => Vec::new(),
    }
}

/// A machine that is up is what was wanted, and one asked for before comes. One that a run asked for
/// may go with that run.
pub(super) fn wake(living: &Living, principal: String) -> Result<Vec<Event>, Refusal> {
    if living.standing == Standing::Archived {
        return Err(Refusal::Archived);
    }
    let coming = match living.sandbox {
        Sandbox::Up { condition: Condition::Sound, .. } => true,
        Sandbox::Up { condition: Condition::Broken, .. }
        | Sandbox::Absent
        | Sandbox::Wanted { .. }
        | Sandbox::Remains { .. }
        | Sandbox::Stopping { .. } => living.wake == Wake::Asked,
    };
    Ok(if coming { Vec::new() } else { vec![Event::Woken { principal }] })
}

/// What holds for good holds for a run too.
pub(super) fn allow_host(
    living: &Living,
    entry: String,
    run_only: bool,
    principal: String,
) -> Result<Vec<Event>, Refusal> {
    let run = match (run_only, &living.active) {
        (false, _) => None,
        (true, Some(active)) => Some(active.run),
        (true, None) => return Err(Refusal::NoActiveRun),
    };
    let holds =
        |allowed: &Allowed| allowed.entry == entry && (allowed.run.is_none() || allowed.run == run);
    if living.allowed.iter().any(holds) {
        return Ok(Vec::new());
    }
    if living.allowed.len() >= ALLOWED_HOSTS {
        return Err(Refusal::HostsFull);
    }
    Ok(vec![Event::HostAllowed { entry, run, principal }])
}

/// What was looked at is what is allowed: of several repositories each by itself.
pub(super) fn allow_configuration(
    living: &Living,
    digest: String,
    principal: String,
) -> Result<Vec<Event>, Refusal> {
    if living.allowed_configurations.contains(&digest) {
        return Ok(Vec::new());
    }
    let bases = living.repos.iter().filter_map(|repo| repo.base.as_ref()?.configuration.as_ref());
    let mut known = bases.into_iter();
    match known.find(|configuration| configuration.digest == digest) {
        Some(configuration) if configuration.trust.is_trusted() => Ok(Vec::new()),
        Some(_) => Ok(vec![Event::ConfigurationAllowed { digest, principal }]),
        None => Err(Refusal::ConfigurationUnknown),
    }
}

/// What stopped the newest push, and nothing that nobody saw.
pub(super) fn allow_stop(
    living: &Living,
    mark: String,
    reason: String,
    principal: String,
) -> Result<Vec<Event>, Refusal> {
    if living.allowed_stops.contains(&mark) {
        return Ok(Vec::new());
    }
    let mut stops = living.repos.iter().flat_map(|repo| &repo.stops);
    if stops.any(|stop| stop.mark == mark) {
        return Ok(vec![Event::StopAllowed { mark, reason, principal }]);
    }
    Err(Refusal::StopUnknown)
}

/// What was looked at is what is allowed: not what was read since.
pub(super) fn allow_flow(
    living: &Living,
    integrity: Integrity,
    principal: String,
) -> Result<Vec<Event>, Refusal> {
    if !living.flow.is_closed() {
        return Ok(Vec::new());
    }
    if living.flow.integrity() != integrity {
        return Err(Refusal::FlowLowered);
    }
    Ok(vec![Event::FlowAllowed { integrity, principal }])
}

/// The disk is kept once no run works; of two snapshots at once one waits for the other to be over.
pub(super) fn snapshot(
    agent: AgentId,
    living: &Living,
    (layer, purpose): (LayerId, SnapshotPurpose),
    principal: String,
) -> Result<Vec<Event>, Refusal> {
    if living.settings.build.is_some() {
        return Err(Refusal::IsBuild);
    }
    match &living.keeping {
        Keeping::Wanted { layer: known, .. } if *known == layer => Ok(Vec::new()),
        Keeping::Wanted { .. } | Keeping::Due => Err(Refusal::Busy),
        Keeping::Unasked if living.disk == Disk::Blank => Err(Refusal::NoDisk),
        Keeping::Unasked => {
            let key = snapshot_key(agent, layer);
            Ok(vec![Event::SnapshotWanted { key, layer, purpose, principal }])
        }
    }
}

/// Something a person did inside; without a machine there is no inside.
pub(super) fn inside(living: &Living, event: Event) -> Vec<Event> {
    if living.up().is_some() { vec![event] } else { Vec::new() }
}

pub(super) fn delete(living: &Living, principal: String) -> Vec<Event> {
    let mut events = end_all(living, &principal);
    events.push(Event::DeleteRequested { principal });
    events
}

/// Ends what waits and asks what works to end.
fn end_all(living: &Living, principal: &str) -> Vec<Event> {
    let mut events: Vec<Event> =
        living.queue.iter().map(|Queued { run, .. }| cancelled(*run)).collect();
    if let (Some(active), Some(turn)) = (&living.active, living.turn())
        && turn.is_wanted()
    {
        let principal = principal.to_owned();
        events.push(Event::CancelRequested { run: active.run, principal });
    }
    events
}

pub(super) fn has_open_pull_request(living: &Living, url: &str, number: u64) -> bool {
    living.repos.iter().any(|repo| match &repo.pull {
        Pull::Open(pull) => repo.url == url && pull.number == number,
        Pull::Absent | Pull::Merged(_) => false,
    })
}

/// What was done stands on the remote, whatever the agent does meanwhile; told once.
pub(super) fn branch_updated(living: &Living, updated: Event) -> Result<Vec<Event>, Refusal> {
    let Event::BranchUpdated { repo: url, number, base, commit, .. } = &updated else {
        return Ok(Vec::new());
    };
    if !has_open_pull_request(living, url, *number) {
        return Err(Refusal::Stale("no such open pull request"));
    }
    let is_known = living.repos.iter().any(|repo| {
        let merged = repo.base.as_ref().and_then(|start| start.merged.as_ref());
        repo.url == *url && merged == Some(base) && repo.remote.as_ref() == Some(commit)
    });
    Ok(if is_known { Vec::new() } else { vec![updated] })
}
