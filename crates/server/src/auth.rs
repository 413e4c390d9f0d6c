//! Who calls: an API key as Bearer token or as the user name of Basic authentication.

use crate::api::error::ApiError;
use crate::app::App;
use crate::clock::now_ms;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, StatusCode, header, request::Parts};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use protocol::ids::OrgId;
use std::sync::Arc;

/// Who makes a request, as proven by the key.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Whose data it may see.
    pub org: OrgId,
    /// Name of the key.
    pub name: String,
    /// When the key was made.
    pub created_ms: i64,
    /// The key is the installation's own: local repositories and key management are open to it.
    pub admin: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}

fn missing() -> ApiError {
    let message =
        "send an API key: Authorization: Bearer <key>, or Basic with the key as user name";
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
}

/// Lets only known keys pass, at their rate.
pub async fn require(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let token = token(request.headers()).ok_or_else(missing)?;
    let caller = app.keys.caller(&app.store, &token, now_ms()).await?.ok_or_else(|| {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "api_key_not_found",
            "this API key is not known here, or was revoked",
        )
    })?;
    app.rate.check(&caller.name)?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

fn token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned()).filter(|token| !token.is_empty());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(rest.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let user = text.split_once(':').map_or(text.as_str(), |(user, _)| user);
    Some(user.to_owned()).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_carry_the_key() {
        for (value, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Basic YWJjOg==", Some("abc")),
            ("Basic YWJj", Some("abc")),
            ("Basic %%%", None),
            ("Digest abc", None),
            ("Bearer ", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            assert_eq!(token(&headers).as_deref(), expected, "{value}");
        }
    }
}
