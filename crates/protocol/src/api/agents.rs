//! Bodies about agents.

use crate::event::{ConfigurationTrust, DiffStat, Mode, ModelChoice};
use crate::flow::{Integrity, Reading};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

use super::review::{EvidenceBody, ReviewBody};
use super::runs::{Prompt, Run, UsageBody};

/// `POST /v1/agents`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateAgent {
    /// The first message.
    pub prompt: Prompt,
    /// Omitted: the configured default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelChoice>,
    /// 1–100 characters; omitted: derived from the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it runs; only `cloud` so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<EnvChoice>,
    /// At most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repos: Vec<RepoBody>,
    /// Push straight to the starting ref.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_on_current_branch: Option<bool>,
    /// Open a pull request after the first verified push.
    #[serde(default, rename = "autoCreatePR", skip_serializing_if = "Option::is_none")]
    pub auto_create_pr: Option<bool>,
    /// Ask nobody for a review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_reviewer_request: Option<bool>,
    /// Open it as a draft.
    #[serde(default, rename = "draftPR", skip_serializing_if = "Option::is_none")]
    pub draft_pr: Option<bool>,
    /// Who is asked for a review, by their names on the host; at most 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewers: Option<Vec<String>>,
    /// Labels for the pull request, at most 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// Accepted for compatibility: pull requests are opened by the connection's own identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_as_cursor_github_app: Option<bool>,
    /// Variables for the sandbox, at most 50; values are sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env_vars: Option<BTreeMap<String, String>>,
    /// Variables of the first run; treated as `envVars`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_env_vars: Option<BTreeMap<String, String>>,
    /// MCP servers; a non-empty list is refused until they are supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp_servers: Option<Vec<serde_json::Value>>,
    /// Subagents; a non-empty list is refused until they are supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_subagents: Option<Vec<serde_json::Value>>,
    /// How the agent behaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Chosen by the client: `bc-<uuid>`; makes the create idempotent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Free text of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// Accepted for compatibility.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_serve_agent: Option<bool>,
    /// The branch to work on; omitted: `errand/<slug>-<suffix>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch_name: Option<String>,
    /// Limits of every run; omitted: the defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsBody>,
    /// Shell texts that run one after the other each time the machine comes up, before `install` of the
    /// environment file: at most 20 of 500 characters; omitted: those of the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup_commands: Option<Vec<String>>,
}

/// Limits a caller may set; an omitted one has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LimitsBody {
    /// Model calls of one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// Tokens of one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Money of one run in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_cents: Option<u64>,
    /// Minutes of one run, 1–480.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
}

/// Where an agent runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvChoice {
    /// `cloud`, `pool` or `machine`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which pool, machine or environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepoBody {
    /// Local path, `file://`, `http(s)://` or ssh URL.
    pub url: String,
    /// Branch, tag or commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starting_ref: Option<String>,
    /// Pull request to continue; `startingRef` is then ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr_url: Option<String>,
    /// A worktree that was sent, to start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<crate::event::UploadStart>,
}

/// An agent, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// `bc-<uuid>`.
    pub id: String,
    /// 1–100 characters.
    pub name: String,
    /// `ACTIVE`, `IDLE` or `ARCHIVED`.
    pub status: String,
    /// Where it runs.
    pub env: EnvChoice,
    /// Where people look at it.
    pub url: String,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601.
    pub updated_at: String,
    /// Who opened it: the name of a key. Older servers do not tell.
    #[serde(default)]
    pub opened_by: String,
    /// Its newest run.
    pub latest_run_id: String,
    /// Status of that run.
    pub latest_run_status: String,
    /// Its repositories.
    pub repos: Vec<RepoBody>,
    /// Pushes to the starting ref.
    pub work_on_current_branch: bool,
    /// Opens a pull request by itself.
    #[serde(rename = "autoCreatePR")]
    pub auto_create_pr: bool,
    /// Asks nobody for a review.
    pub skip_reviewer_request: bool,
    /// Free text of the caller.
    pub metadata: BTreeMap<String, String>,
    /// The branch it works on; none without a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch_name: Option<String>,
    /// Its pull requests.
    pub pull_requests: Vec<PullRequestLink>,
    /// Model of runs that name none.
    pub model: ModelChoice,
    /// Mode of runs that name none.
    pub mode: Mode,
    /// Names of its variables.
    pub env_var_names: Vec<String>,
    /// Its machine.
    pub sandbox: SandboxBody,
    /// What it has used.
    pub usage: UsageBody,
    /// Runs waiting behind the active one.
    pub queued_runs: u32,
    /// What a person is asked, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<QuestionBody>,
    /// What configures it, a repository each, as soon as that was read. Older servers do not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub configurations: Vec<ConfigurationBody>,
    /// What stopped its newest push. Older servers do not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stops: Vec<StopBody>,
    /// What it has read, which secrets it had, and where it could carry data. Older servers do not tell.
    #[serde(default)]
    pub flow: FlowBody,
    /// Position of its newest event.
    pub seq: u64,
}

