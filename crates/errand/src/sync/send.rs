//! Sends a pack in pieces. What was begun is remembered beside the pack, so that the same call goes on
//! where an earlier one was interrupted.

use crate::client::Client;
use crate::exit::{Exit, Trouble};
use anyhow::{Context as _, Result};
use git::worktree::outgoing::Packed;
use protocol::api::sync::{CreateUpload, Upload};
use protocol::limits::UPLOAD_PIECE_BYTES;
use serde::{Deserialize, Serialize};
use std::io::SeekFrom;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::time::Instant;

/// Bytes of one piece.
const PIECE_BYTES: usize = 4 * 1024 * 1024;
const _: () = assert!(PIECE_BYTES <= UPLOAD_PIECE_BYTES, "the server takes a piece");
/// How long a lost connection is tried again without a piece getting through.
const PATIENCE: Duration = Duration::from_secs(60);
/// Wait between two tries.
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// Days after which a pack that was never sent to its end is removed.
const KEPT: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// A pack on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// The upload at the server, once there is one.
    pub id: Option<String>,
    /// Size of the pack.
    pub bytes: u64,
    /// Its digest.
    pub blake3: String,
}

/// Where a pack and what is known of it lie.
#[derive(Debug, Clone)]
pub struct Place {
    folder: PathBuf,
    key: String,
}

impl Place {
    /// The place of what is told apart by these words.
    pub fn of(state: &Path, words: &[&str]) -> Result<Self> {
        let folder = state.join("uploads");
        // TRUST: a pack holds source code; only its owner reads it.
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&folder).context("make a folder for packs")?;
        let hash = blake3::hash(words.join("\n").as_bytes()).to_hex();
        let key: String = hash.chars().take(32).collect();
        let place = Self { folder, key };
        place.sweep();
        Ok(place)
    }

    /// The pack's file.
    pub fn pack(&self) -> PathBuf {
        self.folder.join(format!("{}.pack", self.key))
    }

    fn note(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.key))
    }

    /// What an earlier call left, if all of it is there.
    pub fn left(&self) -> Option<Sending> {
        let sending: Sending = serde_json::from_slice(&std::fs::read(self.note()).ok()?).ok()?;
        (self.pack().metadata().ok()?.len() == sending.bytes).then_some(sending)
    }

    /// Remembers how far it is.
    pub fn keep(&self, sending: &Sending) -> Result<()> {
        let fresh = self.note().with_extension("new");
        std::fs::write(&fresh, serde_json::to_vec(sending)?).context("remember the upload")?;
        std::fs::rename(fresh, self.note()).context("remember the upload")
    }

    /// Forgets it all.
    pub fn clear(&self) {
        // What cannot be removed goes with the next sweep.
        drop(std::fs::remove_file(self.note()));
        drop(std::fs::remove_file(self.pack()));
    }

    fn sweep(&self) {
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let modified = entry.metadata().and_then(|meta| meta.modified());
            let age = modified.ok().and_then(|at| at.elapsed().ok());
            if age.is_some_and(|age| age > KEPT) {
                drop(std::fs::remove_file(entry.path()));
            }
        }
    }
}

/// Something new to send.
pub fn fresh(packed: &Packed) -> Sending {
    Sending { id: None, bytes: packed.bytes, blake3: packed.blake3.clone() }
}

/// Sends all of it; gives the upload's id.
pub async fn send(
    client: &Client,
    place: &Place,
    mut sending: Sending,
    mut progress: impl FnMut(u64),
) -> Result<String> {
    let mut upload = begin(client, place, &mut sending).await?;
    let mut file = tokio::fs::File::open(place.pack()).await.context("open the pack")?;
    let mut lost: Option<Instant> = None;
    while !upload.complete {
        progress(upload.offset);
        file.seek(SeekFrom::Start(upload.offset)).await.context("read the pack")?;
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        (&mut file)
            .take(PIECE_BYTES as u64)
            .read_to_end(&mut piece)
            .await
            .context("read the pack")?;
        match client.piece(&upload.id, upload.offset, piece).await {
            Ok(now) => {
                upload = now;
                lost = None;
            }
            Err(error) => upload = again(client, &upload, error, &mut lost).await?,
        }
    }
    progress(upload.bytes);
    Ok(upload.id)
}

/// The upload as it stands, or a new one.
async fn begin(client: &Client, place: &Place, sending: &mut Sending) -> Result<Upload> {
    if let Some(id) = &sending.id {
        match client.get::<Upload>(&["uploads", id], &[]).await {
            Ok(upload) if upload.bytes == sending.bytes => return Ok(upload),
            Ok(_) => {}
            Err(error) if is(&error, "upload_not_found") => {}
            Err(error) => return Err(error),
        }
    }
    let body = CreateUpload { bytes: sending.bytes, blake3: sending.blake3.clone() };
    let upload: Upload = client.post(&["uploads"], &body).await?;
    sending.id = Some(upload.id.clone());
    place.keep(sending)?;
    Ok(upload)
}

fn is(error: &anyhow::Error, code: &str) -> bool {
    error.downcast_ref::<Trouble>().is_some_and(|trouble| trouble.code == code)
}

/// After a piece was not taken: where the server stands, unless it stays away too long.
async fn again(
    client: &Client,
    upload: &Upload,
    error: anyhow::Error,
    lost: &mut Option<Instant>,
) -> Result<Upload> {
    let passes = error
        .downcast_ref::<Trouble>()
        .is_some_and(|t| t.exit == Exit::Unreachable || t.code == "wrong_offset");
    let since = *lost.get_or_insert_with(Instant::now);
    if !passes || since.elapsed() > PATIENCE {
        return Err(error);
    }
    loop {
        tokio::time::sleep(RETRY_DELAY).await;
        match client.get::<Upload>(&["uploads", &upload.id], &[]).await {
            Ok(now) => return Ok(now),
            Err(error) if since.elapsed() > PATIENCE || is(&error, "upload_not_found") => {
                return Err(error);
            }
            Err(_) => {}
        }
    }
}
