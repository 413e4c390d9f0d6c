//! Repositories of this host, served by the launcher as their owners.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sandbox::local::far_end::{FarEnds, inherited_program};
use sandbox::local::{LocalConfig, LocalProvider, start_launcher};
use sandbox::provider::ProviderError;

use super::bench::is_root;

/// Somebody who is neither root nor us.
const OTHER: u32 = 1000;

/// A launcher that serves the folder `roots`, and what lies beside it.
struct Ground {
    provider: LocalProvider,
    program: Vec<String>,
    dir: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["roots", "outside"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let shim = Path::new(env!("CARGO_BIN_EXE_errand-shim"));
        let mut config = LocalConfig::beside(shim.parent().unwrap(), &dir.path().join("state"));
        config.launcher.guest = shim.to_owned();
        config.launcher.repository_roots = vec![dir.path().join("roots")];
        let handle = start_launcher(&config).unwrap();
        let program = inherited_program(&config).unwrap();
        let far_ends = FarEnds::open(program, &dir.path().join("run")).unwrap();
        handle.serve_far_ends(&far_ends.listener).unwrap();
        let provider = LocalProvider::new(handle).unwrap();
        Self { provider, program: far_ends.program, dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A repository with one commit that belongs to this user.
    fn repository(&self, name: &str, owner: u32) -> PathBuf {
        let path = self.path(name);
        let text = path.to_str().unwrap();
        git(&["init", "-q", "--bare", "-b", "main", text]);
        let hook = "#!/bin/sh\n{ id -u; grep CapEff /proc/self/status; } > \"$GIT_DIR/who\"\n";
        fs::write(path.join("hooks/post-receive"), hook).unwrap();
        fs::set_permissions(path.join("hooks/post-receive"), fs::Permissions::from_mode(0o755))
            .unwrap();
        if is_root() {
            give(&path, owner);
        }
        path
    }

    fn option(&self, option: &str, service: &str) -> String {
        format!("--{option}={} {service}", self.program.join(" "))
    }

    /// What `git ls-remote` says about an address.
    fn look(&self, path: &str) -> Output {
        git_output(&["ls-remote", &self.option("upload-pack", "upload-pack"), "--", path])
    }

    fn refusal(&self, path: &str) -> String {
        let output = self.look(path);
        assert!(!output.status.success(), "{path} was served");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

fn give(path: &Path, owner: u32) {
    std::os::unix::fs::lchown(path, Some(owner), Some(owner)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), owner);
        }
    }
}

fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[expect(clippy::disallowed_methods, reason = "git as the server's own would be")]
fn git_output(words: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.args(words).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{role}_NAME"), "a")
            .env(format!("GIT_{role}_EMAIL"), "a@a.example");
    }
    command.output().unwrap()
}

fn git(words: &[&str]) -> String {
    let output = git_output(words);
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "git {words:?}: {err}");
    out.trim().to_owned()
}

#[tokio::test]
async fn a_repository_is_pushed_to_and_fetched_from_as_its_owner() {
    let ground = Ground::new();
    let work = ground.path("work");
    let work = work.to_str().unwrap();
    git(&["init", "-q", "-b", "main", work]);
    git(&["-C", work, "commit", "-q", "--allow-empty", "-m", "one"]);
    let head = git(&["-C", work, "rev-parse", "HEAD"]);
    let owners = if is_root() { vec![0, OTHER] } else { vec![me()] };
    for owner in owners {
        let remote = ground.repository(&format!("roots/it's of {owner}.git"), owner);
        let address = remote.to_str().unwrap();
        let push = ground.option("receive-pack", "receive-pack");
        git(&["-C", work, "push", "-q", &push, "--", address, "main"]);
        let who = fs::read_to_string(remote.join("who")).unwrap();
        assert_eq!(who, format!("{owner}\nCapEff:\t0000000000000000\n"));
        assert_eq!(fs::metadata(remote.join("refs/heads/main")).unwrap().uid(), owner);
        let listed = String::from_utf8_lossy(&ground.look(address).stdout).into_owned();
        assert!(listed.contains(&format!("{head}\trefs/heads/main")), "{listed}");
        let copy = ground.path(&format!("copy-{owner}"));
        let copy = copy.to_str().unwrap();
        git(&["init", "-q", "--bare", copy]);
        let fetch = ground.option("upload-pack", "upload-pack");
        git(&["-C", copy, "fetch", "-q", &fetch, "--", address, "main:main"]);
        assert_eq!(git(&["-C", copy, "rev-parse", "main"]), head);
    }
}

#[test]
fn a_state_directory_that_others_could_have_put_there_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let shim = Path::new(env!("CARGO_BIN_EXE_errand-shim"));
    let start = |name: &str| {
        let mut config = LocalConfig::beside(shim.parent().unwrap(), &dir.path().join(name));
        config.launcher.guest = shim.to_owned();
        start_launcher(&config).map(drop)
    };
    start("fine").unwrap();
    symlink(dir.path().join("fine"), dir.path().join("link")).unwrap();
    assert!(start("link").is_err(), "a link was followed");
    fs::create_dir(dir.path().join("open")).unwrap();
    fs::set_permissions(dir.path().join("open"), fs::Permissions::from_mode(0o755)).unwrap();
    let error = start("open").unwrap_err().to_string();
    assert!(error.contains("is open to others"), "{error}");
}

