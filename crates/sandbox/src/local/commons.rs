//! What the agents of one owner have in common where sandboxes are shared: user ids, namespaces, limits,
//! and a disk for all but their workspaces.
//!
//! ```text
//! commons/<commons>/{holder.json, holder.sock, holder.lock, groups.json, holder.log}
//!                   disk/{home, opt, vartmp, org, ids}
//! holder ── first process: keeps user, process, ipc and uts namespace
//!   ▲ one connection each
//! shim, shim, …  ── guests, each with mount, network and cgroup namespace of its own
//! ```
//! Guests, links, gateway sockets and workspaces stay those of one agent. The [`holder`] lives as long as
//! a shim is connected to it, and the disk as long as an agent has a workspace that goes with it.
//!
//! TRUST: whoever is in a commons is within one wall with all others in it. What one of them does while
//! another's sandbox is built must lead nowhere but into that sandbox: see `super::root`.

pub mod holder;
mod first;

use std::fmt;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use protocol::ids::{AgentId, OrgId};
use rustix::fs::{FlockOperation, flock};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, sockopt,
};
use serde::{Deserialize, Serialize};

use self::holder::{HolderAnswer, HolderCommand, HolderOrder, HolderReply};
use super::cgroup::{Groups, Whose};
use super::launcher::Launcher;
use super::machines::Problem;
use super::record::{self, read_fact, write_fact};
use super::request::{FailureKind, UidMap};
use super::{disk, lease, packet, trash};
use crate::provider::{SandboxKey, SandboxLimits};

/// Name of the fact that a disk, or a sandbox, belongs to a commons.
const FACT: &str = "commons";
/// Name of the holder's socket.
const SOCKET: &str = "holder.sock";
/// Name of the file that a holder keeps locked while it lives.
const LOCK: &str = "holder.lock";
/// Time a holder has to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// Time for a holder without sandboxes to go.
const END_WAIT: Duration = Duration::from_secs(10);
/// How often it is looked whether it has.
const POLL: Duration = Duration::from_millis(5);

/// Names a commons: among all on this host, since control groups are called by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommonsId(u64);

impl CommonsId {
    fn fresh() -> Self {
        // Seeded by the operating system.
        Self(RandomState::new().build_hasher().finish())
    }
}

impl fmt::Display for CommonsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "commons-{:016x}", self.0)
    }
}

impl std::str::FromStr for CommonsId {
    type Err = io::Error;
    fn from_str(text: &str) -> io::Result<Self> {
        let digits =
            text.strip_prefix("commons-").and_then(|hex| u64::from_str_radix(hex, 16).ok());
        let id = digits.map(Self).filter(|id| id.to_string() == text);
        id.ok_or_else(|| io::Error::other("not the name of a commons"))
    }
}

/// Where its records and its disk are.
pub fn dir(commons: CommonsId) -> PathBuf {
    Path::new(record::COMMONS).join(commons.to_string())
}

/// Its disk.
pub fn disk(commons: CommonsId) -> PathBuf {
    dir(commons).join("disk")
}

/// The commons that a sandbox was started in.
pub fn of_sandbox(key: SandboxKey) -> io::Result<Option<CommonsId>> {
    read_fact(&record::dir(key), FACT)
}

/// Notes that a sandbox will be started in a commons.
pub fn note_sandbox(key: SandboxKey, commons: CommonsId) -> io::Result<()> {
    write_fact(&record::dir(key), FACT, &commons)
}

/// The commons that an agent's disk goes with.
pub fn of_disk(disk: &Path) -> io::Result<Option<CommonsId>> {
    read_fact(disk, FACT)
}

/// Notes that an agent's disk, which is being made, goes with a commons.
pub fn note_disk(disk: &Path, commons: CommonsId) -> io::Result<()> {
    write_fact(disk, FACT, &commons)
}

