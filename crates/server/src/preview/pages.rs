//! What a browser reads when a preview cannot be shown.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// Whoever has no right, or none any more.
pub const OPEN_IT: &str =
    "This preview is not open in this browser. Open it again from the agent's page, under Ports.";
/// A request made by another site's page.
pub const FOREIGN: &str = "Pages of other sites may not use this preview.";

/// One sentence as plain text: nothing on it comes from inside.
pub fn plain(status: StatusCode, text: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (status, headers, format!("{text}\n")).into_response()
}
