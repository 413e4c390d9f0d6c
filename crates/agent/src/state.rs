//! What an agent's log amounts to: small, cheap to copy, without the transcript.
//!
//! ```text
//! Unopened ── Opened ──► Living ── Deleted ──► Deleted
//!
//! a run      queued ─ RunStarted ─► Starting ─ BaseResolved ─► Thinking ─┐
//!                                      │  any of them ─► Cancelling      │ TurnEnded
//!                                      │                 Failing         ▼
//!   RunEnded ◄─ Done ◄─ Requesting ◄─ Pushed ◄─ Pushing ◄─ Saved ◄─ Checkpointing ◄─ Unsaved
//!                                                  ▲ what an earlier run left │           │
//!                                                  └──────── Unsavable ◄──────┘ ◄─────────┘
//!
//! a sandbox  Absent ─ Wanted ─ Up ─ Stopping ─ Absent
//!                       └──────┴─ Remains (failed or lost; cleared away before another is made)
//!
//! a disk    Unasked ─ (a build went well: Due) ─ SnapshotWanted ─ at rest ─ SnapshotMade ─ Unasked
//!
//! a first sandbox may wait until the environment file was read, and for the image it asks for:
//! EnvironmentRead ─ BaseResolved ─ ImageChosen ─ SandboxWanted
//!
//! what is asked for, anew in each sandbox: startup commands of the settings ─ install ─ start ─
//! terminals of the environment file, each SetUpFinished before the next; tools wait for the last
//! ```
//!
//! There is one `Sandbox` value, so there is never a second sandbox; there is one `active` run, so
//! there is never a second writer.

mod models;
mod run;

pub use models::{ModelCall, Room};
pub use run::{
    Active, Call, Machines, Mending, Phase, Progress, PublishStep, Publishing, Question, Stage,
    Start, StepNow, Turn, Waiting, Workspace,
};

use crate::flow::Flow;
use protocol::content::Usage;
use protocol::environment::found::{FoundEnvironment, SavedText, SetUpOutcome, SetUpPhase};
use protocol::event::{
    Configuration, PullRequest, PushStop, RepoBase, RunStatus, Settings, SnapshotPurpose,
    StopReason,
};
use protocol::failure::{self, Failure};
use protocol::ids::{AgentId, EffectKey, Epoch, LayerId, MessageId, RunId, Seq};
use protocol::limits;
use std::collections::VecDeque;
use std::sync::Arc;

/// Ended runs that are remembered so that a repeated message is recognised.
pub const RECENT_RUNS: usize = 64;
/// Steering messages that are remembered so that a repeat is recognised.
pub const RECENT_STEERS: usize = 40;
/// Published commits remembered per repository, newest last; older ones stand in the log.
pub const RECENT_PUBLISHED: usize = 8;
/// Hosts that people may allow one agent.
pub const ALLOWED_HOSTS: usize = 200;
/// Questions that may wait for a person at the same time.
pub const OPEN_QUESTIONS: usize = 8;

/// The fold of one agent's log.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Whose log this is; part of every effect key.
    pub agent: AgentId,
    /// The last event folded.
    pub seq: Seq,
    /// Where the agent stands.
    pub life: Life,
}

/// Where an agent stands as a whole.
#[derive(Debug, Clone, PartialEq)]
pub enum Life {
    /// Nothing was recorded yet.
    Unopened,
    /// It exists.
    Living(Box<Living>),
    /// It is gone for good.
    Deleted,
}

