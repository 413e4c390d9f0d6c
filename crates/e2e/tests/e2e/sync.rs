//! `errand up` and `errand down` with the real binary: a worktree leaves, an agent works, changes come.

mod cuts;

use e2e::process::binary;
use e2e::samples::{Repository, git};
use e2e::world::{World, prompt, shell, write};
use fakes::scripted::script::Turn;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A person's clone and home.
struct Laptop {
    folder: tempfile::TempDir,
}

impl Laptop {
    fn new(repository: &Repository) -> Self {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["clone", "-q", &repository.url(), "work"]);
        Self { folder }
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.work().join(path)).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "the command line is what is tested")]
    fn command(&self, world: &World, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(self.work())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .env("ERRAND_URL", &world.api.base)
            .env("ERRAND_TOKEN", &world.api.token)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, world: &World, arguments: &[&str]) -> Output {
        self.command(world, arguments).output().unwrap()
    }

    /// A command that must succeed; what it said as JSON.
    #[track_caller]
    fn json(&self, world: &World, arguments: &[&str]) -> Value {
        let output = self.run(world, &[arguments, &["--json"]].concat());
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {complaint}");
        let text = String::from_utf8(output.stdout).unwrap();
        let last = text.lines().last().unwrap_or("null");
        serde_json::from_str(last).unwrap()
    }

    /// What calls lay out while they work is gone.
    #[track_caller]
    fn assert_nothing_left(&self) {
        let left = std::fs::read_dir(self.work().join(".git/errand")).unwrap();
        let left = left.map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name != "lock").collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// A command that must fail; the code and the message of its complaint.
    #[track_caller]
    fn refused(&self, world: &World, arguments: &[&str]) -> (String, String) {
        let output = self.run(world, &[arguments, &["--json"]].concat());
        assert!(!output.status.success(), "{arguments:?}");
        let complaint: Value = serde_json::from_slice(&output.stderr).unwrap();
        let part = |name: &str| complaint["error"][name].as_str().unwrap().to_owned();
        (part("code"), part("message"))
    }
}

