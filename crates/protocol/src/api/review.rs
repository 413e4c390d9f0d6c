//! Bodies about what a pull request holds that a person should look at, and what there is to show for it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a person should look at in a pull request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReviewBody {
    /// The loudest first.
    pub findings: Vec<FindingBody>,
    /// Findings that are left out here.
    #[serde(default)]
    pub more_findings: u32,
    /// How carefully to look.
    pub score: ScoreBody,
    /// Files that were too large or too many to be read; no rule saw them.
    #[serde(default)]
    pub unread_files: u32,
}

/// One risk that was seen in a diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingBody {
    /// Stable name of the rule.
    pub rule: String,
    /// What it is about: `executes`, `dependencies`, `permissions`, `tests`, `opaque`, `size`, `ownership`.
    pub family: String,
    /// How loud it is.
    pub severity: FindingSeverity,
    /// The file, where it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line, from 1, where it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// On which side of the diff the line is.
    #[serde(default)]
    pub side: FindingSide,
    /// What it is and what to do. It may quote the diff.
    pub why: String,
}

/// How loud a finding is; all but the first are alarms.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FindingSeverity {
    /// Worth knowing.
    Info,
    /// Usual in honest work as well: look whether it belongs to the task.
    Notice,
    /// Seldom needed, and dangerous where it is not understood.
    Warning,
    /// Hardly ever right.
    High,
}

/// A side of a diff.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingSide {
    /// What was there.
    Before,
    /// What is there.
    #[default]
    After,
}

/// A sum with its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScoreBody {
    /// All factors together.
    pub points: u32,
    /// What the points mean.
    pub band: RiskBand,
    /// The parts, the heaviest first.
    pub factors: Vec<FactorBody>,
}

/// What a number of points means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RiskBand {
    /// Review as usual.
    #[default]
    Low,
    /// Read each alarm.
    Medium,
    /// Do not merge before each alarm is explained.
    High,
}

/// One part of a score: the alarms of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FactorBody {
    /// The rule.
    pub rule: String,
    /// How often it was found.
    pub count: u32,
    /// What it adds.
    pub points: u32,
}

/// What there is to show for a pull request, from Errand's own log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceBody {
    /// Commands that ran after the last edit, the newest last.
    pub commands: Vec<CommandBody>,
    /// Earlier ones of them that are left out here.
    #[serde(default)]
    pub more_commands: u32,
    /// What the agent's answer claims and no command shows.
    pub unproven: Vec<ClaimBody>,
    /// Connections out of the sandbox that were refused.
    pub denials: DenialsBody,
    /// What people allowed that was not allowed by itself.
    pub exceptions: Vec<ExceptionBody>,
    /// Names of the secrets whose values the sandbox has in plain text.
    pub plain_secrets: Vec<String>,
    /// What people did beside the first task.
    pub interventions: Vec<InterventionBody>,
    /// Money in millionths of a dollar, where prices are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
    /// From the first event to the last.
    pub duration_ms: u64,
}

/// A command and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandBody {
    /// As it was run.
    pub command: String,
    /// How it ended; none where it was stopped or lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// How long it took.
    pub duration_ms: u64,
    /// Who says so.
    pub by: CommandBy,
}

/// Who says how a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandBy {
    /// The agent's sandbox, which the agent can change.
    Sandbox,
    /// Errand, which ran it itself in a clean sandbox.
    Errand,
}

/// Words of the answer that no command bears out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimBody {
    /// The agent's words.
    pub text: String,
    /// Why they are struck through.
    pub why: String,
}

/// Refused connections.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DenialsBody {
    /// How many.
    pub count: u32,
    /// To which hosts, the most often refused first.
    pub hosts: Vec<String>,
    /// Hosts that are left out here.
    #[serde(default)]
    pub more_hosts: u32,
}

/// Something that a person allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionBody {
    /// What, in words.
    pub what: String,
    /// Who.
    pub by: String,
    /// Why, where they had to say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What people did in an agent's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterventionBody {
    /// What.
    pub kind: InterventionKind,
    /// How often.
    pub count: u32,
    /// Who.
    pub by: Vec<String>,
}

/// Kinds of what people do in an agent's work.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum InterventionKind {
    /// A message after the first.
    FollowUp,
    /// A message in the middle of a run.
    Steering,
    /// An answer to a question.
    Answer,
    /// A terminal or the browser was taken over.
    Takeover,
    /// Work in the machine: its terminals, files, ports.
    Machine,
}
