//! What a process printed, kept under byte offsets until the server has it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
    budget: Arc<Budget>,
}

impl Spool {
    /// An empty spool in a new file.
    pub fn create(path: &Path, cap: u64, budget: Arc<Budget>) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
        Ok(Self { file, kept: AtomicU64::new(0), dropped: AtomicU64::new(0), cap, budget })
    }

    /// What an earlier guest left.
    pub fn open(path: &Path, budget: Arc<Budget>) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(path)?;
        let kept = budget.take(file.metadata()?.len());
        Ok(Self { file, kept: AtomicU64::new(kept), dropped: AtomicU64::new(0), cap: kept, budget })
    }

    /// Keeps what fits and counts the rest as dropped.
    pub fn append(&self, bytes: &[u8]) {
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

    /// Bytes kept.
    pub fn kept(&self) -> u64 {
        self.kept.load(Ordering::Acquire)
    }

    /// Bytes thrown away.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Up to `max` bytes from an offset; fewer only at the end of what is kept.
    pub fn read(&self, offset: u64, max: usize) -> io::Result<Vec<u8>> {
        let there = self.kept().saturating_sub(offset);
        let length = usize::try_from(there).unwrap_or(max).min(max);
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.budget.give_back(self.kept());
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
}
