//! The effects on the simulated world, each idempotent under its key.

use crate::mutation::Mutation;
use crate::world::{Machine, World, number, sha};
use agent::State;
use agent::effect::{Action, Effect, Interruption};
use agent::state::{Living, Progress, Workspace};
use protocol::content::{ToolResult, Usage};
use protocol::environment::found::{
    ChosenImage, FoundEnvironment, NamedTerminal, SetUpOutcome, SetUpPhase,
};
use protocol::event::{
    Check, CheckReport, DiffStat, Event, Outlay, PullRequest, PushConflict, PushPlan, PushStop,
    QuestionKind, RepoBase, RepoCheckpoint, TurnOutcome, WorkspaceBranch,
};
use protocol::failure::{Failure, Phase};
use protocol::ids::{CallId, EffectKey, Epoch, LayerId, QuestionId, RunId, Step};
use std::collections::BTreeMap;
use uuid::Uuid;

pub const URL: &str = "https://forge.test/repository";
pub const BRANCH: &str = "errand/work";

/// What came of carrying an effect on.
pub enum Carried {
    /// Nothing yet.
    Waiting,
    /// This is to be reported.
    Done(Event),
}

pub fn failure(code: &str) -> Failure {
    Failure::new(Phase::Internal, code, "injected")
}

/// Carries an effect on; it may fail before it touches the world, or after.
pub fn carry_out(world: &mut World, state: &State, effect: &Effect, term: u64) -> Carried {
    let World { check, keys, .. } = world;
    check.starts(effect, keys);
    let failed = || {
        Carried::Done(Event::EffectFailed { key: effect.key.clone(), failure: failure("flaky") })
    };
    let may_fail = !matches!(effect.action, Action::Think { .. } | Action::Attach { .. });
    if may_fail && world.fault(12) {
        return failed();
    }
    let carried = touch(world, state, effect, term);
    if may_fail && world.fault(15) {
        return failed();
    }
    if world.alive() > 1 {
        world.check.fail("two sandboxes are alive".to_owned());
    }
    carried.unwrap_or_else(failed)
}

/// None is a failure that may pass.
fn touch(world: &mut World, state: &State, effect: &Effect, term: u64) -> Option<Carried> {
    let key = &effect.key;
    let event = match &effect.action {
        Action::ResolveBase { run } => resolve_base(world, state.living()?, *run),
        Action::Provision { epoch } => provision(world, *epoch, key, term)?,
        Action::Attach { epoch } => {
            if world.alive_in(*epoch) {
                return Some(Carried::Waiting);
            }
            Event::SandboxLost { epoch: *epoch, reason: "gone".to_owned() }
        }
        Action::ChooseImage { run, reference } => choose_image(world, *run, reference),
        Action::Prepare { epoch, run } => prepare(world, *epoch, *run)?,
        Action::SetUp { epoch, phase } => {
            if *phase == SetUpPhase::Install && state.living()?.is_preparing() {
                world.check.prepares(state.seq.0);
            }
            return set_up(world, *epoch, *phase);
        }
        Action::Narrow { epoch } => Event::NetworkNarrowed { epoch: *epoch, secrets: Vec::new() },
        Action::Think { run } => return Some(think(world, state.living()?, *run)),
        Action::Interrupt { run, because, .. } => {
            let outcome = match because {
                Interruption::Cancelled => TurnOutcome::Cancelled,
                Interruption::Expired => TurnOutcome::Expired,
            };
            Event::TurnEnded { run: *run, outcome }
        }
        Action::Checkpoint { run, epoch } => checkpoint(world, *run, *epoch, key)?,
        Action::Push { run, pushes } => push(world, *run, pushes, key),
        Action::Check { run, url, commit } => check(world, *run, key, (url, commit))?,
        Action::PublishPullRequest { run } => publish(world, *run, key)?,
        Action::Stop { epoch, keep_disk } => stop(world, *epoch, *keep_disk),
        Action::Freeze { layer, .. } => freeze(world, *layer, key)?,
        Action::Erase => Event::Deleted,
    };
    Some(Carried::Done(event))
}

