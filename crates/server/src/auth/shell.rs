//! The hard shell: what every request must satisfy before anything looks at it, and the headers that
//! every answer carries.

use super::addresses::host_of;
use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

/// Headers that never differ.
const FIXED: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("origin-agent-cluster"), "?1"),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
         magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()",
    ),
];

/// Refuses what is not meant for us, and dresses every answer.
pub async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let host = match look(&app, &request) {
        Ok(host) => host,
        Err(refusal) => return dressed(refusal.into_response(), &plain_policy()),
    };
    let policy = policy(&app, &host, None);
    dressed(next.run(request).await, &policy)
}

fn look(app: &App, request: &Request) -> ApiResult<Authority> {
    let headers = request.headers();
    let host = host_of(request.uri(), headers).filter(|host| app.addresses.is_ours(host));
    let host = host.ok_or_else(|| {
        let message =
            "this server does not answer to that Host; add the name to api.hosts if it should";
        ApiError::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", message)
    })?;
    for origin in headers.get_all(header::ORIGIN) {
        if !origin.to_str().is_ok_and(|origin| app.addresses.is_own_origin(origin, &host)) {
            let message = "pages of other origins may not speak to this server";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "wrong_origin", message));
        }
    }
    plain_body(headers)?;
    Ok(host)
}

/// TRUST: a body is taken as it comes. What is never unpacked cannot grow.
fn plain_body(headers: &HeaderMap) -> ApiResult<()> {
    let packed = headers.get_all(header::CONTENT_ENCODING).iter().any(|value| value != "identity");
    if packed {
        return Err(ApiError::invalid(
            "Content-Encoding",
            "send the body as it is, not compressed",
        ));
    }
    Ok(())
}

/// What a page of ours may do; `nonce` lets its own style sheets in.
pub fn policy(app: &App, host: &Authority, nonce: Option<&str>) -> String {
    let nonce = nonce.map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
    let preview = app.addresses.preview();
    // TRUST: the host was found on our list, so it is no way to write another rule.
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'{nonce}; img-src 'self' data: blob:; \
         media-src 'self' blob:; font-src 'self'; connect-src 'self' ws://{host} wss://{host}; \
         worker-src 'self'; manifest-src 'self'; frame-src {preview}; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"
    )
}

fn plain_policy() -> String {
    "default-src 'none'; frame-ancestors 'none'".to_owned()
}

fn dressed(mut response: Response, policy: &str) -> Response {
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY)
        && let Ok(policy) = HeaderValue::from_str(policy)
    {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
