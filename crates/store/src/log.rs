//! The log of an agent: dense, hash-chained, never rewritten. Reading, checking and redacting it.
//!
//! ```text
//! hash = blake3(previous ‖ u64 seq ‖ u64 at ‖ u32 length of type ‖ type ‖ blake3(body bytes))
//! ```
//!
//! Numbers are little-endian; the first event's `previous` is 32 zero bytes. The row keeps the
//! body's own digest, so a body that was blanked leaves a chain that still verifies.

use crate::error::Error;
use crate::open::Store;
use crate::sql::{int, nat, statements, text};
use protocol::event::{Event, Logged};
use protocol::ids::{AgentId, OrgId, Seq};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::sync::Arc;

pub use crate::append::{Append, AppendError, Appended, Idempotency};

/// Events read at once while checking a chain.
const VERIFY_PAGE: usize = 500;
/// The body stands in the row.
pub(crate) const INLINE: i64 = 0;
/// The body is a blob named by its digest; the row's text is empty.
pub(crate) const BLOB: i64 = 1;
/// The body was taken away; the row holds a replacement that the digest does not cover.
const BLANKED: i64 = 2;

statements! {
    READ = "SELECT seq, at_ms, type, place, body, body_hash, hash FROM events \
        WHERE org = $1 AND agent = $2 AND seq > $3 ORDER BY seq LIMIT $4";
    ONE = "SELECT seq, at_ms, type, place, body, body_hash, hash FROM events \
        WHERE org = $1 AND agent = $2 AND seq = $3";
    HEAD = "SELECT head_seq, head_hash FROM agents WHERE org = $1 AND id = $2";
    BLANK = "UPDATE events SET body = $4, place = 2 WHERE org = $1 AND agent = $2 AND seq = $3";
}

/// Digest of an event and all before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What stands before the first event.
    pub const NONE: Self = Self([0; 32]);

    pub(crate) fn from_column(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
        let bytes: Vec<u8> = row.try_get(column)?;
        let length = bytes.len();
        let bytes = <[u8; 32]>::try_from(bytes)
            .map_err(|_| Error::damaged(format!("column {column} has {length} bytes")))?;
        Ok(Self(bytes))
    }

    /// The digest of the event that follows this one.
    pub(crate) fn follow(self, seq: Seq, at_ms: i64, kind: &str, body: &Hash) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        hasher.update(&seq.0.to_le_bytes());
        hasher.update(&at_ms.to_le_bytes());
        hasher.update(&u32::try_from(kind.len()).unwrap_or(u32::MAX).to_le_bytes());
        hasher.update(kind.as_bytes());
        hasher.update(&body.0);
        Self(*hasher.finalize().as_bytes())
    }

    /// The digest of a stored body.
    pub(crate) fn of(body: &[u8]) -> Self {
        Self(*blake3::hash(body).as_bytes())
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// An event as it is stored: the bytes are those that were written, whatever wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Position, dense from 1.
    pub seq: Seq,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The event's type, as its body spells it.
    pub kind: Arc<str>,
    /// JSON text.
    pub body: Arc<str>,
    /// Digest of this event and all before it.
    pub hash: Hash,
}

impl StoredEvent {
    /// The event in this version's types.
    pub fn decode(&self) -> Result<Logged, Error> {
        let event = serde_json::from_str(&self.body)
            .map_err(|e| Error::damaged(format!("event {}: {e}", self.seq)))?;
        Ok(Logged { seq: self.seq, at_ms: self.at_ms, event })
    }
}

/// Where a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The last event.
    pub seq: Seq,
    /// Its digest.
    pub hash: Hash,
}

/// A row before its body was fetched.
struct Record {
    event: StoredEvent,
    place: i64,
    body_hash: Hash,
}

impl Record {
    fn from_row(row: &AnyRow) -> Result<Self, Error> {
        let event = StoredEvent {
            seq: Seq(nat(row, "seq")?),
            at_ms: row.try_get("at_ms")?,
            kind: text(row, "type")?.into(),
            body: text(row, "body")?.into(),
            hash: Hash::from_column(row, "hash")?,
        };
        let body_hash = Hash::from_column(row, "body_hash")?;
        Ok(Self { event, place: row.try_get("place")?, body_hash })
    }
}

