//! Bodies about runs and messages.

use crate::event::{Mode, ModelChoice};
use crate::failure::Failure;
use crate::input::WhenBusy;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A message of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// Required, not empty, at most 100,000 characters.
    pub text: String,
    /// At most 5 of 15 MB each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<PromptImage>,
}

/// An image of a message: exactly one of `data` and `url`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromptImage {
    /// Base64; then `mimeType` is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Fetching by URL is refused: send the bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Accepted; both at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<Dimension>,
}

/// Size of an image in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// At least 1.
    pub width: u32,
    /// At least 1.
    pub height: u32,
}

/// `POST /v1/agents/{id}/runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateRun {
    /// The message.
    pub prompt: Prompt,
    /// MCP servers; a non-empty list is refused until they are supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp_servers: Option<Vec<serde_json::Value>>,
    /// Another mode for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Another model for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelChoice>,
    /// Variables from this run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env_vars: Option<BTreeMap<String, String>>,
    /// What to do when a run is active; default `refuse`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_busy: Option<WhenBusy>,
    /// Chosen by the client: `run-<uuid>`; makes the call idempotent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

/// `POST /v1/agents/{id}/restores`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateRestore {
    /// The run at whose end the files were as they shall be.
    pub run_id: String,
}

/// Answer to `POST /v1/agents/{id}/runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedRun {
    /// The run that took the message.
    pub run: Run,
    /// The message was put into this active run instead of starting one.
    #[serde(default)]
    pub steered: bool,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// `run-<uuid>`.
    pub id: String,
    /// Its agent.
    pub agent_id: String,
    /// `CREATING`, `RUNNING`, `FINISHED`, `ERROR`, `CANCELLED` or `EXPIRED`.
    pub status: String,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601.
    pub updated_at: String,
    /// Once over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The final text, once over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// After something was pushed; belongs to the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitBody>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// What it has used.
    pub usage: UsageBody,
    /// The message, cut to 2,000 characters.
    pub prompt_text: String,
    /// Number of the event that asked for it: where it begins in the log.
    #[serde(default)]
    pub first_seq: u64,
}

/// What was pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GitBody {
    /// One entry a repository.
    pub branches: Vec<GitBranch>,
}

/// A branch, verified on its remote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitBranch {
    /// Without scheme.
    pub repo_url: String,
    /// The branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Its pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr_url: Option<String>,
    /// The commit the remote showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// Tokens and money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageBody {
    /// Neither read from nor written to a cache.
    pub input_tokens: u64,
    /// Thinking included.
    pub output_tokens: u64,
    /// Written to a cache.
    pub cache_write_tokens: u64,
    /// Read from a cache.
    pub cache_read_tokens: u64,
    /// Sum of the four.
    pub total_tokens: u64,
    /// Money.
    pub cost: CostBody,
}

/// Money in cents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostBody {
    /// At the configured prices.
    pub raw_cost_cents: f64,
    /// The same: Errand charges nothing.
    pub charged_cents: f64,
}

/// `GET /v1/agents/{id}/usage`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentUsage {
    /// Of all runs asked for.
    pub total_usage: UsageBody,
    /// Money of all of them.
    pub cost: CostBody,
    /// Per run.
    pub runs: Vec<RunUsage>,
}

/// Usage of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunUsage {
    /// The run.
    pub id: String,
    /// What it used.
    pub usage: UsageBody,
    /// Its money.
    pub cost: CostBody,
}

impl UsageBody {
    /// From the stored counts and millionths of a dollar.
    pub fn new(usage: &crate::content::Usage, cost_micros: u64) -> Self {
        // A cost never comes near 2^52 millionths of a dollar, so the division is exact enough.
        let cents = cost_micros as f64 / 10_000.0;
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cache_write_tokens: usage.cache_write_tokens,
            cache_read_tokens: usage.cache_read_tokens,
            total_tokens: usage.total(),
            cost: CostBody { raw_cost_cents: cents, charged_cents: cents },
        }
    }
}