/// Finds an owner's commons or makes it: its ids and its disk. Call it with the lock of all commons.
pub fn prepare(launcher: &Launcher, org: &OrgId) -> Result<(CommonsId, UidMap), Problem> {
    let known = all()?.into_iter().map(|id| Ok((id, disk::facts(&disk(id))?)));
    let known: Vec<_> = known.collect::<io::Result<_>>()?;
    let is_theirs = |facts: &Option<disk::Facts>| facts.as_ref().is_some_and(|f| f.org == *org);
    let id = known.into_iter().find(|(_, facts)| is_theirs(facts)).map(|(id, _)| id);
    let id = id.unwrap_or_else(CommonsId::fresh);
    record::make_private_dir(&dir(id))?;
    let base = {
        let _one_at_a_time = launcher.leases.lock().unwrap_or_else(PoisonError::into_inner);
        lease::take(launcher.config.uid_pool, &id.to_string())?
    };
    let ids = UidMap::Range { base };
    disk::prepare_commons(&disk(id), org, ids)?;
    Ok((id, ids))
}

/// A reason for a holder to stay: it does as long as this is open.
#[derive(Debug)]
pub struct Stay(#[expect(dead_code, reason = "only whether it is open counts")] OwnedFd);

/// Finds the holder or starts it. Call it with the lock of all commons.
pub fn hold(commons: CommonsId, ids: UidMap, limits: &SandboxLimits) -> Result<Stay, Problem> {
    if let Ok((stay, _)) = ask(commons, HolderCommand::Stay {}) {
        return Ok(Stay(stay));
    }
    start(&HolderOrder { commons, ids, limits: limits.clone() })?;
    let (stay, _) = ask(commons, HolderCommand::Stay {})?;
    Ok(Stay(stay))
}

fn start(order: &HolderOrder) -> Result<(), Problem> {
    let log = dir(order.commons).join("holder.log");
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    #[expect(clippy::disallowed_methods, reason = "this is the launcher of sandboxes")]
    let mut command = Command::new("/proc/self/exe");
    command
        .arg("holder")
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::from(fs::File::create(&log)?));
    // The kernel reaps it.
    drop(command.spawn()?);
    drop(command);
    ours.set_read_timeout(Some(super::building::BUILD_WAIT))?;
    packet::send_all(&ours, &serde_json::to_vec(order)?, &[])?;
    ours.shutdown(std::net::Shutdown::Write)?;
    let bytes = packet::receive_all(&ours)?.bytes;
    if bytes.is_empty() {
        let log = fs::read_to_string(log).unwrap_or_default();
        let reason = format!("the holder ended without an answer: {}", log.trim());
        return Err(Problem::new(FailureKind::Unavailable, reason));
    }
    match serde_json::from_slice(&bytes)? {
        HolderAnswer::Started {} => Ok(()),
        HolderAnswer::Failed { kind, reason } => Err(Problem::new(kind, reason)),
    }
}

/// Asks the holder something; gives the connection, and what came along.
fn ask(commons: CommonsId, command: HolderCommand) -> io::Result<(OwnedFd, Vec<OwnedFd>)> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(ANSWER_WAIT))?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(ANSWER_WAIT))?;
    connect(&socket, &SocketAddrUnix::new(dir(commons).join(SOCKET))?)?;
    packet::send(&socket, &serde_json::to_vec(&command)?, &[])?;
    let gone = || io::Error::other("what the shared sandboxes have in common is ending");
    let answer = packet::receive(&socket)?.ok_or_else(gone)?;
    match serde_json::from_slice(&answer.bytes)? {
        HolderReply::Done {} => Ok((socket, answer.fds)),
        HolderReply::Full {} => Err(io::Error::other("too many sandboxes are shared already")),
    }
}

/// A shim's part in a commons.
#[derive(Debug)]
pub struct Joined {
    /// Open as long as both sides live.
    pub connection: OwnedFd,
    /// The namespaces, as the holder has them.
    pub namespaces: Namespaces,
}

