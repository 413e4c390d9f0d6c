//! Work in a repository of this host, as the user who owns it.
//!
//! The server, an unprivileged user, cannot read other people's repositories, and the launcher does
//! not touch them as root: it starts a process for each piece of work, which opens the folder, judges
//! it, becomes its owner without any capability, and only then looks inside. Git's own hooks of that
//! repository run, as always when somebody pushes to it.
//!
//! TRUST: the path comes from the server, which parses hostile bytes. It must be a folder below the
//! roots that were fixed at the start. It is opened once and never named again, so nobody can swap it
//! after it was judged. A folder of a sandbox's user is refused: its configuration would run programs
//! outside of the sandbox.

use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use rustix::thread::{CapabilitySet, CapabilitySets, Gid, Uid};

use super::launcher::LauncherConfig;
use super::machines::{Answered, Problem};
use super::packet;
use super::request::{Answer, FailureKind, RepositoryOrder, RepositoryTask};
use super::{lease, sys};

/// Pieces of work at the same time.
const PLACES: usize = 64;
/// Time for one piece of work; git on the server's side gives up earlier.
const WORK_MAX: Duration = Duration::from_secs(30 * 60);
/// How much further back than the server this work queues for a processor.
const NICENESS: i32 = 10;
/// Where programs are looked for.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Digits of a large file's name.
const OID_DIGITS: usize = 64;
/// Bytes copied at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// A bounded number of places.
#[derive(Debug, Default)]
pub struct Places {
    shared: Arc<(Mutex<usize>, Condvar)>,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub struct Place {
    shared: Arc<(Mutex<usize>, Condvar)>,
}

impl Places {
    /// Waits for a place.
    pub fn take(&self) -> Place {
        let (taken, freed) = &*self.shared;
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken >= PLACES {
            taken = freed.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        *taken += 1;
        Place { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (taken, freed) = &*self.shared;
        *taken.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        freed.notify_one();
    }
}

/// The launcher's side: starts the process and waits until it is done or nobody wants it any more.
pub fn work(
    config: &LauncherConfig,
    path: String,
    task: RepositoryTask,
    fds: Vec<OwnedFd>,
    stream: &OwnedFd,
) -> Result<Answered, Problem> {
    let (roots, sandboxes) = (config.repository_roots.clone(), config.uid_pool);
    let order = RepositoryOrder { path, task, roots, sandboxes };
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    #[expect(clippy::disallowed_methods, reason = "this is the launcher")]
    let mut command = Command::new("/proc/self/exe");
    command.arg("repository").env_clear().stdin(Stdio::from(OwnedFd::from(theirs)));
    // Its end is seen through its socket; the kernel reaps it.
    drop(command.stdout(Stdio::null()).spawn()?);
    drop(command);
    let lent: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
    packet::send_all(&ours, &serde_json::to_vec(&order)?, &lent)?;
    // Ours would keep the streams open after the service has closed them.
    drop(fds);
    ours.shutdown(std::net::Shutdown::Write)?;
    let mut ends = [PollFd::new(&ours, PollFlags::IN), PollFd::new(stream, PollFlags::empty())];
    while let Err(error) = poll(&mut ends, None) {
        if error != rustix::io::Errno::INTR {
            return Err(error.into());
        }
    }
    if ends.iter().any(|end| end.revents().contains(PollFlags::IN)) {
        return Ok(serde_json::from_slice::<Answer>(&packet::receive_all(&ours)?.bytes)?.into());
    }
    // Whoever asked is gone. Closing our end is what tells the process.
    Err(io::Error::other("nobody waits for the answer").into())
}

/// The process's side.
pub fn run(launcher: OwnedFd) -> io::Result<()> {
    let packet::Packet { bytes, fds } = packet::receive_all(&launcher)?;
    let order: RepositoryOrder = serde_json::from_slice(&bytes)?;
    // Those who watch an agent come before this; only speed is lost if it is refused.
    rustix::process::setpriority_process(None, NICENESS).ok();
    sys::default_children()?;
    let answer = carry_out(&order, fds, &launcher)
        .unwrap_or_else(|reason| Answer::Failed { kind: FailureKind::Refused, reason });
    // A launcher that does not listen any more has nobody to tell.
    packet::send_all(&launcher, &serde_json::to_vec(&answer)?, &[]).ok();
    Ok(())
}

fn carry_out(
    order: &RepositoryOrder,
    fds: Vec<OwnedFd>,
    launcher: &OwnedFd,
) -> Result<Answer, String> {
    let folder = Folder::open(order)?;
    folder.become_owner()?;
    folder.check()?;
    let words = |error: io::Error| format!("cannot work in '{}': {error}", order.path);
    match &order.task {
        RepositoryTask::UploadPack {} => serve("upload-pack", fds, launcher).map_err(words),
        RepositoryTask::ReceivePack {} => serve("receive-pack", fds, launcher).map_err(words),
        RepositoryTask::GiveLargeFile { oid, bytes } => {
            give(oid, *bytes, fds).map_err(words)?;
            Ok(Answer::Ended { code: Some(0) })
        }
        RepositoryTask::LargeFile { oid, bytes } => {
            keep(oid, *bytes, fds).map_err(words)?;
            Ok(Answer::Ended { code: Some(0) })
        }
    }
}

/// The repository's folder, opened.
struct Folder<'a> {
    named: &'a str,
    opened: OwnedFd,
    uid: u32,
    gid: u32,
}

impl<'a> Folder<'a> {
    /// Opens the folder and judges where it lies and whose it is.
    fn open(order: &'a RepositoryOrder) -> Result<Self, String> {
        let named = order.path.as_str();
        let absent = || format!("'{named}' does not appear to be a git repository");
        let path = Path::new(named);
        let climbs = path.components().any(|part| part == std::path::Component::ParentDir);
        if !path.is_absolute() || climbs {
            return Err(absent());
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(path, flags, Mode::empty()).map_err(|_| absent())?;
        let link = format!("/proc/self/fd/{}", opened.as_raw_fd());
        let real = fs::read_link(link).map_err(|_| absent())?;
        if !order.roots.iter().any(|root| is_below(&real, root)) {
            return Err(format!("permission denied: '{named}' is outside of repositories.roots"));
        }
        let stat = rustix::fs::fstat(&opened).map_err(|_| absent())?;
        let pool = order.sandboxes;
        let last = pool.base.saturating_add(pool.ranges.saturating_mul(lease::RANGE));
        if (pool.base..last).contains(&stat.st_uid) {
            return Err(format!("permission denied: '{named}' belongs to a sandbox"));
        }
        Ok(Self { named, opened, uid: stat.st_uid, gid: stat.st_gid })
    }

    /// Becomes the owner for good, without capabilities, and enters the folder.
    fn become_owner(&self) -> Result<(), String> {
        let denied = |error: io::Error| format!("permission denied: '{}': {error}", self.named);
        let foreign = || io::Error::other("it belongs to another user than the server runs as");
        let euid = rustix::process::geteuid();
        if !euid.is_root() && euid.as_raw() != self.uid {
            return Err(denied(foreign()));
        }
        // While we are root: the owner need not be allowed to enter every folder above.
        rustix::process::fchdir(&self.opened).map_err(|error| denied(error.into()))?;
        if euid.is_root() {
            drop_to(self.uid, self.gid).map_err(denied)?;
        }
        rustix::thread::set_no_new_privs(true).map_err(|error| denied(error.into()))
    }

    /// As its owner: whether it is a repository at all, rather than some folder of theirs.
    fn check(&self) -> Result<(), String> {
        let bare = Path::new("HEAD").is_file() && Path::new("objects").is_dir();
        // Git follows the file of a linked worktree by itself, and checks whose it is.
        if bare || Path::new(".git").exists() {
            Ok(())
        } else {
            Err(format!("'{}' does not appear to be a git repository", self.named))
        }
    }
}

fn is_below(path: &Path, root: &Path) -> bool {
    let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_path_buf());
    path.starts_with(root)
}

/// Drops every capability with the user, so that root's own repositories are served by a root that
/// may do no more than the owner of its files.
fn drop_to(uid: u32, gid: u32) -> io::Result<()> {
    for bit in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        match rustix::thread::remove_capability_from_bounding_set(one) {
            // Past the last capability this kernel knows.
            Err(rustix::io::Errno::INVAL) => break,
            other => other?,
        }
    }
    rustix::thread::clear_ambient_capability_set()?;
    let (user, group) = (Uid::from_raw(uid), Gid::from_raw(gid));
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_res_gid(group, group, group)?;
    rustix::thread::set_thread_res_uid(user, user, user)?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    Ok(rustix::thread::set_capabilities(None, sets)?)
}

/// Runs git's service in the current folder on these streams.
fn serve(service: &str, fds: Vec<OwnedFd>, launcher: &OwnedFd) -> io::Result<Answer> {
    let Ok([input, output, errors]) = <[OwnedFd; 3]>::try_from(fds) else {
        return Err(io::Error::other("three streams are needed"));
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the far end of a repository, in place of git's own"
    )]
    let mut command = Command::new("git");
    command
        .args([service, "."])
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .env("HOME", "/nonexistent")
        .env("LANG", "C.UTF-8")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("GIT_NO_LAZY_FETCH", "1")
        .stdin(Stdio::from(input))
        .stdout(Stdio::from(output))
        .stderr(Stdio::from(errors))
        .process_group(0);
    if service == "upload-pack" {
        command.env("GIT_PROTOCOL", "version=2");
    }
    let mut child = command.spawn()?;
    // It holds the other copies of the streams, whose end git waits for.
    drop(command);
    wait(&mut child, launcher)
}

