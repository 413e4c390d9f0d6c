//! One started process: its output, its end, and everything that came from it.

use crate::config::GuestConfig;
use crate::exec::{self, Child, Pipe, Program, Report};
use crate::kill::Supervisors;
use crate::ops::Ops;
use crate::spool::{Budget, Spool};
use crate::sys::Become;
use crate::{pty, sys};
use protocol::link::{Exited, OpId, PtySize, Start, Stdin, Stream, User};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::sync::watch;

/// Bytes read from a pipe at once.
const READ_BYTES: usize = 32 * 1024;
/// Reads from one pipe before others get their turn.
const READS_PER_TURN: usize = 8;

/// A process that runs or ran.
pub struct Process {
    /// Its name.
    pub op: OpId,
    /// What it printed.
    pub stdout: Spool,
    /// What it printed on standard error.
    pub stderr: Spool,
    started: Instant,
    supervisor: AtomicI32,
    stdin: tokio::sync::Mutex<Option<Pipe>>,
    terminal: Option<Pipe>,
    killed: AtomicBool,
    timed_out: AtomicBool,
    acked: AtomicBool,
    state: watch::Sender<State>,
}

/// What those who wait for a process wait for.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Raised with every piece of output.
    pub output: u64,
    /// How it ended.
    pub exited: Option<Exited>,
    /// Everything that came from it has ended.
    pub gone: bool,
}

/// A process with the ends of its pipes.
pub struct Running {
    /// The process.
    pub process: Arc<Process>,
    child: Child,
    stdout: Option<Pipe>,
    stderr: Option<Pipe>,
    timeout: Option<Duration>,
}

impl Running {
    /// Starts it.
    pub fn start(
        config: &GuestConfig,
        start: &Start,
        directory: &Path,
        budget: &Arc<Budget>,
        supervisors: &Supervisors,
    ) -> io::Result<Self> {
        let program = Program {
            argv: start.argv.clone(),
            env: config.environment(&start.env),
            cwd: start.cwd.clone(),
            become_who: config.become_who(start.user),
        };
        let ends = Ends::open(config, start, directory)?;
        let (cap, out) = (start.output_cap, directory.join("stdout"));
        let stdout = match start.pty {
            Some(_) => Spool::ring(&out, cap, Arc::clone(budget))?,
            None => Spool::create(&out, cap, Arc::clone(budget))?,
        };
        let stderr = Spool::create(&directory.join("stderr"), cap, Arc::clone(budget))?;
        let child = program.spawn(ends.inside, start.pty.is_some(), supervisors)?;
        let process = Process {
            op: start.op.clone(),
            stdout,
            stderr,
            started: Instant::now(),
            supervisor: AtomicI32::new(child.supervisor),
            stdin: tokio::sync::Mutex::new(ends.stdin),
            terminal: ends.terminal,
            killed: AtomicBool::new(false),
            timed_out: AtomicBool::new(false),
            acked: AtomicBool::new(false),
            state: watch::Sender::new(State::default()),
        };
        Ok(Self {
            process: Arc::new(process),
            child,
            stdout: ends.stdout,
            stderr: ends.stderr,
            timeout: start.timeout_ms.map(Duration::from_millis),
        })
    }

    /// Looks after it until everything that came from it is gone.
    pub async fn attend(mut self, ops: &Arc<Ops>) {
        let process = Arc::clone(&self.process);
        let timeout = self.timeout.unwrap_or(Duration::MAX);
        let mut deadline = std::pin::pin!(tokio::time::sleep(timeout));
        let mut waiting = self.timeout.is_some();
        loop {
            tokio::select! {
                report = self.child.report() => match report {
                    Some(Report::Pid(_)) => {}
                    Some(Report::NotRun(error)) => process.explain(error),
                    Some(Report::Exit(status)) => {
                        self.drain();
                        waiting = false;
                        process.end(ops, status);
                    }
                    None => break,
                },
                () = ready(self.stdout.as_ref()) => pump(&process, Stream::Stdout, &mut self.stdout),
                () = ready(self.stderr.as_ref()) => pump(&process, Stream::Stderr, &mut self.stderr),
                () = &mut deadline, if waiting => {
                    waiting = false;
                    process.timed_out.store(true, Ordering::Relaxed);
                    let (ops_too, doomed) = (Arc::clone(ops), Arc::clone(&process));
                    ops.spawn(async move { ops_too.terminate(&doomed, libc::SIGTERM).await });
                }
            }
        }
        self.drain();
        // Only when the supervisor itself was killed, as by a lack of memory.
        if process.exited().is_none() {
            process.end(ops, libc::SIGKILL);
        }
        ops.supervisors.reap(self.child.supervisor);
        *process.stdin.lock().await = None;
        process.state.send_modify(|state| state.gone = true);
        ops.finished(&process);
    }

