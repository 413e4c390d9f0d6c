//! What a guest sends piece by piece, and what is sent to it so. Taking a piece makes room for more.

use super::{Call, Incoming, LinkError, Sink, exited};
use protocol::link::{Exited, Piece, Stream, ToGuest};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf};

/// Byte offsets into a process's output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offsets {
    /// Into stdout.
    pub stdout: u64,
    /// Into stderr.
    pub stderr: u64,
}

/// A process's output as it arrives.
pub struct Follow {
    pub(super) call: Call,
}

/// A piece of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// Printed on stdout.
    Stdout(Vec<u8>),
    /// Printed on stderr.
    Stderr(Vec<u8>),
    /// The end; nothing follows.
    Exited(Exited),
}

impl Follow {
    /// The next piece. Taking it makes room for more.
    pub async fn next(&mut self) -> Result<Followed, LinkError> {
        loop {
            match self.call.next().await? {
                Incoming::Data(mut bytes) => {
                    self.call.used(bytes.len()).await?;
                    let tag = bytes.first().copied().and_then(Stream::from_tag);
                    let rest = if bytes.is_empty() { Vec::new() } else { bytes.split_off(1) };
                    return match tag {
                        Some(Stream::Stdout) => Ok(Followed::Stdout(rest)),
                        Some(Stream::Stderr) => Ok(Followed::Stderr(rest)),
                        None => Err(LinkError::Protocol("output of no stream".to_owned())),
                    };
                }
                Incoming::Answer(answer) => return exited(answer).map(Followed::Exited),
                Incoming::Failed(fault) => return Err(fault.into()),
                Incoming::Opened | Incoming::End => {}
            }
        }
    }
}

/// What a terminal prints.
pub struct Screen {
    pub(super) call: Call,
}

/// A piece of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// The terminal printed this, or was printing faster than it was read.
    Piece(Piece),
    /// The program ended; nothing follows.
    Exited(Exited),
}

impl Screen {
    /// The next piece. Taking it makes room for more.
    pub async fn next(&mut self) -> Result<Shown, LinkError> {
        loop {
            match self.call.next().await? {
                Incoming::Data(bytes) => {
                    self.call.used(bytes.len()).await?;
                    let broken = || LinkError::Protocol("no piece of a screen".to_owned());
                    return Piece::decode(bytes).map(Shown::Piece).ok_or_else(broken);
                }
                Incoming::Answer(answer) => return exited(answer).map(Shown::Exited),
                Incoming::Failed(fault) => return Err(fault.into()),
                Incoming::Opened | Incoming::End => {}
            }
        }
    }
}

/// Bytes from the guest; the end of the stream is the end of a request that succeeded.
pub struct Download {
    call: Call,
    piece: Vec<u8>,
    at: usize,
    done: bool,
}

impl Download {
    pub(super) const fn new(call: Call) -> Self {
        Self { call, piece: Vec::new(), at: 0, done: false }
    }
}

impl AsyncRead for Download {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let rest = this.piece.get(this.at..).unwrap_or_default();
            if !rest.is_empty() {
                let taken = rest.len().min(buffer.remaining());
                buffer.put_slice(rest.get(..taken).unwrap_or_default());
                this.at += taken;
                this.call.used_now(taken);
                return Poll::Ready(Ok(()));
            }
            if this.done {
                return Poll::Ready(Ok(()));
            }
            match std::task::ready!(this.call.poll_next(context))? {
                Incoming::Data(bytes) => (this.piece, this.at) = (bytes, 0),
                Incoming::Answer(_) => this.done = true,
                Incoming::Failed(fault) => return Poll::Ready(Err(LinkError::Fault(fault).into())),
                Incoming::Opened | Incoming::End => {}
            }
        }
    }
}

/// What comes from a port inside.
pub struct PortReader {
    pub(super) call: Call,
}

impl PortReader {
    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, LinkError> {
        loop {
            match self.call.next().await? {
                Incoming::Data(bytes) => {
                    self.call.used(bytes.len()).await?;
                    return Ok(Some(bytes));
                }
                Incoming::End | Incoming::Answer(_) => return Ok(None),
                Incoming::Failed(fault) => return Err(fault.into()),
                Incoming::Opened => {}
            }
        }
    }
}

/// What goes to a port inside.
pub struct PortWriter {
    pub(super) sink: Sink,
}

impl PortWriter {
    /// Sends bytes, waiting until there is room.
    pub async fn write(&self, bytes: &[u8]) -> Result<(), LinkError> {
        self.sink.data(bytes).await
    }

    /// Sends no more.
    pub async fn end(self) -> Result<(), LinkError> {
        self.sink.message(&ToGuest::End).await
    }
}
