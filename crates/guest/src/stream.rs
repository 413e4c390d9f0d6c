//! Commands whose output nobody keeps: both ways at once, each side at the other's pace.

use crate::Guest;
use crate::channel::{Channel, Sink, Source};
use crate::exec::{self, Child, KillOnDrop, Pipe, Program, Report};
use crate::handle::unheard;
use crate::ops::fault;
use protocol::link::{Answer, CHUNK_BYTES, Exited, Fault, FaultCode, Start, Stream};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;

/// Starts the command and carries bytes until it ends. When nobody listens any more it is killed with
/// all that came from it; what it left running at its own end stays.
pub async fn run(guest: &Arc<Guest>, channel: &mut Channel, start: Start) -> Result<Answer, Fault> {
    let failed = |error: std::io::Error| {
        fault(FaultCode::Failed, format!("cannot start the command: {error}"))
    };
    let began = Instant::now();
    let (input, stdin) = exec::pipe_out().map_err(failed)?;
    let (stdout, out) = exec::pipe_in().map_err(failed)?;
    let (stderr, err) = exec::pipe_in().map_err(failed)?;
    let program = Program {
        argv: start.argv,
        env: guest.config.environment(&start.env),
        cwd: start.cwd,
        become_who: guest.config.become_who(start.user),
    };
    let mut child =
        program.spawn([input, out, err], false, &guest.ops.supervisors).map_err(failed)?;
    let guard = KillOnDrop::new(Arc::clone(&guest.ops.supervisors), &child);
    let _named = guest.ops.name(start.op, child.supervisor);
    channel.sink.opened().await.map_err(unheard)?;
    let (end, ended) = watch::channel(false);
    let both = async {
        tokio::try_join!(
            print(&channel.sink, &stdout, Stream::Stdout, ended.clone()),
            print(&channel.sink, &stderr, Stream::Stderr, ended.clone()),
        )
    };
    let status = tokio::select! {
        ended = until_end(&mut child, both, &channel.sink, &end) => ended?,
        gone = feed(&mut channel.source, stdin) => return Err(gone),
    };
    outlive(guest, child, guard);
    Ok(Answer::Exited(exited(status, began)))
}

/// The command's end, its output before it; what it left running may hold the pipes open for long.
async fn until_end(
    child: &mut Child,
    output: impl Future<Output = Result<((), ()), Fault>>,
    sink: &Sink,
    end: &watch::Sender<bool>,
) -> Result<i32, Fault> {
    let mut output = std::pin::pin!(output);
    let mut open = true;
    let status = loop {
        tokio::select! {
            done = &mut output, if open => {
                done?;
                open = false;
            }
            report = child.report() => match report {
                Some(Report::Exit(status)) => break status,
                Some(Report::NotRun(error)) => {
                    let reason = std::io::Error::from_raw_os_error(error);
                    let text = format!("errand: cannot run the command: {reason}\n");
                    sink.tagged(Stream::Stderr.tag(), text.as_bytes()).await.map_err(unheard)?;
                }
                Some(Report::Pid(_)) => {}
                // The supervisor itself was killed, as by a lack of memory.
                None => break libc::SIGKILL,
            },
        }
    };
    end.send_replace(true);
    if open {
        // Never dropped in the middle: it may hold bytes that are in no pipe any more.
        output.await?;
    }
    Ok(status)
}

/// Sends what the pipe brings until it is closed, or until the command has ended and the pipe is empty.
async fn print(
    sink: &Sink,
    pipe: &Pipe,
    stream: Stream,
    mut ended: watch::Receiver<bool>,
) -> Result<(), Fault> {
    let mut buffer = vec![0; CHUNK_BYTES - 1];
    loop {
        let read = tokio::select! {
            biased;
            () = over(&mut ended) => return rest(sink, pipe, stream).await,
            read = exec::read(pipe, &mut buffer) => read.unwrap_or(0),
        };
        if read == 0 {
            return Ok(());
        }
        let bytes = buffer.get(..read).unwrap_or_default();
        sink.tagged(stream.tag(), bytes).await.map_err(unheard)?;
    }
}

async fn over(ended: &mut watch::Receiver<bool>) {
    // A sender that is gone has nothing more to say either.
    drop(ended.wait_for(|ended| *ended).await);
}

/// What a pipe holds at this moment.
async fn rest(sink: &Sink, pipe: &Pipe, stream: Stream) -> Result<(), Fault> {
    let mut buffer = vec![0; CHUNK_BYTES - 1];
    while let Some(Ok(read)) = exec::read_now(pipe, &mut buffer)
        && read > 0
    {
        let bytes = buffer.get(..read).unwrap_or_default();
        sink.tagged(stream.tag(), bytes).await.map_err(unheard)?;
    }
    Ok(())
}

/// Feeds what the server sends; ends only when the server is gone.
async fn feed(source: &mut Source, stdin: Pipe) -> Fault {
    let mut stdin = Some(stdin);
    loop {
        match source.receive().await {
            Ok(Some(bytes)) => {
                // A command that reads no more may still print.
                if let Some(open) = &stdin
                    && exec::write_all(open, &bytes).await.is_err()
                {
                    stdin = None;
                }
            }
            Ok(None) => {
                drop(stdin);
                return std::future::pending().await;
            }
            Err(gone) => return unheard(gone),
        }
    }
}

/// Looks after what the command left running.
fn outlive(guest: &Arc<Guest>, mut child: Child, mut guard: KillOnDrop) {
    guest.ops.spawn(async move {
        while child.report().await.is_some() {}
        guard.gone();
    });
}

fn exited(status: i32, began: Instant) -> Exited {
    let elapsed = began.elapsed().as_millis();
    Exited {
        code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
        signal: libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
        timed_out: false,
        killed: false,
        stdout_bytes: 0,
        stderr_bytes: 0,
        dropped_bytes: 0,
        truncated: false,
        duration_ms: u64::try_from(elapsed).unwrap_or(u64::MAX),
    }
}
