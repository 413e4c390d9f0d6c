//! The keys that wrap those of sealed values, a generation each, and the change to a new one.
//!
//! ```text
//!   rotate ──► key file of generation n+1 ──► what is sealed from now on
//!   rewrap ──► values of older generations, a batch at a time, wrapped by generation n+1
//!   remove ──► key files that no value needs any more
//! ```
//!
//! Each value says which generation wraps it, and the newest key file is the one that seals: so a server that is killed
//! anywhere in between finds the same picture again, and every value opens at any time. A value itself is not
//! encrypted anew: whoever has an old key and an old database has the values of that time.

mod files;

use crate::error::Error;
use crate::open::Store;
use crate::sealed::{self, Place, random};
use crate::sql::{int, nat, statements, text};
use files::{Folder, Source};
use secrecy::{ExposeSecret, SecretSlice};
use sqlx::{AnyConnection, AnyPool, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Mutex;

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;
/// Values that are wrapped anew in one transaction.
const BATCH: i64 = 200;

statements! {
    COUNTS = "SELECT generation, count(*) AS sealed FROM sealed GROUP BY generation";
    OLDER = "SELECT generation, org, owner, name, version, wrapped_key FROM sealed \
        WHERE (generation, org, owner, name) > ($1, $2, $3, $4) AND generation < $5 \
        ORDER BY generation, org, owner, name LIMIT $6";
    REWRAP = "UPDATE sealed SET wrapped_key = $1, generation = $2 \
        WHERE org = $3 AND owner = $4 AND name = $5 AND version = $6";
}

/// What a [`KeyService`] is asked for.
pub type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// Keeps keys where only an encrypted form of them lies on our disk. Errors are for the operator.
pub trait KeyService: Send + Sync {
    /// Whether new keys are to be made here rather than as plain files.
    fn makes(&self) -> bool;
    /// Makes a key of 32 bytes for a generation.
    fn make(&self, generation: u64) -> Asked<'_, MadeKey>;
    /// Opens the encrypted form of one.
    fn open<'a>(&'a self, generation: u64, kept: &'a [u8]) -> Asked<'a, SecretSlice<u8>>;
    /// The name of what encrypted it.
    fn name(&self, kept: &[u8]) -> String;
}

/// A key from a [`KeyService`].
pub struct MadeKey {
    /// The key.
    pub key: SecretSlice<u8>,
    /// As it is kept on the disk.
    pub kept: Vec<u8>,
}

/// Where a key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// A file on the server's disk holds it.
    File,
    /// A service opens it, by the key of this name.
    Service(String),
}

/// One generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Its number.
    pub number: u64,
    /// Where its key comes from.
    pub kept: Kept,
    /// The sealed values that it wraps.
    pub values: u64,
    /// What is wrong with its file.
    pub problem: Option<String>,
}

/// The keys and what they are needed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultState {
    /// The generation that seals.
    pub current: u64,
    /// All of them, oldest first.
    pub generations: Vec<Generation>,
}

impl VaultState {
    /// Values that an older generation still wraps.
    pub fn waiting(&self) -> u64 {
        self.older().map(|generation| generation.values).sum()
    }

    /// Those before the current one.
    pub fn older(&self) -> impl Iterator<Item = &Generation> {
        self.generations.iter().filter(|generation| generation.number < self.current)
    }
}

/// How far values were wrapped anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Those that were.
    pub done: u64,
    /// Those that do not open with the key that they name: left as they are.
    pub refused: u64,
    after: (i64, String, String, String),
}

/// The keys that are loaded.
pub(crate) struct Ring {
    keys: BTreeMap<u64, Arc<SecretSlice<u8>>>,
    current: u64,
}

impl Ring {
    /// The generation that seals, and its key.
    pub(crate) fn newest(&self) -> Result<(u64, &SecretSlice<u8>), Error> {
        Ok((self.current, self.key(self.current)?))
    }

    pub(crate) fn key(&self, generation: u64) -> Result<&SecretSlice<u8>, Error> {
        let missing = || Error::Key(format!("the key of generation {generation} is not loaded"));
        self.keys.get(&generation).map(Arc::as_ref).ok_or_else(missing)
    }

    fn with(&self, generation: u64, key: SecretSlice<u8>) -> Self {
        let mut keys = self.keys.clone();
        keys.insert(generation, Arc::new(key));
        Self { keys, current: generation }
    }

