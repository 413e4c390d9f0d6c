//! Starts programs: the only place of this crate that does.

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Time a program gets to end after it was told to.
const FAREWELL: Duration = Duration::from_secs(15);
/// How often an ending program is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Something to be started.
pub struct Program {
    name: String,
    command: Command,
}

impl Program {
    /// This program, in this folder.
    pub fn new(program: impl AsRef<OsStr>, folder: &Path) -> Self {
        let name = Path::new(program.as_ref()).file_name().unwrap_or(program.as_ref());
        let name = name.to_string_lossy().into_owned();
        #[expect(clippy::disallowed_methods, reason = "xtask takes the place of shell scripts")]
        let mut command = Command::new(program);
        command.current_dir(folder);
        Self { name, command }
    }

    /// The cargo that started us.
    pub fn cargo(folder: &Path) -> Self {
        Self::new(env!("CARGO"), folder)
    }

    /// With these arguments after the others.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// With this variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Without this variable.
    #[must_use]
    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs it on our terminal.
    pub fn status(mut self) -> Result<ExitStatus> {
        self.command.stdin(Stdio::null()).status().with_context(|| format!("start {}", self.name))
    }

    /// Runs it on our terminal; failing is an error.
    pub fn run(self) -> Result<()> {
        let name = self.name.clone();
        let status = self.status()?;
        if !status.success() {
            bail!("{name} ended with {status}");
        }
        Ok(())
    }

    /// Runs it on our terminal; none = it took longer than this, and was ended.
    pub fn status_within(mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let since = Instant::now();
        let child = self.command.stdin(Stdio::null()).spawn();
        let mut child = child.with_context(|| format!("start {}", self.name))?;
        while since.elapsed() < limit {
            if let Some(status) = child.try_wait().context("look at a program")? {
                return Ok(Some(status));
            }
            std::thread::sleep(LOOK);
        }
        child.kill().with_context(|| format!("end {}", self.name))?;
        child.wait().with_context(|| format!("end {}", self.name))?;
        Ok(None)
    }

    /// Starts it; everything it writes goes to the file. Whoever calls waits for it.
    pub fn start(mut self, output: std::fs::File) -> Result<Child> {
        let errors = output.try_clone().context("share a file")?;
        self.command.stdin(Stdio::null()).stdout(output).stderr(errors);
        self.command.spawn().with_context(|| format!("start {}", self.name))
    }

    /// What it writes; failing is an error.
    pub fn output(mut self) -> Result<String> {
        let output = self.command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = output.with_context(|| format!("start {}", self.name))?;
        if !output.status.success() {
            bail!("{} ended with {}", self.name, output.status);
        }
        String::from_utf8(output.stdout).with_context(|| format!("read what {} wrote", self.name))
    }

    /// Starts a server and waits until it says `ready <url>`; what it logs goes to the file.
    pub fn serve(mut self, log: &Path) -> Result<Service> {
        let file = std::fs::File::create(log).with_context(|| format!("make {}", log.display()))?;
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::from(file));
        let child = self.command.spawn().with_context(|| format!("start {}", self.name))?;
        // From here on the guard ends it, whatever happens.
        let mut service = Service {
            child,
            name: self.name,
            url: String::new(),
            log: log.to_path_buf(),
            out: None,
        };
        let stdout = service.child.stdout.take().context("read what the server writes")?;
        let mut reader = BufReader::new(stdout);
        let mut line = String::new();
        reader.read_line(&mut line).context("wait for the server")?;
        match line.trim().strip_prefix("ready ") {
            Some(url) => service.url = url.to_owned(),
            None => bail!("{} did not start:\n{}", service.name, tail(log)),
        }
        service.out = Some(reader);
        Ok(service)
    }
}

/// A server that we started; it ends with this value.
pub struct Service {
    child: Child,
    name: String,
    url: String,
    log: PathBuf,
    /// Kept open: a server that writes to a closed pipe would be told so.
    out: Option<BufReader<ChildStdout>>,
}

impl Service {
    /// Where it serves.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it logs.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Fails once it has ended by itself.
    pub fn check(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait().context("look at the server")? {
            bail!("{} ended with {status}:\n{}", self.name, tail(&self.log));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            let pid = Pid::from_child(&self.child);
            kill_process(pid, Signal::TERM)?;
        }
        let since = Instant::now();
        while self.child.try_wait()?.is_none() {
            if since.elapsed() > FAREWELL {
                self.child.kill()?;
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            say(&format!("cannot end {}: {error}", self.name));
        }
        drop(self.out.take());
    }
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(20).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// Tells the person a line. A reader that went away is no reason to stop.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap_or_default();
}
