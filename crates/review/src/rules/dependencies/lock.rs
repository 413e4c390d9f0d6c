//! What lock files say: hosts, hashes, versions and scripts of every package.

use super::super::file::{File, Kind, regex};
use super::OF_ONE_FILE;
use super::manifest::Ecosystem;
use super::names;
use crate::finding::{Family, Finding, Severity, quote};
use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// One package of a lock file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Locked {
    name: String,
    version: String,
    place: String,
    hashes: BTreeSet<String>,
    script: bool,
}

/// Registries whose names in a lock file surprise nobody.
const USUAL: &[&str] = &[
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "pypi.org",
    "files.pythonhosted.org",
    "github.com/rust-lang/crates.io-index",
    "index.crates.io",
    "rubygems.org",
    "api.github.com",
    "codeload.github.com",
    "npm.jsr.io",
];
/// Packages whose install script is known: they fetch or build a program of their own.
const WITH_SCRIPT: &[&str] = &[
    "esbuild",
    "fsevents",
    "sharp",
    "puppeteer",
    "playwright",
    "cypress",
    "electron",
    "bcrypt",
    "better-sqlite3",
    "canvas",
    "node-sass",
    "@swc/core",
    "core-js",
    "protobufjs",
    "msw",
    "nx",
    "husky",
    "@parcel/watcher",
    "unrs-resolver",
    "workerd",
    "lmdb",
    "msgpackr-extract",
    "cpu-features",
    "ssh2",
];

fn ecosystem(file: &File<'_>) -> Option<Ecosystem> {
    match file.name.to_lowercase().as_str() {
        "package-lock.json"
        | "npm-shrinkwrap.json"
        | "yarn.lock"
        | "pnpm-lock.yaml"
        | "bun.lock" => Some(Ecosystem::Npm),
        "cargo.lock" => Some(Ecosystem::Cargo),
        "poetry.lock" | "uv.lock" | "pdm.lock" | "pipfile.lock" => Some(Ecosystem::Python),
        "go.sum" => Some(Ecosystem::Go),
        "gemfile.lock" => Some(Ecosystem::Ruby),
        "composer.lock" => Some(Ecosystem::Composer),
        "gradle.lockfile" => Some(Ecosystem::Java),
        _ => None,
    }
}

/// Names that the lock file knew before.
pub(super) fn names(file: &File<'_>) -> Vec<(Ecosystem, String)> {
    let Some(ecosystem) = ecosystem(file) else { return Vec::new() };
    read(file, file.old()).into_iter().map(|locked| (ecosystem, locked.name)).collect()
}

