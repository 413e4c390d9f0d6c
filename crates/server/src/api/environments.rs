//! `/v1/environments`: environments that the server keeps for repositories without an environment file.

use super::body::{Body, Query};
use super::error::{ApiError, ApiResult};
use crate::app::App;
use crate::audit::by_people::{Deed, note};
use crate::auth::{Caller, admin_only};
use crate::saved_environments::{self, Origin, Saved, Version, Wanted};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::api::environments::{
    CheckEnvironment, CreateEnvironment, EnvironmentBody, EnvironmentCheck, EnvironmentRemark,
    EnvironmentRepo, EnvironmentVersion, ReplaceEnvironment, RestoreEnvironment,
};
use protocol::api::metadata::Items;
use protocol::api::{IdBody, timestamp};
use protocol::environment::read_saved;
use protocol::environment::remark::Remark;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// What is refused to others.
const CHANGED: &str = "what everybody's machines are made of is changed";
/// Whose they are.
const OWNER: &str = "team";

/// Which environments.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct EnvironmentsQuery {
    /// Only the one of this repository.
    repo: Option<String>,
}

/// Saves an environment: agents of its repositories use it where the repository has no environment file.
#[utoipa::path(post, path = "/v1/environments", tag = "environments", request_body = CreateEnvironment,
    responses((status = 201, body = EnvironmentBody), (status = 400, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(body): Body<CreateEnvironment>,
) -> ApiResult<(StatusCode, Json<EnvironmentBody>)> {
    admin_only(&caller, CHANGED)?;
    if let Some(owner) = body.owner.as_ref().filter(|owner| *owner != OWNER) {
        let message = format!("{owner:?} is not known here: leave it out, or write {OWNER:?}");
        return Err(ApiError::invalid("owner", message));
    }
    let wanted = wanted(body.name, body.repos, body.environment_json);
    let text = wanted.text.clone();
    let (id, saved) = saved_environments::create(&app, &caller.org, &caller.name, wanted).await?;
    note(&app, &caller, deed("environment.created", id, &saved)).await?;
    Ok((StatusCode::CREATED, Json(whole(id, saved, text))))
}

/// All of them, by name, without their texts.
#[utoipa::path(get, path = "/v1/environments", tag = "environments", params(EnvironmentsQuery),
    responses((status = 200, body = Items<EnvironmentBody>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<EnvironmentsQuery>,
) -> ApiResult<Json<Items<EnvironmentBody>>> {
    let all = match &query.repo {
        Some(url) => {
            git::url::RemoteUrl::parse(url).map_err(|bad| ApiError::invalid("repo", bad))?;
            let found = saved_environments::of_repository(&app, &caller.org, url).await?;
            found.into_iter().collect()
        }
        None => saved_environments::all(&app, &caller.org).await?,
    };
    Ok(Json(Items { items: all.into_iter().map(|(id, saved)| shown(id, saved)).collect() }))
}

/// Says what is wrong with a text, and changes nothing.
#[utoipa::path(post, path = "/v1/environments/check", tag = "environments", request_body = CheckEnvironment,
    responses((status = 200, body = EnvironmentCheck)))]
pub async fn check(_: Caller, Body(body): Body<CheckEnvironment>) -> Json<EnvironmentCheck> {
    let reading = read_saved("environmentJson", &body.environment_json);
    let problems = remarks(reading.outcome.err().unwrap_or_default());
    let warnings = remarks(reading.warnings);
    Json(EnvironmentCheck { ok: problems.is_empty(), problems, warnings })
}

