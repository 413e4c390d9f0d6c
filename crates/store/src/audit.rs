//! The audit log of an organisation: who did what when, and what left. Records are appended, each with the hash of the
//! one before ([`chain`]), and never changed; those of an agent stay when the agent is deleted.
//!
//! What an agent's own log tells already is written in the same transaction as its event and names that event's place
//! and hash ([`NewRecord::event`]).

pub mod chain;

use crate::error::Error;
use crate::log::Hash;
use crate::open::Store;
use crate::sql::{int, nat, statements, text};
use chain::{AuditHead, Broken, Chain, Line};
use protocol::ids::{AgentId, OrgId, RunId, Seq};
use protocol::limits::AUDIT_DETAILS_BYTES;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::sync::Arc;

/// Records read at once while the chain is checked.
const VERIFY_PAGE: usize = 1000;

/// The columns of a record, and which of them are asked for, newest first.
macro_rules! newest {
    ($condition:literal) => {
        concat!(
            "SELECT seq, at_ms, kind, who, subject, agent, run, details, hash FROM audit ",
            "WHERE org = $1 AND seq < $2 AND at_ms >= $3 ",
            "AND ($4 = '' OR kind = $4 OR substr(kind, 1, length($4) + 1) = $4 || '.') ",
            $condition,
            "ORDER BY seq DESC LIMIT $5"
        )
    };
}

statements! {
    HEAD = "SELECT seq, hash FROM audit_heads WHERE org = $1";
    PUT_HEAD = "INSERT INTO audit_heads (org, seq, hash) VALUES ($1, $2, $3) \
        ON CONFLICT (org) DO UPDATE SET seq = excluded.seq, hash = excluded.hash";
    WRITE = "INSERT INTO audit (org, seq, at_ms, kind, who, subject, agent, run, details, hash) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    LINES = "SELECT seq, at_ms, kind, who, subject, agent, run, details, hash FROM audit \
        WHERE org = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    HASH = "SELECT hash FROM audit WHERE org = $1 AND seq = $2";
    NEWEST = newest!("");
    OF_AGENT = newest!("AND agent = $6 ");
    OF_SUBJECT = newest!("AND subject = $6 ");
}

/// Something to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// What: noun and verb with a dot between.
    pub kind: &'static str,
    /// Who: `key:` and its name, `agent`, or `server`.
    pub who: String,
    /// What it was done to, where records are looked up by that.
    pub subject: Option<String>,
    /// Of which agent.
    pub agent: Option<AgentId>,
    /// In which run of it.
    pub run: Option<RunId>,
    /// More, of bounded size.
    pub details: Map<String, Value>,
    /// The event of the agent's log that tells it, where it is appended together with that.
    pub event: Option<Seq>,
}

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its number, dense from 1.
    pub seq: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// What.
    pub kind: String,
    /// Who.
    pub who: String,
    /// What it was done to.
    pub subject: Option<String>,
    /// Of which agent.
    pub agent: Option<AgentId>,
    /// In which run.
    pub run: Option<RunId>,
    /// More.
    pub details: Map<String, Value>,
    /// The hash of this record, which covers all before it.
    pub hash: Hash,
}

/// Whose records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum About<'a> {
    /// All.
    #[default]
    Everything,
    /// Of one agent.
    Agent(AgentId),
    /// Of what was done to this.
    Subject(&'a str),
}

/// Which records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditFilter<'a> {
    /// Whose.
    pub about: About<'a>,
    /// Only of this kind, or of the kinds of this noun.
    pub kind: Option<&'a str>,
    /// Only from this time on.
    pub since_ms: i64,
    /// Only before this one.
    pub before: u64,
}

impl Default for AuditFilter<'_> {
    fn default() -> Self {
        Self { about: About::Everything, kind: None, since_ms: i64::MIN, before: u64::MAX }
    }
}

