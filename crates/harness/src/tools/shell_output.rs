//! `shell_output`: reads, awaits or ends an earlier command.

use super::{Cx, Output, Reach, Tool, Trouble, odd, shell, spec, typed};
use crate::workspace::WorkspaceError;
use async_trait::async_trait;
use model::conversation::ToolSpec;
use protocol::limits::COMMAND_MAX_MS;
use protocol::link::{Answer, FaultCode, OpId, Request, Stream};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Bytes read at a time.
const PIECE_BYTES: u32 = 24 * 1024;
/// What ends a process at once.
const SIGTERM: i32 = 15;
/// What the model is told of a handle whose machine is gone.
const GONE: &str = "gone: the machine was restarted since, or there never was such a command. Start it again if it is needed.";

pub(crate) struct ShellOutput;

#[derive(Deserialize)]
struct Arguments {
    id: String,
    stream: Option<String>,
    offset: Option<u64>,
    wait_ms: Option<u64>,
    kill: Option<bool>,
}

#[async_trait]
impl Tool for ShellOutput {
    fn spec(&self) -> ToolSpec {
        let properties = json!({
            "id": { "type": "string" },
            "stream": { "type": "string", "enum": ["stdout", "stderr"] },
            "offset": { "type": "integer", "description": "byte to start at, default 0" },
            "wait_ms": { "type": "integer", "description": "first wait so long for its end" },
            "kill": { "type": "boolean", "description": "end it first" },
        });
        spec("shell_output", "Reads the output of an earlier command.", &properties, &["id"])
    }

    fn reach(&self) -> Reach {
        Reach::Writes
    }

    async fn call(&self, cx: &Cx, arguments: Value) -> Result<Output, Trouble> {
        let Arguments { id, stream, offset, wait_ms, kill } = typed(arguments)?;
        let op =
            OpId::parse(&id).map_err(|_| Trouble::Told(format!("There is no command {id}.")))?;
        let stream = match stream.as_deref() {
            None | Some("stdout") => Stream::Stdout,
            Some("stderr") => Stream::Stderr,
            Some(_) => return Err(Trouble::Told("`stream` is stdout or stderr.".to_owned())),
        };
        if kill.unwrap_or(false) {
            ask(cx, Request::Kill { op: op.clone(), signal: SIGTERM }).await?;
        }
        let wait = Duration::from_millis(wait_ms.unwrap_or(0).min(COMMAND_MAX_MS));
        if !wait.is_zero() {
            // Not over in time is no error: what there is gets read.
            tokio::select! {
                ended = ask(cx, Request::Wait { op: op.clone() }) => drop(ended?),
                () = tokio::time::sleep(wait) => {}
                () = cx.hurry.cancelled() => {}
            }
        }
        read(cx, op, stream, offset.unwrap_or(0)).await
    }
}

async fn read(cx: &Cx, op: OpId, stream: Stream, offset: u64) -> Result<Output, Trouble> {
    let request = Request::Read { op: op.clone(), stream, offset, max: PIECE_BYTES };
    let Answer::Output(piece) = ask(cx, request).await? else { return Err(odd(cx)) };
    let mut bytes = piece.bytes.0;
    // A character may be torn at the end; it belongs to the next piece.
    if let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
        && error.valid_up_to() > 0
    {
        bytes.truncate(error.valid_up_to());
    }
    let state = if piece.exited {
        let Answer::Exited(exited) = ask(cx, Request::Wait { op }).await? else {
            return Err(odd(cx));
        };
        shell::how_it_ended(&exited)
    } else {
        "Still running.".to_owned()
    };
    let next = offset + bytes.len() as u64;
    let mut text = format!("{state}\n{}", String::from_utf8_lossy(&bytes));
    let more = next < piece.end;
    if more {
        text.push_str(&format!(
            "\n[Bytes {offset} to {next} of {}. Read on with offset {next}.]",
            piece.end
        ));
    }
    Ok(Output { truncated: more, ..Output::text(text) })
}

async fn ask(cx: &Cx, request: Request) -> Result<Answer, Trouble> {
    match cx.workspace.request(cx.epoch, request).await {
        Ok(answer) => Ok(answer),
        Err(WorkspaceError::Fault(fault)) if fault.code == FaultCode::UnknownOp => {
            Err(Trouble::Told(GONE.to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}
