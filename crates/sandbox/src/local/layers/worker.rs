//! A process of its own for contents that somebody else chose.
//!
//! TRUST: names and contents of layers are an agent's or an image's. Who goes through them is in a
//! user namespace with their ids, without network, and reaches nothing but the trees it was given.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{
    Resource, Rlimit, Signal, WaitId, WaitIdOptions, getrlimit, setrlimit, waitid,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::local::request::UidMap;
use crate::local::sys::{self, Cloned};
use crate::local::{child, packet, root, shim};

/// Time for one piece of work.
const WAIT: Duration = Duration::from_secs(30 * 60);
/// Memory for it. What needs more was made to need it: names and records of an archive are read whole.
const MEMORY_BYTES: u64 = 1024 * 1024 * 1024;
/// Bytes of an answer in one packet.
const PART_BYTES: usize = packet::PACKET_BYTES / 2;
/// How much further back than the server this work queues for a processor.
const NICENESS: i32 = 15;

/// Starts the process in this role of our own binary, and waits until its work is done; gives what came
/// of it.
pub fn ask<R: DeserializeOwned>(
    role: &str,
    order: &impl Serialize,
    fds: &[BorrowedFd<'_>],
) -> io::Result<R> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    #[expect(clippy::disallowed_methods, reason = "this is the launcher")]
    let mut command = Command::new("/proc/self/exe");
    command.arg(role).env_clear().stdin(Stdio::from(OwnedFd::from(theirs)));
    // Its end is seen through its socket; the kernel reaps it.
    drop(command.stdout(Stdio::null()).spawn()?);
    drop(command);
    ours.set_read_timeout(Some(WAIT))?;
    packet::send_all(&ours, &serde_json::to_vec(order)?, fds)?;
    ours.shutdown(std::net::Shutdown::Write)?;
    let bytes = packet::receive_all(&ours)?.bytes;
    if bytes.is_empty() {
        return Err(io::Error::other("the working process ended without an answer"));
    }
    let done: Result<R, String> = serde_json::from_slice(&bytes)?;
    done.map_err(io::Error::other)
}

/// The process's side: reads the order, and answers what came of it.
pub fn run<O: DeserializeOwned, R: Serialize>(
    launcher: OwnedFd,
    work: impl FnOnce(O, Vec<OwnedFd>) -> io::Result<R>,
) -> io::Result<()> {
    let packet::Packet { bytes, fds } = packet::receive_all(&launcher)?;
    let order = serde_json::from_slice(&bytes)?;
    sys::default_children()?;
    // The launcher's thread waits for us; without it nobody would publish the layer.
    child::die_with_parent()?;
    limit(Resource::Data, MEMORY_BYTES)?;
    limit(Resource::Core, 0)?;
    // Those who watch an agent come before this; only speed is lost if it is refused.
    rustix::process::setpriority_process(None, NICENESS).ok();
    let done = work(order, fds).map_err(|error| in_words(&error));
    packet::send_all(&launcher, &serde_json::to_vec(&done)?, &[])
}

fn limit(resource: Resource, most: u64) -> io::Result<()> {
    // The host may allow less.
    let most = Some(getrlimit(resource).maximum.map_or(most, |hard| hard.min(most)));
    Ok(setrlimit(resource, Rlimit { current: most, maximum: most })?)
}

/// Nobody shall look for what the host lacks where the work asked for too much.
fn in_words(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::OutOfMemory {
        return "it takes more than 1 GiB of memory to read".to_owned();
    }
    error.to_string()
}

/// Does the work as the root of namespaces of its own, where nothing is left of the host. What is
/// opened, is so by whoever may: by us where we are root, else within.
pub fn in_namespaces<T, R: Serialize + DeserializeOwned>(
    ids: UidMap,
    open: impl FnOnce() -> io::Result<T>,
    work: impl FnOnce(T) -> io::Result<R>,
) -> io::Result<R> {
    let (opened, open) = match ids {
        UidMap::Range { .. } => (Some(open()?), None),
        UidMap::Single { .. } => (None, Some(open)),
    };
    let (ours, theirs) = packet::packet_pair()?;
    let (pid, pidfd) = match sys::clone_into_namespaces()? {
        Cloned::Child => {
            drop(ours);
            let done = enter(ids, &theirs, opened, open).and_then(work);
            let done = done.map_err(|error| in_words(&error));
            let words = serde_json::to_vec(&done).unwrap_or_default();
            // Its end is seen by ours.
            words
                .chunks(PART_BYTES)
                .try_for_each(|part| packet::send(&theirs, part, &[]).map(drop))
                .ok();
            std::process::exit(0);
        }
        Cloned::Parent { pid, pidfd } => (pid, pidfd),
    };
    drop((theirs, opened));
    let told = shim::write_maps(pid, ids)
        .and_then(|()| packet::send(&ours, b"mapped", &[]))
        .and_then(|_| packet::receive_all(&ours));
    // It has said its last word, or it waits for maps that will not come.
    rustix::process::pidfd_send_signal(&pidfd, Signal::KILL).ok();
    waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED)?;
    let killed = || io::Error::other("the working process was killed");
    let bytes = told?.bytes;
    if bytes.is_empty() {
        return Err(killed());
    }
    let done: Result<R, String> = serde_json::from_slice(&bytes)?;
    done.map_err(io::Error::other)
}

fn enter<T>(
    ids: UidMap,
    parent: &OwnedFd,
    opened: Option<T>,
    open: Option<impl FnOnce() -> io::Result<T>>,
) -> io::Result<T> {
    child::die_with_parent()?;
    child::wait_for_shim(parent)?;
    child::become_root(ids)?;
    root::make_mounts_private()?;
    let opened = match (opened, open) {
        (Some(opened), _) => opened,
        (None, Some(open)) => open()?,
        (None, None) => return Err(io::Error::other("nothing to work on")),
    };
    root::enter()?;
    root::leave_host()?;
    Ok(opened)
}