/// Why an audit log cannot be said to hold together.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It does not.
    #[error("the audit log is broken: {0}")]
    Broken(#[from] Broken),
    /// It cannot be read.
    #[error("read the audit log")]
    Store(#[from] Error),
}

impl Store {
    /// Adds records, all of them or none.
    pub async fn record(&self, org: &OrgId, records: Vec<NewRecord>) -> Result<(), Error> {
        let work = Arc::new((org.clone(), records));
        self.inner
            .writer
            .write(move |connection| {
                let work = Arc::clone(&work);
                Box::pin(async move { write(connection, &work.0, &work.1, |_| None).await })
            })
            .await
    }

    /// The end of the log.
    pub async fn audit_head(&self, org: &OrgId) -> Result<AuditHead, Error> {
        let row = sqlx::query(HEAD).bind(&org.0).fetch_optional(&self.inner.readers).await?;
        row.as_ref().map_or(Ok(AuditHead::NONE), head)
    }

    /// Records, newest first.
    pub async fn audit(
        &self,
        org: &OrgId,
        filter: AuditFilter<'_>,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        let (statement, last) = match filter.about {
            About::Everything => (NEWEST, None),
            About::Agent(agent) => (OF_AGENT, Some(agent.to_string())),
            About::Subject(subject) => (OF_SUBJECT, Some(subject.to_owned())),
        };
        let mut query = sqlx::query(statement)
            .bind(&org.0)
            .bind(int(filter.before))
            .bind(filter.since_ms)
            .bind(filter.kind.unwrap_or_default())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        if let Some(last) = last {
            query = query.bind(last);
        }
        query.fetch_all(&self.inner.readers).await?.iter().map(record).collect()
    }

    /// The lines after `after`, oldest first, with the number of the last.
    pub async fn audit_lines(
        &self,
        org: &OrgId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, String)>, Error> {
        let row = sqlx::query(HASH).bind(&org.0).bind(int(after));
        let row = row.fetch_optional(&self.inner.readers).await?;
        let mut previous = row.map_or(Ok(Hash::NONE), |row| Hash::from_column(&row, "hash"))?;
        let rows = sqlx::query(LINES)
            .bind(&org.0)
            .bind(int(after))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.inner.readers)
            .await?;
        let mut lines = Vec::with_capacity(rows.len());
        for row in &rows {
            let (seq, line, hash) = stored_line(row, previous)?;
            lines.push((seq, line));
            previous = hash;
        }
        Ok(lines)
    }

    /// Walks the whole log: dense numbers, hashes, and its end.
    pub async fn verify_audit(
        &self,
        org: &OrgId,
        noted: Option<AuditHead>,
    ) -> Result<AuditHead, VerifyError> {
        // Taken first: the log may grow while it is walked, but never ends before this.
        let end = self.audit_head(org).await?;
        let (mut chain, mut to_end) = (Chain::new(noted), Chain::new(Some(end)));
        loop {
            let lines = self.audit_lines(org, chain.head().seq, VERIFY_PAGE).await?;
            if lines.is_empty() {
                break;
            }
            for (_, line) in lines {
                chain.follow(&line)?;
                to_end.follow(&line)?;
            }
        }
        to_end.end()?;
        Ok(chain.end()?)
    }
}

fn head(row: &AnyRow) -> Result<AuditHead, Error> {
    Ok(AuditHead { seq: nat(row, "seq")?, hash: Hash::from_column(row, "hash")? })
}

