//! One life from a seed: inputs, drivers and faults in random order, then peace, then the end.

use crate::driver::Driver;
use crate::effects::{BRANCH, URL};
use crate::mutation::Mutation;
use crate::world::{World, agent_id, sha};
use agent::state::{Standing, State};
use agent::{accept, plan};
use protocol::content::{Prompt, Source, Usage};
use protocol::environment::found::SetUpOutcome;
use protocol::event::{
    AskOptions, BuildOrder, Counted, Event, Mode, ModelChoice, RepoSettings, RunLimits, Settings,
    SnapshotPurpose, TurnOutcome,
};
use protocol::failure::Refusal;
use protocol::flow::{Integrity, Legs, Reading, WhenAllThree};
use protocol::ids::{LayerId, MessageId, RunId};
use protocol::input::{Input, WhenBusy};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Inputs of one life.
pub const INPUTS: usize = 200;
/// Small things done between two inputs, on average.
const TICKS_PER_INPUT: usize = 5;
/// Small things after which everything must have come to rest.
const REST_WITHIN: usize = 4_000;
/// Size of a state, written out, that a long life may not exceed.
const STATE_CHARS: usize = 16 * 1024;

/// How often each thing happened, so that a simulation of nothing is noticed.
pub type Counts = BTreeMap<&'static str, u64>;

/// Lives one life; what was wrong, with the last events.
pub fn live(seed: u64, mutation: Mutation, counts: &mut Counts) -> Result<(), String> {
    let mut life = Life::new(seed, mutation);
    let result = life.run();
    for logged in &life.world.log {
        *counts.entry(name(&logged.event)).or_default() += 1;
    }
    result.map_err(|wrong| format!("seed {seed}: {wrong}\n{}", life.trace()))
}

struct Life {
    world: World,
    drivers: [Driver; 2],
    /// What a replica believes; may be behind.
    replica: State,
    runs: Vec<RunId>,
    sent: Vec<Input>,
}

impl Life {
    fn new(seed: u64, mutation: Mutation) -> Self {
        Self {
            world: World::new(seed, mutation),
            drivers: [Driver::new(), Driver::new()],
            replica: State::new(agent_id()),
            runs: Vec::new(),
            sent: Vec::new(),
        }
    }

    fn run(&mut self) -> Result<(), String> {
        let opening = self.opening();
        self.send(opening);
        // The end comes at any time, often early: late ends alone would hide what leaks.
        let end_at = self.world.rng.usize(1..INPUTS + INPUTS / 2);
        for nth in 1..INPUTS {
            let input = if nth == end_at { self.ending() } else { self.input() };
            self.send(input);
            for _ in 0..self.world.rng.usize(..=2 * TICKS_PER_INPUT) {
                self.world.pass_time();
                self.world.stir();
                let which = self.world.rng.usize(..2);
                self.drivers[which].tick(&mut self.world);
            }
            self.checked()?;
        }
        self.world.faults = false;
        self.drivers.iter_mut().for_each(|driver| driver.paused = 0);
        if self.world.rng.bool() {
            self.rest()?;
        }
        let ending = self.ending();
        self.replica = self.world.current.clone();
        self.send(ending);
        self.rest()?;
        self.nothing_is_left()
    }

    fn checked(&self) -> Result<(), String> {
        self.world.check.wrong.clone().map_or(Ok(()), Err)
    }

    /// Without faults everything comes to rest, in bounded steps and without turning in circles.
    fn rest(&mut self) -> Result<(), String> {
        for _ in 0..REST_WITHIN {
            self.checked()?;
            self.world.now_ms += 20;
            let mut moved = false;
            for driver in &mut self.drivers {
                moved |= driver.tick(&mut self.world);
            }
            if moved {
                continue;
            }
            let planned = plan(&self.world.current, self.world.now_ms);
            if planned.record.is_empty()
                && planned.effects.is_empty()
                && planned.wake_at_ms.is_none()
            {
                return self.all_runs_ended();
            }
            let lease = self.world.lease.expires_ms;
            match planned.wake_at_ms {
                Some(wake) if wake <= self.world.now_ms => {
                    return Err("a wake-up in the past".into());
                }
                Some(wake) if self.drivers.iter().any(Driver::leads) => self.world.now_ms = wake,
                _ => self.world.now_ms = self.world.now_ms.max(lease),
            }
        }
        Err(format!("no rest: {:?}", plan(&self.world.current, self.world.now_ms)))
    }

