//! `GET /v1/live`: one socket for everything that a page shows, because browsers open few streams to
//! one host. Frames are described in `protocol::api::live`.
//!
//! ```text
//! watch ─┐ stored: waits for room                         ┌─► socket
//! watch ─┼─► Outbox ─► queue, bounded by bytes ─► writer ─┤
//! list  ─┘ live: no room = the reader is slow ────────────┴─► closed with 4008
//! ```

mod outbox;
mod watches;

use super::error::{ApiError, ApiResult};
use crate::app::App;
use crate::auth::Caller;
use crate::auth::socket::{Opening, Tie, hear_out};
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket};
use axum::response::Response;
use futures::StreamExt as _;
use futures::stream::SplitStream;
use outbox::Outbox;
use protocol::api::live::{CLOSE_PROTOCOL, CLOSE_SLOW, ClientFrame, ServerFrame};
use protocol::limits::LIVE_WATCHES;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

/// Bytes of one message of a client.
const CLIENT_BYTES: usize = 64 * 1024;
/// How often the other side is asked whether it is there.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// Silence after which nobody is there.
const SILENCE: Duration = Duration::from_secs(90);

/// Opens the live socket.
#[utoipa::path(get, path = "/v1/live", tag = "session",
    responses((status = 101, description = "a WebSocket that speaks errand.live.v1; its frames are described in docs/api.md")))]
pub async fn live(State(app): State<Arc<App>>, opening: Opening) -> ApiResult<Response> {
    let caller = opening.caller.clone();
    opening.open("live", CLIENT_BYTES, |socket, tie| serve(app, caller, socket, tie)).await
}

async fn serve(app: Arc<App>, caller: Caller, socket: WebSocket, mut tie: Tie) {
    let (sink, mut stream) = socket.split();
    let (out, writer) = Outbox::new(sink);
    let mut page = Page {
        app,
        caller: Arc::new(caller),
        out: out.clone(),
        tasks: JoinSet::new(),
        watches: HashMap::new(),
    };
    let mut writer = std::pin::pin!(writer);
    let code = tokio::select! {
        () = &mut writer => return,
        code = tie.over() => code,
        () = out.slow() => CLOSE_SLOW,
        code = page.read(&mut stream) => match code {
            Some(code) => code,
            None => return,
        },
    };
    drop(page);
    out.close(code);
    writer.await;
    hear_out(&mut stream).await;
}

/// One page and what it watches.
struct Page {
    app: Arc<App>,
    caller: Arc<Caller>,
    out: Outbox,
    tasks: JoinSet<u64>,
    watches: HashMap<u64, AbortHandle>,
}

impl Page {
    /// Reads until the other side is gone; gives the code to close with, where it has to be told.
    async fn read(&mut self, stream: &mut SplitStream<WebSocket>) -> Option<u16> {
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                message = stream.next() => {
                    heard = Instant::now();
                    match message?.ok()? {
                        Message::Text(text) => match serde_json::from_str(&text) {
                            Ok(frame) => self.take(frame),
                            Err(_) => return Some(CLOSE_PROTOCOL),
                        },
                        Message::Binary(_) => return Some(CLOSE_PROTOCOL),
                        Message::Close(_) => return None,
                        Message::Ping(_) | Message::Pong(_) => {}
                    }
                }
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    if let Ok(id) = ended {
                        self.watches.remove(&id);
                    }
                }
                _ = heartbeat.tick() => {
                    if heard.elapsed() > SILENCE {
                        return None;
                    }
                    self.out.ping();
                }
            }
        }
    }

    fn take(&mut self, frame: ClientFrame) {
        let id = match frame {
            ClientFrame::Ping {} => return self.out.now(&ServerFrame::Pong),
            ClientFrame::Unwatch { id } => {
                if let Some(watch) = self.watches.remove(&id) {
                    watch.abort();
                }
                return;
            }
            ClientFrame::WatchAgent { id, .. } | ClientFrame::WatchList { id } => id,
        };
        if let Err(refusal) = self.may_watch(id) {
            return self.out.error(id, &refusal);
        }
        let (app, caller) = (Arc::clone(&self.app), Arc::clone(&self.caller));
        let out = self.out.clone();
        let watch = self.tasks.spawn(async move {
            let refused = match frame {
                ClientFrame::WatchAgent { agent, after, .. } => {
                    watches::agent(&app, &caller, &out, id, &agent, after).await.err()
                }
                ClientFrame::WatchList { .. } => {
                    watches::list(&app, &caller, &out, id).await;
                    None
                }
                ClientFrame::Unwatch { .. } | ClientFrame::Ping {} => None,
            };
            if let Some(refusal) = refused {
                out.error(id, &refusal);
            }
            id
        });
        self.watches.insert(id, watch);
    }

    fn may_watch(&self, id: u64) -> ApiResult<()> {
        self.app.rate.check(&self.caller.name)?;
        if self.watches.contains_key(&id) {
            return Err(ApiError::invalid(
                "id",
                format!("{id} names another watch of this socket"),
            ));
        }
        if self.watches.len() >= LIVE_WATCHES {
            let message = format!("at most {LIVE_WATCHES} watches fit on one socket");
            return Err(ApiError::invalid("id", message));
        }
        Ok(())
    }
}
