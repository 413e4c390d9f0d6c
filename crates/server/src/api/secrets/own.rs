//! `/v1/secrets/{name}`: what a key keeps for the agents that it opens.

use super::named::{Named, SecretQuery};
use crate::api::body::Body;
use crate::api::error::ApiResult;
use axum::Json;
use axum::http::StatusCode;
use protocol::api::secrets::{PutSecret, SecretBody};

/// A secret of one's own, without its value.
#[utoipa::path(get, path = "/v1/secrets/{name}", tag = "secrets", params(("name" = String, Path), SecretQuery),
    responses((status = 200, body = SecretBody), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn get(named: Named) -> ApiResult<Json<SecretBody>> {
    named.found().await
}

/// Adds a secret of one's own, for the agents that one opens, or gives one another value.
#[utoipa::path(put, path = "/v1/secrets/{name}", tag = "secrets", params(("name" = String, Path), SecretQuery), request_body = PutSecret,
    responses((status = 200, body = SecretBody), (status = 201, body = SecretBody), (status = 400, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn put(
    named: Named,
    Body(body): Body<PutSecret>,
) -> ApiResult<(StatusCode, Json<SecretBody>)> {
    named.put(body).await
}

/// Removes a secret of one's own; agents have it no more from their next message on.
#[utoipa::path(delete, path = "/v1/secrets/{name}", tag = "secrets", params(("name" = String, Path), SecretQuery),
    responses((status = 200, body = SecretBody), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn delete(named: Named) -> ApiResult<Json<SecretBody>> {
    named.remove().await
}
