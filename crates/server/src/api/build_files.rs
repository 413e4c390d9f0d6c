//! `/v1/builds/{layer}/file` and `/v1/builds/file`: builds that go from one server to another.

use super::body::Query;
use super::builds::{find, keeps_disks, shown};
use super::error::{ApiError, ApiResult};
use crate::app::App;
use crate::auth::{Caller, admin_only};
use crate::builder::Unfit;
use crate::builds::portable::{self, Refused};
use crate::{builds, door};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt as _;
use protocol::api::agents::RepoBody;
use protocol::api::builds::BuildBody;
use sandbox::provider::ProviderError;
use serde::Deserialize;
use std::sync::Arc;
use tokio_util::io::StreamReader;

/// For which repositories a build is taken in.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct ImportQuery {
    /// URLs in place of those in the file, in the same order, with commas between.
    repos: Option<String>,
}

/// The build as a file that another server takes in: its disk with all that lies below it.
#[utoipa::path(get, path = "/v1/builds/{layer}/file", tag = "builds", params(("layer" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/zstd"), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn export(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(layer): Path<String>,
) -> ApiResult<Response> {
    // TRUST: all of the private repositories is in it.
    admin_only(&caller, "builds are exported")?;
    let (key, build) = find(&app, &caller, &layer).await?;
    let Some(ready) = &build.ready else {
        let message = "only a build that is ready can be exported";
        return Err(ApiError::new(StatusCode::CONFLICT, "build_not_ready", message));
    };
    let known = builds::read(&app, &caller.org, &key).await?;
    let urls = known.map(|(environment, _)| environment.repos).unwrap_or_default();
    let repos = door::repos(&app, &caller, &named(urls))?;
    let bytes = portable::export(&app, &caller.org, &repos, &build, ready).await?;
    let mut response = Body::from_stream(bytes).into_response();
    let name = format!("attachment; filename=\"{layer}.tar.zst\"");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zstd"));
    // The layer's name was found, so it is one.
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// Takes in a build that another server exported; new agents of its repositories begin with it.
#[utoipa::path(post, path = "/v1/builds/file", tag = "builds", params(ImportQuery),
    request_body(content = Vec<u8>, content_type = "application/zstd"),
    responses((status = 201, body = BuildBody), (status = 400, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn import(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<ImportQuery>,
    body: Body,
) -> ApiResult<(StatusCode, Json<BuildBody>)> {
    // TRUST: everybody's agents will begin with what is in the file.
    admin_only(&caller, "builds are imported")?;
    keeps_disks(&app)?;
    let stream = body.into_data_stream().map_err(std::io::Error::other);
    let mut file = StreamReader::new(stream);
    let about = portable::about(&mut file).await.map_err(refused)?;
    let urls = match &query.repos {
        Some(typed) => typed.split(',').map(|url| url.trim().to_owned()).collect(),
        None => about.repos.clone(),
    };
    if urls.len() != about.repos.len() {
        let message =
            format!("names {} repositories; the file has {}", urls.len(), about.repos.len());
        return Err(ApiError::invalid("repos", message));
    }
    let repos = door::repos(&app, &caller, &named(urls))?;
    let build = portable::import(&app, &caller.org, &repos, &about, &mut file);
    let build = Box::pin(build).await.map_err(refused)?;
    let known = builds::read(&app, &caller.org, &builds::key(&repos)).await?;
    let environment = known.map(|(environment, _)| environment).unwrap_or_default();
    Ok((StatusCode::CREATED, Json(shown(&app, &caller, &environment, &build).await?)))
}

/// Repositories as callers name them.
fn named(urls: Vec<String>) -> Vec<RepoBody> {
    let body = |url| RepoBody { url, starting_ref: None, pr_url: None, upload: None };
    urls.into_iter().map(body).collect()
}

fn refused(error: anyhow::Error) -> ApiError {
    if let Some(ProviderError::Unavailable(words)) = error.downcast_ref() {
        let message = format!("the snapshot could not be taken in now: {words}");
        return ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message);
    }
    if let Some(Unfit(words)) = error.downcast_ref() {
        let message = format!("the snapshot cannot be taken in: {words}");
        return ApiError::new(StatusCode::BAD_REQUEST, "build_file_invalid", message);
    }
    let Some(why) = error.downcast_ref::<Refused>() else { return error.into() };
    let (status, code) = match why {
        Refused::Exists(_) => (StatusCode::CONFLICT, "build_exists"),
        Refused::Elsewhere { .. } => (StatusCode::BAD_REQUEST, "validation_error"),
        Refused::NotOurs(_) | Refused::Version(_) | Refused::Invalid(_) => {
            (StatusCode::BAD_REQUEST, "build_file_invalid")
        }
        Refused::Cut(_) => (StatusCode::BAD_REQUEST, "build_file_cut"),
    };
    ApiError::new(status, code, why.to_string())
}
