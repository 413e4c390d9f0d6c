//! `/healthz`, `/readyz`, `/metrics`, `/openapi.json`: for machines that watch the server.

use super::error::{ApiError, ApiResult};
use crate::app::App;
use crate::auth::Caller;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::api::agents::{DoctorBody, DoctorCheck};
use std::fmt::Write as _;
use std::sync::Arc;

/// The process is alive.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = String)))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The store answers, so requests can be served.
#[utoipa::path(get, path = "/readyz", tag = "health", responses((status = 200, body = String), (status = 503, body = protocol::api::ErrorBody)))]
pub async fn readyz(State(app): State<Arc<App>>) -> ApiResult<&'static str> {
    app.store.ping().await.map_err(|error| {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_ready",
            format!("the store does not answer: {error}"),
        )
    })?;
    Ok("ready\n")
}

/// Counters in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, body = String)))]
pub async fn metrics(State(app): State<Arc<App>>) -> String {
    let mut text = String::new();
    for (name, kind, help, value) in app.counters() {
        // Writing to a string cannot fail.
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}")
            .unwrap_or_default();
    }
    text
}

/// What this host gives sandboxes, point by point.
#[utoipa::path(get, path = "/v1/doctor", tag = "health", responses((status = 200, body = DoctorBody)))]
pub async fn doctor(State(app): State<Arc<App>>, _: Caller) -> ApiResult<Json<DoctorBody>> {
    let mut checks = vec![models_check(&app)];
    checks.push(crate::vault::check(&app).await?);
    checks.extend(app.provider_checks().await?);
    Ok(Json(DoctorBody { checks }))
}

fn models_check(app: &App) -> DoctorCheck {
    let (state, detail) = match app.catalog.default_entry() {
        Some(entry) if entry.id == "scripted" => {
            ("reduced", "only the scripted model is configured: it plays a fixed script. Set ANTHROPIC_API_KEY or OPENAI_API_KEY for a real one".to_owned())
        }
        Some(entry) => ("ok", format!("{} models; runs that name none use {}", app.catalog.entries().len(), entry.id)),
        None => ("missing", "no model is configured: set ANTHROPIC_API_KEY or OPENAI_API_KEY, or add one under [[models.list]]".to_owned()),
    };
    DoctorCheck { name: "models".to_owned(), state: state.to_owned(), detail }
}
