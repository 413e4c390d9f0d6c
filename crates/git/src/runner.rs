//! Starts git: argv only, an empty environment, our own configuration, limits on everything.
//!
//! A `Call` is one process. Its output is bounded, its time is bounded, its whole process group
//! dies with it. Heavy calls (network, packs, diffs) share a small number of places.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};
use crate::left_behind;
use crate::remote::Asking;

/// Heavy git processes at the same time.
pub const HEAVY_PROCESSES_MAX: usize = 16;
/// Other git processes at the same time, those that wait for a remote aside.
pub const LOCAL_PROCESSES_MAX: usize = 16;
/// How much further back than the server git's processes queue for a processor.
const NICENESS: i32 = 10;
/// Time for a call that only touches local objects.
pub const LOCAL_TIME_MAX: Duration = Duration::from_secs(60);
/// Bytes of standard output kept where a call names no limit of its own.
pub const STDOUT_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of standard error kept; the end is what explains a failure.
const STDERR_KEPT_BYTES: usize = 32 * 1024;
/// Longest progress line handed on.
const PROGRESS_LINE_MAX_BYTES: usize = 512;
const CHUNK_BYTES: usize = 64 * 1024;
/// Where programs are looked for; the server's own search path is not inherited.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What every call is told, whatever the repository's own configuration says.
const HARDENING: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.quotePath", "false"),
    ("core.logAllRefUpdates", "false"),
    ("core.fsyncMethod", "batch"),
    ("core.filesRefLockTimeout", left_behind::WAIT_MS),
    ("core.packedRefsTimeout", left_behind::WAIT_MS),
    ("credential.helper", ""),
    ("credential.interactive", "false"),
    ("transfer.fsckObjects", "true"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("protocol.version", "2"),
    ("safe.bareRepository", "explicit"),
    ("submodule.recurse", "false"),
    ("commit.gpgSign", "false"),
    ("push.gpgSign", "false"),
    ("diff.renameLimit", "1000"),
    ("http.lowSpeedLimit", "500"),
    ("http.lowSpeedTime", "60"),
];

/// The git program, and the places for heavy processes; cheap to clone.
#[derive(Debug, Clone)]
pub struct Git {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    program: PathBuf,
    heavy: Arc<Semaphore>,
    local: Semaphore,
    /// Questions to remotes that wait to be asked together.
    pub(crate) asking: Asking,
}

impl Git {
    /// Finds git in the system's own program folders.
    pub fn new() -> Result<Self> {
        let found =
            SEARCH_PATH.split(':').map(|dir| Path::new(dir).join("git")).find(|p| p.is_file());
        let missing = || Error::other("find git", "no git program in the system's program folders");
        found.map(Self::with_program).ok_or_else(missing)
    }

    /// Uses the program at an absolute path.
    pub fn with_program(program: PathBuf) -> Self {
        let heavy = Arc::new(Semaphore::new(HEAVY_PROCESSES_MAX));
        let local = Semaphore::new(LOCAL_PROCESSES_MAX);
        Self { inner: Arc::new(Inner { program, heavy, local, asking: Asking::default() }) }
    }

    /// The version git gives itself, for diagnosis.
    pub async fn version(&self) -> Result<String> {
        let output = self.call("ask git for its version").arg("version").run().await?;
        Ok(output.text().trim().trim_start_matches("git version ").to_owned())
    }

    pub(crate) fn call(&self, attempt: &'static str) -> Call<'_> {
        Call::new(self, attempt)
    }

    pub(crate) fn asking(&self) -> &Asking {
        &self.inner.asking
    }

    pub(crate) async fn heavy_place(&self) -> Result<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.inner.heavy).acquire_owned().await;
        place.map_err(|_| Error::other("start git", "the runner is closed"))
    }
}

/// What a process reads on standard input.
pub(crate) enum Input<'a> {
    Nothing,
    Bytes(Vec<u8>),
    Stream { source: &'a mut (dyn AsyncRead + Send + Unpin), max_bytes: u64 },
}

