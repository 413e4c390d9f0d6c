//! Small records without a table of their own: a body under organisation, kind and key, changed
//! by comparing versions; and numbers that count up.

use crate::error::Error;
use crate::open::Store;
use crate::sql::{nat, statements, text};
use protocol::ids::OrgId;
use sqlx::{AnyConnection, Row};

statements! {
    GET = "SELECT key, body, version FROM kv WHERE org = $1 AND kind = $2 AND key = $3";
    LIST = "SELECT key, body, version FROM kv WHERE org = $1 AND kind = $2 AND key > $3 \
        AND substr(key, 1, $4) = $5 ORDER BY key LIMIT $6";
    INSERT = "INSERT INTO kv (org, kind, key, body, version) VALUES ($1, $2, $3, $4, 1) \
        ON CONFLICT (org, kind, key) DO NOTHING";
    REPLACE = "UPDATE kv SET body = $4, version = version + 1 \
        WHERE org = $1 AND kind = $2 AND key = $3 AND version = $5";
    PUT = "INSERT INTO kv (org, kind, key, body, version) VALUES ($1, $2, $3, $4, 1) \
        ON CONFLICT (org, kind, key) DO UPDATE SET body = excluded.body, version = kv.version + 1 \
        RETURNING version";
    DELETE = "DELETE FROM kv WHERE org = $1 AND kind = $2 AND key = $3";
    NEXT_NUMBER = "INSERT INTO numbers (org, scope, value) VALUES ($1, $2, 1) \
        ON CONFLICT (org, scope) DO UPDATE SET value = numbers.value + 1 RETURNING value";
}

/// A small record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key within organisation and kind.
    pub key: String,
    /// Its content.
    pub body: String,
    /// Rises with every change, from 1.
    pub version: i64,
}

/// What a change expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// No such key.
    Absent,
    /// This version.
    Version(i64),
    /// Whatever is there.
    Anything,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// Done; the version now.
    Done(i64),
    /// Something else was found: read again.
    Conflict,
}

impl Store {
    /// One record.
    pub async fn get(&self, org: &OrgId, kind: &str, key: &str) -> Result<Option<Entry>, Error> {
        let row = sqlx::query(GET)
            .bind(&org.0)
            .bind(kind)
            .bind(key)
            .fetch_optional(&self.inner.readers)
            .await?;
        row.as_ref().map(entry).transpose()
    }

    /// Records whose keys begin with `prefix`, by key, after the key `after`.
    pub async fn list(
        &self,
        org: &OrgId,
        kind: &str,
        prefix: &str,
        after: &str,
        limit: u16,
    ) -> Result<Vec<Entry>, Error> {
        // A key with the prefix never sorts before it, so the index begins where the prefix does.
        let rows = sqlx::query(LIST)
            .bind(&org.0)
            .bind(kind)
            .bind(after)
            .bind(i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX))
            .bind(prefix)
            .bind(i64::from(limit))
            .fetch_all(&self.inner.readers)
            .await?;
        rows.iter().map(entry).collect()
    }

    /// Writes a record if what is there is as expected.
    pub async fn put(
        &self,
        org: &OrgId,
        kind: &str,
        key: &str,
        expect: Expect,
        body: &str,
    ) -> Result<Put, Error> {
        let texts = [org.0.clone(), kind.to_owned(), key.to_owned(), body.to_owned()];
        self.inner
            .writer
            .write(move |connection| {
                let texts = texts.clone();
                Box::pin(put(connection, texts, expect))
            })
            .await
    }

    /// Removes a record; false = it was not there.
    pub async fn delete(&self, org: &OrgId, kind: &str, key: &str) -> Result<bool, Error> {
        let texts = [org.0.clone(), kind.to_owned(), key.to_owned()];
        self.inner
            .writer
            .write(move |connection| {
                let query = texts.iter().cloned().fold(sqlx::query(DELETE), |q, text| q.bind(text));
                Box::pin(async move { Ok(query.execute(connection).await?.rows_affected() == 1) })
            })
            .await
    }

    /// The next number of a scope, from 1, never given twice.
    pub async fn next_number(&self, org: &OrgId, scope: &str) -> Result<u64, Error> {
        let (org, scope) = (org.0.clone(), scope.to_owned());
        self.inner
            .writer
            .write(move |connection| {
                let query = sqlx::query(NEXT_NUMBER).bind(org.clone()).bind(scope.clone());
                Box::pin(async move { nat(&query.fetch_one(connection).await?, "value") })
            })
            .await
    }
}

async fn put(
    connection: &mut AnyConnection,
    texts: [String; 4],
    expect: Expect,
) -> Result<Put, Error> {
    let bind = |statement| texts.into_iter().fold(sqlx::query(statement), |q, text| q.bind(text));
    let (changed, version) = match expect {
        Expect::Absent => (bind(INSERT).execute(connection).await?.rows_affected(), 1),
        Expect::Version(version) => {
            let query = bind(REPLACE).bind(version);
            (query.execute(connection).await?.rows_affected(), version.saturating_add(1))
        }
        Expect::Anything => (1, bind(PUT).fetch_one(connection).await?.try_get("version")?),
    };
    Ok(if changed == 1 { Put::Done(version) } else { Put::Conflict })
}

fn entry(row: &sqlx::any::AnyRow) -> Result<Entry, Error> {
    Ok(Entry { key: text(row, "key")?, body: text(row, "body")?, version: row.try_get("version")? })
}
