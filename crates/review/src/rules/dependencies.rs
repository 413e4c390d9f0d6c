//! What is depended on: what is new, where it comes from, and what a lock file was made to say.

mod hosts;
mod lock;
mod manifest;
mod names;

use super::file::{File, Kind};
use crate::finding::{Family, Finding, Severity, quote};
use manifest::{Dependency, Ecosystem, Source};
use std::collections::{BTreeMap, BTreeSet};

/// Findings of one file; a file with more is read as a whole anyway, and each costs a search for its line.
const OF_ONE_FILE: usize = 100;

pub(crate) fn find(files: &[File<'_>]) -> Vec<Finding> {
    let manifests: Vec<(&File<'_>, Ecosystem)> = files
        .iter()
        .filter_map(|file| Some((file, manifest::ecosystem(file)?)))
        .filter(|(file, _)| file.kind != Kind::Lock)
        .collect();
    let changed: BTreeSet<Ecosystem> = manifests.iter().map(|(_, ecosystem)| *ecosystem).collect();
    let mut known = BTreeSet::new();
    for (file, ecosystem) in &manifests {
        known.extend(
            manifest::read(*ecosystem, file, file.old()).into_iter().map(|d| (*ecosystem, d.name)),
        );
    }
    for file in files {
        known.extend(lock::names(file));
    }
    let mut findings = Vec::new();
    for (file, ecosystem) in manifests.iter().filter(|(file, _)| !file.is_deleted()) {
        findings.extend(declared(file, *ecosystem, &known));
    }
    findings.extend(files.iter().filter(|file| !file.is_deleted()).flat_map(hosts::find));
    findings.extend(files.iter().flat_map(|file| lock::find(file, &changed)));
    findings
}

/// What one manifest says now and did not before.
fn declared(
    file: &File<'_>,
    ecosystem: Ecosystem,
    known: &BTreeSet<(Ecosystem, String)>,
) -> Vec<Finding> {
    let by_name = |text| -> BTreeMap<String, Dependency> {
        manifest::read(ecosystem, file, text).into_iter().map(|d| (d.key(), d)).collect()
    };
    let (old, new) = (by_name(file.old()), by_name(file.new_text()));
    let own: BTreeSet<String> = names::own(ecosystem, file.new_text(), old.values());
    let mut findings = Vec::new();
    for (key, dependency) in &new {
        if findings.len() >= OF_ONE_FILE {
            break;
        }
        let found = match old.get(key) {
            Some(was) if was == dependency => None,
            Some(was) => changed(file, was, dependency),
            None => added(file, ecosystem, dependency, known, &own),
        };
        findings.extend(found);
    }
    findings
}

fn added(
    file: &File<'_>,
    ecosystem: Ecosystem,
    dependency: &Dependency,
    known: &BTreeSet<(Ecosystem, String)>,
    own: &BTreeSet<String>,
) -> Option<Finding> {
    let name = dependency.name.as_str();
    let (rule, severity, why) = match &dependency.source {
        Source::Local => return None,
        Source::Foreign(place) => return Some(foreign(file, dependency, place)),
        Source::Registry => match names::lookalike(ecosystem, name) {
            Some(popular) if !own.iter().any(|prefix| name.starts_with(prefix.as_str())) => (
                "dependency-lookalike",
                Severity::High,
                format!(
                    "`{}` looks like `{popular}` and is not it. Look which one is meant",
                    quote(name)
                ),
            ),
            // Chosen by a tool on behalf of another dependency, as in a lock file.
            _ if dependency.indirect
                || known.contains(&(ecosystem, name.to_owned()))
                || names::is_popular(ecosystem, name)
                || own.iter().any(|prefix| name.starts_with(prefix.as_str())) =>
            {
                ("dependency-new", Severity::Info, format!("`{}` is new here", quote(name)))
            }
            _ => (
                "dependency-new",
                Severity::Notice,
                format!(
                    "`{}` is a new dependency and not widely known. Look who makes it, how old it is, and whether it is needed",
                    quote(name)
                ),
            ),
        },
    };
    let unbounded = severity < Severity::Notice && is_unbounded(&dependency.requirement);
    if unbounded {
        return Some(any_version(file, dependency));
    }
    Some(finding(file, rule, severity, dependency, why))
}

fn changed(file: &File<'_>, was: &Dependency, now: &Dependency) -> Option<Finding> {
    if was.source != now.source
        && let Source::Foreign(place) = &now.source
    {
        return Some(foreign(file, now, place));
    }
    if is_unbounded(&now.requirement)
        && !is_unbounded(&was.requirement)
        && now.source == Source::Registry
    {
        return Some(any_version(file, now));
    }
    if names::is_lower(&was.requirement, &now.requirement) {
        let why = format!(
            "`{}` goes back from {} to {}: known holes may come back. Look why",
            quote(&now.name),
            quote(&was.requirement),
            quote(&now.requirement)
        );
        return Some(finding(file, "dependency-lowered", Severity::Notice, now, why));
    }
    None
}

fn is_unbounded(requirement: &str) -> bool {
    let text = requirement.trim();
    matches!(
        text,
        "*" | "latest"
            | "x"
            | "+"
            | "latest.release"
            | "latest.integration"
            | "RELEASE"
            | "LATEST"
            | ">=0"
            | ">= 0"
            | "dev-master"
            | "next"
    ) || text.ends_with(":+")
}

fn any_version(file: &File<'_>, dependency: &Dependency) -> Finding {
    let why = format!(
        "of `{}` any version will be taken, also one that is published tomorrow. Give a bound",
        quote(&dependency.name)
    );
    finding(file, "dependency-unbounded", Severity::Notice, dependency, why)
}

fn foreign(file: &File<'_>, dependency: &Dependency, place: &str) -> Finding {
    let why = format!(
        "`{}` does not come from the registry but from `{}`, where it can change unseen. Use a \
         published version, or look at that place",
        quote(&dependency.name),
        quote(place)
    );
    finding(file, "dependency-source", Severity::Warning, dependency, why)
}

fn finding(
    file: &File<'_>,
    rule: &'static str,
    severity: Severity,
    dependency: &Dependency,
    why: String,
) -> Finding {
    let short = dependency.name.rsplit(':').next().unwrap_or_default();
    file.found(Family::Dependencies, rule, severity, file.line_of(short).or(file.first_line()), why)
}
