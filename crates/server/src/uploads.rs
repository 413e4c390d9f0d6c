//! Packs that people send before an agent exists: in pieces, resumable, checked when they are whole.
//!
//! ```text
//! data/uploads/<id>/meta.json    who, how many bytes, which digest
//! data/uploads/<id>/data         what came so far; its length is the offset
//! ```
//!
//! TRUST: the bytes are read by nobody before their digest is right, and then only by git, in the
//! quarantine of the agent's own repository.

use crate::app::App;
use crate::auth::Caller;
use crate::clock::{ms_of, now_ms};
use anyhow::{Context, Result};
use axum::body::Bytes;
use git::agent_repo::AgentRepo;
use git::name::{BranchName, CommitId, TreeId};
use git::pack::{ImportLimits, Tip};
use git::refs::Expected;
use protocol::api::sync::Upload;
use protocol::event::{RepoSettings, UploadStart};
use protocol::ids::AgentId;
use protocol::limits::{UPLOAD_BYTES, UPLOAD_MS, UPLOADS};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// Bytes hashed at once.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Why an upload is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is none of this id, or it is somebody else's.
    #[error("there is no such upload; it may have been removed after 24 hours: begin again")]
    Missing,
    /// It would be too large.
    #[error("bytes: at most {UPLOAD_BYTES} fit into one upload")]
    TooLarge,
    /// Too many are open.
    #[error("at most {UPLOADS} uploads may be open at the same time: finish one, or wait a day")]
    TooMany,
    /// The digest is none.
    #[error("blake3: is not a digest of 64 hexadecimal digits")]
    Digest,
    /// The piece does not begin where the last one ended.
    #[error("the upload stands at byte {0}: go on there")]
    Offset(u64),
    /// The bytes are not those that were announced.
    #[error("the bytes have another digest than announced; the upload begins anew")]
    Damaged,
    /// It is not whole.
    #[error("upload.id: the upload is not complete")]
    Incomplete,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Meta {
    org: String,
    owner: String,
    bytes: u64,
    blake3: String,
    complete: bool,
}

fn folder(app: &App) -> PathBuf {
    app.data.join("uploads")
}

/// Runs file work apart from the tasks that serve.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.context("work on an upload")?
}

/// Begins an upload.
pub async fn create(app: &App, caller: &Caller, bytes: u64, blake3: &str) -> Result<Upload> {
    if bytes == 0 || bytes > UPLOAD_BYTES {
        return Err(Refused::TooLarge.into());
    }
    let digest = blake3.to_ascii_lowercase();
    if digest.len() != 64 || !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Refused::Digest.into());
    }
    let (all, org, owner) = (folder(app), caller.org.0.clone(), caller.name.clone());
    apart(move || {
        std::fs::create_dir_all(&all).context("make the folder of uploads")?;
        if count(&all, &org, &owner) >= UPLOADS {
            return Err(Refused::TooMany.into());
        }
        let id = Uuid::new_v4().simple().to_string();
        let place = all.join(&id);
        std::fs::create_dir(&place).context("make an upload")?;
        File::create(place.join("data")).context("make an upload")?;
        let meta = Meta { org, owner, bytes, blake3: digest, complete: false };
        write_meta(&place, &meta)?;
        Ok(Upload { id, offset: 0, bytes, complete: false })
    })
    .await
}

fn count(all: &Path, org: &str, owner: &str) -> usize {
    let entries = std::fs::read_dir(all).into_iter().flatten().flatten();
    let open = entries.filter_map(|entry| read_meta(&entry.path()).ok());
    open.filter(|meta| meta.org == org && meta.owner == owner).count()
}

fn write_meta(place: &Path, meta: &Meta) -> Result<()> {
    let fresh = place.join("meta.new");
    std::fs::write(&fresh, serde_json::to_vec(meta)?).context("write an upload's description")?;
    std::fs::rename(fresh, place.join("meta.json")).context("write an upload's description")
}

fn read_meta(place: &Path) -> Result<Meta> {
    let bytes = std::fs::read(place.join("meta.json")).map_err(|_| Refused::Missing)?;
    serde_json::from_slice(&bytes).context("read an upload's description")
}

/// The place of an upload of this caller.
fn place(app: &App, caller: &Caller, id: &str) -> Result<(PathBuf, Meta)> {
    let id = Uuid::parse_str(id).map_err(|_| Refused::Missing)?.simple().to_string();
    let place = folder(app).join(id);
    let meta = read_meta(&place)?;
    if meta.org != caller.org.0 || meta.owner != caller.name {
        return Err(Refused::Missing.into());
    }
    Ok((place, meta))
}

