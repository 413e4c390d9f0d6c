//! Workflows of GitHub and of those that read the same files.

use super::super::file::{File, regex};
use super::super::outline::{Entry, set};
use super::found;
use crate::finding::{Finding, Severity, quote};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Events that run with the base's rights, though a stranger causes them.
const UNTRUSTED: &[&str] =
    &["pull_request_target", "workflow_run", "issue_comment", "discussion_comment"];
/// Whose actions belong to the services themselves.
const OWN: &[&str] = &[
    "actions",
    "github",
    "docker",
    "gradle",
    "aws-actions",
    "azure",
    "google-github-actions",
    "forgejo",
];

/// Rights by which a workflow says something and changes no code.
const LESSER: &[&str] = &[
    "issues",
    "pull-requests",
    "checks",
    "statuses",
    "discussions",
    "security-events",
    "repository-projects",
];

static EXPRESSION: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\$\{\{[^}]*(github\.head_ref|github\.event\.[\w.\[\]*'-]*(title|body|head_ref|head_branch|\.ref|label|message|\.name|email|login|description))",
    )
});
static SECRET: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\bsecrets\s*(\.\s*(\w+)|\[|\))|^inherit$"));
static COMMIT: LazyLock<Regex> = LazyLock::new(|| regex("^([0-9a-f]{40}|sha256:[0-9a-f]{64})$"));

pub(super) fn find(file: &File<'_>, old: &[Entry<'_>], new: &[Entry<'_>]) -> Vec<Finding> {
    [
        triggers(file, old, new),
        expressions(file, old, new),
        permissions(file, old, new),
        uses(file, old, new),
        secrets(file, old, new),
        runners(file, old, new),
    ]
    .concat()
}

fn is_trigger(entry: &&Entry<'_>) -> bool {
    entry.keys.first().is_some_and(|key| matches!(*key, "on" | "true"))
}

fn triggers(file: &File<'_>, old: &[Entry<'_>], new: &[Entry<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let names = |entry: &Entry<'_>, event: &str| {
        let words = |text: &str| {
            text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == event)
        };
        words(entry.value) || entry.keys.get(1).is_some_and(|key| *key == event)
    };
    for event in UNTRUSTED {
        let here = new.iter().filter(is_trigger).find(|entry| names(entry, event));
        let before = old.iter().filter(is_trigger).any(|entry| names(entry, event));
        if let Some(entry) = here.filter(|_| !before) {
            let why = format!(
                "`{event}` lets strangers start this workflow with the rights and secrets of the \
                 base branch. Use `pull_request`, and no rights to write"
            );
            let line = Some(entry.number);
            findings.push(found(file, "ci-untrusted-trigger", Severity::High, line, why));
        }
    }
    let changed = set(old.iter().filter(is_trigger)) != set(new.iter().filter(is_trigger));
    if !file.is_new() && changed {
        let why = "when this workflow runs is changed. Look whether the task asks for it";
        let line = new.iter().find(is_trigger).map(|entry| entry.number);
        findings.push(found(file, "ci-trigger", Severity::Notice, line, why));
    }
    findings
}

fn expressions(file: &File<'_>, old: &[Entry<'_>], new: &[Entry<'_>]) -> Vec<Finding> {
    let runs = |entry: &&Entry<'_>| {
        (entry.is("run") || entry.is("script")) && EXPRESSION.is_match(entry.value)
    };
    let before: BTreeSet<&str> = old.iter().filter(runs).map(|entry| entry.value).collect();
    let fresh = new.iter().filter(runs).find(|entry| !before.contains(entry.value));
    let why = |entry: &Entry<'_>| {
        format!(
            "`{}` puts text that strangers write into a command. Hand it over as a variable of \
             the environment",
            quote(entry.value)
        )
    };
    let finding = |entry: &Entry<'_>| {
        let line = Some(entry.number);
        found(file, "ci-untrusted-expression", Severity::High, line, why(entry))
    };
    fresh.map(finding).into_iter().collect()
}

/// What is permitted, by place.
fn permitted<'a>(entries: &'a [Entry<'a>]) -> BTreeMap<Vec<&'a str>, &'a Entry<'a>> {
    let of = |entry: &&Entry<'_>| entry.below("permissions");
    entries.iter().filter(of).map(|entry| (entry.keys.clone(), entry)).collect()
}

fn permissions(file: &File<'_>, old: &[Entry<'_>], new: &[Entry<'_>]) -> Vec<Finding> {
    let (before, after) = (permitted(old), permitted(new));
    let writes = |value: &str| value.contains("write");
    let mut findings = Vec::new();
    // What moves from the workflow to one of its jobs is no wider than before.
    let written: BTreeSet<&str> = before
        .values()
        .filter(|was| writes(was.value))
        .filter_map(
            |was| if was.value == "write-all" { Some("*") } else { was.keys.last().copied() },
        )
        .collect();
    let held = |entry: &Entry<'_>| {
        written.contains("*") || entry.keys.last().is_some_and(|key| written.contains(key))
    };
    let lesser = |entry: &Entry<'_>| entry.keys.last().is_some_and(|key| LESSER.contains(key));
    let mut wider: Vec<_> =
        after.iter().filter(|(_, entry)| writes(entry.value) && !held(entry)).collect();
    wider.sort_by_key(|(_, entry)| lesser(entry));
    if let Some((_, entry)) = wider.first() {
        let what = entry.keys.last().copied().unwrap_or_default();
        let why = format!(
            "the workflow may now write: `{what}: {}`. Permit only what its steps need",
            quote(entry.value)
        );
        let line = Some(entry.number);
        // Where nothing was limited, a limit that leaves little is no more than before.
        let lesser = before.is_empty() && !file.is_new() && LESSER.contains(&what);
        let severity = if lesser { Severity::Info } else { Severity::Warning };
        findings.push(found(file, "ci-permissions", severity, line, why));
    }
    if !before.is_empty() && after.is_empty() && !file.is_deleted() {
        let why = "the workflow no longer limits its permissions, so the default of the \
                   repository holds. Keep the limit";
        let line = file.lines.removed.first().map(|line| line.number);
        findings.push(found(file, "ci-permissions", Severity::Warning, line, why).of_removed());
    }
    findings
}

