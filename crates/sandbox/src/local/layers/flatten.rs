//! Merging the layers below a disk into one, in a process of its own.
//!
//! The kernel does the merging: the layers are mounted over each other as for a sandbox, and what is
//! seen there is copied. TRUST: names and contents are the agent's, so the copying is done in a user
//! namespace with the agent's ids, without network, by a process that can reach nothing but the layers
//! and the new one.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

use protocol::ids::{AgentId, LayerId};
use rustix::process::{Signal, WaitId, WaitIdOptions, waitid};
use serde::{Deserialize, Serialize};

use super::freeze::publish;
use super::{TREE, dir, making};
use crate::local::disk::{self, Facts};
use crate::local::machines::Problem;
use crate::local::record::{self, read_fact, write_fact};
use crate::local::request::{Lower, UidMap};
use crate::local::stack::Disk;
use crate::local::sys::{self, Cloned};
use crate::local::{child, packet, root, shim};
use crate::provider::Layer;

/// Time for one merge.
const MERGE_WAIT: Duration = Duration::from_secs(30 * 60);
/// How much further back than the server this work queues for a processor.
const NICENESS: i32 = 15;
/// Name of the fact that tells which layers were merged.
const MERGED: &str = "merged";

/// What the launcher tells the process that merges.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    into: LayerId,
    ids: UidMap,
    lowers: Vec<Lower>,
}

/// The layers that were merged into this one; none if it was frozen.
pub fn merged(layer: &Layer) -> io::Result<Option<Vec<LayerId>>> {
    read_fact(&dir(layer.id), MERGED)
}

/// Makes a place for the layer into which those below an agent's stopped disk will be merged.
pub fn begin(agent: AgentId, layer: LayerId, stack: &[LayerId]) -> Result<Order, Problem> {
    let unknown = || io::Error::other("whose disk this is was never written down");
    let facts = disk::facts(&record::disk(agent))?.ok_or_else(unknown)?;
    let place = making(layer);
    fs::create_dir(&place)?;
    write_fact(&place, "agent", &agent)?;
    write_fact(&place, MERGED, &stack)?;
    let tree = place.join(TREE);
    record::make_private_dir(&tree)?;
    let ids = facts.ids;
    disk::fill(&tree, &Facts { stack: Vec::new(), ..facts }, &super::top_folders(stack)?)?;
    // The copying process passes through it with the agent's ids.
    disk::open_passage(&tree)?;
    let lowers = stack.iter().map(|layer| super::lower(*layer, ids)).collect::<Result<_, _>>()?;
    Ok(Order { into: layer, ids, lowers })
}

/// Has everything copied, and lets the layer be seen.
pub fn merge(order: &Order) -> Result<(), Problem> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    #[expect(clippy::disallowed_methods, reason = "this is the launcher")]
    let mut command = Command::new("/proc/self/exe");
    command.arg("flatten").env_clear().stdin(Stdio::from(OwnedFd::from(theirs)));
    // Its end is seen through its socket; the kernel reaps it.
    drop(command.stdout(Stdio::null()).spawn()?);
    drop(command);
    ours.set_read_timeout(Some(MERGE_WAIT))?;
    packet::send_all(&ours, &serde_json::to_vec(order)?, &[])?;
    ours.shutdown(std::net::Shutdown::Write)?;
    let bytes = packet::receive_all(&ours)?.bytes;
    if bytes.is_empty() {
        return Err(io::Error::other("the merging process ended without an answer").into());
    }
    let copied: Result<(), String> = serde_json::from_slice(&bytes)?;
    copied.map_err(|words| io::Error::other(format!("merging layers: {words}")))?;
    Ok(publish(order.into, &mut |_| ())?)
}

/// The process's side.
pub fn run(launcher: OwnedFd) -> io::Result<()> {
    let order: Order = serde_json::from_slice(&packet::receive_all(&launcher)?.bytes)?;
    sys::default_children()?;
    // The launcher's thread waits for us; without it nobody would publish the layer.
    child::die_with_parent()?;
    // Those who watch an agent come before this; only speed is lost if it is refused.
    rustix::process::setpriority_process(None, NICENESS).ok();
    let copied = copy_in_namespaces(&order).map_err(|error| error.to_string());
    packet::send_all(&launcher, &serde_json::to_vec(&copied)?, &[])
}

fn copy_in_namespaces(order: &Order) -> io::Result<()> {
    let own = making(order.into).join(TREE);
    let open = || Disk::open(&own, order.ids, &order.lowers);
    let disk = match order.ids {
        UidMap::Range { .. } => Some(open()?),
        UidMap::Single { .. } => None,
    };
    let (ours, theirs) = packet::packet_pair()?;
    let (pid, pidfd) = match sys::clone_into_namespaces()? {
        Cloned::Child => {
            drop(ours);
            let copied = copy(order, disk, open, &theirs);
            let words = copied.err().map(|error| error.to_string()).unwrap_or_default();
            packet::send(&theirs, format!("!{words}").as_bytes(), &[]).ok();
            std::process::exit(0);
        }
        Cloned::Parent { pid, pidfd } => (pid, pidfd),
    };
    drop((theirs, disk));
    let told = shim::write_maps(pid, order.ids)
        .and_then(|()| packet::send(&ours, b"mapped", &[]))
        .and_then(|_| packet::receive(&ours));
    // It has said its last word, or it waits for maps that will not come.
    rustix::process::pidfd_send_signal(&pidfd, Signal::KILL).ok();
    waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED)?;
    match told?.map(|packet| packet.bytes).as_deref() {
        Some(b"!") => Ok(()),
        Some(words) => Err(io::Error::other(String::from_utf8_lossy(words).into_owned())),
        None => Err(io::Error::other("the copying process was killed")),
    }
}

fn copy(
    order: &Order,
    disk: Option<Disk>,
    open: impl FnOnce() -> io::Result<Disk>,
    parent: &OwnedFd,
) -> io::Result<()> {
    child::die_with_parent()?;
    child::wait_for_shim(parent)?;
    child::become_root(order.ids)?;
    root::make_mounts_private()?;
    let disk = disk.map_or_else(open, Ok)?;
    root::enter()?;
    root::leave_host()?;
    disk.merge_into_own()
}
