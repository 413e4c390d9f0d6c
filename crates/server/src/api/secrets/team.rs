//! `/v1/team/secrets`: what all agents have.

use super::named::{Named, SecretQuery};
use super::{SecretsQuery, page};
use crate::api::body::{Body, Query};
use crate::api::error::ApiResult;
use crate::app::App;
use crate::auth::Caller;
use crate::secrets::Owner;
use axum::Json;
use axum::extract::State;
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
    page(&app, &caller, &[Owner::Team], &query).await
}

/// A secret of the team, without its value.
#[utoipa::path(get, path = "/v1/team/secrets/{name}", tag = "secrets", params(("name" = String, Path), SecretQuery),
    responses((status = 200, body = SecretBody), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn get(named: Named) -> ApiResult<Json<SecretBody>> {
    named.found().await
}

/// Adds a secret of the team, for all agents, or gives one another value.
#[utoipa::path(put, path = "/v1/team/secrets/{name}", tag = "secrets", params(("name" = String, Path), SecretQuery), request_body = PutSecret,
    responses((status = 200, body = SecretBody), (status = 201, body = SecretBody), (status = 400, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn put(
    named: Named,
    Body(body): Body<PutSecret>,
) -> ApiResult<(StatusCode, Json<SecretBody>)> {
    named.put(body).await
}

/// Removes a secret of the team; agents have it no more from their next message on.
#[utoipa::path(delete, path = "/v1/team/secrets/{name}", tag = "secrets", params(("name" = String, Path), SecretQuery),
    responses((status = 200, body = SecretBody), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn delete(named: Named) -> ApiResult<Json<SecretBody>> {
    named.remove().await
}