fn uses(file: &File<'_>, old: &[Entry<'_>], new: &[Entry<'_>]) -> Vec<Finding> {
    let mut before: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for entry in old.iter().filter(|entry| entry.is("uses")) {
        let (name, at) = entry.value.split_once('@').unwrap_or((entry.value, ""));
        before.entry(name).or_default().insert(at);
    }
    let used = new.iter().filter(|entry| entry.is("uses"));
    used.filter_map(|entry| used_one(file, &before, entry)).collect()
}

fn used_one(
    file: &File<'_>,
    before: &BTreeMap<&str, BTreeSet<&str>>,
    entry: &Entry<'_>,
) -> Option<Finding> {
    let (name, at) = entry.value.split_once('@').unwrap_or((entry.value, ""));
    let owner = name.split('/').next().unwrap_or_default();
    if name.is_empty() || name.starts_with("./") || OWN.contains(&owner) {
        return None;
    }
    let (line, pinned) = (Some(entry.number), COMMIT.is_match(at));
    let shown = quote(entry.value);
    let known = before.get(name);
    if known.is_some_and(|ats| ats.contains(at)) {
        return None;
    }
    let loosened = known.is_some_and(|ats| ats.iter().any(|at| COMMIT.is_match(at))) && !pinned;
    let moves = matches!(at, "main" | "master" | "latest" | "HEAD" | "dev" | "develop");
    if known.is_some() && !loosened && !moves {
        return None;
    }
    if name.contains("/.github/workflows/") {
        let why = format!("a workflow of somebody else runs here: `{shown}`. Copy what is needed");
        return Some(found(file, "ci-remote-include", Severity::Warning, line, why));
    }
    let (severity, todo) = if pinned {
        (Severity::Notice, "Read it at that commit before you merge")
    } else {
        (Severity::Warning, "Its owner may change it at any time: name it by its commit")
    };
    let why = format!("code of somebody else runs in the pipeline: `{shown}`. {todo}");
    Some(found(file, "ci-third-party-action", severity, line, why))
}

/// Names of the secrets that an entry reaches.
fn reached<'a>(entry: &'a Entry<'a>) -> impl Iterator<Item = &'a str> {
    let inherits = entry.is("secrets");
    let value = if inherits || entry.value.contains("${{") { entry.value } else { "" };
    SECRET.captures_iter(value).filter_map(move |found| {
        let whole = found.get(0)?.as_str();
        match found.get(2).map(|name| name.as_str()) {
            Some("GITHUB_TOKEN") => None,
            Some(name) => Some(name),
            None if whole == "inherit" => inherits.then_some("all of them"),
            None => Some("all of them"),
        }
    })
}

fn secrets(file: &File<'_>, old: &[Entry<'_>], new: &[Entry<'_>]) -> Vec<Finding> {
    let before: BTreeSet<&str> = old.iter().flat_map(reached).collect();
    let mut findings = Vec::new();
    for entry in new {
        if let Some(name) = reached(entry).find(|name| !before.contains(name)) {
            let why = format!(
                "a secret is handed to the workflow that it had not: {}. Give it only to the step \
                 that needs it, never where code of a fork runs",
                quote(name)
            );
            let line = Some(entry.number);
            findings.push(found(file, "ci-secrets", Severity::Warning, line, why));
        }
    }
    findings
}

fn runners(file: &File<'_>, old: &[Entry<'_>], new: &[Entry<'_>]) -> Vec<Finding> {
    let own = |entry: &&Entry<'_>| {
        entry.below("runs-on") && (entry.value.contains("self-hosted") || entry.is("group"))
    };
    let before: BTreeSet<&str> = old.iter().filter(own).map(|entry| entry.value).collect();
    let fresh = new.iter().filter(own).find(|entry| !before.contains(entry.value));
    let why = "the job runs on a machine of yours, where it can stay. Let only trusted code run \
               there";
    let finding = |entry: &Entry<'_>| {
        found(file, "ci-self-hosted", Severity::Warning, Some(entry.number), why)
    };
    fresh.map(finding).into_iter().collect()
}