fn resolve_base(world: &mut World, living: &Living, run: RunId) -> Event {
    if world.fault(25) {
        return Event::BaseFailed { run, failure: failure("no_repository") };
    }
    if world.environment && living.set_up.as_ref().is_none_or(|set_up| !set_up.is_read) {
        let may = living.settings.may_have_image && living.epoch == Epoch(0);
        let image = may.then(|| "image:1".to_owned());
        let environment = Box::new(FoundEnvironment { image, ..environment() });
        return Event::EnvironmentRead { run, environment };
    }
    let base = RepoBase {
        url: URL.to_owned(),
        base_branch: "main".to_owned(),
        commit: sha(world.git.main),
        default_branch: "main".to_owned(),
        head: world.git.branch.map(sha),
        configuration: None,
        merged: None,
    };
    Event::BaseResolved { run, repos: vec![base] }
}

fn environment() -> FoundEnvironment {
    let terminal =
        NamedTerminal { name: "web".to_owned(), command: "serve".to_owned(), description: None };
    FoundEnvironment {
        url: URL.to_owned(),
        install: Some("install".to_owned()),
        start: Some("start".to_owned()),
        terminals: vec![terminal],
        checks: vec!["check".to_owned()],
        ..FoundEnvironment::default()
    }
}

fn choose_image(world: &mut World, run: RunId, reference: &str) -> Event {
    let reference = reference.to_owned();
    let image = ChosenImage { reference, digest: String::new(), variables: BTreeMap::new() };
    let (layers, outcome) = match world.fault(8) {
        true => (Vec::new(), SetUpOutcome::Failed { failure: failure("image_unknown") }),
        false => (vec![LayerId::from_uuid(Uuid::from_u128(7))], SetUpOutcome::Done),
    };
    Event::ImageChosen { run, image: Box::new(image), layers, outcome, duration_ms: 1 }
}

/// Begins a phase inside, or attaches to what was begun.
fn set_up(world: &mut World, epoch: Epoch, phase: SetUpPhase) -> Option<Carried> {
    if !world.alive_in(epoch) {
        return None;
    }
    let finished = |outcome| Event::SetUpFinished { epoch, phase, outcome, duration_ms: 1 };
    let installs = phase == SetUpPhase::Install;
    if installs && world.disk.installed && world.mutation != Mutation::InstallAgain {
        return Some(Carried::Done(finished(SetUpOutcome::Kept)));
    }
    let (goes_on, fails) = (world.fault(2), world.fault(8));
    let World { machines, disk, check, mutation, .. } = world;
    let machine = machines.values_mut().find(|machine| machine.alive)?;
    let begun = machine.begun.entry(phase).or_default();
    if *begun == 0 || *mutation == Mutation::ForgetBegun {
        *begun += 1;
        if *begun > 1 || installs && disk.installed {
            check.fail(format!("{} was begun twice", phase.word()));
        }
        if goes_on {
            return Some(Carried::Waiting);
        }
    }
    if fails {
        let failure = failure("install_failed");
        return Some(Carried::Done(finished(SetUpOutcome::Failed { failure })));
    }
    disk.installed |= installs;
    Some(Carried::Done(finished(SetUpOutcome::Done)))
}

fn provision(world: &mut World, epoch: Epoch, key: &EffectKey, term: u64) -> Option<Event> {
    if world.fault(25) {
        return Some(Event::SandboxFailed { epoch, failure: failure("no_capacity") });
    }
    let under = match world.mutation {
        Mutation::DropKey => EffectKey(format!("{key}/{}", world.machines.len())),
        Mutation::FreshKey => EffectKey(format!("{key}/{term}")),
        _ => key.clone(),
    };
    if world.tombs.contains(&under) {
        return None;
    }
    let machine = Machine { epoch, alive: true, begun: BTreeMap::new() };
    // One that has died is found as it is: it is up by what is known here, and then lost.
    world.machines.entry(under).or_insert(machine);
    let isolation = serde_json::Value::Null;
    Some(Event::SandboxUp { epoch, boot_ms: 1, isolation })
}

