//! `/v1/server`: what a client should know about the server it speaks to.

use crate::app::App;
use crate::auth::Caller;
use crate::web;
use axum::Json;
use axum::extract::State;
use protocol::api::settings::ServerBody;
use std::sync::Arc;

/// What this server has beyond the first version of the API.
const FEATURES: [&str; 3] = ["live", "sessions", "settings"];

/// Version, addresses and features.
#[utoipa::path(get, path = "/v1/server", tag = "settings", responses((status = 200, body = ServerBody)))]
pub async fn show(State(app): State<Arc<App>>, _: Caller) -> Json<ServerBody> {
    let app_built_in = web::is_built_in().then_some(&"app");
    let features = FEATURES.iter().chain(app_built_in);
    Json(ServerBody {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        public_url: app.public_url.clone(),
        provider: "local".to_owned(),
        preview_address: app.addresses.preview().to_owned(),
        features: features.map(|feature| (*feature).to_owned()).collect(),
    })
}
