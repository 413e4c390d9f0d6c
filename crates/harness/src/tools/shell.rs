//! `shell`: a command, awaited or in the background.

use super::{Cx, Output, Reach, Tool, Trouble, odd, spec, typed};
use crate::kept::{Chars, Kept, SHOWN_BYTES};
use crate::workspace::Followed;
use async_trait::async_trait;
use futures::StreamExt;
use model::conversation::ToolSpec;
use protocol::delta::{Delta, OutputStream};
use protocol::limits::{COMMAND_MAX_MS, COMMAND_MS, COMMAND_OUTPUT_BYTES};
use protocol::link::{Answer, Exited, Request, Start, Stdin, Stream, User};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Bytes of one command's output that watchers see live; the rest is in the result or read later.
const LIVE_BYTES: u64 = 1024 * 1024;
/// The signal that cannot be refused.
const KILLED: i32 = 9;
/// How a shell says that its command was ended by it.
const SHELL_KILLED: i32 = 128 + KILLED;
/// What most often does that.
const KILLED_WHY: &str =
    "it was killed. If nobody did that, the machine's memory was used up: use less at a time.";

pub(crate) struct Shell;

#[derive(Deserialize)]
struct Arguments {
    command: String,
    cwd: Option<String>,
    timeout_ms: Option<u64>,
    background: Option<bool>,
}

#[async_trait]
impl Tool for Shell {
    fn spec(&self) -> ToolSpec {
        let properties = json!({
            "command": { "type": "string", "description": "for bash; no terminal, no input" },
            "cwd": { "type": "string" },
            "timeout_ms": { "type": "integer", "description": "default 120000, at most 600000" },
            "background": { "type": "boolean", "description": "return at once with an id for shell_output (servers, watchers)" },
        });
        spec(
            "shell",
            "Runs a command and returns its exit code and output.",
            &properties,
            &["command"],
        )
    }

    fn reach(&self) -> Reach {
        Reach::Writes
    }

    async fn call(&self, cx: &Cx, arguments: Value) -> Result<Output, Trouble> {
        let Arguments { command, cwd, timeout_ms, background } = typed(arguments)?;
        let background = background.unwrap_or(false);
        let timeout_ms = match timeout_ms {
            None if background => None,
            limit => Some(limit.unwrap_or(COMMAND_MS).clamp(1, COMMAND_MAX_MS)),
        };
        let start = Start {
            op: cx.op()?,
            argv: vec!["bash".to_owned(), "-c".to_owned(), command],
            cwd: absolute(&cx.cwd, cwd.as_deref()),
            env: Vec::new(),
            user: User::Agent,
            timeout_ms,
            stdin: Stdin::Null,
            pty: None,
            output_cap: COMMAND_OUTPUT_BYTES,
        };
        let Answer::Started { .. } = cx.request(Request::Start(start)).await? else {
            return Err(odd(cx));
        };
        if !background {
            return follow(cx).await;
        }
        let id = &cx.call;
        Ok(Output::text(format!(
            "Started in the background. Read its output with shell_output, id {id}."
        )))
    }
}

/// A folder against the one where commands start.
fn absolute(base: &str, given: Option<&str>) -> String {
    match given {
        None | Some("" | ".") => base.to_owned(),
        Some(path) if path.starts_with('/') => path.to_owned(),
        Some(path) => format!("{base}/{path}"),
    }
}

async fn follow(cx: &Cx) -> Result<Output, Trouble> {
    let mut items = cx.workspace.follow(cx.epoch, cx.op()?, 0, 0);
    let mut stdout = Pipe::new(OutputStream::Stdout);
    let mut stderr = Pipe::new(OutputStream::Stderr);
    loop {
        let item = tokio::select! {
            biased;
            () = cx.hurry.cancelled() => return Ok(left_running(cx, &stdout.kept, &stderr.kept)),
            item = items.next() => item,
        };
        let Some(item) = item else { break };
        match item? {
            Followed::Output { stream: Stream::Stdout, bytes } => stdout.push(cx, &bytes),
            Followed::Output { stream: Stream::Stderr, bytes } => stderr.push(cx, &bytes),
            Followed::Exited(exited) => return Ok(result(cx, &exited, &stdout.kept, &stderr.kept)),
        }
    }
    Err(Trouble::Lost("the output broke off".to_owned()))
}

