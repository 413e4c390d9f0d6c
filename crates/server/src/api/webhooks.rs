//! `/v1/webhooks`: where hosts tell what happens there. Nobody signs in; a delivery is believed by its signature. Its
//! addresses stand in no OpenAPI document: what they take is each host's own.

use super::error::{ApiError, ApiResult};
use crate::app::App;
use crate::triggers::inbox::{self, Taken};
use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use forge::webhook::BODY_BYTES;
use protocol::api::forges::DeliveryBody;
use protocol::ids::OrgId;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for a place.
const PLACE_WAIT: Duration = Duration::from_secs(30);
/// Longest time that a delivery may take to come.
const READ_WAIT: Duration = Duration::from_secs(10);

/// Takes a delivery of a connection's own webhook, whose secret speaks for every repository.
pub async fn of_all(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> ApiResult<(StatusCode, Json<DeliveryBody>)> {
    taken(&app, (&id, None), request).await
}

/// Takes a delivery of one repository's webhook.
pub async fn of_one(
    State(app): State<Arc<App>>,
    Path((id, repository)): Path<(String, String)>,
    request: Request,
) -> ApiResult<(StatusCode, Json<DeliveryBody>)> {
    taken(&app, (&id, Some(&repository)), request).await
}

async fn taken(
    app: &App,
    (forge, repository): (&str, Option<&str>),
    request: Request,
) -> ApiResult<(StatusCode, Json<DeliveryBody>)> {
    // TRUST: nobody has proven anything yet, so few may send at a time, and none for long.
    let place = tokio::time::timeout(PLACE_WAIT, app.forges.inbox.places.acquire()).await;
    let busy = || {
        let message = "too many deliveries come at once: send it again later";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "webhook_busy", message)
    };
    let _place = place.map_err(|_| busy())?.map_err(|_| busy())?;
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(READ_WAIT, to_bytes(body, BODY_BYTES)).await;
    let body = read.ok().and_then(Result::ok).ok_or_else(|| {
        let message = format!("the delivery is longer than {BODY_BYTES} bytes, or came too slowly");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "webhook_unreadable", message)
    })?;
    let org = OrgId::default_org();
    let taken = inbox::take(app, &org, (forge, repository), &parts.headers, &body).await;
    let (outcome, reason) = match taken.inspect_err(note)? {
        Taken::Kept => ("taken", None),
        Taken::Known => ("known", None),
        Taken::Ignored(why) => ("ignored", Some(why)),
    };
    Ok((StatusCode::ACCEPTED, Json(DeliveryBody { outcome: outcome.to_owned(), reason })))
}

/// TRUST: nothing of what was sent goes into a log before it is believed, and strangers do not fill it: the host shows
/// its people what it was answered.
fn note(error: &ApiError) {
    let (code, _) = error.told();
    tracing::debug!(code, "a delivery was refused");
}
