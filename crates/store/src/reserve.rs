//! Room on the disk that is kept for the time when there is none: a file that is given up, so that what
//! must be written down then (why runs end, who deletes what) still can be.

use crate::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Bytes kept.
const BYTES: usize = 8 * 1024 * 1024;
/// Bytes written at once.
const CHUNK: usize = 1024 * 1024;
/// Free bytes beside the reserve below which it is not taken back: whoever made room needs some too.
const SPARE: u64 = 8 * 1024 * 1024;
/// Free bytes without which nothing can be opened.
const LEAST: u64 = 1024 * 1024;

/// The file; none for a store in memory, which always has room.
pub(crate) struct Reserve {
    path: Option<PathBuf>,
    /// Whether the file is there in full.
    held: Mutex<bool>,
}

impl Reserve {
    /// Kept in this folder from now on, if there is room for it.
    pub(crate) fn open(folder: &Path) -> Self {
        let reserve = Self { path: Some(folder.join("reserve")), held: Mutex::new(false) };
        if reserve.hold() && free(folder).is_ok_and(|bytes| bytes < LEAST) {
            reserve.give_up();
        } else if !reserve.hold() {
            tracing::warn!("the disk of the data folder is nearly full: free some space");
        }
        reserve
    }

    pub(crate) const fn none() -> Self {
        Self { path: None, held: Mutex::new(true) }
    }

    /// Whether the room is kept, as far as is known without a look at the disk.
    pub(crate) fn is_held(&self) -> bool {
        self.held.try_lock().is_ok_and(|held| *held)
    }

    /// Takes the room back, if it was given up and there is enough; whether it is kept.
    pub(crate) fn hold(&self) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let (false, Some(path)) = (*held, &self.path) {
            *held = take(path).is_ok();
            if *held {
                tracing::info!("the disk of the data folder has room");
            }
        }
        *held
    }

    /// Gives the room up; false where it was given up before.
    pub(crate) fn give_up(&self) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(path) = self.path.as_ref().filter(|_| *held) else { return false };
        *held = false;
        tracing::error!("the disk of the data folder is full: the room kept for this is given up");
        std::fs::remove_file(path).is_ok()
    }
}

/// Real bytes: a file without content would take no room. Looks first, so that the last free bytes are
/// not taken from whoever is writing.
fn take(path: &Path) -> Result<(), Error> {
    let failed = || Error::file("keep room on the disk");
    if path.metadata().is_ok_and(|known| known.len() == BYTES as u64) {
        return Ok(());
    }
    let free = free(path.parent().unwrap_or(path)).map_err(failed())?;
    if free < BYTES as u64 + SPARE {
        return Err(Error::Full);
    }
    let written = write(path);
    if written.is_err() {
        // Half of it helps nobody.
        drop(std::fs::remove_file(path));
    }
    written.map_err(failed())
}

/// Bytes that may still be written to the disk of a folder.
fn free(folder: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn write(path: &Path) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    let zeros = vec![0; CHUNK];
    for _ in 0..BYTES / CHUNK {
        file.write_all(&zeros)?;
    }
    Ok(())
}
