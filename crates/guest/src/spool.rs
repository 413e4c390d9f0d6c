//! What a process printed, kept under byte offsets until the server has it.
//!
//! Of a command the first bytes are kept and what comes after the cap is counted; of a terminal,
//! which may print for days, the newest.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that all spools together may keep.
#[derive(Debug)]
pub struct Budget {
    used: AtomicU64,
    limit: u64,
}

impl Budget {
    /// An unused budget.
    pub const fn new(limit: u64) -> Self {
        Self { used: AtomicU64::new(0), limit }
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, wanted: u64) -> u64 {
        let mut taken = 0;
        let update = |used: u64| {
            taken = wanted.min(self.limit.saturating_sub(used));
            Some(used + taken)
        };
        // The closure always gives a value, so there is no failure to hear of.
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update).map_or(0, |_| taken)
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// One stream of one process. One writer, any number of readers.
#[derive(Debug)]
pub struct Spool {
    file: File,
    kept: AtomicU64,
    dropped: AtomicU64,
    cap: u64,
    keep: Keep,
    budget: Arc<Budget>,
}

/// Which bytes are kept when there are more than the cap.
#[derive(Debug)]
pub enum Keep {
    /// The first.
    First,
    /// The newest: the file is a ring, which nobody reads while it is written.
    Newest(Mutex<()>),
}

impl Spool {
    /// An empty spool in a new file.
    pub fn create(path: &Path, cap: u64, budget: Arc<Budget>) -> io::Result<Self> {
        let mut options = File::options();
        // TRUST: in gVisor the agent finds the guest's open files below /proc, where no folder above
        // them keeps it away.
        let options = options.read(true).write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(path)?;
        let (kept, dropped) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { file, kept, dropped, cap, keep: Keep::First, budget })
    }

    /// An empty spool of the newest bytes. Its room is taken at once.
    pub fn ring(path: &Path, cap: u64, budget: Arc<Budget>) -> io::Result<Self> {
        let cap = budget.take(cap);
        let mut spool = Self::create(path, cap, budget)?;
        spool.keep = Keep::Newest(Mutex::default());
        Ok(spool)
    }