    fn all_runs_ended(&self) -> Result<(), String> {
        let check = &self.world.check;
        if check.open_runs() > 0 {
            return Err("at rest with runs that are not over".to_owned());
        }
        if check.is_keeping() {
            return Err("at rest although a disk is still to be kept".to_owned());
        }
        if check.is_woken() {
            return Err("at rest although somebody waits for the machine".to_owned());
        }
        if !check.open_calls.is_empty() && !check.deleted {
            return Err("at rest although a model's answer is not counted".to_owned());
        }
        match check.acknowledged.iter().find(|run| !check.ended.contains_key(run)) {
            Some(lost) => Err(format!("{lost} was acknowledged and never ended")),
            None => Ok(()),
        }
    }

    fn nothing_is_left(&self) -> Result<(), String> {
        self.checked()?;
        if self.world.alive() > 0 {
            return Err("a machine is left after the end".to_owned());
        }
        let deleting =
            self.world.current.living().is_some_and(|living| living.standing == Standing::Deleting);
        if deleting {
            return Err("at rest before it was deleted".to_owned());
        }
        if self.world.folded() != self.world.current {
            return Err("folding from the start gives another state".to_owned());
        }
        let chars = format!("{:?}", self.world.current).len();
        if chars > STATE_CHARS { Err(format!("the state takes {chars}")) } else { Ok(()) }
    }

    /// A replica decides with what it knows and appends; when it was behind it decides again.
    fn send(&mut self, input: Input) {
        self.sent.push(input.clone());
        if self.world.rng.bool() {
            self.replica.clone_from(&self.world.current);
        }
        let decided = accept(&self.replica, input.clone(), self.world.now_ms);
        if self.append(decided).is_err() {
            self.replica.clone_from(&self.world.current);
            let decided = accept(&self.replica, input, self.world.now_ms);
            drop(self.append(decided));
        }
    }

    fn append(
        &mut self,
        decided: Result<Vec<Event>, Refusal>,
    ) -> Result<(), crate::world::Conflict> {
        let Ok(events) = decided else {
            // A refusal by somebody who is behind is asked again.
            let behind = self.replica.seq != self.world.current.seq;
            return if behind { Err(crate::world::Conflict) } else { Ok(()) };
        };
        let asked: Vec<RunId> = events
            .iter()
            .filter_map(|event| match event {
                Event::Asked { run, .. } => Some(*run),
                _ => None,
            })
            .collect();
        let appended = self.world.append(events, self.replica.seq, None);
        if appended.is_ok() || self.world.mutation == Mutation::AckBeforeCommit {
            self.world.check.acknowledged.extend(asked);
            return Ok(());
        }
        appended
    }

    fn run_id(&mut self) -> RunId {
        let run = RunId::from_uuid(Uuid::from_u128(self.world.rng.u128(..)));
        self.runs.push(run);
        run
    }

    fn layer(&mut self) -> LayerId {
        LayerId::from_uuid(Uuid::from_u128(self.world.rng.u128(..)))
    }

    fn opening(&mut self) -> Input {
        let mut settings = Box::new(settings(&mut self.world.rng));
        if self.world.rng.u32(..6) == 0 {
            let environment = "an environment".to_owned();
            settings.build = Some(BuildOrder { layer: self.layer(), environment });
        }
        let run = self.run_id();
        let options = AskOptions::default();
        let prompt = prompt(&mut self.world.rng);
        let (agent, inherited) = (agent_id(), Vec::new());
        Input::Open { agent, settings, inherited, run, prompt, options }
    }

    fn ending(&mut self) -> Input {
        let principal = "owner".to_owned();
        if self.world.rng.bool() {
            Input::Delete { principal }
        } else {
            Input::Archive { principal }
        }
    }

