//! A connection to a port inside as an ordinary stream of bytes.

use sandbox::link::{Link, LinkError, PortReader, PortWriter};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, ReadHalf,
    WriteHalf,
};
use tokio::task::JoinSet;

/// Bytes under way in one direction.
const UNDER_WAY_BYTES: usize = 64 * 1024;

/// The stream; the connection ends when it is dropped.
pub struct PortStream {
    near: DuplexStream,
    _carriers: JoinSet<()>,
}

impl PortStream {
    /// Connects to a port.
    pub async fn connect(link: &Link, port: u16) -> Result<Self, LinkError> {
        let (reader, writer) = link.port(port).await?;
        let (near, far) = tokio::io::duplex(UNDER_WAY_BYTES);
        let (far_reader, far_writer) = tokio::io::split(far);
        let mut carriers = JoinSet::new();
        carriers.spawn(outward(reader, far_writer));
        carriers.spawn(inward(far_reader, writer));
        Ok(Self { near, _carriers: carriers })
    }
}

async fn outward(mut reader: PortReader, mut far: WriteHalf<DuplexStream>) {
    while let Ok(Some(bytes)) = reader.next().await {
        if far.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // The near side may be gone, which is the same.
    drop(far.shutdown().await);
}

async fn inward(mut far: ReadHalf<DuplexStream>, writer: PortWriter) {
    let mut buffer = vec![0; UNDER_WAY_BYTES];
    loop {
        match far.read(&mut buffer).await {
            Ok(read) if read > 0 => {
                if writer.write(buffer.get(..read).unwrap_or_default()).await.is_err() {
                    return;
                }
            }
            // The program inside may be gone, which is the same.
            Ok(_) | Err(_) => return drop(writer.end().await),
        }
    }
}

impl AsyncRead for PortStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.near).poll_read(context, buffer)
    }
}

impl AsyncWrite for PortStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.near).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.near).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.near).poll_shutdown(context)
    }
}