fn stop(world: &mut World, epoch: Epoch, keep_disk: bool) -> Event {
    if world.mutation != Mutation::SkipDestroy {
        for machine in world.machines.values_mut().filter(|machine| machine.epoch == epoch) {
            machine.alive = false;
        }
    }
    if !keep_disk {
        world.disk.installed = false;
    }
    if world.mutation != Mutation::NoTombstone {
        // A create that is still on its way must find that its time is over.
        world.tombs.insert(EffectKey(format!("{}/e{epoch}/provision", crate::world::agent_id())));
    }
    Event::SandboxStopped { epoch }
}

/// Keeps the disk; under a layer's id only once, whoever asks again.
fn freeze(world: &mut World, layer: LayerId, key: &EffectKey) -> Option<Event> {
    // A driver that slept may come back here late: the disk of a machine that lives is not touched.
    if world.alive() > 0 {
        return None;
    }
    if world.fault(10) {
        return Some(Event::SnapshotFailed { key: key.clone(), failure: failure("no_space") });
    }
    let again = world.mutation == Mutation::FreezeAgain;
    if !world.disk.layers.insert(layer) && again {
        world.check.fail("one layer was made of two disks".to_owned());
    }
    let (bytes, files, freeze_ms) = (1, 1, 1);
    Some(Event::SnapshotMade { key: key.clone(), layer, bytes, files, freeze_ms })
}

fn prepare(world: &mut World, epoch: Epoch, run: RunId) -> Option<Event> {
    if !world.alive_in(epoch) {
        return None;
    }
    if world.fault(25) {
        return Some(Event::WorkspaceFailed { epoch, run, failure: failure("clone_failed") });
    }
    let git = &mut world.git;
    let tip = match (git.tip, git.branch) {
        (None, at) => at.unwrap_or(git.main),
        (Some(tip), None) => tip,
        (Some(tip), Some(at)) if git.contains(tip, at) => tip,
        (Some(tip), Some(at)) if git.contains(at, tip) => at,
        (Some(tip), Some(at)) => git.commit(vec![tip, at]),
    };
    git.tip = Some(tip);
    let branch = WorkspaceBranch {
        url: URL.to_owned(),
        path: "/workspace/repository".to_owned(),
        branch: BRANCH.to_owned(),
        commit: sha(tip),
    };
    Some(Event::WorkspaceReady { epoch, run, branches: vec![branch] })
}

fn checkpoint(world: &mut World, run: RunId, epoch: Epoch, key: &EffectKey) -> Option<Event> {
    if !world.alive_in(epoch) {
        return None;
    }
    if world.fault(30) {
        let failure = failure("objects_refused");
        return Some(Event::CheckpointFailed { run, key: key.clone(), failure });
    }
    let previous = world.git.tip?;
    let commit = match world.git.made.get(key) {
        Some(made) => *made,
        None if world.git.work == 0 => previous,
        None => {
            world.git.work = 0;
            let made = world.git.commit(vec![previous]);
            world.git.made.insert(key.clone(), made);
            made
        }
    };
    // A driver that slept may come back here late: the branch on our side never goes back.
    if world.git.contains(commit, previous) {
        world.git.tip = Some(commit);
    }
    let made = RepoCheckpoint {
        url: URL.to_owned(),
        commit: sha(commit),
        previous: sha(previous),
        new_commits: u32::from(commit != previous),
        published: vec![(format!("l{commit}"), sha(commit))],
        stat: DiffStat::default(),
        notes: Vec::new(),
    };
    Some(Event::CheckpointMade { run, key: key.clone(), repos: vec![made] })
}

