//! `/v1/builds`: machines prepared ahead; `/v1/agents/{id}/snapshot`: one that a person set up.

use super::body::{Body, OptionalBody, Query};
use super::error::{ApiError, ApiResult};
use super::{agent_id, show};
use crate::agents::{Extras, Handle};
use crate::app::App;
use crate::audit::by_people::{Deed, note};
use crate::auth::{Caller, admin_only};
use crate::builds::{self, Build, Environment, Order, Origin, Standing};
use crate::{door, driver, environments};
use agent::state::Keeping;
use anyhow::Context as _;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::api::builds::{
    BuildBody, BuildChanges, BuildEnvironment, CreateBuild, CreateSnapshot, SnapshotBody,
    UpdateBuild,
};
use protocol::api::metadata::Items;
use protocol::api::{IdBody, timestamp};
use protocol::event::{RunStatus, SnapshotPurpose};
use protocol::failure::Failure;
use protocol::ids::{AgentId, LayerId};
use protocol::input::Input;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// Which builds.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct BuildsQuery {
    /// Only of environments with this repository.
    repo: Option<String>,
}

/// Builds a machine for these repositories, from their default branches or the refs named.
#[utoipa::path(post, path = "/v1/builds", tag = "builds", request_body = CreateBuild,
    responses((status = 201, body = BuildBody), (status = 400, body = protocol::api::ErrorBody)))]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(body): Body<CreateBuild>,
) -> ApiResult<(StatusCode, Json<BuildBody>)> {
    keeps_disks(&app)?;
    if body.repos.is_empty() {
        return Err(ApiError::invalid("repos", "is empty: name the repositories to prepare"));
    }
    if let Some(at) = body.repos.iter().position(|repo| repo.upload.is_some()) {
        let message = "a build begins with what the remote has, not with a worktree that was sent";
        return Err(ApiError::invalid(&format!("repos[{at}].upload"), message));
    }
    if body.repos.iter().any(|repo| repo.starting_ref.is_some()) {
        // TRUST: everybody's agents will begin with what that ref's `install` leaves.
        admin_only(&caller, "another ref than the default branch is built")?;
    }
    let repos = door::repos(&app, &caller, &body.repos)?;
    let key = builds::key(&repos);
    let (principal, origin) = (caller.name.clone(), Origin::Asked);
    let order = Order { principal, repos, origin, digest: None };
    let begun = builds::begin(&app, &caller.org, order, |_| false).await?;
    let build = begun.context("begin a build")?;
    let known = builds::read(&app, &caller.org, &key).await?;
    let environment = known.map(|(environment, _)| environment).unwrap_or_default();
    Ok((StatusCode::CREATED, Json(shown(&app, &caller, &environment, &build).await?)))
}

/// All builds, those of one environment together, newest first.
#[utoipa::path(get, path = "/v1/builds", tag = "builds", params(BuildsQuery), responses((status = 200, body = Items<BuildBody>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<BuildsQuery>,
) -> ApiResult<Json<Items<BuildBody>>> {
    let mut items = Vec::new();
    for (_, environment) in builds::all(&app, &caller.org).await? {
        if query.repo.as_ref().is_some_and(|repo| !environment.repos.contains(repo)) {
            continue;
        }
        for build in environment.builds.iter().rev() {
            items.push(shown(&app, &caller, &environment, build).await?);
        }
    }
    Ok(Json(Items { items }))
}