fn config_of(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join(".git/config")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worktree_goes_up_and_the_changes_come_down() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let laptop = Laptop::new(&repository);
    let work = laptop.work();
    laptop.write("committed.txt", "committed here\n");
    git(&work, &["add", "-A"]);
    git(&work, &["commit", "-q", "-m", "Mine"]);
    let head = git(&work, &["rev-parse", "HEAD"]);
    laptop.write("calc.py", "def add(a, b):\n    return a + b\n");
    laptop.write("untracked.txt", "untracked\n");
    laptop.write(".gitignore", "ignored\n");
    laptop.write("ignored", "stays here\n");
    std::fs::remove_file(work.join("README.md")).unwrap();
    let status = git(&work, &["status", "--porcelain"]);
    let config = config_of(&work);

    let turns = [
        shell(
            "ls -A | sort | tr '\\n' ' '; git status --porcelain | sort | tr '\\n' ' '; git rev-parse HEAD",
        ),
        write("agent.txt", "by the agent\n"),
        shell(
            "printf 'more\\n' >> untracked.txt; git mv committed.txt moved.txt; chmod +x calc.py; ln -s calc.py link",
        ),
        Turn::say("Done."),
    ];
    let shown = laptop.json(&world, &["up", "--dry-run", &prompt(&turns)]);
    assert_eq!(
        (shown["commits"].as_u64(), shown["secrets"].as_array().map(Vec::len)),
        (Some(1), Some(0))
    );
    let created = laptop.json(&world, &["up", "-d", "--yes", "--no-pr", &prompt(&turns)]);
    let (agent, run) =
        (created["agent"]["id"].as_str().unwrap(), created["run"]["id"].as_str().unwrap());
    let job = e2e::world::Job { agent: agent.to_owned(), run: run.to_owned() };
    world.ended_as(&job, "FINISHED").await;
    let inside = world.outputs(agent).await.remove(0);
    for part in ["untracked.txt", " D README.md", " M calc.py", "?? untracked.txt", head.as_str()] {
        assert!(inside.contains(part), "{part} is missing in {inside}");
    }
    assert!(!inside.contains(" ignored "), "ignored files stay: {inside}");
    assert_eq!(git(&work, &["status", "--porcelain"]), status, "sending changes nothing here");

    laptop.write("calc.py", "# mine\ndef add(a, b):\n    return a + b\n");
    let done = laptop.json(&world, &["down", agent]);
    assert_eq!(done["left"], serde_json::json!([]));
    assert_eq!(laptop.read("agent.txt"), "by the agent\n");
    assert_eq!(laptop.read("untracked.txt"), "untracked\nmore\n");
    assert_eq!(laptop.read("moved.txt"), "committed here\n");
    assert!(!work.join("committed.txt").exists());
    assert!(laptop.read("calc.py").starts_with("# mine\n"));
    assert_eq!(std::fs::read_link(work.join("link")).unwrap(), Path::new("calc.py"));
    assert_eq!(config_of(&work), config);
    assert_eq!(git(&work, &["rev-parse", "HEAD"]), head);
    let backup = done["backup"].as_str().unwrap();
    assert_eq!(git(&work, &["show", &format!("{backup}:untracked.txt")]), "untracked");
    assert_eq!(laptop.json(&world, &["down", agent])["written"], 0);
    git(&work, &["fsck", "--strict", "--no-dangling"]);
    world.delete(agent).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_conflicts_stop_before_anything_happens() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let laptop = Laptop::new(&repository);
    laptop.write("deep/.env", "A=1\n");
    laptop.write("key.txt", &format!("x\nkey = {}{}\n", "AKIA", "ABCDEFGHIJKLMNOP"));
    let (code, message) = laptop.refused(&world, &["up", "--yes", "task"]);
    assert_eq!(code, "secrets_found");
    assert!(message.contains("deep/.env") && message.contains("key.txt:2"), "{message}");
    let plain = laptop.run(&world, &["up", "task"]);
    assert_eq!(plain.status.code(), Some(2), "nobody can be asked");
    std::fs::remove_file(laptop.work().join("key.txt")).unwrap();

    let turns = [write("calc.py", "theirs\n"), Turn::say("Done.")];
    let task = prompt(&turns);
    let created = laptop
        .json(&world, &["up", "-d", "--yes", "--no-pr", "--allow-secret", "deep/.env", &task]);
    let agent = created["agent"]["id"].as_str().unwrap();
    let run = created["run"]["id"].as_str().unwrap().to_owned();
    world.ended_as(&e2e::world::Job { agent: agent.to_owned(), run }, "FINISHED").await;
    laptop.write("calc.py", "mine\n");
    let (code, message) = laptop.refused(&world, &["down", agent]);
    assert_eq!(code, "conflicts");
    assert!(message.contains("calc.py"), "{message}");
    assert_eq!(laptop.read("calc.py"), "mine\n");
    let branch = laptop.json(&world, &["down", agent, "--conflicts", "branch"]);
    let name = branch["branch"].as_str().unwrap();
    assert_eq!(git(&laptop.work(), &["show", &format!("{name}:calc.py")]), "theirs");
    assert_eq!(laptop.read("calc.py"), "mine\n");
    laptop.json(&world, &["down", agent, "--conflicts", "files"]);
    assert!(
        laptop.read("calc.py").contains("<<<<<<< yours\nmine\n=======\ntheirs\n>>>>>>> agent\n")
    );
    world.delete(agent).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_killed_is_finished_by_the_next() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let laptop = Laptop::new(&repository);
    for number in 0..2000 {
        laptop.write(&format!("many/{}/{number}", number % 50), &format!("{number}\n"));
    }
    let task = prompt(&[
        shell(
            "for f in many/*/*; do echo more >> $f; done; mkdir new; cd new; seq 2000 | split -l 1 -a 4",
        ),
        Turn::say("Done."),
    ]);
    let up = ["up", "-d", "--yes", "--no-pr", task.as_str()];
    // Short of the moment in which the agent exists: a second call would open a second one.
    kill_early(&laptop, &world, &["up", "--dry-run", "--yes", task.as_str()], 3);
    let created = laptop.json(&world, &up);
    let agent = created["agent"]["id"].as_str().unwrap();
    let run = created["run"]["id"].as_str().unwrap().to_owned();
    world.ended_as(&e2e::world::Job { agent: agent.to_owned(), run }, "FINISHED").await;
    kill_early(&laptop, &world, &["down", agent], 8);
    laptop.json(&world, &["down", agent]);
    for number in 0..2000 {
        let path = format!("many/{}/{number}", number % 50);
        assert_eq!(laptop.read(&path), format!("{number}\nmore\n"), "{path}");
    }
    assert_eq!(std::fs::read_dir(laptop.work().join("new")).unwrap().count(), 2000);
    laptop.assert_nothing_left();
    world.delete(agent).await;
    world.end().await;
}

/// Starts a command several times and kills it, later each time.
fn kill_early(laptop: &Laptop, world: &World, arguments: &[&str], times: u32) {
    for number in 1..=times {
        let mut command = laptop.command(world, arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The moment is the point: the test holds wherever it falls.
        std::thread::sleep(std::time::Duration::from_millis(u64::from(number) * 60));
        child.kill().unwrap_or_default();
        child.wait().unwrap();
    }
}
