//! The connection to the browser inside: one WebSocket that carries its debugging protocol.
//!
//! TRUST: whoever listens there may be any program of the agent. What it sends is bounded in size and
//! in pace, read into closed types with unknown parts skipped, and never decides anything but what is
//! shown.

use super::launch::Address;
use super::words::{Command, Heard, parse};
use crate::port_stream::PortStream;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use sandbox::link::Link;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Bytes of one message: a picture in base64, and room for the rest.
const MESSAGE_BYTES: usize = 4 * 1024 * 1024 + 64 * 1024;
/// Bytes of the connection's buffers.
const BUFFER_BYTES: usize = 64 * 1024;
/// Bytes of what waits to be sent.
const WAITING_BYTES: usize = 1024 * 1024;
/// Time for the greeting, and for a message to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
/// Messages read in one [`BEAT`].
const BEAT_MESSAGES: u32 = 200;
/// Bytes read in one [`BEAT`].
const BEAT_BYTES: usize = 8 * 1024 * 1024;
/// Reading goes on after this time once a beat's share was read.
const BEAT: Duration = Duration::from_millis(100);

/// Bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

type Socket = WebSocketStream<Box<dyn Stream>>;

/// Why there is nothing to show, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

fn broken(what: impl Into<String>) -> Broken {
    Broken(what.into())
}

/// Opens the connection to a browser of a machine.
pub async fn connect(link: &Link, address: &Address) -> Result<(Speaker, Listener), Broken> {
    let stream = PortStream::connect(link, address.port).await;
    let stream =
        stream.map_err(|error| broken(format!("the browser cannot be reached: {error}")))?;
    greet(Box::new(stream), address).await
}

/// Opens the connection on a stream of bytes.
pub async fn greet(
    stream: Box<dyn Stream>,
    address: &Address,
) -> Result<(Speaker, Listener), Broken> {
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_write_buffer_size(WAITING_BYTES)
        .max_message_size(Some(MESSAGE_BYTES))
        .max_frame_size(Some(MESSAGE_BYTES));
    let url = format!("ws://127.0.0.1:{}{}", address.port, address.path);
    let greeting = client_async_with_config(url, stream, Some(config));
    let greeting = tokio::time::timeout(PATIENCE, greeting).await;
    let (socket, _) = greeting
        .map_err(|_| broken("the browser does not answer"))?
        .map_err(|_| broken("what answers in the browser's place is no browser"))?;
    let (out, incoming) = socket.split();
    let pace = Pace { since: Instant::now(), messages: 0, bytes: 0 };
    Ok((Speaker { out, next: 1 }, Listener { incoming, pace }))
}

/// What is said to the browser.
pub struct Speaker {
    out: SplitSink<Socket, Message>,
    next: u64,
}

impl Speaker {
    /// Sends a command, to one page where a session is given; its number, which the answer carries.
    pub async fn say(&mut self, command: Command, session: Option<&str>) -> Result<u64, Broken> {
        let id = self.next;
        self.next += 1;
        let mut message = json!({ "id": id, "method": command.method, "params": command.params });
        if let (Some(session), Some(message)) = (session, message.as_object_mut()) {
            message.insert("sessionId".to_owned(), session.into());
        }
        let sent = self.out.send(Message::text(message.to_string()));
        match tokio::time::timeout(PATIENCE, sent).await {
            Ok(Ok(())) => Ok(id),
            Ok(Err(_)) => Err(broken("the browser closed its connection")),
            Err(_) => Err(broken("the browser takes no more commands")),
        }
    }
}

/// What the browser says.
pub struct Listener {
    incoming: SplitStream<Socket>,
    pace: Pace,
}

impl Listener {
    /// The next message that is understood; `None` at the end. May be dropped and called again.
    pub async fn next(&mut self) -> Result<Option<Heard>, Broken> {
        loop {
            self.pace.keep().await;
            let message = match self.incoming.next().await {
                Some(Ok(message)) => message,
                None => return Ok(None),
                Some(Err(error)) => return ended(&error),
            };
            self.pace.count(message.len());
            match message {
                Message::Text(text) => {
                    let heard = parse(text.as_str());
                    let heard = heard.map_err(|_| broken("the browser speaks nonsense"))?;
                    if let Some(heard) = heard {
                        return Ok(Some(heard));
                    }
                }
                Message::Close(_) => return Ok(None),
                Message::Binary(_) => return Err(broken("the browser speaks nonsense")),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }
}

fn ended(error: &tokio_tungstenite::tungstenite::Error) -> Result<Option<Heard>, Broken> {
    use tokio_tungstenite::tungstenite::Error;
    use tokio_tungstenite::tungstenite::error::ProtocolError;
    match error {
        // Whoever is ended takes no leave.
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ok(None),
        Error::Capacity(_) => Err(broken("the browser sent more than a picture may have")),
        Error::Protocol(_) | Error::Utf8(_) => Err(broken("the browser speaks nonsense")),
        // Whoever ends in the middle of something has ended.
        _ => Ok(None),
    }
}

/// Holds a program that talks without end: it waits, and the server does something else.
struct Pace {
    since: Instant,
    messages: u32,
    bytes: usize,
}

impl Pace {
    fn count(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    async fn keep(&mut self) {
        let full = self.messages >= BEAT_MESSAGES || self.bytes >= BEAT_BYTES;
        if full {
            tokio::time::sleep_until(self.since + BEAT).await;
        }
        if full || self.since.elapsed() >= BEAT {
            (self.since, self.messages, self.bytes) = (Instant::now(), 0, 0);
        }
    }
}