/// An agent that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Living {
    /// What it was opened with, under its present name.
    pub settings: Arc<Settings>,
    /// Whether it takes messages.
    pub standing: Standing,
    /// Runs accepted and not started, in order.
    pub queue: VecDeque<Queued>,
    /// The run that is going on.
    pub active: Option<Active>,
    /// The last runs that ended, newest last.
    pub recent: VecDeque<Ended>,
    /// The last steering messages accepted, newest last.
    pub steered: VecDeque<MessageId>,
    /// Its one sandbox.
    pub sandbox: Sandbox,
    /// Whether a person wants it although no run needs it.
    pub wake: Wake,
    /// The newest epoch ever given out.
    pub epoch: Epoch,
    /// What the disk may hold.
    pub disk: Disk,
    /// Whether what the disk holds is to be kept.
    pub keeping: Keeping,
    /// What its settings and its environment file ask for; none where they ask for nothing.
    pub set_up: Option<SetUp>,
    /// Each repository, in the order of the settings.
    pub repos: Vec<Repo>,
    /// Hosts that people allowed besides those of its environment.
    pub allowed: Vec<Allowed>,
    /// Digests of configurations that people allowed.
    pub allowed_configurations: Vec<String>,
    /// Marks of what pushes may carry although they were stopped for it.
    pub allowed_stops: Vec<String>,
    /// What it has read and could carry out.
    pub flow: Flow,
    /// What was used up so far.
    pub totals: Totals,
    /// What programs inside had models use since the last run began, as far as it was of no run.
    pub between: Totals,
    /// Questions of theirs that are not counted yet, oldest first.
    pub model_calls: Vec<ModelCall>,
    /// Effects that failed and are tried again.
    pub failing: Vec<Failing>,
    /// The last thing that keeps a sandbox from being idle.
    pub active_at_ms: i64,
    /// When the newest event was recorded.
    pub last_at_ms: i64,
}

/// Whether an agent takes messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Open,
    /// Not until it is unarchived.
    Archived,
    /// Never again.
    Deleting,
}

/// A run that waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Which.
    pub run: RunId,
    /// Made by Errand itself.
    pub automatic: bool,
}

/// A host that a person allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The entry of an allow-list.
    pub entry: String,
    /// The run that it ends with; none: it stays.
    pub run: Option<RunId>,
}

/// A run that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub run: RunId,
    /// How.
    pub status: RunStatus,
}

/// The one sandbox of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sandbox {
    /// There is none.
    Absent,
    /// It shall exist; whether it does is not known.
    Wanted {
        /// Its incarnation.
        epoch: Epoch,
        /// The key it is made under.
        key: EffectKey,
    },
    /// It exists.
    Up {
        /// Its incarnation.
        epoch: Epoch,
        /// Since when.
        since_ms: i64,
        /// Whether it can be used.
        condition: Condition,
    },
    /// It failed or was lost; something of it may be left.
    Remains {
        /// Its incarnation.
        epoch: Epoch,
        /// Failed or lost.
        reason: StopReason,
    },
    /// It shall end.
    Stopping {
        /// Its incarnation.
        epoch: Epoch,
        /// Whether its files are kept for the next one.
        keep_disk: bool,
    },
}

/// Whether a person wants a sandbox although no run needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Nobody asked.
    Unasked,
    /// Somebody did, and it was not up since.
    Asked,
}

/// Whether a sandbox can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// As far as is known.
    Sound,
    /// Its workspace could not be prepared.
    Broken,
}

/// What the disk of an agent may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// Nothing that is not elsewhere too.
    Blank,
    /// Work or edits that are nowhere else.
    Used,
}

/// Whether what a disk holds is to be kept as a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeping {
    /// Nobody asked.
    Unasked,
    /// A build went well: it follows at once.
    Due,
    /// It shall be, as soon as no run works; the next one waits for it.
    Wanted {
        /// The intent's key.
        key: EffectKey,
        /// The layer it is kept as.
        layer: LayerId,
        /// Who begins with it.
        purpose: SnapshotPurpose,
    },
}

/// What settings and environment file ask for, and how far that is in a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetUp {
    /// There is a file, and the log tells of it.
    pub is_read: bool,
    /// The file can be used and may be.
    pub is_followed: bool,
    /// What stands in for a file.
    pub saved: Option<Arc<Saved>>,
    /// Where the image stands that it asks for.
    pub image: Image,
    /// All of it, in order.
    pub phases: Vec<SetUpPhase>,
    /// URL of the repository whose pushed commits are checked, where it asks for that.
    pub checks: Option<String>,
    /// The sandbox in which some of it is over.
    pub epoch: Epoch,
    /// How many of the phases are over there.
    pub done: usize,
    /// What kept some of it from being done there, or all of it everywhere.
    trouble: Option<Failure>,
    /// The sandbox was given the agent's own network, or the agent worked: whatever prepares a disk later has no
    /// more than the agent.
    is_narrowed: bool,
    /// The sandbox that a person woke, as long as no turn ended in it: there it is carried out
    /// although no run needs it.
    pub woken: Option<Epoch>,
}

