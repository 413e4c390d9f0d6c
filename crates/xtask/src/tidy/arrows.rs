//! The floors of the house: which crate may use which. An unlisted crate or arrow fails.
//!
//! ```text
//! roof     e2e, bench, fuzz   everything
//! floor 3  errand             server, protocol, git
//! floor 2  server             all below except guest
//! floor 1  agent store sandbox gateway forge review harness guest    (never each other)
//! ground   protocol git model
//! beside   fakes (tests only), xtask
//! ```

use super::{Violation, violation};
use anyhow::{Context, bail};
use serde::Deserialize;
use std::path::Path;

/// What one crate may use.
struct Room {
    name: &'static str,
    floor: u8,
    uses: &'static [&'static str],
    tests_use: &'static [&'static str],
}

const fn room(
    name: &'static str,
    floor: u8,
    uses: &'static [&'static str],
    tests_use: &'static [&'static str],
) -> Room {
    Room { name, floor, uses, tests_use }
}

const BELOW_SERVER: &[&str] = &[
    "protocol", "git", "model", "agent", "store", "sandbox", "gateway", "forge", "review",
    "harness",
];
const EVERYTHING: &[&str] = &[
    "protocol", "git", "model", "agent", "store", "sandbox", "gateway", "forge", "review",
    "harness", "guest", "server", "errand", "fakes",
];

const ROOMS: &[Room] = &[
    room("protocol", 0, &[], &[]),
    room("git", 0, &[], &[]),
    room("model", 0, &[], &["fakes"]),
    room("fakes", 1, &["protocol", "git"], &[]),
    room("agent", 1, &["protocol"], &[]),
    room("store", 1, &["protocol"], &[]),
    room("sandbox", 1, &["protocol"], &["fakes"]),
    room("gateway", 1, &["protocol", "git"], &["fakes"]),
    room("forge", 1, &["protocol", "git"], &["fakes"]),
    room("review", 1, &["protocol", "git"], &[]),
    room("harness", 1, &["protocol", "model"], &["fakes"]),
    room("guest", 1, &["protocol"], &["sandbox"]),
    room("server", 2, BELOW_SERVER, &["fakes", "guest"]),
    room("errand", 3, &["server", "protocol", "git"], &["fakes"]),
    room("e2e", 4, EVERYTHING, EVERYTHING),
    room("bench", 4, EVERYTHING, EVERYTHING),
    room("fuzz", 4, EVERYTHING, &[]),
    room("xtask", 4, &[], &[]),
];

/// The part of `cargo metadata` that is looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    /// Set for crates of the workspace only.
    path: Option<String>,
}

/// Asks cargo for the crates of the workspace.
pub(super) fn metadata(root: &Path) -> anyhow::Result<Metadata> {
    #[expect(clippy::disallowed_methods, reason = "cargo alone knows the workspace")]
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root)
        .output()
        .context("start cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("parse the answer of cargo metadata")
}

pub(super) fn check(metadata: &Metadata) -> anyhow::Result<Vec<Violation>> {
    let mut found = Vec::new();
    for package in &metadata.packages {
        let manifest = format!("crates/{}/Cargo.toml", package.name);
        let Some(room) = ROOMS.iter().find(|room| room.name == package.name) else {
            let message = format!(
                "crate {} has no room: a crate is a process, pure, a family or shared by two; \
                 if it is, list it in {}",
                package.name,
                file!()
            );
            found.push(violation(&manifest, 1, message));
            continue;
        };
        let ours = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
        found.extend(ours.filter_map(|dependency| check_arrow(&manifest, room, dependency)));
    }
    Ok(found)
}

fn check_arrow(manifest: &str, room: &Room, dependency: &Dependency) -> Option<Violation> {
    let to = dependency.name.as_str();
    let for_tests = dependency.kind.as_deref() == Some("dev");
    if room.uses.contains(&to) || (for_tests && room.tests_use.contains(&to)) {
        return None;
    }
    let message = format!(
        "{} (floor {}) must not use {to}{}: move what both need to a lower floor, or pass it in",
        room.name,
        room.floor,
        if for_tests { " in its tests" } else { "" },
    );
    Some(violation(manifest, 1, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floor(name: &str) -> u8 {
        ROOMS.iter().find(|room| room.name == name).unwrap().floor
    }

    #[test]
    fn every_listed_arrow_points_down() {
        for room in ROOMS {
            for to in room.uses {
                assert!(floor(to) < room.floor, "{} uses {to}", room.name);
            }
        }
        assert!(!BELOW_SERVER.contains(&"guest"));
    }

    #[test]
    fn unlisted_crates_and_arrows_are_found() {
        let metadata = r#"{"packages": [
            {"name": "agent", "dependencies": [
                {"name": "protocol", "kind": null, "path": "/p"},
                {"name": "serde", "kind": null, "path": null},
                {"name": "store", "kind": null, "path": "/s"},
                {"name": "store", "kind": "dev", "path": "/s"}]},
            {"name": "guest", "dependencies": [
                {"name": "sandbox", "kind": "dev", "path": "/s"},
                {"name": "sandbox", "kind": null, "path": "/s"}]},
            {"name": "shed", "dependencies": []}]}"#;
        let found = check(&serde_json::from_str(metadata).unwrap()).unwrap();
        let paths: Vec<&str> = found.iter().map(|v| v.path.as_str()).collect();
        let (agent, guest) = ("crates/agent/Cargo.toml", "crates/guest/Cargo.toml");
        assert_eq!(paths, [agent, agent, guest, "crates/shed/Cargo.toml"]);
    }

    #[test]
    fn this_workspace_is_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let metadata = metadata(root).unwrap();
        assert!(metadata.packages.iter().any(|package| package.name == "xtask"));
    }
}
