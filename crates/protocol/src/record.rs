//! What is signed about a pushed commit: a statement of in-toto in an envelope of DSSE.
//!
//! A reader takes a field that it does not know for one of a later version and passes over it; one that is missing has
//! its default. What is here was said by the server that signed it, from its own log.

use serde::{Deserialize, Serialize};

/// What the envelope says is inside.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// Which kind of statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// Which kind of predicate. It names no host: whoever runs a server owns none that all servers could share.
pub const PREDICATE_TYPE: &str = "urn:errand:run-record:v1";

/// A record as it is kept and given away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    /// The statement's JSON in base64.
    pub payload: String,
    /// [`PAYLOAD_TYPE`].
    pub payload_type: String,
    /// One.
    pub signatures: Vec<EnvelopeSignature>,
}

/// By whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnvelopeSignature {
    /// The key's fingerprint, as ssh shows it.
    pub keyid: String,
    /// Ed25519 over DSSE's encoding of type and payload, in base64.
    pub sig: String,
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// The one commit.
    pub subject: Vec<Subject>,
    /// [`PREDICATE_TYPE`].
    pub predicate_type: String,
    /// How it came about.
    pub predicate: RunRecord,
}

/// A commit of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The repository's address, without credentials.
    pub name: String,
    /// The commit.
    pub digest: CommitDigest,
}

/// A commit's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitDigest {
    /// As git names it.
    pub git_commit: String,
}

/// How a commit came about, as the server's log has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunRecord {
    /// Which agent.
    pub agent: String,
    /// The run that pushed it.
    pub run: String,
    /// Who asked for that run.
    pub requester: String,
    /// When the push was decided on: what is told here is what held then.
    pub at: String,
    /// The branch that it was pushed to.
    pub branch: String,
    /// What the work started from.
    pub base: RecordBase,
    /// Every message to the agent, in order.
    pub messages: Vec<RecordMessage>,
    /// Models that were asked.
    pub models: Vec<String>,
    /// What the agent's machine was made of.
    pub machine: RecordMachine,
    /// What that machine could reach.
    pub network: RecordNetwork,
    /// Where the agent's log stood.
    pub log: LogRoot,
    /// Commands after the last edit.
    pub executions: Vec<Execution>,
    /// Connections out of the machine that were refused.
    pub denials: u64,
    /// What people let through.
    pub exceptions: Vec<RecordException>,
    /// Cost of this run so far, in millionths of a dollar.
    pub cost_micros: u64,
    /// Time of this run so far, in milliseconds.
    pub duration_ms: u64,
    /// Rows that are left out of the lists, as they were too many: the oldest.
    pub omitted: u64,
}

/// The start of a branch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RecordBase {
    /// The branch that a pull request would go to.
    pub branch: String,
    /// The commit.
    pub commit: String,
    /// Names the content of what configured the agent there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
}

/// A message, without its text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RecordMessage {
    /// Who sent it.
    pub by: String,
    /// When.
    pub at: String,
    /// Digest of its text's bytes.
    pub sha256: String,
}

/// What a machine was made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RecordMachine {
    /// Which provider made it.
    pub provider: String,
    /// The image that its environment asked for, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Digest of that image's manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// Frozen disks that its own began with, base first.
    pub layers: Vec<String>,
}

/// What a machine could reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RecordNetwork {
    /// The mode.
    pub mode: String,
    /// Whether ways out were closed, as it had read what nobody here wrote, and had secrets.
    pub closed: bool,
    /// Entries of its allow-list.
    pub entries: u64,
    /// Digest of a text with the mode and then the sorted entries, each with an end of line.
    pub sha256: String,
}

/// The end of a chain of hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LogRoot {
    /// Number of the last event that counts here.
    pub seq: u64,
    /// Its digest, which covers all before it.
    pub hash: String,
}

/// A command, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// As it was run.
    pub command: String,
    /// How it ended; none where it was stopped or lost.
    pub exit_code: Option<i32>,
    /// How long it took.
    pub duration_ms: u64,
    /// Whose word that is.
    pub by: Witness,
}

/// Whose word it is how a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// The agent's own machine, in which it could change everything.
    Sandbox,
    /// A fresh machine that the server made for this commit.
    Errand,
}

/// Something that a person let through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RecordException {
    /// `host`, `push`, `flow` or `configuration`.
    pub kind: String,
    /// The host, the mark, or what else names it.
    pub what: String,
    /// Who.
    pub by: String,
    /// Why, where that is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub at: String,
}
