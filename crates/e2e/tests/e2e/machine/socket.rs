//! A socket of the API as a program opens it.

use e2e::world::World;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Time in which something must come.
const PATIENCE: Duration = Duration::from_secs(120);

/// An open socket.
pub struct Socket {
    pub inner: WebSocketStream<TcpStream>,
    /// Bytes received so far.
    pub bytes: Vec<u8>,
    /// Texts received so far.
    pub texts: Vec<Value>,
}

/// Opens a socket with the world's own key.
pub async fn open(world: &World, path: &str) -> Result<Socket, Error> {
    open_as(world, path, &world.api.token).await
}

/// The same with another key.
pub async fn open_as(world: &World, path: &str, token: &str) -> Result<Socket, Error> {
    open_at(world.api.base.trim_start_matches("http://"), path, token).await
}

/// The same at any server.
pub async fn open_at(host: &str, path: &str, token: &str) -> Result<Socket, Error> {
    let mut request = format!("ws://{host}{path}").into_client_request()?;
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let stream = TcpStream::connect(host).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (inner, _) = tokio_tungstenite::client_async(request, stream).await?;
    Ok(Socket { inner, bytes: Vec::new(), texts: Vec::new() })
}

impl Socket {
    /// Sends bytes.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.inner.send(Message::Binary(bytes.to_vec().into())).await.unwrap();
    }

    /// Sends a text.
    pub async fn say(&mut self, text: &str) {
        self.inner.send(Message::Text(text.into())).await.unwrap();
    }

    /// Takes the next message; whether there was one.
    pub async fn take(&mut self) -> bool {
        let next = tokio::time::timeout(PATIENCE, self.inner.next()).await;
        match next.unwrap_or_else(|_| panic!("nothing came: {:?} {}", self.texts, self.shown())) {
            Some(Ok(Message::Binary(bytes))) => self.bytes.extend_from_slice(&bytes),
            Some(Ok(Message::Text(text))) => self.texts.push(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return false,
            Some(Ok(_)) => {}
        }
        true
    }

    /// What came as bytes, as text.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Waits until this is shown.
    #[track_caller]
    pub fn until<'a>(&'a mut self, text: &'a str) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let mut from = 0;
            while !String::from_utf8_lossy(&self.bytes[from..]).contains(text) {
                // A long output is not searched from its beginning every time.
                from = self.bytes.len().saturating_sub(4096).max(from);
                assert!(self.take().await, "{caller}: closed before {text:?}: {:?}", self.texts);
            }
        }
    }

    /// Waits for a text for which this holds.
    #[track_caller]
    pub fn until_text<'a>(
        &'a mut self,
        holds: impl Fn(&Value) -> bool + 'a,
    ) -> impl Future<Output = Value> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let mut seen = 0;
            loop {
                if let Some(found) = self.texts[seen..].iter().find(|text| holds(text)) {
                    return found.clone();
                }
                seen = self.texts.len();
                assert!(self.take().await, "{caller}: closed: {:?}", self.texts);
            }
        }
    }
}
