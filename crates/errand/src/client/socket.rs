//! Sockets: terminals, ports and ssh connections of a machine, as messages both ways.

use super::{Client, deepest};
use crate::exit::Trouble;
use anyhow::Result;
use futures::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use reqwest_websocket::{CloseCode, Message, Upgrade as _, WebSocket};
use serde::Serialize;

/// Largest piece sent at once.
pub const PIECE_BYTES: usize = 64 * 1024;

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
pub struct Socket(WebSocket);

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
        Ok(Socket(response.into_websocket().await.map_err(|error| broken(&error))?))
    }
}

impl Socket {
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

    /// Sends bytes.
    pub async fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        for piece in bytes.chunks(PIECE_BYTES) {
            let message = Message::Binary(piece.to_vec().into());
            self.0.send(message).await.map_err(|error| broken(&error))?;
        }
        Ok(())
    }

    /// Sends a control message.
    pub async fn control(&mut self, control: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(control)?;
        Ok(self.0.send(Message::Text(text)).await.map_err(|error| broken(&error))?)
    }

    /// Says that nothing more comes.
    pub async fn close(self) {
        // The other side may have gone first.
        drop(self.0.close(CloseCode::Normal, None).await);
    }
}

fn broken(error: &reqwest_websocket::Error) -> Trouble {
    Trouble::unreachable(format!("the connection to the server broke ({})", deepest(error)))
}
