//! Appending: events, records, sealed values, outbox and the idempotency mark in one transaction.

use crate::at_once;
use crate::audit::NewRecord;
use crate::error::Error;
use crate::log::{BLOB, Hash, INLINE, StoredEvent};
use crate::open::{Committed, Store};
use crate::outbox::Letter;
use crate::records::writing::{self, Place};
use crate::records::{AgentRow, RunRow};
use crate::sealed::SealedValue;
use crate::sql::{Statement, Value, int, nat, query, statements, text};
use crate::vault::Vault;
use crate::writer::Quick;
use protocol::event::{Event, Logged, VERSION};
use protocol::ids::{AgentId, OrgId, Seq, Term};
use protocol::limits::EVENT_INLINE_BYTES;
use sqlx::{AnyConnection, Row};
use std::sync::Arc;

/// Events written by one statement at most.
const EVENTS_AT_ONCE: usize = 4;

/// Writes the events that follow each other from `$3` on.
macro_rules! insert_events {
    ($rows:expr) => {
        concat!(
            "INSERT INTO events ",
            "(org, agent, seq, version, at_ms, type, place, body, body_hash, hash) VALUES ",
            $rows
        )
    };
}
macro_rules! rows_1 {
    () => {
        "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    };
}
macro_rules! rows_2 {
    () => {
        concat!(rows_1!(), ", ($1, $2, $3 + 1, $4, $11, $12, $13, $14, $15, $16)")
    };
}
macro_rules! rows_3 {
    () => {
        concat!(rows_2!(), ", ($1, $2, $3 + 2, $4, $17, $18, $19, $20, $21, $22)")
    };
}
macro_rules! rows_4 {
    () => {
        concat!(rows_3!(), ", ($1, $2, $3 + 3, $4, $23, $24, $25, $26, $27, $28)")
    };
}

statements! {
    STANDING = "SELECT a.head_seq, a.head_hash, a.repo_urls, a.pr_urls, COALESCE(l.term, 0) AS term \
        FROM agents a LEFT JOIN leases l ON l.org = a.org AND l.agent = a.id \
        WHERE a.org = $1 AND a.id = $2";
    TERM = "SELECT term FROM leases WHERE org = $1 AND agent = $2";
    EVENTS_1 = insert_events!(rows_1!());
    EVENTS_2 = insert_events!(rows_2!());
    EVENTS_3 = insert_events!(rows_3!());
    EVENTS_4 = insert_events!(rows_4!());
    REMEMBERED = "SELECT response FROM idempotency WHERE org = $1 AND key = $2";
    REMEMBER = "INSERT INTO idempotency (org, key, response, at_ms) VALUES ($1, $2, $3, $4)";
    FORGET = "DELETE FROM idempotency WHERE at_ms < $1";
}

/// Everything that becomes true at once.
pub struct Append {
    /// Whose agent.
    pub org: OrgId,
    /// Which agent.
    pub agent: AgentId,
    /// The last event the caller has folded; 0 opens the agent.
    pub expected: Seq,
    /// The driver's lease; none for inputs accepted at the door.
    pub term: Option<Term>,
    /// When and what, in order; none when only records change.
    pub events: Vec<(i64, Event)>,
    /// The agent as lists show it, after these events.
    pub agent_row: AgentRow,
    /// Runs that changed.
    pub run_rows: Vec<RunRow>,
    /// Values that events name.
    pub sealed: Vec<SealedValue>,
    /// Answer to give when the same request comes again.
    pub idempotency: Option<Idempotency>,
    /// Messages to the world outside.
    pub letters: Vec<Letter>,
    /// What of it stands in the audit log too.
    pub audit: Vec<NewRecord>,
    /// Wake the agent's driver, now or after a restart.
    pub nudge: bool,
}

/// What makes a repeated request recognisable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key, made unique by the caller's principal and path.
    pub key: String,
    /// What was answered.
    pub response: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// An event that is now in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Appended {
    /// The event, to be folded.
    pub logged: Logged,
    /// The same event as every later reader sees it.
    pub stored: StoredEvent,
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another writer was first: read what it wrote and decide again.
    #[error("the log has grown to {actual}")]
    SeqConflict {
        /// The last event; 0 when there is no such agent.
        actual: Seq,
    },
    /// The lease was lost to another holder: stop.
    #[error("the lease is lost: the term is now {actual}")]
    Fenced {
        /// The term in force; 0 when nobody ever held the lease.
        actual: Term,
    },
    /// This request was carried out before.
    #[error("the request was carried out before")]
    Duplicate {
        /// What was answered then.
        response: String,
    },
    /// The store failed.
    #[error("append to the log")]
    Store(#[from] Error),
}

/// An event ready to be written: everything but its digest, which depends on the one before.
pub(crate) struct Entry {
    seq: Seq,
    pub(crate) at_ms: i64,
    pub(crate) kind: Arc<str>,
    pub(crate) body: Arc<str>,
    pub(crate) body_hash: Hash,
    pub(crate) place: i64,
}

pub(crate) struct Prepared {
    pub(crate) request: Append,
    agent_text: String,
    pub(crate) entries: Vec<Entry>,
    /// Digest of the expected event, if this process wrote it. The database has the last word.
    pub(crate) before: Option<Hash>,
}

/// What the database says about the agent.
struct Standing {
    seq: Seq,
    hash: Hash,
    repo_urls: String,
    pr_urls: String,
    /// The term in force; 0 when nobody ever held the lease.
    term: Term,
}

/// An event's type and its JSON text.
pub(crate) fn encode(event: &Event) -> Result<(String, String), Error> {
    #[derive(serde::Deserialize)]
    struct Tag {
        r#type: String,
    }
    let body = crate::sql::to_json(event)?;
    let tag: Tag = crate::sql::from_json(&body, "body")?;
    Ok((tag.r#type, body))
}

impl Store {
    /// Appends after the commit is on disk, or changes nothing.
    pub async fn append(&self, request: Append) -> Result<Vec<Appended>, AppendError> {
        let before = self.inner.tips.hash(&request.org, request.agent, request.expected);
        let prepared = Arc::new(prepare(request, before)?);
        let large = prepared.entries.iter().filter(|entry| entry.place == BLOB);
        // Held until the commit: a blob is not collected between its writing and its reference.
        let mut guard = None;
        for entry in large {
            if guard.is_none() {
                guard = Some(self.inner.blobs.keep().await);
            }
            let (digest, bytes) = (entry.body_hash.to_string(), entry.body.as_bytes());
            match self.inner.blobs.write(&digest, bytes).await {
                Err(Error::Full) if self.inner.reserve.give_up() => {
                    self.inner.blobs.write(&digest, bytes).await?;
                }
                written => written?,
            }
        }
        let hashes = self.commit_append(&prepared).await??;
        drop(guard);
        Ok(prepared.appended(&hashes))
    }

    async fn commit_append(
        &self,
        prepared: &Arc<Prepared>,
    ) -> Result<Result<Vec<Hash>, AppendError>, Error> {
        let (inner, work) = (Arc::clone(&self.inner), Arc::clone(prepared));
        let committed = self.inner.committed.clone();
        let notice = Committed {
            org: prepared.request.org.clone(),
            agent: prepared.request.agent,
            head: prepared.head(),
            nudge: prepared.request.nudge,
        };
        let vault = inner.vault.clone();
        let tips = Arc::clone(&inner.tips);
        let same = Arc::clone(prepared);
        let quick: Quick<_> =
            Box::new(move |connection| Ok(at_once::append(connection, &same)?.map(Ok)));
        self.inner
            .writer
            .write_then(
                move |connection| {
                    let (work, vault) = (Arc::clone(&work), vault.clone());
                    Box::pin(async move { carry_out(connection, &work, &vault).await })
                },
                prepared.is_plain().then_some(quick),
                move |outcome: &Result<Vec<Hash>, AppendError>| {
                    if let Ok(hashes) = outcome {
                        if let Some(hash) = hashes.last() {
                            tips.keep(&notice.org, notice.agent, notice.head, *hash);
                        }
                        // Nobody listening is fine: whoever comes later reads the log.
                        drop(committed.send(notice));
                    }
                },
            )
            .await
    }

    /// The answer given to an earlier request with this key.
    pub async fn remembered(&self, org: &OrgId, key: &str) -> Result<Option<String>, Error> {
        let row = sqlx::query(REMEMBERED)
            .bind(&org.0)
            .bind(key)
            .fetch_optional(&self.inner.readers)
            .await?;
        row.map(|row| text(&row, "response")).transpose()
    }

    /// Forgets answers given before a time.
    pub async fn forget_answers(&self, before_ms: i64) -> Result<u64, Error> {
        self.inner
            .writer
            .write(move |connection| {
                Box::pin(async move {
                    let done = sqlx::query(FORGET).bind(before_ms).execute(connection).await?;
                    Ok(done.rows_affected())
                })
            })
            .await
    }
}

pub(crate) fn prepare(mut request: Append, before: Option<Hash>) -> Result<Prepared, Error> {
    request.agent_row.open |= request.nudge;
    let mut entries = Vec::with_capacity(request.events.len());
    let mut seq = request.expected;
    for (at_ms, event) in &request.events {
        seq = seq.next();
        let (kind, body) = encode(event)?;
        let place = if body.len() > EVENT_INLINE_BYTES { BLOB } else { INLINE };
        let body_hash = Hash::of(body.as_bytes());
        let (kind, body) = (kind.into(), body.into());
        entries.push(Entry { seq, at_ms: *at_ms, kind, body, body_hash, place });
    }
    let agent_text = request.agent.to_string();
    Ok(Prepared { request, agent_text, entries, before })
}

impl Prepared {
    /// Whether it consists of a few events and what follows from them.
    fn is_plain(&self) -> bool {
        let request = &self.request;
        request.idempotency.is_none()
            && request.sealed.is_empty()
            && request.letters.is_empty()
            && request.audit.is_empty()
            && !self.entries.is_empty()
            && self.entries.iter().all(|entry| entry.place == INLINE)
    }

    /// The statement that writes one of its events, which lies inline.
    pub(crate) fn write_event(&self, entry: &Entry, hash: Hash) -> Statement {
        let values = vec![
            Value::from(self.request.org.0.clone()),
            Value::from(self.agent_text.clone()),
            Value::from(int(entry.seq.0)),
            Value::from(i64::from(VERSION)),
            Value::from(entry.at_ms),
            Value::from(entry.kind.to_string()),
            Value::from(entry.place),
            Value::from(entry.body.to_string()),
            Value::Bytes(entry.body_hash.0.to_vec()),
            Value::Bytes(hash.0.to_vec()),
        ];
        (EVENTS_1, values)
    }

    /// The statements that write the rows of its runs.
    pub(crate) fn write_runs(&self) -> impl Iterator<Item = Result<Statement, Error>> {
        let org = &self.request.org;
        self.request.run_rows.iter().map(|run| writing::write_run(org, &self.agent_text, run))
    }

    fn head(&self) -> Seq {
        self.entries.last().map_or(self.request.expected, |entry| entry.seq)
    }

    pub(crate) fn place(&self, hash: Hash) -> Place<'_> {
        Place {
            org: &self.request.org,
            agent: &self.agent_text,
            expected: self.request.expected,
            head: self.head(),
            hash,
        }
    }

    fn appended(&self, hashes: &[Hash]) -> Vec<Appended> {
        let events = self.request.events.iter().zip(&self.entries).zip(hashes);
        events
            .map(|(((at_ms, event), entry), hash)| Appended {
                logged: Logged { seq: entry.seq, at_ms: *at_ms, event: event.clone() },
                stored: StoredEvent {
                    seq: entry.seq,
                    at_ms: *at_ms,
                    kind: Arc::clone(&entry.kind),
                    body: Arc::clone(&entry.body),
                    hash: *hash,
                },
            })
            .collect()
    }

    pub(crate) fn hashes(&self, mut previous: Hash) -> Vec<Hash> {
        let mut hashes = Vec::with_capacity(self.entries.len());
        for Entry { seq, at_ms, kind, body_hash, .. } in &self.entries {
            previous = previous.follow(*seq, *at_ms, kind, body_hash);
            hashes.push(previous);
        }
        hashes
    }
}

/// Refusals come before the first write: the transaction is shared with other requests.
async fn carry_out(
    connection: &mut AnyConnection,
    work: &Prepared,
    vault: &Vault,
) -> Result<Result<Vec<Hash>, AppendError>, Error> {
    if let Some(refusal) = refuse_early(connection, work).await? {
        return Ok(Err(refusal));
    }
    if let Some(hashes) = go_on(connection, work).await? {
        write_rest(connection, work, vault, &hashes).await?;
        return Ok(Ok(hashes));
    }
    let standing = standing(connection, work).await?;
    if let Some(term) = work.request.term {
        let actual = match &standing {
            Some(standing) => standing.term,
            None => leased(connection, work).await?,
        };
        if actual != term {
            return Ok(Err(AppendError::Fenced { actual }));
        }
    }
    let (seq, hash) = standing.as_ref().map_or((Seq(0), Hash::NONE), |s| (s.seq, s.hash));
    if seq != work.request.expected || (standing.is_none() && work.entries.is_empty()) {
        return Ok(Err(AppendError::SeqConflict { actual: seq }));
    }
    let hashes = work.hashes(hash);
    let tip = hashes.last().copied().unwrap_or(hash);
    if !write_agent(connection, work, standing.as_ref(), tip).await? {
        // Only where other processes write too: they were first after our look at the head.
        let actual = self::standing(connection, work).await?.map_or(Seq(0), |s| s.seq);
        return Ok(Err(AppendError::SeqConflict { actual }));
    }
    write_rest(connection, work, vault, &hashes).await?;
    Ok(Ok(hashes))
}

/// The common case in one statement: the log ends as this process left it, the lease holds, and
/// what lists are sorted and searched by stays as it is. None = it is not so, nothing was written.
async fn go_on(
    connection: &mut AnyConnection,
    work: &Prepared,
) -> Result<Option<Vec<Hash>>, Error> {
    let Some(before) = work.before else { return Ok(None) };
    let hashes = work.hashes(before);
    let Some(tip) = hashes.last().copied() else { return Ok(None) };
    let place = work.place(tip);
    let row = &work.request.agent_row;
    let advance = writing::advance_agent(&place, before, work.request.term, row)?;
    let written = query(advance).execute(connection).await?.rows_affected() == 1;
    Ok(written.then_some(hashes))
}

async fn refuse_early(
    connection: &mut AnyConnection,
    work: &Prepared,
) -> Result<Option<AppendError>, Error> {
    let org = &work.request.org.0;
    if let Some(idempotency) = &work.request.idempotency {
        let row = sqlx::query(REMEMBERED).bind(org).bind(&idempotency.key);
        if let Some(row) = row.fetch_optional(&mut *connection).await? {
            return Ok(Some(AppendError::Duplicate { response: text(&row, "response")? }));
        }
    }
    Ok(None)
}

/// The term of an agent that is not there yet, or no longer.
async fn leased(connection: &mut AnyConnection, work: &Prepared) -> Result<Term, Error> {
    let row = sqlx::query(TERM).bind(&work.request.org.0).bind(&work.agent_text);
    match row.fetch_optional(connection).await? {
        Some(row) => Ok(Term(nat(&row, "term")?)),
        None => Ok(Term(0)),
    }
}

async fn standing(
    connection: &mut AnyConnection,
    work: &Prepared,
) -> Result<Option<Standing>, Error> {
    let row = sqlx::query(STANDING)
        .bind(&work.request.org.0)
        .bind(&work.agent_text)
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok(Standing {
            seq: Seq(nat(&row, "head_seq")?),
            hash: Hash::from_column(&row, "head_hash")?,
            repo_urls: row.try_get("repo_urls")?,
            pr_urls: row.try_get("pr_urls")?,
            term: Term(nat(&row, "term")?),
        })
    })
    .transpose()
}

