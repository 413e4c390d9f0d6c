//! A risk seen in a diff, as a reviewer reads it.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How loud a finding is. All but the first are alarms: a person should have looked before the diff is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing, no alarm.
    Info,
    /// An alarm: usual in honest work as well, so look whether it belongs to the task.
    Notice,
    /// An alarm: seldom needed, and dangerous where it is not understood.
    Warning,
    /// An alarm: hardly ever right.
    High,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// It runs on merge or on somebody's machine without being called.
    Executes,
    /// What is depended on, and where it comes from.
    Dependencies,
    /// Who may do what, and the checks that see to it.
    Permissions,
    /// Tests that say less than before.
    Tests,
    /// What a person cannot read.
    Opaque,
    /// More than a person reads.
    Size,
    /// Whose it is.
    Ownership,
}

/// On which side of a diff a line is.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum LineSide {
    /// It was there.
    Before,
    /// It is there.
    #[default]
    After,
}

/// One risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which rule found it; never renamed.
    pub rule: Cow<'static, str>,
    /// What it is about.
    pub family: Family,
    /// How loud it is.
    pub severity: Severity,
    /// The file; empty where it is the diff as a whole.
    pub path: String,
    /// The line, from 1, on its side.
    pub line: Option<u32>,
    /// Which side; the old one where lines were removed.
    #[serde(default)]
    pub side: LineSide,
    /// What it is and what to do, in one or two sentences. It may quote the diff: escape it.
    pub why: String,
}

impl Severity {
    /// Whether a person should have looked.
    pub fn is_alarm(self) -> bool {
        self > Self::Info
    }
}

impl Finding {
    /// The same about a line that was removed.
    #[must_use]
    pub(crate) fn of_removed(self) -> Self {
        Self { side: LineSide::Before, ..self }
    }
}

/// The loudest first, then by place.
pub(crate) fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        let place = |f: &Finding| (f.path.clone(), f.line, f.rule.clone());
        b.severity.cmp(&a.severity).then_with(|| place(a).cmp(&place(b)))
    });
    findings.dedup();
}

/// A piece of the diff that is short enough to be quoted.
pub(crate) fn quote(text: &str) -> String {
    const MOST: usize = 80;
    let text = text.trim();
    let cut: String = text.chars().take(MOST).filter(|c| !c.is_control()).collect();
    if text.chars().nth(MOST).is_some() { format!("{cut}…") } else { cut }
}
