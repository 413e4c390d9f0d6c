//! A remote with the branches of the conformance suite, and how often drawn cases are drawn.

use forge::conformance::{Ground, Head};
use forge::forge::MergeWish;
use git::commit::{Signature, When};
use git::name::{BranchName, CommitId};
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;

/// The repository's template for pull requests.
const TEMPLATE: &str = "## Why\n";

#[expect(clippy::disallowed_methods, reason = "a person's git beside the forge under test")]
fn run(dir: &Path, args: &[&str]) -> Output {
    std::process::Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@t.example"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .unwrap()
}

/// Whether git did it.
pub fn try_git(dir: &Path, args: &[&str]) -> bool {
    run(dir, args).status.success()
}

/// What git said.
pub fn git(dir: &Path, args: &[&str]) -> String {
    let output = run(dir, args);
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn head(work: &Path, name: &str, files: &[(&str, &str)]) -> Head {
    git(work, &["checkout", "-q", "-b", name, "main"]);
    for (path, text) in files {
        std::fs::write(work.join(path), text).unwrap();
    }
    git(work, &["add", "."]);
    git(work, &["commit", "-q", "-m", name]);
    let commit = CommitId::parse(&git(work, &["rev-parse", "HEAD"])).unwrap();
    Head { branch: BranchName::parse(name).unwrap(), commit }
}

/// A remote, a person's clone of it, and what the suite needs to know.
pub struct Place {
    pub dir: TempDir,
    pub work: PathBuf,
    pub remote: PathBuf,
    pub first: CommitId,
    pub ground: Ground,
}

impl Place {
    /// A remote at `hosted/<owner>/widget.git`, bare or not.
    pub fn new(init: &[&str], owner: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let (work, hosted) = (dir.path().join("work"), dir.path().join("hosted").join(owner));
        std::fs::create_dir_all(&hosted).unwrap();
        let remote = hosted.join("widget.git");
        git(&hosted, &[&["init", "-q", "-b", "main"], init, &["widget.git"]].concat());
        git(dir.path(), &["init", "-q", "-b", "main", "work"]);
        for (path, text) in [
            ("a.txt", "one\n"),
            (".github/pull_request_template.md", TEMPLATE),
            (".gitlab/merge_request_templates/Default.md", TEMPLATE),
        ] {
            let path = work.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        git(&work, &["add", "."]);
        git(&work, &["commit", "-q", "-m", "first"]);
        let first = CommitId::parse(&git(&work, &["rev-parse", "HEAD"])).unwrap();
        let clean = head(&work, "errand/clean", &[("a.txt", "two\n"), ("b.txt", "b\n")]);
        let later = head(&work, "errand/later", &[("c.txt", "c\n")]);
        let conflicting = head(&work, "errand/conflicting", &[("a.txt", "three\n")]);
        git(&work, &["remote", "add", "origin", remote.to_str().unwrap()]);
        // A folder with files has the base checked out, so that branch is fetched from there.
        let all = "+refs/heads/*:refs/heads/*";
        git(&remote, &["fetch", "-q", work.to_str().unwrap(), all, "--update-head-ok"]);
        let person = Signature {
            name: "Ann".to_owned(),
            email: "ann@x.example".to_owned(),
            when: When { seconds: 1_700_000_000, offset_minutes: 60 },
        };
        let committer = Signature { name: "Errand".to_owned(), ..person.clone() };
        let ground = Ground {
            base: BranchName::parse("main").unwrap(),
            wish: MergeWish { seen: clean.commit.clone(), person, committer },
            clean,
            later,
            conflicting,
            conflict_file: "a.txt".to_owned(),
            reviewer: "rita".to_owned(),
            outsider: "oscar".to_owned(),
            template: TEMPLATE.to_owned(),
        };
        Self { dir, work, remote, first, ground }
    }
}

/// `full` where `ERRAND_TEST_COUNTS=full`, else `reduced`.
pub fn count(reduced: u64, full: u64) -> u64 {
    match std::env::var_os("ERRAND_TEST_COUNTS") {
        Some(word) if word == "full" => full,
        _ => reduced,
    }
}

/// The first case of a test that draws its cases, to go on where an earlier run stopped.
pub fn first_seed() -> u64 {
    let named = std::env::var_os("ERRAND_TEST_SEED");
    named.and_then(|seed| seed.to_str()?.parse().ok()).unwrap_or(0)
}
