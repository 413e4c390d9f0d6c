//! Who calls: an API key as Bearer token or as the user name of Basic authentication, a browser's
//! session by its cookie, or a ticket that opens a socket.

pub mod addresses;
pub mod leash;
pub mod one_use;
pub mod sessions;
pub mod shell;
pub mod socket;

use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use crate::clock::now_ms;
use crate::keys;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header, request::Parts};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use leash::Ended;
use one_use::OneUse;
use protocol::ids::OrgId;
use protocol::limits::{SIGN_IN_CODE_MS, TICKET_MS};
use std::sync::Arc;
use tokio::sync::broadcast;

/// Endings that something held open may be behind before it ends by itself.
const ENDED_BACKLOG: usize = 256;
/// The header that our own page sends with every change.
const CLIENT: &str = "x-errand-client";

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
    /// What it was proven with.
    pub credential: Credential,
}

impl Caller {
    /// Names the caller among owners of secrets. Names of keys may repeat, ids do not.
    pub fn opener(&self) -> String {
        if self.admin { keys::ADMIN.to_owned() } else { self.credential.key.clone() }
    }
}

/// What a caller was proven with; what stays open ends with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Id of the key.
    pub key: String,
    /// Digest of the session, where a browser calls.
    pub session: Option<String>,
    /// When the session is over.
    pub until_ms: Option<i64>,
}

/// Everything about signing in that is held in memory.
#[derive(Debug)]
pub struct Auth {
    /// Codes that begin a session.
    pub codes: OneUse<Caller>,
    /// Tickets that open a socket.
    pub tickets: OneUse<Caller>,
    ended: broadcast::Sender<Ended>,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            codes: OneUse::new(SIGN_IN_CODE_MS),
            tickets: OneUse::new(TICKET_MS),
            ended: broadcast::channel(ENDED_BACKLOG).0,
        }
    }
}

impl Auth {
    /// Cuts what was opened with a key or with a session of it.
    pub fn key_revoked(&self, key: &str) {
        // Nothing open is not an error.
        drop(self.ended.send(Ended::Key(key.to_owned())));
    }

    /// Cuts what was opened in a session.
    pub fn session_ended(&self, session: &str) {
        drop(self.ended.send(Ended::Session(session.to_owned())));
    }

    fn listen(&self) -> broadcast::Receiver<Ended> {
        self.ended.subscribe()
    }
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

fn unknown_key() -> ApiError {
    let message = "this API key is not known here, or was revoked";
    ApiError::new(StatusCode::UNAUTHORIZED, "api_key_not_found", message)
}

/// Lets only the installation's own token pass.
pub fn admin_only(caller: &Caller, what: &str) -> ApiResult<()> {
    if caller.admin {
        return Ok(());
    }
    let message = format!("{what} with the installation's own token");
    Err(ApiError::new(StatusCode::FORBIDDEN, "role_forbidden", message))
}

/// Lets only known callers pass, at their rate.
pub async fn require(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let caller = if socket::is_upgrade(request.headers()) {
        socket::caller(&app, request.uri(), request.headers()).await?
    } else if let Some(token) = token(request.headers()) {
        by_key(&app, &token).await?
    } else if let Some(cookie) = sessions::cookie(&app, request.headers()) {
        by_session(&app, request.method(), request.headers(), &cookie).await?
    } else {
        return Err(missing());
    };
    app.rate.check(&caller.name)?;
    request.extensions_mut().insert(caller.clone());
    leash::hold(&app, &caller, next.run(request).await).await
}

/// The caller of a key.
pub async fn by_key(app: &App, token: &str) -> ApiResult<Caller> {
    app.keys.caller(&app.store, token, now_ms()).await?.ok_or_else(unknown_key)
}

/// TRUST: a cookie comes with whatever a browser is made to send, so a request is believed only where
/// the browser says that our own page made it, and a change only with a header that no form can send.
async fn by_session(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    cookie: &str,
) -> ApiResult<Caller> {
    let refused =
        |code, message: &str| Err(ApiError::new(StatusCode::FORBIDDEN, code, message.to_owned()));
    let site = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    if site.is_some_and(|site| !matches!(site, b"same-origin" | b"none")) {
        return refused("wrong_origin", "a session is for this server's own pages");
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        // Whose Origin it is was checked for every request; here there must be one.
        if !headers.contains_key(header::ORIGIN) {
            return refused(
                "wrong_origin",
                "a change with a session needs this server's own Origin",
            );
        }
        if headers.get(CLIENT).is_none_or(|value| value != "web") {
            return refused("client_header_missing", "send x-errand-client: web with every change");
        }
    }
    sessions::caller(app, cookie, now_ms()).await?.ok_or_else(|| {
        let message = "the session is over: sign in again";
        ApiError::new(StatusCode::UNAUTHORIZED, "session_over", message)
    })
}

/// The key that a request carries in its own header.
pub fn token(headers: &HeaderMap) -> Option<String> {
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
