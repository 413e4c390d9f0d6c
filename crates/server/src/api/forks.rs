//! `/v1/agents/{id}/forks`: a new agent that goes on where another one was.

use super::agents::{created, idempotency_key, remembered};
use super::body::Body;
use super::builds::keeps_disks;
use super::error::{ApiError, ApiResult};
use super::{agent_id, run_id};
use crate::agents::Extras;
use crate::app::App;
use crate::auth::Caller;
use crate::clock::now_ms;
use crate::{door, driver, forks};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use protocol::api::agents::{CreateFork, CreatedAgent};
use protocol::event::{AskOptions, ForkedFrom, Settings};
use protocol::ids::{AgentId, RunId};
use protocol::input::Input;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::log::{AppendError, Idempotency};
use uuid::Uuid;

/// Forks an agent that is at rest: same files, same conversation, a branch of its own. Its machine is
/// stopped for a moment, and wakes with its next message as it was.
#[utoipa::path(post, path = "/v1/agents/{id}/forks", tag = "agents", params(("id" = String, Path)), request_body = CreateFork,
    responses((status = 201, body = CreatedAgent), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(source): Path<String>,
    headers: HeaderMap,
    Body(body): Body<CreateFork>,
) -> ApiResult<(StatusCode, Json<CreatedAgent>)> {
    let source = app.agents.existing(&caller.org, agent_id(&source)?).await?;
    let key = idempotency_key(&headers, &caller, &format!("{}/forks", source.id))?;
    if let Some(known) = remembered(&app, &caller, key.as_deref()).await? {
        return created(&app, &caller, agent_id(&known)?).await;
    }
    keeps_disks(&app)?;
    let theirs = Arc::clone(&source.view().await?.living()?.settings);
    for repo in &theirs.repos {
        door::allow_repository(&app, &caller, &repo.url)?;
    }
    let at = body.run_id.as_deref().map(run_id).transpose()?;
    let id = AgentId::from_uuid(Uuid::now_v7());
    let settings = settings(&app, &caller, id, &body, &theirs)?;
    let prompt = door::prompt(&app, &caller, id, &body.prompt).await?;
    let taken = forks::prepare(&app, &source, id, at).await?;
    let from = ForkedFrom { agent: source.id, run: taken.run };
    let settings = Settings {
        layers: taken.layers,
        may_have_image: false,
        image: theirs.image.clone(),
        repos: taken.repos,
        forked_from: Some(from),
        ..settings
    };
    let variables: BTreeMap<String, String> =
        app.variables(&caller.org, source.id).await?.into_iter().collect();
    let input = Input::Open {
        agent: id,
        settings: Box::new(settings),
        inherited: taken.conversation,
        run: RunId::from_uuid(Uuid::now_v7()),
        prompt,
        options: AskOptions::default(),
    };
    let idempotency = key.map(|key| Idempotency { key, response: id.to_string(), at_ms: now_ms() });
    let extras = Extras { sealed: app.sealed_variables(id, &variables), idempotency };
    let handle = app.agents.handle(&caller.org, id);
    if let Err(error) = handle.submit(input, extras).await {
        if let Some(AppendError::Duplicate { response }) = error.downcast_ref() {
            return created(&app, &caller, agent_id(response)?).await;
        }
        return Err(error.into());
    }
    driver::wake(&app, &handle);
    created(&app, &caller, id).await
}

/// Those of the other agent, but for what makes this one another.
fn settings(
    app: &App,
    caller: &Caller,
    id: AgentId,
    body: &CreateFork,
    theirs: &Settings,
) -> ApiResult<Settings> {
    let name = door::name(body.name.as_deref(), &body.prompt.text)?;
    let branch = match &body.branch_name {
        Some(branch) => door::branch_name(branch)?,
        None => door::own_branch(id, &name)?,
    };
    let model = match &body.model {
        Some(model) => door::model(app, Some(model))?,
        None => theirs.model.clone(),
    };
    if theirs.repos.is_empty() && body.branch_name.is_some() {
        let message = "the agent has no repository, so there is no branch to name";
        return Err(ApiError::invalid("branchName", message));
    }
    Ok(Settings {
        principal: caller.name.clone(),
        opener: Some(caller.opener()),
        auto_create_pr: body.auto_create_pr.unwrap_or(theirs.auto_create_pr),
        work_on_current_branch: false,
        branch_name: body.branch_name.clone(),
        name,
        branch,
        model,
        ..theirs.clone()
    })
}
