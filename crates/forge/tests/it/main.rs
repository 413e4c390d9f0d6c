//! The forge of a remote without an API, on real repositories.
#![expect(clippy::unwrap_used, reason = "helpers of tests are not seen as tests by clippy")]

use forge::bare::Bare;
use forge::conformance::{Ground, Head, check};
use forge::forge::{Forge as _, ForgeError, MergeWish, Mergeable};
use forge::pull_request::{PullRequest, State};
use forge::store::{InMemory, PullRequestStore, Replaced, RepositoryKey};
use git::commit::{Signature, When};
use git::mirror::Mirror;
use git::name::{BranchName, CommitId};
use git::remote::Remote;
use git::runner::Git;
use git::url::RemoteUrl;
use protocol::ids::OrgId;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

#[expect(clippy::disallowed_methods, reason = "a person's git beside the forge under test")]
fn git(dir: &Path, args: &[&str]) -> String {
    let output = std::process::Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@t.example"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

struct Fixture {
    _dir: TempDir,
    work: PathBuf,
    remote: PathBuf,
    store: Arc<InMemory>,
    forge: Bare,
    ground: Ground,
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

impl Fixture {
    /// A remote, bare or not, with the branches of the conformance suite.
    fn new(init: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let (work, remote) = (dir.path().join("work"), dir.path().join("remote"));
        git(dir.path(), &[&["init", "-q", "-b", "main"], init, &["remote"]].concat());
        git(dir.path(), &["init", "-q", "-b", "main", "work"]);
        std::fs::write(work.join("a.txt"), "one\n").unwrap();
        git(&work, &["add", "."]);
        git(&work, &["commit", "-q", "-m", "first"]);
        let base_commit = CommitId::parse(&git(&work, &["rev-parse", "HEAD"])).unwrap();
        let clean = head(&work, "errand/clean", &[("a.txt", "two\n"), ("b.txt", "b\n")]);
        let later = head(&work, "errand/later", &[("c.txt", "c\n")]);
        let conflicting = head(&work, "errand/conflicting", &[("a.txt", "three\n")]);
        let url = remote.to_str().unwrap();
        git(&work, &["remote", "add", "origin", url]);
        // A folder with files has the base checked out, so that branch is fetched from there.
        git(
            &remote,
            &[
                "fetch",
                "-q",
                work.to_str().unwrap(),
                "+refs/heads/*:refs/heads/*",
                "--update-head-ok",
            ],
        );

        let store = Arc::new(InMemory::default());
        let mirror = Mirror::open_or_create(
            &Git::new().unwrap(),
            &dir.path().join("mirror.git"),
            &base_commit,
        );
        let forge = Bare {
            key: RepositoryKey { org: OrgId::default_org(), repository: url.to_owned() },
            remote: Remote::open(RemoteUrl::parse(url).unwrap()),
            mirror: mirror.unwrap(),
            store: store.clone(),
            signer: None,
        };
        let person = Signature {
            name: "Ann".to_owned(),
            email: "ann@x.example".to_owned(),
            when: When { seconds: 1_700_000_000, offset_minutes: 60 },
        };
        let committer = Signature { name: "Errand".to_owned(), ..person.clone() };
        let wish = MergeWish { seen: clean.commit.clone(), person, committer };
        let base = BranchName::parse("main").unwrap();
        let ground =
            Ground { base, clean, later, conflicting, conflict_file: "a.txt".to_owned(), wish };
        Self { _dir: dir, work, remote, store, forge, ground }
    }

    async fn open(&self) -> PullRequest {
        self.forge.create(self.ground.content(&self.ground.clean, "Title")).await.unwrap()
    }

    fn main(&self) -> String {
        git(&self.remote, &["rev-parse", "refs/heads/main"])
    }
}

#[tokio::test]
async fn a_bare_remote_conforms() {
    let fixture = Fixture::new(&["--bare"]);
    check(&fixture.forge, &fixture.ground).await;
    let log = git(&fixture.remote, &["log", "--merges", "--format=%an|%cn|%s", "main"]);
    assert_eq!(log, "Ann|Errand|Merge errand/later (#2)\nAnn|Errand|Merge errand/clean (#1)");
    assert_eq!(git(&fixture.remote, &["show", "main:c.txt"]), "c");
}

#[tokio::test]
async fn a_base_that_is_checked_out_is_refused_in_words() {
    let fixture = Fixture::new(&[]);
    let before = fixture.main();
    let opened = fixture.open().await;
    let error = fixture.forge.merge(opened.number, &fixture.ground.wish).await.unwrap_err();
    assert!(matches!(error, ForgeError::CheckedOut(_)), "{error:?}");
    assert!(error.to_string().contains("check out another branch there"), "{error}");
    assert_eq!(fixture.main(), before);
    assert_eq!(fixture.forge.get(opened.number).await.unwrap().state, State::Open);
    git(&fixture.remote, &["checkout", "-q", "-f", "errand/later"]);
    assert!(fixture.forge.merge(opened.number, &fixture.ground.wish).await.is_ok());
}

#[tokio::test]
async fn a_merge_that_reached_the_remote_before_a_crash_is_not_made_twice() {
    let fixture = Fixture::new(&["--bare"]);
    let opened = fixture.open().await;
    let merged = fixture.forge.merge(opened.number, &fixture.ground.wish).await.unwrap();
    let State::Merged { commit } = merged.state.clone() else { panic!("{merged:?}") };
    // The crash: the push arrived, its outcome was never recorded, and somebody pushed on top.
    let merging =
        PullRequest { state: State::Merging { commit: commit.clone() }, ..merged.clone() };
    let replaced =
        fixture.store.replace(&fixture.forge.key, &merged.state, &merging).await.unwrap();
    assert_eq!(replaced, Replaced::Yes);
    git(&fixture.work, &["fetch", "-q", "origin", "main"]);
    git(&fixture.work, &["checkout", "-q", "FETCH_HEAD"]);
    git(&fixture.work, &["commit", "-q", "--allow-empty", "-m", "on top"]);
    git(&fixture.work, &["push", "-q", "origin", "HEAD:main"]);
    let before = fixture.main();
    assert_eq!(fixture.forge.merge(opened.number, &fixture.ground.wish).await.unwrap(), merged);
    assert_eq!(fixture.main(), before);
}

#[tokio::test]
async fn a_merge_by_hand_is_recognised() {
    let fixture = Fixture::new(&["--bare"]);
    let opened = fixture.open().await;
    git(&fixture.work, &["push", "-q", "origin", "errand/clean:main"]);
    assert_eq!(fixture.forge.mergeable(opened.number).await.unwrap(), Mergeable::Contained);
    let merged = fixture.forge.merge(opened.number, &fixture.ground.wish).await.unwrap();
    assert_eq!(merged.state, State::Merged { commit: fixture.ground.clean.commit.clone() });
}

#[tokio::test]
async fn organisations_do_not_see_each_other() {
    let fixture = Fixture::new(&["--bare"]);
    let opened = fixture.open().await;
    let other = RepositoryKey { org: OrgId("other".to_owned()), ..fixture.forge.key.clone() };
    assert_eq!(fixture.store.get(&other, opened.number).await.unwrap(), None);
    assert_eq!(fixture.store.list(&other).await.unwrap(), []);
    assert_eq!(fixture.store.find(&other, &opened.content.head).await.unwrap(), None);
}
