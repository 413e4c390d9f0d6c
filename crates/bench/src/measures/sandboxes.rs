//! Sandboxes by themselves, without a server: how soon the first command has ended, beside the bare
//! tool and beside containers; many at once; what an idle one takes.

use crate::figure::{Figures, Unit, milliseconds};
use crate::process::{Family, binary, program, proportional};
use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use protocol::ids::{AgentId, Epoch, OrgId, Term};
use protocol::link::{Hello, OpId, Start, Stdin, User, VERSION};
use sandbox::link::{Followed, Link, Offsets};
use sandbox::local::{LocalConfig, LocalProvider, start_launcher};
use sandbox::provider::{Provider as _, SandboxKey, SandboxSpec};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Sandboxes, one after the other, and runs of the tools beside them.
const RUNS: usize = 40;
/// Runs of the container tool, which is slow.
const CONTAINERS: usize = 10;
/// Ways of running one: as it is meant, and where the host lets nobody raise limits or has groups of
/// both versions.
const CONTAINER_WAYS: [&[&str]; 2] =
    [&[], &["--runtime", "runc", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]];
/// Sandboxes made at the same time.
const AT_ONCE: usize = 50;
/// Sandboxes that live at the same time.
const ALIVE: usize = 300;
/// How much longer than the bare tool a sandbox may take until its first command has ended.
const BARE_RATIO: f64 = 4.0;
/// How many times faster than a container it must be.
const CONTAINER_RATIO: f64 = 5.0;
/// Megabytes that an idle one may take.
const IDLE_TARGET_MIB: f64 = 6.0;
/// Time in which what was just started comes to rest.
const REST: Duration = Duration::from_secs(3);
const BARE: &str = "yardstick: bwrap --unshare-all /bin/true";
const CONTAINER: &str = "yardstick: podman run --network none /bin/true";

/// Measures all.
pub async fn measure(figures: &mut Figures) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("errand-bench-").tempdir()?;
    // The launcher keeps what it knows from others.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700))?;
    let binaries = binary()?.parent().context("find the binaries")?.to_path_buf();
    let handle = start_launcher(&LocalConfig::beside(&binaries, folder.path()))?;
    let yard = Yard { provider: LocalProvider::new(handle).context("speak to the launcher")? };
    yard.first().await?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(yard.first().await?);
        bare.extend(run("bwrap", &["--unshare-all", "--ro-bind", "/", "/", "/bin/true"])?);
    }
    let containers = containers(folder.path())?;
    report(figures, ours, bare, containers);
    crowd(&yard, figures).await?;
    alive(&yard, folder.path(), figures).await
}

fn report(figures: &mut Figures, ours: Vec<f64>, bare: Vec<f64>, containers: Vec<f64>) {
    let median = |samples: &[f64]| {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    };
    let unit = Unit::Milliseconds;
    let target = match (median(&bare), median(&containers)) {
        (Some(bare), Some(container)) => Some((bare * BARE_RATIO).min(container / CONTAINER_RATIO)),
        (Some(bare), None) => Some(bare * BARE_RATIO),
        (None, container) => container.map(|container| container / CONTAINER_RATIO),
    };
    figures.add(BARE, unit, bare);
    figures.add(CONTAINER, unit, containers);
    let name = "create to the end of the first command";
    match target {
        Some(target) => figures.add_with_target(name, unit, ours, target),
        None => figures.add(name, unit, ours),
    }
    figures.compare_to(BARE);
}

/// The milliseconds of a program that must succeed; nothing where it is not installed.
fn run(name: &str, arguments: &[&str]) -> Result<Option<f64>> {
    let started = Instant::now();
    let status = program(name).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).status();
    let Ok(status) = status else { return Ok(None) };
    ensure!(status.success(), "{name} failed: {status}");
    Ok(Some(milliseconds(started.elapsed())))
}

