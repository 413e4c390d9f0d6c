//! Carries bytes from one TCP connection to another, counted and bounded. They go by way of a pipe, within the kernel,
//! as long as a sandbox has not too many of them; then they are copied.

use crate::policy::Denial;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// Pipes that are lent to one sandbox at a time. What a slow reader has not taken stays in one, which is memory and
/// descriptors of this machine.
pub(crate) const PIPES: usize = 16;
/// Bytes that are carried at a time by way of a pipe.
const PIECE: usize = 1024 * 1024;
/// Bytes that are copied at a time.
const COPIED: usize = 16 * 1024;
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

/// How a piece ended.
enum Piece {
    Carried,
    /// There was nothing, though it had looked as if.
    Nothing,
    /// One end is done or failed.
    End,
}

/// Carries bytes until one end is done or fails, or `judge` refuses what would be sent.
pub(crate) async fn one_way(
    (from, to): (&TcpStream, &TcpStream),
    pipes: &Semaphore,
    mut judge: impl FnMut(u64) -> Result<(), Denial>,
) -> Result<(), Denial> {
    while from.readable().await.is_ok() {
        let piece = match pipes.try_acquire() {
            Ok(_lent) => spliced((from, to), &mut judge).await?,
            Err(_) => copied((from, to), &mut judge).await?,
        };
        if matches!(piece, Piece::End) {
            break;
        }
        tokio::task::coop::consume_budget().await;
    }
    // An end that is gone already needs no end.
    rustix::net::shutdown(to, rustix::net::Shutdown::Write).unwrap_or_default();
    Ok(())
}

async fn spliced(
    (from, to): (&TcpStream, &TcpStream),
    judge: &mut impl FnMut(u64) -> Result<(), Denial>,
) -> Result<Piece, Denial> {
    let Ok(pipe) = Pipe::lend() else { return Ok(Piece::End) };
    let piece = match pipe.fill(from) {
        Ok(0) => Piece::End,
        Ok(count) => {
            judge(count as u64)?;
            match pipe.drain(to, count).await {
                Ok(()) => Piece::Carried,
                Err(_) => return Ok(Piece::End),
            }
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Piece::Nothing,
        Err(_) => Piece::End,
    };
    pipe.give_back();
    Ok(piece)
}

async fn copied(
    (from, to): (&TcpStream, &TcpStream),
    judge: &mut impl FnMut(u64) -> Result<(), Denial>,
) -> Result<Piece, Denial> {
    let mut bytes = vec![0; COPIED];
    let mut rest = match from.try_read(&mut bytes) {
        Ok(0) => return Ok(Piece::End),
        Ok(count) => {
            judge(count as u64)?;
            bytes.get(..count).unwrap_or_default()
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Piece::Nothing),
        Err(_) => return Ok(Piece::End),
    };
    while !rest.is_empty() && to.writable().await.is_ok() {
        match to.try_write(rest) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return Ok(Piece::End),
        }
    }
    Ok(Piece::Carried)
}
