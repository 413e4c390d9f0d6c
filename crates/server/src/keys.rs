//! Keys of the API: the installation's own token in a file, and those in the store.

use crate::auth::{Caller, Credential};
use anyhow::{Context, Result};
use protocol::ids::OrgId;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use store::Store;
use store::keys::ApiKey;

/// Name of the installation's own key.
pub const ADMIN: &str = "admin";

/// Finds the caller of a token.
#[derive(Debug)]
pub struct Keys {
    /// Digest of the admin token: comparing digests leaks nothing about the token.
    admin: blake3::Hash,
    created_ms: i64,
}

impl Keys {
    /// Reads the admin token's file, or makes both.
    pub fn open(data: &Path, now_ms: i64) -> Result<(Self, PathBuf)> {
        let path = data.join("admin-token");
        let token = match std::fs::read_to_string(&path) {
            Ok(token) => token.trim().to_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(&path)?,
            Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
        };
        anyhow::ensure!(
            token.len() >= 32,
            "{} holds no token: delete it and start again",
            path.display()
        );
        Ok((Self { admin: blake3::hash(token.as_bytes()), created_ms: now_ms }, path))
    }

    /// Id of the installation's own key; another one once its token was replaced.
    fn admin_id(&self) -> String {
        // TRUST: of the digest's digest, which says nothing about the token.
        let mark = blake3::hash(self.admin.as_bytes()).to_hex();
        format!("{ADMIN}.{}", mark.get(..16).unwrap_or_default())
    }

    fn admin(&self) -> Caller {
        Caller {
            org: OrgId::default_org(),
            name: ADMIN.to_owned(),
            created_ms: self.created_ms,
            admin: true,
            credential: Credential { key: self.admin_id(), session: None, until_ms: None },
        }
    }

    /// The caller of a key by its id, while the key is in force.
    pub async fn by_id(&self, store: &Store, org: &OrgId, id: &str) -> Result<Option<Caller>> {
        if id == self.admin_id() {
            return Ok(Some(self.admin()));
        }
        Ok(store.key(org, id).await.context("look a key up")?.map(of_key))
    }

    /// The caller of this token, if it is known.
    pub async fn caller(&self, store: &Store, token: &str, now_ms: i64) -> Result<Option<Caller>> {
        if blake3::hash(token.as_bytes()) == self.admin {
            return Ok(Some(self.admin()));
        }
        let found = store.find_key(token, now_ms).await.context("look the key up")?;
        Ok(found.map(of_key))
    }
}

fn of_key(key: ApiKey) -> Caller {
    Caller {
        org: key.org,
        name: key.name,
        created_ms: key.created_ms,
        admin: false,
        credential: Credential { key: key.id, session: None, until_ms: None },
    }
}

fn make(path: &Path) -> Result<String> {
    // Two uuids of version 4 are 244 random bits from the system's generator.
    let token =
        format!("errand_{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("create {}", path.display()))?;
    writeln!(file, "{token}")
        .and_then(|()| file.sync_all())
        .with_context(|| format!("write {}", path.display()))?;
    Ok(token)
}