#[tokio::test]
async fn a_checkout_is_served_too() {
    let ground = Ground::new();
    let work = ground.path("roots/work");
    git(&["init", "-q", "-b", "main", work.to_str().unwrap()]);
    git(&["-C", work.to_str().unwrap(), "commit", "-q", "--allow-empty", "-m", "one"]);
    if is_root() {
        give(&work, OTHER);
    }
    let output = ground.look(work.to_str().unwrap());
    let listed = String::from_utf8_lossy(&output.stdout);
    assert!(listed.contains("refs/heads/main"), "{output:?}");
}

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "waited for: {what}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[tokio::test]
async fn a_service_that_nobody_waits_for_is_ended() {
    let ground = Ground::new();
    let remote = ground.repository("roots/r.git", me());
    let hook = "#!/bin/sh\necho $$ > \"$GIT_DIR/pid.new\"; mv \"$GIT_DIR/pid.new\" \"$GIT_DIR/pid\"\nexec sleep 1000\n";
    fs::write(remote.join("hooks/post-receive"), hook).unwrap();
    let work = ground.path("work");
    let work = work.to_str().unwrap();
    git(&["init", "-q", "-b", "main", work]);
    git(&["-C", work, "commit", "-q", "--allow-empty", "-m", "one"]);
    let push = ground.option("receive-pack", "receive-pack");
    #[expect(clippy::disallowed_methods, reason = "git as the server's own would be")]
    let mut pushing = {
        use std::os::unix::process::CommandExt;
        let words = ["-C", work, "push", "-q", &push, "--", remote.to_str().unwrap(), "main"];
        Command::new("git").args(words).process_group(0).spawn().unwrap()
    };
    let pid = remote.join("pid");
    until("the hook to run", || pid.exists());
    let hook = fs::read_to_string(pid).unwrap();
    let hook = Path::new("/proc").join(hook.trim());
    assert!(hook.exists());
    let group = rustix::process::Pid::from_child(&pushing);
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    pushing.wait().unwrap();
    until("the hook to end", || !hook.exists());
}

#[tokio::test]
async fn what_is_not_a_repository_below_the_roots_is_refused() {
    let ground = Ground::new();
    let outside = ground.repository("outside/r.git", me());
    symlink(&outside, ground.path("roots/link.git")).unwrap();
    fs::create_dir(ground.path("roots/plain")).unwrap();
    fs::write(ground.path("roots/file"), "").unwrap();
    let is_foreign = ["outside/r.git", "roots/link.git"];
    for name in is_foreign {
        let words = ground.refusal(ground.path(name).to_str().unwrap());
        assert!(words.contains("outside of repositories.roots"), "{name}: {words}");
    }
    for name in ["roots/plain", "roots/file", "roots/absent", "roots/../outside/r.git"] {
        let words = ground.refusal(&ground.path(name).display().to_string());
        assert!(words.contains("does not appear to be a git repository"), "{name}: {words}");
    }
}

#[tokio::test]
async fn a_repository_that_a_sandbox_owns_is_refused() {
    let ground = Ground::new();
    let owner = sandbox::local::lease::UidPool::default().base + 1000;
    let path = ground.repository("roots/r.git", owner);
    let output = ground.look(path.to_str().unwrap());
    // Nobody but root can give a folder away; for others it stays their own, and is served.
    assert_eq!(output.status.success(), !is_root());
    if is_root() {
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(words.contains("belongs to a sandbox"), "{words}");
    }
}

#[tokio::test]
async fn a_large_file_is_kept_as_the_owner() {
    use std::os::fd::AsFd;
    let ground = Ground::new();
    let owner = if is_root() { OTHER } else { me() };
    let remote = ground.repository("roots/r.git", owner);
    let source = ground.path("content");
    fs::write(&source, "large").unwrap();
    let content = fs::File::open(&source).unwrap();
    let (address, oid) = (remote.to_str().unwrap(), "ab".repeat(32));
    let keep = |oid: &str, bytes| {
        let (oid, content) = (oid.to_owned(), content.as_fd());
        let provider = &ground.provider;
        async move { provider.keep_large_file(address, &oid, bytes, content).await }
    };
    keep(&oid, 5).await.unwrap();
    let kept = remote.join("lfs/objects/ab/ab").join(&oid);
    assert_eq!(fs::read(&kept).unwrap(), b"large");
    assert_eq!(fs::metadata(&kept).unwrap().uid(), owner);
    // A second time it is there already.
    keep(&oid, 5).await.unwrap();
    // And it is given back, to who knows its size.
    let given = fs::File::create(ground.path("given")).unwrap();
    let give = |oid: &str, bytes| {
        let (oid, given, provider) = (oid.to_owned(), given.as_fd(), &ground.provider);
        async move { provider.give_large_file(address, &oid, bytes, given).await }
    };
    give(&oid, 5).await.unwrap();
    assert_eq!(fs::read(ground.path("given")).unwrap(), b"large");
    for (bad, bytes) in [("zz", 5), (oid.as_str(), 6), (&"cd".repeat(32), 5)] {
        let given = give(bad, bytes).await;
        assert!(matches!(given, Err(ProviderError::Refused(_))), "{bad}: {given:?}");
    }
    let climbing = "../".repeat(21) + "x";
    for (bad, bytes) in [("zz", 5), (climbing.as_str(), 5), (&"cd".repeat(32), 6)] {
        let kept = keep(bad, bytes).await;
        assert!(matches!(kept, Err(ProviderError::Refused(_))), "{bad}: {kept:?}");
    }
    assert!(!remote.join("lfs/objects/cd/cd").join("cd".repeat(32)).exists());
}
