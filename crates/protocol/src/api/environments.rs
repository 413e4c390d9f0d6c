//! Bodies about saved environments: what an environment file would say, kept by the server for repositories
//! that have none.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/environments`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateEnvironment {
    /// 1–100 characters on one line; no two environments have the same, whatever the case.
    pub name: String,
    /// The repositories it is for, at most 20, none of them another environment's. May be empty: then no
    /// agent uses it yet.
    #[serde(default)]
    pub repos: Vec<EnvironmentRepo>,
    /// The text, as `.errand/environment.json` would have it.
    pub environment_json: String,
    /// Whose it is. Only `team` is known: it holds for everybody's agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// `PUT /v1/environments/{id}`: all of it anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplaceEnvironment {
    /// As at creation.
    pub name: String,
    /// As at creation.
    pub repos: Vec<EnvironmentRepo>,
    /// As at creation.
    pub environment_json: String,
    /// The version that this replaces; if it is not the newest any more nothing is changed.
    pub version: u64,
}

/// `POST /v1/environments/{id}/versions/{version}/restore`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestoreEnvironment {
    /// The version that this replaces; if it is not the newest any more nothing is changed.
    pub version: u64,
}

/// `POST /v1/environments/check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckEnvironment {
    /// The text, as `.errand/environment.json` would have it.
    pub environment_json: String,
}

/// A repository that an environment is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentRepo {
    /// Its URL, in any of the forms that agents take; `.git` at its end and the scheme tell none apart.
    pub url: String,
}

/// A saved environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentBody {
    /// A plain uuid.
    pub id: String,
    /// For people.
    pub name: String,
    /// `team`.
    pub owner: String,
    /// The repositories it is for.
    pub repos: Vec<EnvironmentRepo>,
    /// Of its newest version, from 1; rises with every change.
    pub version: u64,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601.
    pub updated_at: String,
    /// Name of the key that changed it last.
    pub updated_by: String,
    /// The text; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_json: Option<String>,
    /// What does not keep it from being used; absent in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<EnvironmentRemark>,
}

/// Something about a text: where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentRemark {
    /// Stable, snake case.
    pub code: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// Path of the key, as in `terminals[0].command`; empty for the whole text.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentCheck {
    /// Nothing keeps it from being used.
    pub ok: bool,
    /// What keeps it from being used.
    pub problems: Vec<EnvironmentRemark>,
    /// What does not.
    pub warnings: Vec<EnvironmentRemark>,
}

/// One version of a saved environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentVersion {
    /// From 1.
    pub version: u64,
    /// Its name then.
    pub name: String,
    /// The repositories it was for then.
    pub repos: Vec<EnvironmentRepo>,
    /// ISO 8601.
    pub created_at: String,
    /// Name of the key that made it.
    pub created_by: String,
    /// `created`, `changed` or `restored`.
    pub origin: String,
    /// The version whose text it has again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_from: Option<u64>,
    /// It is what agents use.
    pub current: bool,
    /// The text; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_json: Option<String>,
}
