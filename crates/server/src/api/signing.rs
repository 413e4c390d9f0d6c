//! `/v1/signing-keys`: the keys by which commits are signed.

use super::error::ApiResult;
use crate::app::App;
use crate::audit::by_people::{Deed, note};
use crate::auth::{Caller, admin_only};
use axum::Json;
use axum::extract::State;
use protocol::api::signing::SigningKeysBody;
use serde_json::json;
use std::sync::Arc;

/// The public halves of all keys, newest first.
#[utoipa::path(get, path = "/v1/signing-keys", tag = "metadata",
    responses((status = 200, body = SigningKeysBody)))]
pub async fn list(State(app): State<Arc<App>>, _: Caller) -> ApiResult<Json<SigningKeysBody>> {
    Ok(Json(app.signing.shown(&app.config.git.email)))
}

/// Makes a new key, which signs from now on.
#[utoipa::path(post, path = "/v1/signing-keys/rotate", tag = "metadata",
    responses((status = 200, body = SigningKeysBody), (status = 403, body = protocol::api::ErrorBody)))]
pub async fn rotate(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> ApiResult<Json<SigningKeysBody>> {
    admin_only(&caller, "the key that signs commits is changed")?;
    app.signing.rotate(&app.store).await?;
    let shown = app.signing.shown(&app.config.git.email);
    let key = shown.items.first().map(|key| key.fingerprint.clone());
    note(&app, &caller, Deed::plain("signing_key.rotated", json!({ "key": key }))).await?;
    Ok(Json(shown))
}
