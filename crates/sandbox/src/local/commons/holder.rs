//! The small process that keeps what shared sandboxes have in common, and ends with the last of them.
//!
//! It outlives the server, as shims do. Every shim keeps a connection to it: when one ends, for whatever
//! reason, what is left of that sandbox is ended, and when the last one ends, so does this. There is
//! no count that could go wrong, and nobody who is killed can leave a sandbox behind: the first process
//! ends with the holder, and all others with the first. Single-threaded, no runtime.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SocketFlags, accept_with, sockopt};
use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use serde::{Deserialize, Serialize};

use super::{CommonsId, LOCK, NAMESPACES, SOCKET, dir, first, lock};
use crate::isolation::IsolationReport;
use crate::local::cgroup::{Groups, Whose};
use crate::local::posture::Record;
use crate::local::record::{self, ShimRecord};
use crate::local::request::{FailureKind, UidMap};
use crate::local::sys::{self, Cloned};
use crate::local::{packet, shim};
use crate::provider::{SandboxKey, SandboxLimits};

/// Sandboxes of one commons.
const MEMBERS_MAX: usize = 512;
/// Time for the first sandbox to come.
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// Time a connected shim has to say what it wants.
const COMMAND_WAIT: Duration = Duration::from_secs(2);

/// What the launcher tells a new holder, on its standard input.
#[derive(Debug, Serialize, Deserialize)]
pub struct HolderOrder {
    /// Which commons.
    pub commons: CommonsId,
    /// How ids map in it.
    pub ids: UidMap,
    /// What all of it may use.
    pub limits: SandboxLimits,
}

/// What a new holder answers there.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum HolderAnswer {
    /// Sandboxes may come.
    Started {},
    /// There is none, and nothing is left of it.
    Failed {
        /// Whether the host is at fault.
        kind: FailureKind,
        /// In words, the step first.
        reason: String,
    },
}

/// What may be asked of a holder, over its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum HolderCommand {
    /// Stay while this connection is open.
    Stay {},
    /// The same, for a sandbox; the answer carries the namespaces.
    Join {
        /// What to end with the connection.
        key: SandboxKey,
    },
}

/// What it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum HolderReply {
    /// Done.
    Done {},
    /// No more fit.
    Full {},
}

/// A commons with its namespaces.
struct Holder {
    commons: CommonsId,
    first: First,
    namespaces: Vec<OwnedFd>,
    listener: OwnedFd,
    members: Vec<Member>,
    groups: Groups,
    _lock: fs::File,
}

/// A reason to stay.
struct Member {
    connection: OwnedFd,
    key: Option<SandboxKey>,
}

/// The first process of a commons; dropped, it is gone, and with it every other.
struct First {
    pidfd: OwnedFd,
    /// It ends when this does.
    _setup: OwnedFd,
}

impl Drop for First {
    fn drop(&mut self) {
        // It may be dead already, which is what we want.
        pidfd_send_signal(&self.pidfd, Signal::KILL).ok();
        waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED).ok();
    }
}

/// Runs the holder on the order that waits on `launcher` until nobody needs it.
pub fn run(launcher: OwnedFd) -> io::Result<()> {
    let order: HolderOrder = serde_json::from_slice(&packet::receive_all(&launcher)?.bytes)?;
    sys::default_children()?;
    rustix::process::setsid()?;
    let started = start(&order);
    let answer = match &started {
        Ok(_) => HolderAnswer::Started {},
        Err((kind, reason)) => HolderAnswer::Failed { kind: *kind, reason: reason.clone() },
    };
    // A launcher that died meanwhile asks for nothing more, and we end.
    packet::send_all(&launcher, &serde_json::to_vec(&answer)?, &[]).ok();
    drop(launcher);
    let Ok(mut holder) = started else { return Ok(()) };
    let served = holder.serve();
    let Holder { commons, first, groups, .. } = holder;
    drop(first);
    // Whoever connects from now on starts another one, which waits until the lock is free.
    fs::remove_file(dir(commons).join(SOCKET)).ok();
    groups.end()?;
    served
}

/// Why there is no commons.
type Failed = (FailureKind, String);

fn at(step: &'static str) -> impl FnOnce(io::Error) -> Failed {
    move |error| (FailureKind::Unavailable, format!("{step}: {error}"))
}

fn start(order: &HolderOrder) -> Result<Holder, Failed> {
    let (commons, whose) = (order.commons, Whose::Commons(order.commons));
    let file = fs::File::create(dir(commons).join(LOCK)).map_err(at("open the holder's lock"))?;
    lock(&file).map_err(at("wait for a former holder"))?;
    // What one left that was killed.
    Groups::find(whose).end().map_err(at("remove control groups"))?;
    let groups = Groups::create(whose, &order.limits, &mut IsolationReport::default());
    if groups.count() == 0 {
        let words = "no control group can be made on this host, and without one nothing tells the \
                     processes of agents apart that share a sandbox";
        return Err((FailureKind::Isolation, words.to_owned()));
    }
    groups.note(whose).map_err(at("write down the control groups"))?;
    let built = build(order, groups, file);
    if built.is_err() {
        Groups::find(whose).end().map_err(at("remove control groups"))?;
    }
    built
}