/// A saved environment, as it was when the agent began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// URL of the repository that it stands in for.
    pub url: String,
    /// What it says.
    pub environment: SavedText,
}

/// Where the image stands that an environment file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// It asks for none, or it is there.
    Settled,
    /// It is to be had before there is a machine.
    Wanted(String),
    /// The machine is without it.
    Missed(Failure),
}

/// One repository of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repo {
    /// Its URL.
    pub url: String,
    /// Where the present work starts from.
    pub base: Option<RepoBase>,
    /// Tip of the branch on our side.
    pub tip: Option<String>,
    /// The tip, as long as the remote was never seen to hold it.
    pub unpushed: Option<String>,
    /// Where the branch stands on the remote, as last seen.
    pub remote: Option<String>,
    /// Its pull request.
    pub pull: Pull,
    /// What stopped the newest push, until one is seen on the remote.
    pub stops: Vec<PushStop>,
    /// `local id -> published id` of the last checkpoints.
    pub published: VecDeque<(String, String)>,
}

impl Repo {
    /// Whether what is not pushed holds something that nobody let through: then it may not be pushed as it is.
    pub fn is_stopped(&self, allowed: &[String]) -> bool {
        self.stops.iter().any(|stop| !allowed.contains(&stop.mark))
    }
}

/// The pull request of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pull {
    /// There was none.
    Absent,
    /// People are looking at it.
    Open(PullRequest),
    /// It was merged.
    Merged(PullRequest),
}

/// What was used up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Steps finished.
    pub steps: u64,
    /// Tokens.
    pub usage: Usage,
    /// Money, in millionths of a dollar.
    pub cost_micros: u64,
    /// Time in which a sandbox was up, in milliseconds.
    pub machine_ms: u64,
}

/// An effect that failed and is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// Its key.
    pub key: EffectKey,
    /// How often it failed.
    pub attempts: u32,
    /// When it failed last.
    pub last_at_ms: i64,
    /// How it failed last.
    pub failure: Failure,
}

impl State {
    /// The state before the first event of this agent's log.
    pub const fn new(agent: AgentId) -> Self {
        Self { agent, seq: Seq(0), life: Life::Unopened }
    }

    /// The agent, if it exists.
    pub fn living(&self) -> Option<&Living> {
        match &self.life {
            Life::Living(living) => Some(living),
            Life::Unopened | Life::Deleted => None,
        }
    }

    /// Whether nothing will ever happen again.
    pub const fn is_deleted(&self) -> bool {
        matches!(self.life, Life::Deleted)
    }
}

impl Living {
    /// What is known of a run: its status, unless it was never heard of or is forgotten.
    pub fn status(&self, run: RunId) -> Option<RunStatus> {
        if self.active.as_ref().is_some_and(|active| active.run == run) {
            return Some(RunStatus::Running);
        }
        if self.is_queued(run) {
            return Some(RunStatus::Creating);
        }
        self.recent.iter().find(|ended| ended.run == run).map(|ended| ended.status)
    }

    /// Whether the run waits for its turn.
    pub fn is_queued(&self, run: RunId) -> bool {
        self.queue.iter().any(|queued| queued.run == run)
    }

    /// The sandbox that is up, if one is.
    pub const fn up(&self) -> Option<Epoch> {
        match self.sandbox {
            Sandbox::Up { epoch, .. } => Some(epoch),
            Sandbox::Absent
            | Sandbox::Wanted { .. }
            | Sandbox::Remains { .. }
            | Sandbox::Stopping { .. } => None,
        }
    }

