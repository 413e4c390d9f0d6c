//! `/v1/agents/{id}/artifacts`: files that a run left for people, kept as blobs.

use super::agent_id;
use super::body::Query;
use super::error::{ApiError, ApiResult};
use crate::app::App;
use crate::artifacts;
use crate::auth::Caller;
use crate::clock::now_ms;
use anyhow::Context as _;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use protocol::api::metadata::{Artifact, ArtifactLink, Items};
use protocol::api::timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// Life of a download link.
const LINK_MS: i64 = 15 * 60 * 1000;
/// Artifacts on the list.
const LISTED: usize = 100;

/// The agent's artifacts.
#[utoipa::path(get, path = "/v1/agents/{id}/artifacts", tag = "agents", params(("id" = String, Path)), responses((status = 200, body = Items<Artifact>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<Items<Artifact>>> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let kept = artifacts::list(&app.store, &handle.org, handle.id).await?;
    let items = kept.into_iter().take(LISTED).map(|kept| Artifact {
        path: kept.path,
        size_bytes: kept.size,
        updated_at: timestamp(kept.at_ms),
    });
    Ok(Json(Items { items: items.collect() }))
}

/// Which artifact.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct DownloadQuery {
    /// `artifacts/…` as the list shows it.
    path: String,
}

/// A link to one artifact that carries its own right for 15 minutes.
#[utoipa::path(get, path = "/v1/agents/{id}/artifacts/download", tag = "agents", params(("id" = String, Path), DownloadQuery),
    responses((status = 200, body = ArtifactLink), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn download(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<DownloadQuery>,
) -> ApiResult<Json<ArtifactLink>> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let kept = artifacts::list(&app.store, &handle.org, handle.id).await?;
    let found = kept.iter().find(|kept| kept.path == query.path).ok_or_else(missing)?;
    let expires = now_ms().saturating_add(LINK_MS);
    let right = artifacts::right(&app.link_key, &handle.org, &found.blob, expires);
    Ok(Json(ArtifactLink {
        url: format!("{}/v1/downloads/{}/{expires}/{right}", app.public_url, found.blob),
        expires_at: timestamp(expires),
    }))
}

fn missing() -> ApiError {
    ApiError::not_found(
        "artifact_not_found",
        "there is no such artifact; the list shows what there is",
    )
}

/// The bytes behind a link; no key is asked for, the link is the right.
#[utoipa::path(get, path = "/v1/downloads/{blob}/{expires}/{right}", tag = "agents",
    params(("blob" = String, Path), ("expires" = i64, Path), ("right" = String, Path)), responses((status = 200, body = Vec<u8>)))]
pub async fn bytes(
    State(app): State<Arc<App>>,
    Path((blob, expires, right)): Path<(String, i64, String)>,
) -> ApiResult<Response> {
    let org = protocol::ids::OrgId::default_org();
    if expires < now_ms() || !artifacts::is_right(&app.link_key, &org, &blob, expires, &right) {
        return Err(missing());
    }
    let bytes =
        app.store.blob(&org, &blob).await.context("read the artifact")?.ok_or_else(missing)?;
    let mut response = bytes.into_response();
    // TRUST: made inside a sandbox: never shown as a page of ours.
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response
        .headers_mut()
        .insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    response
        .headers_mut()
        .insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}