/// Waits for git's end, for the launcher's, and for the clock.
fn wait(child: &mut Child, launcher: &OwnedFd) -> io::Result<Answer> {
    let deadline = Instant::now() + WORK_MAX;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("git has no process id"))?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut ends =
            [PollFd::new(&pidfd, PollFlags::IN), PollFd::new(launcher, PollFlags::empty())];
        match poll(&mut ends, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => continue,
            other => drop(other?),
        }
        if ends.iter().any(|end| end.revents().contains(PollFlags::IN)) {
            return Ok(Answer::Ended { code: child.wait()?.code() });
        }
        // Not waited for yet, so its id still names this group.
        rustix::process::kill_process_group(pid, Signal::KILL)?;
        child.wait()?;
        return Err(io::Error::other("stopped, since nobody waited for it any more"));
    }
}

/// The folder in which git-lfs looks for a large file.
fn folder_of(oid: &str) -> io::Result<PathBuf> {
    let bad = || io::Error::other("not the name of a large file");
    let (Some(first), Some(second)) = (oid.get(..2), oid.get(2..4)) else { return Err(bad()) };
    if oid.len() != OID_DIGITS || !oid.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(bad());
    }
    let git = if Path::new(".git").is_dir() { ".git" } else { "." };
    Ok([git, "lfs", "objects", first, second].iter().collect())
}