/// What an agent has read, which secrets it had, and where it could carry data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlowBody {
    /// How far the least trusted text may be trusted that it has read.
    pub integrity: Integrity,
    /// What was read first of each kind, in that order.
    pub readings: Vec<Reading>,
    /// Names of the secrets that it has or had.
    pub secrets: Vec<String>,
    /// Where data could be carried, as entries of its allow-list; `any host` for all.
    pub outward: Vec<String>,
    /// What comes of these three.
    pub state: FlowState,
    /// Who allowed it, if a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_by: Option<String>,
}

/// What comes of what an agent read, its secrets and its ways out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlowState {
    /// It does not have all three.
    #[default]
    Apart,
    /// It has, and its ways out are closed.
    Closed,
    /// The same, and a person is asked.
    Waiting,
    /// A person allowed it.
    Allowed,
    /// The administrator has it recorded only.
    Recorded,
}

/// `POST /v1/agents/{id}/flow`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowFlow {
    /// What was looked at: the integrity that the agent shows.
    pub integrity: Integrity,
}

/// The machine of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SandboxBody {
    /// `none`, `starting`, `up` or `stopping`.
    pub state: String,
    /// Incarnation, from 1; 0 before the first.
    pub epoch: u64,
    /// Who makes it.
    pub provider: String,
    /// Whether it shared its sandbox with other agents when it last came up: there is no wall between these.
    /// Older servers do not tell.
    #[serde(default)]
    pub shared: bool,
}

/// A question that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuestionBody {
    /// Answer it at `POST /v1/agents/{id}/questions/{questionId}`.
    pub id: String,
    /// `plan_approval`, `question` or `allow_request`.
    pub kind: String,
    /// What is asked.
    pub text: String,
    /// Answers to choose from; empty: free text.
    pub options: Vec<String>,
    /// What holds when nobody answers in time.
    pub default: String,
    /// ISO 8601.
    pub deadline: String,
}

/// `POST /v1/agents/{id}/questions/{questionId}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerQuestion {
    /// One of the options, or free text.
    pub answer: String,
}

/// `POST /v1/agents/{id}/hosts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowHost {
    /// An entry of an allow-list: `api.example.com`, `GET https://api.example.com/v1/*`, `db.example.com:5432`.
    pub entry: String,
    /// For how long.
    #[serde(default)]
    pub scope: AllowScope,
}

/// `POST /v1/agents/{id}/configuration`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowConfiguration {
    /// What was looked at: the digest that the agent shows.
    pub digest: String,
}

/// What configures an agent in one of its repositories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationBody {
    /// The repository.
    pub repo_url: String,
    /// Names the environment file, its Dockerfile and the instructions at the starting commit.
    pub digest: String,
    /// Why it is trusted, or that it is not.
    pub trust: ConfigurationTrust,
    /// The agent is without credentials until a person allows it.
    pub is_withheld: bool,
}

/// Something that may not leave in a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StopBody {
    /// The repository.
    pub repo_url: String,
    /// The commit that brings it.
    pub commit: String,
    /// Stable name of the rule.
    pub rule: String,
    /// The file, where it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line, where it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// In plain words what it is and what to do.
    pub why: String,
    /// By which exactly this is let through.
    pub mark: String,
    /// A person let it through.
    pub is_allowed: bool,
}

/// `POST /v1/agents/{id}/stops`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowStop {
    /// What is let through: the mark that the agent shows.
    pub mark: String,
    /// Why, for whoever reads the audit log and the pull request.
    pub reason: String,
}

/// For how long a host is allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AllowScope {
    /// Until the active run ends.
    Run,
    /// As long as the agent is there.
    #[default]
    Agent,
    /// For this agent and all others of its repositories, until it is taken out of the settings.
    Environment,
}

/// A pull request of an agent, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PullRequestLink {
    /// Its repository.
    pub repo_url: String,
    /// Number within the repository.
    pub number: u64,
    /// Where people read it.
    pub url: String,
}

/// A pull request kept by Errand itself, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PullRequestBody {
    /// Its repository.
    pub repo_url: String,
    /// Number within the repository.
    pub number: u64,
    /// Where people read it.
    pub url: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Branch with the work.
    pub head: String,
    /// Branch it would go to.
    pub base: String,
    /// Head commit.
    pub commit: String,
    /// `open`, `merged` or `closed`; `unknown` where its host did not say.
    pub state: String,
    /// Why not; what is told then is what Errand itself knows, with the agent's name as title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// For reading only yet.
    pub is_draft: bool,
    /// Where it is kept: by Errand or by the repository's host.
    pub kept_by: PullRequestKeeper,
    /// Commits of its base that the branch lacks; missing where that is not known, or of no use any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<u64>,
    /// The merge commit, once merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge_commit: Option<String>,
    /// Counted against the base.
    pub stat: DiffStat,
    /// What to look at; missing where the diff could not be judged, which is then a reason to read all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewBody>,
    /// What there is to show for it.
    #[serde(default)]
    pub evidence: EvidenceBody,
}