/// What the gate finds, now and then, in something new.
fn stopped(world: &mut World, run: RunId, pushes: &[PushPlan], key: &EffectKey) -> Option<Event> {
    let wanted = pushes.first().filter(|_| world.fault(12))?;
    let stop = PushStop {
        url: wanted.url.clone(),
        commit: wanted.commit.clone(),
        rule: "secret".to_owned(),
        path: Some("src/lib.rs".to_owned()),
        line: Some(1),
        why: "injected".to_owned(),
        mark: format!("mark of {}", wanted.commit),
    };
    let failure = Failure::new(Phase::Push, "push_stopped", "injected");
    let (key, conflict) = (key.clone(), None);
    Some(Event::PushFailed { run, key, failure, conflict, stops: vec![stop] })
}

fn push(world: &mut World, run: RunId, pushes: &[PushPlan], key: &EffectKey) -> Event {
    if let Some(stopped) = stopped(world, run, pushes, key) {
        return stopped;
    }
    let mut done = Vec::new();
    for wanted in pushes {
        let commit = number(&wanted.commit);
        let expected = wanted.expected.as_deref().map(number);
        let at = world.git.branch;
        // A remote refuses what does not contain its branch, even where it stands as expected.
        let follows = at.is_none_or(|at| world.git.contains(commit, at));
        let free = at == expected && follows || world.mutation == Mutation::ForcePush;
        let commit = match at {
            Some(at) if world.git.contains(at, commit) && !free => at,
            _ if free => {
                world.move_branch(commit);
                commit
            }
            Some(at) if world.rng.bool() => {
                let merged = world.git.commit(vec![commit, at]);
                world.move_branch(merged);
                merged
            }
            _ => {
                let theirs = at.map(sha).unwrap_or_default();
                let files = vec!["src/lib.rs".to_owned()];
                let conflict = Some(PushConflict { url: URL.to_owned(), theirs, files });
                let failure = Failure::new(Phase::Push, "push_conflict", "injected");
                let stops = Vec::new();
                return Event::PushFailed { run, key: key.clone(), failure, conflict, stops };
            }
        };
        done.push(PushPlan { commit: sha(commit), ..wanted.clone() });
    }
    Event::Pushed { run, key: key.clone(), pushes: done }
}

/// What the server finds itself; the sandbox that it does so in is none of the agent's.
fn check(
    world: &mut World,
    run: RunId,
    key: &EffectKey,
    (url, commit): (&str, &str),
) -> Option<Event> {
    if world.fault(4) {
        return None;
    }
    let command = "check".to_owned();
    let one = Check { command, exit_code: Some(0), duration_ms: 1, said: String::new() };
    let (checks, failure) = match world.fault(8) {
        true => (Vec::new(), Some(failure("checks_not_run"))),
        false => (vec![one], None),
    };
    let (url, commit) = (url.to_owned(), commit.to_owned());
    let report = Box::new(CheckReport { url, commit, checks, failure });
    Some(Event::Checked { run, key: key.clone(), report })
}

fn publish(world: &mut World, run: RunId, key: &EffectKey) -> Option<Event> {
    let head = world.git.branch?;
    let list_is_empty = world.mutation == Mutation::CreateWhenListEmpty && world.fault(3);
    if world.git.pulls.is_empty() || list_is_empty {
        world.git.pulls.push(head);
    }
    if world.git.pulls.len() > 1 {
        world.check.fail("two pull requests of one branch".to_owned());
    }
    let pull = PullRequest {
        url: URL.to_owned(),
        number: 1,
        link: "https://forge.test/pull/1".to_owned(),
        head: BRANCH.to_owned(),
        base: "main".to_owned(),
        commit: sha(head),
    };
    Some(Event::PullRequestPublished { run, key: key.clone(), pulls: vec![pull] })
}

