//! The git endpoint with real git as its client.

use crate::large_files::Kept;
use crate::world::{Plan, Seen, World};
use futures::future::BoxFuture;
use gateway::attach::Repositories;
use gateway::dependency::{Dependency, Source};
use gateway::policy::EgressMode;
use gateway::repository::{AgentRepository, PushLimits};
use git::agent_repo::AgentRepo;
use git::name::{BranchName, RefName};
use git::repo::Repo;
use git::runner::Git;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

pub const BRANCH: &str = "errand/fix";
/// An argument of git that does nothing here but asks [`run`] for the HTTP headers.
const TRACED: &str = "--verbose";

pub struct Fixture {
    _dir: TempDir,
    pub root: PathBuf,
    repo: AgentRepo,
    copy: Copy,
    pub large_files: Arc<Kept>,
    pub world: World,
}

/// A dependency's copy, or none; remembers how it was asked for.
#[derive(Clone)]
struct Copy {
    repo: Option<Repo>,
    asked: Arc<Mutex<Vec<bool>>>,
}

impl Source for Copy {
    fn open(&self, up_to_date: bool) -> BoxFuture<'_, Result<Repo, String>> {
        self.asked.lock().unwrap().push(up_to_date);
        let opened = self.repo.clone().ok_or_else(|| "it burned down".to_owned());
        Box::pin(async { opened })
    }
}

pub struct Ran {
    pub ok: bool,
    pub words: String,
}

impl Fixture {
    /// An agent's repository with three commits on `main` and on the agent's branch.
    pub fn new() -> Self {
        Self::limited(PushLimits::default())
    }

    /// The same where no more may be pushed than this.
    fn limited(push: PushLimits) -> Self {
        let dir = TempDir::new().unwrap();
        let root = dir.path().to_owned();
        let git = Git::new().unwrap();
        let branch = BranchName::parse(BRANCH).unwrap();
        let main = BranchName::parse("main").unwrap();
        let repo = AgentRepo::create_alone(&git, &root.join("agent.git"), &main).unwrap();
        let other = AgentRepo::create_alone(&git, &root.join("other.git"), &main).unwrap();
        run(&root, &["init", "-q", "-b", "main", "seed"]);
        for number in 0..3 {
            std::fs::write(root.join("seed/file.txt"), format!("{number}\n")).unwrap();
            run(&root.join("seed"), &["add", "."]);
            run(&root.join("seed"), &["commit", "-q", "-m", &format!("commit {number}")]);
        }
        for target in [&repo, &other] {
            let path = target.dir().to_str().unwrap();
            let own = format!("main:{BRANCH}");
            assert!(
                run(
                    &root.join("seed"),
                    &["push", "-q", path, "main", &own, "main:refs/errand/hidden"]
                )
                .ok
            );
        }
        let large_files = Arc::<Kept>::default();
        let own = AgentRepository {
            large_files: large_files.clone(),
            name: "demo".to_owned(),
            url: "https://git.example/org/demo".to_owned(),
            repo: (*repo).clone(),
            branch,
        };
        let copy = Copy { repo: Some((*other).clone()), asked: Arc::default() };
        let lost = Copy { repo: None, asked: Arc::default() };
        let dependency = |name: &str, copy: &Copy| Dependency {
            name: format!("git.example/org/{name}"),
            source: Arc::new(copy.clone()),
            large_files: large_files.clone(),
        };
        let dependencies = vec![dependency("lib", &copy), dependency("lost", &lost)];
        let repositories = Repositories { own: vec![own], dependencies, push };
        let world = World::new(Plan { mode: EgressMode::Offline, repositories, ..Plan::default() });
        Self { _dir: dir, root, repo, copy, large_files, world }
    }

    /// Runs git through the proxy.
    pub fn git(&self, folder: &str, args: &[&str]) -> Ran {
        let proxy = format!("http.proxy=http://{}", self.world.address);
        run(&self.root.join(folder), &[&["-c", proxy.as_str()], args].concat())
    }

    pub fn clone_to(&self, folder: &str, args: &[&str]) {
        let url = "http://errand.internal/git/demo.git";
        let ran = self.git(".", &[&["clone", "-q"], args, &[url, folder]].concat());
        assert!(ran.ok, "{}", ran.words);
    }

    fn commit(&self, folder: &str, text: &str) -> String {
        let dir = self.root.join(folder);
        std::fs::write(dir.join("new.txt"), text).unwrap();
        run(&dir, &["add", "."]);
        assert!(run(&dir, &["commit", "-q", "-m", "work"]).ok);
        run(&dir, &["rev-parse", "HEAD"]).words.trim().to_owned()
    }