/// Where a pull request is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PullRequestKeeper {
    /// By Errand; people read and merge it here.
    Errand,
    /// By the host of the repository.
    Host,
}

/// `PUT /v1/agents/{id}/pull-requests/{number}/stage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StagePullRequest {
    /// Whether it is for reading only.
    pub draft: bool,
    /// Which repository, where several have this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo_url: Option<String>,
}

/// `POST /v1/agents/{id}/pull-requests/{number}/merge`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MergePullRequest {
    /// The head commit that the person saw; another one now is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Which repository, where several have this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo_url: Option<String>,
}

/// `POST /v1/agents/{id}/pull-requests/{number}/update`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdatePullRequest {
    /// Which repository, where several have this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo_url: Option<String>,
}

/// Answer to `POST /v1/agents`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedAgent {
    /// The agent, with `latestRunId`.
    pub agent: Agent,
    /// Its first run.
    pub run: Run,
}

/// `PATCH /v1/agents/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateAgent {
    /// Another name, 1–100 characters.
    pub name: String,
}

/// One event of the log as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventBody {
    /// Dense from 1.
    pub seq: u64,
    /// ISO 8601.
    pub at: String,
    /// Hash of this event, chained over the one before (blake3, hex).
    pub hash: String,
    /// The event, tagged by `type`.
    pub event: serde_json::Value,
}

/// `GET /v1/agents/{id}/events?after=N` or `?before=N`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventsBody {
    /// Oldest first.
    pub items: Vec<EventBody>,
    /// Pass it as `after` for more; absent when these were all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_after: Option<u64>,
    /// Reading backwards: pass it as `before` for older ones; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_before: Option<u64>,
}

/// `GET /v1/agents/{id}/diff`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiffBody {
    /// One entry a repository.
    pub repos: Vec<RepoDiff>,
}

/// The diff of one repository, computed from our own copy, never reported by the sandbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepoDiff {
    /// Its URL.
    pub repo_url: String,
    /// The branch.
    pub branch: String,
    /// Commit compared against.
    pub base: String,
    /// Commit compared.
    pub head: String,
    /// Counted.
    pub stat: DiffStat,
    /// The commits of the branch, newest first.
    pub commits: Vec<CommitBody>,
    /// Per file.
    pub files: Vec<FileDiff>,
    /// Some of the diff was left out because of its size.
    pub truncated: bool,
}

/// One commit of the branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommitBody {
    /// Full id.
    pub id: String,
    /// First line of the message.
    pub subject: String,
    /// How many parents it has.
    pub parents: Vec<String>,
    /// ISO 8601.
    pub authored_at: String,
}

/// One file of a diff.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileDiff {
    /// Path now (or before, when deleted).
    pub path: String,
    /// Path before, when renamed or copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_path: Option<String>,
    /// `added`, `deleted`, `modified`, `renamed`, `copied` or `type_changed`.
    pub status: String,
    /// Mode before, as git spells it; none for a new file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_mode: Option<String>,
    /// Mode now; none for a deleted file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_mode: Option<String>,
    /// Content is not text.
    pub binary: bool,
    /// Lines added.
    pub additions: u64,
    /// Lines removed.
    pub deletions: u64,
    /// The hunks as unified text; empty for binary files.
    pub patch: String,
}

/// `GET /v1/doctor`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DoctorBody {
    /// Every point checked.
    pub checks: Vec<DoctorCheck>,
}

/// One point that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DoctorCheck {
    /// What was checked.
    pub name: String,
    /// `ok`, `reduced` or `missing`.
    pub state: String,
    /// What was found, what it protects from, how to improve it.
    pub detail: String,
}

/// `POST /v1/agents/{id}/forks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateFork {
    /// The first message to the new agent.
    pub prompt: Prompt,
    /// Go on from the end of this run; omitted: of the newest one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// 1–100 characters; omitted: derived from the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Omitted: that of the agent that is forked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelChoice>,
    /// The branch to work on; omitted: `errand/<slug>-<suffix>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch_name: Option<String>,
    /// Open a pull request; omitted: as the agent that is forked.
    #[serde(default, rename = "autoCreatePR", skip_serializing_if = "Option::is_none")]
    pub auto_create_pr: Option<bool>,
}