/// One stream on its way to the result and to watchers.
struct Pipe {
    stream: OutputStream,
    kept: Kept,
    chars: Chars,
}

impl Pipe {
    fn new(stream: OutputStream) -> Self {
        Self { stream, kept: Kept::default(), chars: Chars::default() }
    }

    fn push(&mut self, cx: &Cx, bytes: &[u8]) {
        let live = self.kept.total() < LIVE_BYTES;
        self.kept.push(bytes);
        let Some((offset, text)) = self.chars.push(bytes).filter(|_| live) else { return };
        let (run, call, stream) = (cx.run, cx.call.clone(), self.stream);
        cx.log.journal.delta(Delta::Output { run, call, stream, offset, text });
    }
}

/// The two streams stand apart, so that the text is the same however reading them interleaved.
fn told(cx: &Cx, how: &str, stdout: &Kept, stderr: &Kept) -> (String, bool) {
    let stderr_bytes = usize::try_from(stderr.total()).unwrap_or(usize::MAX).min(SHOWN_BYTES / 2);
    let stdout_bytes =
        usize::try_from(stdout.total()).unwrap_or(usize::MAX).min(SHOWN_BYTES - stderr_bytes);
    let rest = |stream: &str, offset: usize| {
        format!("Read them with shell_output, id {}, stream {stream}, offset {offset}.", cx.call)
    };
    let (out, out_cut) = stdout.shown(stdout_bytes, |offset| rest("stdout", offset));
    let (err, err_cut) = stderr.shown(SHOWN_BYTES - stdout_bytes, |offset| rest("stderr", offset));
    let mut text = format!("{how}\n{out}");
    if !err.is_empty() {
        let line = if out.is_empty() || out.ends_with('\n') { "" } else { "\n" };
        text.push_str(&format!("{line}[stderr]\n{err}"));
    }
    (text, out_cut || err_cut)
}

/// What there is of a command that goes on although nobody waits for it any more.
fn left_running(cx: &Cx, stdout: &Kept, stderr: &Kept) -> Output {
    let how = format!(
        "Still running, and left in the background: little time is left for this run. Read on with shell_output, id {}, or end it there.",
        cx.call
    );
    let (text, truncated) = told(cx, &how, stdout, stderr);
    let detail = Some(json!({ "exitCode": null, "leftRunning": true }));
    Output { truncated, detail, ..Output::text(text) }
}

fn result(cx: &Cx, exited: &Exited, stdout: &Kept, stderr: &Kept) -> Output {
    let (mut text, cut) = told(cx, &how_it_ended(exited), stdout, stderr);
    if exited.truncated
        && write!(text, "\n[{} bytes were thrown away above the cap.]", exited.dropped_bytes)
            .is_err()
    {
        tracing::debug!("writing to a string cannot fail");
    }
    let detail = json!({
        "exitCode": exited.code, "signal": exited.signal, "timedOut": exited.timed_out,
        "durationMs": exited.duration_ms,
    });
    let truncated = cut || exited.truncated;
    Output {
        text,
        is_error: exited.code != Some(0),
        truncated,
        // What was cut can still be read.
        acknowledge: !truncated,
        detail: Some(detail),
        ..Output::default()
    }
}

/// How a command ended, in words.
pub(super) fn how_it_ended(exited: &Exited) -> String {
    match (exited.timed_out, exited.code, exited.signal) {
        (true, _, _) => {
            "Its time limit passed; it was ended. Use a longer timeout_ms or background.".to_owned()
        }
        (false, Some(SHELL_KILLED), _) => format!("Exit code {SHELL_KILLED}: {KILLED_WHY}"),
        (false, None, Some(KILLED)) => format!("Ended by signal {KILLED}: {KILLED_WHY}"),
        (false, Some(code), _) => format!("Exit code {code}."),
        (false, None, Some(signal)) => format!("Ended by signal {signal}."),
        (false, None, None) => "Ended.".to_owned(),
    }
}
