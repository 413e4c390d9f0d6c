//! The first process of a commons: it is there, so that its namespaces are, and takes in processes whose
//! parents ended.
//!
//! TRUST: agents live in the same process namespace and see it. So it has no file of the host in reach, no
//! capability, and memory that nobody may look at; as the first of its namespace it cannot be ended from
//! within.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::process::DumpableBehavior;
use rustix::thread::CapabilitySet;

use crate::local::request::UidMap;
use crate::local::{child, packet, root, seccomp, sys};

/// What it says when all of it stands.
pub const READY: &[u8] = b"ready";

/// Stays until the holder is gone.
pub fn run(ids: UidMap, holder: &OwnedFd) {
    let said = match build(ids, holder) {
        Ok(()) => READY.to_vec(),
        Err((step, error)) => format!("{step}: {error}").into_bytes(),
    };
    let failed = said != READY;
    // If the holder is gone there is nobody to tell, and the end is the same.
    if packet::send(holder, &said, &[]).is_err() || failed {
        return;
    }
    while let Ok(Some(_)) = packet::receive(holder) {}
}

fn build(ids: UidMap, holder: &OwnedFd) -> Result<(), (&'static str, io::Error)> {
    let at = |step: &'static str| move |error: io::Error| (step, error);
    child::wait_for_shim(holder).map_err(at("wait for the id maps"))?;
    child::become_root(ids).map_err(at("become the namespace's root"))?;
    let hidden = DumpableBehavior::NotDumpable;
    rustix::process::set_dumpable_behavior(hidden).map_err(|e| ("hide its memory", e.into()))?;
    forget_host(holder).map_err(at("let go of the host"))?;
    // Whoever ends here is nobody's to wait for.
    sys::ignore_children().map_err(at("take in processes"))?;
    child::die_with_parent().map_err(at("tie it to its holder"))?;
    let none = CapabilitySet::empty();
    child::keep_capabilities(none, none).map_err(at("drop capabilities"))?;
    rustix::thread::set_no_new_privs(true).map_err(|e| ("forbid new privileges", e.into()))?;
    seccomp::install().map_err(at("install the filter of system calls"))
}

/// An empty root in memory, and nothing to read or write.
fn forget_host(holder: &OwnedFd) -> io::Result<()> {
    // The launcher waits for the holder to close its copies, and the lock is the holder's alone.
    sys::close_all_but(holder.as_fd())?;
    let null = std::fs::File::options().read(true).write(true).open("/dev/null")?;
    for number in 0..3 {
        sys::duplicate_onto(null.as_fd(), number)?;
    }
    root::make_mounts_private()?;
    root::enter()?;
    root::leave_host()
}
