//! Counts bytes of a connection, and ends one on which nothing moves.

use crate::attach::Attachment;
use crate::audit::Report;
use crate::budget::Budget;
use crate::host::Authority;
use crate::policy::Denial;
use crate::splice;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;

/// Bytes that passed so far, seen from the end that is wrapped.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    read: AtomicU64,
    written: AtomicU64,
}

impl Traffic {
    /// Bytes read from the wrapped end.
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Bytes written to the wrapped end.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Returns when nothing was read or written for at least `idle`, at most twice as long.
    pub(crate) async fn idle(&self, idle: Duration) {
        loop {
            let before = (self.read(), self.written());
            tokio::time::sleep(idle).await;
            if before == (self.read(), self.written()) {
                return;
            }
        }
    }
}

/// A stream whose bytes are counted.
pub(crate) struct Counted<S> {
    stream: S,
    traffic: Arc<Traffic>,
}

impl<S> Counted<S> {
    /// Wraps a stream and hands out its counters.
    pub(crate) fn new(stream: S) -> (Self, Arc<Traffic>) {
        let traffic = Arc::new(Traffic::default());
        (Self { stream, traffic: traffic.clone() }, traffic)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let count = buffer.filled().len().saturating_sub(before);
        self.traffic.read.fetch_add(count as u64, Ordering::Relaxed);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = &polled {
            self.traffic.written.fetch_add(*count as u64, Ordering::Relaxed);
        }
        polled
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Counted<TcpStream> {
    /// Carries bytes both ways between this and another connection as [`carry`] does, and copies little.
    pub(crate) async fn carry(
        &self,
        far: &TcpStream,
        (target, report): (&Authority, &Report),
        attachment: &Attachment,
    ) -> Result<(), Denial> {
        let pipes = &attachment.pipes;
        let out = splice::one_way((&self.stream, far), pipes, |count| {
            self.traffic.read.fetch_add(count, Ordering::Relaxed);
            attachment.budget.take(target, count)?;
            report.up(count);
            Ok(())
        });
        let back = splice::one_way((far, &self.stream), pipes, |count| {
            self.traffic.written.fetch_add(count, Ordering::Relaxed);
            report.down(count);
            Ok(())
        });
        tokio::try_join!(out, back).map(|_| ())
    }
}

/// Bytes that are carried at a time.
const PIECE: usize = 64 * 1024;

/// Carries bytes both ways until both ends are done, one fails, or more goes out than may.
pub(crate) async fn carry<N, F>(
    (near, far): (N, F),
    target: &Authority,
    budget: &Budget,
    report: &Report,
) -> Result<(), Denial>
where
    N: AsyncRead + AsyncWrite,
    F: AsyncRead + AsyncWrite,
{
    let (mut near_reader, mut near_writer) = tokio::io::split(near);
    let (mut far_reader, mut far_writer) = tokio::io::split(far);
    let out = async {
        let mut piece = vec![0; PIECE];
        loop {
            let count = near_reader.read(&mut piece).await.unwrap_or(0);
            let bytes = piece.get(..count).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            budget.take(target, bytes.len() as u64)?;
            report.up(bytes.len() as u64);
            if far_writer.write_all(bytes).await.is_err() {
                break;
            }
        }
        // An end that is gone already needs no end.
        far_writer.shutdown().await.unwrap_or_default();
        Ok(())
    };
    let back = async {
        let mut piece = vec![0; PIECE];
        loop {
            let count = far_reader.read(&mut piece).await.unwrap_or(0);
            let bytes = piece.get(..count).unwrap_or_default();
            report.down(bytes.len() as u64);
            if bytes.is_empty() || near_writer.write_all(bytes).await.is_err() {
                break;
            }
        }
        near_writer.shutdown().await.unwrap_or_default();
        Ok(())
    };
    tokio::try_join!(out, back).map(|_| ())
}