fn shown(id: &str, meta: &Meta, offset: u64) -> Upload {
    Upload { id: id.to_owned(), offset, bytes: meta.bytes, complete: meta.complete }
}

/// How far an upload is.
pub async fn look(app: &Arc<App>, caller: &Caller, id: &str) -> Result<Upload> {
    let (place, meta) = place(app, caller, id)?;
    let offset = std::fs::metadata(place.join("data")).map_err(|_| Refused::Missing)?.len();
    Ok(shown(id, &meta, offset))
}

/// Takes a piece that begins where the last one ended.
pub async fn append(
    app: &Arc<App>,
    caller: &Caller,
    id: &str,
    offset: u64,
    piece: Bytes,
) -> Result<Upload> {
    let (place, mut meta) = place(app, caller, id)?;
    let id = id.to_owned();
    apart(move || {
        let open = File::options().append(true).read(true).open(place.join("data"));
        let mut file = open.map_err(|_| Refused::Missing)?;
        // Two requests at once would mix their bytes; the second one is told where it stands.
        file.lock().context("wait for another piece")?;
        let here = file.metadata().context("measure an upload")?.len();
        if here != offset {
            return Err(Refused::Offset(here).into());
        }
        let after = here.saturating_add(piece.len() as u64);
        if after > meta.bytes {
            return Err(Refused::TooLarge.into());
        }
        file.write_all(&piece).context("keep a piece")?;
        if after == meta.bytes {
            file.sync_all().context("keep an upload")?;
            if digest(&place.join("data"))? != meta.blake3 {
                file.set_len(0).context("begin an upload anew")?;
                return Err(Refused::Damaged.into());
            }
            meta.complete = true;
            write_meta(&place, &meta)?;
        }
        Ok(shown(&id, &meta, after))
    })
    .await
}

fn digest(path: &Path) -> Result<String> {
    let mut file = File::open(path).context("read an upload")?;
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = file.read(&mut chunk).context("read an upload")?;
        let Some(part) = chunk.get(..count).filter(|part| !part.is_empty()) else { break };
        hasher.update(part);
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Where an agent keeps the pack it starts from.
pub fn claimed(app: &App, agent: AgentId, upload: &UploadStart) -> Result<PathBuf> {
    let id = Uuid::parse_str(&upload.id).context("parse an upload's id")?;
    Ok(app.agent_folder(agent).join(format!("upload-{}.pack", id.simple())))
}

/// Gives a complete upload to an agent that is being opened; again is harmless.
pub async fn claim(
    app: &Arc<App>,
    caller: &Caller,
    agent: AgentId,
    upload: &UploadStart,
) -> Result<()> {
    let (place, meta) = place(app, caller, &upload.id)?;
    if !meta.complete {
        return Err(Refused::Incomplete.into());
    }
    let (target, folder) = (claimed(app, agent, upload)?, app.agent_folder(agent));
    apart(move || {
        std::fs::create_dir_all(folder).context("make the agent's folder")?;
        match std::fs::hard_link(place.join("data"), target) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(error).context("give an upload to the agent")
            }
            Ok(()) | Err(_) => Ok(()),
        }
    })
    .await
}

/// Lets an agent's branch begin at what was sent: its objects, checked, and the commit.
pub async fn begin(
    app: &App,
    agent: AgentId,
    repo: &RepoSettings,
    ours: &AgentRepo,
    (branch, base): (&BranchName, &CommitId),
) -> Result<()> {
    let Some(upload) = &repo.upload else { return Ok(()) };
    let (head, tree) = (CommitId::parse(&upload.head)?, TreeId::parse(&upload.tree)?);
    let path = claimed(app, agent, upload)?;
    // A repetition after a crash finds it taken already.
    if let Ok(mut pack) = tokio::fs::File::open(&path).await {
        let tips = [Tip::Commit(head.clone()), Tip::Tree(tree)];
        let known = std::slice::from_ref(base);
        ours.import_pack(&mut pack, ImportLimits::default(), &tips, known).await?;
    }
    ours.update_ref(&branch.to_ref(), &head, Expected::Any).await?;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("remove an upload"),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes uploads that nobody used for a day.
pub async fn sweep(app: &App) -> Result<()> {
    let (all, now) = (folder(app), now_ms());
    apart(move || {
        for entry in std::fs::read_dir(&all).into_iter().flatten().flatten() {
            let modified = std::fs::metadata(entry.path().join("data")).and_then(|m| m.modified());
            let at_ms = modified.map_or(0, ms_of);
            if now.saturating_sub(at_ms) > UPLOAD_MS {
                std::fs::remove_dir_all(entry.path()).context("remove an upload")?;
            }
        }
        Ok(())
    })
    .await
}