/// One with its text.
#[utoipa::path(get, path = "/v1/environments/{id}", tag = "environments", params(("id" = String, Path)),
    responses((status = 200, body = EnvironmentBody), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<EnvironmentBody>> {
    let (id, saved) = find(&app, &caller, &id).await?;
    let version = text_of(&app, &caller, id, saved.version).await?;
    Ok(Json(whole(id, saved, version.text)))
}

/// Replaces one, unless somebody else did meanwhile; agents that began keep what they began with.
#[utoipa::path(put, path = "/v1/environments/{id}", tag = "environments", params(("id" = String, Path)), request_body = ReplaceEnvironment,
    responses((status = 200, body = EnvironmentBody), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn replace(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<ReplaceEnvironment>,
) -> ApiResult<Json<EnvironmentBody>> {
    admin_only(&caller, CHANGED)?;
    let id = parsed(&id)?;
    let wanted = wanted(body.name, body.repos, body.environment_json);
    let text = wanted.text.clone();
    let place = (&caller.org, id);
    let saved =
        saved_environments::replace(&app, place, &caller.name, body.version, wanted).await?;
    note(&app, &caller, deed("environment.changed", id, &saved)).await?;
    Ok(Json(whole(id, saved, text)))
}

/// Forgets one with its versions.
#[utoipa::path(delete, path = "/v1/environments/{id}", tag = "environments", params(("id" = String, Path)),
    responses((status = 200, body = IdBody), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<IdBody>> {
    admin_only(&caller, CHANGED)?;
    let id = parsed(&id)?;
    saved_environments::delete(&app, &caller.org, id).await?;
    note(&app, &caller, Deed::to("environment.deleted", id, json!({}))).await?;
    Ok(Json(IdBody { id: id.to_string() }))
}

/// Its versions, newest first, without their texts.
#[utoipa::path(get, path = "/v1/environments/{id}/versions", tag = "environments", params(("id" = String, Path)),
    responses((status = 200, body = Items<EnvironmentVersion>), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn versions(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<Items<EnvironmentVersion>>> {
    let (id, saved) = find(&app, &caller, &id).await?;
    let newest = saved.version;
    let all = saved_environments::versions(&app, &caller.org, id, newest).await?;
    let items = all.into_iter().map(|(number, version)| EnvironmentVersion {
        environment_json: None,
        ..of_version(number, newest, version)
    });
    Ok(Json(Items { items: items.collect() }))
}

/// One version with its text.
#[utoipa::path(get, path = "/v1/environments/{id}/versions/{version}", tag = "environments",
    params(("id" = String, Path), ("version" = u64, Path)),
    responses((status = 200, body = EnvironmentVersion), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn version(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, number)): Path<(String, String)>,
) -> ApiResult<Json<EnvironmentVersion>> {
    let number = counted(&number)?;
    let (id, saved) = find(&app, &caller, &id).await?;
    if number > saved.version {
        return Err(saved_environments::no_version(number));
    }
    let version = text_of(&app, &caller, id, number).await?;
    Ok(Json(of_version(number, saved.version, version)))
}

/// Gives it the text of an earlier version again, as a new version.
#[utoipa::path(post, path = "/v1/environments/{id}/versions/{version}/restore", tag = "environments",
    params(("id" = String, Path), ("version" = u64, Path)), request_body = RestoreEnvironment,
    responses((status = 200, body = EnvironmentBody), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn restore(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, number)): Path<(String, String)>,
    Body(body): Body<RestoreEnvironment>,
) -> ApiResult<Json<EnvironmentBody>> {
    admin_only(&caller, CHANGED)?;
    let (id, from) = (parsed(&id)?, counted(&number)?);
    let place = (&caller.org, id);
    let saved = saved_environments::restore(&app, place, &caller.name, body.version, from).await?;
    note(&app, &caller, deed("environment.changed", id, &saved)).await?;
    let version = text_of(&app, &caller, id, saved.version).await?;
    Ok(Json(whole(id, saved, version.text)))
}

fn deed(kind: &'static str, id: Uuid, saved: &Saved) -> Deed {
    Deed::to(kind, id, json!({ "name": saved.name, "version": saved.version }))
}

fn wanted(name: String, repos: Vec<EnvironmentRepo>, text: String) -> Wanted {
    Wanted { name, repos: repos.into_iter().map(|repo| repo.url).collect(), text }
}

/// An id that is none names no environment.
fn parsed(id: &str) -> ApiResult<Uuid> {
    Uuid::parse_str(id).map_err(|_| saved_environments::missing(format_args!("{id:?}")))
}

fn counted(number: &str) -> ApiResult<u64> {
    number.parse().map_err(|_| ApiError::invalid("version", "is a number, from 1"))
}

async fn find(app: &App, caller: &Caller, id: &str) -> ApiResult<(Uuid, Saved)> {
    let id = parsed(id)?;
    let saved = saved_environments::one(app, &caller.org, id).await?;
    Ok((id, saved.ok_or_else(|| saved_environments::missing(id))?))
}

async fn text_of(app: &App, caller: &Caller, id: Uuid, number: u64) -> ApiResult<Version> {
    let version = saved_environments::version(app, &caller.org, id, number).await?;
    version.ok_or_else(|| saved_environments::no_version(number))
}

fn whole(id: Uuid, saved: Saved, text: String) -> EnvironmentBody {
    let warnings = remarks(read_saved("environmentJson", &text).warnings);
    EnvironmentBody { environment_json: Some(text), warnings, ..shown(id, saved) }
}

fn shown(id: Uuid, saved: Saved) -> EnvironmentBody {
    EnvironmentBody {
        id: id.to_string(),
        name: saved.name,
        owner: OWNER.to_owned(),
        repos: repos(saved.repos),
        version: saved.version,
        created_at: timestamp(saved.created_ms),
        updated_at: timestamp(saved.updated_ms),
        updated_by: saved.updated_by,
        environment_json: None,
        warnings: Vec::new(),
    }
}

fn of_version(number: u64, newest: u64, version: Version) -> EnvironmentVersion {
    let (origin, restored_from) = match version.origin {
        Origin::Created => ("created", None),
        Origin::Changed => ("changed", None),
        Origin::Restored { from } => ("restored", Some(from)),
    };
    EnvironmentVersion {
        version: number,
        name: version.name,
        repos: repos(version.repos),
        created_at: timestamp(version.at_ms),
        created_by: version.by,
        origin: origin.to_owned(),
        restored_from,
        current: number == newest,
        environment_json: Some(version.text),
    }
}

fn repos(urls: Vec<String>) -> Vec<EnvironmentRepo> {
    urls.into_iter().map(|url| EnvironmentRepo { url }).collect()
}

fn remarks(remarks: Vec<Remark>) -> Vec<EnvironmentRemark> {
    let told = |Remark { code, line, column, key, message, .. }| EnvironmentRemark {
        code: str::to_owned(code),
        line,
        column,
        key,
        message,
    };
    remarks.into_iter().map(told).collect()
}
