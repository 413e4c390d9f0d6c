//! `/v1/forges`: hosts of repositories that are connected.

use super::body::Body;
use super::error::ApiResult;
use crate::app::App;
use crate::auth::{Caller, admin_only};
use crate::forges::{Connection, connect as connecting};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::api::forges::{ConnectForge, ForgeBody};
use protocol::api::metadata::Items;
use protocol::api::{IdBody, timestamp};
use std::sync::Arc;

/// Hosts that are connected, without their credentials.
#[utoipa::path(get, path = "/v1/forges", tag = "forges",
    responses((status = 200, body = Items<ForgeBody>)))]
pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Json<Items<ForgeBody>> {
    let mut items: Vec<_> = app.forges.all(&caller.org).iter().map(|known| shown(known)).collect();
    items.sort_by(|one, other| one.url.cmp(&other.url));
    Json(Items { items })
}

/// Connects a host, or enters another credential for one that is connected. The host is asked first.
#[utoipa::path(post, path = "/v1/forges", tag = "forges", request_body = ConnectForge,
    responses((status = 201, body = ForgeBody), (status = 400, body = protocol::api::ErrorBody),
        (status = 403, body = protocol::api::ErrorBody), (status = 503, body = protocol::api::ErrorBody)))]
pub async fn connect(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(body): Body<ConnectForge>,
) -> ApiResult<(StatusCode, Json<ForgeBody>)> {
    admin_only(&caller, "hosts are connected")?;
    let connection = connecting::connect(&app, &caller, body).await?;
    Ok((StatusCode::CREATED, Json(shown(&connection))))
}

/// Asks the host again whose credential it is.
#[utoipa::path(post, path = "/v1/forges/{id}/check", tag = "forges", params(("id" = String, Path)),
    responses((status = 200, body = ForgeBody), (status = 400, body = protocol::api::ErrorBody),
        (status = 403, body = protocol::api::ErrorBody), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn check(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<ForgeBody>> {
    admin_only(&caller, "connections are checked")?;
    Ok(Json(shown(&*connecting::check(&app, &caller, &id).await?)))
}

/// Forgets a host and its credential. Its repositories are then reached as any other git remote.
#[utoipa::path(delete, path = "/v1/forges/{id}", tag = "forges", params(("id" = String, Path)),
    responses((status = 200, body = IdBody), (status = 403, body = protocol::api::ErrorBody),
        (status = 404, body = protocol::api::ErrorBody)))]
pub async fn disconnect(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<IdBody>> {
    admin_only(&caller, "hosts are disconnected")?;
    connecting::disconnect(&app, &caller, &id).await?;
    Ok(Json(IdBody { id }))
}

fn shown(connection: &Connection) -> ForgeBody {
    let entry = connection.entry.clone();
    ForgeBody {
        id: connection.id.clone(),
        kind: entry.kind,
        url: entry.url,
        credential: entry.credential,
        name: entry.name,
        login: entry.login,
        scopes: entry.scopes,
        created_at: timestamp(entry.created_ms),
        checked_at: timestamp(entry.checked_ms),
        connected_by: entry.by,
    }
}
