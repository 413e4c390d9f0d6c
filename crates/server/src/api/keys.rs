//! `/v1/api-keys`: keys for people and programs, made and revoked with the installation's own token.

use super::body::Body;
use super::error::{ApiError, ApiResult};
use crate::app::App;
use crate::audit::by_people::{Deed, note};
use crate::audit::of_events::OWN_NAMES;
use crate::auth::{Caller, admin_only};
use crate::clock::now_ms;
use crate::door;
use crate::egress;
use crate::keys::ADMIN;
use crate::secrets::{self, Owner};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::api::metadata::{ApiKeyBody, CreateApiKey, Items};
use protocol::api::{IdBody, timestamp};
use serde_json::json;
use std::sync::Arc;

/// What is refused to others.
const MANAGED: &str = "keys are managed";

/// Makes a key; its token is shown this once.
#[utoipa::path(post, path = "/v1/api-keys", tag = "metadata", request_body = CreateApiKey, responses((status = 201, body = ApiKeyBody)))]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(body): Body<CreateApiKey>,
) -> ApiResult<(StatusCode, Json<ApiKeyBody>)> {
    admin_only(&caller, MANAGED)?;
    let name = door::checked_name("name", &body.name)?;
    if name == ADMIN || OWN_NAMES.contains(&name.as_str()) {
        // TRUST: records name who did something; nobody passes for somebody else there.
        return Err(ApiError::invalid(
            "name",
            "stands for Errand itself in records; choose another",
        ));
    }
    let now = now_ms();
    let (key, token) =
        app.store.create_key(&caller.org, &name, now).await.map_err(anyhow::Error::from)?;
    note(&app, &caller, Deed::to("key.created", &key.id, json!({ "name": name }))).await?;
    let token = Some(token.expose().to_owned());
    Ok((
        StatusCode::CREATED,
        Json(ApiKeyBody { id: key.id, name, created_at: timestamp(now), token }),
    ))
}

/// Lists keys, without tokens.
#[utoipa::path(get, path = "/v1/api-keys", tag = "metadata", responses((status = 200, body = Items<ApiKeyBody>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> ApiResult<Json<Items<ApiKeyBody>>> {
    admin_only(&caller, MANAGED)?;
    let keys = app.store.keys(&caller.org).await.map_err(anyhow::Error::from)?;
    let items = keys.into_iter().filter(|key| key.revoked_ms.is_none()).map(|key| ApiKeyBody {
        id: key.id,
        name: key.name,
        created_at: timestamp(key.created_ms),
        token: None,
    });
    Ok(Json(Items { items: items.collect() }))
}

/// Revokes a key at once.
#[utoipa::path(delete, path = "/v1/api-keys/{id}", tag = "metadata", params(("id" = String, Path)), responses((status = 200, body = IdBody)))]
pub async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<IdBody>> {
    admin_only(&caller, MANAGED)?;
    let revoked =
        app.store.revoke_key(&caller.org, &id, now_ms()).await.map_err(anyhow::Error::from)?;
    if revoked {
        app.auth.key_revoked(&id);
        note(&app, &caller, Deed::to("key.revoked", &id, json!({}))).await?;
    }
    // Also what an attempt before this one left.
    secrets::forget(&app, &caller.org, &Owner::User(id.clone())).await?;
    if revoked {
        // What agents had of the key's secrets.
        egress::follow_all(&app).await;
        return Ok(Json(IdBody { id }));
    }
    Err(ApiError::not_found("api_key_not_found", format!("there is no key with the id {id:?}")))
}
