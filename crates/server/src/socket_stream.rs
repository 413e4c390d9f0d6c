//! A WebSocket as an ordinary stream of bytes: each binary message is the next piece.

use crate::auth::socket::part;
use axum::extract::ws::{Message, WebSocket};
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

/// Bytes under way in one direction.
const UNDER_WAY_BYTES: usize = 256 * 1024;
/// Bytes of one message sent.
const MESSAGE_BYTES: usize = 64 * 1024;

/// The stream, and the work that carries it until either side ends.
pub fn stream(socket: WebSocket) -> (DuplexStream, impl Future<Output = ()> + Send) {
    let (near, far) = tokio::io::duplex(UNDER_WAY_BYTES);
    (near, carry(socket, far))
}

async fn carry(socket: WebSocket, far: DuplexStream) {
    let (mut out, mut incoming) = socket.split();
    let (mut reader, mut writer) = tokio::io::split(far);
    let inward = async {
        while let Some(Ok(message)) = incoming.next().await {
            match message {
                Message::Binary(bytes) => {
                    if writer.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Message::Close(_) => return,
                Message::Text(_) | Message::Ping(_) | Message::Pong(_) => {}
            }
        }
    };
    let outward = async {
        let mut buffer = vec![0; MESSAGE_BYTES];
        while let Ok(read) = reader.read(&mut buffer).await
            && read > 0
        {
            let piece = buffer.get(..read).unwrap_or_default().to_vec();
            if out.send(Message::Binary(piece.into())).await.is_err() {
                return false;
            }
        }
        true
    };
    let is_over = tokio::select! { () = inward => false, is_over = outward => is_over };
    if is_over {
        part(&mut out, &mut incoming, Message::Close(None)).await;
    }
}
