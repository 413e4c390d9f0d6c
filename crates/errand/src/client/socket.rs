//! Sockets: terminals, ports and ssh connections of a machine, as messages both ways.

use super::{Client, deepest};
use crate::exit::Trouble;
use anyhow::{Context as _, Result};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use reqwest_websocket::{CloseCode, Message, Upgrade as _, WebSocket};
use serde::Serialize;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Largest piece sent at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Longest wait for a farewell to be sent.
const FAREWELL_MAX: Duration = Duration::from_millis(500);

/// What came.
#[derive(Debug)]
pub enum Came {
    /// Bytes of the terminal or connection.
    Bytes(Vec<u8>),
    /// A control message, as JSON.
    Control(serde_json::Value),
    /// The other side is done; why, if it said.
    Over(Option<String>),
}

/// One open socket.
pub struct Socket {
    inward: Inward,
    outward: Outward,
}

/// What comes out of a socket.
pub struct Inward(SplitStream<WebSocket>);

/// What goes into a socket.
pub struct Outward(SplitSink<WebSocket, Message>);

/// What the end of the near side means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// No more comes from there; answers may.
    Half,
    /// Nobody is there any more.
    Whole,
}

impl Client {
    /// Opens a socket of this kind.
    pub async fn socket(&self, kind: &str, path: &[&str]) -> Result<Socket> {
        let request = self.request_by(&self.upgrading, Method::GET, path, &[])?;
        let request = request.upgrade().protocols([format!("errand.{kind}.v1")]);
        let response = match request.send().await {
            Ok(response) => response,
            Err(reqwest_websocket::Error::Reqwest(error)) => {
                return Err(self.unreachable(&error).into());
            }
            Err(error) => return Err(broken(&error).into()),
        };
        if response.status() != reqwest::StatusCode::SWITCHING_PROTOCOLS {
            // Refused as any request may be: the body says why.
            self.accepted(response.into_inner()).await?;
            return Err(Trouble::unreachable("the server opened no socket").into());
        }
        let socket = response.into_websocket().await.map_err(|error| broken(&error))?;
        let (sink, stream) = socket.split();
        Ok(Socket { inward: Inward(stream), outward: Outward(sink) })
    }
}

impl Socket {
    /// Both directions, each to be waited for on its own: a side that writes without reading must
    /// not stop the other.
    pub fn split(self) -> (Inward, Outward) {
        (self.inward, self.outward)
    }

    /// The next thing. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Result<Came> {
        self.inward.next().await
    }

    /// Sends a control message.
    pub async fn control(&mut self, control: &impl Serialize) -> Result<()> {
        self.outward.control(control).await
    }

    /// Carries bytes between a connection of this computer and the socket until either is over.
    pub async fn carry(
        self,
        mut reader: impl AsyncRead + Unpin,
        mut writer: impl AsyncWrite + Unpin,
        ending: Ending,
    ) -> Result<()> {
        let (mut inward, mut outward) = self.split();
        let away = async {
            let mut buffer = vec![0; PIECE_BYTES];
            loop {
                let length = reader.read(&mut buffer).await.context("read the connection")?;
                outward.bytes(buffer.get(..length).unwrap_or_default()).await?;
                if length == 0 && ending == Ending::Half {
                    std::future::pending::<()>().await;
                }
                if length == 0 {
                    return Ok(());
                }
            }
        };
        let home = async {
            loop {
                match inward.next().await? {
                    Came::Bytes(bytes) => {
                        writer.write_all(&bytes).await.context("hand on bytes")?;
                        writer.flush().await.context("hand on bytes")?;
                    }
                    Came::Control(_) => {}
                    Came::Over(_) => return writer.shutdown().await.context("end the connection"),
                }
            }
        };
        let outcome = tokio::select! {
            outcome = home => outcome,
            outcome = away => outcome,
        };
        outward.close().await;
        outcome
    }
}

impl Inward {
    /// The next thing. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Result<Came> {
        loop {
            return Ok(match self.0.next().await {
                None => Came::Over(None),
                Some(Err(error)) => return Err(broken(&error).into()),
                Some(Ok(Message::Binary(bytes))) => Came::Bytes(bytes.to_vec()),
                Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                    Ok(control) => Came::Control(control),
                    // A newer server may say more than we know.
                    Err(_) => continue,
                },
                Some(Ok(Message::Close { reason, .. })) => {
                    Came::Over(Some(reason).filter(|reason| !reason.is_empty()))
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            });
        }
    }
}

impl Outward {
    /// Sends bytes; none says that no more come.
    pub async fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return self.send(Message::Binary(Vec::new().into())).await;
        }
        for piece in bytes.chunks(PIECE_BYTES) {
            self.send(Message::Binary(piece.to_vec().into())).await?;
        }
        Ok(())
    }

    /// Sends a control message.
    pub async fn control(&mut self, control: &impl Serialize) -> Result<()> {
        self.send(Message::Text(serde_json::to_string(control)?)).await
    }

    async fn send(&mut self, message: Message) -> Result<()> {
        Ok(self.0.send(message).await.map_err(|error| broken(&error))?)
    }

    /// Says that one leaves.
    pub async fn close(&mut self) {
        let message = Message::Close { code: CloseCode::Normal, reason: String::new() };
        // The other side may have gone first, or may read no more.
        drop(tokio::time::timeout(FAREWELL_MAX, self.0.send(message)).await);
    }
}

fn broken(error: &reqwest_websocket::Error) -> Trouble {
    Trouble::unreachable(format!("the connection to the server broke ({})", deepest(error)))
}
