//! Carries bytes from one TCP connection to another within the kernel, by way of a pipe: they are counted and
//! bounded, and never copied into this process.

use crate::policy::Denial;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Bytes that are carried at a time.
const PIECE: usize = 1024 * 1024;
/// Empty pipes that are kept: as many as are likely to carry something at one moment.
const KEPT: usize = 32;

/// Empty pipes, lent while something is carried, so that connections on which nothing moves have none.
static EMPTY: Mutex<Vec<Pipe>> = Mutex::new(Vec::new());

struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
}

impl Pipe {
    fn lend() -> std::io::Result<Self> {
        if let Some(pipe) = EMPTY.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(pipe);
        }
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // Where a user has too many large ones, a small one carries less at a time.
        fcntl_setpipe_size(&writer, PIECE).unwrap_or_default();
        Ok(Self { reader, writer })
    }

    /// Keeps it for others; only an empty one may be.
    fn give_back(self) {
        let mut kept = EMPTY.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(self);
        }
    }

    /// Takes in what has come, if there is anything; 0 at the end.
    fn fill(&self, from: &TcpStream) -> std::io::Result<usize> {
        from.try_io(Interest::READABLE, || {
            Ok(splice(from, None, &self.writer, None, PIECE, SpliceFlags::NONBLOCK)?)
        })
    }

    /// Lets out all of the `count` bytes that it holds.
    async fn drain(&self, to: &TcpStream, mut count: usize) -> std::io::Result<()> {
        while count > 0 {
            let sent = to.async_io(Interest::WRITABLE, || {
                Ok(splice(&self.reader, None, to, None, count, SpliceFlags::NONBLOCK)?)
            });
            match sent.await? {
                0 => return Err(ErrorKind::WriteZero.into()),
                sent => count = count.saturating_sub(sent),
            }
        }
        Ok(())
    }
}

/// Carries bytes until one end is done or fails, or `judge` refuses what would be sent.
pub(crate) async fn one_way(
    from: &TcpStream,
    to: &TcpStream,
    mut judge: impl FnMut(u64) -> Result<(), Denial>,
) -> Result<(), Denial> {
    while from.readable().await.is_ok() {
        let Ok(pipe) = Pipe::lend() else { break };
        let count = match pipe.fill(from) {
            Ok(0) => break,
            Ok(count) => count,
            // It was read empty before: the pipe is not held while nothing comes.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                pipe.give_back();
                continue;
            }
            Err(_) => break,
        };
        judge(count as u64)?;
        if pipe.drain(to, count).await.is_err() {
            break;
        }
        pipe.give_back();
        tokio::task::coop::consume_budget().await;
    }
    // An end that is gone already needs no end.
    rustix::net::shutdown(to, rustix::net::Shutdown::Write).unwrap_or_default();
    Ok(())
}