    /// What an earlier guest left.
    pub fn open(path: &Path, budget: Arc<Budget>) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(path)?;
        let kept = budget.take(file.metadata()?.len());
        let (dropped, keep) = (AtomicU64::new(0), Keep::First);
        Ok(Self { file, kept: AtomicU64::new(kept), dropped, cap: kept, keep, budget })
    }

    /// Keeps what fits and counts the rest as dropped.
    pub fn append(&self, bytes: &[u8]) {
        if let Keep::Newest(lock) = &self.keep {
            let _alone = lock.lock().unwrap_or_else(PoisonError::into_inner);
            return self.overwrite(bytes);
        }
        let at = self.kept();
        let length = bytes.len() as u64;
        let fits = self.budget.take(length.min(self.cap.saturating_sub(at)));
        let piece = bytes.get(..usize::try_from(fits).unwrap_or(0)).unwrap_or_default();
        let written = match self.file.write_all_at(piece, at) {
            Ok(()) => fits,
            // The file system is full: the same as the cap.
            Err(_) => 0,
        };
        self.budget.give_back(fits - written);
        self.dropped.fetch_add(length - written, Ordering::Relaxed);
        self.kept.fetch_add(written, Ordering::Release);
    }

    fn overwrite(&self, bytes: &[u8]) {
        let room = usize::try_from(self.cap).unwrap_or(usize::MAX);
        let late = bytes.len().saturating_sub(room);
        let mut at = self.kept() + late as u64;
        let mut rest = bytes.get(late..).unwrap_or_default();
        while !rest.is_empty() && self.cap > 0 {
            let place = at % self.cap;
            let fits = usize::try_from(self.cap - place).unwrap_or(usize::MAX).min(rest.len());
            let (piece, after) = rest.split_at(fits);
            // Where the file system is full the screen shows what was there before.
            drop(self.file.write_all_at(piece, place));
            at += piece.len() as u64;
            rest = after;
        }
        self.kept.fetch_add(bytes.len() as u64, Ordering::Release);
    }

    /// Bytes kept; of a ring, bytes ever printed.
    pub fn kept(&self) -> u64 {
        self.kept.load(Ordering::Acquire)
    }

    /// Bytes thrown away.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Up to `max` bytes from an offset, or from the first one that is still there, and where they
    /// begin; fewer only at the end of what is kept.
    pub fn read_from(&self, offset: u64, max: usize) -> io::Result<(u64, Vec<u8>)> {
        let Keep::Newest(lock) = &self.keep else {
            return Ok((offset, self.read(offset, max)?));
        };
        let _alone = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let end = self.kept();
        let from = offset.max(end.saturating_sub(self.cap));
        let there = usize::try_from(end.saturating_sub(from)).unwrap_or(max).min(max);
        let mut bytes = vec![0; there];
        let mut rest = bytes.as_mut_slice();
        let mut at = from;
        while !rest.is_empty() {
            let place = at % self.cap.max(1);
            let fits = usize::try_from(self.cap - place).unwrap_or(usize::MAX).min(rest.len());
            let (piece, after) = rest.split_at_mut(fits);
            self.file.read_exact_at(piece, place)?;
            at += fits as u64;
            rest = after;
        }
        Ok((from, bytes))
    }

    /// Up to `max` bytes from an offset; fewer only at the end of what is kept.
    pub fn read(&self, offset: u64, max: usize) -> io::Result<Vec<u8>> {
        if let Keep::Newest(_) = self.keep {
            return Ok(self.read_from(offset, max)?.1);
        }
        let there = self.kept().saturating_sub(offset);
        let length = usize::try_from(there).unwrap_or(max).min(max);
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.budget.give_back(match self.keep {
            Keep::First => self.kept(),
            Keep::Newest(_) => self.cap,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cap_and_the_common_budget_both_cut_and_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let budget = Arc::new(Budget::new(10));
        let a = Spool::create(&directory.path().join("a"), 6, Arc::clone(&budget)).unwrap();
        let b = Spool::create(&directory.path().join("b"), 6, Arc::clone(&budget)).unwrap();
        a.append(b"12345");
        a.append(b"6789");
        b.append(b"abcdef");
        assert_eq!((a.kept(), a.dropped(), b.kept(), b.dropped()), (6, 3, 4, 2));
        assert_eq!(a.read(2, 3).unwrap(), b"345");
        assert_eq!(a.read(5, 99).unwrap(), b"6");
        assert_eq!(a.read(6, 9).unwrap(), b"");
        drop(a);
        assert_eq!(budget.used(), 4);
    }

    #[test]
    fn a_ring_holds_the_newest_bytes_under_the_offsets_they_were_printed_at() {
        let directory = tempfile::tempdir().unwrap();
        let budget = Arc::new(Budget::new(100));
        let ring = Spool::ring(&directory.path().join("r"), 5, Arc::clone(&budget)).unwrap();
        let mut printed = Vec::new();
        for piece in [&b"ab"[..], b"cdefghij", b"", b"klm", b"nopqrstuvwxyz0123456789"] {
            ring.append(piece);
            printed.extend_from_slice(piece);
            let first = printed.len().saturating_sub(5);
            let expected = (first as u64, printed[first..].to_vec());
            assert_eq!(ring.read_from(0, 99).unwrap(), expected);
            assert_eq!(ring.kept(), printed.len() as u64);
        }
        let end = printed.len() as u64;
        assert_eq!(ring.read_from(end - 3, 2).unwrap(), (end - 3, b"78".to_vec()));
        assert_eq!(ring.read_from(end, 2).unwrap(), (end, Vec::new()));
        assert_eq!(budget.used(), 5);
        drop(ring);
        assert_eq!(budget.used(), 0);
    }
}