/// What a build brings that runs by itself, beside the build before it.
#[utoipa::path(get, path = "/v1/builds/{layer}/changes", tag = "builds", params(("layer" = String, Path)),
    responses((status = 200, body = BuildChanges), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn changes(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(layer): Path<String>,
) -> ApiResult<Json<BuildChanges>> {
    let (key, build) = find(&app, &caller, &layer).await?;
    if build.ready.is_none() {
        let message = "there is nothing of it yet: wait until the build is ready";
        return Err(ApiError::new(StatusCode::CONFLICT, "build_not_ready", message));
    }
    let known = builds::read(&app, &caller.org, &key).await?;
    let (environment, _) = known.ok_or_else(|| missing(&layer))?;
    Ok(Json(builds::changes(&app, &caller.org, &environment, &build).await?))
}

/// Pins a build, or lets the newest one be begun with again.
#[utoipa::path(patch, path = "/v1/builds/{layer}", tag = "builds", params(("layer" = String, Path)), request_body = UpdateBuild,
    responses((status = 200, body = BuildBody), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(layer): Path<String>,
    Body(body): Body<UpdateBuild>,
) -> ApiResult<Json<BuildBody>> {
    admin_only(&caller, "what all new agents begin with is chosen")?;
    let (key, build) = find(&app, &caller, &layer).await?;
    if body.pinned && build.ready.is_none() {
        let message = "only a build that is ready can be begun with";
        return Err(ApiError::new(StatusCode::CONFLICT, "build_not_ready", message));
    }
    let environment = builds::change(&app, &caller.org, &key, |environment| {
        for other in &mut environment.builds {
            other.pinned = body.pinned && other.layer == build.layer;
        }
        environment.clone()
    })
    .await?;
    let build = environment.builds.iter().find(|other| other.layer == build.layer);
    let build = build.ok_or_else(|| missing(&layer))?;
    let details = json!({ "pinned": body.pinned });
    note(&app, &caller, Deed::to("build.changed", layer.as_str(), details)).await?;
    Ok(Json(shown(&app, &caller, &environment, build).await?))
}

/// Forgets a build; agents that began with it go on as they are.
#[utoipa::path(delete, path = "/v1/builds/{layer}", tag = "builds", params(("layer" = String, Path)),
    responses((status = 200, body = IdBody), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(layer): Path<String>,
) -> ApiResult<Json<IdBody>> {
    admin_only(&caller, "builds are forgotten")?;
    let (key, build) = find(&app, &caller, &layer).await?;
    builds::forget(&app, &caller.org, &key, &build).await?;
    note(&app, &caller, Deed::to("build.deleted", layer.as_str(), json!({}))).await?;
    Ok(Json(IdBody { id: layer }))
}

/// Keeps the agent's machine as it is: new agents of the same repositories begin with it. It takes
/// place once no run works, and stops the machine for it.
#[utoipa::path(post, path = "/v1/agents/{id}/snapshot", tag = "builds", params(("id" = String, Path)),
    request_body = Option<CreateSnapshot>,
    responses((status = 202, body = SnapshotBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn snapshot(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    OptionalBody(asked): OptionalBody<CreateSnapshot>,
) -> ApiResult<(StatusCode, Json<SnapshotBody>)> {
    // TRUST: everybody's agents will begin with what is in this machine.
    admin_only(&caller, "a machine is kept for all new agents")?;
    keeps_disks(&app)?;
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    may_be_kept(&app, &handle).await?;
    let layer = LayerId::from_uuid(Uuid::now_v7());
    let purpose = match asked.with_secrets {
        true => SnapshotPurpose::EnvironmentWithSecrets,
        false => SnapshotPurpose::Environment,
    };
    let input = Input::Snapshot { layer, purpose, principal: caller.name };
    handle.submit(input, Extras::default()).await?;
    driver::wake(&app, &handle);
    let body = SnapshotBody { id: handle.id.to_string(), layer: layer.to_string() };
    Ok((StatusCode::ACCEPTED, Json(body)))
}

/// Refuses, in words, what needs a disk that nobody else writes to.
pub fn keeps_disks(app: &App) -> ApiResult<()> {
    if !app.config.sandbox.shared {
        return Ok(());
    }
    let message = "agents share one sandbox on this server, so a disk cannot be kept while others may be \
                   writing to it: builds, snapshots and forks need `shared = false` under [sandbox]";
    Err(ApiError::new(StatusCode::CONFLICT, "sandbox_shared", message))
}

/// Refuses what the agent's environment file forbids.
async fn may_be_kept(app: &App, handle: &Handle) -> ApiResult<()> {
    let view = handle.view().await?;
    let followed = environments::followed(app, &handle.org, view.living()?).await?;
    let word = followed.and_then(|it| it.understood.environment.agent_can_update_snapshot);
    if word != Some(false) {
        return Ok(());
    }
    let message = "the agent's environment file says `agentCanUpdateSnapshot: false`: its machine is not \
                   kept for others; change the file, or begin a build";
    Err(ApiError::new(StatusCode::CONFLICT, "snapshot_forbidden", message))
}

/// The build of this layer, with the key of its environment.
pub async fn find(app: &App, caller: &Caller, layer: &str) -> ApiResult<(String, Build)> {
    let wanted = LayerId::parse(layer).map_err(|bad| ApiError::invalid("layer", bad))?;
    for (key, environment) in builds::all(app, &caller.org).await? {
        if let Some(build) = environment.builds.iter().find(|build| build.layer == wanted) {
            return Ok((key, build.clone()));
        }
    }
    Err(missing(layer))
}

fn missing(layer: &str) -> ApiError {
    ApiError::not_found("build_not_found", format!("there is no build with the layer {layer}"))
}

/// A build as callers see it.
pub async fn shown(
    app: &App,
    caller: &Caller,
    environment: &Environment,
    build: &Build,
) -> ApiResult<BuildBody> {
    let (standing, failure) = stands(app, caller, build).await?;
    let status = match standing {
        Standing::Running => "RUNNING",
        Standing::Ready => "READY",
        Standing::Failed => "FAILED",
    };
    let origin = match build.origin {
        Origin::Automatic => "automatic",
        Origin::Asked => "asked",
        Origin::Kept => "kept",
        Origin::Imported => "imported",
    };
    let ready = build.ready.as_ref();
    Ok(BuildBody {
        id: build.agent.to_string(),
        layer: build.layer.to_string(),
        repos: environment.repos.iter().map(|url| show::shown_url(url)).collect(),
        status: status.to_owned(),
        origin: origin.to_owned(),
        current: environment.newest(app.base).is_some_and(|current| current.layer == build.layer),
        pinned: build.pinned,
        created_at: timestamp(build.created_ms),
        ready_at: ready.map(|ready| timestamp(ready.at_ms)),
        image: ready.and_then(|ready| Some(ready.image.as_ref()?.reference.clone())),
        environment: ready.and_then(|ready| ready.saved.clone()).map(|saved| BuildEnvironment {
            id: saved.id,
            name: saved.name,
            version: saved.version,
        }),
        commits: ready.map(|ready| ready.commits.clone()).unwrap_or_default(),
        bytes: ready.map_or(0, |ready| ready.bytes),
        files: ready.map_or(0, |ready| ready.files),
        failure,
    })
}

/// How a build stands, and why it failed.
async fn stands(
    app: &App,
    caller: &Caller,
    build: &Build,
) -> anyhow::Result<(Standing, Option<Failure>)> {
    if build.ready.is_some() {
        return Ok((Standing::Ready, None));
    }
    let Some((record, detail)) = app.agents.record(&caller.org, build.agent).await? else {
        return Ok((builds::standing(build, None), None));
    };
    let standing = builds::standing(build, detail.latest_status);
    if detail.latest_status == Some(RunStatus::Finished) {
        // It may have become ready since it was read: whoever looks again finds it so.
        let is_coming = is_keeping(app, caller, build.agent).await?
            || builds::is_ready(app, &caller.org, build.layer).await?;
        return Ok((if is_coming { Standing::Running } else { Standing::Failed }, None));
    }
    let run = match record.row.latest_run {
        Some(run) => app.store.run(&caller.org, build.agent, run).await?,
        None => None,
    };
    Ok((standing, run.and_then(|run| run.failure)))
}

/// Whether the disk of a build that went well is still to be kept.
async fn is_keeping(app: &App, caller: &Caller, agent: AgentId) -> anyhow::Result<bool> {
    let handle = app.agents.existing(&caller.org, agent).await?;
    let view = handle.caught_up().await?;
    Ok(view.living()?.keeping != Keeping::Unasked)
}