/// The next fact of a harness that knows nothing but the log.
fn think(world: &mut World, living: &Living, run: RunId) -> Carried {
    let (Some(active), Some(turn)) = (&living.active, living.turn()) else {
        return Carried::Waiting;
    };
    if active.run != run || !turn.waiting.questions.is_empty() {
        return Carried::Waiting;
    }
    let now = &turn.step;
    let event = match now.progress {
        Progress::Finished => return Carried::Done(between_steps(world, living, run)),
        Progress::Asking if world.fault(6) => step_started(run, now.step, now.attempt + 1),
        Progress::Asking => Event::MessageFinished {
            run,
            step: now.step,
            attempt: now.attempt,
            dialect: "scripted".to_owned(),
            parts: Vec::new(),
            frames: Vec::new(),
            outlay: Some(Outlay { usage: used(), cost_micros: 1, stop: "tool_use".to_owned() }),
        },
        Progress::Answered => return tools(world, living, run),
    };
    Carried::Done(event)
}

fn used() -> Usage {
    Usage { input_tokens: 1, ..Usage::default() }
}

fn step_started(run: RunId, step: Step, attempt: u32) -> Event {
    Event::StepStarted { run, step, attempt, model: "scripted".to_owned() }
}

fn between_steps(world: &mut World, living: &Living, run: RunId) -> Event {
    let (step, steer) = living
        .turn()
        .map_or((Step(0), None), |turn| (turn.step.step, turn.steers.front().copied()));
    if let Some(message) = steer {
        return Event::SteerTaken { run, message };
    }
    match world.rng.u32(..12) {
        0 if world.faults => {
            let question = QuestionId::from_uuid(Uuid::from_u128(world.rng.u128(..)));
            Event::QuestionAsked {
                run,
                question,
                kind: QuestionKind::Question,
                text: "which?".to_owned(),
                options: Vec::new(),
                default: "either".to_owned(),
                deadline_ms: world.now_ms + world.rng.i64(0..86_400_000),
                call: None,
            }
        }
        1 if world.faults => {
            let outcome = TurnOutcome::Failed { failure: failure("model_refused") };
            Event::TurnEnded { run, outcome }
        }
        2..=5 => {
            Event::TurnEnded { run, outcome: TurnOutcome::Finished { result: "done".to_owned() } }
        }
        _ => step_started(run, step.next(), 1),
    }
}

fn tools(world: &mut World, living: &Living, run: RunId) -> Carried {
    let (Some(active), Some(turn)) = (&living.active, living.turn()) else {
        return Carried::Waiting;
    };
    let now = &turn.step;
    if let Some(open) = now.calls.iter().find(|call| !call.returned) {
        // The guest runs an operation once, whoever asks again; the machine may be gone.
        if world.git.made.insert(EffectKey(open.call.0.clone()), 0).is_none() {
            world.git.work += 1;
        }
        let result =
            ToolResult { text: "ok".to_owned(), is_error: false, detail: None, truncated: false };
        let call = open.call.clone();
        return Carried::Done(Event::ToolReturned {
            run,
            step: now.step,
            call,
            result,
            duration_ms: 1,
        });
    }
    if now.calls.len() < 2 && world.rng.bool() {
        let Workspace::Ready(epoch) = active.workspace else { return Carried::Waiting };
        let hurries = world.mutation == Mutation::ToolsBeforeSetUp;
        if !living.is_set_up(epoch) && !hurries {
            return Carried::Waiting;
        }
        return Carried::Done(Event::ToolCalled {
            run,
            step: now.step,
            call: CallId(format!("{run}-{}-{}", now.step, now.calls.len())),
            epoch,
            name: "shell".to_owned(),
            arguments: "{}".to_owned(),
        });
    }
    Carried::Done(Event::StepFinished {
        run,
        step: now.step,
        usage: used(),
        cost_micros: 1,
        duration_ms: 1,
        stop: "end".to_owned(),
    })
}
