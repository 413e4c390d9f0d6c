//! Values of variables and credentials, encrypted at rest.
//!
//! Each value has its own random key, which the key-encryption key wraps. Both are bound to
//! organisation, owner, name and version: a row copied elsewhere does not open.

use crate::error::Error;
use crate::open::Store;
use crate::sql::{statements, text};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use protocol::ids::OrgId;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sqlx::{AnyConnection, AnyPool, Row};
use std::future::Future;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Bytes of a nonce; random ones never meet at this length.
const NONCE_BYTES: usize = 24;

statements! {
    ANY = "SELECT name FROM sealed LIMIT 1";
    VERSION = "SELECT version FROM sealed WHERE org = $1 AND owner = $2 AND name = $3";
    WRITE = "INSERT INTO sealed (org, owner, name, version, wrapped_key, ciphertext, at_ms) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (org, owner, name) DO UPDATE SET \
        version = excluded.version, wrapped_key = excluded.wrapped_key, \
        ciphertext = excluded.ciphertext, at_ms = excluded.at_ms";
    OPEN = "SELECT version, wrapped_key, ciphertext FROM sealed \
        WHERE org = $1 AND owner = $2 AND name = $3";
    NAMES = "SELECT name FROM sealed WHERE org = $1 AND owner = $2 ORDER BY name";
    REMOVE = "DELETE FROM sealed WHERE org = $1 AND owner = $2 AND name = $3";
}

/// A text that is never shown, logged or serialised, and is wiped when dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a text in.
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// A value to be sealed, with its place.
#[derive(Clone)]
pub struct SealedValue {
    /// Whose within the organisation: an agent id, `environment/…`, `connection/…`.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// The value.
    pub value: Secret,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// Holds the key-encryption key.
#[derive(Clone)]
pub(crate) struct Sealer {
    key: Arc<SecretSlice<u8>>,
}

/// Where a value belongs; what its encryption is bound to.
struct Place<'a> {
    org: &'a str,
    owner: &'a str,
    name: &'a str,
    version: i64,
}

impl Place<'_> {
    /// Unambiguous bytes: every text is preceded by its length.
    fn bytes(&self, purpose: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for text in [purpose, self.org, self.owner, self.name] {
            bytes.extend_from_slice(&crate::sql::int(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&self.version.to_le_bytes());
        bytes
    }
}

impl Sealer {
    /// Reads the key of this installation, or makes it at the first start.
    pub(crate) async fn open(
        folder: &Path,
        any_sealed: impl Future<Output = Result<bool, Error>>,
    ) -> Result<Self, Error> {
        let path = folder.join("kek");
        let key = match std::fs::read(&path) {
            Ok(bytes) => read_key(&path, bytes)?,
            Err(e) if e.kind() == ErrorKind::NotFound => {
                // A fresh key would make every sealed value unreadable without a word.
                if any_sealed.await? {
                    return Err(Error::Key(format!(
                        "{} is missing: put it back from your backup, the stored secrets need it",
                        path.display()
                    )));
                }
                make_key(folder, &path)?
            }
            Err(e) => return Err(Error::file("read the key-encryption key")(e)),
        };
        Ok(Self { key: Arc::new(key) })
    }

    /// A key that is never written.
    pub(crate) fn ephemeral() -> Result<Self, Error> {
        Ok(Self { key: Arc::new(random(KEY_BYTES)?.into()) })
    }

    fn seal(&self, place: &Place<'_>, value: &Secret) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let data_key: SecretSlice<u8> = random(KEY_BYTES)?.into();
        let ciphertext =
            encrypt(data_key.expose_secret(), &place.bytes("value"), value.expose().as_bytes())?;
        let wrapped =
            encrypt(self.key.expose_secret(), &place.bytes("key"), data_key.expose_secret())?;
        Ok((wrapped, ciphertext))
    }

    fn open_value(
        &self,
        place: &Place<'_>,
        wrapped: &[u8],
        sealed: &[u8],
    ) -> Result<Secret, Error> {
        let data_key: SecretSlice<u8> =
            decrypt(self.key.expose_secret(), &place.bytes("key"), wrapped)?.into();
        let value = decrypt(data_key.expose_secret(), &place.bytes("value"), sealed)?;
        let value = String::from_utf8(value)
            .map_err(|_| Error::damaged(format!("sealed value {} is not text", place.name)))?;
        Ok(Secret::new(value))
    }
}

fn read_key(path: &Path, bytes: Vec<u8>) -> Result<SecretSlice<u8>, Error> {
    let mode = std::fs::metadata(path).map_err(Error::file("read the key-encryption key"))?;
    if mode.permissions().mode() & 0o077 != 0 {
        let path = path.display();
        return Err(Error::Key(format!("others can read {path}: run chmod 600 on it")));
    }
    if bytes.len() != KEY_BYTES {
        let (path, length) = (path.display(), bytes.len());
        return Err(Error::Key(format!("{path} has {length} bytes instead of {KEY_BYTES}")));
    }
    Ok(bytes.into())
}

/// The key is complete and on disk before it has its name.
fn make_key(folder: &Path, path: &Path) -> Result<SecretSlice<u8>, Error> {
    let failed = || Error::file("make the key-encryption key");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed())?;
    let key: SecretSlice<u8> = random(KEY_BYTES)?.into();
    let fresh = folder.join("kek.new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .map_err(failed())?;
    file.write_all(key.expose_secret()).map_err(failed())?;
    file.sync_all().map_err(failed())?;
    std::fs::rename(&fresh, path).map_err(failed())?;
    std::fs::File::open(folder).and_then(|f| f.sync_all()).map_err(failed())?;
    Ok(key)
}

/// Random bytes from the operating system.
pub(crate) fn random(length: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).map_err(|e| Error::Key(format!("no random bytes: {e}")))?;
    Ok(bytes)
}