async fn write_agent(
    connection: &mut AnyConnection,
    work: &Prepared,
    standing: Option<&Standing>,
    tip: Hash,
) -> Result<bool, Error> {
    let place = work.place(tip);
    let links = standing.map(|s| (s.repo_urls.as_str(), s.pr_urls.as_str()));
    writing::write_agent(connection, &place, &work.request.agent_row, links).await
}

/// Writes events that follow each other, a few at a time.
async fn write_events(
    connection: &mut AnyConnection,
    work: &Prepared,
    hashes: &[Hash],
) -> Result<(), Error> {
    let Append { org, .. } = &work.request;
    let chunks = work.entries.chunks(EVENTS_AT_ONCE).zip(hashes.chunks(EVENTS_AT_ONCE));
    for (entries, hashes) in chunks {
        let (statement, first) = match entries {
            [] => continue,
            [first] => (EVENTS_1, first),
            [first, _] => (EVENTS_2, first),
            [first, _, _] => (EVENTS_3, first),
            [first, ..] => (EVENTS_4, first),
        };
        let mut query = sqlx::query(statement)
            .bind(&org.0)
            .bind(&work.agent_text)
            .bind(int(first.seq.0))
            .bind(i64::from(VERSION));
        for (entry, hash) in entries.iter().zip(hashes) {
            query = query
                .bind(entry.at_ms)
                .bind(&*entry.kind)
                .bind(entry.place)
                .bind(if entry.place == INLINE { &*entry.body } else { "" })
                .bind(entry.body_hash.0.as_slice())
                .bind(hash.0.as_slice());
        }
        query.execute(&mut *connection).await?;
    }
    for entry in work.entries.iter().filter(|entry| entry.place == BLOB) {
        let reference = crate::blob::Reference {
            org,
            owner: &work.agent_text,
            digest: &entry.body_hash.to_string(),
            size: entry.body.len(),
            at_ms: entry.at_ms,
        };
        crate::blob::refer(connection, &reference).await?;
    }
    Ok(())
}

/// Everything but the agent's own row.
async fn write_rest(
    connection: &mut AnyConnection,
    work: &Prepared,
    vault: &Vault,
    hashes: &[Hash],
) -> Result<(), Error> {
    write_events(connection, work, hashes).await?;
    let Append { org, sealed, letters, idempotency, audit, .. } = &work.request;
    for run in work.write_runs() {
        query(run?).execute(&mut *connection).await?;
    }
    for value in sealed {
        crate::sealed::write(connection, &vault.ring(), org, value).await?;
    }
    for letter in letters {
        crate::outbox::write(connection, org, &work.agent_text, letter).await?;
    }
    if let Some(Idempotency { key, response, at_ms }) = idempotency {
        sqlx::query(REMEMBER)
            .bind(&org.0)
            .bind(key)
            .bind(response)
            .bind(*at_ms)
            .execute(&mut *connection)
            .await?;
    }
    let hash_of = |seq| work.entries.iter().zip(hashes).find(|(it, _)| it.seq == seq);
    crate::audit::write(connection, org, audit, |seq| hash_of(seq).map(|(_, hash)| *hash)).await
}
