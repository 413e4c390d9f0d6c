//! Contents of large files on our side, each in a file named by its digest: those of a repository beside its mirror,
//! and those that an agent sent in a quarantine of its own.

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::TryStreamExt as _;
use gateway::large_files::{Content, Pointer};
use protocol::limits::{LARGE_FILES, LARGE_FILES_BYTES};
use std::collections::HashMap;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tempfile::TempPath;
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::ReaderStream;

/// Bytes read at once.
pub const CHUNK: usize = 256 * 1024;
/// Folder of what has not come in whole.
const ARRIVING: &str = "arriving";
/// Age at which something there has been left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 60 * 60);

/// Contents below one folder.
#[derive(Debug, Clone)]
pub struct Shelf {
    folder: PathBuf,
}

/// A content on its way into a shelf; gone unless it is kept.
pub struct Arriving {
    file: tokio::fs::File,
    path: TempPath,
    target: PathBuf,
    bytes: u64,
}

/// Place of a content below a shelf or a store of git-lfs, by its digest.
pub fn place(oid: &str) -> PathBuf {
    let (first, second) = (oid.get(..2).unwrap_or_default(), oid.get(2..4).unwrap_or_default());
    Path::new(first).join(second).join(oid)
}

/// What a file holds.
pub async fn content_of(path: &Path) -> Result<Content> {
    let file = tokio::fs::File::open(path).await.context("open a large file")?;
    Ok(Box::pin(ReaderStream::with_capacity(file, CHUNK)))
}

impl Shelf {
    /// The shelf in this folder, which need not be there.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where a content lies, if all of it is here.
    pub async fn find(&self, pointer: &Pointer) -> Option<PathBuf> {
        let path = self.path(pointer);
        let found = tokio::fs::metadata(&path).await.ok()?;
        (found.len() == pointer.size()).then_some(path)
    }

    fn path(&self, pointer: &Pointer) -> PathBuf {
        self.folder.join(place(pointer.oid()))
    }

    /// Begins to take one.
    pub async fn begin(&self, pointer: &Pointer) -> Result<Arriving> {
        let (folder, target) = (self.folder.join(ARRIVING), self.path(pointer));
        let made = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&folder)?;
            // As git-lfs has them: a copy beside a repository is read by whoever reads that.
            let mode = std::fs::Permissions::from_mode(0o644);
            let made = tempfile::Builder::new().permissions(mode).tempfile_in(&folder);
            made.map(tempfile::NamedTempFile::into_parts)
        });
        let (file, path) = made.await?.context("make a file for a large file")?;
        Ok(Arriving { file: tokio::fs::File::from_std(file), path, target, bytes: 0 })
    }

    /// Takes a content that is checked while it comes.
    pub async fn keep(&self, pointer: &Pointer, mut content: Content) -> Result<()> {
        let mut arriving = self.begin(pointer).await?;
        while let Some(piece) = content.try_next().await.context("receive a large file")? {
            arriving.write(&piece).await?;
        }
        arriving.keep().await
    }

    /// Moves a content that lies elsewhere in the data folder here.
    async fn take_over(&self, pointer: &Pointer, path: &Path) -> io::Result<()> {
        let target = self.path(pointer);
        if let Some(parent) = target.parent() {
            tokio::fs::create_dir_all(parent).await?;
        }
        tokio::fs::rename(path, target).await
    }

    /// Removes what a server that died left half received.
    pub async fn tidy(&self) {
        let folder = self.folder.join(ARRIVING);
        let tidying = tokio::task::spawn_blocking(move || {
            for entry in std::fs::read_dir(folder)?.flatten() {
                let modified = entry.metadata()?.modified()?;
                if modified.elapsed().is_ok_and(|age| age > LEFT_BEHIND) {
                    std::fs::remove_file(entry.path())?;
                }
            }
            io::Result::Ok(())
        });
        if let Ok(Err(error)) = tidying.await
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "what is left of large files could not be removed");
        }
    }
}