impl Store {
    /// The end of an agent's log; none = there is no such agent.
    pub async fn head(&self, org: &OrgId, agent: AgentId) -> Result<Option<Head>, Error> {
        let row = sqlx::query(HEAD)
            .bind(&org.0)
            .bind(agent.to_string())
            .fetch_optional(&self.inner.readers)
            .await?;
        row.map(|row| {
            Ok(Head {
                seq: Seq(nat(&row, "head_seq")?),
                hash: Hash::from_column(&row, "head_hash")?,
            })
        })
        .transpose()
    }

    /// The events after `after`, at most `limit`.
    pub async fn read(
        &self,
        org: &OrgId,
        agent: AgentId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, Error> {
        let rows = self.rows(org, agent, after, limit).await?;
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            events.push(self.fill(row).await?.event);
        }
        Ok(events)
    }

    /// Walks the whole chain: dense numbers, digests of bodies and of events, and the head.
    pub async fn verify(&self, org: &OrgId, agent: AgentId) -> Result<Head, Error> {
        // Taken first: the log may grow while it is walked, but never ends before this.
        let start = Head { seq: Seq(0), hash: Hash::NONE };
        let head = self.head(org, agent).await?.unwrap_or(start);
        let mut at = start;
        loop {
            let rows = self.rows(org, agent, at.seq, VERIFY_PAGE).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                at = check(at, &self.fill(row).await?)?;
                if at.seq == head.seq && at.hash != head.hash {
                    return Err(Error::damaged(format!("the head is not event {}", at.seq)));
                }
            }
        }
        if at.seq < head.seq || head == start && at != start {
            return Err(Error::damaged(format!("the log ends at {at:?}, its head says {head:?}")));
        }
        Ok(at)
    }

    /// Replaces the body of an event for good (redaction, erasure). The replacement has the same
    /// type, so the log still folds; the chain verifies because it covers the old body's digest.
    pub async fn blank(
        &self,
        org: &OrgId,
        agent: AgentId,
        seq: Seq,
        replacement: &Event,
    ) -> Result<bool, Error> {
        let row = sqlx::query(ONE)
            .bind(&org.0)
            .bind(agent.to_string())
            .bind(int(seq.0))
            .fetch_optional(&self.inner.readers)
            .await?;
        let Some(row) = row.map(|row| Record::from_row(&row)).transpose()? else {
            return Ok(false);
        };
        let (kind, body) = crate::append::encode(replacement)?;
        if kind != *row.event.kind {
            let was = row.event.kind;
            return Err(Error::damaged(format!("event {seq} is {was}, its replacement {kind}")));
        }
        let (org_text, agent_text) = (org.0.clone(), agent.to_string());
        self.inner
            .writer
            .write(move |connection| {
                let query = sqlx::query(BLANK)
                    .bind(org_text.clone())
                    .bind(agent_text.clone())
                    .bind(int(seq.0))
                    .bind(body.clone());
                Box::pin(async move { Ok(query.execute(connection).await?.rows_affected()) })
            })
            .await?;
        if row.place == BLOB {
            self.release_blob(org, &agent.to_string(), &row.body_hash.to_string()).await?;
        }
        Ok(true)
    }

    async fn rows(
        &self,
        org: &OrgId,
        agent: AgentId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        let rows = sqlx::query(READ)
            .bind(&org.0)
            .bind(agent.to_string())
            .bind(int(after.0))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.inner.readers)
            .await?;
        rows.iter().map(Record::from_row).collect()
    }

    async fn fill(&self, mut row: Record) -> Result<Record, Error> {
        if row.place == BLOB {
            let bytes = self.inner.blobs.read(&row.body_hash.to_string()).await?;
            let body = String::from_utf8(bytes)
                .map_err(|_| Error::damaged(format!("body of event {}", row.event.seq)))?;
            row.event.body = body.into();
        }
        Ok(row)
    }
}

fn check(before: Head, row: &Record) -> Result<Head, Error> {
    let StoredEvent { seq, at_ms, kind, body, hash } = &row.event;
    if *seq != before.seq.next() {
        return Err(Error::damaged(format!("event {} is followed by {seq}", before.seq)));
    }
    if row.place != BLANKED && Hash::of(body.as_bytes()) != row.body_hash {
        return Err(Error::damaged(format!("the body of event {seq} was changed")));
    }
    if before.hash.follow(*seq, *at_ms, kind, &row.body_hash) != *hash {
        return Err(Error::damaged(format!("the chain breaks at event {seq}")));
    }
    Ok(Head { seq: *seq, hash: *hash })
}
