//! Pipelines of the usual services.

use super::super::file::{File, regex};
use super::super::outline::{Entry, outline, set};
use super::{found, workflows};
use crate::change::Line;
use crate::finding::{Family, Finding, Severity, quote};
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Keys that say when a job runs.
const WHEN: &[&str] = &[
    "rules",
    "only",
    "except",
    "workflow",
    "when",
    "trigger",
    "triggers",
    "pr",
    "schedules",
    "branches",
    "filters",
    "if",
];

static WORKFLOW: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"^\.(github|gitea|forgejo)/workflows/[^/]+\.ya?ml$|(^|/)action\.ya?ml$")
});
static PIPELINE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?xi)(^|/)(\.gitlab-ci[^/]*\.ya?ml|azure-pipelines[^/]*\.ya?ml|jenkinsfile[^/]*|
        \.drone\.(ya?ml|jsonnet|star)|\.woodpecker\.ya?ml|\.travis\.ya?ml|\.?appveyor\.ya?ml|
        bitbucket-pipelines\.ya?ml|cloudbuild\.(ya?ml|json)|buildspec[^/]*\.ya?ml|\.cirrus\.(ya?ml|star)|
        \.semaphore\.ya?ml|wercker\.ya?ml|codefresh\.ya?ml)$
        |^\.(circleci|buildkite|woodpecker|gitlab/ci|gitlab-ci|azure-pipelines|azuredevops|teamcity|
        semaphore|ci)/.",
    )
});
static ELSEWHERE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"@Library\s*\(|\blibrary\s*\(?\s*['"]|\bload\s*\(?\s*['"]https?:|\bevaluate\s*\(?\s*new URL"#,
    )
});
static SECRET: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\bwithCredentials\b|\bcredentials\s*\(|\bfrom_secret\b|\bsecretEnv\b|\bid_tokens\s*:|\bsecrets?\s*:|\bsecret-variables\b|\bcontext\s*:",
    )
});
static CHECK: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(go (test|vet)|cargo (nextest|test|clippy|deny|audit)|(npm|yarn|pnpm|bun)( run)? (test|lint|check|audit)|npx (vitest|jest|eslint|tsc)|(pytest|tox|nox|mypy|ruff|pylint)([^:\w]|$)|mvnw? .*(verify|test)|gradlew? .*(check|test|build)|make (test|check|lint)|rspec|phpunit|golangci-lint|codeql-action|trivy|scorecard|gitleaks|zizmor)",
    )
});
static OWN_MACHINE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)self[-._]hosted"));

pub(super) fn find(file: &File<'_>) -> Vec<Finding> {
    let workflow = WORKFLOW.is_match(file.path);
    if !workflow && !PIPELINE.is_match(file.path) {
        return Vec::new();
    }
    let (old, new) = (outline(file.old()), outline(file.new_text()));
    let mut findings = whole(file);
    if workflow {
        findings.extend(workflows::find(file, &old, &new));
    } else {
        findings.extend(included(file, &old, &new));
        findings.extend(when(file, &old, &new));
        findings.extend(lines(file));
    }
    findings.extend(dropped(file));
    if findings.is_empty() {
        let why = "what runs in the pipeline is changed";
        findings.push(found(file, "ci-changed", Severity::Info, file.first_line(), why));
    }
    findings
}

fn whole(file: &File<'_>) -> Vec<Finding> {
    if file.is_deleted() {
        let why = "this pipeline no longer runs. Look whether something else does its work";
        return vec![found(file, "ci-trigger", Severity::Notice, None, why)];
    }
    let moved = file.change.old_path.is_some();
    if file.is_new() || moved {
        let why = "this pipeline is new and runs without being asked. Look whether the task asks \
                   for it";
        return vec![found(file, "ci-new", Severity::Notice, None, why)];
    }
    Vec::new()
}

/// Checks that the pipeline made and makes no more.
fn dropped(file: &File<'_>) -> Option<Finding> {
    let checks = |line: &&Line<'_>| !file.is_comment(line.text) && CHECK.is_match(line.text);
    let count = |lines: &[Line<'_>]| lines.iter().filter(checks).count();
    if file.is_deleted() || count(&file.lines.removed) <= count(&file.lines.added) {
        return None;
    }
    let line = file.lines.removed.iter().find(checks)?;
    let why = format!(
        "the pipeline no longer checks this: `{}`. Put it back, or show where it is done now",
        quote(line.text)
    );
    let number = Some(line.number);
    let found = file.found(Family::Tests, "ci-check-dropped", Severity::Notice, number, why);
    Some(found.of_removed())
}

/// Whether an entry takes a part of the pipeline from elsewhere.
fn is_elsewhere(entry: &&Entry<'_>) -> bool {
    let of = |key: &str| entry.keys.first() == Some(&key);
    let value = entry.value;
    if value.is_empty() {
        return false;
    }
    let foreign = |own: &str| value.contains('/') && !value.starts_with(own);
    (entry.below("include") && (entry.is("remote") || entry.is("project") || entry.is("component")))
        || (entry.below("include") && value.starts_with("http"))
        || (of("orbs") && foreign("circleci/"))
        || (of("resources") && entry.below("repositories") && !entry.is("type"))
        || (entry.is("template") && value.contains('@'))
        || (entry.is("pipe") && foreign("atlassian/"))
        || (entry.below("plugins") && value.contains('#') && foreign("buildkite-plugins/"))
        || (entry.below("plugins") && entry.keys.iter().any(|key| key.contains('/')))
}

fn included(file: &File<'_>, old: &[Entry<'_>], new: &[Entry<'_>]) -> Vec<Finding> {
    let before: BTreeSet<&str> = old.iter().filter(is_elsewhere).map(|entry| entry.value).collect();
    let fresh = new.iter().filter(is_elsewhere).find(|entry| !before.contains(entry.value));
    let mut findings: Vec<Finding> =
        fresh.map(|entry| elsewhere(file, entry.number, entry.value)).into_iter().collect();
    if let Some(line) = file.gained(&ELSEWHERE) {
        findings.push(elsewhere(file, line.number, line.text));
    }
    findings
}

fn elsewhere(file: &File<'_>, line: u32, text: &str) -> Finding {
    let why = format!(
        "a part of the pipeline comes from elsewhere and may change there at any time: `{}`. Copy \
         what is needed, or name a fixed version of somebody you trust",
        quote(text)
    );
    found(file, "ci-remote-include", Severity::Warning, Some(line), why)
}

fn when(file: &File<'_>, old: &[Entry<'_>], new: &[Entry<'_>]) -> Vec<Finding> {
    let is_when = |entry: &&Entry<'_>| entry.keys.iter().any(|key| WHEN.contains(key));
    if file.is_new()
        || file.is_deleted()
        || set(old.iter().filter(is_when)) == set(new.iter().filter(is_when))
    {
        return Vec::new();
    }
    let why = "when this pipeline runs is changed. Look whether the task asks for it";
    vec![found(file, "ci-trigger", Severity::Notice, file.first_line(), why)]
}

fn lines(file: &File<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(line) = file.gained(&SECRET) {
        let why = format!(
            "a secret comes into reach of the pipeline: `{}`. Give it only to the step that needs \
             it",
            quote(line.text)
        );
        findings.push(found(file, "ci-secrets", Severity::Warning, Some(line.number), why));
    }
    if let Some(line) = file.gained(&OWN_MACHINE) {
        let why = "the job runs on a machine of yours, where it can stay. Let only trusted code \
                   run there";
        findings.push(found(file, "ci-self-hosted", Severity::Warning, Some(line.number), why));
    }
    findings
}
