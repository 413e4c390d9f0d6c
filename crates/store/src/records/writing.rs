//! How the rows are written, as parts of an append.

use super::{AgentRow, PULL_REQUEST, REPO, RunRow};
use crate::error::Error;
use crate::log::Hash;
use crate::sql::{Statement, Value, int, statements, to_json};
use protocol::ids::{OrgId, Seq, Term};
use sqlx::AnyConnection;

/// In the place of a term: whoever holds the lease.
const ANY_TERM: i64 = -1;

statements! {
    INSERT_AGENT = "INSERT INTO agents (org, id, head_seq, head_hash, name, name_folded, status, \
        repo_urls, pr_urls, archived, created_ms, updated_ms, latest_run, branch, model, usage, \
        cost_micros, detail, open, wake_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
        $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) ON CONFLICT (org, id) DO NOTHING";
    UPDATE_AGENT = "UPDATE agents SET head_seq = $3, head_hash = $4, name = $5, name_folded = $6, \
        status = $7, repo_urls = $8, pr_urls = $9, archived = $10, created_ms = $11, updated_ms = $12, \
        latest_run = $13, branch = $14, model = $15, usage = $16, cost_micros = $17, \
        detail = $18, open = $19, wake_at_ms = $20 \
        WHERE org = $1 AND id = $2 AND head_seq = $21";
    ADVANCE_AGENT = "UPDATE agents SET head_seq = $3, head_hash = $4, updated_ms = $5, \
        latest_run = $6, branch = $7, model = $8, usage = $9, cost_micros = $10, detail = $11 \
        WHERE org = $1 AND id = $2 AND head_seq = $12 AND head_hash = $13 AND name = $14 \
        AND status = $15 AND repo_urls = $16 AND pr_urls = $17 AND archived = $18 \
        AND created_ms = $19 AND open = $20 AND wake_at_ms IS NOT DISTINCT FROM $21 \
        AND ($22 < 0 OR $22 = COALESCE( \
        (SELECT term FROM leases WHERE leases.org = $1 AND leases.agent = $2), 0))";
    LINK = "INSERT INTO agent_links (org, kind, value, created_ms, agent) \
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (org, kind, value, created_ms, agent) DO NOTHING";
    UNLINK = "DELETE FROM agent_links WHERE org = $1 AND agent = $2";
    WRITE_RUN = "INSERT INTO runs (org, agent, id, status, created_ms, updated_ms, duration_ms, \
        prompt, result, failure, usage, cost_micros, git) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
        ON CONFLICT (org, agent, id) DO UPDATE SET status = excluded.status, \
        updated_ms = excluded.updated_ms, duration_ms = excluded.duration_ms, \
        prompt = excluded.prompt, result = excluded.result, failure = excluded.failure, \
        usage = excluded.usage, cost_micros = excluded.cost_micros, git = excluded.git";
}

/// Where a row stands in its log.
pub(crate) struct Place<'a> {
    pub(crate) org: &'a OrgId,
    pub(crate) agent: &'a str,
    pub(crate) expected: Seq,
    pub(crate) head: Seq,
    pub(crate) hash: Hash,
}

