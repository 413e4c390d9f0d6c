//! `/v1/webhooks`: where hosts tell what happens there. Nobody signs in; a delivery is believed by its signature. Its
//! addresses stand in no OpenAPI document: what they take is each host's own.

use super::error::{ApiError, ApiResult};
use crate::app::App;
use crate::triggers::inbox::{self, Taken};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use protocol::api::forges::DeliveryBody;
use protocol::ids::OrgId;
use std::sync::Arc;

/// Takes a delivery of a connection's own webhook, whose secret speaks for every repository.
pub async fn of_all(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<(StatusCode, Json<DeliveryBody>)> {
    taken(&app, (&id, None), &headers, &body).await
}

/// Takes a delivery of one repository's webhook.
pub async fn of_one(
    State(app): State<Arc<App>>,
    Path((id, repository)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<(StatusCode, Json<DeliveryBody>)> {
    taken(&app, (&id, Some(&repository)), &headers, &body).await
}

async fn taken(
    app: &App,
    (forge, repository): (&str, Option<&str>),
    headers: &HeaderMap,
    body: &[u8],
) -> ApiResult<(StatusCode, Json<DeliveryBody>)> {
    let org = OrgId::default_org();
    let taken = inbox::take(app, &org, (forge, repository), headers, body).await;
    let (outcome, reason) = match taken.inspect_err(note)? {
        Taken::Kept => ("taken", None),
        Taken::Known => ("known", None),
        Taken::Ignored(why) => ("ignored", Some(why)),
    };
    Ok((StatusCode::ACCEPTED, Json(DeliveryBody { outcome: outcome.to_owned(), reason })))
}

/// TRUST: nothing of what was sent goes into a log before it is believed.
fn note(error: &ApiError) {
    let (code, _) = error.told();
    tracing::warn!(code, "a delivery was refused");
}
