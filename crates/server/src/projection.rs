//! The rows that lists are made of: a second fold of the log, written with the events it follows
//! from and rebuilt from them when an agent is loaded.

use crate::flow;
use agent::effect::Plan;
use agent::flow::Flow;
use protocol::api::agents::FlowBody;
use protocol::content::{Prompt, Usage};
use protocol::event::{
    Configuration, Event, Logged, PullRequest, PushPlan, PushStop, RepoBase, RunStatus, Settings,
};
use protocol::failure::Failure;
use protocol::ids::{Epoch, MessageId, RunId, Seq};
use sandbox::isolation::OWN_SANDBOX;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::records::{AgentRow, RunRow};

/// Characters of a prompt that lists show.
const PROMPT_EXCERPT: usize = 2000;
/// Runs of which somebody is told; more than may wait.
const TOLD_RUNS: usize = 50;
/// Runs that are over and still held, so that a late fact finds its row.
const ENDED_RUNS_HELD: usize = 4;

/// An agent as lists and the public API show it.
#[derive(Debug, Clone, Default)]
pub struct Projection {
    /// What does not fit a column of its own.
    pub detail: Detail,
    created_ms: i64,
    updated_ms: i64,
    archived: bool,
    /// It is gone but for its records, which its driver removes.
    erased: bool,
    latest: Option<RunId>,
    runs: BTreeMap<RunId, RunRow>,
    changed: BTreeSet<RunId>,
    usage: Usage,
    cost_micros: u64,
    flow: Flow,
    /// Steering messages of the active run that no step has taken yet, oldest first.
    pub steers: Vec<(MessageId, Prompt)>,
}

/// The part of an agent's row that only the API reads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Detail {
    /// What it was opened with.
    pub settings: Option<Settings>,
    /// Its name now.
    pub name: String,
    /// Its pull requests.
    pub pulls: Vec<PullRequest>,
    /// Branches as the remotes showed them last.
    pub pushed: Vec<PushPlan>,
    /// `none`, `starting`, `up` or `stopping`.
    pub sandbox: String,
    /// Incarnation of the sandbox.
    pub epoch: Epoch,
    /// Whether its sandbox was shared with other agents when it last came up.
    pub shared: bool,
    /// Runs that wait.
    pub queued: u32,
    /// Status of the newest run.
    pub latest_status: Option<RunStatus>,
    /// What a person is asked.
    pub question: Option<Event>,
    /// What configures it, by the repository's URL.
    pub configurations: Vec<(String, Configuration)>,
    /// What stopped the newest push of each repository.
    #[serde(default)]
    pub stops: Vec<PushStop>,
    /// Marks of what people let through.
    #[serde(default)]
    pub allowed_stops: Vec<String>,
    /// Digests of configurations that people allowed.
    pub allowed_configurations: Vec<String>,
    /// What it has read and could carry out.
    pub flow: FlowBody,
    /// Its newest runs of which somebody at a forge is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<RunId>,
    /// It is about to vanish.
    pub deleting: bool,
}

impl Detail {
    /// Reads it from a row.
    pub fn of(row: &AgentRow) -> serde_json::Result<Self> {
        serde_json::from_value(row.detail.clone())
    }

    fn tell(&mut self, run: RunId, prompt: &Prompt) {
        if prompt.asked_at.is_some() && !self.told.contains(&run) {
            self.told.push(run);
            let over = self.told.len().saturating_sub(TOLD_RUNS);
            self.told.drain(..over);
        }
    }

    /// Whether it prepares a machine and talks to nobody.
    pub fn is_build(&self) -> bool {
        self.settings.as_ref().is_some_and(|settings| settings.build.is_some())
    }
}

/// What a run's row holds besides its columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunDetail {
    /// The event that asked for it.
    pub first_seq: Seq,
}

impl RunDetail {
    /// Reads it from a row.
    pub fn of(row: &RunRow) -> Self {
        serde_json::from_value(row.git.clone()).unwrap_or_default()
    }
}

impl Projection {
    /// Folds one event.
    pub fn apply(&mut self, logged: &Logged) {
        self.updated_ms = logged.at_ms;
        self.flow.apply(&logged.event);
        self.detail.flow = flow::shown(&self.flow);
        self.apply_agent(logged);
        self.apply_run(logged);
    }

