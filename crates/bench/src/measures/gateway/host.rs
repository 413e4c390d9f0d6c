//! A host that answers with as many bytes as it is asked for and takes what it is sent, plain and over TLS.

use anyhow::{Context, Result};
use fakes::certificates::{Certified, certified};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Bytes that are written at a time.
pub const PIECE: usize = 64 * 1024;
/// Its name.
pub const NAME: &str = "host.test";

/// The host. It serves as long as this program runs.
pub struct Host {
    /// Where it is without TLS.
    pub plain: SocketAddr,
    /// Where it is with TLS.
    pub tls: SocketAddr,
    /// Who vouches for it, as text.
    pub authority: String,
}

impl Host {
    /// Starts it on a thread of its own.
    pub fn start() -> Result<Self> {
        let Certified { config, pem: authority, .. } = certified(&[NAME])?;
        let (plain, tls) = (listener()?, listener()?);
        let (plain_at, tls_at) = (plain.local_addr()?, tls.local_addr()?);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || runtime.block_on(both(plain, tls, acceptor)));
        Ok(Self { plain: plain_at, tls: tls_at, authority })
    }
}

async fn both(
    plain: std::net::TcpListener,
    tls: std::net::TcpListener,
    acceptor: TlsAcceptor,
) -> std::io::Result<()> {
    let (plain, tls) = (TcpListener::from_std(plain)?, TcpListener::from_std(tls)?);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = plain.accept() => {
                connections.spawn(serve(accepted?.0));
            }
            accepted = tls.accept() => {
                let (stream, acceptor) = (accepted?.0, acceptor.clone());
                connections.spawn(async move { serve(acceptor.accept(stream).await?).await });
            }
        }
    }
}

/// A listener on the loopback.
pub fn listener() -> Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("listen")?;
    listener.set_nonblocking(true).context("listen")?;
    Ok(listener)
}

/// `GET /<bytes>` and `PUT /` with a length, one after the other.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut stream = BufReader::with_capacity(PIECE, stream);
    let piece = vec![b'x'; PIECE];
    let mut taken = vec![0; PIECE];
    loop {
        let (mut wanted, mut given, mut line) = (0_usize, 0_usize, String::new());
        while stream.read_line(&mut line).await? > 2 {
            let text = line.trim().to_ascii_lowercase();
            if let Some(rest) = text.strip_prefix("get /") {
                wanted = rest.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
            }
            if let Some(length) = text.strip_prefix("content-length:") {
                given = length.trim().parse().unwrap_or(0);
            }
            line.clear();
        }
        if line.is_empty() {
            return Ok(());
        }
        while given > 0 {
            let most = given.min(PIECE);
            let count = stream.read(taken.get_mut(..most).unwrap_or_default()).await?;
            if count == 0 {
                return Ok(());
            }
            given -= count;
        }
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {wanted}\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        while wanted > 0 {
            let bytes = piece.get(..wanted.min(PIECE)).unwrap_or_default();
            stream.write_all(bytes).await?;
            wanted -= bytes.len();
        }
        stream.flush().await?;
    }
}
