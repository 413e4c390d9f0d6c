//! `/v1/settings`: what holds for agents opened from now on.

use super::body::Body;
use super::error::ApiResult;
use crate::app::App;
use crate::auth::{Caller, admin_only};
use crate::settings;
use axum::Json;
use axum::extract::State;
use protocol::api::settings::{SettingsBody, UpdateSettings};
use std::sync::Arc;

/// The settings.
#[utoipa::path(get, path = "/v1/settings", tag = "settings", responses((status = 200, body = SettingsBody)))]
pub async fn show(State(app): State<Arc<App>>, caller: Caller) -> ApiResult<Json<SettingsBody>> {
    Ok(Json(settings::read(&app, &caller.org).await?))
}

/// Changes them at once, for new agents.
#[utoipa::path(patch, path = "/v1/settings", tag = "settings", request_body = UpdateSettings,
    responses((status = 200, body = SettingsBody), (status = 403, body = protocol::api::ErrorBody)))]
pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(body): Body<UpdateSettings>,
) -> ApiResult<Json<SettingsBody>> {
    admin_only(&caller, "settings are changed")?;
    Ok(Json(settings::change(&app, &caller.org, body).await?))
}
