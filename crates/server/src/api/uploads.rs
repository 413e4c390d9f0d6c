//! `/v1/uploads`: a pack of a person's worktree, sent in pieces before the agent that starts from it.

use super::body::Body;
use super::error::{ApiError, ApiResult};
use crate::app::App;
use crate::auth::Caller;
use crate::uploads::{self, Refused};
use axum::Json;
use axum::body::{Body as Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use protocol::api::sync::{CreateUpload, Upload};
use protocol::limits::UPLOAD_PIECE_BYTES;
use std::sync::Arc;

/// What went wrong, for the person.
pub fn refused(error: anyhow::Error) -> ApiError {
    let Some(why) = error.downcast_ref::<Refused>() else { return error.into() };
    let (status, code) = match why {
        Refused::Missing => (StatusCode::NOT_FOUND, "upload_not_found"),
        Refused::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
        Refused::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too_many_uploads"),
        Refused::Digest => (StatusCode::BAD_REQUEST, "validation_error"),
        Refused::Offset(_) => (StatusCode::CONFLICT, "wrong_offset"),
        Refused::Damaged => (StatusCode::CONFLICT, "upload_damaged"),
        Refused::Incomplete => (StatusCode::CONFLICT, "upload_incomplete"),
    };
    ApiError::new(status, code, why.to_string())
}

/// Begins an upload.
#[utoipa::path(post, path = "/v1/uploads", tag = "sync", request_body = CreateUpload,
    responses((status = 201, body = Upload), (status = 413, body = protocol::api::ErrorBody)))]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(body): Body<CreateUpload>,
) -> ApiResult<(StatusCode, Json<Upload>)> {
    let made = uploads::create(&app, &caller, body.bytes, &body.blake3).await.map_err(refused)?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// How far an upload is; the next piece begins at `offset`.
#[utoipa::path(get, path = "/v1/uploads/{id}", tag = "sync", params(("id" = String, Path)),
    responses((status = 200, body = Upload), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<Upload>> {
    Ok(Json(uploads::look(&app, &caller, &id).await.map_err(refused)?))
}

/// Takes the next piece, of at most 8 MiB.
#[utoipa::path(patch, path = "/v1/uploads/{id}", tag = "sync",
    params(("id" = String, Path), ("Upload-Offset" = u64, Header, description = "where the piece begins")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Upload), (status = 409, body = protocol::api::ErrorBody), (status = 413, body = protocol::api::ErrorBody)))]
pub async fn append(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<Json<Upload>> {
    let offset = headers.get("upload-offset").and_then(|value| value.to_str().ok());
    let offset = offset.and_then(|text| text.parse().ok());
    let offset =
        offset.ok_or_else(|| ApiError::invalid("Upload-Offset", "is not a number of bytes"))?;
    let too_large = |_| {
        let message = format!("a piece has at most {UPLOAD_PIECE_BYTES} bytes");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message)
    };
    let piece = to_bytes(body, UPLOAD_PIECE_BYTES).await.map_err(too_large)?;
    Ok(Json(uploads::append(&app, &caller, &id, offset, piece).await.map_err(refused)?))
}
