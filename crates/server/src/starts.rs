//! What agents that start at the same time share: a bounded number of places in which sandboxes are
//! made and workspaces prepared, and the pack of a commit that several start from, made once.

use anyhow::{Context, Result};
use git::name::CommitId;
use git::repo::Repo;
use moka::future::Cache;
use protocol::limits::{BOOTS, OPENINGS, PREPARATIONS, START_PACK_BYTES, START_PACKS};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Folder of packs in the data folder; what a stopped server left there is of no use.
const FOLDER: &str = "packs";
/// Bytes in which packs are weighed.
const UNIT: u64 = 1024;

/// Packs of starting commits, and places.
pub struct Starts {
    folder: PathBuf,
    packs: Cache<CommitId, Arc<StartPack>>,
    openings: Semaphore,
    boots: Semaphore,
    places: Semaphore,
}

/// The pack of a commit with its history; its files go with the last who holds it.
pub struct StartPack {
    /// The checksum that names its files.
    pub name: String,
    /// Bytes of the pack.
    pub pack_bytes: u64,
    /// Bytes of its index.
    pub index_bytes: u64,
    folder: tempfile::TempDir,
}

impl Starts {
    /// With packs in this data folder, emptied.
    pub fn open(data: &Path) -> Result<Self> {
        let folder = data.join(FOLDER);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("remove the packs of an earlier server");
            }
            Ok(()) | Err(_) => {}
        }
        std::fs::create_dir_all(&folder).context("make the folder of packs")?;
        Ok(Self {
            folder,
            packs: Cache::builder().weigher(weigh).max_capacity(START_PACK_BYTES / UNIT).build(),
            openings: Semaphore::new(OPENINGS),
            boots: Semaphore::new(BOOTS),
            places: Semaphore::new(PREPARATIONS),
        })
    }

    /// Waits for a place in which an agent may be opened, or its driver begin.
    ///
    /// Of a crowd that comes at once a few go ahead and the others wait here, not in line before those
    /// who watch: what is written down meanwhile is seen at once.
    pub async fn opening(&self) -> Result<SemaphorePermit<'_>> {
        self.openings.acquire().await.context("wait for a place")
    }

    /// Waits for a place in which a sandbox may be made.
    pub async fn boot(&self) -> Result<SemaphorePermit<'_>> {
        self.boots.acquire().await.context("wait for a place")
    }

    /// Waits for a place in which a workspace may be prepared.
    pub async fn place(&self) -> Result<SemaphorePermit<'_>> {
        self.places.acquire().await.context("wait for a place")
    }

    /// The pack of a commit that many may start from.
    ///
    /// TRUST: whoever asks names a commit that a ref of the agent's own repository names, so nobody
    /// is handed what was not theirs to fetch.
    pub async fn pack(&self, repo: &Repo, commit: &CommitId) -> Result<Arc<StartPack>> {
        let pack = self.packs.try_get_with(commit.clone(), self.alone(repo, commit)).await;
        pack.map_err(|error| anyhow::anyhow!("{error:#}"))
    }

    /// The pack of a commit that nobody else will start from.
    pub async fn alone(&self, repo: &Repo, commit: &CommitId) -> Result<Arc<StartPack>> {
        let folder = tempfile::tempdir_in(&self.folder).context("make a folder for a pack")?;
        let files = repo.write_pack(commit, folder.path()).await.context("write a pack")?;
        let size = async |path: &Path| tokio::fs::metadata(path).await.map(|meta| meta.len());
        let pack_bytes = size(&files.pack).await.context("measure a pack")?;
        let index_bytes = size(&files.index).await.context("measure a pack's index")?;
        Ok(Arc::new(StartPack { name: files.name, pack_bytes, index_bytes, folder }))
    }
}

/// Each counts for at least its share, so that neither bytes nor files grow without end. Who still
/// sends one that is let go keeps its files.
fn weigh(_: &CommitId, pack: &Arc<StartPack>) -> u32 {
    let share = START_PACK_BYTES / START_PACKS as u64;
    let bytes = (pack.pack_bytes + pack.index_bytes).max(share);
    u32::try_from(bytes / UNIT).unwrap_or(u32::MAX)
}

impl StartPack {
    /// The pack's bytes, then its index's.
    pub async fn read(&self) -> Result<impl AsyncRead + Unpin + use<>> {
        let open =
            |ending| File::open(self.folder.path().join(format!("pack-{}.{ending}", self.name)));
        let pack = open("pack").await.context("open a pack")?;
        let index = open("idx").await.context("open a pack's index")?;
        Ok(pack.chain(index))
    }
}
