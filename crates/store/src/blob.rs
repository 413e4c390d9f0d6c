//! Blobs: bytes named by their digest, in files; who may read them is in the database.
//!
//! ```text
//! blobs/<first two digits>/<digest>      written under a temporary name, synced, renamed
//! ```
//!
//! A blob without a reference is collected. Writing holds a guard until the reference is
//! committed, collecting waits for all guards, so nothing is collected that is about to be referred to.

use crate::error::Error;
use crate::open::Store;
use crate::sql::{int, nat, statements, text};
use protocol::ids::OrgId;
use sqlx::AnyConnection;
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

/// Digits of a digest.
const DIGEST_DIGITS: usize = 64;

statements! {
    REFER = "INSERT INTO blob_refs (org, owner, digest, size, at_ms) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (org, owner, digest) DO NOTHING";
    SIZE = "SELECT size FROM blob_refs WHERE org = $1 AND digest = $2 LIMIT 1";
    RELEASE = "DELETE FROM blob_refs WHERE org = $1 AND owner = $2 AND digest = $3";
    RELEASE_ALL = "DELETE FROM blob_refs WHERE org = $1 AND owner = $2 RETURNING digest";
    IN_USE = "SELECT digest FROM blob_refs WHERE digest = $1 LIMIT 1";
}

/// A stored blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// blake3 of its bytes, 64 hexadecimal digits.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Who refers to a blob.
pub(crate) struct Reference<'a> {
    pub(crate) org: &'a OrgId,
    pub(crate) owner: &'a str,
    pub(crate) digest: &'a str,
    pub(crate) size: usize,
    pub(crate) at_ms: i64,
}

/// The bytes themselves.
#[derive(Clone)]
pub(crate) struct Blobs {
    place: Arc<Place>,
    guard: Arc<RwLock<()>>,
}

enum Place {
    Folder { path: PathBuf, next: AtomicU64 },
    Memory(Mutex<HashMap<String, Vec<u8>>>),
}

impl Blobs {
    pub(crate) async fn open(path: PathBuf) -> Result<Self, Error> {
        tokio::fs::create_dir_all(&path).await.map_err(Error::file("make the blob folder"))?;
        Ok(Self::new(Place::Folder { path, next: AtomicU64::new(0) }))
    }

    pub(crate) fn memory() -> Self {
        Self::new(Place::Memory(Mutex::default()))
    }

    fn new(place: Place) -> Self {
        Self { place: Arc::new(place), guard: Arc::default() }
    }

    /// Nothing is collected while this lives.
    pub(crate) async fn keep(&self) -> OwnedRwLockReadGuard<()> {
        Arc::clone(&self.guard).read_owned().await
    }

    /// Writes the bytes of a digest; they are on disk when this returns.
    pub(crate) async fn write(&self, digest: &str, bytes: &[u8]) -> Result<(), Error> {
        let (place, digest, bytes) = (Arc::clone(&self.place), digest.to_owned(), bytes.to_vec());
        blocking(move || match &*place {
            Place::Folder { path, next } => write_file(path, next, &digest, &bytes),
            Place::Memory(map) => {
                map.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, bytes);
                Ok(())
            }
        })
        .await
    }

    /// All bytes of a digest.
    pub(crate) async fn read(&self, digest: &str) -> Result<Vec<u8>, Error> {
        let bytes = self.read_range(digest, 0, u64::MAX).await?;
        if blake3::hash(&bytes).to_hex().as_str() != digest {
            return Err(Error::damaged(format!("blob {digest} was changed")));
        }
        Ok(bytes)
    }

    async fn read_range(&self, digest: &str, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
        let (place, digest) = (Arc::clone(&self.place), digest.to_owned());
        blocking(move || match &*place {
            Place::Folder { path, .. } => read_file(path, &digest, offset, length),
            Place::Memory(map) => {
                let map = map.lock().unwrap_or_else(PoisonError::into_inner);
                let bytes = map.get(&digest).ok_or_else(|| missing(&digest))?;
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                let count = usize::try_from(length).unwrap_or(usize::MAX);
                Ok(bytes.iter().skip(from).take(count).copied().collect())
            }
        })
        .await
    }

    async fn remove(&self, digest: &str) -> Result<(), Error> {
        let (place, digest) = (Arc::clone(&self.place), digest.to_owned());
        blocking(move || match &*place {
            Place::Folder { path, .. } => match std::fs::remove_file(file(path, &digest)?) {
                Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::file("remove a blob")(e)),
                Ok(()) | Err(_) => Ok(()),
            },
            Place::Memory(map) => {
                map.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest);
                Ok(())
            }
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed)?
}

fn missing(digest: &str) -> Error {
    Error::damaged(format!("blob {digest} is missing"))
}

/// Where a blob lies. TRUST: the digest may come from a request; only digits make a path.
fn file(folder: &Path, digest: &str) -> Result<PathBuf, Error> {
    let digits = digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match digest.split_at_checked(2) {
        Some((first, _)) if digits && digest.len() == DIGEST_DIGITS => {
            Ok(folder.join(first).join(digest))
        }
        _ => Err(missing("with a malformed name")),
    }
}

fn write_file(folder: &Path, next: &AtomicU64, digest: &str, bytes: &[u8]) -> Result<(), Error> {
    let failed = || Error::file("write a blob");
    let path = file(folder, digest)?;
    let size = std::fs::metadata(&path).map(|m| m.len());
    if size.is_ok_and(|size| size == bytes.len() as u64) {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent).map_err(failed())?;
    let number = next.fetch_add(1, Ordering::Relaxed);
    let fresh = parent.join(format!("{digest}.{}.{number}", std::process::id()));
    let written = std::fs::File::create(&fresh)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&fresh, &path))
        .and_then(|()| std::fs::File::open(parent)?.sync_all())
        .and_then(|()| std::fs::File::open(folder)?.sync_all());
    if written.is_err() {
        // Best effort: what matters is the first error.
        drop(std::fs::remove_file(&fresh));
    }
    written.map_err(failed())
}

