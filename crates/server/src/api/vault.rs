//! `/v1/vault`: the keys that wrap those of stored values.

use super::error::ApiResult;
use crate::app::App;
use crate::auth::{Caller, admin_only};
use crate::vault;
use axum::Json;
use axum::extract::State;
use protocol::api::vault::{VaultBody, VaultRemoved};
use std::sync::Arc;

/// The keys, and how far a change to the newest one is.
#[utoipa::path(get, path = "/v1/vault", tag = "secrets",
    responses((status = 200, body = VaultBody), (status = 403, body = protocol::api::ErrorBody)))]
pub async fn show(State(app): State<Arc<App>>, caller: Caller) -> ApiResult<Json<VaultBody>> {
    admin_only(&caller, "the vault is looked at")?;
    Ok(Json(vault::shown(&app).await?))
}

/// Makes a new key, and begins to wrap all values with it.
#[utoipa::path(post, path = "/v1/vault/rotate", tag = "secrets",
    responses((status = 200, body = VaultBody), (status = 403, body = protocol::api::ErrorBody),
        (status = 409, body = protocol::api::ErrorBody), (status = 503, body = protocol::api::ErrorBody)))]
pub async fn rotate(State(app): State<Arc<App>>, caller: Caller) -> ApiResult<Json<VaultBody>> {
    admin_only(&caller, "the vault's key is changed")?;
    Ok(Json(vault::rotate(&app, &caller).await?))
}

/// Removes older keys that no value needs any more.
#[utoipa::path(delete, path = "/v1/vault/older-keys", tag = "secrets",
    responses((status = 200, body = VaultRemoved), (status = 403, body = protocol::api::ErrorBody),
        (status = 503, body = protocol::api::ErrorBody)))]
pub async fn remove_older(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> ApiResult<Json<VaultRemoved>> {
    admin_only(&caller, "keys of the vault are removed")?;
    Ok(Json(vault::remove_older(&app, &caller).await?))
}