fn build(order: &HolderOrder, groups: Groups, file: fs::File) -> Result<Holder, Failed> {
    let (setup, child_setup) = packet::packet_pair().map_err(at("make a socket"))?;
    let cloned = sys::clone_into_namespaces()
        .map_err(|error| (FailureKind::Isolation, format!("create namespaces: {error}")))?;
    let (pid, pidfd) = match cloned {
        Cloned::Child => {
            drop(setup);
            first::run(order.ids, &child_setup);
            std::process::exit(1);
        }
        Cloned::Parent { pid, pidfd } => (pid, pidfd),
    };
    drop(child_setup);
    let first = First { pidfd, _setup: setup };
    shim::write_maps(pid, order.ids).map_err(at("write the id maps"))?;
    groups.admit(pid).map_err(at("enter the control groups"))?;
    let setup = &first._setup;
    packet::send(setup, b"mapped", &[]).map_err(at("release the first process"))?;
    let ready = packet::receive(setup).map_err(at("hear the first process"))?;
    match ready.map(|packet| packet.bytes) {
        Some(bytes) if bytes == first::READY => {}
        Some(bytes) => {
            let words = String::from_utf8_lossy(&bytes).into_owned();
            return Err((FailureKind::Isolation, words));
        }
        None => {
            let words = "the first process ended at once".to_owned();
            return Err((FailureKind::Unavailable, words));
        }
    }
    let namespaces = namespaces(pid).map_err(at("open the namespaces"))?;
    note(order.commons).map_err(at("write record"))?;
    let listener = packet::listen_at(&dir(order.commons).join(SOCKET))
        .map_err(at("open the holder's socket"))?;
    let members = Vec::new();
    let commons = order.commons;
    Ok(Holder { commons, first, namespaces, listener, members, groups, _lock: file })
}

fn namespaces(pid: i32) -> io::Result<Vec<OwnedFd>> {
    let folder = Path::new("/proc").join(pid.to_string()).join("ns");
    NAMESPACES.into_iter().map(|name| Ok(fs::File::open(folder.join(name))?.into())).collect()
}

/// Writes down who keeps it, for people who look.
fn note(commons: CommonsId) -> io::Result<()> {
    let pid = i32::try_from(std::process::id()).unwrap_or_default();
    let start_time = record::start_time(pid).ok_or_else(|| io::Error::other("no /proc"))?;
    let (isolation, posture) = (IsolationReport::default(), Record::default());
    let record = ShimRecord { pid, start_time, isolation, posture };
    record::write(&dir(commons).join("holder.json"), &record)
}

impl Holder {
    /// Serves until no sandbox is connected, or the first process ended.
    fn serve(&mut self) -> io::Result<()> {
        let mut latest = Some(Instant::now() + FIRST_WAIT);
        loop {
            if !self.members.is_empty() {
                latest = None;
            }
            let left = latest.map(|latest| latest.saturating_duration_since(Instant::now()));
            let nobody_came = left.is_some_and(|left| left.is_zero());
            if nobody_came || (latest.is_none() && self.members.is_empty()) {
                return Ok(());
            }
            let Ready { caller, ended, said } = self.wait(left)?;
            if ended {
                return Ok(());
            }
            if caller {
                self.admit();
            }
            // From the back, so that those in front keep their places.
            for index in said.into_iter().rev() {
                self.part_with(index);
            }
        }
    }

    fn wait(&self, left: Option<Duration>) -> io::Result<Ready> {
        let input = PollFlags::IN;
        let mut fds =
            vec![PollFd::new(&self.listener, input), PollFd::new(&self.first.pidfd, input)];
        fds.extend(self.members.iter().map(|member| PollFd::new(&member.connection, input)));
        let timeout = left.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        let said = ready.iter().skip(2).enumerate().filter(|(_, ready)| **ready);
        Ok(Ready {
            caller: ready.first() == Some(&true),
            ended: ready.get(1) == Some(&true),
            said: said.map(|(index, _)| index).collect(),
        })
    }

    fn admit(&mut self) {
        let Ok(connection) = accept_with(&self.listener, SocketFlags::CLOEXEC) else { return };
        // Who went away meanwhile is no reason to stay.
        if let Ok(Some(key)) = self.answer(&connection) {
            self.members.push(Member { connection, key });
        }
    }

    /// Answers; gives whom to end with the connection, and nothing for who may not stay.
    fn answer(&self, peer: &OwnedFd) -> io::Result<Option<Option<SandboxKey>>> {
        if sockopt::socket_peercred(peer)?.uid != rustix::process::geteuid() {
            return Ok(None);
        }
        sockopt::set_socket_timeout(peer, sockopt::Timeout::Recv, Some(COMMAND_WAIT))?;
        sockopt::set_socket_timeout(peer, sockopt::Timeout::Send, Some(COMMAND_WAIT))?;
        let Some(request) = packet::receive(peer)? else { return Ok(None) };
        let command = serde_json::from_slice(&request.bytes)?;
        let reply = |reply: HolderReply, fds: &[BorrowedFd<'_>]| {
            packet::send(peer, &serde_json::to_vec(&reply)?, fds).map(drop)
        };
        if self.members.len() >= MEMBERS_MAX {
            reply(HolderReply::Full {}, &[])?;
            return Ok(None);
        }
        match command {
            HolderCommand::Stay {} => {
                reply(HolderReply::Done {}, &[])?;
                Ok(Some(None))
            }
            HolderCommand::Join { key } => {
                let fds: Vec<_> = self.namespaces.iter().map(AsFd::as_fd).collect();
                reply(HolderReply::Done {}, &fds)?;
                Ok(Some(Some(key)))
            }
        }
    }

    /// Nobody says anything more on a connection but that it ended: what is left of the sandbox, ends.
    fn part_with(&mut self, index: usize) {
        let Member { key, .. } = self.members.swap_remove(index);
        let Some(key) = key else { return };
        // What does not end in time costs no other sandbox: the launcher tries again when it looks.
        Groups::find(Whose::Sandbox(key, Some(self.commons))).end().ok();
    }
}

/// What woke the loop.
struct Ready {
    caller: bool,
    ended: bool,
    /// Members, by their places.
    said: Vec<usize>,
}