pub(super) fn find(file: &File<'_>, changed: &BTreeSet<Ecosystem>) -> Vec<Finding> {
    let hashed_requirements = file.kind == Kind::Settings && file.ending == "txt";
    let of = ecosystem(file);
    if file.is_deleted() || (of.is_none() && !hashed_requirements) {
        return Vec::new();
    }
    let (old, new) = (read(file, file.old()), read(file, file.new_text()));
    let mut findings = places(file, &old, &new);
    findings.extend(hashes(file, &old, &new));
    findings.extend(scripts(file, &old, &new));
    if let Some(of) = of {
        let alone = !file.is_new() && !changed.contains(&of);
        // Where a manifest changes as well, the tool resolves anew and may well go back.
        if alone {
            findings.extend(lowered(file, &old, &new));
        }
        let without = alone && adds(&old, &new);
        if without {
            let why = "the lock file changes and no manifest does. Look what moved, and why";
            let severity = if only_newer(&old, &new) { Severity::Info } else { Severity::Notice };
            findings.push(found(file, "lock-only", severity, file.first_line(), why));
        }
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
    file.found(Family::Dependencies, rule, severity, line, why)
}

/// Whether something stands there that did not.
fn adds(old: &[Locked], new: &[Locked]) -> bool {
    let key = |locked: &Locked| {
        (locked.name.clone(), locked.version.clone(), locked.place.clone(), locked.hashes.clone())
    };
    let before: BTreeSet<_> = old.iter().map(key).collect();
    new.iter().any(|locked| !before.contains(&key(locked)))
}

/// Whether no package appears and none stays at its version with another place or hash.
fn only_newer(old: &[Locked], new: &[Locked]) -> bool {
    let before: BTreeSet<&str> = old.iter().map(|locked| locked.name.as_str()).collect();
    let all: BTreeSet<(&str, &str)> =
        old.iter().map(|locked| (locked.name.as_str(), locked.version.as_str())).collect();
    let known: BTreeSet<(&str, &str, &str)> = old
        .iter()
        .map(|locked| (locked.name.as_str(), locked.version.as_str(), locked.place.as_str()))
        .collect();
    new.iter().all(|locked| {
        let (name, version) = (locked.name.as_str(), locked.version.as_str());
        let moved = all.contains(&(name, version))
            && !known.contains(&(name, version, locked.place.as_str()));
        before.contains(name) && !moved
    })
}

fn host(place: &str) -> Option<&str> {
    let rest = place.split_once("://")?.1;
    let host = rest.split(['/', '#', '?']).next()?;
    Some(host.rsplit('@').next().unwrap_or(host))
}

fn places(file: &File<'_>, old: &[Locked], new: &[Locked]) -> Vec<Finding> {
    let before: BTreeMap<&str, &str> =
        old.iter().map(|locked| (locked.name.as_str(), locked.place.as_str())).collect();
    let hosts: BTreeSet<&str> = old.iter().filter_map(|locked| host(&locked.place)).collect();
    let mut findings = Vec::new();
    for locked in new {
        if findings.len() >= OF_ONE_FILE {
            break;
        }
        let was = before.get(locked.name.as_str()).copied();
        let Some(host) = host(&locked.place) else { continue };
        let git = locked.place.starts_with("git")
            || locked.place.contains("+ssh")
            || locked.place.ends_with(".git");
        let usual = USUAL.iter().any(|usual| locked.place.contains(&format!("://{usual}")));
        let fresh = match was.and_then(self::host) {
            Some(was) => was != host,
            None => !hosts.contains(host),
        };
        let plain =
            locked.place.contains("http://") && !was.is_some_and(|was| was.contains("http://"));
        let name = quote(&locked.name);
        let line = file.line_of(host);
        if git && was.is_none_or(|was| was != locked.place && !was.starts_with("git")) {
            let why = format!(
                "`{name}` comes from the repository `{}`, not from the registry. Use a published version",
                quote(&locked.place)
            );
            findings.push(found(file, "dependency-source", Severity::Warning, line, why));
        } else if !git && ((fresh && !usual) || plain) {
            let why = format!(
                "`{name}` comes from `{}`, which is not where this lock file's packages come from. Look who runs that host",
                quote(host)
            );
            findings.push(found(file, "dependency-host", Severity::High, line, why));
        }
    }
    findings
}

fn hashes(file: &File<'_>, old: &[Locked], new: &[Locked]) -> Vec<Finding> {
    let before: BTreeMap<(&str, &str), &Locked> = old
        .iter()
        .map(|locked| ((locked.name.as_str(), locked.version.as_str()), locked))
        .collect();
    let kind = |hash: &str| {
        hash.split_once(['-', ':']).map(|(kind, _)| kind.to_owned()).unwrap_or_default()
    };
    let mut findings = Vec::new();
    for locked in new {
        if findings.len() >= OF_ONE_FILE {
            break;
        }
        let Some(was) = before.get(&(locked.name.as_str(), locked.version.as_str())) else {
            continue;
        };
        let kinds: BTreeSet<String> = locked.hashes.iter().map(|hash| kind(hash)).collect();
        let gone = was
            .hashes
            .iter()
            .any(|hash| kinds.contains(&kind(hash)) && !locked.hashes.contains(hash));
        let fresh = locked.hashes.difference(&was.hashes).next();
        if let Some(hash) = fresh.filter(|_| gone) {
            let why = format!(
                "the hash of `{} {}` changes and its version does not: these are other bytes under the same name. Do not merge before you know why",
                quote(&locked.name),
                quote(&locked.version)
            );
            findings.push(found(file, "dependency-hash", Severity::High, file.line_of(hash), why));
        } else if locked.hashes.is_empty() && !was.hashes.is_empty() {
            let why = format!(
                "the hash of `{} {}` is gone, so its bytes are no longer compared. Put it back",
                quote(&locked.name),
                quote(&locked.version)
            );
            findings.push(found(
                file,
                "dependency-hash",
                Severity::Warning,
                file.first_line(),
                why,
            ));
        }
    }
    findings
}

fn scripts(file: &File<'_>, old: &[Locked], new: &[Locked]) -> Vec<Finding> {
    let before: BTreeSet<&str> =
        old.iter().filter(|locked| locked.script).map(|locked| locked.name.as_str()).collect();
    let fresh = new.iter().filter(|locked| locked.script && !before.contains(locked.name.as_str()));
    fresh
        .take(OF_ONE_FILE)
        .map(|locked| {
            let known = WITH_SCRIPT.contains(&locked.name.as_str());
            let severity = if known { Severity::Info } else { Severity::Warning };
            let why = format!(
                "`{}` runs a script when it is installed. Read it, or install without scripts",
                quote(&locked.name)
            );
            found(
                file,
                "dependency-install-script",
                severity,
                file.line_of("nstallScript").or(file.first_line()),
                why,
            )
        })
        .collect()
}

fn lowered(file: &File<'_>, old: &[Locked], new: &[Locked]) -> Vec<Finding> {
    let single = |all: &[Locked]| -> BTreeMap<String, Option<String>> {
        let mut map = BTreeMap::new();
        for locked in all {
            let version = Some(locked.version.clone());
            map.entry(locked.name.clone())
                .and_modify(|seen| {
                    if *seen != version {
                        *seen = None
                    }
                })
                .or_insert(version);
        }
        map
    };
    let (before, after) = (single(old), single(new));
    let mut findings = Vec::new();
    for (name, now) in &after {
        if findings.len() >= OF_ONE_FILE {
            break;
        }
        if let (Some(Some(was)), Some(now)) = (before.get(name), now)
            && names::is_lower(was, now)
        {
            let why = format!(
                "`{}` goes back from {} to {}: known holes may come back. Look why",
                quote(name),
                quote(was),
                quote(now)
            );
            findings.push(found(
                file,
                "dependency-lowered",
                Severity::Notice,
                file.line_of(now),
                why,
            ));
        }
    }
    findings
}

fn read(file: &File<'_>, text: &str) -> Vec<Locked> {
    match file.name.to_lowercase().as_str() {
        "package-lock.json" | "npm-shrinkwrap.json" => npm(text),
        "composer.lock" => composer(text),
        "pipfile.lock" => pipfile(text),
        "yarn.lock" => yarn(text),
        "pnpm-lock.yaml" => pnpm(text),
        "cargo.lock" | "poetry.lock" | "uv.lock" | "pdm.lock" => blocks(text),
        "go.sum" => go(text),
        "gemfile.lock" => gems(text),
        _ if file.kind == Kind::Settings => hashed(text),
        _ => Vec::new(),
    }
}

fn npm(text: &str) -> Vec<Locked> {
    let Ok(root) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let tables =
        ["packages", "dependencies"].into_iter().find_map(|table| root.get(table)?.as_object());
    let one = |(path, value): (&String, &Value)| {
        let field =
            |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = path.rsplit("node_modules/").next().unwrap_or(path).to_owned();
        let hashes = [field("integrity")].into_iter().filter(|hash| !hash.is_empty()).collect();
        let script = value.get("hasInstallScript").and_then(Value::as_bool).unwrap_or(false);
        Locked { name, version: field("version"), place: field("resolved"), hashes, script }
    };
    tables.into_iter().flatten().filter(|(path, _)| !path.is_empty()).map(one).collect()
}

fn composer(text: &str) -> Vec<Locked> {
    let Ok(root) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let lists =
        ["packages", "packages-dev"].into_iter().filter_map(|list| root.get(list)?.as_array());
    let one = |value: &Value| {
        let at =
            |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let hashes = [at("/dist/shasum")].into_iter().filter(|hash| !hash.is_empty()).collect();
        Locked {
            name: at("/name"),
            version: at("/version"),
            place: at("/dist/url"),
            hashes,
            script: false,
        }
    };
    lists.flatten().map(one).collect()
}

fn pipfile(text: &str) -> Vec<Locked> {
    let Ok(root) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let tables =
        ["default", "develop"].into_iter().filter_map(|table| root.get(table)?.as_object());
    let one = |(name, value): (&String, &Value)| {
        let hashes = value.get("hashes").and_then(Value::as_array).into_iter().flatten();
        let hashes = hashes.filter_map(|hash| Some(hash.as_str()?.to_owned())).collect();
        let version = value.get("version").and_then(Value::as_str).unwrap_or_default().to_owned();
        let place = value
            .get("git")
            .and_then(Value::as_str)
            .map(|url| format!("git+{url}"))
            .unwrap_or_default();
        Locked { name: name.clone(), version, place, hashes, script: false }
    };
    tables.flatten().map(one).collect()
}

fn quoted(line: &str) -> &str {
    line.split_once([' ', '=', ':'])
        .map(|(_, rest)| rest)
        .unwrap_or_default()
        .trim()
        .trim_matches(['"', '\'', '=', ' ', ','])
}

fn yarn(text: &str) -> Vec<Locked> {
    let mut all: Vec<Locked> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if !line.starts_with(' ') {
            let first = line.trim_matches(['"', ':']).split(',').next().unwrap_or_default();
            let at = first.get(1..).and_then(|rest| rest.find('@')).map(|at| at + 1);
            let name = first.get(..at.unwrap_or(first.len())).unwrap_or(first);
            all.push(Locked { name: name.to_owned(), ..Locked::default() });
            continue;
        }
        let (Some(last), field) = (all.last_mut(), line.trim()) else { continue };
        if line.starts_with("   ") {
            continue;
        }
        if field.starts_with("version") {
            last.version = quoted(field).to_owned();
        } else if field.starts_with("resolved") {
            let (place, hash) = quoted(field).split_once('#').unwrap_or((quoted(field), ""));
            last.place = place.to_owned();
            last.hashes.extend((!hash.is_empty()).then(|| format!("sha1-{hash}")));
        } else if field.starts_with("resolution") {
            let place = quoted(field);
            let elsewhere = place.contains("://") && !place.contains("@npm:");
            last.place = if elsewhere {
                place.rsplit_once('@').map_or(place, |(_, url)| url).to_owned()
            } else {
                String::new()
            };
        } else if field.starts_with("integrity") || field.starts_with("checksum") {
            last.hashes.insert(quoted(field).to_owned());
        }
    }
    all
}

