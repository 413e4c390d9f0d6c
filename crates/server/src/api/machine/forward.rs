//! `/v1/agents/{id}/ports/{port}/socket`: one connection to a port inside.

use super::{attend, inside, ports};
use crate::agents::Handle;
use crate::api::error::ApiResult;
use crate::app::App;
use crate::audit::by_people::{Deed, note};
use crate::auth::socket::{Opening, Tie, close, part};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::extract::{Path, State};
use axum::response::Response;
use futures::{SinkExt as _, StreamExt as _};
use sandbox::link::{PortReader, PortWriter};
use serde_json::json;
use std::sync::Arc;

/// Bytes of one message.
const MESSAGE_BYTES: usize = 1024 * 1024;
/// Closed because the other side closed its connection.
const CLOSE_NORMAL: u16 = 1000;

/// A connection as a socket of kind `forward`: binary messages are its bytes; an empty one from the
/// client says that no more comes from there.
#[utoipa::path(get, path = "/v1/agents/{id}/ports/{port}/socket", tag = "machine", params(("id" = String, Path), ("port" = u16, Path)),
    responses((status = 101), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn socket(
    State(app): State<Arc<App>>,
    Path((id, port)): Path<(String, u16)>,
    opening: Opening,
) -> ApiResult<Response> {
    let port = ports::checked(port)?;
    let principal = opening.caller.name.clone();
    let inside = inside(&app, &opening.caller, &id).await?;
    let (reader, writer) = inside.link.port(port).await?;
    let deed = Deed::inside("port.opened", inside.handle.id, json!({ "port": port }));
    note(&app, &opening.caller, deed).await?;
    let work = Work { handle: inside.handle, principal };
    opening
        .open("forward", MESSAGE_BYTES, move |socket, tie| serve(socket, tie, reader, writer, work))
        .await
}

struct Work {
    handle: Arc<Handle>,
    principal: String,
}

async fn serve(
    socket: WebSocket,
    mut tie: Tie,
    mut reader: PortReader,
    writer: PortWriter,
    work: Work,
) {
    let (mut out, mut incoming) = socket.split();
    let outward = async {
        while let Ok(Some(bytes)) = reader.next().await {
            if out.send(Message::Binary(bytes.into())).await.is_err() {
                return None;
            }
        }
        let frame = CloseFrame { code: CLOSE_NORMAL, reason: "the connection ended".into() };
        Some(Message::Close(Some(frame)))
    };
    let inward = async {
        let mut writer = Some(writer);
        while let Some(Ok(message)) = incoming.next().await {
            match (message, &writer) {
                (Message::Binary(bytes), Some(open)) if !bytes.is_empty() => {
                    if open.write(&bytes).await.is_err() {
                        break;
                    }
                    attend(&work.handle, &work.principal).await;
                }
                (Message::Binary(_), _) => {
                    if let Some(open) = writer.take()
                        && open.end().await.is_err()
                    {
                        break;
                    }
                }
                (Message::Close(_), _) => return,
                (Message::Text(_) | Message::Ping(_) | Message::Pong(_), _) => {}
            }
        }
    };
    let last = tokio::select! {
        code = tie.over() => Some(close(code)),
        last = outward => last,
        () = inward => None,
    };
    if let Some(last) = last {
        part(&mut out, &mut incoming, last).await;
    }
}
