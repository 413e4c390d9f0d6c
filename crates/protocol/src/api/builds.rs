//! Bodies about builds: machines prepared ahead, on which agents of the same repositories begin.

use super::agents::RepoBody;
use crate::failure::Failure;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/builds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateBuild {
    /// The repositories, as agents name them and in the same order.
    pub repos: Vec<RepoBody>,
}

/// `PATCH /v1/builds/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateBuild {
    /// New agents begin with this one, whatever is built later.
    pub pinned: bool,
}

/// A build, or a machine that a person set up and kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildBody {
    /// Id of the agent that built it, whose events are its log; of a kept machine, whose it was. One
    /// that was imported has an id of its own and no agent.
    pub id: String,
    /// What it left, which new agents begin with.
    pub layer: String,
    /// URLs of the repositories.
    pub repos: Vec<String>,
    /// `RUNNING`, `READY` or `FAILED`.
    pub status: String,
    /// `automatic`, `asked`, `kept` or `imported`.
    pub origin: String,
    /// New agents of these repositories begin with it.
    pub current: bool,
    /// It stays the one they begin with.
    pub pinned: bool,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601; absent: it is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<String>,
    /// The image below it that its environment file asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The saved environment that it followed; absent: the repository's own file, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<BuildEnvironment>,
    /// Commits that are checked out, in the order of the repositories.
    pub commits: Vec<String>,
    /// Space it takes.
    pub bytes: u64,
    /// Files it holds.
    pub files: u64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// What a build brings that runs although nobody calls it by its path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildChanges {
    /// Id of the build before it, beside which it is seen; absent: all that is on its disk is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
    /// What is read at a start first, then programs that everybody calls, then others.
    pub items: Vec<BuildChange>,
    /// Nothing was left out; 2,000 programs and 2,000 of the others are told of each build.
    pub whole: bool,
}

/// A program where programs are looked for, or what shells, git and others read when they start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildChange {
    /// The file, as it is inside.
    pub path: String,
    /// `startup`, `knownProgram` or `program`.
    pub kind: String,
    /// `added`, `changed` or `removed`.
    pub change: String,
}

/// The saved environment that a build followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildEnvironment {
    /// Its id.
    pub id: String,
    /// What it was called.
    pub name: String,
    /// Which version.
    pub version: u64,
}

/// How a machine is kept; may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CreateSnapshot {
    /// Keep it although values of the agent's secret variables lie on its disk.
    pub with_secrets: bool,
}

/// `POST /v1/agents/{id}/snapshot`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotBody {
    /// The agent.
    pub id: String,
    /// The layer that its disk is kept as.
    pub layer: String,
}