static PNPM_PACKAGE: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"^  ['"]?/?(@?[^@\s'"]+)[@/]([^:('"\s]+)[^:]*:\s*$"#));
static PNPM_FIELD: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(integrity|tarball):\s*([^,}\s]+)"));

fn pnpm(text: &str) -> Vec<Locked> {
    let mut all: Vec<Locked> = Vec::new();
    for line in text.lines() {
        if let Some(found) = PNPM_PACKAGE.captures(line) {
            let part =
                |at: usize| found.get(at).map(|part| part.as_str().to_owned()).unwrap_or_default();
            all.push(Locked { name: part(1), version: part(2), ..Locked::default() });
        } else if let Some(last) = all.last_mut() {
            for found in PNPM_FIELD.captures_iter(line) {
                let value = found.get(2).map(|value| value.as_str().to_owned()).unwrap_or_default();
                if found.get(1).is_some_and(|key| key.as_str() == "integrity") {
                    last.hashes.insert(value);
                } else {
                    last.place = value;
                }
            }
            last.script |= line.trim() == "requiresBuild: true";
        }
    }
    // An entry without a hash is a summary of one that stands elsewhere.
    all.retain(|locked| !locked.hashes.is_empty() || !locked.place.is_empty());
    all
}

static BLOCK_HASH: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"\b(?:hash|checksum)\s*=\s*"([^"]+)""#));
static BLOCK_PLACE: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"^(?:source|url)\s*=.*?((?:git\+|registry\+|sparse\+)?https?://[^"]+)"#)
});
static BLOCK_GIT: LazyLock<Regex> = LazyLock::new(|| regex(r#"^source\s*=.*(?:\bgit\s*=|"git\+)"#));

fn blocks(text: &str) -> Vec<Locked> {
    let mut all: Vec<Locked> = Vec::new();
    for line in text.lines() {
        if line == "[[package]]" {
            all.push(Locked::default());
        }
        let Some(last) = all.last_mut() else { continue };
        if line.starts_with("name = ") && last.name.is_empty() {
            last.name = quoted(line).to_owned();
        } else if line.starts_with("version = ") && last.version.is_empty() {
            last.version = quoted(line).to_owned();
        }
        if let Some(place) = BLOCK_PLACE.captures(line).and_then(|found| found.get(1)) {
            let git = BLOCK_GIT.is_match(line) && !place.as_str().starts_with("git");
            last.place = format!("{}{}", if git { "git+" } else { "" }, place.as_str());
        }
        let hashes = BLOCK_HASH.captures_iter(line).filter_map(|found| found.get(1));
        last.hashes.extend(hashes.map(|hash| hash.as_str().to_owned()));
    }
    all
}

fn go(text: &str) -> Vec<Locked> {
    let one = |line: &str| {
        let mut parts = line.split_whitespace();
        let (name, version, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let hashes = [hash.to_owned()].into();
        Some(Locked {
            name: name.to_owned(),
            version: version.to_owned(),
            hashes,
            ..Locked::default()
        })
    };
    text.lines().filter_map(one).collect()
}

fn gems(text: &str) -> Vec<Locked> {
    let (mut all, mut place) = (Vec::new(), String::new());
    for line in text.lines() {
        if let Some(remote) = line.trim().strip_prefix("remote: ") {
            place = remote.to_owned();
        } else if let Some((name, version)) =
            line.strip_prefix("    ").and_then(|rest| rest.strip_suffix(')')?.split_once(" ("))
            && !name.starts_with(' ')
        {
            let (name, version, place) = (name.to_owned(), version.to_owned(), place.clone());
            all.push(Locked { name, version, place, ..Locked::default() });
        }
    }
    all
}

static REQUIREMENT_HASH: LazyLock<Regex> = LazyLock::new(|| regex(r"--hash=(sha\d+:[0-9a-f]+)"));

fn hashed(text: &str) -> Vec<Locked> {
    let mut all: Vec<Locked> = Vec::new();
    for line in text.lines() {
        if let Some((name, version)) =
            line.split_once("==").filter(|_| !line.starts_with([' ', '-', '#']))
        {
            let version = version.split([' ', ';', '\\']).next().unwrap_or_default();
            all.push(Locked {
                name: name.trim().to_lowercase(),
                version: version.to_owned(),
                ..Locked::default()
            });
        }
        if let Some(last) = all.last_mut() {
            let hashes = REQUIREMENT_HASH.captures_iter(line).filter_map(|found| found.get(1));
            last.hashes.extend(hashes.map(|hash| hash.as_str().to_owned()));
        }
    }
    all
}
