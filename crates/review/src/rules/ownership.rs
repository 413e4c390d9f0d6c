//! Whose a file is, who says so, and under which licence it stands.

use super::file::{File, Kind, regex};
use crate::finding::{Family, Finding, Severity, quote};
use regex::{Regex, RegexSet};
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
    Some(found(file, "licence-removed", Severity::Notice, Some(gone.number), why).of_removed())
}

/// One finding for each group of owners.
fn owned(files: &[File<'_>], owners: &str) -> Vec<Finding> {
    let rules: Vec<(String, String)> = owners.lines().filter_map(rule).take(RULES).collect();
    let patterns = rules.iter().map(|(pattern, _)| covered(pattern));
    // A file of owners too large to be read at once says nothing here; the forge still asks them.
    let Ok(set) = RegexSet::new(patterns) else { return Vec::new() };
    let mut by_owner: BTreeMap<&str, Vec<&File<'_>>> = BTreeMap::new();
    for file in files {
        let last = set.matches(file.path).into_iter().next_back().and_then(|at| rules.get(at));
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

/// A pattern of a file of owners as a regular expression over paths.
fn covered(pattern: &str) -> String {
    let anchored = pattern.trim_end_matches('/').contains('/');
    let end = match (pattern.ends_with('/'), pattern.contains('*')) {
        _ if pattern == "*" => "",
        (true, _) => "/",
        (false, true) => "$",
        (false, false) => "(/|$)",
    };
    let mut out = if anchored { "^".to_owned() } else { "(^|/)".to_owned() };
    let mut rest = pattern.trim_start_matches('/').trim_end_matches('/');
    while let Some(sign) = rest.chars().next() {
        let (taken, means) = match sign {
            '*' if rest.starts_with("**/") => ("**/", "(.*/)?".to_owned()),
            '*' if rest.starts_with("**") => ("**", ".*".to_owned()),
            '*' => ("*", "[^/]*".to_owned()),
            '?' => ("?", "[^/]".to_owned()),
            other => {
                (rest.get(..other.len_utf8()).unwrap_or(rest), regex::escape(&other.to_string()))
            }
        };
        out.push_str(&means);
        rest = rest.strip_prefix(taken).unwrap_or_default();
    }
    out + end
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
            let covers = Regex::new(&covered(pattern)).unwrap().is_match(path);
            assert_eq!(covers, expected, "{pattern} {path}");
        }
    }
}
