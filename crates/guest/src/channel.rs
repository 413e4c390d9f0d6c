//! One channel of a connection, as the handler of a request sees it.

use protocol::link::{
    Answer, CHUNK_BYTES, Fault, FromGuest, WINDOW_BYTES, encode_control, encode_data,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Semaphore, mpsc};

/// Encoded frames on their way out.
pub type Outgoing = mpsc::Sender<Vec<u8>>;

/// The connection is gone; nobody hears an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Disconnected;

/// A channel as its handler sees it.
pub struct Channel {
    /// What is sent.
    pub sink: Sink,
    /// What is received.
    pub source: Source,
}

/// The sending half.
pub struct Sink {
    id: u32,
    out: Outgoing,
    credit: Arc<Semaphore>,
}

/// The receiving half.
pub struct Source {
    id: u32,
    out: Outgoing,
    inbox: mpsc::UnboundedReceiver<Option<Vec<u8>>>,
    held: Arc<AtomicUsize>,
}

/// A channel as the connection sees it.
pub struct Remote {
    credit: Arc<Semaphore>,
    inbox: Option<mpsc::UnboundedSender<Option<Vec<u8>>>>,
    held: Arc<AtomicUsize>,
}

/// Opens a channel.
pub fn open(id: u32, out: Outgoing) -> (Channel, Remote) {
    let credit = Arc::new(Semaphore::new(WINDOW_BYTES));
    let held = Arc::new(AtomicUsize::new(0));
    let (sender, inbox) = mpsc::unbounded_channel();
    let sink = Sink { id, out: out.clone(), credit: Arc::clone(&credit) };
    let source = Source { id, out, inbox, held: Arc::clone(&held) };
    let channel = Channel { sink, source };
    (channel, Remote { credit, inbox: Some(sender), held })
}

impl Sink {
    /// Sends data, waiting until the server has room for it.
    pub async fn data(&self, bytes: &[u8]) -> Result<(), Disconnected> {
        for piece in bytes.chunks(CHUNK_BYTES) {
            self.pay(piece.len()).await?;
            let mut frame = Vec::new();
            encode_data(&mut frame, self.id, piece);
            self.out.send(frame).await.map_err(|_| Disconnected)?;
        }
        Ok(())
    }

    /// Sends one frame of data behind a first byte.
    pub async fn tagged(&self, tag: u8, bytes: &[u8]) -> Result<(), Disconnected> {
        let mut payload = Vec::with_capacity(bytes.len() + 1);
        payload.push(tag);
        payload.extend_from_slice(bytes);
        self.pay(payload.len()).await?;
        let mut frame = Vec::new();
        encode_data(&mut frame, self.id, &payload);
        self.out.send(frame).await.map_err(|_| Disconnected)
    }

    async fn pay(&self, bytes: usize) -> Result<(), Disconnected> {
        let permits = u32::try_from(bytes).map_err(|_| Disconnected)?;
        self.credit.acquire_many(permits).await.map_err(|_| Disconnected)?.forget();
        Ok(())
    }

    /// Tells that data may flow.
    pub async fn opened(&self) -> Result<(), Disconnected> {
        self.say(&FromGuest::Opened).await
    }

    /// Tells that no more data comes from here.
    pub async fn end(&self) -> Result<(), Disconnected> {
        self.say(&FromGuest::End).await
    }

    async fn say(&self, message: &FromGuest) -> Result<(), Disconnected> {
        send(&self.out, self.id, message).await
    }
}

impl Source {
    /// The next piece of data; `None` at the end that the server announced. Taking a piece gives
    /// the server its credit back. A connection that breaks off is not an end.
    pub async fn receive(&mut self) -> Result<Option<Vec<u8>>, Disconnected> {
        let Some(bytes) = self.inbox.recv().await.ok_or(Disconnected)? else { return Ok(None) };
        self.held.fetch_sub(bytes.len(), Ordering::Relaxed);
        let credit = FromGuest::Credit { bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX) };
        send(&self.out, self.id, &credit).await?;
        Ok(Some(bytes))
    }
}

impl Channel {
    /// Closes the channel with its outcome.
    pub async fn finish(self, outcome: Result<Answer, Fault>) {
        let message = match outcome {
            Ok(answer) => FromGuest::Answer { answer },
            Err(fault) => FromGuest::Failed { fault },
        };
        // Nobody is left to be told when this fails.
        drop(self.sink.say(&message).await);
    }
}

/// Sends one control message.
pub async fn send(out: &Outgoing, channel: u32, message: &FromGuest) -> Result<(), Disconnected> {
    let mut frame = Vec::new();
    if encode_control(&mut frame, channel, message).is_err() {
        let fault = crate::ops::fault(
            protocol::link::FaultCode::Unsuitable,
            "the answer is too large; ask for less",
        );
        frame.clear();
        encode_control(&mut frame, channel, &FromGuest::Failed { fault })
            .map_err(|_| Disconnected)?;
    }
    out.send(frame).await.map_err(|_| Disconnected)
}

impl Remote {
    /// The server gives credit; false when it gives more than the window holds.
    pub fn credit(&self, bytes: u32) -> bool {
        let bytes = bytes as usize;
        let fits = self.credit.available_permits().saturating_add(bytes) <= WINDOW_BYTES;
        if fits {
            self.credit.add_permits(bytes);
        }
        fits
    }

    /// The server sends data; false when it had no credit for it.
    pub fn data(&self, bytes: Vec<u8>) -> bool {
        let held = self.held.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        if let Some(inbox) = &self.inbox {
            // A handler that takes no more data is about to answer.
            drop(inbox.send(Some(bytes)));
        }
        held <= WINDOW_BYTES
    }

    /// The server sends no more data.
    pub fn end(&mut self) {
        if let Some(inbox) = self.inbox.take() {
            drop(inbox.send(None));
        }
    }
}
