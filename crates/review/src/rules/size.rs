//! More than a person reads, or in more places than one task has.

use super::file::{File, Kind};
use crate::finding::{Family, Finding, LineSide, Severity};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Lines above which a review is no review.
const LINES: usize = 3_000;
/// Files above which nobody opens each.
const FILES: usize = 150;
/// Folders at the top above which a diff is about more than one thing.
const FOLDERS: usize = 20;

pub(crate) fn find(files: &[File<'_>]) -> Vec<Finding> {
    let written = |file: &&File<'_>| file.kind != Kind::Lock;
    let lines: usize = files
        .iter()
        .filter(written)
        .map(|file| file.lines.added.len() + file.lines.removed.len())
        .sum();
    let folders: BTreeSet<&str> =
        files.iter().filter_map(|file| file.path.split_once('/')).map(|(top, _)| top).collect();
    let mut findings = Vec::new();
    if lines > LINES {
        let why = format!("{lines} lines change, {LINES} are more than a person reads. Split it");
        findings.push(found("diff-large", why));
    }
    if files.len() > FILES || folders.len() > FOLDERS {
        let why = format!(
            "{} files in {} folders of the first level change. Look whether all belong to the task",
            files.len(),
            folders.len()
        );
        findings.push(found("diff-spread", why));
    }
    findings
}

fn found(rule: &'static str, why: String) -> Finding {
    Finding {
        rule: Cow::Borrowed(rule),
        family: Family::Size,
        severity: Severity::Notice,
        path: String::new(),
        line: None,
        side: LineSide::After,
        why,
    }
}
