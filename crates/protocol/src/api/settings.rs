//! Bodies about what holds for all new agents, and about the server itself.

use crate::event::ModelChoice;
use crate::flow::WhenAllThree;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// `GET /v1/settings`: what holds for agents opened from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SettingsBody {
    /// Model of agents that name none; absent: the configured default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_model: Option<ModelChoice>,
    /// Repository that the web app and the command line fill in; absent: the person is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_repository: Option<String>,
    /// Starting ref of repositories that name none; absent: the repository's default branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_branch: Option<String>,
    /// Lists show pictures of diffs and snippets of code; off: neither paths nor code.
    pub display_agent_summary: bool,
    /// The same in connected channels: pull requests at hosts tell the task, the agent's words and what it changed; off:
    /// counts and evidence alone.
    pub display_agent_summary_in_external_channels: bool,
    /// Written into each agent when it is opened; nothing is kept beyond running it.
    pub privacy_mode: bool,
    /// Days after which an archived agent is deleted; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Shell texts that run each time the machine of an agent comes up that names none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub startup_commands: Vec<String>,
    /// How far agents may reach, of those that run too; absent, or wider than the operator's: as the operator has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<NetworkMode>,
    /// Hosts that agents may reach besides, where the operator leaves it to others to name some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_hosts: Vec<AllowedHost>,
    /// What happens where an agent read what nobody here wrote, has secrets and could carry data out; absent, or
    /// laxer than the operator's: as the operator has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when_all_three: Option<WhenAllThree>,
}

/// How far agents may reach, from the narrowest to the widest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMode {
    /// Nothing but the own repositories and models.
    Offline,
    /// Hosts that are listed.
    Allowlist,
    /// These, and reading from registries of packages.
    Packages,
    /// Any public host.
    Open,
}

/// A host that agents may reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedHost {
    /// An entry of an allow-list: `api.example.com`, `GET https://api.example.com/v1/*`, `db.example.com:5432`.
    pub entry: String,
    /// Only agents of this repository; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
}

/// `GET /v1/network`: how far agents may reach, and what keeps it from being farther.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkBody {
    /// The mode that holds.
    pub mode: NetworkMode,
    /// The operator's, which no setting makes wider.
    pub floor: NetworkMode,
    /// The operator's list.
    pub floor_hosts: Vec<String>,
    /// Hosts of the settings.
    pub hosts: Vec<AllowedHost>,
    /// The operator leaves it to others to name hosts.
    pub may_add: bool,
    /// What happens where an agent read what nobody here wrote, has secrets and could carry data out.
    pub when_all_three: WhenAllThree,
    /// The operator's, which no setting makes laxer.
    pub when_all_three_floor: WhenAllThree,
}

impl SettingsBody {
    /// Whether connected channels are told what agents say and do; what lists do not show, nobody outside sees.
    pub const fn tells_outside(&self) -> bool {
        self.display_agent_summary && self.display_agent_summary_in_external_channels
    }
}

impl Default for SettingsBody {
    fn default() -> Self {
        Self {
            default_model: None,
            default_repository: None,
            base_branch: None,
            display_agent_summary: true,
            display_agent_summary_in_external_channels: true,
            privacy_mode: false,
            retention_days: None,
            startup_commands: Vec::new(),
            network_mode: None,
            allowed_hosts: Vec::new(),
            when_all_three: None,
        }
    }
}

/// `PATCH /v1/settings`: an omitted field stays, `null` takes a value away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateSettings {
    /// See [`SettingsBody`].
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ModelChoice>)]
    pub default_model: Option<Option<ModelChoice>>,
    /// See [`SettingsBody`].
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub default_repository: Option<Option<String>>,
    /// See [`SettingsBody`].
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub base_branch: Option<Option<String>>,
    /// See [`SettingsBody`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_agent_summary: Option<bool>,
    /// See [`SettingsBody`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_agent_summary_in_external_channels: Option<bool>,
    /// See [`SettingsBody`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy_mode: Option<bool>,
    /// See [`SettingsBody`].
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub retention_days: Option<Option<u32>>,
    /// See [`SettingsBody`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup_commands: Option<Vec<String>>,
    /// See [`SettingsBody`].
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<NetworkMode>)]
    pub network_mode: Option<Option<NetworkMode>>,
    /// See [`SettingsBody`]; the whole list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_hosts: Option<Vec<AllowedHost>>,
    /// See [`SettingsBody`].
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<WhenAllThree>)]
    pub when_all_three: Option<Option<WhenAllThree>>,
}

/// A field that is there, be it `null`: unlike one that is not.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// `GET /v1/server`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerBody {
    /// Version of the server.
    pub version: String,
    /// Address that people use.
    pub public_url: String,
    /// Who makes sandboxes.
    pub provider: String,
    /// Where previews of ports appear, with `*` for the label.
    pub preview_address: String,
    /// What this server can do beyond the first version, one word each.
    pub features: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::UpdateSettings;

    #[test]
    fn an_omitted_field_is_not_a_null_one() {
        let update: UpdateSettings = serde_json::from_str(r#"{"baseBranch": null}"#).unwrap();
        assert_eq!(update.base_branch, Some(None));
        assert_eq!(update.retention_days, None);
        assert_eq!(serde_json::to_string(&update).unwrap(), r#"{"baseBranch":null}"#);
    }
}