    fn input(&mut self) -> Input {
        let principal = "owner".to_owned();
        match self.world.rng.u32(..100) {
            0..40 => self.ask(),
            40..52 => {
                let nth = self.world.rng.usize(..self.runs.len());
                // The newest ones matter most.
                let run = self.runs[self.runs.len() - 1 - nth / 8];
                Input::Cancel { run, principal }
            }
            52..60 => self.answer(),
            62 => Input::Wake { principal },
            63 => Input::Attend { principal },
            60..62 => {
                let (layer, purpose) = (self.layer(), SnapshotPurpose::Fork);
                Input::Snapshot { layer, purpose, principal }
            }
            64 => Input::Rename { name: format!("name {}", self.sent.len()) },
            65..67 => Input::Archive { principal },
            67..74 => Input::Unarchive { principal },
            74..77 => {
                let (repo, commit) = (URL.to_owned(), "c0".to_owned());
                Input::Merged { repo, number: 1, commit, principal }
            }
            77..79 => self.wild_report(),
            79 => self.model_report(),
            92..96 => self.flow_input(),
            96..98 => self.update_branch(principal),
            // A client repeats what it sent lately.
            80..88 => {
                let newest = self.sent.len();
                self.sent[self.world.rng.usize(newest.saturating_sub(20)..newest)].clone()
            }
            _ => self.late_report(),
        }
    }

    /// The base is merged into the branch, where there is one.
    fn update_branch(&mut self, principal: String) -> Input {
        let git = &mut self.world.git;
        let Some(previous) = git.branch else { return Input::Wake { principal } };
        let commit = git.commit(vec![previous, git.main]);
        self.world.move_branch(commit);
        Input::BranchUpdated {
            repo: URL.to_owned(),
            number: 1,
            base: sha(self.world.git.main),
            previous: sha(previous),
            commit: sha(commit),
            principal,
        }
    }

    fn ask(&mut self) -> Input {
        let run = self.run_id();
        let when_busy = match self.world.rng.u32(..4) {
            0 => WhenBusy::Refuse,
            1 => WhenBusy::Queue,
            _ => WhenBusy::Steer,
        };
        Input::Ask {
            run,
            prompt: prompt(&mut self.world.rng),
            options: AskOptions::default(),
            when_busy,
            principal: "owner".to_owned(),
            message: MessageId::from_uuid(Uuid::from_u128(self.world.rng.u128(..))),
        }
    }

    fn answer(&mut self) -> Input {
        let open =
            self.world.current.living().and_then(|living| living.turn()?.waiting.questions.first());
        match open {
            Some(open) => Input::Answer {
                question: open.question,
                answer: "that".to_owned(),
                principal: "owner".to_owned(),
            },
            None => self.ask(),
        }
    }

    /// Something recorded before is reported once more.
    fn late_report(&mut self) -> Input {
        if self.world.log.is_empty() {
            return self.ask();
        }
        let newest = self.world.log.len();
        let oldest = if self.world.rng.bool() { 0 } else { newest.saturating_sub(10) };
        Input::Report(self.world.log[self.world.rng.usize(oldest..newest)].event.clone())
    }

    /// A program inside asks a model, or is told what that cost.
    fn model_report(&mut self) -> Input {
        let now_ms = self.world.now_ms;
        let Some(living) = self.world.current.living() else { return self.ask() };
        let amount = u64::from(self.world.rng.u32(1..20));
        let usage = Usage { output_tokens: amount, ..Usage::default() };
        let (model, cost_micros) = ("m".to_owned(), amount);
        Input::Report(match living.model_calls.first() {
            Some(call) if self.world.rng.bool() => {
                let (run, asked, counted) = (call.run, call.asked, Counted::Told);
                Event::ModelCalled { run, asked, model, usage, cost_micros, counted }
            }
            Some(_) | None => {
                let run = living.active.as_ref().map(|active| active.run);
                let (epoch, deadline_ms) = (living.epoch, now_ms + 600_000);
                Event::ModelAsked { run, epoch, model, aside: usage, cost_micros, deadline_ms }
            }
        })
    }

    /// Something is read, a secret or a host comes or goes, or a person allows what there is.
    fn flow_input(&mut self) -> Input {
        let Some(living) = self.world.current.living() else { return self.ask() };
        let (epoch, least) = (living.epoch, living.flow.integrity());
        let stop = living.repos.iter().find_map(|repo| repo.stops.first());
        if let Some(mark) = stop.map(|stop| stop.mark.clone()).filter(|_| self.world.rng.bool()) {
            let (reason, principal) = ("a sample".to_owned(), "owner".to_owned());
            return Input::AllowStop { mark, reason, principal };
        }
        let rng = &mut self.world.rng;
        let mut some = |words: &[&str]| -> Vec<String> {
            words.iter().filter(|_| rng.bool()).map(|word| (*word).to_owned()).collect()
        };
        let (secrets, outward) = (some(&["A", "B"]), some(&["any.example"]));
        let policies = [WhenAllThree::Allow, WhenAllThree::Ask, WhenAllThree::Narrow];
        let levels = [Integrity::Packages, Integrity::Outsider, Integrity::Web];
        let integrity = levels[rng.usize(..3)];
        match rng.u32(..4) {
            0 => Input::AllowFlow { integrity: least, principal: "owner".to_owned() },
            1 => {
                let reading = Reading { integrity, source: "a page".to_owned() };
                Input::Report(Event::IntegrityLowered { epoch, reading })
            }
            _ => {
                let when_all_three = policies[rng.usize(..3)];
                Input::Report(Event::LegsChanged {
                    legs: Legs { secrets, outward, when_all_three },
                })
            }
        }
    }

