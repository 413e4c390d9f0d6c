//! Temporary repositories made with the real git.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use git::agent_repo::AgentRepo;
use git::commit::{CommitDraft, Signature, When};
use git::mirror::Mirror;
use git::name::{BranchName, CommitId, TreeId};
use git::remote::{self, Remote};
use git::runner::Git;
use git::url::RemoteUrl;

/// A folder that goes away with the test, and a git to work in it.
pub struct Ground {
    pub dir: tempfile::TempDir,
    pub git: Git,
}

impl Ground {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), git: Git::new().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// An ordinary repository with one commit of `files` on `main`.
    pub fn upstream(&self, name: &str, files: &[(&str, &str)]) -> Upstream {
        let upstream = self.empty(name);
        upstream.commit(files, "first");
        upstream
    }

    pub fn empty(&self, name: &str) -> Upstream {
        let dir = self.path(name);
        std::fs::create_dir(&dir).unwrap();
        let upstream = Upstream { dir };
        upstream.git(&["init", "-q", "-b", "main"]);
        upstream
    }

    pub fn bare(&self, name: &str, from: &Upstream) -> Upstream {
        let dir = self.path(name);
        from.git(&["clone", "-q", "--bare", ".", dir.to_str().unwrap()]);
        Upstream { dir }
    }

    /// A mirror of an upstream, up to date.
    pub async fn mirror(&self, upstream: &Upstream) -> Mirror {
        let remote = upstream.remote();
        let head = remote::ls(&self.git, &remote, None).await.unwrap();
        let mirror =
            Mirror::open_or_create(&self.git, &self.path("mirror.git"), &head.commit).unwrap();
        mirror.ensure(&remote, &head, &mut |_| ()).await.unwrap();
        mirror
    }

    /// An agent's repository on top of a mirror.
    pub async fn agent(&self, upstream: &Upstream) -> AgentRepo {
        let mirror = self.mirror(upstream).await;
        let head = branch("errand/x");
        let refs = [(branch("main").to_ref(), upstream.head())];
        AgentRepo::create(&self.path("agent.git"), &mirror, &head, &refs).unwrap()
    }
}

/// A repository of somebody else.
pub struct Upstream {
    pub dir: PathBuf,
}

impl Upstream {
    pub fn remote(&self) -> Remote {
        Remote::open(RemoteUrl::parse(self.dir.to_str().unwrap()).unwrap())
    }

    pub fn git(&self, args: &[&str]) -> String {
        git_in(&self.dir, args, b"")
    }

    pub fn head(&self) -> CommitId {
        self.id("HEAD")
    }

    pub fn id(&self, rev: &str) -> CommitId {
        CommitId::parse(self.git(&["rev-parse", rev]).trim()).unwrap()
    }

    pub fn commit(&self, files: &[(&str, &str)], message: &str) -> CommitId {
        for (path, content) in files {
            let path = self.dir.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        self.git(&["add", "-A", "-f"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.head()
    }
}

pub fn git_in(dir: &Path, args: &[&str], input: &[u8]) -> String {
    git_with(dir, &[], args, input)
}

/// The same with these variables.
#[expect(clippy::disallowed_methods, reason = "somebody else's git, outside our runner")]
pub fn git_with(dir: &Path, variables: &[(&str, &Path)], args: &[&str], input: &[u8]) -> String {
    let mut child = Command::new("git")
        .args(args)
        .current_dir(dir)
        .envs(variables.iter().copied())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_NAME", "A"), ("GIT_AUTHOR_EMAIL", "a@x"), ("GIT_COMMITTER_NAME", "C")])
        .envs([("GIT_COMMITTER_EMAIL", "c@x"), ("GIT_AUTHOR_DATE", "1700000000 +0530")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The raw output of a git command, for packs.
#[expect(clippy::disallowed_methods, reason = "somebody else's git, outside our runner")]
pub fn git_bytes(dir: &Path, args: &[&str], input: &str) -> Vec<u8> {
    let mut child = Command::new("git")
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {args:?}");
    output.stdout
}

pub fn branch(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

pub fn draft(tree: TreeId, parents: &[&CommitId], message: &str) -> CommitDraft {
    let who = |name: &str, seconds| Signature {
        name: name.to_owned(),
        email: format!("{name}@example.org"),
        when: When { seconds, offset_minutes: 120 },
    };
    CommitDraft {
        tree,
        parents: parents.iter().map(|id| (*id).clone()).collect(),
        author: who("author", 1_600_000_000),
        committer: who("bot", 1_700_000_000),
        message: message.to_owned(),
        trailers: vec![("Errand-Run".to_owned(), "run-1".to_owned())],
    }
}

/// A git command that may fail; what it complained about.
#[expect(clippy::disallowed_methods, reason = "somebody else's git, outside our runner")]
pub fn try_git_in(dir: &Path, args: &[&str]) -> Result<(), String> {
    let output = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_NAME", "A"), ("GIT_AUTHOR_EMAIL", "a@x"), ("GIT_COMMITTER_NAME", "C")])
        .envs([("GIT_COMMITTER_EMAIL", "c@x")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(stderr) }
}

/// The first case of a test that draws its cases, to go on where an earlier run stopped.
pub fn first_seed() -> u64 {
    let named = std::env::var_os("ERRAND_TEST_SEED");
    named.and_then(|seed| seed.to_str()?.parse().ok()).unwrap_or(0)
}

/// `full` where `ERRAND_TEST_COUNTS=full`, else `reduced`.
pub fn count(reduced: usize, full: usize) -> usize {
    match std::env::var_os("ERRAND_TEST_COUNTS") {
        Some(word) if word == "full" => full,
        _ => reduced,
    }
}
