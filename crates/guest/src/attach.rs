//! Sitting down at a terminal: its screen so far, then both ways until the program ends.
//!
//! The program never waits for a reader: it prints into a ring, and whoever is too slow for it is
//! told how much was missed.

use crate::Guest;
use crate::channel::{Channel, Sink, Source};
use crate::handle::{ended, unheard, unreadable};
use crate::ops::fault;
use crate::process::Process;
use protocol::link::{Answer, CHUNK_BYTES, Fault, FaultCode, OpId, Piece};

/// Carries bytes both ways.
pub async fn sit_down(
    guest: &Guest,
    channel: &mut Channel,
    op: &OpId,
    replay_bytes: u64,
) -> Result<Answer, Fault> {
    let process = guest.ops.process(op)?;
    if !process.has_terminal() && process.exited().is_none() {
        return Err(fault(FaultCode::BadRequest, "the command has no terminal"));
    }
    channel.sink.opened().await.map_err(unheard)?;
    tokio::select! {
        outcome = screen(&channel.sink, &process, replay_bytes) => outcome,
        () = keys(&mut channel.source, &process) => Err(fault(FaultCode::Cancelled, "the connection is gone")),
    }
}

async fn screen(sink: &Sink, process: &Process, replay_bytes: u64) -> Result<Answer, Fault> {
    let printed = process.stdout.kept();
    let mut at = printed.saturating_sub(replay_bytes);
    if at > 0 {
        // What draws the whole screen may have done so before the bytes that are replayed. A
        // terminal that is gone has nothing to draw.
        drop(process.redraw());
    }
    let mut watch = process.watch();
    loop {
        // Seen before the spool is read, so that nothing printed meanwhile is missed.
        let exited = watch.borrow_and_update().exited.clone();
        let end = exited.as_ref().map_or(u64::MAX, |exited| exited.stdout_bytes);
        while at < end.min(process.stdout.kept()) {
            let read = process.stdout.read_from(at, CHUNK_BYTES - 1).map_err(unreadable)?;
            at = show(sink, at, read).await?;
        }
        if let Some(exited) = exited {
            return Ok(Answer::Exited(exited));
        }
        if watch.changed().await.is_err() {
            return ended(None);
        }
    }
}

async fn show(sink: &Sink, at: u64, (from, bytes): (u64, Vec<u8>)) -> Result<u64, Fault> {
    if from > at {
        let (tag, payload) = Piece::Skipped(from - at).encode();
        sink.tagged(tag, &payload).await.map_err(unheard)?;
    }
    sink.tagged(Piece::output_tag(), &bytes).await.map_err(unheard)?;
    Ok(from + bytes.len() as u64)
}

/// Types what the server sends; ends when the connection does, never because the server is silent.
async fn keys(source: &mut Source, process: &Process) {
    loop {
        match source.receive().await {
            // A program that is gone reads nothing; its end is told by the screen.
            Ok(Some(bytes)) => drop(process.input(&bytes, false).await),
            Ok(None) => std::future::pending().await,
            Err(_) => return,
        }
    }
}
