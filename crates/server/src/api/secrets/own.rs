//! `/v1/secrets/{name}`: what a key keeps for the agents that it opens.

use super::{SecretQuery, change, removed, shown};
use crate::api::body::{Body, Query};
use crate::api::error::ApiResult;
use crate::app::App;
use crate::auth::Caller;
use crate::secrets::{self, Owner};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::api::secrets::{PutSecret, SecretBody};
use std::sync::Arc;

/// A secret of one's own, without its value.
#[utoipa::path(get, path = "/v1/secrets/{name}", tag = "secrets", params(("name" = String, Path), SecretQuery),
    responses((status = 200, body = SecretBody), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<SecretQuery>,
) -> ApiResult<Json<SecretBody>> {
    let owner = Owner::User(caller.opener());
    let found = secrets::find(&app, (&caller.org, &owner), &name, query.id.as_deref()).await?;
    Ok(Json(shown(&owner, found)))
}

/// Adds a secret of one's own, for the agents that one opens, or gives one another value.
#[utoipa::path(put, path = "/v1/secrets/{name}", tag = "secrets", params(("name" = String, Path), SecretQuery), request_body = PutSecret,
    responses((status = 200, body = SecretBody), (status = 201, body = SecretBody), (status = 400, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<SecretQuery>,
    Body(body): Body<PutSecret>,
) -> ApiResult<(StatusCode, Json<SecretBody>)> {
    let owner = Owner::User(caller.opener());
    change(&app, &caller, &owner, (&name, query.id.as_deref()), body).await
}

/// Removes a secret of one's own; agents have it no more from their next message on.
#[utoipa::path(delete, path = "/v1/secrets/{name}", tag = "secrets", params(("name" = String, Path), SecretQuery),
    responses((status = 200, body = SecretBody), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<SecretQuery>,
) -> ApiResult<Json<SecretBody>> {
    let owner = Owner::User(caller.opener());
    removed(&app, &caller, &owner, (&name, query.id.as_deref())).await
}
