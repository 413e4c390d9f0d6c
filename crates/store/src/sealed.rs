//! Values of variables and credentials, encrypted at rest.
//!
//! Each value has its own random key, which the key-encryption key wraps ([`crate::vault`]). Both are
//! bound to organisation, owner, name and version: a row copied elsewhere does not open.

use crate::error::Error;
use crate::open::Store;
use crate::sql::{int, nat, statements, text};
use crate::vault::{KEY_BYTES, Ring};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use protocol::ids::OrgId;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sqlx::{AnyConnection, Row};
use std::sync::Arc;

/// Bytes of a nonce; random ones never meet at this length.
const NONCE_BYTES: usize = 24;

statements! {
    VERSION = "SELECT version FROM sealed WHERE org = $1 AND owner = $2 AND name = $3";
    WRITE = "INSERT INTO sealed \
        (org, owner, name, version, wrapped_key, ciphertext, at_ms, generation) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (org, owner, name) DO UPDATE SET \
        version = excluded.version, wrapped_key = excluded.wrapped_key, \
        ciphertext = excluded.ciphertext, at_ms = excluded.at_ms, generation = excluded.generation";
    OPEN = "SELECT version, wrapped_key, ciphertext, generation FROM sealed \
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

/// Where a value belongs; what its encryption is bound to.
pub(crate) struct Place<'a> {
    pub(crate) org: &'a str,
    pub(crate) owner: &'a str,
    pub(crate) name: &'a str,
    pub(crate) version: i64,
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

/// A value under a key of its own, and that key under the newest one of the vault.
struct Sealed {
    generation: u64,
    wrapped: Vec<u8>,
    ciphertext: Vec<u8>,
}

fn seal(ring: &Ring, place: &Place<'_>, value: &Secret) -> Result<Sealed, Error> {
    let data_key: SecretSlice<u8> = random(KEY_BYTES)?.into();
    let ciphertext =
        encrypt(data_key.expose_secret(), &place.bytes("value"), value.expose().as_bytes())?;
    let (generation, key) = ring.newest()?;
    Ok(Sealed { generation, wrapped: wrap(key, place, &data_key)?, ciphertext })
}

/// The key of a value, under a key of the vault.
pub(crate) fn wrap(
    key: &SecretSlice<u8>,
    place: &Place<'_>,
    data_key: &SecretSlice<u8>,
) -> Result<Vec<u8>, Error> {
    encrypt(key.expose_secret(), &place.bytes("key"), data_key.expose_secret())
}

/// The key of a value, out of its wrapping.
pub(crate) fn unwrap(
    key: &SecretSlice<u8>,
    place: &Place<'_>,
    wrapped: &[u8],
) -> Result<SecretSlice<u8>, Error> {
    decrypt(key.expose_secret(), &place.bytes("key"), wrapped).map(Into::into)
}

fn open(place: &Place<'_>, data_key: &SecretSlice<u8>, sealed: &[u8]) -> Result<Secret, Error> {
    let value = decrypt(data_key.expose_secret(), &place.bytes("value"), sealed)?;
    let value = String::from_utf8(value)
        .map_err(|_| Error::damaged(format!("sealed value {} is not text", place.name)))?;
    Ok(Secret::new(value))
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

/// Seals a value within a transaction, over an earlier one.
pub(crate) async fn write(
    connection: &mut AnyConnection,
    ring: &Ring,
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
    let Sealed { generation, wrapped, ciphertext } = seal(ring, &place, value)?;
    sqlx::query(WRITE)
        .bind(&org.0)
        .bind(owner)
        .bind(name)
        .bind(version)
        .bind(wrapped)
        .bind(ciphertext)
        .bind(*at_ms)
        .bind(int(generation))
        .execute(connection)
        .await?;
    Ok(())
}

impl Store {
    /// Seals a value, over an earlier one of the same owner and name.
    pub async fn seal(&self, org: &OrgId, value: SealedValue) -> Result<(), Error> {
        let work = Arc::new((org.clone(), value, self.inner.vault.clone()));
        self.inner
            .writer
            .write(move |connection| {
                let work = Arc::clone(&work);
                Box::pin(async move {
                    let (org, value, vault) = &*work;
                    write(connection, &vault.ring(), org, value).await
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
        // Taken first: the key may be replaced and removed while the value is read.
        let before = self.inner.vault.ring();
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
            let (generation, now) = (nat(&row, "generation")?, self.inner.vault.ring());
            let key = before.key(generation).or_else(|_| now.key(generation))?;
            open(&place, &unwrap(key, &place, &wrapped)?, &ciphertext)
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