fn cipher(key: &[u8]) -> Result<XChaCha20Poly1305, Error> {
    let key = Key::try_from(key).map_err(|_| Error::Key("a key has the wrong length".into()))?;
    Ok(XChaCha20Poly1305::new(&key))
}

/// Nonce and ciphertext.
fn encrypt(key: &[u8], bound_to: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
    let mut sealed = random(NONCE_BYTES)?;
    let nonce = XNonce::try_from(sealed.as_slice())
        .map_err(|_| Error::Key("a nonce has the wrong length".into()))?;
    let ciphertext = cipher(key)?
        .encrypt(&nonce, Payload { msg: plain, aad: bound_to })
        .map_err(|_| Error::Key("a value could not be sealed".into()))?;
    sealed.extend_from_slice(&ciphertext);
    Ok(sealed)
}

fn decrypt(key: &[u8], bound_to: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
    let refused = || {
        Error::Key("a sealed value does not open: it was changed or sealed with another key".into())
    };
    let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES).ok_or_else(refused)?;
    let nonce = XNonce::try_from(nonce).map_err(|_| refused())?;
    cipher(key)?.decrypt(&nonce, Payload { msg: ciphertext, aad: bound_to }).map_err(|_| refused())
}

/// Whether anything is sealed at all.
pub(crate) async fn any_sealed(pool: &AnyPool) -> Result<bool, Error> {
    Ok(sqlx::query(ANY).fetch_optional(pool).await?.is_some())
}

/// Seals a value within a transaction, over an earlier one.
pub(crate) async fn write(
    connection: &mut AnyConnection,
    sealer: &Sealer,
    org: &OrgId,
    sealed: &SealedValue,
) -> Result<(), Error> {
    let SealedValue { owner, name, value, at_ms } = sealed;
    let row = sqlx::query(VERSION).bind(&org.0).bind(owner).bind(name);
    let before: i64 = match row.fetch_optional(&mut *connection).await? {
        Some(row) => row.try_get("version")?,
        None => 0,
    };
    let version = before.saturating_add(1);
    let place = Place { org: &org.0, owner, name, version };
    let (wrapped, ciphertext) = sealer.seal(&place, value)?;
    sqlx::query(WRITE)
        .bind(&org.0)
        .bind(owner)
        .bind(name)
        .bind(version)
        .bind(wrapped)
        .bind(ciphertext)
        .bind(*at_ms)
        .execute(connection)
        .await?;
    Ok(())
}

impl Store {
    /// Seals a value, over an earlier one of the same owner and name.
    pub async fn seal(&self, org: &OrgId, value: SealedValue) -> Result<(), Error> {
        let work = Arc::new((org.clone(), value, self.inner.sealer.clone()));
        self.inner
            .writer
            .write(move |connection| {
                let work = Arc::clone(&work);
                Box::pin(async move {
                    let (org, value, sealer) = &*work;
                    write(connection, sealer, org, value).await
                })
            })
            .await
    }

    /// Opens a sealed value; none = there is none.
    pub async fn unseal(
        &self,
        org: &OrgId,
        owner: &str,
        name: &str,
    ) -> Result<Option<Secret>, Error> {
        let row = sqlx::query(OPEN)
            .bind(&org.0)
            .bind(owner)
            .bind(name)
            .fetch_optional(&self.inner.readers)
            .await?;
        row.map(|row| {
            let place = Place { org: &org.0, owner, name, version: row.try_get("version")? };
            let wrapped: Vec<u8> = row.try_get("wrapped_key")?;
            let ciphertext: Vec<u8> = row.try_get("ciphertext")?;
            self.inner.sealer.open_value(&place, &wrapped, &ciphertext)
        })
        .transpose()
    }

    /// Names of an owner's sealed values.
    pub async fn sealed_names(&self, org: &OrgId, owner: &str) -> Result<Vec<String>, Error> {
        let rows =
            sqlx::query(NAMES).bind(&org.0).bind(owner).fetch_all(&self.inner.readers).await?;
        rows.iter().map(|row| text(row, "name")).collect()
    }

    /// Removes a sealed value; false = there was none.
    pub async fn remove_sealed(&self, org: &OrgId, owner: &str, name: &str) -> Result<bool, Error> {
        let (org, owner, name) = (org.0.clone(), owner.to_owned(), name.to_owned());
        self.inner
            .writer
            .write(move |connection| {
                let query =
                    sqlx::query(REMOVE).bind(org.clone()).bind(owner.clone()).bind(name.clone());
                Box::pin(async move { Ok(query.execute(connection).await?.rows_affected() == 1) })
            })
            .await
    }
}
