//! What our clients ask of the fakes and what these answer, held against the vendors' own
//! descriptions of their APIs: paths, parameters, bodies, statuses, fields and their types.

use crate::clients::{command, is_there, shown};
use crate::hosts::{Hosted, Pages, hosted, hosted_for_an_app, name};
use fakes::forges::hall::Run;
use fakes::forges::{Exchange, Kind};
use forge::conformance::check;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The description of Enterprise Server, whose paths the fake serves.
const GITHUB: &str = "ghes-3.19.json";
/// Where a description of GitLab lies: `doc/api/openapi/openapi_v3.yaml` of its sources, which no
/// registry of packages has.
const GITLAB_FILE: &str = "ERRAND_GITLAB_OPENAPI";

/// A folder with the checker and what it needs; it is large, and so not beside the sources.
fn checker() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/openapi");
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("forge-openapi");
    std::fs::create_dir_all(&made).unwrap();
    for file in ["package.json", "package-lock.json", "check.mjs"] {
        std::fs::copy(ours.join(file), made.join(file)).unwrap();
    }
    let lock = std::fs::read_to_string(ours.join("package-lock.json")).unwrap();
    if std::fs::read_to_string(made.join("done")).is_ok_and(|found| found == lock) {
        return made;
    }
    let mut npm = command("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&made);
    let output = npm.output().unwrap();
    assert!(output.status.success(), "npm ci: {}", shown(&output));
    // The package has each product of the host twice, which is 400 MB.
    for entry in std::fs::read_dir(described(&made)).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_none_or(|name| name != GITHUB) {
            std::fs::remove_file(path).unwrap();
        }
    }
    std::fs::write(made.join("done"), lock).unwrap();
    made
}

fn described(checker: &Path) -> PathBuf {
    checker.join("node_modules/@octokit/openapi/generated")
}

/// Everything that the conformance suite has a forge and its host say to each other.
async fn said(kind: Kind, hosted: Hosted) -> Vec<Exchange> {
    let Hosted { place, host, forge, .. } = hosted;
    check(forge.as_ref(), &place.ground, &Pages(kind, &host)).await;
    let commit = &place.ground.conflicting.commit;
    host.with(|hall| {
        let run = Run {
            id: 9_000,
            commit: commit.to_string(),
            name: "lint".to_owned(),
            conclusion: Some("failure".to_owned()),
            summary: Some("Two remarks.".to_owned()),
            remarks: vec![("a.txt".to_owned(), 1, "Too short.".to_owned())],
            log: None,
        };
        hall.repository(name(kind)).runs.push(run);
        hall.fail_check(name(kind), &commit.to_string(), "lint", "Too short.");
    });
    let told = forge.check_log(commit, "lint").await.unwrap();
    assert!(told.contains("Too short."), "{told}");
    forge.identity().await.unwrap();
    host.exchanges()
}

/// What the checker says, an operation a line; `how` is the prefix of all paths, and how exact the description is.
fn held(description: &Path, exchanges: &[Exchange], how: [&str; 2]) -> Vec<Value> {
    let checker = checker();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), serde_json::to_string(exchanges).unwrap()).unwrap();
    let mut node = command("node");
    node.arg("check.mjs").arg(description).arg(file.path()).args(how).current_dir(checker);
    let output = node.output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn wrong(lines: &[Value]) -> Vec<String> {
    let of = |line: &Value| {
        let problems = line["problems"].as_array().cloned().unwrap_or_default();
        let operation = line["operation"].as_str().unwrap_or_default().to_owned();
        problems.into_iter().map(move |problem| format!("{operation}: {problem}"))
    };
    lines.iter().flat_map(of).collect()
}

fn has_node() -> bool {
    is_there("node") && is_there("npm")
}

#[tokio::test]
async fn github_is_as_its_description_says() {
    if !has_node() {
        println!("SKIPPED 1: node or npm is not installed, so no description was held against");
        return;
    }
    let mut exchanges = said(Kind::Github, hosted(Kind::Github).await).await;
    exchanges.extend(said(Kind::Github, hosted_for_an_app().await).await);
    let lines = held(&described(&checker()).join(GITHUB), &exchanges, ["/api/v3", "exact"]);
    assert!(lines.len() >= 20, "{} operations were seen", lines.len());
    assert_eq!(wrong(&lines), Vec::<String>::new());
}

#[tokio::test]
async fn gitlab_is_as_its_description_says() {
    let file = std::env::var_os(GITLAB_FILE).map(PathBuf::from);
    let Some(file) = file.filter(|_| has_node()) else {
        println!(
            "SKIPPED 1: no node, or {GITLAB_FILE} names no openapi_v3.yaml of GitLab's sources"
        );
        return;
    };
    let exchanges = said(Kind::Gitlab, hosted(Kind::Gitlab).await).await;
    let lines = held(&file, &exchanges, ["", "loose"]);
    assert!(lines.len() >= 20, "{} operations were seen", lines.len());
    assert_eq!(wrong(&lines), Vec::<String>::new());
}
