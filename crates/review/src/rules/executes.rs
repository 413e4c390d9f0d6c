//! What runs on merge or on somebody's machine without being called.

mod builds;
mod containers;
mod packages;
mod pipelines;
mod shell;
mod workflows;
mod workplace;

use super::file::File;
use crate::finding::{Family, Finding, Severity};

pub(crate) fn find(files: &[File<'_>]) -> Vec<Finding> {
    files.iter().flat_map(look).collect()
}

fn look(file: &File<'_>) -> Vec<Finding> {
    let mut findings = [
        pipelines::find(file),
        packages::find(file),
        builds::find(file),
        containers::find(file),
        workplace::find(file),
    ]
    .concat();
    findings.extend(shell::find(file));
    findings
}

/// A finding of this family.
fn found(
    file: &File<'_>,
    rule: &'static str,
    severity: Severity,
    line: Option<u32>,
    why: impl Into<String>,
) -> Finding {
    file.found(Family::Executes, rule, severity, line, why)
}