impl Arriving {
    /// Writes what comes next.
    pub async fn write(&mut self, piece: &Bytes) -> Result<()> {
        self.bytes += piece.len() as u64;
        self.file.write_all(piece).await.context("keep a large file")
    }

    /// Bytes so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where it lies for now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file itself, for who writes all of it at once.
    pub async fn to_std(&self) -> Result<std::fs::File> {
        Ok(self.file.try_clone().await.context("share a large file")?.into_std().await)
    }

    /// Puts it where it belongs; safe on the disk before it has its name.
    pub async fn keep(self) -> Result<()> {
        let Self { file, path, target, .. } = self;
        file.sync_all().await.context("keep a large file")?;
        let keeping = tokio::task::spawn_blocking(move || {
            if let Some(parent) = target.parent() {
                std::fs::create_dir_all(parent)?;
            }
            path.persist(target).map_err(io::Error::from)
        });
        keeping.await?.context("keep a large file")
    }
}

/// What one agent sent and the remote does not have yet; bounded.
#[derive(Clone)]
pub struct Quarantine {
    shelf: Shelf,
    used: Arc<Mutex<Used>>,
}

/// What lies in a quarantine, or is on its way into it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Used {
    bytes: u64,
    files: u64,
}

/// Room for one content; given back unless it is used.
struct Room {
    used: Arc<Mutex<Used>>,
    bytes: u64,
    is_used: bool,
}

/// There is no room for another large file.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error(
    "one agent may keep {LARGE_FILES} large files and {LARGE_FILES_BYTES} bytes of them until they are published: \
     end the run, so that they are, or push fewer"
)]
pub struct Full;

impl Used {
    fn add(self, bytes: u64) -> Result<Self, Full> {
        let after = Self { bytes: self.bytes.saturating_add(bytes), files: self.files + 1 };
        if after.bytes > LARGE_FILES_BYTES || after.files > LARGE_FILES {
            Err(Full)
        } else {
            Ok(after)
        }
    }

    fn remove(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.files = self.files.saturating_sub(1);
    }

    /// Counts what lies there.
    fn count(folder: &Path) -> Self {
        let mut used = Self::default();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.metadata() {
                    Ok(found) if found.is_dir() => folders.push(entry.path()),
                    Ok(found) => {
                        used.bytes = used.bytes.saturating_add(found.len());
                        used.files += 1;
                    }
                    Err(_) => {}
                }
            }
        }
        used
    }
}

/// No code that holds this lock can panic halfway through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Counted = HashMap<PathBuf, Arc<Mutex<Used>>>;

impl Quarantine {
    /// The one in this folder; what lies there is counted once and by everybody together.
    pub async fn open(folder: PathBuf) -> Result<Self> {
        static COUNTED: Mutex<Option<Counted>> = Mutex::new(None);
        let shelf = Shelf::new(folder.clone());
        let known = |folder: &Path| {
            let mut all = lock(&COUNTED);
            let all = all.get_or_insert_default();
            all.retain(|_, used| Arc::strong_count(used) > 1);
            all.get(folder).cloned()
        };
        if let Some(used) = known(&folder) {
            return Ok(Self { shelf, used });
        }
        shelf.tidy().await;
        let counted = tokio::task::spawn_blocking({
            let folder = folder.clone();
            move || Used::count(&folder)
        });
        let counted = counted.await.context("count large files")?;
        let mut all = lock(&COUNTED);
        let used = all.get_or_insert_default().entry(folder);
        let used = Arc::clone(used.or_insert_with(|| Arc::new(Mutex::new(counted))));
        Ok(Self { shelf, used })
    }

    /// Where a content lies, if all of it is here.
    pub async fn find(&self, pointer: &Pointer) -> Option<PathBuf> {
        self.shelf.find(pointer).await
    }

    /// Whether these would find room now, each after those before it.
    pub fn has_room(&self, sizes: impl IntoIterator<Item = u64>) -> Vec<bool> {
        let mut used = *lock(&self.used);
        let mut fits = |bytes| match used.add(bytes) {
            Ok(after) => {
                used = after;
                true
            }
            Err(Full) => false,
        };
        sizes.into_iter().map(&mut fits).collect()
    }

