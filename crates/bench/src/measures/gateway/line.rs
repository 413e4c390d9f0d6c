//! A client's connection, straight to a host or through a sandbox's entrance, and requests on it.

use super::host::{NAME, PIECE};
use anyhow::{Context, Result, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How a host is reached.
pub struct Way {
    pub(super) address: SocketAddr,
    /// What the entrance is asked for.
    pub(super) tunnel: Option<String>,
    /// The authority, as text, where it is over TLS.
    pub(super) trusted: Option<String>,
}

impl Way {
    /// Without the gateway.
    pub const fn straight(address: SocketAddr, trusted: Option<String>) -> Self {
        Self { address, tunnel: None, trusted }
    }

    /// Through an entrance.
    pub fn through(address: SocketAddr, target: &str, trusted: Option<String>) -> Self {
        Self { address, tunnel: Some(target.to_owned()), trusted }
    }
}

fn connector(trusted: &str) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes())?)?;
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

trait Both: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Both for T {}

/// One connection.
pub struct Line(BufReader<Box<dyn Both>>);

impl Line {
    /// Connects.
    pub async fn open(way: &Way) -> Result<Self> {
        let stream = TcpStream::connect(way.address).await.context("connect")?;
        stream.set_nodelay(true)?;
        let mut line = Self(BufReader::with_capacity(PIECE, Box::new(stream)));
        if let Some(target) = &way.tunnel {
            let text = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n");
            line.0.write_all(text.as_bytes()).await?;
            line.head().await.context("ask for a tunnel")?;
        }
        let Some(trusted) = &way.trusted else { return Ok(line) };
        let name = ServerName::try_from(NAME)?;
        let stream = connector(trusted)?
            .connect(name, line.0.into_inner())
            .await
            .context("greet over TLS")?;
        Ok(Self(BufReader::with_capacity(PIECE, Box::new(stream))))
    }

    /// One small request.
    pub async fn request(&mut self) -> Result<()> {
        self.fetch(0).await
    }

    /// Fetches so many bytes.
    pub async fn fetch(&mut self, bytes: usize) -> Result<()> {
        let text = format!("GET /{bytes} HTTP/1.1\r\nhost: {NAME}\r\n\r\n");
        self.0.write_all(text.as_bytes()).await?;
        self.0.flush().await?;
        self.head().await?;
        let (mut left, mut piece) = (bytes, vec![0; PIECE]);
        while left > 0 {
            let count = self.0.read(&mut piece).await?;
            ensure!(count > 0 && count <= left, "{left} bytes are missing");
            left -= count;
        }
        Ok(())
    }

    /// Sends so many bytes.
    pub async fn send(&mut self, bytes: usize) -> Result<()> {
        let text = format!("PUT / HTTP/1.1\r\nhost: {NAME}\r\ncontent-length: {bytes}\r\n\r\n");
        self.0.write_all(text.as_bytes()).await?;
        let piece = vec![b'x'; PIECE];
        for _ in 0..bytes / PIECE {
            self.0.write_all(&piece).await?;
        }
        self.0.flush().await?;
        self.head().await
    }

    /// Reads the head of a good answer.
    async fn head(&mut self) -> Result<()> {
        let mut first = String::new();
        self.0.read_line(&mut first).await?;
        ensure!(first.starts_with("HTTP/1.1 200"), "the answer was {first:?}");
        let mut line = String::new();
        while self.0.read_line(&mut line).await? > 2 {
            line.clear();
        }
        Ok(())
    }
}
