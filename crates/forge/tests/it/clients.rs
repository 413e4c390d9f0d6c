//! Official clients, pinned, against the fakes of their hosts: what the fakes say is what clients that
//! others wrote understand, so that both sides of our own tests are not wrong alike.

use crate::hosts::{Hosted, TOKEN, hosted, name};
use fakes::certificates::certified;
use fakes::forges::Kind;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const OCTOKIT: &str = "22.0.1";
const OCTOKIT_CHECKS: [&str; 17] = [
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
    "issues",
    "jobs",
    "merge",
];
const GITLAB_CHECKS: [&str; 17] = [
    "who",
    "refused",
    "project",
    "branches",
    "compare",
    "create",
    "find",
    "update",
    "reviewers",
    "notes",
    "discussions",
    "statuses",
    "members",
    "files",
    "issues",
    "jobs",
    "merge",
];

const GH_CHECKS: [&str; 7] = ["who", "refused", "pages", "create", "draft", "comments", "merge"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

#[expect(clippy::disallowed_methods, reason = "the clients are programs of their own")]
pub fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.current_dir(folder());
    command
}

pub fn is_there(program: &str) -> bool {
    command(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

pub fn shown(output: &Output) -> String {
    let (said, complained) = (&output.stdout, &output.stderr);
    format!("{}\n{}", String::from_utf8_lossy(said), String::from_utf8_lossy(complained))
}

/// Runs the script against a fresh fake and reads what it checked.
async fn checked(kind: Kind, mut script: Command, checks: &[&str]) {
    let Hosted { place, host, .. } = hosted(kind).await;
    let failed = place.ground.later.commit.to_string();
    let issue = host.with(|hall| {
        hall.fail_check(name(kind), &failed, "build", "it broke here");
        hall.open_issue(name(kind), "rita", "It crashes", "At once.")
    });
    script
        .env("FORGE_ISSUE", issue.to_string())
        .env("FORGE_FAILED", failed)
        .env("FORGE_URL", host.url())
        .env("FORGE_TOKEN", TOKEN)
        .env("FORGE_HEAD", place.ground.clean.branch.as_str());
    let output = tokio::task::spawn_blocking(move || script.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
    let failed: Vec<&Value> = lines.iter().filter(|line| line.get("failed").is_some()).collect();
    assert!(failed.is_empty() && output.status.success(), "{failed:?}\n{}", shown(&output));
    let made: Vec<&str> = lines.iter().filter_map(|line| line["check"].as_str()).collect();
    assert_eq!(made, checks, "each check was made");
}

fn install_octokit() {
    let installed = folder().join("node_modules/@octokit/rest/package.json");
    let installed = std::fs::read_to_string(installed).unwrap_or_default();
    let installed: Value = serde_json::from_str(&installed).unwrap_or_default();
    if installed["version"] == OCTOKIT {
        return;
    }
    let quiet = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    let output = command("npm").args(quiet).output().unwrap();
    assert!(output.status.success(), "npm ci: {}", shown(&output));
}

#[tokio::test]
async fn octokit_understands_the_fake_of_github() {
    if !is_there("node") || !is_there("npm") {
        println!("SKIPPED 1: node or npm is not installed, so octokit was not tried");
        return;
    }
    install_octokit();
    let mut script = command("node");
    script.arg("octokit.mjs");
    checked(Kind::Github, script, &OCTOKIT_CHECKS).await;
}

#[tokio::test]
async fn the_command_of_github_understands_the_fake() {
    if !is_there("node") || !is_there("gh") {
        println!("SKIPPED 1: node or gh is not installed, so gh was not tried");
        return;
    }
    let certified = certified(&["127.0.0.1"]).unwrap();
    let tls = tempfile::tempdir().unwrap();
    let files =
        [("authority", certified.pem), ("leaf", certified.leaf_pem), ("key", certified.key_pem)];
    for (name, text) in files {
        std::fs::write(tls.path().join(format!("{name}.pem")), text).unwrap();
    }
    let mut script = command("node");
    script.arg("gh.mjs").env("FORGE_TLS", tls.path());
    checked(Kind::Github, script, &GH_CHECKS).await;
}

/// A Python that has the client; none without Python or without network.
fn python() -> Option<PathBuf> {
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-gitlab");
    let (python, done) = (made.join("bin/python"), made.join("done"));
    let wanted = std::fs::read_to_string(folder().join("requirements.txt")).ok()?;
    if std::fs::read_to_string(&done).is_ok_and(|found| found == wanted) {
        return Some(python);
    }
    let run = |mut command: Command| command.output().ok()?.status.success().then_some(());
    let mut venv = command("python3");
    venv.args(["-m", "venv", "--clear"]).arg(&made);
    run(venv)?;
    let mut pip = command(&python);
    pip.args(["-m", "pip", "install", "-q", "-r", "requirements.txt"]);
    run(pip)?;
    std::fs::write(done, wanted).ok()?;
    Some(python)
}

#[tokio::test]
async fn python_gitlab_understands_the_fake_of_gitlab() {
    let Some(python) = python() else {
        println!("SKIPPED 1: python-gitlab is not installed: python3 or its network is missing");
        return;
    };
    let mut script = command(python);
    script.arg("python_gitlab.py");
    checked(Kind::Gitlab, script, &GITLAB_CHECKS).await;
}