    /// Takes what the pipes hold at this moment.
    fn drain(&mut self) {
        for (stream, pipe) in
            [(Stream::Stdout, &mut self.stdout), (Stream::Stderr, &mut self.stderr)]
        {
            let mut buffer = [0u8; READ_BYTES];
            while let Some(open) = pipe.as_ref() {
                match exec::read_now(open, &mut buffer) {
                    Some(Ok(read)) if read > 0 => {
                        self.process.print(stream, buffer.get(..read).unwrap_or_default());
                    }
                    Some(_) => *pipe = None,
                    None => break,
                }
            }
        }
    }
}

async fn ready(pipe: Option<&Pipe>) {
    match pipe {
        // An error shows itself again at the read.
        Some(pipe) => drop(pipe.readable().await),
        None => std::future::pending().await,
    }
}

fn pump(process: &Process, stream: Stream, pipe: &mut Option<Pipe>) {
    let mut buffer = [0u8; READ_BYTES];
    for _ in 0..READS_PER_TURN {
        let Some(open) = pipe.as_ref() else { return };
        let read = open.try_io(Interest::READABLE, |fd| Ok(rustix::io::read(fd, &mut buffer)?));
        match read {
            Ok(read) if read > 0 => process.print(stream, buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Ok(_) | Err(_) => *pipe = None,
        }
    }
}

impl Process {
    /// What an earlier guest left of a process: its end is known, or it was lost with that guest.
    pub fn left(
        op: OpId,
        directory: &Path,
        exited: Option<Exited>,
        budget: &Arc<Budget>,
    ) -> io::Result<Self> {
        let stdout = Spool::open(&directory.join("stdout"), Arc::clone(budget))?;
        let stderr = Spool::open(&directory.join("stderr"), Arc::clone(budget))?;
        let exited = exited.unwrap_or_else(|| Exited {
            code: None,
            signal: Some(libc::SIGKILL),
            timed_out: false,
            killed: true,
            stdout_bytes: stdout.kept(),
            stderr_bytes: stderr.kept(),
            dropped_bytes: 0,
            truncated: false,
            duration_ms: 0,
        });
        Ok(Self {
            op,
            stdout,
            stderr,
            started: Instant::now(),
            supervisor: AtomicI32::new(0),
            stdin: tokio::sync::Mutex::new(None),
            terminal: None,
            killed: AtomicBool::new(false),
            timed_out: AtomicBool::new(false),
            acked: AtomicBool::new(false),
            state: watch::Sender::new(State { output: 0, exited: Some(exited), gone: true }),
        })
    }

    /// The process id of its supervisor; 0 when it ran under an earlier guest.
    pub fn supervisor(&self) -> i32 {
        self.supervisor.load(Ordering::Relaxed)
    }

    /// Changes of its state.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// How it ended, if it has.
    pub fn exited(&self) -> Option<Exited> {
        self.state.borrow().exited.clone()
    }

    /// Whether everything that came from it has ended.
    pub fn is_gone(&self) -> bool {
        self.state.borrow().gone
    }

    /// Waits until everything that came from it has ended.
    pub async fn gone(&self) {
        // The sender is in `self`, so the wait cannot fail.
        drop(self.watch().wait_for(|state| state.gone).await);
    }

    /// Waits for its end.
    pub async fn wait(&self) -> Option<Exited> {
        let mut watch = self.watch();
        let state = watch.wait_for(|state| state.exited.is_some()).await.ok()?;
        state.exited.clone()
    }

    /// One of its two streams.
    pub const fn spool(&self, stream: Stream) -> &Spool {
        match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        }
    }

    /// Its end will be one that was asked for.
    pub fn mark_killed(&self) {
        self.killed.store(true, Ordering::Relaxed);
    }

    /// The server has the result; whether the operation can be forgotten now.
    pub fn ack(&self) -> bool {
        self.acked.store(true, Ordering::Relaxed);
        self.is_gone()
    }

    /// Whether the server has the result.
    pub fn acked(&self) -> bool {
        self.acked.load(Ordering::Relaxed)
    }

    /// Writes to its standard input.
    pub async fn input(&self, bytes: &[u8], end: bool) -> io::Result<()> {
        let mut stdin = self.stdin.lock().await;
        if let Some(terminal) = &self.terminal {
            exec::write_all(terminal, bytes).await?;
            // Control-D is how a terminal says "no more".
            return if end { exec::write_all(terminal, &[4]).await } else { Ok(()) };
        }
        let pipe = stdin.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        exec::write_all(pipe, bytes).await?;
        if end {
            *stdin = None;
        }
        Ok(())
    }

    /// Whether it has a terminal.
    pub const fn has_terminal(&self) -> bool {
        self.terminal.is_some()
    }

    /// Has whatever fills its screen draw it again.
    pub fn redraw(&self) -> io::Result<()> {
        self.terminal.as_ref().map_or(Ok(()), |terminal| pty::nudge(terminal.get_ref()))
    }

    /// Gives its terminal another size; whether it has one.
    pub fn resize(&self, size: PtySize) -> io::Result<bool> {
        let Some(terminal) = &self.terminal else { return Ok(false) };
        pty::resize(terminal.get_ref(), size)?;
        Ok(true)
    }

    fn print(&self, stream: Stream, bytes: &[u8]) {
        self.spool(stream).append(bytes);
        self.state.send_modify(|state| state.output += 1);
    }

    fn explain(&self, error: i32) {
        let reason = io::Error::from_raw_os_error(error);
        self.print(
            Stream::Stderr,
            format!("errand: cannot run the command: {reason}\n").as_bytes(),
        );
    }

    fn end(&self, ops: &Ops, status: i32) {
        let dropped = self.stdout.dropped() + self.stderr.dropped();
        let elapsed = self.started.elapsed().as_millis();
        let exited = Exited {
            code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
            signal: libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
            timed_out: self.timed_out.load(Ordering::Relaxed),
            killed: self.killed.load(Ordering::Relaxed),
            stdout_bytes: self.stdout.kept(),
            stderr_bytes: self.stderr.kept(),
            dropped_bytes: dropped,
            truncated: dropped > 0,
            duration_ms: u64::try_from(elapsed).unwrap_or(u64::MAX),
        };
        ops.keep_exit(&self.op, &exited);
        self.state.send_modify(|state| state.exited = Some(exited));
    }
}