/// The namespaces of a commons.
#[derive(Debug)]
pub struct Namespaces {
    /// Who is who.
    pub user: OwnedFd,
    /// Processes.
    pub pid: OwnedFd,
    /// Shared memory.
    pub ipc: OwnedFd,
    /// The host's name.
    pub uts: OwnedFd,
}

/// Their names, as `/proc` has them, in the order in which they are handed over.
pub const NAMESPACES: [&str; 4] = ["user", "pid", "ipc", "uts"];

impl Namespaces {
    /// What the kernel calls them.
    pub fn names(&self) -> io::Result<Vec<(&'static str, String)>> {
        use std::os::fd::AsRawFd;
        let fds = [&self.user, &self.pid, &self.ipc, &self.uts];
        let read = |(name, fd): (&'static str, &OwnedFd)| {
            let link = fs::read_link(format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd()))?;
            Ok((name, link.to_string_lossy().into_owned()))
        };
        NAMESPACES.into_iter().zip(fds).map(read).collect()
    }
}

/// Has the holder stay while this process lives, and end the sandbox when it does not.
pub fn join(commons: CommonsId, key: SandboxKey) -> io::Result<Joined> {
    let (connection, fds) = ask(commons, HolderCommand::Join { key })?;
    let [user, pid, ipc, uts] = <[OwnedFd; 4]>::try_from(fds)
        .map_err(|_| io::Error::other("the holder handed over something else"))?;
    Ok(Joined { connection, namespaces: Namespaces { user, pid, ipc, uts } })
}

/// Removes a commons if no agent is in it any more.
pub fn leave(launcher: &Launcher, commons: CommonsId) -> io::Result<()> {
    let _held = launcher.commons.lock().unwrap_or_else(PoisonError::into_inner);
    if has_members(commons)? {
        return Ok(());
    }
    wait_for_end(commons)?;
    Groups::find(Whose::Commons(commons)).end()?;
    trash::throw_away(&dir(commons), &commons.to_string())?.remove()?;
    let _one_at_a_time = launcher.leases.lock().unwrap_or_else(PoisonError::into_inner);
    lease::release(&commons.to_string())
}

/// Removes every commons that a former launcher did not get to.
pub fn sweep(launcher: &Launcher) -> io::Result<()> {
    all()?.into_iter().try_for_each(|id| leave(launcher, id))
}

fn all() -> io::Result<Vec<CommonsId>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(record::COMMONS)? {
        let name = entry?.file_name();
        found.extend(name.to_str().and_then(|name| name.parse::<CommonsId>().ok()));
    }
    Ok(found)
}

fn has_members(commons: CommonsId) -> io::Result<bool> {
    for entry in fs::read_dir(record::DISKS)? {
        let entry = entry?;
        let is_disk = entry.file_name().to_str().is_some_and(|name| AgentId::parse(name).is_ok());
        if is_disk && of_disk(&entry.path())? == Some(commons) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Waits until no holder lives. It ends by itself when no sandbox is connected to it.
fn wait_for_end(commons: CommonsId) -> io::Result<()> {
    match fs::File::open(dir(commons).join(LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        opened => lock(&opened?),
    }
}

/// Locks a holder's file once no other holder has it.
fn lock(file: &fs::File) -> io::Result<()> {
    let deadline = Instant::now() + END_WAIT;
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => {
                std::thread::sleep(POLL);
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(io::Error::other("the holder of shared sandboxes does not end"));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_commons_has_one_spelling_and_is_nobody_elses() {
        let id = CommonsId::fresh();
        assert_eq!(id.to_string().parse::<CommonsId>().unwrap(), id);
        assert_ne!(id, CommonsId::fresh());
        assert_eq!(CommonsId(1).to_string(), "commons-0000000000000001");
        for bad in ["", "commons-", "commons-1", "commons-EBADA5168620C5FE", "ebada5168620c5fe"] {
            assert!(bad.parse::<CommonsId>().is_err(), "{bad}");
        }
    }
}
