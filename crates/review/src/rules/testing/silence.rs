//! Failures that are passed over, and warnings that are not shown.

use super::super::file::{File, Kind, regex};
use super::found;
use crate::finding::{Finding, Severity, quote};
use regex::Regex;
use std::sync::LazyLock;

/// Single warnings that may be silenced in one diff before somebody is told.
const FEW: usize = 4;

static PASSED_OVER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?xi)continue-?on-?error["']?\s*:\s*["']?true|allow_failure["']?\s*:\s*true|soft_fail\s*:\s*true|allow_failures\s*:|fail-fast\s*:\s*never
        |test\.failure\.ignore>?\s*[=>]?\s*true|<testFailureIgnore>\s*true|ignoreFailures\s*=?\s*true|-DskipTests|-DskipITs|maven\.test\.skip>?\s*[=>]\s*true|-Dmaven\.test\.skip|<skipTests>\s*true
        |-x\s+(test|check)\b|--passWithNoTests|--no-verify\b|\bif:\s*(\$\{\{\s*)?false\b|--exit-zero|failure\s*:\s*ignore|catchError\s*\(.*SUCCESS|returnStatus\s*:\s*true|ignore_errors\s*:\s*(true|yes)|test\s*\{\s*enabled\s*=\s*false|\benabled\s*=\s*false"#,
    )
});
static SWALLOWED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(test\w*|\w*test|pytest|lint\w*|eslint|check|vet|clippy|mypy|verify|audit|tsc|ruff|tox|cover\w*|spec|rspec|phpunit|gotestsum|nextest|staticcheck|fmt|build)\b.*(\|\||;)\s*(true|:|exit\s+0|echo\b|/bin/true)|^\s*-\s*\w*(test|lint|check)\w*.*;\s*true",
    )
});
static WHOLE_FILE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?x)/\*\s*eslint-disable\s*\*/|//\s*@ts-nocheck|^\s*/\*\s*tslint:disable\s*\*/|\#!\[allow\(|\bpylint:\s*disable=all|pylint:\s*skip-file|\#\s*flake8:\s*noqa\s*$|\#\s*ruff:\s*noqa\s*$
        |\#\s*mypy:\s*ignore-errors|\#\s*type:\s*ignore\[?\s*$\s*^|^\s*//\s*nolint\s*$|@SuppressWarnings\(\s*\{?\s*"all"|\#pragma\s+warning\s+disable\s*$|biome-ignore-all|//nolint:all|rubocop:disable\s+all|@Suppress\("ALL"|prettier-ignore-start|NOSONAR\s*$"#,
    )
});
/// Silenced without saying which warning.
static ONE_LINE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"#\s*noqa\s*$|#\s*type:\s*ignore\s*($|#)|@ts-ignore|eslint-disable(-next)?-line\s*$|//\s*nolint\s*$|#\[allow\((warnings|clippy::all)|NOSONAR|#\s*nosec\s*$|pragma:\s*no cover|(istanbul|c8|v8) ignore|LCOV_EXCL",
    )
});

/// A failure that does not count any more.
pub(super) fn ignored(file: &File<'_>) -> Option<Finding> {
    let script = matches!(file.ending.as_str(), "sh" | "bash" | "gradle" | "kts");
    if !(file.kind == Kind::Settings || script) || file.is_test {
        return None;
    }
    let line = file.gained(&PASSED_OVER).or_else(|| file.gained(&SWALLOWED))?;
    let why = format!(
        "a failure here does not count any more: `{}`. Let it fail, or mend what fails",
        quote(line.text)
    );
    Some(found(file, "failure-ignored", Severity::Warning, Some(line.number), why))
}

/// Warnings that are not shown any more, in all files together.
pub(super) fn suppressed(files: &[File<'_>]) -> Option<Finding> {
    let code = || files.iter().filter(|file| file.kind == Kind::Code);
    let count = |file: &File<'_>, regex: &Regex| {
        let of = |lines: &[crate::change::Line<'_>]| {
            lines.iter().filter(|line| regex.is_match(line.text)).count()
        };
        of(&file.lines.added).saturating_sub(of(&file.lines.removed))
    };
    let whole = code().find(|file| count(file, &WHOLE_FILE) > 0);
    let single: usize = code().map(|file| count(file, &ONE_LINE)).sum();
    let file = whole.or_else(|| code().find(|file| single > FEW && count(file, &ONE_LINE) > 0))?;
    let regex = if whole.is_some() { &WHOLE_FILE } else { &ONE_LINE };
    let line = file.lines.added.iter().find(|line| regex.is_match(line.text))?;
    let why = format!(
        "warnings are silenced instead of mended: `{}`. Silence one at a time, with its reason",
        quote(line.text)
    );
    Some(found(file, "lint-suppressed", Severity::Notice, Some(line.number), why))
}
