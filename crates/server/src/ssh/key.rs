//! The key by which clients know this server's machines again.

use anyhow::{Context as _, Result};
use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::Ed25519Keypair;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Bytes from which the key is made.
const SEED_BYTES: usize = 32;

/// One key for all machines of a server; a client tells them apart by the name it gives them.
pub struct HostKey {
    key: PrivateKey,
}

impl HostKey {
    /// Reads the key of a data folder, or makes it.
    pub fn open(data: &Path) -> Result<Self> {
        let path = data.join("keys").join("ssh-host");
        let seed = match std::fs::read(&path) {
            Ok(bytes) => <[u8; SEED_BYTES]>::try_from(bytes.as_slice())
                .ok()
                .with_context(|| format!("{} is no key: delete it", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(&path)?,
            Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
        };
        Ok(Self { key: PrivateKey::from(Ed25519Keypair::from_seed(&seed)) })
    }

    /// The key itself.
    pub fn private(&self) -> PrivateKey {
        self.key.clone()
    }

    /// Its public half, as a line of `known_hosts` has it.
    pub fn public(&self) -> String {
        self.key.public_key().to_openssh().unwrap_or_default()
    }
}

fn make(path: &Path) -> Result<[u8; SEED_BYTES]> {
    let mut seed = [0; SEED_BYTES];
    getrandom::fill(&mut seed).context("get random bytes")?;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("create {}", path.display()))?;
    file.write_all(&seed)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("write {}", path.display()))?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_same_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("keys")).unwrap();
        let first = HostKey::open(folder.path()).unwrap().public();
        assert!(first.starts_with("ssh-ed25519 "), "{first}");
        assert_eq!(HostKey::open(folder.path()).unwrap().public(), first);
    }
}
