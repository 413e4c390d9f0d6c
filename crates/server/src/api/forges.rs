//! `/v1/forges`: hosts of repositories that are connected.

use super::body::{Body, Query};
use super::error::{ApiError, ApiResult};
use crate::app::App;
use crate::audit::by_people::{Deed, note};
use crate::auth::{Caller, admin_only};
use crate::forges::{Connection, connect as connecting};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use forge::account::Kind;
use protocol::api::forges::{ConnectForge, ForgeBody, OutcomeBody, TriggersBody, WebhookBody};
use protocol::api::metadata::Items;
use protocol::api::{IdBody, timestamp};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;
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

/// What is entered at the host so that people can ask for agents there: of one repository, or of all.
#[utoipa::path(get, path = "/v1/forges/{id}/webhook", tag = "forges",
    params(("id" = String, Path), HookQuery),
    responses((status = 200, body = WebhookBody), (status = 400, body = protocol::api::ErrorBody),
        (status = 403, body = protocol::api::ErrorBody), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn webhook(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<HookQuery>,
) -> ApiResult<Json<WebhookBody>> {
    admin_only(&caller, "secrets of webhooks are shown")?;
    let connection = connecting::existing(&app, &caller, &id)?;
    let mut url = format!("{}/v1/webhooks/{id}", app.public_url);
    if let Some(name) = &query.repository {
        let repository = connection.account.named(name).ok_or_else(|| {
            ApiError::invalid("repository", "is the host's name for one, such as owner/name")
        })?;
        url = format!("{url}/{}", repository.path());
    }
    let secret = app.seeds.webhook(&id, query.repository.as_deref());
    let details = json!({ "repository": query.repository });
    note(&app, &caller, Deed::to("forge.webhook_shown", &id, details)).await?;
    Ok(Json(WebhookBody {
        url,
        secret: secret.expose_secret().to_owned(),
        repository: query.repository,
        events: events(connection.account.kind).iter().map(|word| (*word).to_owned()).collect(),
    }))
}

/// What hosts are asked to tell, as their own pages name it.
const fn events(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Github => &[
            "Issues",
            "Issue comments",
            "Pull requests",
            "Pull request reviews",
            "Pull request review comments",
            "Check runs",
            "Statuses",
        ],
        Kind::Gitea => &[
            "Issues",
            "Issue Assigned",
            "Issue Labeled",
            "Issue Comment",
            "Pull Request",
            "Pull Request Comment",
            "Pull Request Reviewed",
            "Status",
        ],
        Kind::Gitlab => &["Comments", "Issues events", "Merge request events", "Job events"],
        Kind::Bitbucket => &[
            "Issue: Created, Updated, Comment created",
            "Pull request: Created, Comment created, Changes Request created",
            "Repository: Build status created, updated",
        ],
    }
}

/// Which repository.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
pub struct HookQuery {
    /// The host's name for it, `owner/name`; none: what speaks for all of them.
    repository: Option<String>,
}

/// Says what people may ask for at a host.
#[utoipa::path(put, path = "/v1/forges/{id}/triggers", tag = "forges", params(("id" = String, Path)),
    request_body = TriggersBody,
    responses((status = 200, body = ForgeBody), (status = 400, body = protocol::api::ErrorBody),
        (status = 403, body = protocol::api::ErrorBody), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn triggers(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<TriggersBody>,
) -> ApiResult<Json<ForgeBody>> {
    admin_only(&caller, "what people may ask for at a host is said")?;
    Ok(Json(shown(&*connecting::set_triggers(&app, &caller, &id, body).await?)))
}

/// What became of the last deliveries of a host since the server started, newest first.
#[utoipa::path(get, path = "/v1/forges/{id}/deliveries", tag = "forges", params(("id" = String, Path)),
    responses((status = 200, body = Items<OutcomeBody>), (status = 403, body = protocol::api::ErrorBody),
        (status = 404, body = protocol::api::ErrorBody)))]
pub async fn deliveries(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<Items<OutcomeBody>>> {
    admin_only(&caller, "deliveries are shown")?;
    connecting::existing(&app, &caller, &id)?;
    Ok(Json(Items { items: app.forges.inbox.outcomes(&id) }))
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
        triggers: entry.triggers,
    }
}