    fn without(&self, generation: u64) -> Self {
        let mut keys = self.keys.clone();
        keys.remove(&generation);
        Self { keys, current: self.current }
    }
}

/// The keys and where they are kept.
#[derive(Clone)]
pub(crate) struct Vault {
    ring: Arc<RwLock<Arc<Ring>>>,
    /// None: they are never written.
    folder: Option<Folder>,
    service: Option<Arc<dyn KeyService>>,
    /// One change of generations at a time.
    changing: Arc<Mutex<()>>,
}

impl Vault {
    /// Reads the keys of this installation that are needed, or makes the first one.
    pub(crate) async fn open(
        folder: &Path,
        readers: &AnyPool,
        service: Option<Arc<dyn KeyService>>,
    ) -> Result<Self, Error> {
        let folder = Folder::new(folder);
        let needed: BTreeSet<u64> = counts(readers).await?.into_keys().collect();
        let found = folder.generations()?;
        // A fresh key would make every sealed value unreadable without a word.
        if let Some(missing) = needed.iter().find(|needed| !found.contains_key(needed)) {
            return Err(folder.missing(*missing));
        }
        let mut ring = Ring { keys: BTreeMap::new(), current: 1 };
        let newest = found.last_key_value().map(|(number, _)| *number);
        for (number, source) in &found {
            if needed.contains(number) || newest == Some(*number) {
                let key = folder.read(*number, *source, service.as_deref()).await?;
                ring = ring.with(*number, key);
            }
        }
        if newest.is_none() {
            ring = ring.with(1, folder.make(1, service.as_deref()).await?);
        }
        Ok(Self::of(ring, Some(folder), service))
    }

    /// Keys that are never written.
    pub(crate) fn ephemeral() -> Result<Self, Error> {
        let ring = Ring { keys: BTreeMap::new(), current: 1 }.with(1, random(KEY_BYTES)?.into());
        Ok(Self::of(ring, None, None))
    }

    fn of(ring: Ring, folder: Option<Folder>, service: Option<Arc<dyn KeyService>>) -> Self {
        let ring = Arc::new(RwLock::new(Arc::new(ring)));
        Self { ring, folder, service, changing: Arc::default() }
    }

    /// The keys that are loaded now.
    pub(crate) fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, ring: Ring) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }

    async fn rotate(&self) -> Result<u64, Error> {
        let _alone = self.changing.lock().await;
        let ring = self.ring();
        let next = ring.current.saturating_add(1);
        let key = match &self.folder {
            Some(folder) => folder.make(next, self.service.as_deref()).await?,
            None => random(KEY_BYTES)?.into(),
        };
        self.set(ring.with(next, key));
        Ok(next)
    }

    /// Removes older keys that wrap nothing. The order matters: nothing is sealed with an older one by now, and what
    /// was is counted.
    async fn remove_older(&self, counts: &BTreeMap<u64, u64>) -> Result<Vec<u64>, Error> {
        let ring = self.ring();
        let Some(folder) = &self.folder else {
            let gone: Vec<u64> = older(ring.keys.keys(), ring.current, counts);
            gone.iter().for_each(|number| self.set(self.ring().without(*number)));
            return Ok(gone);
        };
        let found = folder.generations()?;
        // What is on the disk must open everything at the next start.
        let kept = found.get(&ring.current).ok_or_else(|| folder.missing(ring.current))?;
        let key = folder.read(ring.current, *kept, self.service.as_deref()).await?;
        if key.expose_secret() != ring.key(ring.current)?.expose_secret() {
            return Err(Error::Key(format!(
                "{} is not the key that is in use: nothing was removed; put it back from your backup",
                folder.path(ring.current, *kept).display()
            )));
        }
        let mut gone = Vec::new();
        for number in older(found.keys(), ring.current, counts) {
            if let Some(source) = found.get(&number) {
                folder.remove(number, *source)?;
            }
            self.set(self.ring().without(number));
            gone.push(number);
        }
        Ok(gone)
    }

    async fn state(&self, counts: &BTreeMap<u64, u64>) -> Result<VaultState, Error> {
        let ring = self.ring();
        let found = match &self.folder {
            Some(folder) => folder.generations()?,
            None => ring.keys.keys().map(|number| (*number, Source::Plain)).collect(),
        };
        let numbers: BTreeSet<u64> =
            found.keys().chain(ring.keys.keys()).chain(counts.keys()).copied().collect();
        let generation = |number: u64| {
            let values = counts.get(&number).copied().unwrap_or_default();
            let (kept, problem) = match (&self.folder, found.get(&number)) {
                (None, _) => (Kept::File, None),
                (Some(folder), Some(source)) => {
                    folder.look(number, *source, self.service.as_deref())
                }
                (Some(folder), None) => (Kept::File, Some(folder.missing(number).to_string())),
            };
            Generation { number, kept, values, problem }
        };
        let generations = numbers.into_iter().map(generation).collect();
        Ok(VaultState { current: ring.current, generations })
    }
}