/// What to do with more output than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overflow {
    Fail,
    Cut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Local,
    Waiting,
    Heavy,
}

type OnProgress<'a> = &'a mut (dyn FnMut(&str) + Send);

/// One git process, before it is started.
pub(crate) struct Call<'a> {
    git: &'a Git,
    attempt: &'static str,
    command: Command,
    config: Vec<(OsString, OsString)>,
    input: Input<'a>,
    weight: Weight,
    time_max: Duration,
    stdout_max: usize,
    overflow: Overflow,
    memory_max: Option<u64>,
    progress: Option<OnProgress<'a>>,
    /// Where nobody else works than our own processes.
    own: Option<PathBuf>,
}

/// What a finished process left.
#[derive(Debug)]
pub(crate) struct Output {
    /// Exit code; none if a signal ended it.
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
    /// Whether standard output was cut at its limit.
    pub cut: bool,
}

impl Output {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

impl<'a> Call<'a> {
    fn new(git: &'a Git, attempt: &'static str) -> Self {
        let mut call = Self {
            git,
            attempt,
            command: bare_command(&git.inner.program),
            config: Vec::new(),
            input: Input::Nothing,
            weight: Weight::Local,
            time_max: LOCAL_TIME_MAX,
            stdout_max: STDOUT_MAX_BYTES,
            overflow: Overflow::Fail,
            memory_max: None,
            progress: None,
            own: None,
        };
        for (key, value) in HARDENING {
            call = call.config(key, value);
        }
        call
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Works in this bare repository, which is named, never searched for.
    pub fn repo(mut self, dir: &Path) -> Self {
        self.command.env("GIT_DIR", dir);
        self
    }

    /// Nobody but our own processes ever works in this repository.
    pub fn own(mut self, dir: &Path) -> Self {
        self.own = Some(dir.to_owned());
        self
    }

    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// One configuration value, through the environment: it may be secret.
    pub fn config(mut self, key: &str, value: impl Into<OsString>) -> Self {
        self.config.push((key.into(), value.into()));
        self
    }

    pub fn input(mut self, input: Input<'a>) -> Self {
        self.input = input;
        self
    }

    /// Takes one of the few places for heavy processes, and may run this long.
    pub fn heavy(mut self, time_max: Duration) -> Self {
        self.weight = Weight::Heavy;
        self.time_max = time_max;
        self
    }

    /// Takes no place, since it mostly waits for somebody else, and may do so this long.
    pub fn waiting(mut self, time_max: Duration) -> Self {
        self.weight = Weight::Waiting;
        self.time_max = time_max;
        self
    }

    pub fn stdout_max(mut self, bytes: usize, overflow: Overflow) -> Self {
        self.stdout_max = bytes;
        self.overflow = overflow;
        self
    }

    /// Bounds the memory the process may allocate (not what it maps from files).
    pub fn memory_max(mut self, bytes: u64) -> Self {
        self.memory_max = Some(bytes);
        self
    }

    pub fn progress(mut self, progress: OnProgress<'a>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Runs to the end; anything but exit code 0 is an error without further meaning.
    pub async fn run(self) -> Result<Output> {
        let attempt = self.attempt;
        let output = self.finish().await?;
        match output.code {
            Some(0) => Ok(output),
            Some(_) | None if output.cut => Ok(output),
            Some(_) | None => Err(crate::error::of_local(attempt, &output.stderr)),
        }
    }

    /// Runs to the end, whatever the exit code.
    pub async fn finish(mut self) -> Result<Output> {
        let closed = |_| Error::other("start git", "the runner is closed");
        let git = self.git.clone();
        let (_local, _heavy) = match self.weight {
            Weight::Local => (Some(git.inner.local.acquire().await.map_err(closed)?), None),
            Weight::Waiting => (None, None),
            Weight::Heavy => (None, Some(git.heavy_place().await?)),
        };
        let (time_max, attempt) = (self.time_max, self.attempt);
        let input = std::mem::replace(&mut self.input, Input::Nothing);
        let (progress, own) = (self.progress.take(), self.own.take());
        let (stdout_max, overflow) = (self.stdout_max, self.overflow);
        let feeds = !matches!(input, Input::Nothing);
        let stdin = if feeds { Stdio::piped() } else { Stdio::null() };
        let mut started = self.start(stdin).await?;
        let work = started.drive(attempt, input, stdout_max, progress);
        let Ok(output) = tokio::time::timeout(time_max, work).await else {
            return Err(Error::Timeout { attempt, limit: time_max });
        };
        let output = output?;
        if let (Some(own), false) = (own, output.code == Some(0)) {
            // Boxed: it seldom happens, and all who wait for git would have to make room for it.
            Box::pin(left_behind::clear(output.stderr.clone(), own)).await;
        }
        if output.cut && overflow == Overflow::Fail {
            return Err(Error::TooLarge {
                attempt,
                what: "the output",
                limit_bytes: stdout_max as u64,
            });
        }
        Ok(output)
    }

    /// Starts the process with all three streams piped, for a caller that streams by itself.
    pub async fn start_piped(self) -> Result<Started> {
        self.start(Stdio::piped()).await
    }

    async fn start(mut self, stdin: Stdio) -> Result<Started> {
        self.command.env("GIT_CONFIG_COUNT", self.config.len().to_string());
        for (number, (key, value)) in self.config.iter().enumerate() {
            self.command.env(format!("GIT_CONFIG_KEY_{number}"), key);
            self.command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (mut command, memory_max) = (self.command, self.memory_max);
        // The kernel holds the calling thread until the new process runs its program, on a busy
        // machine for many milliseconds: no other task must wait for that.
        let starting = tokio::task::spawn_blocking(move || {
            let child = command.spawn()?;
            let group = Group::of(&child);
            group.step_back();
            if let Some(bytes) = memory_max {
                group.limit_memory(bytes);
            }
            Ok(Started { child, group })
        });
        let started =
            starting.await.map_err(|error| Error::other("start git", error.to_string()))?;
        started.map_err(Error::io("start git"))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the runner that the rule points to")]
fn bare_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", SEARCH_PATH)
        // A folder that cannot exist cannot be filled with configuration either.
        .env("HOME", "/nonexistent")
        .env("LANG", "C.UTF-8")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_LITERAL_PATHSPECS", "1")
        // TRUST: refs/replace in a pushed repository would show other objects than the ids name.
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_ALLOW_PROTOCOL", "none")
        .current_dir("/")
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// A running git whose process group dies with this value.
#[derive(Debug)]
pub(crate) struct Started {
    pub child: Child,
    pub group: Group,
}

impl Started {
    async fn drive(
        &mut self,
        attempt: &'static str,
        input: Input<'_>,
        stdout_max: usize,
        progress: Option<OnProgress<'_>>,
    ) -> Result<Output> {
        let stdin = self.child.stdin.take();
        let (Some(stdout), Some(stderr)) = (self.child.stdout.take(), self.child.stderr.take())
        else {
            return Err(Error::other(attempt, "git was started without pipes"));
        };
        let (fed, stdout, stderr) = {
            let group = &self.group;
            let feeding = async {
                let fed = feed(attempt, stdin, input).await;
                if fed.is_err() {
                    group.kill();
                }
                fed
            };
            let reading = async {
                tokio::join!(collect(stdout, stdout_max, group), collect_errors(stderr, progress))
            };
            tokio::pin!(feeding, reading);
            let mut fed = None;
            // A process that is gone ends the feeding, even where its source never would.
            let (stdout, stderr) = loop {
                tokio::select! {
                    outcome = &mut feeding, if fed.is_none() => fed = Some(outcome),
                    both = &mut reading => break both,
                }
            };
            (fed, stdout, stderr)
        };
        let status = self.child.wait().await.map_err(Error::io("wait for git"))?;
        self.group.disarm();
        fed.unwrap_or(Ok(()))?;
        let (stdout, cut) = stdout.map_err(Error::io("read from git"))?;
        Ok(Output {
            code: status.code(),
            stdout,
            stderr: stderr.map_err(Error::io("read from git"))?,
            cut,
        })
    }
}

async fn feed(attempt: &'static str, stdin: Option<ChildStdin>, input: Input<'_>) -> Result<()> {
    let Some(mut stdin) = stdin else { return Ok(()) };
    match input {
        Input::Nothing => Ok(()),
        Input::Bytes(bytes) => {
            unless_closed(stdin.write_all(&bytes).await)?;
            unless_closed(stdin.shutdown().await)
        }
        Input::Stream { source, max_bytes } => {
            let mut left = max_bytes;
            let mut chunk = vec![0; CHUNK_BYTES];
            loop {
                let count = source
                    .read(&mut chunk)
                    .await
                    .map_err(Error::io("read what git is to be fed"))?;
                let Some(part) = chunk.get(..count).filter(|part| !part.is_empty()) else {
                    return unless_closed(stdin.shutdown().await);
                };
                let Some(rest) = left.checked_sub(count as u64) else {
                    return Err(Error::TooLarge {
                        attempt,
                        what: "the input",
                        limit_bytes: max_bytes,
                    });
                };
                left = rest;
                if let Err(error) = stdin.write_all(part).await {
                    return unless_closed(Err(error));
                }
            }
        }
    }
}

/// Git that stops reading tells why by its exit code, not by a broken pipe.
fn unless_closed(written: std::io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::Io { attempt: "write to git", source: error })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

async fn collect(
    mut source: impl AsyncRead + Unpin,
    max: usize,
    group: &Group,
) -> std::io::Result<(Vec<u8>, bool)> {
    let mut kept = Vec::with_capacity(4096);
    loop {
        if source.read_buf(&mut kept).await? == 0 {
            return Ok((kept, false));
        }
        if kept.len() > max {
            kept.truncate(max);
            group.kill();
            return Ok((kept, true));
        }
    }
}

async fn collect_errors(
    mut source: impl AsyncRead + Unpin,
    mut progress: Option<OnProgress<'_>>,
) -> std::io::Result<String> {
    let mut kept: Vec<u8> = Vec::new();
    let mut line: Vec<u8> = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = source.read(&mut chunk).await?;
        let Some(part) = chunk.get(..count).filter(|part| !part.is_empty()) else { break };
        for &byte in part {
            // A line ended by a carriage return is progress, overwritten by the next one.
            if byte == b'\r' || byte == b'\n' {
                if let Some(report) = progress.as_mut() {
                    report(&String::from_utf8_lossy(&line));
                }
                if byte == b'\n' {
                    kept.extend_from_slice(&line);
                    kept.push(byte);
                }
                line.clear();
            } else if line.len() < PROGRESS_LINE_MAX_BYTES {
                line.push(byte);
            }
        }
        if kept.len() > 2 * STDERR_KEPT_BYTES {
            kept.drain(..kept.len() - STDERR_KEPT_BYTES);
        }
    }
    kept.extend_from_slice(&line);
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

/// A process group that is killed when nobody holds it any more.
#[derive(Debug)]
pub(crate) struct Group {
    leader: Option<Pid>,
}

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self { leader: id.and_then(Pid::from_raw) }
    }

    pub fn kill(&self) {
        let Some(leader) = self.leader else { return };
        // The leader is not reaped before `disarm`, so its id still names this group.
        if let Err(error) = rustix::process::kill_process_group(leader, Signal::KILL) {
            tracing::debug!(%error, "git's process group was gone already");
        }
    }

    /// The leader has been waited for: its id may soon be somebody else's.
    pub fn disarm(&mut self) {
        self.leader = None;
    }

    /// People who watch come before work that nobody waits for by the millisecond.
    fn step_back(&self) {
        if let Err(error) = rustix::process::setpriority_process(self.leader, NICENESS) {
            tracing::debug!(%error, "git runs with the server's own priority");
        }
    }

    fn limit_memory(&self, bytes: u64) {
        let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
        if let Err(error) = rustix::process::prlimit(self.leader, Resource::Data, limit) {
            tracing::warn!(%error, "git runs without its memory limit");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
