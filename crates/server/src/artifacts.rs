//! What a run leaves for people in `/workspace/.artifacts`: kept as blobs, named in the store.

use anyhow::{Context, Result};
use protocol::ids::{AgentId, OrgId};
use protocol::link::{Answer, EntryKind, ListDir, Request};
use sandbox::link::Link;
use serde::{Deserialize, Serialize};
use store::Store;
use store::kv::Expect;
use tokio::io::AsyncReadExt as _;

/// Where they lie inside.
const FOLDER: &str = "/workspace/.artifacts";
/// Kind of record under which an agent's list is kept.
const KIND: &str = "artifacts";
/// Files taken.
const FILES: u32 = 100;
/// Folders below each other.
const DEPTH: u32 = 8;
/// Bytes of one file.
const FILE_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of all files of one agent.
const ALL_BYTES: u64 = 512 * 1024 * 1024;

/// One file that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// `artifacts/…`.
    pub path: String,
    /// Its bytes.
    pub blob: String,
    /// How many.
    pub size: u64,
    /// When they were taken.
    pub at_ms: i64,
}

/// The artifacts of an agent.
pub async fn list(store: &Store, org: &OrgId, agent: AgentId) -> Result<Vec<Kept>> {
    let entry =
        store.get(org, KIND, &agent.to_string()).await.context("read the list of artifacts")?;
    entry.map_or_else(
        || Ok(Vec::new()),
        |entry| serde_json::from_str(&entry.body).context("decode the list of artifacts"),
    )
}

/// Takes what is in the folder now. What is too large stays where it is.
pub async fn take(
    store: &Store,
    link: &Link,
    org: &OrgId,
    agent: AgentId,
    now_ms: i64,
) -> Result<()> {
    let listing = ListDir {
        cwd: "/workspace".to_owned(),
        path: FOLDER.to_owned(),
        depth: DEPTH,
        limit: FILES * 4,
    };
    let Ok(Answer::Listing(listing)) = link.request(Request::ListDir(listing)).await else {
        return Ok(());
    };
    let before = list(store, org, agent).await?;
    let (mut kept, mut total) = (Vec::new(), 0);
    let files = listing.entries.iter().filter(|entry| entry.kind == EntryKind::File);
    for file in files.take(FILES as usize) {
        total += file.size;
        if file.size > FILE_BYTES || total > ALL_BYTES {
            continue;
        }
        let download =
            link.download("/workspace".to_owned(), format!("{FOLDER}/{}", file.path)).await;
        let mut bytes = Vec::new();
        let Ok(reader) = download else { continue };
        // TRUST: the size that was listed binds nobody inside; the reader is bounded here.
        if reader.take(FILE_BYTES).read_to_end(&mut bytes).await.is_err() {
            continue;
        }
        let size = bytes.len() as u64;
        let blob = store
            .put_blob(org, &agent.to_string(), &bytes, now_ms)
            .await
            .context("keep an artifact")?
            .digest;
        let path = format!("artifacts/{}", file.path);
        let same = before.iter().find(|old| old.path == path && old.blob == blob);
        kept.push(same.cloned().unwrap_or(Kept { path, blob, size, at_ms: now_ms }));
    }
    if kept.is_empty() && before.is_empty() {
        return Ok(());
    }
    let body = serde_json::to_string(&kept).context("encode the list of artifacts")?;
    store
        .put(org, KIND, &agent.to_string(), Expect::Anything, &body)
        .await
        .context("keep the list of artifacts")?;
    Ok(())
}

/// The right to fetch one blob until a moment, as a keyed digest.
pub fn right(key: &[u8; 32], org: &OrgId, blob: &str, expires_ms: i64) -> String {
    blake3::keyed_hash(key, format!("{org}\n{blob}\n{expires_ms}").as_bytes()).to_hex().to_string()
}

/// Whether that is the right.
pub fn is_right(key: &[u8; 32], org: &OrgId, blob: &str, expires_ms: i64, given: &str) -> bool {
    let Ok(given) = blake3::Hash::from_hex(given) else { return false };
    // Digests compare in constant time.
    blake3::keyed_hash(key, format!("{org}\n{blob}\n{expires_ms}").as_bytes()) == given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_its_own_blob_until_its_time_only() {
        let (key, org) = ([7; 32], OrgId::default_org());
        let given = right(&key, &org, "ab", 5);
        assert!(is_right(&key, &org, "ab", 5, &given));
        assert!(!is_right(&key, &org, "ab", 6, &given));
        assert!(!is_right(&key, &org, "ac", 5, &given));
        assert!(!is_right(&[8; 32], &org, "ab", 5, &given));
        assert!(!is_right(&key, &org, "ab", 5, "zz"));
    }
}
