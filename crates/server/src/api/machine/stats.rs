//! `/v1/agents/{id}/stats`: what the machine is using now.

use super::inside;
use crate::api::error::ApiResult;
use crate::app::App;
use crate::auth::Caller;
use crate::clock::now_ms;
use crate::sandbox_spec;
use axum::Json;
use axum::extract::{Path, State};
use protocol::api::machine::MachineStats;
use protocol::link::{Answer, Request};
use sandbox::link::LinkError;
use std::sync::Arc;

/// CPU, memory, processes and disk of the machine.
#[utoipa::path(get, path = "/v1/agents/{id}/stats", tag = "machine", params(("id" = String, Path)),
    responses((status = 200, body = MachineStats), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn stats(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<MachineStats>> {
    let inside = inside(&app, &caller, &id).await?;
    let Answer::Stats(stats) = inside.link.request(Request::Stats).await? else {
        return Err(LinkError::Protocol("no figures".to_owned()).into());
    };
    let view = inside.handle.view().await?;
    let living = view.living()?;
    // The group cannot be seen from inside; what the machine was made with is known here.
    let limits = sandbox_spec::limits(&app.config);
    let configured = Some(limits.memory_bytes).filter(|bytes| *bytes > 0);
    Ok(Json(MachineStats {
        cpu_ms: stats.cpu_ms,
        memory_bytes: stats.memory_bytes,
        memory_limit_bytes: stats.memory_limit_bytes.or(configured),
        processes: stats.processes,
        processes_limit: limits.pids,
        cpu_limit_millis: limits.cpu_millis,
        disk_used_bytes: stats.disk_used_bytes,
        disk_total_bytes: stats.disk_total_bytes,
        at_ms: now_ms(),
        idle_stop_at_ms: living.idle_stop_at_ms(),
        hard_stop_at_ms: living.hard_stop_at_ms(),
    }))
}
