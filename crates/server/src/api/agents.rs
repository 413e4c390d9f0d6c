//! `/v1/agents`: open, list, read, rename, archive, delete.

use super::body::{Body, Query};
use super::error::{ApiError, ApiResult};
use super::{PageQuery, agent_id, show};
use crate::agents::{Extras, Handle};
use crate::app::App;
use crate::audit::by_people::{Deed, note};
use crate::auth::{Caller, admin_only};
use crate::clock::now_ms;
use crate::opening::{self, Opened, Opening};
use crate::projection::Detail;
use crate::{door, driver, egress, settings};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use gateway::pattern::Pattern;
use protocol::api::agents::{
    Agent, AllowConfiguration, AllowFlow, AllowHost, AllowScope, AllowStop, AnswerQuestion,
    CreateAgent, CreatedAgent, UpdateAgent,
};
use protocol::api::settings::AllowedHost;
use protocol::api::{IdBody, Page};
use protocol::failure::Refusal;
use protocol::ids::{AgentId, OrgId, QuestionId, RunId};
use protocol::input::Input;
use protocol::limits::{ALLOW_ENTRY_BYTES, REASON_CHARS};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use store::log::Idempotency;
use store::records::AgentFilter;
use uuid::Uuid;

/// Opens an agent with its first message.
#[utoipa::path(post, path = "/v1/agents", tag = "agents", request_body = CreateAgent,
    params(("Idempotency-Key" = Option<String>, Header, description = "a repeat with the same key answers the same agent")),
    responses((status = 201, body = CreatedAgent), (status = 400, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Body(body): Body<CreateAgent>,
) -> ApiResult<(StatusCode, Json<CreatedAgent>)> {
    let id = match &body.agent_id {
        Some(text) => AgentId::parse(text).map_err(|bad| ApiError::invalid("agentId", bad))?,
        None => AgentId::from_uuid(Uuid::now_v7()),
    };
    let key = idempotency_key(&headers, &caller, "agents")?;
    if let Some(known) = remembered(&app, &caller, key.as_deref()).await? {
        return created(&app, &caller, agent_id(&known)?).await;
    }
    let idempotency = key.map(|key| Idempotency { key, response: id.to_string(), at_ms: now_ms() });
    let run = RunId::from_uuid(Uuid::now_v7());
    let opening = Opening { id, run, body, asked_at: None, idempotency };
    match Box::pin(opening::open(&app, &caller, opening)).await? {
        Opened::Here => created(&app, &caller, id).await,
        Opened::Before(known) => created(&app, &caller, agent_id(&known)?).await,
    }
}

/// The answer about an agent that was just opened.
pub async fn created(
    app: &App,
    caller: &Caller,
    id: AgentId,
) -> ApiResult<(StatusCode, Json<CreatedAgent>)> {
    let handle = app.agents.existing(&caller.org, id).await?;
    let agent = shown(app, &caller.org, id).await?;
    let view = handle.view().await?;
    let run = view
        .projection
        .latest()
        .map(|row| show::run(id, row, &view.projection.detail))
        .ok_or(Refusal::NoRun)?;
    Ok((StatusCode::CREATED, Json(CreatedAgent { agent, run })))
}

/// The caller's idempotency key, made its own by caller and path.
pub fn idempotency_key(
    headers: &HeaderMap,
    caller: &Caller,
    path: &str,
) -> ApiResult<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > 255 {
        return Err(ApiError::invalid("Idempotency-Key", "needs 1 to 255 visible characters"));
    }
    Ok(Some(format!("{}\n{path}\n{text}", caller.name)))
}

/// What a request with this key was answered before.
pub async fn remembered(
    app: &App,
    caller: &Caller,
    key: Option<&str>,
) -> ApiResult<Option<String>> {
    let Some(key) = key else { return Ok(None) };
    Ok(app.store.remembered(&caller.org, key).await.map_err(anyhow::Error::from)?)
}

async fn shown(app: &App, org: &OrgId, id: AgentId) -> ApiResult<Agent> {
    let (record, _) = app.agents.record(org, id).await?.ok_or(Refusal::NoAgent)?;
    Ok(show::agent(app, id, record.head, &record.row)?)
}

