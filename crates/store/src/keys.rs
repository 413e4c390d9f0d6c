//! API keys: random tokens of which only the digest is kept.

use crate::error::Error;
use crate::open::Store;
use crate::sealed::{Secret, random};
use crate::sql::{statements, text};
use protocol::ids::OrgId;
use sqlx::Row;
use sqlx::any::AnyRow;

/// What every token begins with, so that scanners and people recognise one.
const TOKEN_PREFIX: &str = "errand_";
/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;
/// Random bytes of a key's id.
const ID_BYTES: usize = 8;
/// How old "last used" may be before it is written again, in milliseconds.
const LAST_USED_MS: i64 = 60_000;

statements! {
    CREATE = "INSERT INTO api_keys (digest, org, id, name, created_ms) VALUES ($1, $2, $3, $4, $5)";
    FIND = "SELECT org, id, name, created_ms, revoked_ms, last_used_ms FROM api_keys \
        WHERE digest = $1 AND revoked_ms IS NULL";
    BY_ID = "SELECT org, id, name, created_ms, revoked_ms, last_used_ms FROM api_keys \
        WHERE org = $1 AND id = $2 AND revoked_ms IS NULL";
    USED = "UPDATE api_keys SET last_used_ms = $3 WHERE org = $1 AND id = $2";
    LIST = "SELECT org, id, name, created_ms, revoked_ms, last_used_ms FROM api_keys \
        WHERE org = $1 ORDER BY created_ms DESC, id DESC";
    REVOKE = "UPDATE api_keys SET revoked_ms = $3 \
        WHERE org = $1 AND id = $2 AND revoked_ms IS NULL";
}

/// An API key, without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Whose.
    pub org: OrgId,
    /// Its id.
    pub id: String,
    /// Its name, chosen by a person.
    pub name: String,
    /// When it was made.
    pub created_ms: i64,
    /// When it was revoked.
    pub revoked_ms: Option<i64>,
    /// When it was last used, to the minute.
    pub last_used_ms: Option<i64>,
}

/// TRUST: a token is 256 random bits, so a plain digest cannot be guessed back and comparing
/// digests by index tells nothing about a token.
fn digest(token: &str) -> String {
    blake3::hash(token.as_bytes()).to_hex().to_string()
}

impl Store {
    /// Makes a key. Its token is shown this once.
    pub async fn create_key(
        &self,
        org: &OrgId,
        name: &str,
        now_ms: i64,
    ) -> Result<(ApiKey, Secret), Error> {
        let token = Secret::new(format!("{TOKEN_PREFIX}{}", hex::encode(random(TOKEN_BYTES)?)));
        let key = ApiKey {
            org: org.clone(),
            id: hex::encode(random(ID_BYTES)?),
            name: name.to_owned(),
            created_ms: now_ms,
            revoked_ms: None,
            last_used_ms: None,
        };
        let texts = [digest(token.expose()), org.0.clone(), key.id.clone(), name.to_owned()];
        self.inner
            .writer
            .write(move |connection| {
                let query = texts.iter().cloned().fold(sqlx::query(CREATE), |q, text| q.bind(text));
                let query = query.bind(now_ms);
                Box::pin(async move { Ok(query.execute(connection).await?.rows_affected()) })
            })
            .await?;
        Ok((key, token))
    }

    /// The key of a token; none = unknown or revoked.
    pub async fn find_key(&self, token: &str, now_ms: i64) -> Result<Option<ApiKey>, Error> {
        let row = sqlx::query(FIND).bind(digest(token)).fetch_optional(&self.inner.readers).await?;
        let Some(key) = row.as_ref().map(api_key).transpose()? else {
            return Ok(None);
        };
        if key.last_used_ms.is_none_or(|at| now_ms.saturating_sub(at) >= LAST_USED_MS) {
            self.stamp(USED, org_and_id(&key), now_ms).await?;
        }
        Ok(Some(key))
    }

    /// A key by its id; none = unknown or revoked.
    pub async fn key(&self, org: &OrgId, id: &str) -> Result<Option<ApiKey>, Error> {
        let row =
            sqlx::query(BY_ID).bind(&org.0).bind(id).fetch_optional(&self.inner.readers).await?;
        row.as_ref().map(api_key).transpose()
    }

    /// All keys of an organisation, newest first, revoked ones too.
    pub async fn keys(&self, org: &OrgId) -> Result<Vec<ApiKey>, Error> {
        let rows = sqlx::query(LIST).bind(&org.0).fetch_all(&self.inner.readers).await?;
        rows.iter().map(api_key).collect()
    }

    /// Revokes a key; false = there is no such key in force.
    pub async fn revoke_key(&self, org: &OrgId, id: &str, now_ms: i64) -> Result<bool, Error> {
        self.stamp(REVOKE, [org.0.clone(), id.to_owned()], now_ms).await
    }

    async fn stamp(
        &self,
        statement: &'static str,
        texts: [String; 2],
        now_ms: i64,
    ) -> Result<bool, Error> {
        self.inner
            .writer
            .write(move |connection| {
                let query =
                    texts.iter().cloned().fold(sqlx::query(statement), |q, text| q.bind(text));
                let query = query.bind(now_ms);
                Box::pin(async move { Ok(query.execute(connection).await?.rows_affected() == 1) })
            })
            .await
    }
}

fn org_and_id(key: &ApiKey) -> [String; 2] {
    [key.org.0.clone(), key.id.clone()]
}

fn api_key(row: &AnyRow) -> Result<ApiKey, Error> {
    Ok(ApiKey {
        org: OrgId(text(row, "org")?),
        id: text(row, "id")?,
        name: text(row, "name")?,
        created_ms: row.try_get("created_ms")?,
        revoked_ms: row.try_get("revoked_ms")?,
        last_used_ms: row.try_get("last_used_ms")?,
    })
}
