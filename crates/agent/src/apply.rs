//! The fold: one event into the state. Total, and silent about events that do not fit.

mod stages;

use crate::flow::Flow;
use crate::state::{
    Active, Allowed, Condition, Disk, Ended, Failing, Image, Keeping, Life, Living, Machines,
    Mending, ModelCall, Phase, PublishStep, Publishing, Pull, Queued, RECENT_PUBLISHED,
    RECENT_RUNS, RECENT_STEERS, Repo, Sandbox, SetUp, Stage, Standing, Start, State, Totals, Turn,
    Wake, Workspace, elapsed,
};
use protocol::content::Usage;
use protocol::environment::found::{ChosenImage, SetUpOutcome};
use protocol::event::{
    Event, Logged, PullRequest, PushPlan, PushStop, RepoBase, RepoCheckpoint, RunStatus, Settings,
    StopReason, TurnOutcome,
};
use protocol::failure::{self, Failure};
use protocol::ids::{EffectKey, Epoch, LayerId, RunId};
use protocol::limits;
use std::collections::VecDeque;
use std::sync::Arc;

/// Folds one event of the log into the state.
pub fn apply(state: &mut State, logged: &Logged) {
    state.seq = logged.seq;
    match (&mut state.life, &logged.event) {
        (Life::Unopened, Event::Opened { settings }) => {
            state.life = Life::Living(Box::new(Living::open(settings, logged.at_ms)));
        }
        (Life::Living(_), Event::Deleted) => state.life = Life::Deleted,
        (Life::Living(living), event) => {
            living.follow_clock(logged.at_ms);
            living.fold(event, logged.at_ms);
            living.fold_models(logged);
        }
        (Life::Unopened | Life::Deleted, _) => {}
    }
}

impl Living {
    fn open(settings: &Settings, at_ms: i64) -> Self {
        Self {
            settings: Arc::new(settings.clone()),
            standing: Standing::Open,
            queue: VecDeque::new(),
            active: None,
            recent: VecDeque::new(),
            steered: VecDeque::new(),
            sandbox: Sandbox::Absent,
            wake: Wake::Unasked,
            epoch: Epoch(0),
            disk: Disk::Blank,
            keeping: Keeping::Unasked,
            set_up: SetUp::unread(settings),
            repos: settings.repos.iter().map(|repo| Repo::new(&repo.url)).collect(),
            allowed: Vec::new(),
            allowed_configurations: Vec::new(),
            allowed_stops: Vec::new(),
            flow: Flow::default(),
            totals: Totals::default(),
            between: Totals::default(),
            model_calls: Vec::new(),
            failing: Vec::new(),
            active_at_ms: at_ms,
            last_at_ms: at_ms,
        }
    }

    /// A clock that was set back takes all that is being measured with it: a run does not get a day
    /// more because it became yesterday.
    fn follow_clock(&mut self, at_ms: i64) {
        let back_ms = self.last_at_ms.saturating_sub(at_ms);
        self.last_at_ms = at_ms;
        if back_ms <= 0 {
            return;
        }
        let shift = |moment: &mut i64| *moment = moment.saturating_sub(back_ms);
        shift(&mut self.active_at_ms);
        self.failing.iter_mut().for_each(|failing| shift(&mut failing.last_at_ms));
        self.model_calls.iter_mut().for_each(|call| shift(&mut call.deadline_ms));
        if let Sandbox::Up { since_ms, .. } = &mut self.sandbox {
            shift(since_ms);
        }
        let Some(active) = &mut self.active else { return };
        shift(&mut active.started_at_ms);
        if let Stage::Turn(turn) = &mut active.stage {
            shift(&mut turn.step.started_at_ms);
            shift(&mut turn.waiting.since_ms);
            turn.waiting.questions.iter_mut().for_each(|open| shift(&mut open.deadline_ms));
        }
    }

