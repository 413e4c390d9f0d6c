//! `/v1/agents/{id}/ssh`: SSH into the machine, for the stock client by a `ProxyCommand`.

use super::inside;
use crate::api::error::ApiResult;
use crate::app::App;
use crate::audit::by_people::{Deed, note};
use crate::auth::socket::{Opening, Tie};
use crate::socket_stream;
use crate::ssh::{self, Place};
use axum::extract::ws::WebSocket;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;

/// Bytes of one message.
const MESSAGE_BYTES: usize = 1024 * 1024;

/// An SSH connection as a socket of kind `ssh`: binary messages are its bytes.
#[utoipa::path(get, path = "/v1/agents/{id}/ssh", tag = "machine", params(("id" = String, Path)),
    responses((status = 101), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn socket(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    opening: Opening,
) -> ApiResult<Response> {
    let inside = inside(&app, &opening.caller, &id).await?;
    let deed = Deed::inside("ssh.opened", inside.handle.id, json!({}));
    note(&app, &opening.caller, deed).await?;
    let principal = opening.caller.name.clone();
    let place = Place::new(&app, inside.handle, inside.link, principal).await?;
    opening.open("ssh", MESSAGE_BYTES, move |socket, tie| serve(app, place, socket, tie)).await
}

async fn serve(app: Arc<App>, place: Place, socket: WebSocket, mut tie: Tie) {
    let over = place.over.clone();
    let (stream, carried) = socket_stream::stream(socket);
    let agent = place.handle.id;
    tokio::select! {
        _ = tie.over() => {}
        () = carried => {}
        served = ssh::serve(&app.ssh_key, place, stream) => {
            if let Err(error) = served {
                tracing::debug!(agent.id = %agent, error = format!("{error:#}"), "an SSH connection broke off");
            }
        }
    }
    over.cancel();
}