    fn apply_agent(&mut self, logged: &Logged) {
        let detail = &mut self.detail;
        match &logged.event {
            Event::Opened { settings } => {
                self.created_ms = logged.at_ms;
                detail.name.clone_from(&settings.name);
                detail.settings = Some((**settings).clone());
                "none".clone_into(&mut detail.sandbox);
            }
            Event::Renamed { name } => detail.name.clone_from(name),
            Event::SandboxWanted { epoch, .. } => self.sandbox("starting", *epoch),
            Event::SandboxUp { epoch, isolation, .. } => {
                detail.shared = is_shared(isolation);
                self.sandbox("up", *epoch);
            }
            Event::SandboxStopWanted { epoch, .. } => self.sandbox("stopping", *epoch),
            Event::SandboxFailed { epoch, .. }
            | Event::SandboxLost { epoch, .. }
            | Event::SandboxStopped { epoch } => {
                self.sandbox("none", *epoch);
            }
            Event::BaseResolved { repos, .. } => {
                let known = |base: &RepoBase| Some((base.url.clone(), base.configuration.clone()?));
                detail.configurations = repos.iter().filter_map(known).collect();
            }
            Event::ConfigurationAllowed { digest, .. } => {
                detail.allowed_configurations.push(digest.clone());
            }
            Event::DeleteRequested { .. } => detail.deleting = true,
            Event::StopAllowed { mark, .. } => detail.allowed_stops.push(mark.clone()),
            Event::PushFailed { stops, .. } if !stops.is_empty() => {
                detail.stops.retain(|old| stops.iter().all(|new| new.url != old.url));
                detail.stops.extend(stops.iter().cloned());
            }
            Event::Pushed { pushes, .. } => {
                detail.stops.retain(|stop| pushes.iter().all(|push| push.url != stop.url));
                detail.pushed.clone_from(pushes);
            }
            Event::PullRequestPublished { pulls, .. } => detail.pulls.clone_from(pulls),
            Event::BranchUpdated { repo, commit, .. } => {
                for pull in detail.pulls.iter_mut().filter(|pull| pull.url == *repo) {
                    pull.commit.clone_from(commit);
                }
                for push in detail.pushed.iter_mut().filter(|push| push.url == *repo) {
                    push.commit.clone_from(commit);
                }
            }
            Event::QuestionAsked { .. } => detail.question = Some(logged.event.clone()),
            Event::QuestionAnswered { .. } => detail.question = None,
            // A queued run may end while another is steered: the turn counts here, not the run.
            Event::TurnEnded { .. } => {
                detail.question = None;
                self.steers.clear();
            }
            Event::Asked { run, prompt, .. } => detail.tell(*run, prompt),
            Event::Steered { run, message, prompt, .. } => {
                detail.tell(*run, prompt);
                self.steers.push((*message, prompt.clone()));
            }
            Event::SteerTaken { message, .. } => {
                self.steers.retain(|(waiting, _)| waiting != message)
            }
            Event::Deleted => self.erased = true,
            Event::Archived { .. } => self.archived = true,
            Event::Unarchived { .. } => self.archived = false,
            _ => {}
        }
    }

    fn sandbox(&mut self, state: &str, epoch: Epoch) {
        state.clone_into(&mut self.detail.sandbox);
        self.detail.epoch = epoch;
    }

    fn apply_run(&mut self, logged: &Logged) {
        // Of a run or of none, of one that is held here or not: it is the agent's.
        if let Event::ModelCalled { usage, cost_micros, .. } = &logged.event {
            self.usage.add(usage);
            self.cost_micros = self.cost_micros.saturating_add(*cost_micros);
        }
        if let Event::Asked { run, prompt, .. } = &logged.event {
            let excerpt = prompt.text.chars().take(PROMPT_EXCERPT).collect();
            self.runs.insert(*run, new_run(*run, logged, excerpt));
            self.latest = Some(*run);
            self.changed.insert(*run);
        }
        let Some(run) = logged.event.run() else { return };
        let Some(row) = self.runs.get_mut(&run) else { return };
        match &logged.event {
            Event::RunStarted { .. } => row.status = RunStatus::Running,
            Event::StepFinished { usage, cost_micros, .. }
            | Event::Compacted { usage, cost_micros, .. } => {
                row.usage.add(usage);
                row.cost_micros += cost_micros;
                self.usage.add(usage);
                self.cost_micros += cost_micros;
            }
            Event::ModelCalled { usage, cost_micros, .. } => {
                row.usage.add(usage);
                row.cost_micros = row.cost_micros.saturating_add(*cost_micros);
            }
            Event::RunEnded { status, failure, result, duration_ms, .. } => {
                end_run(row, *status, failure.as_ref(), result, *duration_ms);
            }
            _ if !matches!(logged.event, Event::Asked { .. }) => return,
            _ => {}
        }
        row.updated_ms = logged.at_ms;
        self.changed.insert(run);
        let queued = self.runs.values().filter(|row| row.status == RunStatus::Creating).count();
        self.detail.queued = u32::try_from(queued).unwrap_or(u32::MAX);
        self.detail.latest_status =
            self.latest.and_then(|run| self.runs.get(&run)).map(|row| row.status);
    }