    /// Each family takes what is its own and leaves the rest.
    fn fold(&mut self, event: &Event, at_ms: i64) {
        self.fold_person(event, at_ms);
        self.fold_run(event, at_ms);
        self.fold_sandbox(event, at_ms);
        self.fold_publishing(event);
        self.flow.apply(event);
        if let Some(turn) = self.turn_mut() {
            turn.fold(event, at_ms);
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "each family takes what is its own")]
    fn fold_person(&mut self, event: &Event, at_ms: i64) {
        match event {
            Event::Renamed { name } => name.clone_into(&mut Arc::make_mut(&mut self.settings).name),
            Event::Asked { run, options, .. } => {
                self.queue.push_back(Queued { run: *run, automatic: options.automatic });
                self.active_at_ms = at_ms;
                if options.automatic
                    && let Some(publishing) = self.publishing_mut()
                {
                    publishing.mending = Mending::Settled;
                }
            }
            Event::Steered { message, .. } => {
                self.steered.push_back(*message);
                keep_newest(&mut self.steered, RECENT_STEERS);
            }
            Event::PullRequestMerged { repo, number, .. } => self.merged(repo, *number),
            Event::BranchUpdated { repo, base, previous, commit, .. } => {
                self.branch_updated(repo, base, (previous, commit));
            }
            Event::HostAllowed { entry, run, .. } => {
                self.allowed.push(Allowed { entry: entry.clone(), run: *run });
            }
            Event::ConfigurationAllowed { digest, .. } => {
                self.allowed_configurations.push(digest.clone());
            }
            Event::StopAllowed { mark, .. } => self.allowed_stops.push(mark.clone()),
            Event::Woken { .. } => {
                self.wake = Wake::Asked;
                self.active_at_ms = at_ms;
            }
            Event::Attended { .. }
            | Event::TerminalTaken { .. }
            | Event::TerminalReleased { .. } => self.active_at_ms = at_ms,
            Event::Archived { .. } => {
                self.standing = Standing::Archived;
                self.wake = Wake::Unasked;
            }
            Event::Unarchived { .. } => {
                self.standing = Standing::Open;
                self.active_at_ms = at_ms;
            }
            Event::DeleteRequested { .. } => {
                self.standing = Standing::Deleting;
                self.wake = Wake::Unasked;
                self.keeping = Keeping::Unasked;
            }
            _ => {}
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "each family takes what is its own")]
    fn fold_run(&mut self, event: &Event, at_ms: i64) {
        match event {
            Event::RunStarted { run } => self.start(*run, at_ms),
            Event::BaseResolved { run, repos } => self.base_resolved(*run, repos),
            Event::BaseFailed { failure, .. } => self.fail_turn(failure),
            Event::EnvironmentRead { environment, .. } => {
                let mut set_up = SetUp::new(environment, &self.settings);
                if self.epoch > Epoch(0) {
                    set_up.pass_over_image();
                }
                self.set_up = Some(set_up);
            }
            Event::WorkspaceReady { epoch, .. } => {
                self.disk = Disk::Used;
                if let Some(active) = &mut self.active {
                    active.workspace = Workspace::Ready(*epoch);
                    self.failing.clear_key(&crate::plan::prepare_key(active.run, *epoch));
                }
            }
            Event::WorkspaceFailed { failure, .. } => {
                if let Sandbox::Up { condition, .. } = &mut self.sandbox {
                    *condition = Condition::Broken;
                }
                self.fail_turn(failure);
            }
            Event::StepFinished { run, usage, cost_micros, .. } => {
                self.spend(1, usage, *cost_micros);
                // Progress was made, so earlier failures of the harness do not count any more.
                self.failing.clear_key(&crate::plan::think_key(*run));
            }
            Event::Compacted { usage, cost_micros, .. } => self.spend(0, usage, *cost_micros),
            Event::EffectFailed { key, failure } => self.effect_failed(key, failure, at_ms),
            Event::TurnEnded { outcome, .. } => {
                self.turn_ended(outcome);
                if let Some(set_up) = &mut self.set_up {
                    set_up.woken = None;
                }
            }
            Event::RunEnded { run, status, .. } => {
                self.allowed.retain(|allowed| allowed.run != Some(*run));
                self.queue.retain(|queued| queued.run != *run);
                if self.active.as_ref().is_some_and(|active| active.run == *run) {
                    self.active = None;
                    let prefix = run.to_string();
                    self.failing.retain(|failing| !failing.key.0.starts_with(&prefix));
                }
                let builds = self.settings.build.is_some() && self.standing != Standing::Deleting;
                if builds && *status == RunStatus::Finished {
                    self.keeping = Keeping::Due;
                }
                self.recent.push_back(Ended { run: *run, status: *status });
                keep_newest(&mut self.recent, RECENT_RUNS);
                self.active_at_ms = at_ms;
            }
            _ => {}
        }
    }

    fn start(&mut self, run: RunId, at_ms: i64) {
        let automatic = self.queue.iter().any(|queued| queued.run == run && queued.automatic);
        self.queue.retain(|queued| queued.run != run);
        self.between = Totals::default();
        let phase = if self.repos.is_empty() { Phase::Thinking } else { Phase::Starting };
        self.active = Some(Active {
            run,
            automatic,
            started_at_ms: at_ms,
            start: Start::Unconfirmed,
            workspace: Workspace::Never,
            machines: Machines::Available { losses: 0 },
            spent: Totals::default(),
            stage: Stage::Turn(Turn::new(phase)),
        });
    }

