//! A log that is written by inputs, reports and decisions alone, and questions about it.

use crate::effect::Action;
use crate::state::{Living, State};
use crate::{accept, apply, plan};
use protocol::content::{Prompt, Source};
use protocol::event::{
    AskOptions, DiffStat, Event, Logged, Mode, ModelChoice, PullRequest, PullWishes, PushPlan,
    QuestionKind, RepoBase, RepoCheckpoint, RepoSettings, RunLimits, RunStatus, Settings,
    StopReason, TurnOutcome,
};
use protocol::failure::{Failure, Phase, Refusal};
use protocol::ids::{AgentId, Epoch, MessageId, QuestionId, RunId};
use protocol::input::{Input, WhenBusy};
use uuid::Uuid;

pub(super) const URL: &str = "https://forge.test/r";

pub(super) fn agent_id() -> AgentId {
    AgentId::from_uuid(Uuid::from_u128(1))
}

pub(super) fn run(nth: u128) -> RunId {
    RunId::from_uuid(Uuid::from_u128(nth))
}

pub(super) fn message(nth: u128) -> MessageId {
    MessageId::from_uuid(Uuid::from_u128(nth))
}

pub(super) fn question(nth: u128) -> QuestionId {
    QuestionId::from_uuid(Uuid::from_u128(nth))
}

pub(super) fn prompt() -> Prompt {
    Prompt::of("do it".to_owned(), Source::Owner)
}

pub(super) fn trouble(code: &str) -> Failure {
    Failure::new(Phase::Internal, code, "broken")
}

pub(super) fn settings() -> Settings {
    Settings {
        name: "an agent".to_owned(),
        principal: "owner".to_owned(),
        opener: None,
        repos: vec![RepoSettings {
            url: URL.to_owned(),
            starting_ref: None,
            pr_url: None,
            folder: "r".to_owned(),
            upload: None,
        }],
        model: ModelChoice { id: "scripted".to_owned(), params: Vec::new() },
        mode: Mode::Agent,
        auto_create_pr: true,
        skip_reviewer_request: false,
        pull: PullWishes::default(),
        work_on_current_branch: false,
        branch_name: None,
        branch: "errand/work".to_owned(),
        env_names: Vec::new(),
        startup_commands: Vec::new(),
        metadata: std::collections::BTreeMap::new(),
        privacy_mode: false,
        limits: RunLimits::default(),
        provider: "local".to_owned(),
        layers: Vec::new(),
        may_have_image: false,
        image: None,
        build: None,
        forked_from: None,
        extra: None,
    }
}

/// A log that is written by inputs and decisions alone.
pub(super) struct Story {
    pub(super) state: State,
    pub(super) now_ms: i64,
    pub(super) log: Vec<Event>,
}

impl Story {
    /// An agent with one message, at the point where effects are named.
    pub(super) fn new(settings: Settings) -> Self {
        let mut story = Self { state: State::new(agent_id()), now_ms: 1_000, log: Vec::new() };
        let options = AskOptions::default();
        let settings = Box::new(settings);
        let (agent, inherited, run, prompt) = (agent_id(), Vec::new(), run(1), prompt());
        let open = Input::Open { agent, settings, inherited, run, prompt, options };
        story.give(open).unwrap();
        story.settle();
        story
    }

    /// The first run thinks in a workspace that is ready.
    pub(super) fn working(settings: Settings) -> Self {
        let mut story = Self::new(settings);
        story.base("b0", None);
        story.up(1);
        story.ready(1, 1);
        story
    }

    pub(super) fn record(&mut self, events: Vec<Event>) {
        for event in events {
            let logged = Logged { seq: self.state.seq.next(), at_ms: self.now_ms, event };
            apply(&mut self.state, &logged);
            self.log.push(logged.event);
        }
    }

    pub(super) fn give(&mut self, input: Input) -> Result<usize, Refusal> {
        let events = accept(&self.state, input, self.now_ms)?;
        let count = events.len();
        self.record(events);
        Ok(count)
    }

    pub(super) fn settle(&mut self) {
        loop {
            let planned = plan(&self.state, self.now_ms);
            if planned.record.is_empty() {
                return;
            }
            self.record(planned.record);
        }
    }

    /// Reports and lets the decisions follow.
    pub(super) fn report(&mut self, event: Event) {
        self.give(Input::Report(event)).unwrap();
        self.settle();
    }

    pub(super) fn refused(&self, event: Event) {
        let refusal = accept(&self.state, Input::Report(event), self.now_ms).unwrap_err();
        assert!(matches!(refusal, Refusal::Stale(_)), "{refusal:?}");
    }

    pub(super) fn ask(&mut self, nth: u128, when_busy: WhenBusy) -> Result<usize, Refusal> {
        self.give(Input::Ask {
            run: run(nth),
            prompt: prompt(),
            options: AskOptions::default(),
            when_busy,
            principal: "owner".to_owned(),
            message: message(nth),
        })
    }

    pub(super) fn cancel(&mut self, nth: u128) -> Result<usize, Refusal> {
        let given = self.give(Input::Cancel { run: run(nth), principal: "owner".to_owned() });
        self.settle();
        given
    }

    pub(super) fn base(&mut self, commit: &str, head: Option<&str>) {
        let (run, text) = (self.active(), str::to_owned);
        let base = RepoBase {
            url: text(URL),
            base_branch: text("main"),
            commit: text(commit),
            default_branch: text("main"),
            head: head.map(text),
            configuration: None,
            merged: None,
        };
        self.report(Event::BaseResolved { run, repos: vec![base] });
    }

