//! What stays open hangs on the credential it was opened with: when the key is revoked or the session
//! ends, it is cut at once.

use super::{Caller, Credential, sessions};
use crate::api::error::ApiResult;
use crate::app::App;
use crate::clock::now_ms;
use axum::body::Body;
use axum::http::header;
use axum::response::Response;
use futures::StreamExt as _;
use std::time::Duration;
use tokio::sync::broadcast;

/// A credential that is no longer in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// The key, and every session made with it.
    Key(String),
    /// One session.
    Session(String),
}

/// Tells when a credential is over.
#[derive(Debug)]
pub struct Leash {
    ended: broadcast::Receiver<Ended>,
    credential: Credential,
}

impl Leash {
    /// Ties something to its caller's credential, which must still be in force.
    pub async fn tie(app: &App, caller: &Caller) -> ApiResult<Self> {
        // Listening first: whatever ends from here on is heard.
        let leash = Self { ended: app.auth.listen(), credential: caller.credential.clone() };
        let credential = &caller.credential;
        let key = app.keys.by_id(&app.store, &caller.org, &credential.key).await?;
        let session = match &credential.session {
            Some(session) => sessions::is_in_force(app, session, now_ms()).await?,
            None => true,
        };
        if key.is_some() && session { Ok(leash) } else { Err(super::unknown_key()) }
    }

    /// Returns once the credential is over.
    pub async fn over(&mut self) {
        let until = self.credential.until_ms;
        let left = until.map(|until| u64::try_from(until - now_ms()).unwrap_or(0));
        let end = async {
            match left {
                Some(left) => tokio::time::sleep(Duration::from_millis(left)).await,
                None => std::future::pending().await,
            }
        };
        let told = async {
            loop {
                match self.ended.recv().await {
                    Ok(Ended::Key(key)) if key == self.credential.key => return,
                    Ok(Ended::Session(session))
                        if Some(&session) == self.credential.session.as_ref() =>
                    {
                        return;
                    }
                    Ok(_) => {}
                    // Missed something: it may have been ours. Whoever is still welcome comes back.
                    Err(_) => return,
                }
            }
        };
        tokio::select! { () = end => {} () = told => {} }
    }
}

/// Ties an answer that stays open to its caller's credential; others pass as they are.
pub(super) async fn hold(app: &App, caller: &Caller, response: Response) -> ApiResult<Response> {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if kind.is_none_or(|kind| kind != "text/event-stream") {
        return Ok(response);
    }
    let mut leash = Leash::tie(app, caller).await?;
    let (parts, body) = response.into_parts();
    let over = async move { leash.over().await };
    let body = body.into_data_stream().take_until(Box::pin(over));
    Ok(Response::from_parts(parts, Body::from_stream(body)))
}
