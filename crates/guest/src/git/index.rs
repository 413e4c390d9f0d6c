//! A copy of the real index. A checkpoint adds everything to it and leaves the real one alone; once its
//! tree is published it takes the real one's place, so that git need not look into the files again.

use super::Repo;
use crate::Guest;
use crate::ops::fault;
use protocol::link::{Fault, FaultCode, OpId};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Name of the copy that waits for its tree to be published.
const WAITING: &str = "errand-index";
/// Repositories whose copies are remembered.
const WAITING_MAX: usize = 64;

/// What is known of the copies that wait, by the real index.
#[derive(Default)]
pub struct Waiting(Mutex<BTreeMap<PathBuf, Settled>>);

struct Settled {
    /// The real index that was copied.
    origin: Mark,
    tree: String,
}

/// Tells one index from another: git never changes one in place.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark {
    node: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Mark {
    fn of(file: &Path) -> io::Result<Self> {
        let meta = file.symlink_metadata()?;
        let modified = (meta.mtime(), meta.mtime_nsec());
        Ok(Self { node: meta.ino(), bytes: meta.size(), modified })
    }
}

/// A copy beside the real index, removed unless it settles.
pub struct IndexCopy {
    path: PathBuf,
    real: PathBuf,
    /// Nothing where there was no index.
    origin: Option<Mark>,
    guest: Arc<Guest>,
    is_draft: bool,
}

impl IndexCopy {
    /// Makes the copy.
    pub(super) async fn make(repo: &Repo, op: &OpId) -> Result<Self, Fault> {
        let real = repo.real_index.clone();
        let path = real.with_file_name(format!("{WAITING}-{op}"));
        let (from, to) = (real.clone(), path.clone());
        let work = move || match copy_with_time(&from, &to) {
            Ok(origin) => Ok(Some(origin)),
            // A repository without a commit and without an added file has none.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(fault(FaultCode::Failed, format!("cannot copy git's index: {error}")))
            }
        };
        let origin = repo.guest.as_agent(work).await?;
        Ok(Self { path, real, origin, guest: Arc::clone(&repo.guest), is_draft: true })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lets it wait until the tree that was written from it is published.
    pub async fn settle(mut self, tree: &str) {
        let Some(origin) = self.origin else { return };
        let (from, to) = (self.path.clone(), self.real.with_file_name(WAITING));
        let moved = move || {
            std::fs::rename(from, to).map_err(|error| fault(FaultCode::Failed, error.to_string()))
        };
        // One that stays behind is removed as any draft.
        if self.guest.as_agent(moved).await.is_ok() {
            self.is_draft = false;
            let settled = Settled { origin, tree: tree.to_owned() };
            self.guest.indexes.put(self.real.clone(), settled);
        }
    }
}

impl Drop for IndexCopy {
    fn drop(&mut self) {
        if !self.is_draft {
            return;
        }
        let (path, guest) = (self.path.clone(), Arc::clone(&self.guest));
        self.guest.ops.spawn(async move {
            let work = move || {
                // One that was never written needs no removal.
                drop(std::fs::remove_file(path));
                Ok(())
            };
            drop(guest.as_agent(work).await);
        });
    }
}

impl Waiting {
    fn put(&self, real: PathBuf, settled: Settled) {
        if let Ok(mut all) = self.0.lock() {
            if all.len() >= WAITING_MAX {
                all.clear();
            }
            all.insert(real, settled);
        }
    }

    fn take(&self, real: &Path) -> Option<Settled> {
        self.0.lock().ok()?.remove(real)
    }
}

/// Puts the waiting copy in the place of the real index, if that is still the one that was copied and
/// this commit has the copy's tree; whether it did.
pub(super) async fn adopt(repo: &Repo, commit: &str) -> Result<bool, Fault> {
    let Some(settled) = repo.guest.indexes.take(&repo.real_index) else { return Ok(false) };
    let tree = repo.word(&["rev-parse", "-q", "--verify", &format!("{commit}^{{tree}}")]).await?;
    if tree.as_ref() != Some(&settled.tree) {
        return Ok(false);
    }
    let real = repo.real_index.clone();
    repo.guest.as_agent(move || Ok(swap(&real, settled.origin).unwrap_or(false))).await
}

/// Under git's own lock, so that nobody writes the index meanwhile.
fn swap(real: &Path, origin: Mark) -> io::Result<bool> {
    let (waiting, lock) = (real.with_file_name(WAITING), real.with_file_name("index.lock"));
    // Under its second name it has the same time, by which git judges entries.
    std::fs::hard_link(&waiting, &lock)?;
    let is_same = Mark::of(real).is_ok_and(|now| now == origin);
    match is_same {
        true => std::fs::rename(&lock, real)?,
        false => std::fs::remove_file(&lock)?,
    }
    std::fs::remove_file(&waiting)?;
    Ok(is_same)
}

/// Copies an index with the time of its last change: git looks into files again whose own time is not
/// before it, and a younger copy would hide an edit made within the same tick of the clock.
fn copy_with_time(from: &Path, to: &Path) -> io::Result<Mark> {
    let mut source = File::open(from)?;
    let mark = Mark::of(from)?;
    let mut target = File::create(to)?;
    io::copy(&mut source, &mut target)?;
    target.set_modified(source.metadata()?.modified()?)?;
    Ok(mark)
}