    pub(super) fn up(&mut self, epoch: u64) {
        let isolation = serde_json::Value::Null;
        self.report(Event::SandboxUp { epoch: Epoch(epoch), boot_ms: 1, isolation });
    }

    pub(super) fn ready(&mut self, epoch: u64, nth: u128) {
        let (epoch, branches) = (Epoch(epoch), Vec::new());
        self.report(Event::WorkspaceReady { epoch, run: run(nth), branches });
    }

    pub(super) fn lose(&mut self, epoch: u64) {
        self.report(Event::SandboxLost { epoch: Epoch(epoch), reason: "gone".to_owned() });
    }

    pub(super) fn stopped(&mut self, epoch: u64) {
        self.report(Event::SandboxStopped { epoch: Epoch(epoch) });
    }

    pub(super) fn finish(&mut self) {
        let outcome = TurnOutcome::Finished { result: "done".to_owned() };
        self.report(Event::TurnEnded { run: self.active(), outcome });
    }

    pub(super) fn checkpoint(&mut self, commit: &str) {
        let key = self.key(|action| matches!(action, Action::Checkpoint { .. }));
        let made = RepoCheckpoint {
            url: URL.to_owned(),
            commit: commit.to_owned(),
            previous: "b0".to_owned(),
            new_commits: 1,
            published: Vec::new(),
            stat: DiffStat::default(),
            notes: Vec::new(),
        };
        self.report(Event::CheckpointMade { run: self.active(), key, repos: vec![made] });
    }

    pub(super) fn pushes(&self) -> Vec<PushPlan> {
        self.actions()
            .into_iter()
            .find_map(|action| match action {
                Action::Push { pushes, .. } => Some(pushes),
                _ => None,
            })
            .unwrap_or_default()
    }

    pub(super) fn push(&mut self) {
        let (run, pushes) = (self.active(), self.pushes());
        let key = self.key(|action| matches!(action, Action::Push { .. }));
        self.report(Event::Pushed { run, key, pushes });
    }

    pub(super) fn refuse_push(&mut self) {
        let key = self.key(|action| matches!(action, Action::Push { .. }));
        let (run, failure) = (self.active(), Failure::new(Phase::Push, "push_refused", "no"));
        self.report(Event::PushFailed { run, key, failure, conflict: None, stops: Vec::new() });
    }

    pub(super) fn publish(&mut self, commit: &str) {
        let key = self.key(|action| matches!(action, Action::PublishPullRequest { .. }));
        let pull = PullRequest {
            url: URL.to_owned(),
            number: 7,
            link: "https://forge.test/r/7".to_owned(),
            head: "errand/work".to_owned(),
            base: "main".to_owned(),
            commit: commit.to_owned(),
        };
        self.report(Event::PullRequestPublished { run: self.active(), key, pulls: vec![pull] });
    }

    pub(super) fn fail(&mut self, is: impl Fn(&Action) -> bool) {
        let key = self.key(is);
        self.report(Event::EffectFailed { key, failure: trouble("flaky") });
    }

    pub(super) fn key(&self, is: impl Fn(&Action) -> bool) -> protocol::ids::EffectKey {
        let effects = plan(&self.state, self.now_ms).effects;
        let effect = effects.iter().find(|effect| is(&effect.action));
        effect.unwrap_or_else(|| panic!("not named: {effects:?}")).key.clone()
    }

    pub(super) fn living(&self) -> &Living {
        self.state.living().unwrap()
    }

    pub(super) fn active(&self) -> RunId {
        self.living().active.as_ref().unwrap().run
    }

    pub(super) fn actions(&self) -> Vec<Action> {
        plan(&self.state, self.now_ms).effects.into_iter().map(|effect| effect.action).collect()
    }

    pub(super) fn names(&self, is: impl Fn(&Action) -> bool) -> bool {
        self.actions().iter().any(is)
    }

    pub(super) fn thinks(&self) -> bool {
        self.names(|action| matches!(action, Action::Think { .. }))
    }

    pub(super) fn wait(&mut self, ms: u64) {
        self.now_ms += i64::try_from(ms).unwrap();
        self.settle();
    }

    pub(super) fn ended(&self, nth: u128) -> Option<(RunStatus, Option<String>)> {
        self.log.iter().find_map(|event| match event {
            Event::RunEnded { run: ended, status, failure, .. } if *ended == run(nth) => {
                Some((*status, failure.as_ref().map(|failure| failure.code.clone())))
            }
            _ => None,
        })
    }

    pub(super) fn stops(&self) -> Vec<(StopReason, bool)> {
        self.log
            .iter()
            .filter_map(|event| match event {
                Event::SandboxStopWanted { reason, keep_disk, .. } => Some((*reason, *keep_disk)),
                _ => None,
            })
            .collect()
    }

    pub(super) fn ask_person(&mut self, nth: u128, after_ms: i64) {
        self.report(Event::QuestionAsked {
            run: self.active(),
            question: question(nth),
            kind: QuestionKind::Question,
            text: "which?".to_owned(),
            options: Vec::new(),
            default: "either".to_owned(),
            deadline_ms: self.now_ms + after_ms,
            call: None,
        });
    }
}
