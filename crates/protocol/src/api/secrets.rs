//! Bodies about secrets: values that people keep with the server for the sandboxes of agents.
//!
//! A value comes in and never goes out again.

use super::audit::SecretUse;
use super::environments::EnvironmentRepo;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A value on its way in; it is not shown, not even while looking for mistakes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct SecretValue(pub String);

impl std::fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SecretValue")
    }
}

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretKind {
    /// A variable of the sandbox's commands, no secret at all.
    EnvironmentVariable,
    /// A grant: the sandbox is not given the value, its `hosts` are. With `plain` the value itself is a variable,
    /// and is kept out of transcripts.
    RuntimeSecret,
    /// For the steps of a build only.
    BuildSecret,
}

/// Where in a request to one of its hosts a grant's value may stand.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SecretPlace {
    /// In the value of a header.
    Header,
    /// In the user name or password of Basic authentication.
    Basic,
    /// In the query of the address.
    Query,
    /// In the body.
    Body,
}

/// Whose a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretScope {
    /// The key's own: for agents that it opens.
    User,
    /// A saved environment's: for agents of its repositories.
    Environment,
    /// For all agents.
    Team,
}

/// `PUT …/secrets/{name}`: a new one, or another value for one that is there; what is left out stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PutSecret {
    /// 1–4096 bytes.
    pub value: SecretValue,
    /// Of a new one `runtime_secret`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<SecretKind>,
    /// Only for agents of one of these repositories; a new one without them is for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repos: Option<Vec<EnvironmentRepo>>,
    /// Hosts that are given a grant's value: `host` or `*.suffix`, each with an optional `:port`. For a new one with
    /// a well-known name (`NPM_TOKEN`) they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<String>>,
    /// Where in a request; of a new one `header` and `basic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<Vec<SecretPlace>>,
    /// No grant: programs in the sandbox see the value of this runtime secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain: Option<bool>,
}

/// A secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretBody {
    /// `secv_…`: tells apart those with the same name.
    pub id: String,
    /// The name of its variable.
    pub name: String,
    /// What becomes of it.
    #[serde(rename = "type")]
    pub kind: SecretKind,
    /// Only for agents of one of these; empty: of all.
    pub repos: Vec<EnvironmentRepo>,
    /// ISO 8601.
    pub created_at: String,
    /// Whose it is.
    pub owner: SecretScope,
    /// The saved environment whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_id: Option<String>,
    /// Hosts that are given a grant's value; empty: it is no grant.
    pub hosts: Vec<String>,
    /// Where in a request to them.
    pub places: Vec<SecretPlace>,
    /// Programs in the sandbox see the value of this runtime secret.
    pub plain: bool,
    /// ISO 8601.
    pub updated_at: String,
    /// Name of the key that changed it last.
    pub updated_by: String,
    /// ISO 8601; absent where it was never used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<String>,
    /// Its last uses, each agent and host once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<SecretUse>,
}

/// One page of secrets, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretsPage {
    /// The rows.
    pub items: Vec<SecretBody>,
    /// Pass it as `cursor` for the next page; `null` on the last one.
    pub next_cursor: Option<String>,
}
