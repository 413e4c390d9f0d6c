//! All rules, family by family. Each is quiet about what honest work does every day.

mod dependencies;
mod executes;
mod file;
mod opaque;
mod outline;
mod ownership;
mod permissions;
mod size;
mod testing;

use crate::change::Change;
use crate::finding::{self, Finding};
use file::File;
use std::collections::BTreeMap;

/// Findings of one rule that are shown; more of them say nothing new.
const OF_ONE_RULE: usize = 50;

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Diff<'a> {
    /// All files that change.
    pub changes: &'a [Change],
    /// The file of code owners of the base branch, never of the diff itself.
    pub owners: Option<&'a str>,
}

/// What a reviewer should see of the diff, the loudest first.
pub fn find(diff: Diff<'_>) -> Vec<Finding> {
    let files: Vec<File<'_>> = diff.changes.iter().map(File::new).collect();
    let mut findings = [
        executes::find(&files),
        dependencies::find(&files),
        permissions::find(&files),
        testing::find(&files),
        opaque::find(&files),
        size::find(&files),
        ownership::find(&files, diff.owners),
    ]
    .concat();
    finding::sort(&mut findings);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    findings.retain(|finding| {
        let count = seen.entry(finding.rule.to_string()).or_default();
        *count += 1;
        *count <= OF_ONE_RULE
    });
    findings
}