    fn base_resolved(&mut self, run: RunId, bases: &[RepoBase]) {
        for base in bases {
            if let Some(repo) = self.repos.iter_mut().find(|repo| repo.url == base.url) {
                repo.remote.clone_from(&base.head);
                if repo.remote == repo.unpushed {
                    repo.unpushed = None;
                }
                let merged = repo.base.take().and_then(|known| known.merged);
                repo.base =
                    Some(RepoBase { merged: base.merged.clone().or(merged), ..base.clone() });
            }
        }
        if let Some(active) = &mut self.active {
            active.start = Start::Confirmed;
        }
        self.failing.clear_key(&crate::plan::base_key(run));
        if let Some(turn) = self.turn_mut()
            && turn.phase == Phase::Starting
        {
            turn.phase = Phase::Thinking;
        }
    }

    fn fail_turn(&mut self, failure: &Failure) {
        if let Some(turn) = self.turn_mut()
            && turn.is_wanted()
        {
            turn.phase = Phase::Failing(failure.clone());
        }
    }

    fn turn_ended(&mut self, outcome: &TurnOutcome) {
        if let Some(active) = &mut self.active {
            active.stage = Stage::Publishing(Publishing {
                outcome: outcome.clone(),
                step: PublishStep::Unsaved,
                trouble: None,
                mending: Mending::Settled,
            });
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "each family takes what is its own")]
    fn fold_models(&mut self, logged: &Logged) {
        match &logged.event {
            Event::ModelAsked { run, model, aside, cost_micros, deadline_ms, .. } => {
                self.model_calls.push(ModelCall {
                    asked: logged.seq,
                    run: *run,
                    model: model.clone(),
                    aside: *aside,
                    cost_micros: *cost_micros,
                    deadline_ms: *deadline_ms,
                });
                self.active_at_ms = logged.at_ms;
            }
            Event::ModelCalled { run, asked, usage, cost_micros, .. } => {
                self.model_calls.retain(|call| call.asked != *asked);
                self.totals.add(0, usage, *cost_micros);
                match (&mut self.active, run) {
                    (Some(active), Some(run)) if active.run == *run => {
                        active.spent.add(0, usage, *cost_micros);
                    }
                    (_, None) => self.between.add(0, usage, *cost_micros),
                    // The run is over: it counts with the agent.
                    (_, Some(_)) => {}
                }
            }
            _ => {}
        }
    }

    fn spend(&mut self, steps: u64, usage: &Usage, cost_micros: u64) {
        self.totals.add(steps, usage, cost_micros);
        if let Some(active) = &mut self.active {
            active.spent.add(steps, usage, cost_micros);
        }
    }

