//! Processes: the server under measurement, plain programs, and what the kernel says of their memory.

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Time a server gets to say `ready`.
const READY: Duration = Duration::from_secs(30);
/// Time a server gets to end in good order.
const FAREWELL: Duration = Duration::from_secs(20);
/// How often an ending process is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// Variables that would change what is measured.
const CLEARED: [&str; 5] = [
    "ERRAND_CONFIG",
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "ANTHROPIC_BASE_URL",
    "OPENAI_BASE_URL",
];

/// A plain program to be run.
#[expect(clippy::disallowed_methods, reason = "the measured programs are started here only")]
pub fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(name)
}

/// The `errand` to measure: `ERRAND_BIN`, else the one beside this program.
pub fn binary() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("ERRAND_BIN") {
        return std::path::absolute(PathBuf::from(named)).context("find ERRAND_BIN");
    }
    let this = std::env::current_exe().context("find this program")?;
    let beside = this.with_file_name("errand");
    if !beside.is_file() {
        bail!("{} is missing: run `make build`, or name one with ERRAND_BIN", beside.display());
    }
    Ok(beside)
}

/// A running server.
pub struct Server {
    child: Child,
    data: PathBuf,
    /// Where it answers.
    pub url: String,
    /// Time from its start to its `ready` line.
    pub ready_after: Duration,
}

impl Server {
    /// Starts one on this data folder and waits until it is ready.
    pub fn start(data: &Path, log: &Path) -> Result<Self> {
        let log = fs::File::options().create(true).append(true).open(log)?;
        let mut command = program(binary()?);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        for name in CLEARED {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let started = Instant::now();
        let mut child = command.spawn().context("start the server")?;
        let out = child.stdout.take().context("read what the server prints")?;
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("ready ") {
                    // Nobody waits any more once the time is over.
                    sender.send((url.to_owned(), started.elapsed())).unwrap_or_default();
                }
            }
        });
        match receiver.recv_timeout(READY) {
            Ok((url, ready_after)) => {
                Ok(Self { child, data: data.to_path_buf(), url, ready_after })
            }
            Err(_) => {
                child.kill().context("end a server that did not get ready")?;
                bail!("the server did not get ready within {READY:?}")
            }
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("end the server")?;
        let deadline = Instant::now() + FAREWELL;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("the server did not end within {FAREWELL:?} of SIGTERM");
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A measurement that failed leaves sandboxes, which would outlive their server.
        let family = Family::of(self.child.id(), &self.data);
        let sandboxes = family.sandboxes.iter().filter_map(|pid| i32::try_from(*pid).ok());
        for pid in sandboxes.filter_map(Pid::from_raw) {
            kill_process(pid, Signal::KILL).unwrap_or_default();
        }
        // It may have ended already.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// A process with its parent and command line.
#[derive(Debug, Clone)]
struct Entry {
    pid: u32,
    parent: u32,
    command: String,
}

fn entries() -> Vec<Entry> {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = folders.filter_map(|folder| folder.file_name().to_string_lossy().parse().ok());
    pids.filter_map(entry).collect()
}

fn entry(pid: u32) -> Option<Entry> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold spaces and brackets: what follows the last bracket is regular.
    let (_, rest) = stat.rsplit_once(") ")?;
    let parent = rest.split(' ').nth(1)?.parse().ok()?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(Entry { pid, parent, command: String::from_utf8_lossy(&command).replace('\0', " ") })
}

/// The processes of one server: itself, its launcher, and its sandboxes with all inside.
#[derive(Debug, Clone, Default)]
pub struct Family {
    /// The server itself.
    pub server: u32,
    /// Its launcher.
    pub launcher: BTreeSet<u32>,
    /// The processes outside and inside of its sandboxes.
    pub sandboxes: BTreeSet<u32>,
}

impl Family {
    /// Looks at who is there now.
    pub fn of(server: u32, data: &Path) -> Self {
        let all = entries();
        let data = data.display().to_string();
        let beside = |entry: &Entry| {
            let here = |name: &str| {
                let path = fs::read_link(format!("/proc/{}/{name}", entry.pid));
                path.is_ok_and(|path| path.display().to_string().contains(&data))
            };
            entry.command.contains(&data) || here("cwd") || here("root")
        };
        let ours = |entry: &&Entry| entry.pid != std::process::id() && entry.pid != server;
        let mut members: BTreeSet<u32> =
            all.iter().filter(ours).filter(|entry| beside(entry)).map(|entry| entry.pid).collect();
        let launcher: BTreeSet<u32> =
            all.iter().filter(|entry| entry.parent == server).map(|entry| entry.pid).collect();
        let mut grown = true;
        while grown {
            let of_members = |entry: &&Entry| {
                members.contains(&entry.parent) || launcher.contains(&entry.parent)
            };
            let more: Vec<u32> = all.iter().filter(of_members).map(|entry| entry.pid).collect();
            let before = members.len();
            members.extend(more);
            grown = members.len() > before;
        }
        let sandboxes = members.difference(&launcher).copied().collect();
        Self { server, launcher, sandboxes }
    }
}

/// A field of a process's memory summary in bytes; 0 for one that has ended.
fn summary(pid: u32, field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Resident memory of a process in bytes.
pub fn resident(pid: u32) -> u64 {
    summary(pid, "Rss")
}

/// Memory of processes in bytes, shared pages divided among those who share them.
pub fn proportional<'a>(pids: impl IntoIterator<Item = &'a u32>) -> u64 {
    pids.into_iter().map(|pid| summary(*pid, "Pss")).sum()
}