/// The same program in a container over this machine's own files, so that no image is needed.
fn containers(folder: &Path) -> Result<Vec<f64>> {
    let store = folder.join("containers");
    let store = store.to_str().context("name the folder of containers")?;
    let mut failures = Vec::new();
    for how in CONTAINER_WAYS {
        let begin = ["--root", store, "run"];
        let end = ["--rm", "--network", "none", "--rootfs", "/:O", "/bin/true"];
        let arguments: Vec<&str> = begin.iter().chain(how).chain(&end).copied().collect();
        match (0..=CONTAINERS).map(|_| run("podman", &arguments)).collect::<Result<Vec<_>>>() {
            // The first one sets things up.
            Ok(samples) => return Ok(samples.into_iter().skip(1).flatten().collect()),
            Err(error) => failures.push(error.to_string()),
        }
    }
    let words = format!("  not measured: podman runs no container here ({})", failures.join("; "));
    writeln!(std::io::stderr().lock(), "{words}")?;
    Ok(Vec::new())
}

async fn crowd(yard: &Yard, figures: &mut Figures) -> Result<()> {
    let started = Instant::now();
    let keys = try_join_all((0..AT_ONCE).map(|_| yard.make())).await?;
    let seconds = started.elapsed().as_secs_f64();
    figures.add("50 sandboxes at once, all started", Unit::Count, vec![keys.len() as f64]);
    figures.add("50 sandboxes at once, all first commands ended", Unit::Seconds, vec![seconds]);
    yard.end(keys).await
}

async fn alive(yard: &Yard, folder: &Path, figures: &mut Figures) -> Result<()> {
    let taken = || proportional(&Family::of(std::process::id(), folder).sandboxes);
    let before = taken();
    let mut keys = Vec::new();
    while keys.len() < ALIVE {
        keys.extend(try_join_all((0..AT_ONCE).map(|_| yard.make())).await?);
    }
    tokio::time::sleep(REST).await;
    let grown = taken().saturating_sub(before);
    let each = grown as f64 / keys.len() as f64 / (1024.0 * 1024.0);
    figures.add("sandboxes alive at once", Unit::Count, vec![keys.len() as f64]);
    let name = "idle sandbox, proportional memory";
    figures.add_with_target(name, Unit::Mebibytes, vec![each], IDLE_TARGET_MIB);
    yard.end(keys).await
}

struct Yard {
    provider: LocalProvider,
}

impl Yard {
    /// Makes a sandbox, runs a command in it, and ends it; milliseconds until the command had ended.
    async fn first(&self) -> Result<f64> {
        let started = Instant::now();
        let key = self.make().await?;
        let took = milliseconds(started.elapsed());
        self.provider.destroy(key).await?;
        Ok(took)
    }

    /// A sandbox whose first command has ended.
    async fn make(&self) -> Result<SandboxKey> {
        let key = SandboxKey { agent: AgentId::from_uuid(Uuid::new_v4()), epoch: Epoch(1) };
        self.provider.create(&SandboxSpec::new(key, OrgId::default_org())).await?;
        let stream = self.provider.connect(key).await?;
        let hello = Hello { version: VERSION, agent: key.agent, epoch: key.epoch, term: Term(1) };
        let link = Link::connect(stream, hello).await?;
        let op = OpId::parse("first")?;
        link.start(command(op.clone())).await?;
        let mut follow = link.follow(op, Offsets { stdout: 0, stderr: 0 }).await?;
        let mut printed = Vec::new();
        loop {
            match follow.next().await? {
                Followed::Stdout(bytes) => printed.extend_from_slice(&bytes),
                Followed::Stderr(_) => {}
                Followed::Exited(_) => break,
            }
        }
        ensure!(printed == b"here\n", "the first command printed {printed:?}");
        Ok(key)
    }

    async fn end(&self, keys: Vec<SandboxKey>) -> Result<()> {
        for key in keys {
            self.provider.destroy(key).await?;
        }
        Ok(())
    }
}

fn command(op: OpId) -> Start {
    Start {
        op,
        argv: ["/bin/echo", "here"].map(str::to_owned).to_vec(),
        cwd: "/".to_owned(),
        env: Vec::new(),
        user: User::Agent,
        timeout_ms: None,
        stdin: Stdin::Null,
        pty: None,
        output_cap: 4096,
    }
}