    fn effect_failed(&mut self, key: &EffectKey, failure: &Failure, at_ms: i64) {
        if let Some(failing) = self.failing.iter_mut().find(|failing| failing.key == *key) {
            failing.attempts = failing.attempts.saturating_add(1);
            failing.last_at_ms = at_ms;
            failing.failure = failure.clone();
        } else {
            let (key, failure) = (key.clone(), failure.clone());
            self.failing.push(Failing { key, attempts: 1, last_at_ms: at_ms, failure });
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "each family takes what is its own")]
    fn fold_sandbox(&mut self, event: &Event, at_ms: i64) {
        match event {
            Event::SandboxWanted { epoch, key, .. } => {
                self.epoch = *epoch;
                self.sandbox = Sandbox::Wanted { epoch: *epoch, key: key.clone() };
                self.set_up.iter_mut().for_each(SetUp::pass_over_image);
            }
            Event::SandboxUp { epoch, .. } => {
                self.sandbox =
                    Sandbox::Up { epoch: *epoch, since_ms: at_ms, condition: Condition::Sound };
                self.failing.retain(|failing| !failing.key.0.ends_with("/provision"));
                if let Some(set_up) = &mut self.set_up {
                    set_up.woken = (self.wake == Wake::Asked).then_some(*epoch);
                }
                self.wake = Wake::Unasked;
                self.active_at_ms = at_ms;
            }
            Event::SandboxFailed { epoch, failure } => {
                self.sandbox = Sandbox::Remains { epoch: *epoch, reason: StopReason::Broken };
                // Whoever asked is told by the event; asking again tries again.
                self.wake = Wake::Unasked;
                self.exhaust(failure);
            }
            Event::SandboxLost { epoch, reason } => {
                self.count_machine_time(at_ms);
                self.sandbox = Sandbox::Remains { epoch: *epoch, reason: StopReason::Lost };
                self.lose(reason);
            }
            Event::SandboxStopWanted { epoch, keep_disk, .. } => {
                self.count_machine_time(at_ms);
                self.sandbox = Sandbox::Stopping { epoch: *epoch, keep_disk: *keep_disk };
            }
            Event::SandboxStopped { epoch } => self.stopped(*epoch),
            Event::SnapshotWanted { key, layer, purpose, .. } => {
                let (key, layer, purpose) = (key.clone(), *layer, *purpose);
                self.keeping = Keeping::Wanted { key, layer, purpose };
            }
            Event::SnapshotMade { key, .. } | Event::SnapshotFailed { key, .. } => {
                self.keeping = Keeping::Unasked;
                self.failing.clear_key(key);
                self.active_at_ms = at_ms;
            }
            Event::ImageChosen { run, image, layers, outcome, .. } => {
                self.image_chosen(image, layers, outcome);
                self.failing.clear_key(&crate::plan::image_key(*run));
            }
            Event::SetUpFinished { epoch, phase, outcome, .. } => {
                if let Some(set_up) = &mut self.set_up {
                    set_up.finished(*epoch, outcome);
                }
                let ending = format!("/e{epoch}/{}", phase.word());
                self.failing.retain(|failing| !failing.key.0.ends_with(&ending));
                self.active_at_ms = at_ms;
            }
            Event::NetworkNarrowed { .. } => {
                self.set_up.iter_mut().for_each(SetUp::narrow);
                self.failing.retain(|failing| !failing.key.0.ends_with(crate::plan::NARROW));
            }
            // Logs that know of no narrowing: what the agent touched is never given more.
            Event::ToolCalled { epoch, .. } if *epoch > Epoch(0) => {
                self.set_up.iter_mut().for_each(SetUp::narrow);
            }
            _ => {}
        }
    }

    fn image_chosen(&mut self, image: &ChosenImage, layers: &[LayerId], outcome: &SetUpOutcome) {
        let Some(set_up) = &mut self.set_up else { return };
        set_up.image = match outcome {
            SetUpOutcome::Failed { failure } => Image::Missed(failure.clone()),
            SetUpOutcome::Done | SetUpOutcome::Kept => {
                let settings = Arc::make_mut(&mut self.settings);
                settings.layers = layers.to_vec();
                settings.image = Some(Box::new(image.clone()));
                Image::Settled
            }
        };
    }

    fn count_machine_time(&mut self, at_ms: i64) {
        if let Sandbox::Up { since_ms, .. } = self.sandbox {
            let up = elapsed(since_ms, at_ms);
            self.totals.machine_ms = self.totals.machine_ms.saturating_add(up);
        }
    }

    fn stopped(&mut self, epoch: Epoch) {
        if let Sandbox::Stopping { keep_disk: false, .. } = self.sandbox {
            self.disk = Disk::Blank;
        }
        self.sandbox = Sandbox::Absent;
        let middle = format!("/e{epoch}/");
        self.failing.retain(|failing| !failing.key.0.contains(&middle));
    }

    fn lose(&mut self, reason: &str) {
        let Some(active) = &mut self.active else { return };
        if let Workspace::Ready(_) = active.workspace {
            active.workspace = Workspace::Lost;
        }
        if let Stage::Publishing(publishing) = &mut active.stage
            && let PublishStep::Checkpointing { .. } = publishing.step
        {
            publishing.step = PublishStep::Unsaved;
        }
        let Machines::Available { losses } = &mut active.machines else { return };
        *losses = losses.saturating_add(1);
        if *losses >= limits::SANDBOX_LOSSES {
            let message = format!(
                "The machine was lost {losses} times during this run ({reason}). Work that was pushed is safe: send the message again, or look at the provider."
            );
            self.exhaust(&Failure::new(failure::Phase::Sandbox, "sandbox_lost", message));
        }
    }

