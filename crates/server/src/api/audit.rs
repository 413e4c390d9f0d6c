//! `/v1/audit`: who did what when; and `/v1/agents/{id}/traffic`: what left.

use super::body::Query;
use super::error::{ApiError, ApiResult};
use super::{PageQuery, agent_id};
use crate::app::App;
use crate::audit::{traffic, windows};
use crate::auth::{Caller, admin_only};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use protocol::api::audit::{AgentTraffic, AuditHeadBody, AuditRecord};
use protocol::api::{Page, moment, timestamp};
use protocol::ids::OrgId;
use serde::Deserialize;
use std::sync::Arc;
use store::audit::{About, AuditFilter, Record};

/// What is refused to others.
const READ: &str = "the audit log is read";
/// Lines of an export read at once.
const LINES: usize = 500;
/// Bytes of a kind's name.
const KIND_BYTES: usize = 64;

/// Which records.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct AuditQuery {
    /// 1–100, default 20.
    limit: Option<usize>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// Only of this agent. With another key than the installation's own: one that it opened.
    agent: Option<String>,
    /// Only of this kind, `secret.set`, or of all kinds of a noun, `secret`.
    kind: Option<String>,
    /// Only from this time on, ISO 8601.
    since: Option<String>,
}

/// The audit log, newest first.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, body = Page<AuditRecord>), (status = 403, body = protocol::api::ErrorBody)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> ApiResult<Json<Page<AuditRecord>>> {
    let limit = PageQuery { limit: query.limit, cursor: None }.limit()?;
    let cursor = query.cursor.as_deref().map(str::parse).transpose();
    let before: Option<u64> =
        cursor.map_err(|_| ApiError::invalid("cursor", "is not a nextCursor of this list"))?;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.';
    if let Some(kind) = &query.kind
        && (kind.len() > KIND_BYTES || !kind.bytes().all(fits))
    {
        return Err(ApiError::invalid("kind", "is no kind of record: secret, or secret.set"));
    }
    let since = query
        .since
        .as_deref()
        .map(|text| moment(text).ok_or_else(|| ApiError::invalid("since", "is no ISO 8601 time")));
    let about = about(&app, &caller, query.agent.as_deref()).await?;
    windows::flush(&app).await;
    let filter = AuditFilter {
        about,
        kind: query.kind.as_deref(),
        since_ms: since.transpose()?.unwrap_or(i64::MIN),
        before: before.unwrap_or(u64::MAX),
    };
    let records = app.store.audit(&caller.org, filter, limit).await;
    let records = records.map_err(anyhow::Error::from)?;
    let next_cursor =
        records.last().filter(|_| records.len() >= limit).map(|last| last.seq.to_string());
    Ok(Json(Page { items: records.into_iter().map(shown).collect(), next_cursor }))
}

/// TRUST: the log tells of everybody; others than the administrator see what the agents did that they opened.
async fn about(app: &App, caller: &Caller, agent: Option<&str>) -> ApiResult<About<'static>> {
    let Some(agent) = agent else {
        admin_only(caller, "the audit log of all agents is read")?;
        return Ok(About::Everything);
    };
    let id = agent_id(agent)?;
    if !caller.admin {
        let handle = app.agents.existing(&caller.org, id).await?;
        let view = handle.view().await?;
        if view.living()?.settings.opener != Some(caller.opener()) {
            admin_only(caller, "the audit log of an agent that another key opened is read")?;
        }
    }
    Ok(About::Agent(id))
}

fn shown(record: Record) -> AuditRecord {
    AuditRecord {
        seq: record.seq,
        at: timestamp(record.at_ms),
        kind: record.kind,
        who: record.who,
        subject: record.subject,
        agent_id: record.agent.map(|id| id.to_string()),
        run_id: record.run.map(|id| id.to_string()),
        details: record.details,
        hash: record.hash.to_string(),
    }
}

/// The end of the log: note it elsewhere.
#[utoipa::path(get, path = "/v1/audit/head", tag = "audit",
    responses((status = 200, body = AuditHeadBody), (status = 403, body = protocol::api::ErrorBody)))]
pub async fn head(State(app): State<Arc<App>>, caller: Caller) -> ApiResult<Json<AuditHeadBody>> {
    admin_only(&caller, READ)?;
    windows::flush(&app).await;
    let head = app.store.audit_head(&caller.org).await.map_err(anyhow::Error::from)?;
    let hash = head.hash.to_string();
    Ok(Json(AuditHeadBody { seq: head.seq, hash, head: head.to_string() }))
}

/// The whole log, oldest first, a JSON object a line; `errand audit verify` checks it.
#[utoipa::path(get, path = "/v1/audit/export", tag = "audit",
    responses((status = 200, body = String, content_type = "application/x-ndjson"), (status = 403, body = protocol::api::ErrorBody)))]
pub async fn export(State(app): State<Arc<App>>, caller: Caller) -> ApiResult<Response> {
    admin_only(&caller, READ)?;
    windows::flush(&app).await;
    let head = app.store.audit_head(&caller.org).await.map_err(anyhow::Error::from)?;
    let mut response = Body::from_stream(lines(app, caller.org, head.seq)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"audit.jsonl\""),
    );
    Ok(response)
}

/// A page at a time, up to a record; what fails breaks the answer off, so that it is not taken for whole.
fn lines(
    app: Arc<App>,
    org: OrgId,
    last: u64,
) -> impl futures::Stream<Item = Result<Bytes, store::error::Error>> + Send + 'static {
    async_stream::try_stream! {
        let mut after = 0;
        while after < last {
            let page = app.store.audit_lines(&org, after, LINES).await?;
            let mut text = String::new();
            for (seq, line) in page.iter().filter(|(seq, _)| *seq <= last) {
                after = *seq;
                text.push_str(line);
                text.push('\n');
            }
            if text.is_empty() {
                break;
            }
            yield Bytes::from(text);
        }
    }
}

/// What left the agent's sandboxes, by run and in all.
#[utoipa::path(get, path = "/v1/agents/{id}/traffic", tag = "agents", params(("id" = String, Path)),
    responses((status = 200, body = AgentTraffic), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn traffic(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<AgentTraffic>> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    Ok(Json(traffic::of(&app, &caller.org, handle.id).await?))
}