    /// The rows that changed since the last [`Self::settle`].
    pub fn changed_runs(&self) -> Vec<RunRow> {
        self.changed.iter().filter_map(|run| self.runs.get(run)).cloned().collect()
    }

    /// The changed rows are stored; runs long over are let go.
    pub fn settle(&mut self) {
        self.changed.clear();
        let mut ended: Vec<_> = self
            .runs
            .values()
            .filter(|row| row.status.is_terminal() && Some(row.run) != self.latest)
            .map(|row| (row.updated_ms, row.run))
            .collect();
        ended.sort_unstable();
        for (_, run) in ended.iter().rev().skip(ENDED_RUNS_HELD) {
            self.runs.remove(run);
        }
    }

    /// One run, if it is held.
    pub fn run(&self, run: RunId) -> Option<&RunRow> {
        self.runs.get(&run)
    }

    /// The newest run.
    pub fn latest(&self) -> Option<&RunRow> {
        self.latest.and_then(|run| self.runs.get(&run))
    }

    /// The agent's row.
    pub fn agent_row(&self, plan: &Plan) -> AgentRow {
        let settings = self.detail.settings.as_ref();
        AgentRow {
            name: self.detail.name.clone(),
            status: self.status().to_owned(),
            repo_urls: settings
                .map(|s| s.repos.iter().map(|repo| repo.url.clone()).collect())
                .unwrap_or_default(),
            pr_urls: self.detail.pulls.iter().map(|pull| pull.link.clone()).collect(),
            archived: self.archived,
            created_ms: self.created_ms,
            updated_ms: self.updated_ms,
            latest_run: self.latest,
            branch: settings.map(|s| s.branch.clone()).unwrap_or_default(),
            model: settings.map(|s| s.model.id.clone()).unwrap_or_default(),
            usage: self.usage,
            cost_micros: self.cost_micros,
            detail: serde_json::to_value(&self.detail).unwrap_or_default(),
            // TRUST: sealed values go with the records; a server that dies before finds them again.
            open: self.erased || !plan.record.is_empty() || !plan.effects.is_empty(),
            wake_at_ms: plan.wake_at_ms,
        }
    }

    fn status(&self) -> &'static str {
        if self.archived {
            "ARCHIVED"
        } else if self.runs.values().any(|row| !row.status.is_terminal()) {
            "ACTIVE"
        } else {
            "IDLE"
        }
    }

    /// Money of the agent's whole life, in millionths of a dollar.
    pub const fn cost_micros(&self) -> u64 {
        self.cost_micros
    }
}

fn new_run(run: RunId, logged: &Logged, prompt: String) -> RunRow {
    RunRow {
        run,
        status: RunStatus::Creating,
        created_ms: logged.at_ms,
        updated_ms: logged.at_ms,
        duration_ms: None,
        prompt,
        result: None,
        failure: None,
        usage: Usage::default(),
        cost_micros: 0,
        git: serde_json::to_value(RunDetail { first_seq: logged.seq }).unwrap_or_default(),
    }
}

fn end_run(
    row: &mut RunRow,
    status: RunStatus,
    failure: Option<&Failure>,
    result: &str,
    duration_ms: u64,
) {
    row.status = status;
    row.failure = failure.cloned();
    row.result = Some(result.to_owned());
    row.duration_ms = Some(duration_ms);
}

/// Whether an isolation report, as an event holds it, lacks the wall between agents.
fn is_shared(isolation: &serde_json::Value) -> bool {
    let walls = isolation.get("walls").and_then(serde_json::Value::as_array);
    let is_own = |wall: &serde_json::Value| {
        wall.get("name").and_then(serde_json::Value::as_str) == Some(OWN_SANDBOX)
    };
    // It is named only where it is missing.
    walls.is_some_and(|walls| walls.iter().any(is_own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_agent_is_found_again_until_its_records_are_removed() {
        let mut projection = Projection::default();
        let row = |projection: &Projection| projection.agent_row(&Plan::default());
        assert!(!row(&projection).open);
        projection.apply(&Logged { seq: Seq(1), at_ms: 1, event: Event::Deleted });
        assert!(row(&projection).open, "a server that dies now leaves it to the next one");
    }
}