    fn exhaust(&mut self, failure: &Failure) {
        if let Some(active) = &mut self.active {
            active.machines = Machines::Exhausted(failure.clone());
        }
        self.fail_turn(failure);
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "each family takes what is its own")]
    fn fold_publishing(&mut self, event: &Event) {
        match event {
            Event::CheckpointMade { repos, .. } => {
                for made in repos {
                    if let Some(repo) = self.repos.iter_mut().find(|repo| repo.url == made.url) {
                        repo.checkpointed(made);
                    }
                }
            }
            Event::Pushed { pushes, .. } => self.pushed(pushes),
            Event::PushFailed { stops, .. } => self.push_stopped(stops),
            Event::PullRequestPublished { pulls, .. } => self.published(pulls),
            _ => {}
        }
        let Some(active) = &self.active else { return };
        let epoch = self.up().unwrap_or(self.epoch);
        let automatic = active.automatic;
        if let Some(publishing) = self.publishing_mut() {
            publishing.fold(event, epoch, automatic);
        }
    }

    fn pushed(&mut self, pushes: &[PushPlan]) {
        for push in pushes {
            if let Some(repo) = self.repos.iter_mut().find(|repo| repo.url == push.url) {
                repo.remote = Some(push.commit.clone());
                repo.tip = Some(push.commit.clone());
                repo.unpushed = None;
                repo.stops.clear();
            }
        }
    }

    fn push_stopped(&mut self, stops: &[PushStop]) {
        for repo in &mut self.repos {
            let mut own = stops.iter().filter(|stop| stop.url == repo.url).peekable();
            if own.peek().is_some() {
                repo.stops = own.cloned().collect();
            }
        }
    }

    fn published(&mut self, pulls: &[PullRequest]) {
        for pull in pulls {
            if let Some(repo) = self.repos.iter_mut().find(|repo| repo.url == pull.url) {
                repo.pull = Pull::Open(pull.clone());
            }
        }
    }

    fn merged(&mut self, url: &str, number: u64) {
        for repo in self.repos.iter_mut().filter(|repo| repo.url == url) {
            if let Pull::Open(pull) = &repo.pull
                && pull.number == number
            {
                repo.pull = Pull::Merged(pull.clone());
            }
        }
    }

    /// The branch moved on the remote without a run. A run at work has seen it elsewhere, and joins the two when it
    /// pushes; so does work that could not be pushed so far.
    fn branch_updated(&mut self, url: &str, base: &str, (previous, commit): (&str, &str)) {
        let is_resting = self.active.is_none();
        let Some(repo) = self.repos.iter_mut().find(|repo| repo.url == url) else { return };
        if let Some(start) = &mut repo.base {
            start.merged = Some(base.to_owned());
        }
        if is_resting && repo.unpushed.is_none() {
            repo.tip = Some(commit.to_owned());
        }
        if is_resting || repo.remote.as_deref() == Some(previous) {
            repo.remote = Some(commit.to_owned());
        }
        if let Pull::Open(pull) = &mut repo.pull {
            commit.clone_into(&mut pull.commit);
        }
    }

    fn turn_mut(&mut self) -> Option<&mut Turn> {
        match &mut self.active.as_mut()?.stage {
            Stage::Turn(turn) => Some(turn),
            Stage::Publishing(_) => None,
        }
    }

    fn publishing_mut(&mut self) -> Option<&mut Publishing> {
        match &mut self.active.as_mut()?.stage {
            Stage::Publishing(publishing) => Some(publishing),
            Stage::Turn(_) => None,
        }
    }
}

impl Repo {
    fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            base: None,
            tip: None,
            unpushed: None,
            remote: None,
            pull: Pull::Absent,
            stops: Vec::new(),
            published: VecDeque::new(),
        }
    }

    fn checkpointed(&mut self, made: &RepoCheckpoint) {
        let stands = self.remote.as_ref().or(self.base.as_ref().map(|base| &base.commit));
        self.unpushed = (stands != Some(&made.commit)).then(|| made.commit.clone());
        self.tip = Some(made.commit.clone());
        self.published.extend(made.published.iter().cloned());
        keep_newest(&mut self.published, RECENT_PUBLISHED);
    }
}

impl Totals {
    fn add(&mut self, steps: u64, usage: &Usage, cost_micros: u64) {
        self.steps = self.steps.saturating_add(steps);
        self.usage.add(usage);
        self.cost_micros = self.cost_micros.saturating_add(cost_micros);
    }
}

/// Forgetting the failures of an effect that went well.
trait ClearKey {
    fn clear_key(&mut self, key: &EffectKey);
}

impl ClearKey for Vec<Failing> {
    fn clear_key(&mut self, key: &EffectKey) {
        if !self.is_empty() {
            self.retain(|failing| failing.key != *key);
        }
    }
}

fn keep_newest<T>(all: &mut VecDeque<T>, at_most: usize) {
    while all.len() > at_most {
        all.pop_front();
    }
}
