//! What waits to be written to a live socket, bounded by bytes.
//!
//! Stored events wait for room: the reader sets the pace. What happens now does not wait: a reader
//! who has no room for it is slow, is told so and comes back for the rest.

use crate::api::error::ApiError;
use crate::auth::socket::{FAREWELL, close};
use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use futures::SinkExt as _;
use futures::stream::SplitSink;
use protocol::api::live::ServerFrame;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// Bytes of stored events that wait to be written.
const STORED_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of what happens now that wait to be written.
const LIVE_BYTES: usize = 4 * 1024 * 1024;
/// Bytes that a frame counts beside its text.
const FRAME_BYTES: usize = 64;

/// The way to one socket. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    // Not bounded by itself: everything in it holds a permit.
    queue: mpsc::UnboundedSender<Queued>,
    stored: Arc<Semaphore>,
    live: Arc<Semaphore>,
    slow: CancellationToken,
    closing: CancellationToken,
    code: Arc<Mutex<Option<u16>>>,
}

#[derive(Debug)]
struct Queued {
    message: Message,
    /// Given back once it is written.
    _room: OwnedSemaphorePermit,
}

impl Outbox {
    /// The outbox and the writer that empties it.
    pub(super) fn new(sink: SplitSink<WebSocket, Message>) -> (Self, impl Future<Output = ()>) {
        let (queue, waiting) = mpsc::unbounded_channel();
        let outbox = Self {
            queue,
            stored: Arc::new(Semaphore::new(STORED_BYTES)),
            live: Arc::new(Semaphore::new(LIVE_BYTES)),
            slow: CancellationToken::new(),
            closing: CancellationToken::new(),
            code: Arc::default(),
        };
        let writer = write(sink, waiting, outbox.closing.clone(), Arc::clone(&outbox.code));
        (outbox, writer)
    }

    /// Writes text that is in the log, when there is room.
    pub(super) async fn stored(&self, text: String) {
        let room = Arc::clone(&self.stored).acquire_many_owned(weight(&text, STORED_BYTES)).await;
        self.queue(text, room.ok());
    }

    /// Waits until everything that was stored is written.
    pub(super) async fn drained(&self) {
        let all = u32::try_from(STORED_BYTES).unwrap_or(u32::MAX);
        drop(self.stored.acquire_many(all).await);
    }

    /// Writes text that says what happens now.
    pub(super) fn text(&self, text: String) {
        match Arc::clone(&self.live).try_acquire_many_owned(weight(&text, LIVE_BYTES)) {
            Ok(room) => self.queue(text, Some(room)),
            Err(_) => self.slow.cancel(),
        }
    }

    /// Writes a frame about now.
    pub(super) fn now(&self, frame: &ServerFrame) {
        self.text(serde_json::to_string(frame).unwrap_or_default());
    }

    /// Tells why a watch is not carried on.
    pub(super) fn error(&self, id: u64, error: &ApiError) {
        let (code, message) = error.told();
        let (code, message) = (code.to_owned(), message.to_owned());
        self.now(&ServerFrame::Error { id, code, message });
    }

    /// Asks whether the other side is there.
    pub(super) fn ping(&self) {
        match Arc::clone(&self.live).try_acquire_many_owned(weight("", LIVE_BYTES)) {
            Ok(room) => self.send(Message::Ping(Bytes::new()), room),
            Err(_) => self.slow.cancel(),
        }
    }

    fn queue(&self, text: String, room: Option<OwnedSemaphorePermit>) {
        if let Some(room) = room {
            self.send(Message::Text(text.into()), room);
        }
    }

    fn send(&self, message: Message, room: OwnedSemaphorePermit) {
        // The writer is gone with its socket.
        drop(self.queue.send(Queued { message, _room: room }));
    }

    /// Says that the reader must come again.
    pub(super) fn give_up(&self) {
        self.slow.cancel();
    }

    /// Returns once the reader has fallen behind.
    pub(super) async fn slow(&self) {
        self.slow.cancelled().await;
    }

    /// Ends the writer: what was begun is finished, what waits is left out.
    pub(super) fn close(&self, code: u16) {
        *self.code.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
        self.closing.cancel();
    }
}

fn weight(text: &str, most: usize) -> u32 {
    u32::try_from((text.len() + FRAME_BYTES).min(most)).unwrap_or(u32::MAX)
}

async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut waiting: mpsc::UnboundedReceiver<Queued>,
    closing: CancellationToken,
    code: Arc<Mutex<Option<u16>>>,
) {
    loop {
        let queued = tokio::select! {
            biased;
            () = closing.cancelled() => break,
            queued = waiting.recv() => match queued {
                Some(queued) => queued,
                None => return,
            },
        };
        let mut writing = std::pin::pin!(sink.send(queued.message));
        let written = tokio::select! {
            biased;
            written = &mut writing => written.is_ok(),
            () = closing.cancelled() => {
                matches!(tokio::time::timeout(FAREWELL, writing).await, Ok(Ok(())))
            }
        };
        if !written {
            return;
        }
    }
    let code = *code.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(code) = code {
        // Best effort: who does not read does not learn why.
        drop(tokio::time::timeout(FAREWELL, sink.send(close(code))).await);
    }
}