    /// A report that fits and is not true, as after a cut network.
    fn wild_report(&mut self) -> Input {
        let Some(living) = self.world.current.living() else { return self.ask() };
        let epoch = living.epoch;
        let Some(run) = living.active.as_ref().map(|active| active.run) else {
            return Input::Report(Event::SandboxLost { epoch, reason: "cut off".to_owned() });
        };
        Input::Report(match self.world.rng.u32(..3) {
            0 => Event::TurnEnded { run, outcome: TurnOutcome::Expired },
            1 => Event::Noticed { run, code: "soft_limit".to_owned(), text: "wrap up".to_owned() },
            _ => Event::SandboxLost { epoch, reason: "cut off".to_owned() },
        })
    }

    fn trace(&self) -> String {
        let skipped = self.world.log.len().saturating_sub(40);
        let mut text = String::new();
        for logged in self.world.log.iter().skip(skipped) {
            let run = logged.event.run().map(|run| run.to_string()).unwrap_or_default();
            let run = run.get(..8).unwrap_or_default();
            text.push_str(&format!(
                "{:>5} {} {} {run}\n",
                logged.seq,
                logged.at_ms,
                name(&logged.event)
            ));
        }
        text
    }
}

fn prompt(rng: &mut fastrand::Rng) -> Prompt {
    let source = if rng.u32(..100) == 0 { Source::Outsider } else { Source::Owner };
    Prompt::of("do it".to_owned(), source)
}

pub fn settings(rng: &mut fastrand::Rng) -> Settings {
    let repo = RepoSettings {
        url: URL.to_owned(),
        starting_ref: None,
        pr_url: None,
        folder: "repository".to_owned(),
        upload: None,
    };
    Settings {
        name: "an agent".to_owned(),
        principal: "owner".to_owned(),
        opener: None,
        repos: if rng.u32(..8) == 0 { Vec::new() } else { vec![repo] },
        model: ModelChoice { id: "scripted".to_owned(), params: Vec::new() },
        mode: Mode::Agent,
        auto_create_pr: rng.u32(..4) > 0,
        skip_reviewer_request: false,
        pull: Default::default(),
        work_on_current_branch: false,
        branch_name: None,
        branch: BRANCH.to_owned(),
        env_names: Vec::new(),
        startup_commands: startup_commands(rng),
        metadata: BTreeMap::new(),
        privacy_mode: false,
        limits: RunLimits::default(),
        provider: "simulated".to_owned(),
        layers: Vec::new(),
        may_have_image: rng.bool(),
        image: None,
        build: None,
        forked_from: None,
        extra: None,
    }
}

fn startup_commands(rng: &mut fastrand::Rng) -> Vec<String> {
    if rng.bool() { vec!["git lfs pull".to_owned()] } else { Vec::new() }
}