/// Writes the agent's row; false = the log's head is no longer the expected one.
pub(crate) async fn write_agent(
    connection: &mut AnyConnection,
    place: &Place<'_>,
    row: &AgentRow,
    links_before: Option<(&str, &str)>,
) -> Result<bool, Error> {
    let (repo_urls, pr_urls) = (to_json(&row.repo_urls)?, to_json(&row.pr_urls)?);
    let mut query = sqlx::query(if links_before.is_some() { UPDATE_AGENT } else { INSERT_AGENT })
        .bind(&place.org.0)
        .bind(place.agent)
        .bind(int(place.head.0))
        .bind(place.hash.0.as_slice())
        .bind(&row.name)
        .bind(row.name.to_lowercase())
        .bind(&row.status)
        .bind(&repo_urls)
        .bind(&pr_urls)
        .bind(i64::from(row.archived))
        .bind(row.created_ms)
        .bind(row.updated_ms)
        .bind(row.latest_run.map(|run| run.to_string()))
        .bind(&row.branch)
        .bind(&row.model)
        .bind(to_json(&row.usage)?)
        .bind(int(row.cost_micros))
        .bind(to_json(&row.detail)?)
        .bind(i64::from(row.open))
        .bind(row.wake_at_ms);
    if links_before.is_some() {
        query = query.bind(int(place.expected.0));
    }
    if query.execute(&mut *connection).await?.rows_affected() == 0 {
        return Ok(false);
    }
    if links_before != Some((repo_urls.as_str(), pr_urls.as_str())) {
        write_links(connection, place, row).await?;
    }
    Ok(true)
}

/// Moves the agent's row on if the log ends at `place.expected` with this digest, the term is in
/// force, and nothing changes that lists are sorted, searched or linked by. It changes no row where
/// one of these is not so. A database rewrites the index of every column that it is told to set,
/// changed or not; here none is set that has one.
pub(crate) fn advance_agent(
    place: &Place<'_>,
    before: Hash,
    term: Option<Term>,
    row: &AgentRow,
) -> Result<Statement, Error> {
    let values = vec![
        Value::from(place.org.0.clone()),
        Value::from(place.agent.to_owned()),
        Value::from(int(place.head.0)),
        Value::Bytes(place.hash.0.to_vec()),
        Value::from(row.updated_ms),
        Value::Text(row.latest_run.map(|run| run.to_string())),
        Value::from(row.branch.clone()),
        Value::from(row.model.clone()),
        Value::from(to_json(&row.usage)?),
        Value::from(int(row.cost_micros)),
        Value::from(to_json(&row.detail)?),
        Value::from(int(place.expected.0)),
        Value::Bytes(before.0.to_vec()),
        Value::from(row.name.clone()),
        Value::from(row.status.clone()),
        Value::from(to_json(&row.repo_urls)?),
        Value::from(to_json(&row.pr_urls)?),
        Value::from(i64::from(row.archived)),
        Value::from(row.created_ms),
        Value::from(i64::from(row.open)),
        Value::Int(row.wake_at_ms),
        Value::from(term.map_or(ANY_TERM, |term| int(term.0))),
    ];
    Ok((ADVANCE_AGENT, values))
}

async fn write_links(
    connection: &mut AnyConnection,
    place: &Place<'_>,
    row: &AgentRow,
) -> Result<(), Error> {
    let unlink = sqlx::query(UNLINK).bind(&place.org.0).bind(place.agent);
    unlink.execute(&mut *connection).await?;
    let repos = row.repo_urls.iter().map(|url| (REPO, url));
    let pulls = row.pr_urls.iter().map(|url| (PULL_REQUEST, url));
    for (kind, value) in repos.chain(pulls) {
        sqlx::query(LINK)
            .bind(&place.org.0)
            .bind(kind)
            .bind(value)
            .bind(row.created_ms)
            .bind(place.agent)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Writes a run's row over an earlier one.
pub(crate) fn write_run(org: &OrgId, agent: &str, run: &RunRow) -> Result<Statement, Error> {
    let values = vec![
        Value::from(org.0.clone()),
        Value::from(agent.to_owned()),
        Value::from(run.run.to_string()),
        Value::from(to_json(&run.status)?),
        Value::from(run.created_ms),
        Value::from(run.updated_ms),
        Value::Int(run.duration_ms.map(int)),
        Value::from(run.prompt.clone()),
        Value::Text(run.result.as_deref().map(str::to_owned)),
        Value::Text(run.failure.as_ref().map(to_json).transpose()?),
        Value::from(to_json(&run.usage)?),
        Value::from(int(run.cost_micros)),
        Value::from(to_json(&run.git)?),
    ];
    Ok((WRITE_RUN, values))
}