fn optional<T: std::str::FromStr>(row: &AnyRow, column: &'static str) -> Result<Option<T>, Error>
where
    T::Err: std::fmt::Display,
{
    let value: Option<String> = row.try_get(column)?;
    let parsed = value.map(|text| text.parse());
    parsed.transpose().map_err(|bad: T::Err| Error::damaged(format!("column {column}: {bad}")))
}

fn record(row: &AnyRow) -> Result<Record, Error> {
    Ok(Record {
        seq: nat(row, "seq")?,
        at_ms: row.try_get("at_ms")?,
        kind: text(row, "kind")?,
        who: text(row, "who")?,
        subject: row.try_get("subject")?,
        agent: optional(row, "agent")?,
        run: optional(row, "run")?,
        details: crate::sql::json(row, "details")?,
        hash: Hash::from_column(row, "hash")?,
    })
}

/// A row as its line, with the hash that it claims.
fn stored_line(row: &AnyRow, previous: Hash) -> Result<(u64, String, Hash), Error> {
    let seq = nat(row, "seq")?;
    let details: Box<RawValue> = crate::sql::json(row, "details")?;
    let (kind, who) = (text(row, "kind")?, text(row, "who")?);
    let texts = ["subject", "agent", "run"].map(|column| row.try_get::<Option<String>, _>(column));
    let [subject, agent, run] = texts;
    let (subject, agent, run) = (subject?, agent?, run?);
    let line = Line {
        seq,
        at_ms: row.try_get("at_ms")?,
        kind: &kind,
        who: &who,
        subject: subject.as_deref(),
        agent: agent.as_deref(),
        run: run.as_deref(),
        details: &details,
        previous: previous.to_string(),
    };
    let hash = Hash::from_column(row, "hash")?;
    let text = line.text().map_err(|bad| Error::damaged(format!("record {seq}: {bad}")))?;
    Ok((seq, chain::line(&text, hash), hash))
}

/// Details as text. Of what is too large the largest members are left out, by name: no list can push out the rest.
fn details(record: &NewRecord, hash: Option<Hash>) -> Result<Box<RawValue>, Error> {
    let mut details = record.details.clone();
    if let (Some(seq), Some(hash)) = (record.event, hash) {
        details.insert("event".to_owned(), json!({ "seq": seq.0, "hash": hash.to_string() }));
    }
    let mut text = crate::sql::to_json(&details)?;
    let mut left_out = Vec::new();
    while text.len() > AUDIT_DETAILS_BYTES {
        let size = |(name, value): (&String, &Value)| name.len() + value.to_string().len();
        let told = details.iter().filter(|(name, _)| !matches!(name.as_str(), "event" | "leftOut"));
        let largest = told.max_by_key(|member| size(*member)).map(|(name, _)| name.clone());
        let Some(largest) = largest else { break };
        details.remove(&largest);
        left_out.push(largest);
        details.insert("leftOut".to_owned(), json!(left_out));
        text = crate::sql::to_json(&details)?;
    }
    RawValue::from_string(text).map_err(|bad| Error::damaged(format!("write JSON: {bad}")))
}

/// Adds records within a transaction; `hash_of` knows the events that were appended before it.
pub(crate) async fn write(
    connection: &mut AnyConnection,
    org: &OrgId,
    records: &[NewRecord],
    hash_of: impl Fn(Seq) -> Option<Hash>,
) -> Result<(), Error> {
    if records.is_empty() {
        return Ok(());
    }
    let row = sqlx::query(HEAD).bind(&org.0).fetch_optional(&mut *connection).await?;
    let mut end = row.as_ref().map_or(Ok(AuditHead::NONE), head)?;
    for record in records {
        let details = details(record, record.event.and_then(&hash_of))?;
        let (agent, run) =
            (record.agent.map(|id| id.to_string()), record.run.map(|id| id.to_string()));
        let seq = end.seq.saturating_add(1);
        let line = Line {
            seq,
            at_ms: record.at_ms,
            kind: record.kind,
            who: &record.who,
            subject: record.subject.as_deref(),
            agent: agent.as_deref(),
            run: run.as_deref(),
            details: &details,
            previous: end.hash.to_string(),
        };
        let text = line.text().map_err(|bad| Error::damaged(format!("write JSON: {bad}")))?;
        end = AuditHead { seq, hash: chain::hash(&text) };
        sqlx::query(WRITE)
            .bind(&org.0)
            .bind(int(seq))
            .bind(record.at_ms)
            .bind(record.kind)
            .bind(&record.who)
            .bind(record.subject.as_deref())
            .bind(&agent)
            .bind(&run)
            .bind(details.get())
            .bind(end.hash.0.as_slice())
            .execute(&mut *connection)
            .await?;
    }
    let put = sqlx::query(PUT_HEAD).bind(&org.0).bind(int(end.seq)).bind(end.hash.0.as_slice());
    put.execute(connection).await?;
    Ok(())
}
