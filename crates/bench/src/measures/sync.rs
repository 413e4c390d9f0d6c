//! Files between a laptop and an agent: `errand up` and `errand down` beside rsync of the same change.
//!
//! rsync speaks to a daemon of its own on the loopback, without encryption as the API here, between
//! two folders that differ by exactly what the agent and the laptop differ by. `up` ends when the
//! agent is open; that its sandbox then starts is no part of it. `down` counts whole: the server
//! reads the agent's files in it.

use crate::figure::{Figures, Unit, percentile};
use crate::process::{binary, program};
use crate::world::{Opened, World};
use anyhow::{Context, Result, bail, ensure};
use rustix::process::geteuid;
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Files of the worktree.
const FILES: usize = 100_000;
/// Folders they lie in.
const FOLDERS: usize = 1000;
/// The first of the files that the laptop changes: one in each folder.
const CHANGED_FROM: usize = 10_000;
/// Lines of a file.
const LINES: usize = 20;
/// Changes, each sent up and brought down.
const RUNS: usize = 3;
/// How much longer than rsync each way may take.
const RATIO_TARGET: f64 = 1.5;
/// Time in which rsync's daemon must answer.
const DAEMON_READY: Duration = Duration::from_secs(10);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);
const RSYNC_UP: &str = "yardstick: rsync of 1,000 changes in 100,000 files, up";
const RSYNC_DOWN: &str = "yardstick: rsync of 1,000 changes in 100,000 files, down";

#[derive(Default)]
struct Samples {
    up: Vec<f64>,
    down: Vec<f64>,
    rsync_up: Vec<f64>,
    rsync_down: Vec<f64>,
}

/// Measures all.
pub async fn measure(figures: &mut Figures) -> Result<()> {
    if program("rsync").arg("--version").stdout(Stdio::null()).status().is_err() {
        let words = "  not measured: rsync is not installed, so there is nothing to compare with";
        writeln!(std::io::stderr().lock(), "{words}")?;
        return Ok(());
    }
    let world = World::start(0).await?;
    let folder = tempfile::Builder::new().prefix("errand-bench-sync-").tempdir()?;
    let places = Places::make(folder.path(), &world)?;
    let daemon = Daemon::start(folder.path(), &places.there)?;
    let (mut samples, mut agents) = (Samples::default(), Vec::new());
    // The first one warms up; it does not count.
    agents.push(round(&world, &places, &daemon, 0, &mut Samples::default()).await?);
    for number in 1..=RUNS {
        agents.push(round(&world, &places, &daemon, number, &mut samples).await?);
    }
    drop(daemon);
    let Samples { up, down, rsync_up, rsync_down } = samples;
    let pairs =
        [(RSYNC_UP, rsync_up, "errand up", up), (RSYNC_DOWN, rsync_down, "errand down", down)];
    for (yardstick, theirs, name, ours) in pairs {
        let mut sorted = theirs.clone();
        sorted.sort_by(f64::total_cmp);
        let target = percentile(&sorted, 50.0) * RATIO_TARGET;
        figures.add(yardstick, Unit::Seconds, theirs);
        let name = format!("{name}, 1,000 changes in 100,000 files");
        figures.add_with_target(&name, Unit::Seconds, ours, target);
        figures.compare_to(yardstick);
    }
    world.end(&agents).await
}

/// Folders of the laptop, and what rsync compares.
struct Places {
    home: PathBuf,
    work: PathBuf,
    here: PathBuf,
    there: PathBuf,
    url: String,
    token: String,
}

impl Places {
    fn make(folder: &Path, world: &World) -> Result<Self> {
        let place = |name: &str| folder.join(name);
        let places = Self {
            home: place("home"),
            work: place("work"),
            here: place("here"),
            there: place("there"),
            url: world.api.base.clone(),
            token: world.api.token.clone(),
        };
        for folder in [&places.home, &places.work, &places.here, &places.there] {
            fs::create_dir_all(folder)?;
        }
        for number in 0..FOLDERS {
            fs::create_dir(places.work.join(format!("d{number:03}")))?;
        }
        for number in 0..FILES {
            fs::write(places.work.join(path(number)), content(number, 0))?;
        }
        let repository = world.repository("sync")?;
        git(&places.work, &["init", "-q", "-b", "main"])?;
        git(&places.work, &["remote", "add", "origin", &repository.url()])?;
        git(&places.work, &["add", "-A"])?;
        git(&places.work, &["commit", "-q", "-m", "Begin"])?;
        git(&places.work, &["push", "-q", "--force", "origin", "HEAD:refs/heads/main"])?;
        git(&places.work, &["fetch", "-q", "origin"])?;
        mirror(&places.work.join("."), &places.there)?;
        mirror(&places.work.join("."), &places.here)?;
        Ok(places)
    }

