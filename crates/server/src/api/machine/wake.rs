//! `/v1/agents/{id}/wake`: has the machine up although no run needs it.

use super::super::agent_id;
use crate::agents::Extras;
use crate::api::error::ApiResult;
use crate::app::App;
use crate::auth::Caller;
use crate::driver;
use agent::state::Sandbox;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::api::machine::Waking;
use protocol::input::Input;
use std::sync::Arc;

/// Wakes the machine. It sleeps again when nothing happens in it for the idle time.
#[utoipa::path(post, path = "/v1/agents/{id}/wake", tag = "machine", params(("id" = String, Path)),
    responses((status = 202, body = Waking), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn wake(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<(StatusCode, Json<Waking>)> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    handle.submit(Input::Wake { principal: caller.name }, Extras::default()).await?;
    driver::wake(&app, &handle);
    let view = handle.view().await?;
    let sandbox = match view.living()?.sandbox {
        Sandbox::Absent | Sandbox::Remains { .. } | Sandbox::Wanted { .. } => "starting",
        Sandbox::Stopping { .. } => "stopping",
        Sandbox::Up { .. } => "up",
    };
    let body = Waking { id: handle.id.to_string(), sandbox: sandbox.to_owned() };
    Ok((StatusCode::ACCEPTED, Json(body)))
}