fn read_file(folder: &Path, digest: &str, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
    let failed = || Error::file("read a blob");
    let mut file = match std::fs::File::open(file(folder, digest)?) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Err(missing(digest)),
        opened => opened.map_err(failed())?,
    };
    file.seek(SeekFrom::Start(offset)).map_err(failed())?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(failed())?;
    Ok(bytes)
}

/// Writes a reference within a transaction.
pub(crate) async fn refer(
    connection: &mut AnyConnection,
    reference: &Reference<'_>,
) -> Result<(), Error> {
    sqlx::query(REFER)
        .bind(&reference.org.0)
        .bind(reference.owner)
        .bind(reference.digest)
        .bind(int(reference.size as u64))
        .bind(reference.at_ms)
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes all references of an owner within a transaction and names the blobs.
pub(crate) async fn release_all(
    connection: &mut AnyConnection,
    org: &str,
    owner: &str,
) -> Result<Vec<String>, Error> {
    let rows = sqlx::query(RELEASE_ALL).bind(org).bind(owner).fetch_all(connection).await?;
    rows.iter().map(|row| text(row, "digest")).collect()
}

impl Store {
    /// Stores bytes for an owner (an agent id, `upload/…`); the same bytes are stored once.
    pub async fn put_blob(
        &self,
        org: &OrgId,
        owner: &str,
        bytes: &[u8],
        at_ms: i64,
    ) -> Result<Blob, Error> {
        let digest = blake3::hash(bytes).to_hex().to_string();
        let guard = self.inner.blobs.keep().await;
        self.inner.blobs.write(&digest, bytes).await?;
        let blob = Blob { digest, size: bytes.len() as u64 };
        self.refer_blob(org, owner, &blob, at_ms).await?;
        drop(guard);
        Ok(blob)
    }

    /// Lets another owner of the organisation keep a blob that it can see; false = no such blob.
    pub async fn share_blob(
        &self,
        org: &OrgId,
        owner: &str,
        digest: &str,
        at_ms: i64,
    ) -> Result<bool, Error> {
        let guard = self.inner.blobs.keep().await;
        let Some(size) = self.blob_size(org, digest).await? else {
            return Ok(false);
        };
        let blob = Blob { digest: digest.to_owned(), size };
        self.refer_blob(org, owner, &blob, at_ms).await?;
        drop(guard);
        Ok(true)
    }

    /// Size of a blob of the organisation; none = it has no such blob.
    pub async fn blob_size(&self, org: &OrgId, digest: &str) -> Result<Option<u64>, Error> {
        let row =
            sqlx::query(SIZE).bind(&org.0).bind(digest).fetch_optional(&self.inner.readers).await?;
        row.map(|row| nat(&row, "size")).transpose()
    }

    /// All bytes of a blob of the organisation, checked against their digest.
    pub async fn blob(&self, org: &OrgId, digest: &str) -> Result<Option<Vec<u8>>, Error> {
        match self.blob_size(org, digest).await? {
            Some(_) => self.inner.blobs.read(digest).await.map(Some),
            None => Ok(None),
        }
    }

    /// Bytes of a blob from `offset`, at most `length`.
    pub async fn blob_range(
        &self,
        org: &OrgId,
        digest: &str,
        offset: u64,
        length: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        match self.blob_size(org, digest).await? {
            Some(_) => self.inner.blobs.read_range(digest, offset, length).await.map(Some),
            None => Ok(None),
        }
    }

    /// Gives up an owner's reference; the bytes go with the last one.
    pub async fn release_blob(&self, org: &OrgId, owner: &str, digest: &str) -> Result<(), Error> {
        let texts = [org.0.clone(), owner.to_owned(), digest.to_owned()];
        self.inner
            .writer
            .write(move |connection| {
                let query =
                    texts.iter().cloned().fold(sqlx::query(RELEASE), |q, text| q.bind(text));
                Box::pin(async move { Ok(query.execute(connection).await?.rows_affected()) })
            })
            .await?;
        self.collect(&[digest.to_owned()]).await
    }

    /// Removes the bytes of blobs that nobody refers to.
    pub(crate) async fn collect(&self, digests: &[String]) -> Result<(), Error> {
        let guard = self.inner.blobs.guard.write().await;
        for digest in digests {
            let row = sqlx::query(IN_USE).bind(digest);
            if row.fetch_optional(&self.inner.readers).await?.is_none() {
                self.inner.blobs.remove(digest).await?;
            }
        }
        drop(guard);
        Ok(())
    }

    async fn refer_blob(
        &self,
        org: &OrgId,
        owner: &str,
        blob: &Blob,
        at_ms: i64,
    ) -> Result<(), Error> {
        let (org, owner, blob) = (org.clone(), owner.to_owned(), blob.clone());
        let work = Arc::new((org, owner, blob));
        self.inner
            .writer
            .write(move |connection| {
                let work = Arc::clone(&work);
                Box::pin(async move {
                    let (org, owner, Blob { digest, size }) = &*work;
                    let size = usize::try_from(*size).unwrap_or(usize::MAX);
                    refer(connection, &Reference { org, owner, digest, size, at_ms }).await
                })
            })
            .await
    }
}
