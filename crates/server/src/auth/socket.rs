//! Opening sockets: who may, and what each handler is given.
//!
//! A browser shows where it comes from and a ticket, because it sends cookies along to any address a
//! page names. A program sends its key. Every socket is tied to the credential it was opened with.

use super::addresses::host_of;
use super::leash::Leash;
use super::{Caller, sessions};
use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use crate::clock::now_ms;
use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use protocol::api::live::{CLOSE_GOING_AWAY, CLOSE_SESSION_OVER};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Time a reader gets to take what was begun and the reason for the end.
pub const FAREWELL: Duration = Duration::from_secs(10);
/// Time the other side gets to close as well.
const REST: Duration = Duration::from_secs(2);
/// What a ticket's protocol begins with.
const TICKET: &str = "ticket.";

/// Whether a request asks for a socket.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

fn refused(code: &'static str, message: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, code, message)
}

/// Who opens a socket.
pub(super) async fn caller(app: &App, uri: &Uri, headers: &HeaderMap) -> ApiResult<Caller> {
    if let Some(token) = super::token(headers) {
        if headers.contains_key(header::ORIGIN) {
            // TRUST: a page cannot set this header on a socket; whoever sends both is neither.
            let message = "a request with an Origin opens a socket with a ticket, not with a key";
            return Err(refused("ticket_required", message));
        }
        return super::by_key(app, &token).await;
    }
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let host = host_of(uri, headers);
    let own = match (origin, &host) {
        (Some(origin), Some(host)) => app.addresses.is_own_origin(origin, host),
        (None, _) | (_, None) => false,
    };
    if !own {
        return Err(refused(
            "wrong_origin",
            "a socket opened with a ticket needs this server's own Origin; programs send Authorization: Bearer <key>",
        ));
    }
    let ticket = offers(headers).find_map(|offer| offer.strip_prefix(TICKET).map(str::to_owned));
    let ticket = ticket.ok_or_else(|| {
        let message =
            "ask for a ticket at POST /v1/tickets and offer it as the protocol ticket.<ticket>";
        ApiError::new(StatusCode::UNAUTHORIZED, "ticket_required", message)
    })?;
    let caller = app.auth.tickets.redeem(&ticket, now_ms()).ok_or_else(|| {
        let message =
            "this ticket was used before, is too old, or is not of this server: ask for another";
        ApiError::new(StatusCode::UNAUTHORIZED, "ticket_not_valid", message)
    })?;
    // TRUST: a ticket of a session works in the browser of that session alone.
    if let Some(session) = &caller.credential.session {
        let cookie = sessions::cookie(app, headers).map(|token| super::one_use::digest(&token));
        if cookie.as_ref() != Some(session) {
            return Err(refused("foreign_ticket", "this ticket was given to another session"));
        }
    }
    Ok(caller)
}

fn offers(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// A socket that was asked for by a caller who may.
pub struct Opening {
    /// Who.
    pub caller: Caller,
    app: Arc<App>,
    upgrade: WebSocketUpgrade,
    offers_protocol: bool,
    offered: Vec<String>,
}

impl FromRequestParts<Arc<App>> for Opening {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let offered: Vec<_> = offers(&parts.headers).map(str::to_owned).collect();
        let upgrade =
            WebSocketUpgrade::from_request_parts(parts, app).await.map_err(|rejection| {
                let message = format!("this address is a WebSocket: {}", rejection.body_text());
                ApiError::new(rejection.status(), "socket_expected", message)
            })?;
        let offers_protocol = !offered.is_empty();
        Ok(Self { caller, app: Arc::clone(app), upgrade, offers_protocol, offered })
    }
}

impl Opening {
    /// Opens a socket of this kind and serves it in a task of the server.
    ///
    /// `message_bytes` is the longest message taken. The handler ends when its [`Tie`] does.
    pub async fn open<F, Fut>(
        self,
        kind: &str,
        message_bytes: usize,
        serve: F,
    ) -> ApiResult<Response>
    where
        F: FnOnce(WebSocket, Tie) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let protocol = format!("errand.{kind}.v1");
        if self.offers_protocol && !self.offered.contains(&protocol) {
            let message = format!("this socket speaks the protocol {protocol}: offer it first");
            return Err(ApiError::invalid("Sec-WebSocket-Protocol", message));
        }
        let leash = Leash::tie(&self.app, &self.caller).await?;
        let app = Arc::clone(&self.app);
        let tie = Tie { leash, shutdown: app.shutdown.clone() };
        let upgrade = self.upgrade.max_message_size(message_bytes).max_frame_size(message_bytes);
        Ok(upgrade.protocols([protocol]).on_upgrade(move |socket| async move {
            // Its own task, so that the server waits for it when it ends.
            drop(app.tasks.spawn(serve(socket, tie)).await);
        }))
    }
}

/// Holds a socket to its caller's credential and to the server's life.
#[derive(Debug)]
pub struct Tie {
    leash: Leash,
    shutdown: tokio_util::sync::CancellationToken,
}

impl Tie {
    /// Returns when the socket must end, with the code to close it with. May be awaited again.
    pub async fn over(&mut self) -> u16 {
        tokio::select! {
            () = self.leash.over() => CLOSE_SESSION_OVER,
            () = self.shutdown.cancelled() => CLOSE_GOING_AWAY,
        }
    }
}

/// Says the last message, and waits until it was heard, as far as somebody listens.
///
/// To let go at once would lose it: where something of the other side's is on its way, a pong or a key,
/// the kernel answers with a reset, which throws away what was not read yet.
pub async fn part(
    out: &mut SplitSink<WebSocket, Message>,
    incoming: &mut SplitStream<WebSocket>,
    last: Message,
) {
    // Whoever has gone already hears nothing.
    drop(tokio::time::timeout(FAREWELL, out.send(last)).await);
    hear_out(incoming).await;
}

/// Waits until the other side has closed as well, and passes over what it still says.
pub async fn hear_out(incoming: &mut SplitStream<WebSocket>) {
    let rest = async { while let Some(Ok(_)) = incoming.next().await {} };
    drop(tokio::time::timeout(REST, rest).await);
}

/// The message that closes a socket with a code of ours.
pub fn close(code: u16) -> Message {
    let reason = match code {
        CLOSE_SESSION_OVER => "the session is over",
        CLOSE_GOING_AWAY => "the server ends",
        protocol::api::live::CLOSE_SLOW => "too slow",
        _ => "",
    };
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}
