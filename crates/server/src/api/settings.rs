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
use protocol::api::settings::{AllowedHost, NetworkBody, SettingsBody, UpdateSettings};
use serde_json::{Value, json};
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
    let is_of_network = body.network_mode.is_some()
        || body.allowed_hosts.is_some()
        || body.when_all_three.is_some();
    let (before, changed) = settings::change(&app, &caller.org, body.clone()).await?;
    let mut details = serde_json::to_value(&body).context("write what was changed")?;
    if let Some(hosts) = details.get_mut("allowedHosts") {
        *hosts = difference(&before.allowed_hosts, &changed.allowed_hosts);
    }
    note(&app, &caller, Deed::plain("settings.changed", details)).await?;
    if is_of_network {
        egress::follow_all(&app).await;
    }
    Ok(Json(changed))
}

/// Of a list that may be long what is new and what is gone.
fn difference(before: &[AllowedHost], after: &[AllowedHost]) -> Value {
    let without = |one: &[AllowedHost], other: &[AllowedHost]| {
        one.iter().filter(|host| !other.contains(host)).cloned().collect::<Vec<_>>()
    };
    json!({ "added": without(after, before), "removed": without(before, after) })
}

/// How far agents may reach, and what keeps it from being farther.
#[utoipa::path(get, path = "/v1/network", tag = "settings", responses((status = 200, body = NetworkBody)))]
pub async fn network(State(app): State<Arc<App>>, caller: Caller) -> ApiResult<Json<NetworkBody>> {
    let settings = settings::read(&app, &caller.org).await?;
    Ok(Json(network::shown(&app.config, settings)))
}
