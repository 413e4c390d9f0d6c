//! What `errand up` and `errand down` show.

use super::secrets::Finding;
use super::up::Reading;
use crate::output::Output;
use crate::style::{Line, Shown, Style};
use crate::text;
use git::worktree::apply::Report;
use git::worktree::journal::Recovered;
use git::worktree::plan::Plan;
use git::worktree::snapshot::Change;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use std::time::Duration;

/// Files listed; the rest is counted.
const LISTED: usize = 40;
/// Paths named in one line.
const NAMED: usize = 10;
/// How often a bar without numbers moves.
const TICK: Duration = Duration::from_millis(100);

/// A bar on standard error; on a terminal and for people only.
pub struct Bar(ProgressBar);

impl Bar {
    fn new(bar: ProgressBar, output: &Output) -> Self {
        if output.is_for_program() || !output.is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Self(bar)
    }

    /// One that counts towards a number of bytes.
    pub fn bytes(what: &'static str, all: u64, output: &Output) -> Self {
        let bar = Self::new(ProgressBar::new(all), output);
        let style = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        bar.style(style, what)
    }

    /// One that counts towards a number of files.
    pub fn files(what: &'static str, all: usize, output: &Output) -> Self {
        let bar = Self::new(ProgressBar::new(all as u64), output);
        bar.style("{msg} {bar:30} {pos}/{len} files {eta}", what)
    }

    /// One that counts bytes without knowing how many there are.
    pub fn spinner(what: &'static str, output: &Output) -> Self {
        let bar =
            Self::new(ProgressBar::new_spinner(), output).style("{spinner} {msg} {bytes}", what);
        bar.0.enable_steady_tick(TICK);
        bar
    }

    fn style(self, template: &str, what: &'static str) -> Self {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style);
        }
        self.0.set_message(what);
        self
    }

    /// Where it is.
    pub fn at(&self, position: u64) {
        self.0.set_position(position);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Paths for people, not too many of them.
pub fn some_of(paths: &[String]) -> String {
    let mut shown = paths.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if let Some(more) = paths.len().checked_sub(NAMED).filter(|more| *more > 0) {
        shown.push_str(&format!(" and {more} more"));
    }
    shown
}

/// One line about something that looks like a secret.
pub fn finding(finding: &Finding) -> String {
    match finding.line {
        Some(line) => format!("  {}:{line}: {}", finding.path, finding.what),
        None => format!("  {}: {}", finding.path, finding.what),
    }
}

const fn mark(change: &Change) -> (&'static str, Style) {
    match (&change.old, &change.new) {
        (None, _) => ("+", Style::Good),
        (Some(_), None) => ("-", Style::Bad),
        (Some(_), Some(_)) => ("~", Style::Warn),
    }
}

fn kind(change: &Change) -> &'static str {
    match mark(change).0 {
        "+" => "added",
        "-" => "deleted",
        _ => "modified",
    }
}

fn listed(changes: &[Change], sizes: &[u64]) -> Vec<Shown> {
    let mut shown = Vec::new();
    for (number, change) in changes.iter().take(LISTED).enumerate() {
        let (sign, style) = mark(change);
        let mut line = Line::of(style, format!("  {sign} ")).and(Style::Plain, change.shown_path());
        if let Some(size) = sizes.get(number).filter(|_| change.new.is_some()) {
            line = line.and(Style::Dim, format!("  {}", text::bytes(*size)));
        }
        shown.push(Shown::Line(line));
    }
    if let Some(more) = changes.len().checked_sub(LISTED).filter(|more| *more > 0) {
        shown.push(Shown::Line(Line::of(Style::Dim, format!("  … and {more} more"))));
    }
    shown
}