fn older<'a>(
    all: impl Iterator<Item = &'a u64>,
    current: u64,
    counts: &BTreeMap<u64, u64>,
) -> Vec<u64> {
    let is_free = |number: &&u64| **number < current && !counts.contains_key(*number);
    all.filter(is_free).copied().collect()
}

/// How many values each generation wraps.
async fn counts<'c>(
    executor: impl sqlx::Executor<'c, Database = sqlx::Any>,
) -> Result<BTreeMap<u64, u64>, Error> {
    let rows = sqlx::query(COUNTS).fetch_all(executor).await?;
    rows.iter().map(|row| Ok((nat(row, "generation")?, nat(row, "sealed")?))).collect()
}

async fn rewrap(
    connection: &mut AnyConnection,
    ring: &Ring,
    mut so_far: Rewrapped,
) -> Result<Option<Rewrapped>, Error> {
    let (current, new_key) = ring.newest()?;
    let (generation, org, owner, name) = &so_far.after;
    let rows = sqlx::query(OLDER)
        .bind(*generation)
        .bind(org)
        .bind(owner)
        .bind(name)
        .bind(int(current))
        .bind(BATCH)
        .fetch_all(&mut *connection)
        .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    for row in &rows {
        let generation = nat(row, "generation")?;
        let (org, owner, name) = (text(row, "org")?, text(row, "owner")?, text(row, "name")?);
        let version: i64 = row.try_get("version")?;
        let wrapped: Vec<u8> = row.try_get("wrapped_key")?;
        let place = Place { org: &org, owner: &owner, name: &name, version };
        let opened = ring.key(generation).and_then(|key| sealed::unwrap(key, &place, &wrapped));
        match opened {
            Ok(data_key) => {
                let wrapped = sealed::wrap(new_key, &place, &data_key)?;
                let query = sqlx::query(REWRAP).bind(wrapped).bind(int(current)).bind(&org);
                query.bind(&owner).bind(&name).bind(version).execute(&mut *connection).await?;
                so_far.done += 1;
            }
            Err(error) => {
                tracing::error!(generation, owner, name, %error, "a sealed value stays with its old key");
                so_far.refused += 1;
            }
        }
        so_far.after = (int(generation), org, owner, name);
    }
    Ok(Some(so_far))
}

impl Store {
    /// The keys and what they are needed for.
    pub async fn vault(&self) -> Result<VaultState, Error> {
        self.inner.vault.state(&counts(&self.inner.readers).await?).await
    }

    /// Makes a new key, with which everything is sealed from now on; its generation.
    pub async fn rotate(&self) -> Result<u64, Error> {
        self.inner.vault.rotate().await
    }

    /// Wraps a batch of values with the newest key; none: there were no more.
    pub async fn rewrap(&self, so_far: Rewrapped) -> Result<Option<Rewrapped>, Error> {
        let work = Arc::new((so_far, self.inner.vault.clone()));
        self.inner
            .writer
            .write(move |connection| {
                let work = Arc::clone(&work);
                Box::pin(async move {
                    let (so_far, vault) = &*work;
                    rewrap(connection, &vault.ring(), so_far.clone()).await
                })
            })
            .await
    }

    /// Removes older keys that no value needs; their generations.
    pub async fn remove_older_keys(&self) -> Result<Vec<u64>, Error> {
        let _alone = self.inner.vault.changing.lock().await;
        // Behind everything that the writer was given before.
        let counted = self.inner.writer.write(|connection| Box::pin(counts(connection))).await?;
        self.inner.vault.remove_older(&counted).await
    }
}
