//! The environment file: what an agent's machine is made of, read from bytes that anybody wrote.
//!
//! ```text
//! bytes ─► document (JSON with comments, positions) ─► file | devcontainer ─► Environment
//!                                                            └─ Remarks: problems, warnings
//! ```
//!
//! Read in this order: [`place`] says where a repository keeps such a file and which one counts,
//! [`remark`] what can be said about it, [`path`] what a path in it may be, [`explain`] tells a
//! person what was understood, [`found`] what an agent follows of it, [`schema`] tells an editor what
//! may be written.
//!
//! TRUST: the bytes come from a repository. Everything is limited before it is looked at, nothing
//! here does IO, and a path that leaves the repository never becomes a [`path::RepoPath`].

mod advice;
mod devcontainer;
mod document;
mod dockerfile;
pub mod explain;
mod field;
mod file;
pub mod found;
pub mod path;
pub mod place;
mod print;
mod reach;
pub mod remark;
pub mod schema;
#[cfg(test)]
mod tests;
mod variables;

pub use dockerfile::check as check_dockerfile;

use crate::limits::ENVIRONMENT_DEPENDENCIES;
use path::RepoPath;
use place::{Format, Place};
use remark::{Noted, Notes, Reference, Remark, Remarks};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What stands for the saved environment's snapshot in old files.
pub const SAVED_SNAPSHOT: &str = "POPULATED_FROM_SETTINGS";

/// Everything that a file was found to say. An empty file is the default of every field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Shown to people.
    pub name: Option<String>,
    /// Unix user of all commands; none: the machine's own.
    pub user: Option<String>,
    /// What the disk begins as.
    pub base: Base,
    /// Shell text that prepares the disk; may run over its own result.
    pub install: Option<String>,
    /// Shell text at each start, before the terminals.
    pub start: Option<String>,
    /// Programs that run while the agent works, each in a shared terminal.
    pub terminals: Vec<Terminal>,
    /// Shell texts that the server runs by itself at every commit that an agent pushed. Errand's own key.
    pub checks: Vec<String>,
    /// Ports that people will want to see.
    pub ports: Vec<Port>,
    /// More repositories that git may reach, as `host/owner/name`. They are not cloned.
    pub repository_dependencies: Vec<String>,
    /// As written; see [`Self::may_update_snapshot`].
    pub agent_can_update_snapshot: Option<bool>,
    /// No MCP servers of users and teams.
    pub disable_all_mcp_servers: Option<bool>,
    /// The only MCP servers of users and teams; empty: all of them.
    pub mcp_server_allowlist: Vec<McpServer>,
    /// How far the machine may reach; none: as the server is set.
    pub egress_mode: Option<EgressMode>,
    /// More hosts that may be reached.
    pub egress_allowlist: Vec<String>,
    /// The browser for tests.
    pub chrome_executable_path: Option<String>,
    /// Whether the agent may test by using the computer.
    pub enable_testing: Option<bool>,
}

/// What a machine's disk begins as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Base {
    /// The default image.
    #[default]
    Default,
    /// A snapshot by its id.
    Snapshot(String),
    /// The snapshot of the saved environment.
    SavedSnapshot,
    /// Built from a Dockerfile.
    Build(Build),
    /// An image from a registry.
    Image(String),
}

/// How an image is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// What it is built from.
    pub dockerfile: Dockerfile,
    /// The folder that the Dockerfile sees.
    pub context: RepoPath,
    /// Arguments of the build.
    pub args: BTreeMap<String, String>,
}

/// Where a Dockerfile is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dockerfile {
    /// In the repository.
    Path(RepoPath),
    /// In the environment file itself.
    Contents(String),
}

/// A program that runs while the agent works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Terminal {
    /// The terminal's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Shell text.
    pub command: String,
    /// For people and agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A port that people will want to see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Its number, not zero.
    pub port: u16,
    /// What is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// An MCP server that may be used: by address, by command, or by both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct McpServer {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_url: Option<String>,
    /// What starts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The only tools of it; empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_allowlist: Vec<String>,
}

/// How far a machine may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EgressMode {
    /// Everywhere.
    AllowAll,
    /// What user or team allow, and the file's list.
    ParentPlusNetworkSettings,
    /// The built-in list, and the file's list.
    DefaultWithNetworkSettings,
    /// The file's list only.
    NetworkSettingsOnly,
}

impl EgressMode {
    /// Every mode.
    pub const ALL: [Self; 4] = [
        Self::AllowAll,
        Self::ParentPlusNetworkSettings,
        Self::DefaultWithNetworkSettings,
        Self::NetworkSettingsOnly,
    ];

    /// As it is written in a file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::AllowAll => "allow_all",
            Self::ParentPlusNetworkSettings => "parent_plus_network_settings",
            Self::DefaultWithNetworkSettings => "default_with_network_settings",
            Self::NetworkSettingsOnly => "network_settings_only",
        }
    }
}

impl Environment {
    /// The repositories that git may read besides the agent's own, as far as they are followed.
    pub fn dependencies(&self) -> &[String] {
        let all = &self.repository_dependencies;
        all.get(..ENVIRONMENT_DEPENDENCIES).unwrap_or(all)
    }

    /// Whether an agent may save its disk as the next snapshot. Never where the disk is built.
    pub const fn may_update_snapshot(&self) -> bool {
        match self.base {
            Base::Build(_) | Base::Image(_) => false,
            Base::Default | Base::Snapshot(_) | Base::SavedSnapshot => {
                !matches!(self.agent_can_update_snapshot, Some(false))
            }
        }
    }
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What it says, or everything that keeps it from being used.
    pub outcome: Result<Understood, Vec<Remark>>,
    /// What does not keep it from being used.
    pub warnings: Vec<Remark>,
    /// What of the repository it refers to.
    pub references: Vec<Reference>,
}

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Understood {
    /// What an environment file can say.
    pub environment: Environment,
    /// Variables; only `devcontainer.json` has them.
    pub variables: BTreeMap<String, String>,
}

/// Reads the text of a saved environment, which people know by this title. Paths in it are those of a file at
/// Errand's own place.
pub fn read_saved(title: &str, text: &str) -> Reading {
    let mut reading = read(Place::Errand, text.as_bytes());
    let problems = reading.outcome.as_mut().err().into_iter().flatten();
    let missing = reading.references.iter_mut().map(|reference| &mut reference.missing);
    for remark in problems.chain(&mut reading.warnings).chain(missing) {
        title.clone_into(&mut remark.file);
    }
    reading
}

/// Reads the file at this place.
pub fn read(place: Place, bytes: &[u8]) -> Reading {
    let text = match document::text(place, bytes) {
        Ok(text) => text,
        Err(problem) => {
            let (warnings, references) = (Vec::new(), Vec::new());
            return Reading { outcome: Err(vec![problem]), warnings, references };
        }
    };
    let mut notes = Notes::new(place.path(), text);
    let understood = document::parse(place.format(), text, &mut notes)
        .map(|root| match place.format() {
            Format::Environment => Understood {
                environment: file::read(&root, place, &mut notes),
                variables: BTreeMap::new(),
            },
            Format::Devcontainer => devcontainer::read(&root, place, &mut notes),
        })
        .unwrap_or_default();
    let Noted { remarks: Remarks { problems, warnings }, references } = notes.finish();
    let outcome = if problems.is_empty() { Ok(understood) } else { Err(problems) };
    Reading { outcome, warnings, references }
}
