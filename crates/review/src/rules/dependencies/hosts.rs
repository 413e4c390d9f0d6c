//! Registries that a manifest itself names.

use super::super::file::{File, Pattern, Patterns, regex};
use super::manifest;
use crate::finding::{Family, Finding, Severity, quote};
use regex::Regex;
use std::sync::LazyLock;

const WHY: &str = "packages come from a host that is not the usual registry. Look who runs it";

static HOSTS: LazyLock<Patterns> = LazyLock::new(|| {
    Patterns::new(&[
        Pattern {
            rule: "dependency-host",
            severity: Severity::High,
            regex: r#"^\s*(-i|--index-url|--extra-index-url|-f|--find-links|--trusted-host)[\s=]"#,
            why: WHY,
        },
        Pattern {
            rule: "dependency-host",
            severity: Severity::High,
            regex: r#"\bmavenLocal\s*\(|\bmaven\s*\(\s*["']|\bmaven\s*\{|\bsetUrl\(|^\s*url\s*[=(]?\s*(uri\()?["']https?:"#,
            why: WHY,
        },
        Pattern {
            rule: "dependency-host",
            severity: Severity::High,
            regex: r"<(repository|pluginRepository)>|^\s*<url>\s*https?://\S*(repo|maven|nexus|artifactory)",
            why: WHY,
        },
        Pattern {
            rule: "dependency-host",
            severity: Severity::High,
            regex: r#"^\s*\[\[(tool\.(poetry\.source|uv\.index|pdm\.source)|source)\]\]|^\s*index-url\s*="#,
            why: WHY,
        },
        Pattern {
            rule: "dependency-host",
            severity: Severity::High,
            regex: r#"^\s*source\s+["']https?://|"repositories"\s*:|"publishConfig"\s*:\s*\{\s*"registry""#,
            why: WHY,
        },
    ])
});
static USUAL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"https://(repo1?\.maven\.(apache\.)?org|repo\.maven\.apache\.org|maven\.google\.com|plugins\.gradle\.org|rubygems\.org|pypi\.org|repo\.spring\.io|oss\.sonatype\.org|s01\.oss\.sonatype\.org|central\.sonatype\.com)\b",
    )
});

pub(super) fn find(file: &File<'_>) -> Vec<Finding> {
    if manifest::ecosystem(file).is_none() {
        return Vec::new();
    }
    let found = HOSTS.gained(file).filter(|(_, line)| !USUAL.is_match(line.text));
    found
        .map(|(pattern, line)| {
            let why = format!("`{}`: {}", quote(line.text), pattern.why);
            file.found(Family::Dependencies, pattern.rule, pattern.severity, Some(line.number), why)
        })
        .collect()
}
