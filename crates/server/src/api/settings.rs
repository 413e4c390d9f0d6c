//! `/v1/settings`: what holds for agents opened from now on.

use super::body::Body;
use super::error::ApiResult;
use crate::app::App;
use crate::audit::by_people::{Deed, note};
use crate::auth::{Caller, admin_only};
use crate::{egress, network, settings};
use anyhow::Context as _;
use axum::Json;
use axum::extract::State;
use protocol::api::settings::{NetworkBody, SettingsBody, UpdateSettings};
use std::sync::Arc;

/// The settings.
#[utoipa::path(get, path = "/v1/settings", tag = "settings", responses((status = 200, body = SettingsBody)))]
pub async fn show(State(app): State<Arc<App>>, caller: Caller) -> ApiResult<Json<SettingsBody>> {
    Ok(Json(settings::read(&app, &caller.org).await?))
}

/// Changes them at once, for new agents; how far agents may reach also for those that are there.
#[utoipa::path(patch, path = "/v1/settings", tag = "settings", request_body = UpdateSettings,
    responses((status = 200, body = SettingsBody), (status = 403, body = protocol::api::ErrorBody)))]
pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(body): Body<UpdateSettings>,
) -> ApiResult<Json<SettingsBody>> {
    admin_only(&caller, "settings are changed")?;
    let is_of_network = body.network_mode.is_some() || body.allowed_hosts.is_some();
    let changed = settings::change(&app, &caller.org, body.clone()).await?;
    let details = serde_json::to_value(&body).context("write what was changed")?;
    note(&app, &caller, Deed::plain("settings.changed", details)).await?;
    if is_of_network {
        egress::follow_all(&app).await;
    }
    Ok(Json(changed))
}

/// How far agents may reach, and what keeps it from being farther.
#[utoipa::path(get, path = "/v1/network", tag = "settings", responses((status = 200, body = NetworkBody)))]
pub async fn network(State(app): State<Arc<App>>, caller: Caller) -> ApiResult<Json<NetworkBody>> {
    let settings = settings::read(&app, &caller.org).await?;
    Ok(Json(network::shown(&app.config, settings)))
}
