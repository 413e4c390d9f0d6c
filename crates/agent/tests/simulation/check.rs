//! What must hold after every event, told from the log alone and without the agent's own state.

use crate::world::Git;
use agent::effect::{Action, Effect};
use protocol::environment::found::SetUpPhase;
use protocol::event::{Event, PushPlan, RunStatus};
use protocol::ids::{EffectKey, Epoch, MessageId, RunId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// An observer of the log; remembers the first thing that was wrong.
#[derive(Default)]
pub struct Check {
    pub wrong: Option<String>,
    /// Runs that a caller was told are accepted.
    pub acknowledged: Vec<RunId>,
    asked: BTreeSet<RunId>,
    queue: VecDeque<RunId>,
    active: Option<RunId>,
    pub ended: BTreeMap<RunId, RunStatus>,
    steers: BTreeSet<MessageId>,
    saved: bool,
    pushed: bool,
    /// A pushed commit that is to be checked.
    unchecked: Option<String>,
    late: Late,
    turn_over: bool,
    /// The model said something whose cost is not counted yet.
    owing: bool,
    /// Epoch that was wanted and is not stopped.
    epoch: Option<Epoch>,
    newest: u64,
    intents: BTreeSet<EffectKey>,
    /// What the environment file asks for, and how far that is in the sandbox named.
    set_up: Vec<SetUpPhase>,
    set_up_in: (Epoch, usize),
    /// The sandbox has no more than the agent may, or never had.
    narrowed: bool,
    /// The model worked inside.
    worked_inside: bool,
    /// A first machine is to be made of an image that is still to come.
    awaits_image: bool,
    /// Somebody wants a sandbox that no run needs, and none was up or refused since.
    woken: bool,
    /// A disk is to be kept, and was not yet.
    keeping: bool,
    /// The agent is a build, and its run ended well.
    build: Option<bool>,
    pub deleted: bool,
    /// Questions to models that are not counted: by position, with their run.
    pub open_calls: BTreeMap<u64, Option<RunId>>,
    seq: u64,
}

/// What is known about commits that a run saved and a later one may have to push.
#[derive(Default)]
struct Late {
    /// Every commit that a checkpoint made.
    made: BTreeSet<String>,
    /// Where the remote's branch was seen, or what it would start from.
    stands: Option<String>,
    /// The newest commit of ours that the remote was not seen to hold.
    unpushed: Option<String>,
    /// The remote was asked in this run.
    asked: bool,
    /// The worktree of this run could be worked in, and was not given up.
    worked: bool,
    /// This run wanted it pushed.
    tried: bool,
    active: Option<RunId>,
    deleting: bool,
}

impl Late {
    fn observe(&mut self, event: &Event) {
        match event {
            Event::RunStarted { run } => {
                (self.asked, self.worked, self.tried) = (false, false, false);
                self.active = Some(*run);
            }
            Event::BaseResolved { repos, .. } => {
                let base = &repos[0];
                self.asked = true;
                self.stands = Some(base.head.as_ref().unwrap_or(&base.commit).clone());
                if base.head == self.unpushed {
                    self.unpushed = None;
                }
            }
            Event::WorkspaceReady { .. } => self.worked = true,
            Event::CheckpointFailed { .. } => self.worked = false,
            Event::CheckpointMade { repos, .. } => {
                let commit = &repos[0].commit;
                self.made.insert(commit.clone());
                self.unpushed = (self.stands.as_ref() != Some(commit)).then(|| commit.clone());
            }
            Event::PushWanted { .. } => self.tried = true,
            Event::Pushed { pushes, .. } => {
                self.unpushed = None;
                self.stands = pushes.last().map(|push| push.commit.clone());
            }
            Event::RunEnded { run, .. } if self.active == Some(*run) => self.active = None,
            Event::BranchUpdated { previous, commit, .. }
                if self.active.is_none() || self.stands.as_ref() == Some(previous) =>
            {
                self.stands = Some(commit.clone());
            }
            Event::DeleteRequested { .. } => self.deleting = true,
            _ => {}
        }
    }

    /// Whether a run that took no worktree may push these: it had none, and they are an earlier run's.
    fn allows(&self, pushes: &[PushPlan]) -> bool {
        let left = |push: &PushPlan| {
            self.unpushed.as_ref() == Some(&push.commit) && self.made.contains(&push.commit)
        };
        !self.worked && self.asked && !pushes.is_empty() && pushes.iter().all(left)
    }

    /// Whether a run that ends now leaves commits behind that it could have pushed.
    fn forgot(&self) -> bool {
        self.unpushed.is_some() && self.asked && !self.tried && !self.deleting
    }
}

impl Check {
    pub fn fail(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    fn ensure(&mut self, holds: bool, what: &str) {
        if !holds {
            self.fail(what.to_owned());
        }
    }

    /// Whether somebody still waits for a sandbox.
    pub fn is_woken(&self) -> bool {
        self.woken
    }

    /// Whether a disk is still to be kept.
    pub fn is_keeping(&self) -> bool {
        self.keeping || self.build == Some(true)
    }

    pub fn open_runs(&self) -> usize {
        self.queue.len() + usize::from(self.active.is_some())
    }

    /// An effect is about to touch the world.
    pub fn starts(&mut self, effect: &Effect, keys: &mut BTreeMap<EffectKey, Action>) {
        let known = keys.entry(effect.key.clone()).or_insert_with(|| effect.action.clone());
        if *known != effect.action {
            let what = format!("key {} for {known:?} and {:?}", effect.key, effect.action);
            self.fail(what);
        }
        let needs_intent = matches!(
            effect.action,
            Action::Provision { .. }
                | Action::Checkpoint { .. }
                | Action::Push { .. }
                | Action::Check { .. }
                | Action::PublishPullRequest { .. }
                | Action::Freeze { .. }
        );
        if needs_intent && !self.intents.contains(&effect.key) {
            self.fail(format!("{} without an intent", effect.key));
        }
    }

    pub fn observe(&mut self, event: &Event, git: &Git) {
        self.seq += 1;
        let deleted = self.deleted;
        self.ensure(!deleted, "something was recorded after the end");
        if let Event::RunEnded { run, .. } = event
            && self.active == Some(*run)
        {
            let owing = std::mem::take(&mut self.owing);
            self.ensure(!owing, "a run ended and left a message uncounted");
            let forgot = self.late.forgot();
            self.ensure(!forgot, "a run ended and left commits that it could have pushed");
        }
        if let Event::PushWanted { pushes, .. } = event {
            let fits = self.saved || self.late.allows(pushes);
            self.ensure(fits, "a push was wanted before the worktree was taken");
        }
        self.late.observe(event);
        match event {
            Event::MessageFinished { .. } => self.owing = true,
            Event::StepFinished { .. } => self.owing = false,
            Event::Asked { run, .. } => {
                let new = self.asked.insert(*run);
                self.ensure(new, "one run asked twice");
                self.queue.push_back(*run);
            }
            Event::RunStarted { run } => {
                let next = self.queue.pop_front() == Some(*run) && self.active.is_none();
                self.ensure(next && !self.keeping, "a run started out of turn");
                self.active = Some(*run);
                (self.saved, self.turn_over) = (false, false);
            }
            Event::RunEnded { run, status, .. } => {
                if self.active == Some(*run) {
                    self.unchecked = None;
                }
                self.run_ended(*run, *status);
            }
            Event::Steered { message, .. } => {
                let new = self.steers.insert(*message);
                self.ensure(new, "one steering message accepted twice");
            }
            Event::SteerTaken { message, .. } => {
                let waited = self.steers.remove(message);
                self.ensure(waited, "a steering message taken that did not wait");
            }
            Event::TurnEnded { run, .. } => {
                let once = self.active == Some(*run) && !self.turn_over;
                self.ensure(once, "a turn ended twice or out of turn");
                self.turn_over = true;
            }
            Event::ToolCalled { epoch, .. } => {
                let over = self.turn_over;
                self.ensure(!over, "the model worked after its turn");
                let ready = self.set_up.len() == self.set_up_done(*epoch);
                self.ensure(ready, "a tool was called before the environment file was followed");
                let narrow = self.narrowed || !self.set_up.contains(&SetUpPhase::Install);
                self.ensure(narrow, "a tool was called before the network was the agent's own");
                self.worked_inside = true;
            }
            Event::StepStarted { .. } => {
                let over = self.turn_over;
                self.ensure(!over, "the model worked after its turn");
                let builds = self.build.is_some();
                self.ensure(!builds, "a build asked a model");
            }
            _ => self.observe_outside(event, git),
        }
    }

    fn observe_set_up(&mut self, event: &Event) {
        match event {
            Event::Opened { settings } => {
                let brings = settings.build.is_none() && !settings.startup_commands.is_empty();
                self.set_up.extend(brings.then_some(SetUpPhase::Startup));
            }
            Event::EnvironmentRead { environment, .. } => {
                let first = self.set_up.iter().all(|phase| *phase == SetUpPhase::Startup);
                self.ensure(first, "the environment file was read twice");
                self.awaits_image = environment.image.is_some();
                self.set_up.extend(environment.phases());
                let builds = self.build.is_some();
                self.set_up.retain(|phase| !builds || *phase == SetUpPhase::Install);
            }
            Event::ImageChosen { .. } => {
                let awaited = std::mem::take(&mut self.awaits_image);
                self.ensure(awaited, "an image was chosen that nobody waits for");
            }
            Event::SetUpFinished { epoch, phase, .. } => {
                let done = self.set_up_done(*epoch);
                let next = self.set_up.get(done) == Some(phase) && self.epoch == Some(*epoch);
                self.ensure(next, "a set-up was out of turn");
                self.set_up_in = (*epoch, done + 1);
            }
            Event::NetworkNarrowed { epoch, .. } => {
                let installed = self.set_up.get(..self.set_up_done(*epoch)).unwrap_or_default();
                let due = installed.contains(&SetUpPhase::Install) && self.epoch == Some(*epoch);
                self.ensure(due && !self.narrowed, "the network was narrowed out of turn");
                self.narrowed = true;
            }
            _ => {}
        }
    }

    fn observe_outside(&mut self, event: &Event, git: &Git) {
        self.observe_models(event);
        self.observe_snapshot(event);
        self.observe_set_up(event);
        match event {
            Event::SandboxWanted { epoch, key, .. } => {
                let fits = self.epoch.is_none() && epoch.0 == self.newest + 1;
                self.ensure(fits, "a second sandbox was wanted");
                // A person may wake a machine when no run works, and has it without the image.
                let early = std::mem::take(&mut self.awaits_image) && self.active.is_some();
                self.ensure(!early, "a machine was wanted before its image was there");
                (self.epoch, self.newest) = (Some(*epoch), epoch.0);
                self.intents.insert(key.clone());
            }
            Event::Woken { .. } => self.woken = true,
            Event::SandboxUp { .. } | Event::SandboxFailed { .. } | Event::Archived { .. } => {
                self.woken = false;
            }
            Event::DeleteRequested { .. } => {
                self.woken = false;
                self.keeping = false;
                self.build = None;
            }
            Event::SandboxStopped { epoch } => {
                let fits = self.epoch == Some(*epoch);
                self.ensure(fits, "a sandbox stopped that was not there");
                self.epoch = None;
            }
            // A push whose outcome was lost is seen here, by the next run.
            Event::BaseResolved { repos, .. } => {
                self.pushed |= repos.iter().any(|base| base.head.is_some());
            }
            Event::CheckpointWanted { key, .. } | Event::PushWanted { key, .. } => {
                self.intents.insert(key.clone());
            }
            Event::CheckpointMade { .. } => self.saved = true,
            Event::Pushed { pushes, .. } => {
                let there = pushes.iter().all(|push| {
                    git.branch
                        .is_some_and(|at| git.contains(at, crate::world::number(&push.commit)))
                });
                self.ensure(there, "a push was recorded that the remote does not show");
                self.pushed = true;
            }
            Event::ChecksWanted { key, commit, .. } => {
                self.ensure(self.pushed, "a commit was to be checked before its push");
                self.intents.insert(key.clone());
                self.unchecked = Some(commit.clone());
            }
            Event::Checked { report, .. } => {
                let fits = self.unchecked.take().as_ref() == Some(&report.commit);
                self.ensure(fits, "another commit was checked, or one twice");
            }
            Event::PullRequestWanted { key, .. } => {
                self.ensure(self.unchecked.is_none(), "a pull request did not wait for the checks");
                let fits = self.pushed && git.branch.is_some();
                self.ensure(fits, "a pull request was wanted before its push");
                self.intents.insert(key.clone());
            }
            Event::Deleted => {
                let gone = self.epoch.is_none() && self.active.is_none() && self.queue.is_empty();
                self.ensure(gone, "deleted while something was still there");
                self.deleted = true;
            }
            _ => {}
        }
    }

    fn observe_models(&mut self, event: &Event) {
        match event {
            Event::ModelAsked { run, epoch, .. } => {
                let fits = self.epoch == Some(*epoch) && self.active == *run;
                self.ensure(
                    fits,
                    "a model was asked by a machine that is gone, or for another run",
                );
                self.open_calls.insert(self.seq, *run);
            }
            Event::ModelCalled { run, asked, .. } => {
                let open = self.open_calls.remove(&asked.0) == Some(*run);
                self.ensure(open, "one answer of a model was counted twice or for another run");
            }
            _ => {}
        }
    }

    fn observe_snapshot(&mut self, event: &Event) {
        match event {
            Event::Opened { settings } => {
                self.build = settings.build.is_some().then_some(false);
            }
            Event::SnapshotWanted { key, .. } => {
                let fits = !self.keeping && !self.deleted;
                self.ensure(fits, "a disk was to be kept twice");
                self.keeping = true;
                self.build = self.build.map(|_| false);
                self.intents.insert(key.clone());
            }
            Event::SnapshotMade { .. } => {
                let at_rest = self.keeping && self.epoch.is_none() && self.active.is_none();
                self.ensure(at_rest, "a disk was kept that was not at rest");
                self.keeping = false;
            }
            Event::SnapshotFailed { .. } => self.keeping = false,
            _ => {}
        }
    }

    /// A disk is prepared with what only that takes; what a driver that slept believes opens nothing.
    pub fn prepares(&mut self, seq: u64) {
        let clean = seq < self.seq || !self.worked_inside && !self.narrowed;
        self.ensure(clean, "a disk that the model touched was prepared with build secrets");
    }

    fn set_up_done(&self, epoch: Epoch) -> usize {
        let (known, done) = self.set_up_in;
        if known == epoch { done } else { 0 }
    }

    fn run_ended(&mut self, run: RunId, status: RunStatus) {
        let first = self.ended.insert(run, status).is_none();
        self.ensure(first, "a run ended twice");
        if status == RunStatus::Finished && self.active == Some(run) {
            self.build = self.build.map(|_| true);
        }
        if self.active == Some(run) {
            self.active = None;
            let heard = status != RunStatus::Finished || self.steers.is_empty();
            self.ensure(heard, "a run finished without taking a steering message");
            self.steers.clear();
        } else {
            let queued = self.queue.contains(&run);
            self.ensure(queued, "a run ended that was not there");
            self.queue.retain(|waiting| *waiting != run);
        }
        self.ensure(status.is_terminal(), "a run ended without a final status");
    }
}