    /// An `errand` on the laptop; gives what it says last, and its seconds.
    fn errand(&self, arguments: &[&str]) -> Result<(Value, f64)> {
        let mut command = program(binary()?);
        command.args(arguments).arg("--json").current_dir(&self.work);
        command.env("HOME", &self.home).env("ERRAND_URL", &self.url);
        let (text, seconds) = timed(command.env("ERRAND_TOKEN", &self.token))?;
        let last = text.lines().last().unwrap_or_default();
        Ok((serde_json::from_str(last).context("read what errand says")?, seconds))
    }
}

fn path(number: usize) -> String {
    format!("d{:03}/f{number:06}.txt", number % FOLDERS)
}

fn content(number: usize, round: usize) -> String {
    let lines = (0..LINES).map(|line| format!("line {line} of {number}\n"));
    std::iter::once(format!("round {round}\n")).chain(lines).collect()
}

async fn round(
    world: &World,
    places: &Places,
    daemon: &Daemon,
    round: usize,
    samples: &mut Samples,
) -> Result<Opened> {
    for number in CHANGED_FROM..CHANGED_FROM + FOLDERS {
        fs::write(places.work.join(path(number)), content(number, round + 1))?;
    }
    samples.rsync_up.push(daemon.push(&places.work)?);
    // One in each folder, others than those of the laptop.
    let change = format!("for d in *; do f=$(ls $d | sed -n 51p); echo {round} >> $d/$f; done");
    let turns = json!({"turns": [{"calls": [{"shell": change}]}, {"text": "Done."}]});
    let prompt = format!("Do as the script says.\nscript: {turns}");
    let sent = Instant::now();
    let (created, seconds) = places.errand(&["up", "-d", "--yes", "--no-pr", &prompt])?;
    samples.up.push(seconds);
    let id = created.pointer("/agent/id").and_then(Value::as_str).context("read the agent")?;
    let agent = Opened { sent, id: id.to_owned() };
    world.finished(&agent).await?;
    mirror(&places.there, &places.here)?;
    for number in 0..FOLDERS {
        let folder = places.there.join(format!("d{number:03}"));
        let mut names: Vec<_> = fs::read_dir(&folder)?.flatten().map(|e| e.file_name()).collect();
        names.sort();
        let name = names.get(50).context("a folder has too few files")?;
        let mut file = fs::File::options().append(true).open(folder.join(name))?;
        writeln!(file, "{round}")?;
    }
    samples.rsync_down.push(daemon.pull(&places.here)?);
    let (done, seconds) = places.errand(&["down", &agent.id])?;
    samples.down.push(seconds);
    ensure!(done.get("written") == Some(&json!(FOLDERS)), "errand down brought {done}");
    world.archive(&agent).await?;
    world.without_sandboxes().await?;
    Ok(agent)
}

/// rsync's own server on one folder.
struct Daemon {
    child: Child,
    address: String,
}

impl Daemon {
    fn start(folder: &Path, there: &Path) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let who = if geteuid().is_root() { "uid = 0\ngid = 0\n" } else { "" };
        let config = format!(
            "use chroot = no\naddress = 127.0.0.1\nport = {port}\n{who}[there]\npath = {}\nread only = no\n",
            there.display()
        );
        let file = folder.join("rsyncd.conf");
        fs::write(&file, config)?;
        let mut command = program("rsync");
        command.args(["--daemon", "--no-detach", "--config"]).arg(&file);
        let child = command.stdin(Stdio::null()).spawn().context("start rsync's daemon")?;
        let daemon = Self { child, address: format!("rsync://127.0.0.1:{port}/there/") };
        let deadline = Instant::now() + DAEMON_READY;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > deadline {
                bail!("rsync's daemon does not answer");
            }
            std::thread::sleep(LOOK);
        }
        Ok(daemon)
    }

    fn push(&self, from: &Path) -> Result<f64> {
        Ok(timed(rsync().arg(from.join("")).arg(&self.address))?.1)
    }

    fn pull(&self, to: &Path) -> Result<f64> {
        Ok(timed(rsync().arg(&self.address).arg(to.join("")))?.1)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

fn rsync() -> Command {
    let mut command = program("rsync");
    command.args(["-a", "--delete", "--exclude=/.git"]);
    command
}

fn mirror(from: &Path, to: &Path) -> Result<()> {
    timed(rsync().arg(from.join("")).arg(to.join(""))).map(drop)
}

fn git(folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = program("git");
    command.args(["-c", "user.name=Bench", "-c", "user.email=bench@example.com"]);
    timed(command.args(arguments).current_dir(folder)).map(drop)
}

/// Runs a program that must succeed: what it prints, and its seconds.
fn timed(command: &mut Command) -> Result<(String, f64)> {
    let started = Instant::now();
    let output = command.stdin(Stdio::null()).output().context("start a program")?;
    let seconds = started.elapsed().as_secs_f64();
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {complaint}");
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), seconds))
}
