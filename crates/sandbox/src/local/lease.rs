//! Ranges of user ids, one per agent, or one per commons of agents that share their sandbox.
//!
//! The lease lives as long as its holder's disk, since the disk's files carry these ids. It is taken
//! first and released last. Two installs on one host start at different places in the pool, so that
//! they rarely meet even though they do not know each other.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::record::LEASES;

/// Ids of one sandbox.
pub const RANGE: u32 = 65_536;

/// The pool from which ranges are leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UidPool {
    /// First id of the pool.
    pub base: u32,
    /// Number of ranges in it.
    pub ranges: u32,
}

impl Default for UidPool {
    /// Well above people, services, and what `useradd` hands out as subordinate ids.
    fn default() -> Self {
        Self { base: 0x7000_0000, ranges: 16_384 }
    }
}

/// Leases a range to this name, or finds the one it has; gives the first id.
pub fn take(pool: UidPool, holder: &str) -> io::Result<u32> {
    if let Some(slot) = held(holder)? {
        return first_id(pool, slot);
    }
    let offset = install_offset(pool)?;
    for step in 0..pool.ranges {
        let slot = (offset + step) % pool.ranges;
        // A link that leads nowhere carries its text from the very moment it exists.
        match symlink(holder, path(slot)) {
            Ok(()) => return first_id(pool, slot),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("every range of user ids is leased: destroy agents or widen the pool"))
}

/// Releases a name's range; none held is fine.
pub fn release(holder: &str) -> io::Result<()> {
    match held(holder)? {
        Some(slot) => fs::remove_file(path(slot)),
        None => Ok(()),
    }
}

fn path(slot: u32) -> PathBuf {
    Path::new(LEASES).join(slot.to_string())
}

fn held(holder: &str) -> io::Result<Option<u32>> {
    for entry in fs::read_dir(LEASES)? {
        let entry = entry?;
        if fs::read_link(entry.path())? == Path::new(holder) {
            return Ok(entry.file_name().to_str().and_then(|name| name.parse().ok()));
        }
    }
    Ok(None)
}

fn first_id(pool: UidPool, slot: u32) -> io::Result<u32> {
    let first = slot.checked_mul(RANGE).and_then(|offset| pool.base.checked_add(offset));
    first
        .filter(|first| first.checked_add(RANGE).is_some())
        .ok_or_else(|| io::Error::other("the pool of user ids reaches past the last id"))
}

fn install_offset(pool: UidPool) -> io::Result<u32> {
    let place = fs::metadata(".")?;
    let mixed = (place.ino() ^ place.dev()).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let ranges = u64::from(pool.ranges.max(1));
    Ok(u32::try_from((mixed >> 32) % ranges).unwrap_or(0))
}