    /// What stands among the repository's objects.
    fn leavings(&self) -> Vec<String> {
        let objects = self.repo.dir().join("objects");
        let mut found = Vec::new();
        for folder in [objects.clone(), objects.join("pack")] {
            let entries = std::fs::read_dir(folder).unwrap();
            found.extend(entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()));
        }
        found.sort();
        found
    }

    pub async fn head(&self, name: &str) -> Option<String> {
        let name = RefName::parse(name).unwrap();
        self.repo.ref_head(&name).await.unwrap().map(|id| id.to_string())
    }
}

#[expect(clippy::disallowed_methods, reason = "the client under test is git itself")]
pub fn run(dir: &Path, args: &[&str]) -> Ran {
    let output = tokio::task::block_in_place(|| {
        std::process::Command::new("git")
            .args([
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@t.example",
                "-c",
                "protocol.file.allow=always",
            ])
            .args(args)
            .current_dir(dir)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .env("GIT_TRACE_CURL", if args.contains(&TRACED) { "1" } else { "0" })
            .env_remove("http_proxy")
            .env_remove("no_proxy")
            .env_remove("NO_PROXY")
            .output()
            .unwrap()
    });
    let words = [output.stdout, output.stderr].concat();
    Ran { ok: output.status.success(), words: String::from_utf8_lossy(&words).into_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clones_of_every_kind_work() {
    let fixture = Fixture::new();
    for (folder, version) in
        [("v0", "protocol.version=0"), ("v1", "protocol.version=1"), ("v2", "protocol.version=2")]
    {
        fixture.clone_to(folder, &["-c", version]);
        let log = run(&fixture.root.join(folder), &["log", "--oneline"]);
        assert_eq!(log.words.lines().count(), 3, "{}", log.words);
        let shallow = format!("{folder}-shallow");
        fixture.clone_to(&shallow, &["-c", version, "--depth", "1"]);
        let log = run(&fixture.root.join(&shallow), &["log", "--oneline"]);
        assert_eq!(log.words.lines().count(), 1, "{}", log.words);
        assert!(fixture.git(&shallow, &["fetch", "-q", "--deepen=1"]).ok);
        let log = run(&fixture.root.join(&shallow), &["log", "--oneline"]);
        assert_eq!(log.words.lines().count(), 2, "{}", log.words);
        assert!(fixture.git(&shallow, &["fetch", "-q", "--unshallow"]).ok);
        let log = run(&fixture.root.join(&shallow), &["log", "--oneline"]);
        assert_eq!(log.words.lines().count(), 3, "{}", log.words);
    }
    for (number, filter) in ["blob:none", "tree:0", "blob:limit=1"].iter().enumerate() {
        let folder = format!("partial{number}");
        fixture.clone_to(&folder, &[&format!("--filter={filter}")]);
        let log = fixture.git(&folder, &["log", "-p", "--all"]);
        assert!(log.ok && log.words.contains("+2"), "{filter}: {}", log.words);
    }
    let refs = fixture.git("v2", &["ls-remote", "origin"]);
    assert!(
        refs.words.contains("refs/heads/main") && !refs.words.contains("refs/errand"),
        "{}",
        refs.words
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compressed_request_is_understood() {
    let fixture = Fixture::new();
    let seed = fixture.root.join("seed");
    for number in 0..40 {
        let message = number.to_string();
        let commit = run(&seed, &["commit-tree", "-p", "HEAD", "-m", &message, "HEAD^{tree}"]);
        let name = format!("refs/heads/many/{number}");
        assert!(run(&seed, &["update-ref", &name, commit.words.trim()]).ok);
    }
    let path = fixture.repo.dir().to_str().unwrap();
    assert!(run(&seed, &["push", "-q", path, "refs/heads/many/*:refs/heads/many/*"]).ok);
    let url = "http://errand.internal/git/demo.git";
    let ran = fixture.git(".", &["clone", TRACED, "-c", "protocol.version=0", url, "many"]);
    assert!(ran.ok, "{}", ran.words);
    assert!(ran.words.to_lowercase().contains("content-encoding: gzip"), "git compressed it");
    let refs = run(&fixture.root.join("many"), &["branch", "-r"]);
    assert_eq!(refs.words.matches("origin/many/").count(), 40, "{}", refs.words);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_to_the_own_branch_is_recorded_not_published() {
    let mut fixture = Fixture::new();
    fixture.clone_to("work", &["-b", BRANCH]);
    let before = fixture.head("refs/heads/errand/fix").await;
    // The second one is past http.postBuffer, so it comes in chunks after an empty request.
    for size in [10, 3_000_000] {
        let noise: String = std::iter::repeat_with(fastrand::alphanumeric).take(size).collect();
        let commit = fixture.commit("work", &noise);
        let ran = fixture.git("work", &["push", "origin", "HEAD"]);
        assert!(ran.ok, "{}", ran.words);
        assert!(ran.words.contains("recorded; Errand publishes after the run"), "{}", ran.words);
        assert_eq!(fixture.head("refs/errand/inbox/errand/fix").await, Some(commit.clone()));
        assert_eq!(fixture.head("refs/heads/errand/fix").await, before);
        match fixture.world.next().await {
            Seen::Recorded(recorded) => {
                assert_eq!(
                    (recorded.asked.as_str(), recorded.commit),
                    ("refs/heads/errand/fix", commit)
                );
            }
            other @ (Seen::Denied(..) | Seen::Passed(_)) => {
                panic!("expected a recorded push: {other:?}")
            }
        }
    }
    let ran = fixture.git("work", &["push", "-q", "origin", "HEAD:refs/errand/inbox/tree"]);
    assert!(ran.ok, "{}", ran.words);
    assert!(fixture.head("refs/errand/inbox/tree").await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_ref_is_refused_in_words() {
    let fixture = Fixture::new();
    fixture.clone_to("work", &["-b", BRANCH]);
    fixture.commit("work", "x");
    let main = fixture.head("refs/heads/main").await;
    for target in [
        "HEAD:main",
        "+HEAD:refs/heads/main",
        "HEAD:refs/tags/v1",
        "HEAD:refs/errand/published/x",
        "HEAD:refs/heads/errand/other",
    ] {
        let ran = fixture.git("work", &["push", "origin", target]);
        assert!(!ran.ok, "{target}");
        assert!(
            ran.words.contains("only refs/heads/errand/fix may be pushed from here"),
            "{target}: {}",
            ran.words
        );
    }
    let ran = fixture.git("work", &["push", "origin", ":main"]);
    assert!(!ran.ok && ran.words.contains("Errand deletes no refs"), "{}", ran.words);
    assert_eq!(fixture.head("refs/heads/main").await, main);
    assert_eq!(fixture.head("refs/tags/v1").await, None);

    let ran = fixture.git("work", &["push", "origin", "HEAD:main", &format!("HEAD:{BRANCH}")]);
    assert!(!ran.ok, "one of the two is refused");
    assert!(
        ran.words.contains("remote rejected") && ran.words.contains("recorded"),
        "{}",
        ran.words
    );
    let stored = fixture.head("refs/errand/inbox/errand/fix").await;
    assert!(stored.is_some());

    // The last push wins, rewritten history included, and no two refs share one place.
    let amended = run(&fixture.root.join("work"), &["commit", "-q", "--amend", "-m", "again"]);
    assert!(amended.ok);
    let inbox = "HEAD:refs/errand/inbox/errand/fix";
    let ran = fixture.git("work", &["push", "origin", "HEAD:errand/fix", inbox]);
    assert!(!ran.ok && ran.words.contains("stored under the same name"), "{}", ran.words);
    let again = fixture.head("refs/errand/inbox/errand/fix").await;
    assert!(again.is_some() && again != stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_repository_is_reachable() {
    let fixture = Fixture::new();
    for name in
        ["other", "../other", "demo.git/../other", "%2e%2e/other", "demo/../../other", "DEMO", ""]
    {
        let url = format!("http://errand.internal/git/{name}.git");
        let ran = fixture.git(".", &["ls-remote", &url]);
        assert!(!ran.ok, "{name}: {}", ran.words);
    }
    let ask =
        "GET http://errand.internal/git/demo.git/config HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert!(fixture.world.exchange(ask).await.starts_with("HTTP/1.1 404"));
    let ask =
        "GET http://errand.internal/git/demo.git/info/refs HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert!(fixture.world.exchange(ask).await.starts_with("HTTP/1.1 403"));
}

/// Entries that would be written into a `.git`, or that start something when a submodule is fetched.
const MALFORMED: &[(&str, &str, &str)] = &[
    ("100644", ".git", "[core]\n\tfsmonitor=touch x\n"),
    ("100644", ".GIT", "[core]\n\tfsmonitor=touch x\n"),
    ("100644", ".git ", "x"),
    ("100644", "git~1", "x"),
    ("100644", ".g\u{200c}it", "x"),
    ("100644", "..", "x"),
    ("100644", "a/b", "x"),
    ("160000", ".git", ""),
    ("160000", ".GIT", ""),
    ("40000", ".GIT", ""),
    ("100644", ".gitmodules", "[submodule \"x\"]\n\tpath = x\n\turl = --upload-pack=touch\n"),
    ("100644", ".gitmodules", "[submodule \"x\"]\n\tpath = -x\n\turl = ../lib\n"),
    ("100644", ".gitmodules", "[submodule \"../../x\"]\n\tpath = x\n\turl = ../lib\n"),
    ("120000", ".gitmodules", "elsewhere"),
];

/// A commit whose tree has this one entry.
fn odd_commit(work: &Path, (mode, name, content): (&str, &str, &str)) -> String {
    let written = |kind: &str, bytes: &[u8]| {
        std::fs::write(work.join("odd"), bytes).unwrap();
        let made = run(work, &["hash-object", "-w", "-t", kind, "--literally", "odd"]);
        made.words.trim().to_owned()
    };
    let tree_of = |mode: &str, name: &str, id: &str| {
        let id = (0..40).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap());
        let raw: Vec<u8> = format!("{mode} {name}\0").into_bytes().into_iter().chain(id).collect();
        written("tree", &raw)
    };
    let object = match mode {
        "160000" => run(work, &["rev-parse", "HEAD"]).words.trim().to_owned(),
        "40000" => tree_of("100644", "config", &written("blob", b"x")),
        _ => written("blob", content.as_bytes()),
    };
    let tree = tree_of(mode, name, &object);
    run(work, &["commit-tree", "-p", "HEAD", "-m", "odd", &tree]).words.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_objects_are_refused_and_leave_nothing() {
    let fixture = Fixture::new();
    fixture.clone_to("work", &["-b", BRANCH]);
    let work = fixture.root.join("work");
    let before = fixture.leavings();
    for entry in MALFORMED {
        let commit = odd_commit(&work, *entry);
        let ran =
            fixture.git("work", &["push", "origin", &format!("{commit}:refs/heads/{BRANCH}")]);
        assert!(!ran.ok, "T-INJ 15, 16: {entry:?}: {}", ran.words);
        assert!(ran.words.contains("unpacker error"), "{entry:?}: {}", ran.words);
        assert_eq!(fixture.head("refs/errand/inbox/errand/fix").await, None, "{entry:?}");
        assert_eq!(fixture.leavings(), before, "{entry:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_beyond_a_limit_is_refused_by_its_name_and_leaves_nothing() {
    let push = PushLimits { bytes: 200_000, objects: 50, object_bytes: 8 << 20 };
    let fixture = Fixture::limited(push);
    fixture.clone_to("work", &["-b", BRANCH]);
    let before = fixture.leavings();
    let noise: String = std::iter::repeat_with(fastrand::alphanumeric).take(500_000).collect();
    let many = |work: &Path| {
        for number in 0..60 {
            std::fs::write(work.join(format!("f{number}")), number.to_string()).unwrap();
        }
    };
    let work = fixture.root.join("work");
    for (text, is_many, words) in [
        (noise.as_str(), false, "its pack has more than 200000 bytes"),
        ("few", true, "and one push may have 50"),
        (&"x".repeat(12 << 20), false, "a file in it has more than 8388608 bytes"),
    ] {
        if is_many {
            many(&work);
        }
        fixture.commit("work", text);
        let ran = fixture.git("work", &["push", "origin", "HEAD"]);
        assert!(!ran.ok && ran.words.contains(words), "{words}: {}", ran.words);
        assert_eq!(fixture.head("refs/errand/inbox/errand/fix").await, None);
        assert_eq!(fixture.leavings(), before, "{words}");
        assert!(run(&work, &["reset", "-q", "--hard", "origin/errand/fix"]).ok);
    }
    // From clones that have not all, too, what fits is taken.
    for (folder, part) in [("shallow", "--depth=1"), ("partial", "--filter=blob:none")] {
        fixture.clone_to(folder, &["-b", BRANCH, part]);
        let commit = fixture.commit(folder, &format!("small, {folder}"));
        let ran = fixture.git(folder, &["push", "origin", "HEAD"]);
        assert!(ran.ok, "{folder}: {}", ran.words);
        assert_eq!(fixture.head("refs/errand/inbox/errand/fix").await, Some(commit));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn submodules_with_relative_addresses_are_found_beside_their_repository() {
    let fixture = Fixture::new();
    let seed = fixture.root.join("seed");
    let pinned = run(&seed, &["rev-parse", "HEAD"]).words.trim().to_owned();
    std::fs::write(seed.join(".gitmodules"), "[submodule \"lib\"]\n\tpath = lib\n\turl = ../lib\n")
        .unwrap();
    let link = format!("160000,{pinned},lib");
    assert!(run(&seed, &["update-index", "--add", "--cacheinfo", &link]).ok);
    assert!(run(&seed, &["add", ".gitmodules"]).ok);
    assert!(run(&seed, &["commit", "-q", "-m", "Use lib"]).ok);
    let path = fixture.repo.dir().to_str().unwrap();
    assert!(run(&seed, &["push", "-q", path, "main"]).ok);
    let own = "url.http://errand.internal/git/demo.insteadOf=https://git.example/org/demo";
    let lib = "url.http://errand.internal/dependencies/git.example/org/lib.insteadOf=https://git.example/org/lib";
    let args = [
        "-c",
        own,
        "-c",
        lib,
        "clone",
        "-q",
        "--recurse-submodules",
        "https://git.example/org/demo.git",
        "whole",
    ];
    let ran = fixture.git(".", &args);
    assert!(ran.ok, "{}", ran.words);
    let head = run(&fixture.root.join("whole/lib"), &["rev-parse", "HEAD"]);
    assert_eq!(head.words.trim(), pinned);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dependencies_are_read_under_every_address_and_never_pushed_to() {
    let fixture = Fixture::new();
    let rule = "url.http://errand.internal/dependencies/git.example/org/lib.insteadOf=";
    let addresses =
        ["https://git.example/org/lib", "ssh://git@git.example/org/lib", "git@git.example:org/lib"];
    for (number, address) in addresses.into_iter().enumerate() {
        for ending in ["", ".git"] {
            let (rule, url) = (format!("{rule}{address}"), format!("{address}{ending}"));
            let folder = format!("lib{number}{ending}");
            let ran = fixture.git(".", &["-c", &rule, "clone", "-q", &url, &folder]);
            assert!(ran.ok, "{}", ran.words);
            let log = run(&fixture.root.join(&folder), &["log", "--oneline"]);
            assert_eq!(log.words.lines().count(), 3, "{}", log.words);
            let push = fixture.git(&folder, &["-c", &rule, "push", "origin", "main:refs/heads/x"]);
            assert!(!push.ok && push.words.contains("read, not pushed to"), "{}", push.words);
        }
    }
    // Brought up to date once for each clone, before anything is sent.
    let asked = fixture.copy.asked.lock().unwrap().clone();
    assert_eq!(asked.iter().filter(|up_to_date| **up_to_date).count(), 6, "{asked:?}");
    let rule = format!("{rule}https://git.example/org/lib");
    for (folder, part, commits) in
        [("shallow", "--depth=1", 1), ("partial", "--filter=blob:none", 3)]
    {
        let url = "https://git.example/org/lib";
        let ran = fixture.git(".", &["-c", &rule, "clone", "-q", part, url, folder]);
        assert!(ran.ok, "{}", ran.words);
        let log = fixture.git(folder, &["-c", &rule, "log", "-p", "--format=tformat:commit"]);
        assert_eq!(log.words.matches("commit\n").count(), commits, "{folder}: {}", log.words);
        assert!(log.ok && log.words.contains("+2"), "{folder}: {}", log.words);
    }
    let lost = fixture
        .git(".", &["ls-remote", "http://errand.internal/dependencies/git.example/org/lost"]);
    assert!(!lost.ok && lost.words.contains("it burned down"), "{}", lost.words);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_longer_name_goes_where_it_would_have_gone() {
    let fixture = Fixture::new();
    let refs = "info/refs?service=git-upload-pack";
    for (path, expected) in [
        ("dependencies/git.example/org/library", Some("https://git.example/org/library")),
        ("dependencies/git.example/org/lib/deeper", Some("https://git.example/org/lib/deeper")),
        ("dependencies/git.example/org/other", None),
        ("git/demo.git-more", Some("https://git.example/org/demo-more")),
        ("git/demolition.git", None),
    ] {
        let ask = format!(
            "GET http://errand.internal/{path}/{refs} HTTP/1.1\r\nConnection: close\r\n\r\n"
        );
        let answer = fixture.world.exchange(&ask).await;
        match expected {
            Some(address) => {
                assert!(answer.starts_with("HTTP/1.1 307"), "{path}: {answer}");
                assert!(answer.contains(&format!("location: {address}/{refs}\r\n")), "{answer}");
            }
            None => assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}"),
        }
    }
    let ran =
        fixture.git(".", &["clone", "-q", "http://errand.internal/git/demo.git.git", "twice"]);
    assert!(ran.ok, "another ending of the same address: {}", ran.words);
}
