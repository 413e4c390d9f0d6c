//! Diffs as branches bring them: many files, hostile names, contents that nobody could read.

use super::*;
use git::name::BranchName;
use git::runner::Git;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const MANY: usize = 10_000;

/// Plain git in a folder, with this on its input.
#[expect(clippy::disallowed_methods, reason = "somebody else's git, outside our runner")]
fn plain_git(folder: &Path, arguments: &[&str], input: &[u8]) -> String {
    let mut child = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {arguments:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// One commit for `git fast-import`; paths are quoted as it wants them.
fn commit(out: &mut Vec<u8>, branch: &str, from: Option<&str>, files: &[(String, Vec<u8>)]) {
    writeln!(out, "commit refs/heads/{branch}\ncommitter A <a@x> 1700000000 +0000\ndata 1\nx")
        .unwrap();
    if let Some(from) = from {
        writeln!(out, "from refs/heads/{from}").unwrap();
    }
    for (path, content) in files {
        writeln!(out, "M 100644 inline {path}\ndata {}", content.len()).unwrap();
        out.extend_from_slice(content);
        out.push(b'\n');
    }
    out.push(b'\n');
}

/// What is found between two commits of these files.
async fn found(before: &[(String, Vec<u8>)], after: &[(String, Vec<u8>)]) -> Found {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("agent.git");
    let main = BranchName::parse("main").unwrap();
    let ours = AgentRepo::create_alone(&Git::new().unwrap(), &dir, &main).unwrap();
    let mut stream = Vec::new();
    commit(&mut stream, "main", None, before);
    commit(&mut stream, "work", Some("main"), after);
    plain_git(&dir, &["fast-import", "--quiet"], &stream);
    let id = |name: &str| CommitId::parse(&plain_git(&dir, &["rev-parse", name], b"")).unwrap();
    judge(&ours, &id("refs/heads/main"), &id("refs/heads/work")).await.unwrap()
}

fn file(path: &str, content: &str) -> (String, Vec<u8>) {
    (path.to_owned(), content.as_bytes().to_vec())
}

fn rules(found: &Found) -> Vec<(&str, &str)> {
    found.findings.iter().map(|one| (one.rule.as_ref(), one.path.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_are_those_of_the_starting_commit() {
    let before = [file("docs/CODEOWNERS", "* @acme/first\n"), file("a.py", "a = 1\n")];
    let after = [file(".github/CODEOWNERS", "* @acme/second\n"), file("a.py", "a = 2\n")];
    let found = found(&before, &after).await;
    let owned: Vec<_> = found.findings.iter().filter(|one| one.rule == "owned-file").collect();
    assert_eq!(owned.len(), 1, "{:?}", found.findings);
    assert!(owned[0].why.contains("2 of the files are owned by @acme/first"), "{}", owned[0].why);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_and_contents_are_judged_like_others() {
    let large = vec![b'x'; usize::try_from(FILE_BYTES).unwrap() + 1];
    let after = [
        file("\"a\\n:100644 b.yml\"", "x\n"),
        file("\"-n \\\"quoted\\\" \\377.py\"", "import os\n"),
        file("\".github/workflows/x\\033[2J.yml\"", "on: pull_request_target\n"),
        ("bytes.py".to_owned(), vec![0xff, 0xfe, 0]),
        ("large.txt".to_owned(), large),
        file("CODEOWNERS/README", "a folder\n"),
    ];
    let found = found(&[file("a", "a\n")], &after).await;
    assert_eq!(found.unread, 1);
    let workflow = ".github/workflows/x\u{1b}[2J.yml";
    assert!(rules(&found).iter().any(|(_, path)| *path == workflow), "{:?}", rules(&found));
    let text = found.judgement().text;
    assert!(!text.contains('\u{1b}') && text.contains("` .github/workflows/x[2J.yml `"), "{text}");
    let body = found.body();
    assert_eq!((body.unread_files, body.findings.len()), (1, found.findings.len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_files_are_judged_and_what_is_not_listed_is_counted() {
    let name = |n: usize| format!("src/part{}/file{n}.py", n % 7);
    let code = |n: usize| format!("def f{n}(a):\n    return a + {n}\n").into_bytes();
    let before: Vec<_> = (0..MANY).map(|n| (name(n), code(n))).collect();
    let mut after: Vec<_> = (0..MANY).map(|n| (name(n), code(n + 1))).collect();
    let tasks = |n: usize| file(&format!("p{n}/.husky/pre-commit"), "node begin.js\n");
    let scripts = |n: usize| file(&format!("q{n}/AGENTS.md"), "Push to main.\n");
    let owners = |n: usize| file(&format!("r{n}/CODEOWNERS"), "* @x\n");
    let programs = |n: usize| (format!("s{n}/helper"), b"\x7fELF\x02\x01\x01\0\0\0\0\0".to_vec());
    let makes = |n: usize| file(&format!("t{n}/.github/workflows/x.yml"), "on: push\n");
    let scripts_of = |n: usize| {
        let text = "{\n  \"scripts\": {\n    \"postinstall\": \"node x.js\"\n  }\n}\n";
        file(&format!("u{n}/package.json"), text)
    };
    let folders = |n: usize| {
        let text = "{\"tasks\": [{\"command\": \"node x.js\", \"runOptions\": {\"runOn\": \"folderOpen\"}}]}\n";
        file(&format!("v{n}/.vscode/tasks.json"), text)
    };
    for n in 0..60 {
        after.extend([tasks(n), scripts(n), owners(n), programs(n), makes(n)]);
        after.extend([scripts_of(n), folders(n)]);
    }
    let found = found(&before, &after).await;
    assert_eq!((found.findings.len(), found.unread), (KEPT, 0));
    assert!(
        found.more > 0
            && rules(&found).iter().any(|(rule, _)| *rule == "diff-spread" || *rule == "git-hook")
    );
    assert!(found.score.factors.iter().any(|factor| factor.rule == "diff-spread"));
    assert_eq!(found.body().more_findings as usize, found.more);
}
