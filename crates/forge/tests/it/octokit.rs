//! GitHub's official client, pinned, against the fake of that host: what the fake says is what a client
//! that others wrote understands.

use crate::hosts::{Hosted, TOKEN, hosted};
use fakes::forges::Kind;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The version that is tested.
const VERSION: &str = "22.0.1";
/// What the script checks.
const CHECKS: [&str; 15] = [
    "who",
    "refused",
    "repository",
    "branches",
    "compare",
    "create",
    "find",
    "update",
    "draft",
    "reviewers and labels",
    "comments",
    "checks",
    "permissions",
    "contents",
    "merge",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/octokit")
}

#[expect(clippy::disallowed_methods, reason = "the client is a program of its own")]
fn command(program: &str) -> Command {
    Command::new(program)
}

fn is_there(program: &str) -> bool {
    command(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn shown(output: &Output) -> String {
    let (said, complained) = (&output.stdout, &output.stderr);
    format!("{}\n{}", String::from_utf8_lossy(said), String::from_utf8_lossy(complained))
}

fn install() {
    let installed = folder().join("node_modules/@octokit/rest/package.json");
    let installed = std::fs::read_to_string(installed).unwrap_or_default();
    let installed: Value = serde_json::from_str(&installed).unwrap_or_default();
    if installed["version"] == VERSION {
        return;
    }
    let output = command("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder())
        .output()
        .unwrap();
    assert!(output.status.success(), "npm ci: {}", shown(&output));
}

#[tokio::test]
async fn the_official_client_understands_the_fake() {
    if !is_there("node") || !is_there("npm") {
        println!("SKIPPED 1: node or npm is not installed, so the official client was not tried");
        return;
    }
    install();
    let Hosted { place, host, .. } = hosted(Kind::Github).await;
    let mut script = command("node");
    script
        .arg("run.mjs")
        .current_dir(folder())
        .env("OCTOKIT_URL", host.url())
        .env("OCTOKIT_TOKEN", TOKEN)
        .env("OCTOKIT_HEAD", place.ground.clean.branch.as_str());
    let output = tokio::task::spawn_blocking(move || script.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed: Vec<&Value> = lines.iter().filter(|line| line.get("failed").is_some()).collect();
    assert!(failed.is_empty() && output.status.success(), "{failed:?}\n{}", shown(&output));
    let checked: Vec<&str> = lines.iter().filter_map(|line| line["check"].as_str()).collect();
    assert_eq!(checked, CHECKS, "each check was made");
}
