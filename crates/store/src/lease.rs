//! Leases: who drives an agent, and the term that fences off whoever drove it before.
//!
//! A term is never used twice: it rises with every acquisition and outlives release, expiry and
//! even the agent. A holder that is asked again gets a new term, which fences its own former self.

use crate::error::Error;
use crate::open::Store;
use crate::sql::{int, nat, statements, text};
use protocol::ids::{AgentId, OrgId, Term};
use sqlx::Row;

statements! {
    ACQUIRE = "INSERT INTO leases (org, agent, holder, term, expires_ms) \
        VALUES ($1, $2, $3, 1, $4) ON CONFLICT (org, agent) DO UPDATE SET \
        holder = excluded.holder, term = leases.term + 1, expires_ms = excluded.expires_ms \
        WHERE leases.expires_ms <= $5 OR leases.holder = excluded.holder RETURNING term";
    RENEW = "UPDATE leases SET expires_ms = $5 \
        WHERE org = $1 AND agent = $2 AND holder = $3 AND term = $4";
    RELEASE = "UPDATE leases SET expires_ms = 0, holder = '' \
        WHERE org = $1 AND agent = $2 AND holder = $3 AND term = $4";
    GET = "SELECT holder, term, expires_ms FROM leases WHERE org = $1 AND agent = $2";
}

/// Who holds an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Name of the holder; empty after a release.
    pub holder: String,
    /// The term in force.
    pub term: Term,
    /// Until when, in milliseconds since 1970.
    pub expires_ms: i64,
}

impl Store {
    /// Takes the lease unless another holder's has not expired.
    pub async fn acquire(
        &self,
        org: &OrgId,
        agent: AgentId,
        holder: &str,
        now_ms: i64,
        ttl_ms: i64,
    ) -> Result<Option<Term>, Error> {
        let (org, agent, holder) = (org.0.clone(), agent.to_string(), holder.to_owned());
        self.inner
            .writer
            .write(move |connection| {
                let query = sqlx::query(ACQUIRE)
                    .bind(org.clone())
                    .bind(agent.clone())
                    .bind(holder.clone())
                    .bind(now_ms.saturating_add(ttl_ms))
                    .bind(now_ms);
                Box::pin(async move {
                    let row = query.fetch_optional(connection).await?;
                    row.map(|row| Ok(Term(nat(&row, "term")?))).transpose()
                })
            })
            .await
    }

    /// Keeps the lease; false = it is lost, stop.
    pub async fn renew(
        &self,
        org: &OrgId,
        agent: AgentId,
        holder: &str,
        term: Term,
        expires_ms: i64,
    ) -> Result<bool, Error> {
        self.change(RENEW, org, agent, holder, term, Some(expires_ms)).await
    }

    /// Gives the lease up at once; false = it was lost before.
    pub async fn release(
        &self,
        org: &OrgId,
        agent: AgentId,
        holder: &str,
        term: Term,
    ) -> Result<bool, Error> {
        self.change(RELEASE, org, agent, holder, term, None).await
    }

    /// Who holds an agent; none = nobody ever did.
    pub async fn lease(&self, org: &OrgId, agent: AgentId) -> Result<Option<Lease>, Error> {
        let row = sqlx::query(GET)
            .bind(&org.0)
            .bind(agent.to_string())
            .fetch_optional(&self.inner.readers)
            .await?;
        row.map(|row| {
            Ok(Lease {
                holder: text(&row, "holder")?,
                term: Term(nat(&row, "term")?),
                expires_ms: row.try_get("expires_ms")?,
            })
        })
        .transpose()
    }

    async fn change(
        &self,
        statement: &'static str,
        org: &OrgId,
        agent: AgentId,
        holder: &str,
        term: Term,
        expires_ms: Option<i64>,
    ) -> Result<bool, Error> {
        let (org, agent, holder) = (org.0.clone(), agent.to_string(), holder.to_owned());
        self.inner
            .writer
            .write(move |connection| {
                let mut query = sqlx::query(statement)
                    .bind(org.clone())
                    .bind(agent.clone())
                    .bind(holder.clone())
                    .bind(int(term.0));
                if let Some(expires_ms) = expires_ms {
                    query = query.bind(expires_ms);
                }
                Box::pin(async move { Ok(query.execute(connection).await?.rows_affected() == 1) })
            })
            .await
    }
}
