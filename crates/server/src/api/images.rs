//! `/v1/agents/{id}/events/{seq}/images/{index}`: pictures that came with a message.

use super::agent_id;
use super::error::{ApiError, ApiResult};
use crate::app::App;
use crate::auth::Caller;
use anyhow::Context as _;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use protocol::event::Event;
use protocol::ids::Seq;
use std::sync::Arc;

/// What the door takes as a picture, and so all that is given back as one.
const TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/// An event never changes, nor do its pictures; for whoever may see them only.
const KEPT: &str = "private, max-age=31536000, immutable";

/// A picture of the message in an `Asked` or `Steered` event, counted from 0.
#[utoipa::path(get, path = "/v1/agents/{id}/events/{seq}/images/{index}", tag = "agents",
    params(("id" = String, Path), ("seq" = u64, Path), ("index" = usize, Path)),
    responses((status = 200, content_type = "image/png", body = Vec<u8>), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn image(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, seq, index)): Path<(String, String, String)>,
) -> ApiResult<Response> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let seq = seq.parse::<u64>().ok().and_then(|seq| seq.checked_sub(1)).ok_or_else(missing)?;
    let index: usize = index.parse().map_err(|_| missing())?;
    let page = handle.read(Seq(seq), 1).await?;
    let event = page.first().map(|entry| &entry.logged.event);
    let Some(Event::Asked { prompt, .. } | Event::Steered { prompt, .. }) = event else {
        return Err(missing());
    };
    let image = prompt.images.get(index).ok_or_else(missing)?;
    let kind = TYPES.into_iter().find(|kind| *kind == image.mime_type).ok_or_else(missing)?;
    let bytes = app.store.blob(&caller.org, &image.blob).await.context("read a picture")?;
    // TRUST: a person sent these bytes. They are a picture to every reader, and never a page of ours.
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
        (header::CACHE_CONTROL, HeaderValue::from_static(KEPT)),
    ];
    Ok((headers, bytes.ok_or_else(missing)?).into_response())
}

fn missing() -> ApiError {
    ApiError::not_found("image_not_found", "this event has no such image")
}