    /// Takes a content that is checked while it comes.
    pub async fn keep(&self, pointer: &Pointer, mut content: Content) -> Result<()> {
        if self.find(pointer).await.is_some() {
            // Read all the same: that it is here is told to those only who have it.
            while content.try_next().await.context("receive a large file")?.is_some() {}
            return Ok(());
        }
        let room = self.room(pointer.size())?;
        self.shelf.keep(pointer, content).await?;
        room.used();
        Ok(())
    }

    fn room(&self, bytes: u64) -> Result<Room, Full> {
        let mut used = lock(&self.used);
        *used = used.add(bytes)?;
        Ok(Room { used: Arc::clone(&self.used), bytes, is_used: false })
    }

    /// Hands what the remote has by now over to all who may read the repository.
    pub async fn release(&self, pointer: &Pointer, to: &Shelf) {
        let Some(path) = self.find(pointer).await else { return };
        match to.take_over(pointer, &path).await {
            Ok(()) => lock(&self.used).remove(pointer.size()),
            Err(error) => tracing::warn!(%error, "a large file stays in its agent's quarantine"),
        }
    }
}

impl Room {
    fn used(mut self) {
        self.is_used = true;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if !self.is_used {
            lock(&self.used).remove(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt as _;
    use gateway::large_files::verified;
    use sha2::{Digest as _, Sha256};

    fn content(bytes: &'static [u8]) -> (Pointer, Content) {
        let oid = hex::encode(Sha256::digest(bytes));
        let pointer = Pointer::new(&oid, bytes.len() as u64).unwrap();
        (pointer, futures::stream::iter([Ok(Bytes::from_static(bytes))]).boxed())
    }

    #[tokio::test]
    async fn what_does_not_come_in_whole_leaves_nothing_and_takes_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let quarantine = Quarantine::open(folder.path().join("lfs")).await.unwrap();
        let ((pointer, good), (_, bad)) = (content(b"large"), content(b"other"));
        assert!(quarantine.keep(&pointer, verified(&pointer, bad)).await.is_err());
        assert_eq!(quarantine.find(&pointer).await, None);
        assert_eq!(*lock(&quarantine.used), Used::default());
        let arriving = std::fs::read_dir(folder.path().join("lfs").join(ARRIVING)).unwrap();
        assert_eq!(arriving.count(), 0);
        quarantine.keep(&pointer, verified(&pointer, good)).await.unwrap();
        assert!(quarantine.find(&pointer).await.is_some());
        assert_eq!(*lock(&quarantine.used), Used { bytes: 5, files: 1 });
        // Sent once more it takes no more room, and counts after a restart.
        let (_, again) = content(b"large");
        quarantine.keep(&pointer, verified(&pointer, again)).await.unwrap();
        assert_eq!(*lock(&quarantine.used), Used::count(&folder.path().join("lfs")));
        let shelf = Shelf::new(folder.path().join("shelf"));
        quarantine.release(&pointer, &shelf).await;
        assert!(shelf.find(&pointer).await.is_some() && quarantine.find(&pointer).await.is_none());
        assert_eq!(*lock(&quarantine.used), Used::default());
    }

    #[tokio::test]
    async fn a_quarantine_has_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let quarantine = Quarantine::open(folder.path().to_owned()).await.unwrap();
        let half = LARGE_FILES_BYTES / 2;
        assert_eq!(quarantine.has_room([half, half, 1]), [true, true, false]);
        let first = quarantine.room(LARGE_FILES_BYTES).unwrap();
        assert!(quarantine.room(1).is_err());
        drop(first);
        assert!(quarantine.room(1).is_ok());
        let many = vec![0; usize::try_from(LARGE_FILES).unwrap() + 1];
        assert_eq!(quarantine.has_room(many).last(), Some(&false));
    }
}
