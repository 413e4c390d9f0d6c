//! `/v1/agents/{id}/terminals`: opening, listing and closing terminals; their sockets.

mod socket;

use super::{Inside, attend, inside};
use crate::api::body::Body;
use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use crate::audit::by_people::{Deed, note};
use crate::auth::Caller;
use crate::auth::socket::Opening;
use crate::clock::now_ms;
use crate::environments;
use crate::terminals::{self, Found};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use protocol::api::machine::{OpenTerminal, Terminal};
use protocol::api::metadata::Items;
use protocol::api::timestamp;
use protocol::link::PtySize;
use serde_json::json;
use std::sync::Arc;

/// Characters of a terminal's name.
const NAME_CHARS: usize = 32;
/// Columns and rows of a terminal at most.
const SIDE_MAX: u16 = 1000;
/// Name of a terminal that was given none.
const DEFAULT_NAME: &str = "main";
/// Bytes of one message on a terminal's socket.
const MESSAGE_BYTES: usize = 1024 * 1024;

/// The terminals that people opened.
#[utoipa::path(get, path = "/v1/agents/{id}/terminals", tag = "machine", params(("id" = String, Path)),
    responses((status = 200, body = Items<Terminal>), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<Items<Terminal>>> {
    let inside = inside(&app, &caller, &id).await?;
    let found = terminals::list(&inside.link).await?;
    let items = found.into_iter().map(|found| shown(&app, &inside, found)).collect();
    Ok(Json(Items { items }))
}

/// Opens a terminal, or answers the one of this name.
#[utoipa::path(post, path = "/v1/agents/{id}/terminals", tag = "machine", params(("id" = String, Path)), request_body = OpenTerminal,
    responses((status = 200, body = Terminal), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn open(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<OpenTerminal>,
) -> ApiResult<Json<Terminal>> {
    let name = checked(body.name.as_deref().unwrap_or(DEFAULT_NAME))?;
    let size = PtySize { cols: side("cols", body.cols, 80)?, rows: side("rows", body.rows, 24)? };
    let inside = inside(&app, &caller, &id).await?;
    let env = environments::of_person(&app, &inside.handle).await?;
    let table = app.terminals.table(inside.handle.id, &name);
    let _alone = table.opening().await;
    let opening = terminals::Opening { name: &name, size, env, now_ms: now_ms() };
    let found = terminals::open(&inside.link, opening).await.map_err(not_opened)?;
    attend(&inside.handle, &caller.name).await;
    let details = json!({ "terminal": name });
    note(&app, &caller, Deed::inside("terminal.opened", inside.handle.id, details)).await?;
    Ok(Json(shown(&app, &inside, found)))
}

/// Ends a terminal and what runs in it.
#[utoipa::path(delete, path = "/v1/agents/{id}/terminals/{name}", tag = "machine", params(("id" = String, Path), ("name" = String, Path)),
    responses((status = 204), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn close(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    let name = checked(&name)?;
    let inside = inside(&app, &caller, &id).await?;
    let found = terminals::find(&inside.link, &name).await?.ok_or_else(missing)?;
    terminals::close(&inside.link, &found).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The terminal itself, as a socket of kind `terminal`: binary messages are its bytes.
#[utoipa::path(get, path = "/v1/agents/{id}/terminals/{name}/socket", tag = "machine", params(("id" = String, Path), ("name" = String, Path)),
    responses((status = 101), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn socket(
    State(app): State<Arc<App>>,
    Path((id, name)): Path<(String, String)>,
    opening: Opening,
) -> ApiResult<Response> {
    let name = checked(&name)?;
    let caller = opening.caller.clone();
    let inside = inside(&app, &caller, &id).await?;
    let found = terminals::find(&inside.link, &name).await?.ok_or_else(missing)?;
    let table = app.terminals.table(inside.handle.id, &name);
    let window = socket::Window { inside, op: found.op, name, table, principal: caller.name };
    opening.open("terminal", MESSAGE_BYTES, move |socket, tie| window.serve(socket, tie)).await
}

fn checked(name: &str) -> ApiResult<String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=NAME_CHARS).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(name.to_owned());
    }
    Err(ApiError::invalid("name", "choose 1 to 32 of the characters a-z, 0-9 and -"))
}

fn side(field: &str, given: Option<u16>, default: u16) -> ApiResult<u16> {
    match given {
        None => Ok(default),
        Some(side @ 1..=SIDE_MAX) => Ok(side),
        Some(side) => Err(ApiError::invalid(field, format!("is {side}; choose 1 to {SIDE_MAX}"))),
    }
}

fn missing() -> ApiError {
    let message = "there is no such terminal; open it with POST /v1/agents/{id}/terminals";
    ApiError::not_found("terminal_not_found", message)
}

fn not_opened(error: terminals::NotOpened) -> ApiError {
    match error {
        terminals::NotOpened::Link(error) => error.into(),
        terminals::NotOpened::TooMany => ApiError::new(
            StatusCode::CONFLICT,
            "too_many_terminals",
            format!("{} terminals are open: close one first", terminals::TERMINALS),
        ),
    }
}

fn shown(app: &App, inside: &Inside, found: Found) -> Terminal {
    let table = app.terminals.table(inside.handle.id, &found.name);
    let room = table.room();
    Terminal {
        name: found.name,
        alive: found.alive,
        shared: found.shared,
        writer: room.writer().map(str::to_owned),
        viewers: u32::try_from(room.viewers()).unwrap_or(u32::MAX),
        created_at: timestamp(found.created_ms),
    }
}
