//! What each request leads to.

use crate::channel::{Channel, Disconnected, Sink};
use crate::ops::fault;
use crate::process::Process;
use crate::{Guest, attach, files, forward, git, owner, ports, stats, stream};
use protocol::link::{
    Answer, CHUNK_BYTES, Exited, Fault, FaultCode, OpId, Output, Request, Stream,
};
use std::sync::Arc;

/// Bytes that one `Read` answers at most.
const READ_MAX: u32 = 1024 * 1024;

/// Carries out one request.
pub async fn request(
    guest: &Arc<Guest>,
    channel: &mut Channel,
    request: Request,
) -> Result<Answer, Fault> {
    match request {
        Request::Start(start) => {
            guest.ops.start(&guest.config, &start).map(|known| Answer::Started { known })
        }
        Request::Follow { op, from_stdout, from_stderr } => {
            follow(&channel.sink, &*guest.ops.process(&op)?, from_stdout, from_stderr).await
        }
        Request::Wait { op } => ended(guest.ops.process(&op)?.wait().await),
        Request::Read { op, stream, offset, max } => read(guest, &op, stream, offset, max),
        Request::Input { op, bytes, end } => {
            let process = guest.ops.process(&op)?;
            let closed = |_| fault(FaultCode::Failed, "the command reads no more input");
            process.input(&bytes.0, end).await.map_err(closed)?;
            Ok(Answer::Done)
        }
        Request::Resize { op, size } => match guest.ops.process(&op)?.resize(size) {
            Ok(true) => Ok(Answer::Done),
            Ok(false) => Err(fault(FaultCode::BadRequest, "the command has no terminal")),
            Err(error) => Err(fault(FaultCode::Failed, format!("cannot resize: {error}"))),
        },
        Request::Exec(start) => stream::run(guest, channel, start).await,
        Request::Attach { op, replay_bytes } => {
            attach::sit_down(guest, channel, &op, replay_bytes).await
        }
        Request::Kill { op, signal } => kill(guest, &op, signal).await,
        Request::Signal { op, signal } => {
            checked(signal)?;
            guest.ops.signal(&op, signal).map(|()| Answer::Done)
        }
        Request::KillAll { except } => {
            guest.ops.kill_all(&except).await;
            Ok(Answer::Done)
        }
        Request::Ack { op } => {
            guest.ops.ack(&op);
            Ok(Answer::Done)
        }
        Request::Ops => Ok(Answer::Ops { ops: guest.ops.list() }),
        Request::Stats => Ok(Answer::Stats(stats::take(guest))),
        Request::Ports => ports::listening(guest).await,
        Request::Owner { transport, address } => owner::of(guest, transport, address).await,
        Request::Connect { port } => forward::connect(channel, port).await,
        Request::Head { repo_path } => git::check_out::head(guest, &repo_path).await,
        Request::CheckOut(wanted) => {
            git::check_out::make(guest, &mut channel.source, *wanted).await
        }
        Request::Checkpoint(checkpoint) => git::checkpoint::make(guest, checkpoint).await,
        Request::Pack(pack) => git::pack::send(guest, channel, pack).await,
        Request::Unpack(unpack) => git::pack::receive(guest, channel, unpack).await,
        Request::AddCommits(wanted) => git::check_out::add_commits(guest, wanted).await,
        Request::MoveBranch(wanted) => git::branch::shift(guest, wanted).await,
        other @ (Request::ReadFile(_)
        | Request::WriteFile(_)
        | Request::EditFile(_)
        | Request::DraftEdit(_)
        | Request::ListDir(_)
        | Request::Glob(_)
        | Request::Grep(_)
        | Request::Stat { .. }
        | Request::Remove { .. }
        | Request::MakeDir { .. }
        | Request::Download { .. }
        | Request::Upload { .. }) => files::request(guest, channel, other).await,
    }
}

/// The fault of an answer that nobody hears.
pub fn unheard(_: Disconnected) -> Fault {
    fault(FaultCode::Cancelled, "the connection is gone")
}

/// The answer about a process that ended.
pub fn ended(exited: Option<Exited>) -> Result<Answer, Fault> {
    exited.map(Answer::Exited).ok_or_else(|| fault(FaultCode::Failed, "the operation broke off"))
}

fn checked(signal: i32) -> Result<(), Fault> {
    if (1..=libc::SIGRTMAX()).contains(&signal) {
        return Ok(());
    }
    Err(fault(FaultCode::BadRequest, format!("{signal} is no signal")))
}

async fn kill(guest: &Arc<Guest>, op: &OpId, signal: i32) -> Result<Answer, Fault> {
    checked(signal)?;
    let process = guest.ops.process(op)?;
    if !process.is_gone() {
        guest.ops.kill(&process, signal).await;
    }
    ended(process.exited())
}

fn read(guest: &Guest, op: &OpId, stream: Stream, offset: u64, max: u32) -> Result<Answer, Fault> {
    let process = guest.ops.process(op)?;
    let exited = process.exited().is_some();
    let spool = process.spool(stream);
    let bytes = spool.read(offset, max.min(READ_MAX) as usize).map_err(unreadable)?;
    let bytes = protocol::link::Bytes64(bytes);
    Ok(Answer::Output(Output { bytes, end: spool.kept(), exited }))
}

/// The fault of output that cannot be read back.
pub fn unreadable(error: std::io::Error) -> Fault {
    fault(FaultCode::Failed, format!("cannot read the kept output: {error}"))
}

/// Sends output from the spool as it grows, until the process ends.
async fn follow(
    channel: &Sink,
    process: &Process,
    from_stdout: u64,
    from_stderr: u64,
) -> Result<Answer, Fault> {
    let mut watch = process.watch();
    let mut at = [(Stream::Stdout, from_stdout), (Stream::Stderr, from_stderr)];
    loop {
        // Seen before the spools are read, so that nothing printed meanwhile is missed.
        let exited = watch.borrow_and_update().exited.clone();
        for (stream, offset) in &mut at {
            let end = exited.as_ref().map_or(u64::MAX, |exited| match stream {
                Stream::Stdout => exited.stdout_bytes,
                Stream::Stderr => exited.stderr_bytes,
            });
            send_from(channel, process, *stream, offset, end).await?;
        }
        if let Some(exited) = exited {
            return Ok(Answer::Exited(exited));
        }
        if watch.changed().await.is_err() {
            return ended(None);
        }
    }
}

async fn send_from(
    channel: &Sink,
    process: &Process,
    stream: Stream,
    offset: &mut u64,
    end: u64,
) -> Result<(), Fault> {
    loop {
        let left = usize::try_from(end.saturating_sub(*offset)).unwrap_or(usize::MAX);
        let max = (CHUNK_BYTES - 1).min(left);
        let (from, bytes) = process.spool(stream).read_from(*offset, max).map_err(unreadable)?;
        if bytes.is_empty() {
            return Ok(());
        }
        channel.tagged(stream.tag(), &bytes).await.map_err(unheard)?;
        *offset = from + bytes.len() as u64;
    }
}
