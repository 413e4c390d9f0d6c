//! A provider in a folder of its own, and a way to run things inside.

use std::path::{Path, PathBuf};

use protocol::ids::{AgentId, Epoch, OrgId};
use sandbox::local::launcher::LauncherConfig;
use sandbox::local::lease::UidPool;
use sandbox::local::{LocalConfig, LocalProvider, start_launcher};
use sandbox::provider::{LinkStream, Provider, SandboxKey, SandboxSpec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub struct Bench {
    pub provider: LocalProvider,
    pub config: LocalConfig,
    // Dropped last.
    cleaner: Cleaner,
}

pub fn stand_in_guest() -> PathBuf {
    example("stand_in_guest")
}

/// A program of this crate's that only tests use.
pub fn example(name: &str) -> PathBuf {
    let shim = Path::new(env!("CARGO_BIN_EXE_errand-shim"));
    let program = shim.parent().unwrap().join("examples").join(name);
    let words = "run `cargo build -p sandbox --examples` first";
    assert!(program.is_file(), "{words}: {program:?} is missing");
    program
}

fn real_guest() -> PathBuf {
    let guest = Path::new(env!("CARGO_BIN_EXE_errand-shim")).with_file_name("errand-guest");
    assert!(guest.is_file(), "run `cargo build -p guest` first: {guest:?} is missing");
    guest
}

/// The folder, and what may still run from it.
struct Cleaner {
    dir: tempfile::TempDir,
}

impl Drop for Cleaner {
    /// A failed test must not leave its sandboxes behind: they outlive their server on purpose.
    fn drop(&mut self) {
        let records = std::fs::read_dir(self.dir.path().join("state/sandboxes"));
        for entry in records.into_iter().flatten().flatten() {
            let Ok(text) = std::fs::read_to_string(entry.path().join("shim.json")) else {
                continue;
            };
            let record: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let pid = record["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
            if entry.path().join("exit.json").exists() {
                continue;
            }
            if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
            }
        }
    }
}

impl Bench {
    /// With the stand-in guest.
    pub fn new() -> Self {
        Self::with_guest(stand_in_guest())
    }

    /// With the guest that Errand ships.
    pub fn with_real_guest() -> Self {
        Self::with_guest(real_guest())
    }

    fn with_guest(guest: PathBuf) -> Self {
        let shim = env!("CARGO_BIN_EXE_errand-shim").into();
        Self::within(tempfile::tempdir().unwrap(), shim, guest)
    }

    /// On a host that lies about one wall; see the example.
    pub fn on_lying_host(lie: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let shim = dir.path().join(format!("lie-{lie}"));
        std::os::unix::fs::symlink(example("lying_host"), &shim).unwrap();
        Self::within(dir, shim, stand_in_guest())
    }

    /// With the stand-in guest, started by an OCI runtime.
    pub fn with_runtime(runtime: &Path) -> Self {
        let shim = env!("CARGO_BIN_EXE_errand-shim").into();
        let dir = tempfile::tempdir().unwrap();
        Self::made(dir, shim, stand_in_guest(), Some(runtime.to_owned()))
    }

    /// With the stand-in guest, in sandboxes that agents share.
    pub fn shared() -> Self {
        Self::begun(tempfile::tempdir().unwrap(), stand_in_guest(), |launcher| {
            launcher.shared = true;
        })
    }

    /// With the guest that Errand ships, in sandboxes that agents share.
    pub fn shared_with_real_guest() -> Self {
        Self::begun(tempfile::tempdir().unwrap(), real_guest(), |launcher| launcher.shared = true)
    }

    /// With the guest that Errand ships, started by an OCI runtime.
    pub fn with_runtime_and_real_guest(runtime: &Path) -> Self {
        let shim = Path::new(env!("CARGO_BIN_EXE_errand-shim"));
        let guest = real_guest();
        Self::made(tempfile::tempdir().unwrap(), shim.into(), guest, Some(runtime.to_owned()))
    }

    fn within(dir: tempfile::TempDir, shim: PathBuf, guest: PathBuf) -> Self {
        Self::made(dir, shim, guest, None)
    }

    fn made(
        dir: tempfile::TempDir,
        shim: PathBuf,
        guest: PathBuf,
        runtime: Option<PathBuf>,
    ) -> Self {
        Self::begun_by(dir, shim, guest, |launcher| launcher.runtime = runtime)
    }

    fn begun(
        dir: tempfile::TempDir,
        guest: PathBuf,
        change: impl FnOnce(&mut LauncherConfig),
    ) -> Self {
        Self::begun_by(dir, env!("CARGO_BIN_EXE_errand-shim").into(), guest, change)
    }

    fn begun_by(
        dir: tempfile::TempDir,
        shim: PathBuf,
        guest: PathBuf,
        change: impl FnOnce(&mut LauncherConfig),
    ) -> Self {
        let mut launcher = LauncherConfig {
            state_dir: dir.path().join("state"),
            guest,
            uid_pool: UidPool::default(),
            repository_roots: Vec::new(),
            runtime: None,
            shared: false,
        };
        change(&mut launcher);
        let config = LocalConfig { shim, launcher };
        let provider = LocalProvider::new(start_launcher(&config).unwrap()).unwrap();
        Self { provider, config, cleaner: Cleaner { dir } }
    }

    /// As after a restart of the server: the launcher goes, another comes.
    pub fn restart(self) -> Self {
        self.restart_with(|_| ())
    }

    /// The same, with another configuration.
    pub fn restart_with(self, change: impl FnOnce(&mut LauncherConfig)) -> Self {
        let Self { provider, mut config, cleaner } = self;
        drop(provider);
        change(&mut config.launcher);
        let provider = LocalProvider::new(start_launcher(&config).unwrap()).unwrap();
        Self { provider, config, cleaner }
    }

    pub fn record(&self, key: SandboxKey) -> PathBuf {
        self.config.launcher.state_dir.join("sandboxes").join(key.to_string())
    }

    /// The number of a sandbox's shim.
    pub fn shim_of(&self, key: SandboxKey) -> i64 {
        let record = std::fs::read_to_string(self.record(key).join("shim.json")).unwrap();
        let record: serde_json::Value = serde_json::from_str(&record).unwrap();
        record["pid"].as_i64().unwrap()
    }

    /// The only child of a process.
    pub fn child_of(&self, pid: i32) -> i32 {
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        children.trim().parse().unwrap()
    }

    /// The disk of a sandbox's agent.
    pub fn disk(&self, key: SandboxKey) -> PathBuf {
        self.config.launcher.state_dir.join("disks").join(key.agent.to_string())
    }

    pub async fn start(&self) -> (SandboxSpec, Inside) {
        self.start_with(|_| ()).await
    }

    pub async fn start_with(&self, change: impl FnOnce(&mut SandboxSpec)) -> (SandboxSpec, Inside) {
        let mut spec = spec();
        change(&mut spec);
        self.provider.create(&spec).await.unwrap();
        let inside = self.inside(spec.key).await;
        (spec, inside)
    }

    pub async fn inside(&self, key: SandboxKey) -> Inside {
        Inside { link: self.provider.connect(key).await.unwrap() }
    }
}

pub fn agent() -> AgentId {
    AgentId::from_uuid(uuid::Uuid::new_v4())
}

pub fn spec() -> SandboxSpec {
    SandboxSpec::new(SandboxKey { agent: agent(), epoch: Epoch(1) }, OrgId::default_org())
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A link to the stand-in guest.
pub struct Inside {
    link: LinkStream,
}

impl Inside {
    /// Runs a program and gives its exit code and output.
    pub async fn run(&mut self, user: &str, program: &[&str]) -> (i64, String) {
        let mut words = vec![user];
        words.extend(program);
        let mut line = serde_json::to_vec(&words).unwrap();
        line.push(b'\n');
        self.link.write_all(&line).await.unwrap();
        let mut answer = Vec::new();
        while answer.last() != Some(&b'\n') {
            answer.push(self.link.read_u8().await.unwrap());
        }
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        let code = answer["code"].as_i64().unwrap_or(-1);
        (code, answer["output"].as_str().unwrap().trim().to_owned())
    }

    /// Runs a line of shell as the agent.
    pub async fn sh(&mut self, line: &str) -> (i64, String) {
        self.run("as-agent", &["sh", "-c", line]).await
    }

    /// Tries something forbidden; gives what came of it.
    pub async fn attempt(&mut self, user: &str, words: &[&str]) -> String {
        let mut program = vec!["/opt/errand/bin/errand-guest", "try"];
        program.extend(words);
        let (code, output) = self.run(user, &program).await;
        if code == 0 { output } else { format!("code {code}: {output}") }
    }
}