/// The name of an event, for counting and tracing.
fn name(event: &Event) -> &'static str {
    match event {
        Event::Opened { .. } => "Opened",
        Event::Renamed { .. } => "Renamed",
        Event::Asked { options, .. } if options.automatic => "Asked automatically",
        Event::Asked { .. } => "Asked",
        Event::Steered { .. } => "Steered",
        Event::SteerTaken { .. } => "SteerTaken",
        Event::RunStarted { .. } => "RunStarted",
        Event::BaseResolved { .. } => "BaseResolved",
        Event::BaseFailed { .. } => "BaseFailed",
        Event::EnvironmentRead { .. } => "EnvironmentRead",
        Event::ImageChosen { outcome: SetUpOutcome::Failed { .. }, .. } => "ImageChosen failed",
        Event::ImageChosen { .. } => "ImageChosen",
        Event::SetUpFinished { outcome: SetUpOutcome::Done, .. } => "SetUpFinished done",
        Event::SetUpFinished { outcome: SetUpOutcome::Kept, .. } => "SetUpFinished kept",
        Event::SetUpFinished { .. } => "SetUpFinished failed",
        Event::NetworkNarrowed { .. } => "NetworkNarrowed",
        Event::SandboxWanted { .. } => "SandboxWanted",
        Event::SandboxUp { .. } => "SandboxUp",
        Event::SandboxFailed { .. } => "SandboxFailed",
        Event::SandboxLost { .. } => "SandboxLost",
        Event::SandboxStopWanted { .. } => "SandboxStopWanted",
        Event::SandboxStopped { .. } => "SandboxStopped",
        Event::WorkspaceReady { .. } => "WorkspaceReady",
        Event::WorkspaceFailed { .. } => "WorkspaceFailed",
        Event::SnapshotWanted { .. } => "SnapshotWanted",
        Event::SnapshotMade { .. } => "SnapshotMade",
        Event::SnapshotFailed { .. } => "SnapshotFailed",
        Event::EffectFailed { .. } => "EffectFailed",
        Event::StepStarted { .. } => "StepStarted",
        Event::MessageFinished { .. } => "MessageFinished",
        Event::ToolCalled { .. } => "ToolCalled",
        Event::ToolReturned { .. } => "ToolReturned",
        Event::StepFinished { .. } => "StepFinished",
        Event::ModelAsked { .. } => "ModelAsked",
        Event::ModelCalled { counted: Counted::Told, .. } => "ModelCalled told",
        Event::ModelCalled { .. } => "ModelCalled assumed",
        Event::Noticed { .. } => "Noticed",
        Event::QuestionAsked { .. } => "QuestionAsked",
        Event::QuestionAnswered { .. } => "QuestionAnswered",
        Event::CancelRequested { .. } => "CancelRequested",
        Event::TurnEnded { outcome: TurnOutcome::Finished { .. }, .. } => "TurnEnded finished",
        Event::TurnEnded { outcome: TurnOutcome::Failed { .. }, .. } => "TurnEnded failed",
        Event::TurnEnded { outcome: TurnOutcome::Cancelled, .. } => "TurnEnded cancelled",
        Event::TurnEnded { outcome: TurnOutcome::Expired, .. } => "TurnEnded expired",
        Event::CheckpointWanted { .. } => "CheckpointWanted",
        Event::CheckpointMade { .. } => "CheckpointMade",
        Event::CheckpointFailed { .. } => "CheckpointFailed",
        Event::PushWanted { .. } => "PushWanted",
        Event::Pushed { .. } => "Pushed",
        Event::PushFailed { .. } => "PushFailed",
        Event::ChecksWanted { .. } => "ChecksWanted",
        Event::Checked { .. } => "Checked",
        Event::PullRequestWanted { .. } => "PullRequestWanted",
        Event::PullRequestPublished { .. } => "PullRequestPublished",
        Event::PullRequestFailed { .. } => "PullRequestFailed",
        Event::PullRequestMerged { .. } => "PullRequestMerged",
        Event::BranchUpdated { .. } => "BranchUpdated",
        Event::RunEnded { .. } => "RunEnded",
        Event::Archived { .. } => "Archived",
        Event::Unarchived { .. } => "Unarchived",
        Event::IntegrityLowered { .. } => "IntegrityLowered",
        Event::LegsChanged { .. } => "LegsChanged",
        Event::AllThreeMet { .. } => "AllThreeMet",
        Event::FlowAllowed { .. } => "FlowAllowed",
        Event::HostAllowed { .. } => "HostAllowed",
        Event::StopAllowed { .. } => "StopAllowed",
        Event::ConfigurationAllowed { .. } => "ConfigurationAllowed",
        Event::Woken { .. } => "Woken",
        Event::Attended { .. } => "Attended",
        Event::TerminalTaken { .. } => "TerminalTaken",
        Event::TerminalReleased { .. } => "TerminalReleased",
        Event::DeleteRequested { .. } => "DeleteRequested",
        Event::Deleted => "Deleted",
        Event::PhaseFinished { .. }
        | Event::TodosChanged { .. }
        | Event::Compacted { .. }
        | Event::Denied { .. } => "other",
    }
}