    /// When the sandbox that is up is stopped whatever happens.
    pub fn hard_stop_at_ms(&self) -> Option<i64> {
        self.up_since_ms().map(|since_ms| later(since_ms, limits::SANDBOX_HARD_MS))
    }

    /// When the sandbox that is up is stopped if nothing happens until then; none while a run works.
    pub fn idle_stop_at_ms(&self) -> Option<i64> {
        self.up_since_ms().filter(|_| self.active.is_none())?;
        Some(later(self.active_at_ms, limits::IDLE_MS))
    }

    const fn up_since_ms(&self) -> Option<i64> {
        match self.sandbox {
            Sandbox::Up { since_ms, .. } => Some(since_ms),
            Sandbox::Absent
            | Sandbox::Wanted { .. }
            | Sandbox::Remains { .. }
            | Sandbox::Stopping { .. } => None,
        }
    }

    /// Whether a first sandbox waits until it is known what its disk begins with.
    pub fn awaits_base(&self) -> bool {
        let is_unread = || self.repos.iter().any(|repo| repo.base.is_none());
        let may = self.settings.may_have_image && self.epoch == Epoch(0);
        may && (is_unread() || self.awaits_image().is_some())
    }

    /// The image that is to be had before there is a sandbox.
    pub fn awaits_image(&self) -> Option<&str> {
        match &self.set_up.as_ref()?.image {
            Image::Wanted(reference) => Some(reference),
            Image::Settled | Image::Missed(_) => None,
        }
    }

    /// What the environment file asks for next in this sandbox; tools wait until nothing is left.
    pub fn to_set_up(&self, epoch: Epoch) -> Option<SetUpPhase> {
        let set_up = self.set_up.as_ref()?;
        let done = if set_up.epoch == epoch { set_up.done } else { 0 };
        set_up.phases.get(done).copied()
    }

    /// The configuration for whose sake the agent is without credentials, until a person allows it.
    pub fn withheld(&self) -> Option<&Configuration> {
        let bases = self.repos.iter().filter_map(|repo| repo.base.as_ref()?.configuration.as_ref());
        bases.into_iter().find(|configuration| {
            let is_allowed = self.allowed_configurations.contains(&configuration.digest);
            !configuration.trust.is_trusted() && !is_allowed
        })
    }

    /// The pushed commit that the server checks itself, with the URL of its repository, if there is one.
    ///
    /// TRUST: what is checked is what the base says. A base that nobody reviewed would say what suits it.
    pub fn to_check(&self) -> Option<(&str, &str)> {
        let url = self.checks()?;
        let repo = self.repos.iter().find(|repo| repo.url == url)?;
        let base = repo.base.as_ref()?;
        let commit = repo.remote.as_deref().filter(|remote| *remote != base.commit)?;
        Some((url, commit))
    }

    /// Whether pushed commits of this repository are checked.
    pub fn is_checked(&self, url: &str) -> bool {
        self.checks().is_some_and(|checked| checked == url)
    }

    fn checks(&self) -> Option<&str> {
        let set_up = self.set_up.as_ref().filter(|_| self.withheld().is_none())?;
        set_up.checks.as_deref()
    }

    /// Whether tools may work in this sandbox, as far as its set-up goes.
    pub fn is_set_up(&self, epoch: Epoch) -> bool {
        self.to_set_up(epoch).is_none() && !self.is_to_be_narrowed(epoch)
    }

    /// Whether the newest sandbox may have what only preparing a disk takes: `install` is next, and nothing of the
    /// agent's own ever ran, which could have put something into its way.
    pub fn is_preparing(&self) -> bool {
        let is_narrowed = self.set_up.as_ref().is_none_or(|set_up| set_up.is_narrowed);
        !is_narrowed && self.to_set_up(self.epoch) == Some(SetUpPhase::Install)
    }

    /// Whether this sandbox is still to be given the agent's own network; everything after `install` waits for it.
    pub fn is_to_be_narrowed(&self, epoch: Epoch) -> bool {
        let Some(set_up) = self.set_up.as_ref().filter(|set_up| set_up.epoch == epoch) else {
            return false;
        };
        let over = set_up.phases.iter().take(set_up.done);
        !set_up.is_narrowed && over.into_iter().any(|phase| *phase == SetUpPhase::Install)
    }

