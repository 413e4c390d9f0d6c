//! Shows the files of one range of user ids under another, without touching them.
//!
//! A layer keeps the ids of the agent whose disk it was. A sandbox with another range mounts it with
//! the owners translated by the kernel, so freezing changes no file and costs the same for all sizes.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::process::{WaitId, WaitIdOptions, waitid};

use super::lease::RANGE;
use super::packet;
use super::sys::{self, Cloned};

/// Translations to the ids of one sandbox, each made once.
#[derive(Debug)]
pub struct Translations {
    to: u32,
    made: Vec<(u32, OwnedFd)>,
}

impl Translations {
    /// To the range that begins with this id.
    pub fn to(to: u32) -> Self {
        Self { to, made: Vec::new() }
    }

    /// Has a tree that is not attached yet show the range that begins with `from`.
    pub fn apply(&mut self, tree: BorrowedFd<'_>, from: u32) -> io::Result<()> {
        if from == self.to {
            return Ok(());
        }
        if !self.made.iter().any(|(made, _)| *made == from) {
            self.made.push((from, user_namespace(from, self.to)?));
        }
        let known = self.made.iter().find(|(made, _)| *made == from);
        known.map_or(Ok(()), |(_, known)| sys::map_mount_ids(tree, known.as_fd())).map_err(
            |error| {
                let words = "the file system of the data folder cannot translate owners";
                io::Error::new(error.kind(), format!("{words}: {error}"))
            },
        )
    }
}

/// A user namespace that nothing lives in; only its map is of interest.
fn user_namespace(from: u32, to: u32) -> io::Result<OwnedFd> {
    let (ours, theirs) = packet::packet_pair()?;
    match sys::clone_into_user_namespace()? {
        Cloned::Child => {
            drop(ours);
            // It waits until its namespace was taken, and ends with the other side in any case.
            packet::receive(&theirs).ok();
            std::process::exit(0);
        }
        Cloned::Parent { pid, pidfd } => {
            drop(theirs);
            let taken = take(pid, from, to);
            drop(ours);
            waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED)?;
            taken
        }
    }
}

fn take(pid: i32, from: u32, to: u32) -> io::Result<OwnedFd> {
    let process = Path::new("/proc").join(pid.to_string());
    let map = format!("{from} {to} {RANGE}");
    fs::write(process.join("uid_map"), &map)?;
    fs::write(process.join("gid_map"), &map)?;
    Ok(fs::File::open(process.join("ns/user"))?.into())
}