/// The ends of a process's pipes or terminal.
struct Ends {
    inside: [rustix::fd::OwnedFd; 3],
    stdin: Option<Pipe>,
    stdout: Option<Pipe>,
    stderr: Option<Pipe>,
    terminal: Option<Pipe>,
}

impl Ends {
    fn open(config: &GuestConfig, start: &Start, directory: &Path) -> io::Result<Self> {
        if let Some(size) = start.pty {
            return Self::terminal(config, start.user, size);
        }
        let (input, stdin) = match &start.stdin {
            Stdin::Null => (exec::null()?, None),
            Stdin::Bytes { bytes } => (prepared_input(directory, &bytes.0)?, None),
            Stdin::Open => {
                let (reader, writer) = exec::pipe_out()?;
                (reader, Some(writer))
            }
        };
        let (stdout, out) = exec::pipe_in()?;
        let (stderr, err) = exec::pipe_in()?;
        let inside = [input, out, err];
        Ok(Self { inside, stdin, stdout: Some(stdout), stderr: Some(stderr), terminal: None })
    }

    fn terminal(config: &GuestConfig, user: User, size: PtySize) -> io::Result<Self> {
        let owner = match config.become_who(user) {
            Become::Powerless(ids) => Some(ids),
            Become::Same | Become::Root => None,
        };
        let (master, slave) = pty::open(size, owner)?;
        let (output, input) = (master.try_clone()?, master);
        let inside = [slave.try_clone()?, slave.try_clone()?, slave];
        let (stdout, terminal) = (Some(sys::awaited(output)?), Some(sys::awaited(input)?));
        Ok(Self { inside, stdin: None, stdout, stderr: None, terminal })
    }
}

/// Input that is known beforehand is a file: nobody has to feed it.
fn prepared_input(directory: &Path, bytes: &[u8]) -> io::Result<rustix::fd::OwnedFd> {
    let path = directory.join("stdin");
    std::fs::write(&path, bytes)?;
    let file = std::fs::File::open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file.into())
}

impl GuestConfig {
    /// The environment of a command: the sandbox's, with the command's own set over it.
    pub fn environment(&self, own: &[(String, String)]) -> Vec<(String, String)> {
        let base = self.env.iter().filter(|(name, _)| !own.iter().any(|(other, _)| other == name));
        base.chain(own).cloned().collect()
    }

    /// What a process of this user becomes.
    pub fn become_who(&self, user: User) -> Become {
        match (self.agent, user) {
            (None, _) => Become::Same,
            (Some(ids), User::Agent) => Become::Powerless(sys::Ids { uid: ids.uid, gid: ids.gid }),
            (Some(_), User::Root) => Become::Root,
        }
    }
}