    /// The turn of the active run, unless it is over.
    pub fn turn(&self) -> Option<&Turn> {
        match &self.active.as_ref()?.stage {
            Stage::Turn(turn) => Some(turn),
            Stage::Publishing(_) => None,
        }
    }
}

impl SetUp {
    /// As long as no environment file was read.
    pub(crate) fn unread(settings: &Settings) -> Option<Self> {
        let phases = startup(settings);
        (!phases.is_empty()).then_some(Self {
            is_read: false,
            is_followed: false,
            saved: None,
            image: Image::Settled,
            phases,
            checks: None,
            epoch: Epoch(0),
            done: 0,
            trouble: None,
            is_narrowed: false,
            woken: None,
        })
    }

    /// Of a file that was just read; a build prepares the disk and nothing else.
    pub(crate) fn new(environment: &FoundEnvironment, settings: &Settings) -> Self {
        let problem = environment.problems.first();
        let trouble = problem.map(|problem| {
            let message = format!("The environment file cannot be used: {problem}");
            Failure::new(failure::Phase::SetUp, "environment_invalid", message)
        });
        let is_build = settings.build.is_some();
        let has_checks = problem.is_none() && !is_build && !environment.checks.is_empty();
        let mut phases = startup(settings);
        phases.extend(environment.phases());
        phases.retain(|phase| !is_build || *phase == SetUpPhase::Install);
        let image = environment.image.clone().filter(|_| problem.is_none());
        let saved = environment
            .saved
            .clone()
            .map(|saved| Arc::new(Saved { url: environment.url.clone(), environment: saved }));
        Self {
            is_read: true,
            is_followed: problem.is_none(),
            saved,
            image: image.map_or(Image::Settled, Image::Wanted),
            phases,
            checks: has_checks.then(|| environment.url.clone()),
            epoch: Epoch(0),
            done: 0,
            trouble,
            // Its disk is another one's work.
            is_narrowed: settings.forked_from.is_some(),
            woken: None,
        }
    }

    /// What kept some of it from being done.
    pub(crate) fn trouble(&self) -> Option<&Failure> {
        match &self.image {
            Image::Missed(failure) => Some(failure),
            Image::Settled | Image::Wanted(_) => self.trouble.as_ref(),
        }
    }

    /// A machine is made before its image is there: a person woke it, and no run was working.
    pub(crate) fn pass_over_image(&mut self) {
        if let Image::Wanted(reference) = &self.image {
            let message = format!("the machine was woken before {reference} was there");
            let failure = Failure::new(failure::Phase::SetUp, "image_passed_over", message);
            self.image = Image::Missed(failure);
        }
    }

    /// From now on nothing has more than the agent.
    pub(crate) const fn narrow(&mut self) {
        self.is_narrowed = true;
    }

    /// One more is over in this sandbox.
    pub(crate) fn finished(&mut self, epoch: Epoch, outcome: &SetUpOutcome) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.done = 0;
            self.trouble = None;
        }
        self.done += 1;
        if let SetUpOutcome::Failed { failure } = outcome {
            self.trouble.get_or_insert_with(|| failure.clone());
        }
    }
}

/// What an agent brings itself, whatever its repositories say.
fn startup(settings: &Settings) -> Vec<SetUpPhase> {
    let brings = settings.build.is_none() && !settings.startup_commands.is_empty();
    if brings { vec![SetUpPhase::Startup] } else { Vec::new() }
}

/// Time from one moment to a later one; nothing when the clock went backwards.
pub(crate) fn elapsed(from_ms: i64, to_ms: i64) -> u64 {
    u64::try_from(to_ms.saturating_sub(from_ms)).unwrap_or(0)
}

/// The moment `after_ms` after another.
pub(crate) fn later(from_ms: i64, after_ms: u64) -> i64 {
    from_ms.saturating_add(i64::try_from(after_ms).unwrap_or(i64::MAX))
}
