//! `/v1/agents/{id}/runs`: follow-ups, reading, cancelling, usage.

use super::agents::{idempotency_key, remembered};
use super::body::{Body, Query};
use super::error::{ApiError, ApiResult};
use super::{PageQuery, agent_id, run_id, show};
use crate::agents::{Extras, Handle};
use crate::app::App;
use crate::auth::Caller;
use crate::clock::now_ms;
use crate::{door, driver};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use protocol::api::runs::{AgentUsage, CreateRun, CreatedRun, Run, RunUsage, UsageBody};
use protocol::api::{IdBody, Page};
use protocol::content::Usage;
use protocol::event::{AskOptions, Event};
use protocol::failure::Refusal;
use protocol::ids::{MessageId, RunId};
use protocol::input::Input;
use serde::Deserialize;
use std::sync::Arc;
use store::log::{AppendError, Idempotency};
use uuid::Uuid;

/// Sends a message: a run of its own, behind others, or into the active one.
#[utoipa::path(post, path = "/v1/agents/{id}/runs", tag = "runs", params(("id" = String, Path)), request_body = CreateRun,
    responses((status = 201, body = CreatedRun), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<CreateRun>,
) -> ApiResult<(StatusCode, Json<CreatedRun>)> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    if body.mcp_servers.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(ApiError::not_implemented("mcpServers", "a list of MCP servers"));
    }
    let key = idempotency_key(&headers, &caller, &id)?;
    if let Some(known) = remembered(&app, &caller, key.as_deref()).await? {
        return answered(&app, &handle, run_id(&known)?, false).await;
    }
    let run = match &body.run_id {
        Some(text) => RunId::parse(text).map_err(|bad| ApiError::invalid("runId", bad))?,
        None => RunId::from_uuid(Uuid::now_v7()),
    };
    let model = body.model.as_ref().map(|choice| door::model(&app, Some(choice))).transpose()?;
    let env = door::env_vars(body.env_vars.as_ref(), None)?;
    let input = Input::Ask {
        run,
        prompt: door::prompt(&app, &caller, handle.id, &body.prompt).await?,
        options: AskOptions { model, mode: body.mode, ..AskOptions::default() },
        when_busy: body.when_busy.unwrap_or_default(),
        principal: caller.name.clone(),
        message: MessageId::from_uuid(Uuid::now_v7()),
    };
    let idempotency =
        key.map(|key| Idempotency { key, response: run.to_string(), at_ms: now_ms() });
    let extras = Extras { sealed: app.sealed_variables(handle.id, &env), idempotency };
    let entries = match handle.submit(input, extras).await {
        Ok(entries) => entries,
        Err(error) => {
            if let Some(AppendError::Duplicate { response }) = error.downcast_ref() {
                return answered(&app, &handle, run_id(response)?, false).await;
            }
            return Err(error.into());
        }
    };
    driver::wake(&app, &handle);
    let steered = entries.iter().find_map(|entry| match &entry.logged.event {
        Event::Steered { run, .. } => Some(*run),
        _ => None,
    });
    answered(&app, &handle, steered.unwrap_or(run), steered.is_some()).await
}

pub(super) async fn answered(
    app: &App,
    handle: &Handle,
    run: RunId,
    steered: bool,
) -> ApiResult<(StatusCode, Json<CreatedRun>)> {
    Ok((StatusCode::CREATED, Json(CreatedRun { run: read(app, handle, run).await?, steered })))
}

async fn read(app: &App, handle: &Handle, run: RunId) -> ApiResult<Run> {
    let (_, detail) = app.agents.record(&handle.org, handle.id).await?.ok_or(Refusal::NoAgent)?;
    let row = app.store.run(&handle.org, handle.id, run).await.map_err(anyhow::Error::from)?;
    Ok(show::run(handle.id, &row.ok_or(Refusal::NoRun)?, &detail))
}

/// Lists runs, newest first.
#[utoipa::path(get, path = "/v1/agents/{id}/runs", tag = "runs", params(("id" = String, Path), PageQuery), responses((status = 200, body = Page<Run>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<Run>>> {
    let agent = agent_id(&id)?;
    let (_, detail) = app.agents.record(&caller.org, agent).await?.ok_or(Refusal::NoAgent)?;
    let rows = app
        .store
        .runs(&caller.org, agent, page.cursor()?.as_ref(), page.limit()?)
        .await
        .map_err(anyhow::Error::from)?;
    let items = rows.items.iter().map(|row| show::run(agent, row, &detail)).collect();
    Ok(Json(Page { items, next_cursor: rows.next.map(|cursor| cursor.to_string()) }))
}

/// One run.
#[utoipa::path(get, path = "/v1/agents/{id}/runs/{runId}", tag = "runs", params(("id" = String, Path), ("runId" = String, Path)),
    responses((status = 200, body = Run)))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, run)): Path<(String, String)>,
) -> ApiResult<Json<Run>> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    Ok(Json(read(&app, &handle, run_id(&run)?).await?))
}

/// Ends a run; the agent takes the next message.
#[utoipa::path(post, path = "/v1/agents/{id}/runs/{runId}/cancel", tag = "runs", params(("id" = String, Path), ("runId" = String, Path)),
    responses((status = 200, body = IdBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn cancel(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, run)): Path<(String, String)>,
) -> ApiResult<Json<IdBody>> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let run = run_id(&run)?;
    handle.submit(Input::Cancel { run, principal: caller.name.clone() }, Extras::default()).await?;
    driver::wake(&app, &handle);
    Ok(Json(IdBody { id: run.to_string() }))
}

/// Whose usage.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
pub struct UsageQuery {
    /// Only this run.
    run_id: Option<String>,
}

/// Tokens and money, in sum and per run.
#[utoipa::path(get, path = "/v1/agents/{id}/usage", tag = "runs", params(("id" = String, Path), UsageQuery), responses((status = 200, body = AgentUsage)))]
pub async fn usage(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<UsageQuery>,
) -> ApiResult<Json<AgentUsage>> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let only = query.run_id.as_deref().map(run_id).transpose()?;
    let (mut total, mut cost) = (Usage::default(), 0);
    let mut runs = Vec::new();
    let mut cursor = None;
    loop {
        let page = app
            .store
            .runs(&caller.org, handle.id, cursor.as_ref(), protocol::limits::PAGE_MAX)
            .await
            .map_err(anyhow::Error::from)?;
        for row in page.items.iter().filter(|row| only.is_none_or(|only| only == row.run)) {
            total.add(&row.usage);
            cost += row.cost_micros;
            let usage = UsageBody::new(&row.usage, row.cost_micros);
            runs.push(RunUsage { id: row.run.to_string(), usage, cost: usage.cost });
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    if only.is_some() && runs.is_empty() {
        return Err(Refusal::NoRun.into());
    }
    if only.is_none() {
        // Programs inside may have had models use something while no run was active.
        let view = handle.view().await?;
        if let Some(living) = view.state.living() {
            total = living.totals.usage;
            cost = living.totals.cost_micros;
        }
    }
    let total_usage = UsageBody::new(&total, cost);
    Ok(Json(AgentUsage { total_usage, cost: total_usage.cost, runs }))
}
