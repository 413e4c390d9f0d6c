//! `/v1/session` and `/v1/tickets`: a browser's way in.

use super::body::Body;
use super::error::{ApiError, ApiResult};
use crate::app::App;
use crate::audit::by_people::{Deed, note};
use crate::auth::one_use::Issued;
use crate::auth::{self, Caller, sessions};
use crate::clock::now_ms;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use protocol::api::session::{CreateTicket, Session, SignIn, SignInCode, Ticket};
use protocol::api::timestamp;
use protocol::limits::UNUSED_TICKETS;
use serde_json::json;
use std::sync::Arc;

/// Signs a browser in with a key or a code; the answer sets a cookie.
#[utoipa::path(post, path = "/v1/session", tag = "session", request_body = SignIn, security(()),
    responses((status = 204, description = "signed in; the cookie is set"), (status = 401, body = protocol::api::ErrorBody)))]
pub async fn sign_in(State(app): State<Arc<App>>, Body(body): Body<SignIn>) -> ApiResult<Response> {
    let caller = match (&body.token, &body.code) {
        (Some(token), None) => auth::by_key(&app, token.trim()).await?,
        (None, Some(code)) => by_code(&app, code).await?,
        (Some(_), Some(_)) | (None, None) => {
            return Err(ApiError::invalid("body", "needs exactly one of `token` and `code`"));
        }
    };
    let token = sessions::begin(&app, &caller, now_ms()).await?;
    note(&app, &caller, Deed::plain("session.begun", json!({}))).await?;
    Ok(with_cookie(sessions::set_cookie(&app, Some(&token))?))
}

async fn by_code(app: &App, code: &str) -> ApiResult<Caller> {
    let not_valid = || {
        let message = "this code was used before or is too old: get another with `errand open`";
        ApiError::new(StatusCode::UNAUTHORIZED, "code_not_valid", message)
    };
    let caller = app.auth.codes.redeem(code, now_ms()).ok_or_else(not_valid)?;
    // The key may have been revoked since.
    let found = app.keys.by_id(&app.store, &caller.org, &caller.credential.key).await?;
    found.ok_or_else(not_valid)
}

fn with_cookie(cookie: HeaderValue) -> Response {
    (StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, cookie)])).into_response()
}

/// Who is signed in.
#[utoipa::path(get, path = "/v1/session", tag = "session", responses((status = 200, body = Session), (status = 401, body = protocol::api::ErrorBody)))]
pub async fn show(caller: Caller) -> Json<Session> {
    let expires_at = caller.credential.until_ms.map(timestamp);
    Json(Session { principal: caller.name, admin: caller.admin, expires_at })
}

/// Signs out: the session ends, and what it has open.
#[utoipa::path(delete, path = "/v1/session", tag = "session", responses((status = 204, description = "signed out")))]
pub async fn sign_out(State(app): State<Arc<App>>, caller: Caller) -> ApiResult<Response> {
    let Some(session) = &caller.credential.session else {
        let message = "a key has no session to end; revoke it at /v1/api-keys";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "no_session", message));
    };
    sessions::end(&app, session).await?;
    note(&app, &caller, Deed::plain("session.ended", json!({}))).await?;
    Ok(with_cookie(sessions::set_cookie(&app, None)?))
}

/// A code that signs a browser in once, for 60 seconds.
#[utoipa::path(post, path = "/v1/session/codes", tag = "session", responses((status = 201, body = SignInCode)))]
pub async fn code(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> ApiResult<(StatusCode, Json<SignInCode>)> {
    let key = caller.credential.key.clone();
    let issued = waiting(app.auth.codes.issue(&key, caller, now_ms())?)?;
    let code = SignInCode { code: issued.token, expires_at: timestamp(issued.expires_ms) };
    Ok((StatusCode::CREATED, Json(code)))
}

/// A ticket that opens one socket, for 30 seconds.
#[utoipa::path(post, path = "/v1/tickets", tag = "session", request_body = CreateTicket, responses((status = 201, body = Ticket)))]
pub async fn ticket(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(CreateTicket {}): Body<CreateTicket>,
) -> ApiResult<(StatusCode, Json<Ticket>)> {
    let key = caller.credential.key.clone();
    let issued = waiting(app.auth.tickets.issue(&key, caller, now_ms())?)?;
    let ticket = Ticket { ticket: issued.token, expires_at: timestamp(issued.expires_ms) };
    Ok((StatusCode::CREATED, Json(ticket)))
}

fn waiting(issued: Option<Issued>) -> ApiResult<Issued> {
    let limit = u32::try_from(UNUSED_TICKETS).unwrap_or(u32::MAX);
    issued.ok_or_else(|| ApiError::too_many(1, limit))
}
