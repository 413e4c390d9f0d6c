//! `/v1/team/secrets`: what all agents have.

use super::{SecretQuery, SecretsQuery, change, for_everybody, page, removed, shown};
use crate::api::body::{Body, Query};
use crate::api::error::ApiResult;
use crate::app::App;
use crate::auth::Caller;
use crate::secrets::{self, Owner};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::api::secrets::{PutSecret, SecretBody, SecretsPage};
use std::sync::Arc;

/// The secrets of the team, without their values.
#[utoipa::path(get, path = "/v1/team/secrets", tag = "secrets", params(SecretsQuery),
    responses((status = 200, body = SecretsPage)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<SecretsQuery>,
) -> ApiResult<Json<SecretsPage>> {
    let owner = Owner::Team;
    page(&app, &caller, &[owner], &query).await
}

/// A secret of the team, without its value.
#[utoipa::path(get, path = "/v1/team/secrets/{name}", tag = "secrets", params(("name" = String, Path), SecretQuery),
    responses((status = 200, body = SecretBody), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<SecretQuery>,
) -> ApiResult<Json<SecretBody>> {
    let owner = Owner::Team;
    let found = secrets::find(&app, (&caller.org, &owner), &name, query.id.as_deref()).await?;
    Ok(Json(shown(&owner, found)))
}

/// Adds a secret of the team, for all agents, or gives one another value.
#[utoipa::path(put, path = "/v1/team/secrets/{name}", tag = "secrets", params(("name" = String, Path), SecretQuery), request_body = PutSecret,
    responses((status = 200, body = SecretBody), (status = 201, body = SecretBody), (status = 400, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<SecretQuery>,
    Body(body): Body<PutSecret>,
) -> ApiResult<(StatusCode, Json<SecretBody>)> {
    for_everybody(&caller)?;
    let owner = Owner::Team;
    change(&app, &caller, &owner, (&name, query.id.as_deref()), body).await
}

/// Removes a secret of the team; agents have it no more from their next message on.
#[utoipa::path(delete, path = "/v1/team/secrets/{name}", tag = "secrets", params(("name" = String, Path), SecretQuery),
    responses((status = 200, body = SecretBody), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<SecretQuery>,
) -> ApiResult<Json<SecretBody>> {
    for_everybody(&caller)?;
    let owner = Owner::Team;
    removed(&app, &caller, &owner, (&name, query.id.as_deref())).await
}
