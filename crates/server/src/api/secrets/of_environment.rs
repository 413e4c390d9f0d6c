//! `/v1/environments/{id}/secrets`: what agents of its repositories have.

use super::{SecretQuery, SecretsQuery, change, for_everybody, page, removed, shown};
use crate::api::body::{Body, Query};
use crate::api::error::ApiResult;
use crate::app::App;
use crate::auth::Caller;
use crate::secrets::{self};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::api::secrets::{PutSecret, SecretBody, SecretsPage};
use std::sync::Arc;

/// The secrets of a saved environment, without their values.
#[utoipa::path(get, path = "/v1/environments/{id}/secrets", tag = "secrets", params(("id" = String, Path), SecretsQuery),
    responses((status = 200, body = SecretsPage), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(environment): Path<String>,
    Query(query): Query<SecretsQuery>,
) -> ApiResult<Json<SecretsPage>> {
    let owner = super::environment(&app, &caller, &environment).await?;
    page(&app, &caller, &[owner], &query).await
}

/// A secret of a saved environment, without its value.
#[utoipa::path(get, path = "/v1/environments/{id}/secrets/{name}", tag = "secrets", params(("id" = String, Path), ("name" = String, Path), SecretQuery),
    responses((status = 200, body = SecretBody), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((environment, name)): Path<(String, String)>,
    Query(query): Query<SecretQuery>,
) -> ApiResult<Json<SecretBody>> {
    let owner = super::environment(&app, &caller, &environment).await?;
    let found = secrets::find(&app, (&caller.org, &owner), &name, query.id.as_deref()).await?;
    Ok(Json(shown(&owner, found)))
}

/// Adds a secret of a saved environment, for agents of its repositories, or gives one another value.
#[utoipa::path(put, path = "/v1/environments/{id}/secrets/{name}", tag = "secrets", params(("id" = String, Path), ("name" = String, Path), SecretQuery), request_body = PutSecret,
    responses((status = 200, body = SecretBody), (status = 201, body = SecretBody), (status = 400, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((environment, name)): Path<(String, String)>,
    Query(query): Query<SecretQuery>,
    Body(body): Body<PutSecret>,
) -> ApiResult<(StatusCode, Json<SecretBody>)> {
    for_everybody(&caller)?;
    let owner = super::environment(&app, &caller, &environment).await?;
    change(&app, &caller, &owner, (&name, query.id.as_deref()), body).await
}

/// Removes a secret of a saved environment; agents have it no more from their next message on.
#[utoipa::path(delete, path = "/v1/environments/{id}/secrets/{name}", tag = "secrets", params(("id" = String, Path), ("name" = String, Path), SecretQuery),
    responses((status = 200, body = SecretBody), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((environment, name)): Path<(String, String)>,
    Query(query): Query<SecretQuery>,
) -> ApiResult<Json<SecretBody>> {
    for_everybody(&caller)?;
    let owner = super::environment(&app, &caller, &environment).await?;
    removed(&app, &caller, &owner, (&name, query.id.as_deref())).await
}
