//! A socket of the public API, opened with a key.

use e2e::api::Api;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

/// An open socket.
pub struct Socket(WebSocketStream<TcpStream>);

/// What came.
pub enum Came {
    /// A text.
    Json(Value),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Socket {
    /// Opens one, unless the server is away or refuses.
    pub async fn open(api: &Api, kind: &str, path: &str) -> Option<Self> {
        let host = api.base.strip_prefix("http://").unwrap();
        let mut request = format!("ws://{host}{path}").into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("authorization", format!("Bearer {}", api.token).parse().unwrap());
        headers.insert("sec-websocket-protocol", format!("errand.{kind}.v1").parse().unwrap());
        let connection = TcpStream::connect(host).await.ok()?;
        let (socket, _) = tokio_tungstenite::client_async(request, connection).await.ok()?;
        Some(Self(socket))
    }

    /// The next thing; none once the socket is over or broken.
    pub async fn next(&mut self) -> Option<Came> {
        loop {
            match self.0.next().await?.ok()? {
                Message::Text(text) => {
                    return Some(Came::Json(serde_json::from_str(&text).unwrap()));
                }
                Message::Binary(bytes) => return Some(Came::Bytes(bytes.to_vec())),
                Message::Close(_) => return None,
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Sends JSON; whether it went out.
    pub async fn say(&mut self, message: &Value) -> bool {
        self.0.send(Message::Text(message.to_string().into())).await.is_ok()
    }

    /// Sends bytes; whether they went out.
    pub async fn bytes(&mut self, bytes: &str) -> bool {
        self.0.send(Message::Binary(bytes.to_owned().into())).await.is_ok()
    }
}
