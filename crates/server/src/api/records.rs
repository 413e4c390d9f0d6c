//! `/v1/agents/{id}/records`: what was signed about each commit that was pushed.

use super::agent_id;
use super::body::Query;
use super::error::{ApiError, ApiResult};
use crate::app::App;
use crate::auth::Caller;
use crate::record;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use git::name::CommitId;
use protocol::api::metadata::Items;
use protocol::api::records::RecordBody;
use protocol::record::Envelope;
use serde::Deserialize;
use std::sync::Arc;

/// The agent's records, newest first.
#[utoipa::path(get, path = "/v1/agents/{id}/records", tag = "agents", params(("id" = String, Path)),
    responses((status = 200, body = Items<RecordBody>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<Items<RecordBody>>> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    Ok(Json(Items { items: record::list(&app, &handle.org, handle.id).await? }))
}

/// Which of several.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
pub struct RecordQuery {
    /// The repository, where several have this commit.
    repo_url: Option<String>,
}

/// The record of a commit, byte for byte as it was signed.
#[utoipa::path(get, path = "/v1/agents/{id}/records/{commit}", tag = "agents",
    params(("id" = String, Path), ("commit" = String, Path), RecordQuery),
    responses((status = 200, body = Envelope), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, commit)): Path<(String, String)>,
    Query(query): Query<RecordQuery>,
) -> ApiResult<Response> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let commit = CommitId::parse(&commit).map_err(|bad| ApiError::invalid("commit", bad))?;
    let mut all = record::of_commit(&app.store, &handle.org, handle.id, commit.as_str()).await?;
    all.retain(|(repository, _)| query.repo_url.as_ref().is_none_or(|url| url == repository));
    match (all.pop(), all.is_empty()) {
        (Some((_, body)), true) => {
            Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
        }
        (Some(_), false) => Err(ApiError::invalid(
            "repoUrl",
            "several repositories have a record of this commit: name one",
        )),
        (None, _) => Err(ApiError::not_found(
            "record_not_found",
            "this agent has no record of this commit; the list shows what there is",
        )),
    }
}
