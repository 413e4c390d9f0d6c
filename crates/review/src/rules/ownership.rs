//! Whose a file is, who says so, and under which licence it stands.

use super::file::{File, Kind, regex};
use crate::finding::{Family, Finding, Severity, quote};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Lines of a file in which its licence is named.
const HEAD: u32 = 25;
/// Rules of owners that are read.
const RULES: usize = 500;

static LICENCE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\bcopyright\b|\(c\)\s*\d{4}|©|SPDX-License-Identifier|licensed under|all rights reserved|permission is hereby granted",
    )
});
static LICENCE_FILE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)^(licen[cs]e|copying|copyright|notice|unlicense)([._-][^/]*)?$"));

pub(crate) fn find(files: &[File<'_>], owners: Option<&str>) -> Vec<Finding> {
    let mut findings = owned(files, owners.unwrap_or_default());
    for file in files {
        findings.extend(owners_changed(file));
        findings.extend(licence(file));
    }
    findings
}

fn found(
    file: &File<'_>,
    rule: &'static str,
    severity: Severity,
    line: Option<u32>,
    why: impl Into<String>,
) -> Finding {
    file.found(Family::Ownership, rule, severity, line, why)
}

fn owners_changed(file: &File<'_>) -> Option<Finding> {
    let rules = |lines: &[crate::change::Line<'_>]| {
        lines
            .iter()
            .any(|line| !line.text.trim().is_empty() && !line.text.trim_start().starts_with('#'))
    };
    let named = file.name == "CODEOWNERS" || file.name == "OWNERS";
    if !named || !(rules(&file.lines.added) || rules(&file.lines.removed)) {
        return None;
    }
    let why = "who must approve is changed. Let one who is an owner now approve it";
    Some(found(file, "owners-changed", Severity::Warning, file.first_line(), why))
}

fn licence(file: &File<'_>) -> Option<Finding> {
    if LICENCE_FILE.is_match(file.name) && (file.kind == Kind::Prose || file.kind == Kind::Data) {
        let words = |text: &str| {
            text.split(|c: char| !c.is_alphabetic())
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let removes = file.lines.removed.iter().map(|line| words(line.text)).collect::<Vec<_>>();
        let adds = file.lines.added.iter().map(|line| words(line.text)).collect::<Vec<_>>();
        let renamed = file.change.old_path.is_some() && removes == adds;
        if removes.concat().is_empty() || removes == adds || renamed {
            return None;
        }
        let why = "the licence of the project is changed or removed. Only its owners may do that";
        return Some(found(file, "licence-removed", Severity::Warning, file.first_line(), why));
    }
    if file.kind != Kind::Code || file.is_deleted() {
        return None;
    }
    let gone = file
        .lines
        .removed
        .iter()
        .find(|line| line.number <= HEAD && LICENCE.is_match(line.text))?;
    if file.lines.added.iter().any(|line| LICENCE.is_match(line.text)) {
        return None;
    }
    let why =
        format!("the file no longer says whose it is: `{}` is gone. Put it back", quote(gone.text));
    Some(found(file, "licence-removed", Severity::Notice, Some(gone.number), why))
}

/// One finding for each group of owners.
fn owned(files: &[File<'_>], owners: &str) -> Vec<Finding> {
    let rules: Vec<(String, String)> = owners.lines().filter_map(rule).take(RULES).collect();
    let mut by_owner: BTreeMap<&str, Vec<&File<'_>>> = BTreeMap::new();
    for file in files {
        let last = rules.iter().rev().find(|(pattern, _)| covers(pattern, file.path));
        if let Some((_, owner)) = last.filter(|(_, owner)| !owner.is_empty()) {
            by_owner.entry(owner).or_default().push(file);
        }
    }
    let one = |(owner, files): (&str, Vec<&File<'_>>)| {
        let first = files.first()?;
        let why = format!("{} of the files are owned by {}", files.len(), quote(owner));
        Some(found(first, "owned-file", Severity::Info, None, why))
    };
    by_owner.into_iter().filter_map(one).collect()
}

fn rule(line: &str) -> Option<(String, String)> {
    let line = line.split(" #").next().unwrap_or(line).trim();
    if line.is_empty() || line.starts_with(['#', '[', '^']) {
        return None;
    }
    let (pattern, owners) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    Some((pattern.to_owned(), owners.split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// Whether a pattern of a file of owners covers the path.
fn covers(pattern: &str, path: &str) -> bool {
    let anchored = pattern.trim_end_matches('/').contains('/');
    let folder = pattern.ends_with('/') || !pattern.contains('*');
    let pattern = pattern.trim_start_matches('/').trim_end_matches('/');
    let starts: Box<dyn Iterator<Item = &str>> = if anchored {
        Box::new(std::iter::once(path))
    } else {
        let inner = path.match_indices('/').map(|(at, _)| path.get(at + 1..).unwrap_or_default());
        Box::new(std::iter::once(path).chain(inner))
    };
    let mut starts = starts;
    starts.any(|path| {
        let whole = matches(pattern, path);
        let below = || {
            path.match_indices('/')
                .any(|(at, _)| matches(pattern, path.get(..at).unwrap_or_default()))
        };
        whole || (folder && below()) || (!anchored && pattern == "*")
    })
}

/// `*` within a part of the path, `**` across parts. Never more work than pattern times path.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.as_bytes(), path.as_bytes());
    let mut reached = vec![false; path.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    let mut at = 0;
    while let Some(sign) = pattern.get(at) {
        let double = *sign == b'*' && pattern.get(at + 1) == Some(&b'*');
        let mut next = vec![false; path.len() + 1];
        let mut carried = false;
        for position in 0..=path.len() {
            let here = reached.get(position).copied().unwrap_or(false);
            let before = position.checked_sub(1).and_then(|last| path.get(last)).copied();
            let step = |last: usize| reached.get(last).copied().unwrap_or(false);
            let now = match sign {
                b'*' => {
                    carried = here || (carried && (double || before != Some(b'/')));
                    carried
                }
                b'?' => before.is_some_and(|sign| sign != b'/') && step(position.saturating_sub(1)),
                other => before == Some(*other) && step(position.saturating_sub(1)),
            };
            if let Some(cell) = next.get_mut(position) {
                *cell = now;
            }
        }
        reached = next;
        at += if double { 2 } else { 1 };
        if double && pattern.get(at) == Some(&b'/') {
            at += 1;
        }
    }
    reached.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_those_of_the_last_rule_that_covers_a_file() {
        for (pattern, path, expected) in [
            ("*", "a/b.rs", true),
            ("*.rs", "a/b.rs", true),
            ("*.rs", "a/b.go", false),
            ("/src/", "src/a/b", true),
            ("/src/", "x/src/a", false),
            ("docs/", "x/docs/a", true),
            ("/src/*.js", "src/a/b.js", false),
            ("/src/**/b.js", "src/a/c/b.js", true),
            ("apps", "x/apps/y", true),
        ] {
            assert_eq!(covers(pattern, path), expected, "{pattern} {path}");
        }
    }
}
