//! Bodies of the audit log, and of what left.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// One record of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    /// Its number, dense from 1.
    pub seq: u64,
    /// ISO 8601.
    pub at: String,
    /// What: noun and verb with a dot between, `secret.set`.
    pub kind: String,
    /// Who: `key:` and the key's name, `agent`, or `server`.
    pub who: String,
    /// What it was done to: the id of a secret or key, a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Of which agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// In which run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// More, by kind; `event` is the place and hash of an event in the agent's own log.
    #[schema(value_type = BTreeMap<String, Value>)]
    pub details: Map<String, Value>,
    /// Covers this record and all before it.
    pub hash: String,
}

/// The end of the audit log. Noted elsewhere, it shows later that nothing before it was changed or taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditHeadBody {
    /// The last record; 0: there is none.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
    /// Both as `errand audit verify --head` takes them.
    pub head: String,
}

/// `GET /v1/agents/{id}/traffic`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentTraffic {
    /// In all.
    pub total: Traffic,
    /// By run, newest first.
    pub runs: Vec<RunTraffic>,
}

/// What left during one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunTraffic {
    /// Which; none: while no run was active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// What left.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// What left, what was refused, and what was used for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// Requests, and connections that were not opened.
    pub requests: u64,
    /// Bytes out of the sandbox.
    pub bytes_up: u64,
    /// Bytes into it.
    pub bytes_down: u64,
    /// By host, those first to which most went.
    pub hosts: Vec<HostTraffic>,
    /// What was refused, newest first.
    pub denials: Vec<Denials>,
    /// Credentials that were put in.
    pub grants: Vec<GrantUses>,
}

/// What went to one host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostTraffic {
    /// The host; `*` for all those that were too many to be told apart.
    pub host: String,
    /// Its port.
    pub port: u64,
    /// Requests, and connections that were not opened.
    pub requests: u64,
    /// Requests by method; `CONNECT` is a connection that was not opened.
    pub methods: BTreeMap<String, u64>,
    /// Answers by status.
    pub statuses: BTreeMap<String, u64>,
    /// Bytes to it.
    pub bytes_up: u64,
    /// Bytes from it.
    pub bytes_down: u64,
}

/// What was refused, one kind of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Denials {
    /// The host that was asked for.
    pub host: String,
    /// Its port.
    pub port: u64,
    /// Why: a stable code.
    pub code: String,
    /// How often.
    pub count: u64,
    /// ISO 8601, of the last time.
    pub last_at: String,
}

/// Uses of one credential at one host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantUses {
    /// The name of its variable.
    pub name: String,
    /// The secret's id.
    pub secret_id: String,
    /// Who was given the value.
    pub host: String,
    /// Its port.
    pub port: u64,
    /// How often.
    pub count: u64,
    /// How often by method.
    pub methods: BTreeMap<String, u64>,
    /// ISO 8601, of the last time.
    pub last_at: String,
}

/// The last use of a secret by one agent at one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretUse {
    /// The agent.
    pub agent_id: String,
    /// Who was given the value; none: it was put into the sandbox in plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// ISO 8601.
    pub last_at: String,
}