/// Which agents to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
pub struct AgentsQuery {
    limit: Option<usize>,
    cursor: Option<String>,
    /// Only the agent of this pull request.
    pr_url: Option<String>,
    /// Default true.
    include_archived: Option<bool>,
    /// Only with this status.
    status: Option<String>,
    /// Only with this repository.
    repo: Option<String>,
    /// Only with this text in the name.
    search: Option<String>,
}

/// Lists agents, newest first.
#[utoipa::path(get, path = "/v1/agents", tag = "agents", params(AgentsQuery), responses((status = 200, body = Page<Agent>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<AgentsQuery>,
) -> ApiResult<Json<Page<Agent>>> {
    let page = PageQuery { limit: query.limit, cursor: query.cursor };
    let filter = AgentFilter {
        include_archived: query.include_archived.unwrap_or(true),
        status: query.status,
        pr_url: query.pr_url,
        repo_url: query.repo,
        name_contains: query.search,
    };
    let rows = app
        .store
        .agents(&caller.org, &filter, page.cursor()?.as_ref(), page.limit()?)
        .await
        .map_err(anyhow::Error::from)?;
    let mut items = Vec::new();
    for record in &rows.items {
        let detail = Detail::of(&record.row).map_err(anyhow::Error::from)?;
        // Builds have a list of their own; what is being deleted is gone for whoever asked for that.
        if !detail.is_build() && !detail.deleting {
            items.push(show::agent(&app, record.id, record.head, &record.row)?);
        }
    }
    Ok(Json(Page { items, next_cursor: rows.next.map(|cursor| cursor.to_string()) }))
}

/// One agent.
#[utoipa::path(get, path = "/v1/agents/{id}", tag = "agents", params(("id" = String, Path)),
    responses((status = 200, body = Agent), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<Agent>> {
    Ok(Json(shown(&app, &caller.org, agent_id(&id)?).await?))
}

/// Gives another name.
#[utoipa::path(patch, path = "/v1/agents/{id}", tag = "agents", params(("id" = String, Path)), request_body = UpdateAgent,
    responses((status = 200, body = Agent)))]
pub async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<UpdateAgent>,
) -> ApiResult<Json<Agent>> {
    let name = door::checked_name("name", &body.name)?;
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    handle.submit(Input::Rename { name }, Extras::default()).await?;
    Ok(Json(shown(&app, &caller.org, handle.id).await?))
}

/// Deletes an agent with machine, transcript and artifacts; its branch and pull request stay.
#[utoipa::path(delete, path = "/v1/agents/{id}", tag = "agents", params(("id" = String, Path)), responses((status = 200, body = IdBody)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<IdBody>> {
    let principal = caller.name.clone();
    act(&app, &caller, &id, Input::Delete { principal }).await
}

/// Takes no more messages; idempotent.
#[utoipa::path(post, path = "/v1/agents/{id}/archive", tag = "agents", params(("id" = String, Path)), responses((status = 200, body = IdBody)))]
pub async fn archive(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<IdBody>> {
    let principal = caller.name.clone();
    act(&app, &caller, &id, Input::Archive { principal }).await
}

/// Takes messages again; idempotent.
#[utoipa::path(post, path = "/v1/agents/{id}/unarchive", tag = "agents", params(("id" = String, Path)), responses((status = 200, body = IdBody)))]
pub async fn unarchive(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<IdBody>> {
    let principal = caller.name.clone();
    act(&app, &caller, &id, Input::Unarchive { principal }).await
}

/// Answers a question that a run waits for.
#[utoipa::path(post, path = "/v1/agents/{id}/questions/{questionId}", tag = "agents",
    params(("id" = String, Path), ("questionId" = String, Path)), request_body = AnswerQuestion, responses((status = 200, body = IdBody)))]
pub async fn answer(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, question)): Path<(String, String)>,
    Body(body): Body<AnswerQuestion>,
) -> ApiResult<Json<IdBody>> {
    let question =
        QuestionId::parse(&question).map_err(|bad| ApiError::invalid("questionId", bad))?;
    let principal = caller.name.clone();
    act(&app, &caller, &id, Input::Answer { question, answer: body.answer, principal }).await
}

