//! What is seen live only: text as it is written, output as it is printed. Never stored.

use crate::event::FrameKind;
use crate::ids::{CallId, Epoch, RunId, Step};
use serde::{Deserialize, Serialize};

/// Bytes for watchers. May be lost; whatever must survive is an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Delta {
    /// More text or thinking of the running step. `end` counts all bytes of this attempt.
    Text { run: RunId, step: Step, attempt: u32, kind: FrameKind, text: String, end: u64 },
    /// The model began to write a tool call.
    ToolDrafted { run: RunId, step: Step, attempt: u32, name: String },
    /// Output of a running tool call. `offset` is where it starts within its stream.
    Output { run: RunId, call: CallId, stream: OutputStream, offset: u64, text: String },
    /// The model request is made again.
    Retrying { run: RunId, step: Step, attempt: u32, delay_ms: u64, reason: String },
    /// Something is being prepared.
    Progress { epoch: Epoch, phase: String, text: String, percent: Option<u8> },
}

/// Which output of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}
