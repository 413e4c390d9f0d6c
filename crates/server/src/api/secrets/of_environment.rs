//! `/v1/environments/{id}/secrets`: what agents of its repositories have.

use super::named::{Named, SecretQuery};
use super::{SecretsQuery, page};
use crate::api::body::{Body, Query};
use crate::api::error::ApiResult;
use crate::app::App;
use crate::auth::Caller;
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
pub async fn get(named: Named) -> ApiResult<Json<SecretBody>> {
    named.found().await
}

/// Adds a secret of a saved environment, for agents of its repositories, or gives one another value.
#[utoipa::path(put, path = "/v1/environments/{id}/secrets/{name}", tag = "secrets", params(("id" = String, Path), ("name" = String, Path), SecretQuery), request_body = PutSecret,
    responses((status = 200, body = SecretBody), (status = 201, body = SecretBody), (status = 400, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn put(
    named: Named,
    Body(body): Body<PutSecret>,
) -> ApiResult<(StatusCode, Json<SecretBody>)> {
    named.put(body).await
}

/// Removes a secret of a saved environment; agents have it no more from their next message on.
#[utoipa::path(delete, path = "/v1/environments/{id}/secrets/{name}", tag = "secrets", params(("id" = String, Path), ("name" = String, Path), SecretQuery),
    responses((status = 200, body = SecretBody), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn delete(named: Named) -> ApiResult<Json<SecretBody>> {
    named.remove().await
}