/// Allows a host that the agent's environment does not name, within the operator's network mode.
#[utoipa::path(post, path = "/v1/agents/{id}/hosts", tag = "agents", params(("id" = String, Path)),
    request_body = AllowHost, responses((status = 200, body = IdBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn allow_host(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<AllowHost>,
) -> ApiResult<Json<IdBody>> {
    if body.entry.len() > ALLOW_ENTRY_BYTES {
        let words = format!("is longer than {ALLOW_ENTRY_BYTES} bytes");
        return Err(ApiError::invalid("entry", words));
    }
    Pattern::parse(&body.entry).map_err(|bad| ApiError::invalid("entry", bad))?;
    let for_all = body.scope == AllowScope::Environment;
    if for_all {
        admin_only(&caller, "a host is allowed for all agents of a repository")?;
    }
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let mode = egress::mode(&app, &handle).await?;
    if !egress::may_be_added_to(mode) {
        let words = "the network mode of this server or of the agent's environment leaves no host to be added: the \
                     operator can change `mode` and `allow` under [network] of errand.toml";
        return Err(ApiError::new(StatusCode::CONFLICT, "egress_floor", words));
    }
    if for_all {
        let hosts = of_repositories(&handle, &body.entry).await?;
        let details = json!({ "allowedHosts": hosts });
        settings::allow_hosts(&app, &caller.org, hosts).await?;
        note(&app, &caller, Deed::plain("settings.changed", details)).await?;
        egress::follow_all(&app).await;
    }
    let run_only = body.scope == AllowScope::Run;
    let input = Input::AllowHost { entry: body.entry, run_only, principal: caller.name };
    handle.submit(input, Extras::default()).await?;
    egress::follow(&app, &handle).await?;
    Ok(Json(IdBody { id: handle.id.to_string() }))
}

/// The host for every repository of an agent.
async fn of_repositories(handle: &Handle, entry: &str) -> ApiResult<Vec<AllowedHost>> {
    let view = handle.view().await?;
    let repos = &view.living()?.settings.repos;
    if repos.is_empty() {
        let words = "the agent has no repository; allow the host for this agent, or for all under Settings, Network";
        return Err(ApiError::invalid("scope", words));
    }
    let hosts = repos
        .iter()
        .map(|repo| AllowedHost { entry: entry.to_owned(), repository: Some(repo.url.clone()) });
    Ok(hosts.collect())
}

/// Allows a configuration that is not that of the repository's default branch: the agent has its credentials from its
/// next message on.
#[utoipa::path(post, path = "/v1/agents/{id}/configuration", tag = "agents", params(("id" = String, Path)),
    request_body = AllowConfiguration, responses((status = 200, body = IdBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn allow_configuration(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<AllowConfiguration>,
) -> ApiResult<Json<IdBody>> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let input = Input::AllowConfiguration { digest: body.digest, principal: caller.name };
    handle.submit(input, Extras::default()).await?;
    egress::follow(&app, &handle).await?;
    Ok(Json(IdBody { id: handle.id.to_string() }))
}

/// Lets an agent carry data out although it read what nobody here wrote and has secrets, until it reads something that is
/// trusted less still.
#[utoipa::path(post, path = "/v1/agents/{id}/flow", tag = "agents", params(("id" = String, Path)),
    request_body = AllowFlow, responses((status = 200, body = IdBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn allow_flow(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<AllowFlow>,
) -> ApiResult<Json<IdBody>> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let input = Input::AllowFlow { integrity: body.integrity, principal: caller.name };
    handle.submit(input, Extras::default()).await?;
    egress::follow(&app, &handle).await?;
    Ok(Json(IdBody { id: handle.id.to_string() }))
}

/// Lets pushes carry what stopped one, from the next run on.
#[utoipa::path(post, path = "/v1/agents/{id}/stops", tag = "agents", params(("id" = String, Path)),
    request_body = AllowStop, responses((status = 200, body = IdBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn allow_stop(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<AllowStop>,
) -> ApiResult<Json<IdBody>> {
    let reason = body.reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS {
        let words = format!("has 1 to {REASON_CHARS} characters: say why this may leave");
        return Err(ApiError::invalid("reason", words));
    }
    let (mark, reason) = (body.mark, reason.to_owned());
    let principal = caller.name.clone();
    act(&app, &caller, &id, Input::AllowStop { mark, reason, principal }).await
}

async fn act(app: &Arc<App>, caller: &Caller, id: &str, input: Input) -> ApiResult<Json<IdBody>> {
    let handle = app.agents.existing(&caller.org, agent_id(id)?).await?;
    handle.submit(input, Extras::default()).await?;
    driver::wake(app, &handle);
    Ok(Json(IdBody { id: handle.id.to_string() }))
}
