//! Starting a process and hearing what becomes of it.

use crate::kill::Supervisors;
use crate::sys::{self, Become, Prepared};
use rustix::fd::OwnedFd;
use std::collections::VecDeque;
use std::ffi::CString;
use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::Arc;
use tokio::io::unix::AsyncFd;

/// Where programs are looked for when the environment has no `PATH`.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Directories of a `PATH` that are tried at most.
const PATH_ENTRIES: usize = 256;

/// A program with everything it is started with.
#[derive(Debug, Clone)]
pub struct Program {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// Working directory.
    pub cwd: String,
    /// Who it becomes.
    pub become_who: Become,
}

/// What a supervisor reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// The process runs.
    Pid(i32),
    /// The program could not be run, with the error number.
    NotRun(i32),
    /// The process ended, with its wait status.
    Exit(i32),
}

/// A started process; dropping it does not end it.
pub struct Child {
    /// The supervisor's process id.
    pub supervisor: i32,
    reports: AsyncFd<OwnedFd>,
    pending: VecDeque<Report>,
}

/// One end of a pipe or terminal that can be awaited.
pub type Pipe = AsyncFd<OwnedFd>;

impl Program {
    /// Starts it on these three descriptors.
    pub fn spawn(
        &self,
        stdio: [OwnedFd; 3],
        terminal: bool,
        supervisors: &Supervisors,
    ) -> io::Result<Child> {
        let prepared = Prepared {
            candidates: self.candidates()?,
            argv: self.argv.iter().map(|text| c_string(text)).collect::<io::Result<_>>()?,
            env: self
                .env
                .iter()
                .map(|(name, value)| c_string(&format!("{name}={value}")))
                .collect::<io::Result<_>>()?,
            cwd: c_string(&self.cwd)?,
            stdio,
            terminal,
            become_who: self.become_who,
        };
        let (supervisor, reports) = sys::spawn(&prepared)?;
        supervisors.add(supervisor);
        nonblocking(&reports)?;
        Ok(Child { supervisor, reports: sys::awaited(reports)?, pending: VecDeque::new() })
    }

    fn candidates(&self) -> io::Result<Vec<CString>> {
        let program = self.argv.first().filter(|program| !program.is_empty());
        let program = program.ok_or_else(|| invalid("no program is named"))?;
        if program.contains('/') {
            return Ok(vec![c_string(program)?]);
        }
        let path =
            self.env.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_str());
        path.unwrap_or(DEFAULT_PATH)
            .split(':')
            .filter(|directory| !directory.is_empty())
            .take(PATH_ENTRIES)
            .map(|directory| c_string(&format!("{directory}/{program}")))
            .collect()
    }
}

impl Child {
    /// The next report; `None` when every process that came from the command is gone.
    pub async fn report(&mut self) -> Option<Report> {
        loop {
            if let Some(report) = self.pending.pop_front() {
                return Some(report);
            }
            let mut buffer = [0u8; sys::REPORT_BYTES * 8];
            let read = read(&self.reports, &mut buffer).await.unwrap_or(0);
            if read == 0 {
                return None;
            }
            let (whole, _) = buffer.get(..read).unwrap_or_default().as_chunks::<8>();
            self.pending.extend(whole.iter().filter_map(parse_report));
        }
    }
}

fn parse_report(bytes: &[u8; 8]) -> Option<Report> {
    let [k0, k1, k2, k3, v0, v1, v2, v3] = *bytes;
    let value = i32::from_ne_bytes([v0, v1, v2, v3]);
    match i32::from_ne_bytes([k0, k1, k2, k3]) {
        sys::REPORT_PID => Some(Report::Pid(value)),
        sys::REPORT_EXEC => Some(Report::NotRun(value)),
        sys::REPORT_EXIT => Some(Report::Exit(value)),
        _ => None,
    }
}

/// Ends everything that came from a command when dropped, unless it is gone by then.
pub struct KillOnDrop {
    supervisors: Arc<Supervisors>,
    supervisor: Option<i32>,
}

impl KillOnDrop {
    /// Watches over a started process.
    pub fn new(supervisors: Arc<Supervisors>, child: &Child) -> Self {
        Self { supervisors, supervisor: Some(child.supervisor) }
    }

    /// The processes are gone: reap the supervisor, nothing is left to do.
    pub fn gone(&mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            self.supervisors.reap(supervisor);
        }
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            // Those that were just being forked are found by the next round.
            while self.supervisors.signal(supervisor, libc::SIGKILL) > 0 {
                std::thread::yield_now();
            }
            self.supervisors.reap(supervisor);
        }
    }
}

/// `/dev/null` for reading and writing.
pub fn null() -> io::Result<OwnedFd> {
    Ok(std::fs::File::options().read(true).write(true).open(Path::new("/dev/null"))?.into())
}

/// A pipe whose reading end is awaited here.
pub fn pipe_in() -> io::Result<(Pipe, OwnedFd)> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    nonblocking(&reader)?;
    Ok((sys::awaited(reader)?, writer))
}

/// A pipe whose writing end is awaited here.
pub fn pipe_out() -> io::Result<(OwnedFd, Pipe)> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    nonblocking(&writer)?;
    Ok((reader, sys::awaited(writer)?))
}

/// Makes reads and writes return instead of waiting.
pub fn nonblocking(fd: &OwnedFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(fd)?;
    Ok(rustix::fs::fcntl_setfl(fd, flags | rustix::fs::OFlags::NONBLOCK)?)
}

/// Reads what is there, waiting until something is; 0 at the end.
pub async fn read(pipe: &Pipe, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        let mut ready = pipe.readable().await?;
        match ready.try_io(|fd| Ok(rustix::io::read(fd.get_ref().as_fd(), &mut *buffer)?)) {
            Ok(result) => return end_of_terminal(result),
            Err(_) => continue,
        }
    }
}

/// Reads what is there now; `None` when nothing is.
pub fn read_now(pipe: &Pipe, buffer: &mut [u8]) -> Option<io::Result<usize>> {
    match rustix::io::read(pipe.get_ref().as_fd(), buffer) {
        Err(rustix::io::Errno::AGAIN) => None,
        Err(error) => Some(end_of_terminal(Err(error.into()))),
        Ok(read) => Some(Ok(read)),
    }
}

/// A terminal whose last user is gone answers EIO: that is its end.
fn end_of_terminal(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.raw_os_error() == Some(libc::EIO) => Ok(0),
        other => other,
    }
}

/// Writes all of it.
pub async fn write_all(pipe: &Pipe, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let mut ready = pipe.writable().await?;
        match ready.try_io(|fd| Ok(rustix::io::write(fd.get_ref().as_fd(), bytes)?)) {
            Ok(written) => bytes = bytes.get(written?..).unwrap_or_default(),
            Err(_) => continue,
        }
    }
    Ok(())
}

fn c_string(text: &str) -> io::Result<CString> {
    CString::new(text).map_err(|_| invalid("a text for the program contains a zero byte"))
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
