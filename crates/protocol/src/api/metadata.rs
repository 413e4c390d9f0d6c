//! Bodies about the caller, the models, the repositories and the artifacts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/me`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// Name of the key used.
    pub api_key_name: String,
    /// ISO 8601.
    pub created_at: String,
}

/// A list without pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Items<T> {
    /// All rows.
    pub items: Vec<T>,
}

/// One model of `GET /v1/models`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelBody {
    /// What `model.id` takes.
    pub id: String,
    /// For people.
    pub display_name: String,
    /// One sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Other ids of the same model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What can be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<ModelParameter>,
    /// What it can do: `images`, `thinking`, `parallel_tools`.
    pub capabilities: Vec<String>,
    /// Used when a run names no model.
    pub is_default: bool,
}

/// A parameter of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelParameter {
    /// What `params[].id` takes.
    pub id: String,
    /// What `params[].value` takes.
    pub values: Vec<ModelParameterValue>,
}

/// A value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelParameterValue {
    /// The value.
    pub value: String,
}

/// One repository of `GET /v1/repositories`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RepositoryBody {
    /// Its URL as an agent is given it.
    pub url: String,
    /// The connection that opens it; none: an agent worked on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forge: Option<String>,
    /// The branch that its host shows first, as far as that says so.
    #[serde(default, rename = "defaultBranch", skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
}

/// One artifact of `GET /v1/agents/{id}/artifacts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// `artifacts/…`.
    pub path: String,
    /// In bytes.
    pub size_bytes: u64,
    /// ISO 8601.
    pub updated_at: String,
}

/// `GET /v1/agents/{id}/artifacts/download?path=…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactLink {
    /// Carries its own right; no header needed.
    pub url: String,
    /// ISO 8601, 15 minutes from now.
    pub expires_at: String,
}

/// `GET /v1/api-keys` and its `POST` answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyBody {
    /// What revoking takes.
    pub id: String,
    /// Its name.
    pub name: String,
    /// ISO 8601.
    pub created_at: String,
    /// Only in the answer that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// `POST /v1/api-keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// 1–100 characters.
    pub name: String,
}