/// Writes a large file into the descriptor that came along.
fn give(oid: &str, bytes: u64, fds: Vec<OwnedFd>) -> io::Result<()> {
    let target = fds.into_iter().next().ok_or_else(|| io::Error::other("no file came along"))?;
    let source = fs::File::open(folder_of(oid)?.join(oid))?;
    let mut target = fs::File::from(target);
    let mut source = io::BufReader::with_capacity(CHUNK_BYTES, source).take(bytes);
    if io::copy(&mut source, &mut target)? != bytes {
        return Err(io::Error::other("the content is shorter than announced"));
    }
    Ok(())
}

/// Keeps a large file where git-lfs looks for it.
fn keep(oid: &str, bytes: u64, fds: Vec<OwnedFd>) -> io::Result<()> {
    let folder = folder_of(oid)?;
    let content =
        fds.into_iter().next().ok_or_else(|| io::Error::other("no content came along"))?;
    let target = folder.join(oid);
    if target.is_file() {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    let partial = folder.join(format!("{oid}.{}.partial", std::process::id()));
    copy(content.as_fd(), &partial, bytes)
        .and_then(|()| fs::rename(&partial, &target))
        .inspect_err(|_| drop(fs::remove_file(&partial)))
}

fn copy(content: BorrowedFd<'_>, target: &Path, bytes: u64) -> io::Result<()> {
    let source = fs::File::from(content.try_clone_to_owned()?);
    let mut target = fs::File::options().write(true).create_new(true).open(target)?;
    let mut source = io::BufReader::with_capacity(CHUNK_BYTES, source).take(bytes);
    if io::copy(&mut source, &mut target)? != bytes {
        return Err(io::Error::other("the content is shorter than announced"));
    }
    target.sync_all()
}
