//! The outbox: messages to the world outside, written with the events that cause them.
//!
//! A claim moves the message's due time forward and counts the attempt; whoever claimed it either
//! completes it or lets it come up again. So a crash in between repeats it: receivers get the id.

use crate::error::Error;
use crate::open::Store;
use crate::sql::{id, nat, statements, text};
use protocol::ids::{AgentId, OrgId};
use sqlx::{AnyConnection, Row};

statements! {
    WRITE = "INSERT INTO outbox (org, id, agent, kind, body, due_ms, attempts) \
        VALUES ($1, $2, $3, $4, $5, $6, 0) ON CONFLICT (org, id) DO NOTHING";
    CLAIM = "UPDATE outbox SET due_ms = $3, attempts = attempts + 1 \
        WHERE kind = $1 AND due_ms <= $2 AND (org, id) IN (SELECT org, id FROM outbox \
        WHERE kind = $1 AND due_ms <= $2 ORDER BY due_ms LIMIT $4) \
        RETURNING org, id, agent, body, due_ms, attempts";
    COMPLETE = "DELETE FROM outbox WHERE org = $1 AND id = $2";
    POSTPONE = "UPDATE outbox SET due_ms = $3 WHERE org = $1 AND id = $2";
}

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Unique within the organisation; the same id again is the same message.
    pub id: String,
    /// What carries it (`webhook`, …).
    pub kind: String,
    /// For the carrier alone.
    pub body: String,
    /// Not before, in milliseconds since 1970.
    pub due_ms: i64,
}

/// A message somebody is carrying now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Whose.
    pub org: OrgId,
    /// The agent it is about.
    pub agent: AgentId,
    /// The message; its due time is when it comes up again.
    pub letter: Letter,
    /// How often it was claimed, this time included.
    pub attempts: u64,
}

/// Writes a message within a transaction.
pub(crate) async fn write(
    connection: &mut AnyConnection,
    org: &OrgId,
    agent: &str,
    letter: &Letter,
) -> Result<(), Error> {
    sqlx::query(WRITE)
        .bind(&org.0)
        .bind(&letter.id)
        .bind(agent)
        .bind(&letter.kind)
        .bind(&letter.body)
        .bind(letter.due_ms)
        .execute(connection)
        .await?;
    Ok(())
}

impl Store {
    /// Takes up to `limit` messages that are due; each comes up again at `again_ms`.
    pub async fn claim(
        &self,
        kind: &str,
        now_ms: i64,
        again_ms: i64,
        limit: u16,
    ) -> Result<Vec<Claimed>, Error> {
        let kind = kind.to_owned();
        self.inner
            .writer
            .write(move |connection| {
                let kind = kind.clone();
                Box::pin(async move {
                    let rows = sqlx::query(CLAIM)
                        .bind(kind.clone())
                        .bind(now_ms)
                        .bind(again_ms)
                        .bind(i64::from(limit))
                        .fetch_all(connection)
                        .await?;
                    rows.iter().map(|row| claimed(row, &kind)).collect()
                })
            })
            .await
    }

    /// The message was delivered; false = somebody else was told so before.
    pub async fn complete(&self, org: &OrgId, id: &str) -> Result<bool, Error> {
        let (org, id) = (org.0.clone(), id.to_owned());
        self.inner
            .writer
            .write(move |connection| {
                let query = sqlx::query(COMPLETE).bind(org.clone()).bind(id.clone());
                Box::pin(async move { Ok(query.execute(connection).await?.rows_affected() == 1) })
            })
            .await
    }

    /// The message comes up again at `due_ms` and not before.
    pub async fn postpone(&self, org: &OrgId, id: &str, due_ms: i64) -> Result<bool, Error> {
        let (org, id) = (org.0.clone(), id.to_owned());
        self.inner
            .writer
            .write(move |connection| {
                let query = sqlx::query(POSTPONE).bind(org.clone()).bind(id.clone()).bind(due_ms);
                Box::pin(async move { Ok(query.execute(connection).await?.rows_affected() == 1) })
            })
            .await
    }
}

fn claimed(row: &sqlx::any::AnyRow, kind: &str) -> Result<Claimed, Error> {
    Ok(Claimed {
        org: OrgId(text(row, "org")?),
        agent: id(row, "agent")?,
        letter: Letter {
            id: text(row, "id")?,
            kind: kind.to_owned(),
            body: text(row, "body")?,
            due_ms: row.try_get("due_ms")?,
        },
        attempts: nat(row, "attempts")?,
    })
}
