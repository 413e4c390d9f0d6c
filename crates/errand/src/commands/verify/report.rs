//! What was checked and what not, for people and programs.

use crate::exit::Exit;
use crate::live::summary::row;
use crate::output::Output;
use crate::style::{Line, Shown, Style};
use crate::text;
use anyhow::Result;
use protocol::record::{Execution, RunRecord, Statement, Witness};
use serde::Serialize;
use server::record::envelope;

/// Commands that are shown.
const COMMANDS: usize = 20;

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// It was not made.
    Unchecked,
}

/// One thing that can be checked.
#[derive(Debug, Serialize)]
pub struct Check {
    /// `record`, `signers`, `subject`, `commit` or `branch`.
    pub name: &'static str,
    /// What became of it.
    pub outcome: Outcome,
    /// In words.
    pub detail: String,
}

impl Check {
    /// It holds.
    pub const fn passed(name: &'static str, detail: String) -> Self {
        Self { name, outcome: Outcome::Passed, detail }
    }

    /// It does not.
    pub const fn failed(name: &'static str, detail: String) -> Self {
        Self { name, outcome: Outcome::Failed, detail }
    }

    /// It was not made.
    pub const fn skipped(name: &'static str, detail: String) -> Self {
        Self { name, outcome: Outcome::Unchecked, detail }
    }
}

/// All about one record.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether nothing failed.
    verified: bool,
    /// SHA-256 of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// Each check.
    pub checks: Vec<Check>,
    /// What the record says, where its signature holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<Statement>,
}

impl Report {
    /// Of a record that does not hold: nothing of it is told.
    pub fn unsigned(check: Check) -> Self {
        Self { verified: false, digest: None, checks: vec![check], statement: None }
    }

    /// Of one that does.
    pub fn new(record: &[u8], statement: Statement, checks: Vec<Check>) -> Self {
        let verified = checks.iter().all(|check| check.outcome != Outcome::Failed);
        let text = String::from_utf8_lossy(record);
        let digest = Some(envelope::digest(text.strip_suffix('\n').unwrap_or(&text)));
        Self { verified, digest, checks, statement: Some(statement) }
    }

    fn lines(&self) -> Vec<Shown> {
        let mut shown = Vec::new();
        if let Some(statement) = &self.statement {
            let names = statement.subject.iter();
            let names: Vec<_> = names
                .map(|it| format!("{} of {}", text::short_commit(&it.digest.git_commit), it.name))
                .collect();
            shown.push(Shown::Whole(Line::of(Style::Bold, names.join(", "))));
        }
        shown.extend(self.checks.iter().map(line));
        if let Some(statement) = self.statement.as_ref().filter(|_| self.verified) {
            shown.push(Shown::Gap);
            shown.extend(facts(&statement.predicate));
        }
        shown.push(Shown::Gap);
        shown
    }
}

fn line(check: &Check) -> Shown {
    let (style, sign) = match check.outcome {
        Outcome::Passed => (Style::Good, "✓"),
        Outcome::Failed => (Style::Bad, "✗"),
        Outcome::Unchecked => (Style::Dim, "–"),
    };
    let not = if check.outcome == Outcome::Unchecked { "not checked: " } else { "" };
    let head = Line::of(style, format!("{sign} {}", text::padded(check.name, 8)));
    Shown::Whole(head.and(Style::Plain, format!(" {not}{}", check.detail)))
}

fn facts(record: &RunRecord) -> Vec<Shown> {
    let plain = |value: &str| Line::of(Style::Plain, value);
    let mut shown = vec![
        row("asked by", plain(&record.requester)),
        row("at", plain(&record.at)),
        row("branch", plain(&format!("{} from {}", record.branch, record.base.branch))),
        row("models", plain(&record.models.join(", "))),
        row("network", plain(&record.network.mode)),
        row("refused", plain(&text::count(record.denials, "connection"))),
    ];
    let commands = &record.executions;
    for execution in commands.iter().rev().take(COMMANDS).rev() {
        shown.push(row("ran", ran(execution)));
    }
    if commands.is_empty() {
        shown.push(row("ran", plain("nothing after the last edit")));
    }
    for exception in &record.exceptions {
        let why = exception.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        let what = format!("{} {} by {}{why}", exception.kind, exception.what, exception.by);
        shown.push(row("let through", plain(&what)));
    }
    shown
}

fn ran(execution: &Execution) -> Line {
    let ended = match execution.exit_code {
        Some(code) => format!("ended with {code}"),
        None => "did not end".to_owned(),
    };
    let by = match execution.by {
        Witness::Sandbox => "reported by the agent's sandbox",
        Witness::Errand => "checked by Errand",
    };
    let command = text::cut(&text::one_line(&execution.command), 60);
    Line::of(Style::Plain, command).and(Style::Dim, format!("  {ended}, {by}"))
}

/// Shows all of them; the exit code says whether all hold.
pub fn tell(reports: &[Report], output: &mut Output) -> Result<Exit> {
    if output.is_for_program() {
        let verified = reports.iter().all(|report| report.verified);
        output.json(&serde_json::json!({ "verified": verified, "items": reports }))?;
    } else {
        for report in reports {
            output.show(&report.lines())?;
        }
    }
    let all = reports.iter().all(|report| report.verified);
    Ok(if all { Exit::Done } else { Exit::Failed })
}
