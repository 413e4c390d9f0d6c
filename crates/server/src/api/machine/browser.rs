//! `/v1/agents/{id}/browser`: the browser inside, shown live.

mod socket;

use super::{attend, inside};
use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use crate::audit::by_people::{Deed, note};
use crate::auth::Caller;
use crate::auth::socket::Opening;
use crate::browser::launch;
use crate::clock::now_ms;
use crate::environments;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use protocol::api::browser::{Browser, BrowserPage};
use protocol::ids::AgentId;
use serde_json::json;
use std::sync::Arc;

/// Bytes of one message on a browser's socket: a text that is pasted is the longest.
const MESSAGE_BYTES: usize = 256 * 1024;

/// Whether there is a browser, whether it runs, and who is there.
#[utoipa::path(get, path = "/v1/agents/{id}/browser", tag = "machine", params(("id" = String, Path)),
    responses((status = 200, body = Browser), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<Browser>> {
    let inside = inside(&app, &caller, &id).await?;
    let running = launch::find(&inside.link).await?.is_some();
    let available = running || launch::program(&inside.link).await?.is_some();
    Ok(Json(shown(&app, inside.handle.id, available, running)))
}

/// Starts the browser, or answers the one that runs.
#[utoipa::path(post, path = "/v1/agents/{id}/browser", tag = "machine", params(("id" = String, Path)),
    responses((status = 200, body = Browser), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn start(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<Browser>> {
    let inside = inside(&app, &caller, &id).await?;
    let agent = inside.handle.id;
    let table = app.browsers.table(agent);
    let _alone = table.opening().await;
    if launch::find(&inside.link).await?.is_none() {
        let program = launch::program(&inside.link).await?.ok_or_else(no_browser)?;
        let env = environments::of_person(&app, &inside.handle).await?;
        let started = launch::start(&inside.link, program, env, now_ms()).await;
        started.map_err(|error| not_started(&error.to_string()))?;
        note(&app, &caller, Deed::inside("browser.started", agent, json!({}))).await?;
    }
    attend(&inside.handle, &caller.name).await;
    Ok(Json(shown(&app, agent, true, true)))
}

/// Ends the browser, for everybody who looks at it.
#[utoipa::path(delete, path = "/v1/agents/{id}/browser", tag = "machine", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn stop(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<StatusCode> {
    let inside = inside(&app, &caller, &id).await?;
    let op = launch::find(&inside.link).await?.ok_or_else(not_running)?;
    launch::stop(&inside.link, op).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The browser itself, as a socket of kind `browser`: pictures out, pointer and keys in.
#[utoipa::path(get, path = "/v1/agents/{id}/browser/socket", tag = "machine", params(("id" = String, Path)),
    responses((status = 101), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn socket(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    opening: Opening,
) -> ApiResult<Response> {
    let caller = opening.caller.clone();
    let inside = inside(&app, &caller, &id).await?;
    let agent = inside.handle.id;
    let op = launch::find(&inside.link).await?.ok_or_else(not_running)?;
    let table = app.browsers.table(agent);
    let view = {
        let _alone = table.opening().await;
        let view = app.browsers.view(&app, &inside, &op).await;
        view.map_err(|broken| not_started(&broken.to_string()))?
    };
    note(&app, &caller, Deed::inside("browser.opened", agent, json!({}))).await?;
    let window = socket::Window { inside, table, view, principal: caller.name };
    opening.open("browser", MESSAGE_BYTES, move |socket, tie| window.serve(socket, tie)).await
}

fn shown(app: &App, agent: AgentId, available: bool, running: bool) -> Browser {
    let table = app.browsers.table(agent);
    let view = app.browsers.seen(agent).filter(|_| running);
    let page = view.map(|view| view.page.borrow().clone());
    let filled = |text: fn(BrowserPage) -> String| {
        page.clone().map(text).filter(|text: &String| !text.is_empty())
    };
    let room = table.room();
    Browser {
        available,
        running,
        url: filled(|page| page.url),
        title: filled(|page| page.title),
        writer: room.writer().map(str::to_owned),
        viewers: u32::try_from(room.viewers()).unwrap_or(u32::MAX),
    }
}

fn no_browser() -> ApiError {
    let message = "the sandbox has no Chromium: install one on the server's machine (Debian: apt install \
                   chromium), or put one at /opt/chromium/chrome inside";
    ApiError::new(StatusCode::CONFLICT, "no_browser", message)
}

fn not_running() -> ApiError {
    let message = "the browser does not run; start it with POST /v1/agents/{id}/browser";
    ApiError::not_found("browser_not_running", message)
}

fn not_started(why: &str) -> ApiError {
    let message = format!("{why}; if it goes on, end the browser and start it again");
    ApiError::new(StatusCode::BAD_GATEWAY, "browser_broken", message)
}
