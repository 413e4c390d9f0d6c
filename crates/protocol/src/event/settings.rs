//! What an agent is opened with, and what a message asks beside its text.

use crate::environment::found::ChosenImage;
use crate::ids::{AgentId, LayerId, RunId};
use serde::{Deserialize, Serialize};

/// What an agent was opened with; fixed for its life unless an event says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// 1–100 characters.
    pub name: String,
    /// Who opened it: `admin` or the name of an API key.
    pub principal: String,
    /// Id of the key that opened it, `admin` for the installation's own: whose secrets it is given. None = nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opener: Option<String>,
    /// The repositories, at most 20, possibly none.
    pub repos: Vec<RepoSettings>,
    /// The model by id, with parameters; a run may choose another.
    pub model: ModelChoice,
    /// How the harness behaves unless a run says otherwise.
    pub mode: Mode,
    /// Open a pull request when the first push is verified.
    pub auto_create_pr: bool,
    /// Do not ask for reviewers on it.
    pub skip_reviewer_request: bool,
    /// How a first pull request is opened.
    #[serde(default, skip_serializing_if = "PullWishes::is_default")]
    pub pull: PullWishes,
    /// Push straight to the starting ref instead of a branch of its own.
    pub work_on_current_branch: bool,
    /// Branch asked for by the caller, if any.
    pub branch_name: Option<String>,
    /// Branch on which the agent works; fixed at opening.
    pub branch: String,
    /// Names of the variables given; values are sealed records.
    pub env_names: Vec<String>,
    /// Free text of the caller.
    pub metadata: std::collections::BTreeMap<String, String>,
    /// Whether the operator may keep prompts beyond the run; fixed at opening.
    pub privacy_mode: bool,
    /// Limits of every run of this agent.
    pub limits: RunLimits,
    /// Which provider makes its sandboxes.
    pub provider: String,
    /// Shell texts that run one after the other each time its machine comes up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub startup_commands: Vec<String>,
    /// What its disk begins with, base first; fixed at opening.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerId>,
    /// The environment file may ask for an image: what a disk begins with is known once it was read.
    #[serde(default)]
    pub may_have_image: bool,
    /// The image that the layers are of, where an environment file asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Box<ChosenImage>>,
    /// It is a build: it has no model and ends in a layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildOrder>,
    /// It goes on where another one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<ForkedFrom>,
    /// Requests kept for read-back that have no effect yet (custom subagents, MCP servers), as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<serde_json::Value>,
}

/// Whose agents begin with what a disk held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotPurpose {
    /// All new ones of the same repositories.
    #[default]
    Environment,
    /// The same, whatever secrets may be on it.
    EnvironmentWithSecrets,
    /// One, which goes on from here.
    Fork,
}

/// Where a fork goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForkedFrom {
    /// The other agent.
    pub agent: AgentId,
    /// Its last run that this one knows.
    pub run: RunId,
}

/// How a first pull request is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PullWishes {
    /// For reading only until a person says that it is ready.
    pub draft: bool,
    /// Who is asked for a review, by their names on the host.
    pub reviewers: Vec<String>,
    /// Labels that it is given.
    pub labels: Vec<String>,
}

impl PullWishes {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What a build is to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildOrder {
    /// The layer that it ends in.
    pub layer: LayerId,
    /// The environment that the layer is for.
    pub environment: String,
}

/// One repository of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepoSettings {
    /// As given: local path, `file://`, `http(s)://` or ssh URL; never with user information.
    pub url: String,
    /// Branch, tag or commit to start from; none = the default branch.
    pub starting_ref: Option<String>,
    /// Pull request to continue.
    pub pr_url: Option<String>,
    /// Folder under `/workspace`.
    pub folder: String,
    /// What a person sent to start from; none: what the remote has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<UploadStart>,
}

/// A person's worktree as the start of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UploadStart {
    /// The complete upload with the objects.
    pub id: String,
    /// Commit that the agent's branch starts at.
    pub head: String,
    /// All files of the worktree; what differs from the commit stays uncommitted.
    pub tree: String,
    /// Newest commit of it that the remote has; none: the upload has the whole history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

/// A model with its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ModelChoice {
    /// Id in the model list.
    pub id: String,
    /// Parameters by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<ModelParam>,
}

/// One parameter of a model choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
pub struct ModelParam {
    /// Which parameter.
    pub id: String,
    /// Its value.
    pub value: String,
}

/// How the harness behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Works until done.
    #[default]
    Agent,
    /// Explores and writes a plan, which a person approves.
    Plan,
    /// Answers questions, changes nothing.
    Ask,
    /// Talks architecture; may write documents only.
    Architect,
    /// Finds the cause of a fault, then fixes it.
    Debug,
}

/// What a run may use up. Every limit has a default in [`crate::limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RunLimits {
    /// Model calls.
    pub steps: u32,
    /// Tokens of all kinds.
    pub tokens: u64,
    /// Money, in millionths of a dollar.
    pub cost_micros: u64,
    /// Time until the notice to wrap up, in milliseconds.
    pub soft_time_ms: u64,
    /// Time until the hard stop that keeps the work, in milliseconds.
    pub hard_time_ms: u64,
}

/// What a message asks beside its text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AskOptions {
    /// Another model for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelChoice>,
    /// Another mode for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// The message was made by Errand itself (a conflict handed to the agent), not by a person.
    #[serde(default)]
    pub automatic: bool,
    /// No model is asked: the files are put back to how they were at the end of this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<RunId>,
}
