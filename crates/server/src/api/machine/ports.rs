//! `/v1/agents/{id}/ports` and `/previews`: who listens inside, and how a browser gets there.

use super::{attend, inside};
use crate::api::body::Body;
use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use crate::audit::by_people::{Deed, note};
use crate::auth::Caller;
use crate::clock::now_ms;
use crate::environments;
use crate::preview;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::api::machine::{CreatePreview, Port, Preview};
use protocol::api::metadata::Items;
use protocol::api::timestamp;
use protocol::link::{Answer, Request};
use sandbox::link::LinkError;
use serde_json::json;
use std::sync::Arc;

/// Ports inside that are the sandbox's own: names, and the two ways to the gateway.
const OWN_PORTS: [u16; 3] = [53, 3128, 3129];

/// The ports on which somebody listens.
#[utoipa::path(get, path = "/v1/agents/{id}/ports", tag = "machine", params(("id" = String, Path)),
    responses((status = 200, body = Items<Port>), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<Items<Port>>> {
    let inside = inside(&app, &caller, &id).await?;
    let Answer::Ports { ports, .. } = inside.link.request(Request::Ports).await? else {
        return Err(LinkError::Protocol("no ports".to_owned()).into());
    };
    let view = inside.handle.view().await?;
    let followed = environments::followed(&app, &caller.org, view.living()?).await?;
    let known = followed.map(|followed| followed.understood.environment.ports).unwrap_or_default();
    let name = |number| known.iter().find(|port| port.port == number)?.name.clone();
    let own = ports.into_iter().filter(|port| !OWN_PORTS.contains(&port.port));
    let items = own.map(|open| Port {
        port: open.port,
        address: open.address,
        name: name(open.port),
        process: open.process,
    });
    Ok(Json(Items { items: items.collect() }))
}

/// A way for one browser into a port inside, on an origin of its own.
#[utoipa::path(post, path = "/v1/agents/{id}/previews", tag = "machine", params(("id" = String, Path)), request_body = CreatePreview,
    responses((status = 200, body = Preview), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn create_preview(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<CreatePreview>,
) -> ApiResult<Json<Preview>> {
    let port = checked(body.port)?;
    let inside = inside(&app, &caller, &id).await?;
    attend(&inside.handle, &caller.name).await;
    let target = preview::Target { agent: inside.handle.id, port };
    let entrance = preview::entrance(&app, &caller, target, now_ms())?.ok_or_else(|| {
        let message = "too many previews wait to be opened: open one, or wait a minute";
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_previews", message)
    })?;
    let deed = Deed::inside("preview.opened", target.agent, json!({ "port": port }));
    note(&app, &caller, deed).await?;
    Ok(Json(Preview { url: entrance.url, expires_at: timestamp(entrance.expires_ms) }))
}

/// A port that people may reach: the sandbox's own are nobody's.
pub fn checked(port: u16) -> ApiResult<u16> {
    match port {
        0 => Err(ApiError::invalid("port", "is 0; choose 1 to 65535")),
        port if OWN_PORTS.contains(&port) => {
            Err(ApiError::invalid("port", "is one of the sandbox's own; choose another"))
        }
        port => Ok(port),
    }
}