/// What would leave.
pub fn reading(reading: &Reading, url: &str) -> Vec<Shown> {
    let from = reading.base.as_ref().map_or_else(
        || "whole history: nothing is known of the remote".to_owned(),
        |base| format!("on top of {}", text::short_commit(base.as_str())),
    );
    let mut shown = vec![
        Shown::Line(Line::of(Style::Bold, "to ").and(Style::Plain, url)),
        Shown::Line(Line::of(
            Style::Plain,
            format!("{}, {from}", text::count(reading.commits, "commit")),
        )),
        Shown::Line(Line::of(
            Style::Plain,
            format!("{} not committed", text::count(reading.changes.len() as u64, "file")),
        )),
    ];
    shown.extend(listed(&reading.changes, &reading.sizes));
    if !reading.snapshot.embedded.is_empty() {
        let names = some_of(&reading.snapshot.embedded);
        shown.push(Shown::Line(Line::of(
            Style::Warn,
            format!("! left out, repositories inside: {names}"),
        )));
    }
    let size = format!("{} before compression", text::bytes(reading.bytes));
    shown.push(Shown::Line(Line::of(Style::Dim, size)));
    shown
}

/// The same for a program.
pub fn reading_json(reading: &Reading, url: &str) -> Value {
    let files = reading.changes.iter().zip(&reading.sizes).map(|(change, size)| {
        json!({ "path": change.shown_path(), "change": kind(change), "bytes": size })
    });
    json!({
        "url": url,
        "head": reading.head.as_str(),
        "base": reading.base.as_ref().map(|base| base.as_str()),
        "tree": reading.snapshot.tree.as_str(),
        "commits": reading.commits,
        "files": files.collect::<Vec<_>>(),
        "leftOut": reading.snapshot.embedded,
        "bytes": reading.bytes,
        "secrets": reading.findings,
    })
}

/// What would come, or came.
pub fn plan(plan: &Plan) -> Vec<Shown> {
    let mut shown = listed(&plan.changes, &[]);
    let mut warn = |words: String| shown.push(Shown::Line(Line::of(Style::Warn, words)));
    if !plan.submodules.is_empty() {
        warn(format!(
            "! submodules changed there and are left as they are here: {}",
            some_of(&plan.submodules)
        ));
    }
    for warning in &plan.warnings {
        warn(format!("! {}: {}", warning.path, warning.fault));
    }
    for conflict in &plan.conflicts {
        warn(format!("! conflict ({}): {}", conflict.kind, conflict.path));
    }
    shown
}

/// The same for a program.
pub fn plan_json(plan: &Plan) -> Value {
    let changes = plan
        .changes
        .iter()
        .map(|change| json!({ "path": change.shown_path(), "change": kind(change) }));
    let conflicts = plan
        .conflicts
        .iter()
        .map(|conflict| json!({ "path": conflict.path, "kind": conflict.kind }));
    let refused =
        plan.refused.iter().map(|one| json!({ "path": one.path, "reason": one.fault.to_string() }));
    let warnings = plan
        .warnings
        .iter()
        .map(|one| json!({ "path": one.path, "reason": one.fault.to_string() }));
    json!({
        "changes": changes.collect::<Vec<_>>(),
        "conflicts": conflicts.collect::<Vec<_>>(),
        "refused": refused.collect::<Vec<_>>(),
        "warnings": warnings.collect::<Vec<_>>(),
        "submodules": plan.submodules,
    })
}

/// What was done, and how to undo it.
pub fn done(report: &Report, backup: &str) -> Vec<Shown> {
    let words = format!(
        "{} written, {} removed",
        text::count(report.written as u64, "file"),
        report.removed
    );
    let mut shown = vec![Shown::Line(Line::of(Style::Good, "✓ ").and(Style::Plain, words))];
    if !report.left.is_empty() {
        let words =
            format!("! changed in this moment and left, run it again: {}", some_of(&report.left));
        shown.push(Shown::Line(Line::of(Style::Warn, words)));
    }
    let undo = format!("git restore --source={backup} --worktree -- :/");
    shown.push(Shown::Whole(Line::of(Style::Dim, "undo: ").and(Style::Accent, undo)));
    shown
}

/// What an interrupted call left, finished now.
pub fn recovered(recovered: &Recovered) -> Vec<Shown> {
    let head =
        Line::of(Style::Warn, "! an earlier errand down was interrupted and is finished now");
    let mut shown = vec![Shown::Line(head)];
    shown.extend(done(&recovered.report, recovered.backup.as_str()));
    shown
}
