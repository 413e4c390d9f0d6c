//! What a guest says.

use super::{Bytes64, OpId};
use crate::ids::Epoch;
use crate::process::Process;
use serde::{Deserialize, Serialize};

/// A control message from the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FromGuest {
    /// The greeting is accepted.
    Welcome(Welcome),
    /// The greeting is not accepted; in words what to do.
    Refused { reason: String },
    /// I am here.
    Pong { nonce: u64 },
    /// Data may flow on this channel.
    Opened,
    /// The request is done; the channel is closed.
    Answer { answer: Answer },
    /// The request could not be done; the channel is closed.
    Failed { fault: Fault },
    /// So many bytes of data more may be sent on this channel.
    Credit { bytes: u32 },
    /// No more data from the guest on this channel.
    End,
}

/// The guest's greeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Welcome {
    /// [`super::VERSION`] of the guest.
    pub version: u32,
    /// What this guest can do beyond the version.
    pub capabilities: Vec<String>,
    /// The incarnation it is.
    pub epoch: Epoch,
    /// Version of the guest program.
    pub guest_version: String,
}

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Answer {
    /// The process runs or ran; `known` when this start did not start it.
    Started { known: bool },
    /// The process ended.
    Exited(Exited),
    /// A piece of output.
    Output(Output),
    /// Operations known.
    Ops { ops: Vec<OpState> },
    /// A file's lines.
    File(FileText),
    /// The file is written.
    Written { bytes: u64, created: bool },
    /// The file is edited.
    Edited(Edited),
    /// A directory.
    Listing(Listing),
    /// Paths, relative to the directory asked for; `more` when some were left out.
    Paths { paths: Vec<String>, more: bool },
    /// Lines that match.
    Matches(Matches),
    /// What is at the path.
    Found(Found),
    /// Where the worktree stands.
    Head(Head),
    /// The worktree.
    Worktree(Box<Worktree>),
    /// The pack is complete.
    PackEnd { bytes: u64 },
    /// The branch was moved, or is elsewhere now (`None`: does not exist).
    Moved { moved: bool, now: Option<String> },
    /// Ports on which somebody listens; `more` when some were left out.
    Ports { ports: Vec<OpenPort>, more: bool },
    /// The process that holds a socket; none where none can be seen.
    Owner { process: Option<Process> },
    /// What the machine is using.
    Stats(Stats),
    /// Done; nothing to say.
    Done,
}

/// Why a request could not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{message}")]
pub struct Fault {
    /// What a program may branch on.
    pub code: FaultCode,
    /// What a person or a model is told.
    pub message: String,
}

/// Kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultCode {
    /// No operation of that name (never started here, or forgotten after its acknowledgement).
    UnknownOp,
    /// The name belongs to another kind of operation.
    OpTaken,
    /// Nothing is at that path.
    NotFound,
    /// The agent's user may not do that.
    Denied,
    /// The request itself is wrong.
    BadRequest,
    /// The file is binary, too large or of the wrong kind for this.
    Unsuitable,
    /// The text to replace does not occur.
    NoMatch,
    /// The text to replace occurs several times.
    ManyMatches,
    /// Too much is going on or kept; try later.
    Busy,
    /// The file is not the one that was expected.
    Changed,
    /// The request was cancelled.
    Cancelled,
    /// Anything else.
    Failed,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exited {
    /// Exit status, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Its time limit passed.
    pub timed_out: bool,
    /// It was ended by `Kill` or `KillAll`.
    pub killed: bool,
    /// Bytes of stdout kept.
    pub stdout_bytes: u64,
    /// Bytes of stderr kept.
    pub stderr_bytes: u64,
    /// Bytes of both that were thrown away above the cap.
    pub dropped_bytes: u64,
    /// Whether bytes were thrown away.
    pub truncated: bool,
    /// How long it ran, in milliseconds.
    pub duration_ms: u64,
}

/// A piece of a process's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The bytes.
    pub bytes: Bytes64,
    /// Bytes kept so far in this stream.
    pub end: u64,
    /// Whether the process has ended.
    pub exited: bool,
}

/// An operation known to the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpState {
    /// Its name.
    pub op: OpId,
    /// Whether its process runs.
    pub running: bool,
    /// Processes that came from it and still run, itself included.
    pub processes: u32,
    /// Bytes kept for it.
    pub spool_bytes: u64,
    /// Whether the server has acknowledged its result.
    pub acked: bool,
}

/// Lines of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileText {
    /// The text, line ends as in the file.
    pub text: String,
    /// Number of the first line, from 1.
    pub first_line: u64,
    /// Lines in `text`.
    pub lines: u64,
    /// Lines in the file.
    pub total_lines: u64,
    /// Bytes in the file.
    pub total_bytes: u64,
    /// Lines or parts of lines were left out because of the limits.
    pub truncated: bool,
    /// Bytes that are no UTF-8 were replaced.
    pub lossy: bool,
}

/// An edit that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Edited {
    /// Occurrences replaced.
    pub replaced: u32,
    /// Unified diff of what changed, cut to a limit.
    pub diff: String,
}

/// A directory's entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// Sorted by path.
    pub entries: Vec<Entry>,
    /// Some were left out.
    pub more: bool,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Path relative to the directory asked for.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes, for a file.
    pub size: u64,
}

/// What something in a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// Socket, pipe or device.
    Other,
}

/// What is at a path; the link itself is described, not its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// What it is.
    pub kind: EntryKind,
    /// Bytes.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Last change, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Where a link points.
    pub target: Option<String>,
    /// Another text after every change of a file.
    #[serde(default)]
    pub version: String,
}

/// A port on which somebody listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenPort {
    /// Its number.
    pub port: u16,
    /// The address it is bound to.
    pub address: String,
    /// Name of the program that listens, where it can be seen.
    pub process: Option<String>,
}

/// What grep found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Matches {
    /// In order of path and line.
    pub lines: Vec<GrepLine>,
    /// Files with a match.
    pub files: u32,
    /// Some matches were left out.
    pub more: bool,
}

/// One line shown by grep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrepLine {
    /// Path relative to the directory asked for.
    pub path: String,
    /// Number from 1.
    pub line: u64,
    /// The line, cut to a limit, without its end.
    pub text: String,
    /// A neighbour of a match, not a match.
    pub context: bool,
}

/// The state of a worktree, its files as a tree object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Worktree {
    /// Where the worktree stands.
    pub head: Head,
    /// The tree of all files that would be committed.
    pub tree: String,
    /// Whether `tree` is the tree of the head commit.
    pub clean: bool,
    /// Paths with conflicts; they are in the tree as they are in the worktree.
    pub unmerged: Vec<String>,
    /// Directories that are repositories of their own; left out of the tree.
    pub embedded: Vec<String>,
    /// Submodules whose commit differs from the head's.
    pub submodules: Vec<String>,
    /// Large-file pointers that differ from the head's.
    pub lfs: Vec<LfsPointer>,
}

/// Where a worktree stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The commit; none on an unborn branch.
    pub commit: Option<String>,
    /// Short name of the branch; none when detached.
    pub branch: Option<String>,
}

/// A pointer to a large file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LfsPointer {
    /// Path in the worktree.
    pub path: String,
    /// SHA-256 of the content, hex.
    pub oid: String,
    /// Bytes of the content.
    pub size: u64,
    /// Whether the content is in the worktree's own store.
    pub present: bool,
}

/// What a machine is using.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// CPU time of all processes that run, in milliseconds.
    pub cpu_ms: u64,
    /// Memory of all processes, in bytes.
    pub memory_bytes: u64,
    /// Processes.
    pub processes: u32,
    /// Bytes used on the workspace's file system.
    pub disk_used_bytes: u64,
    /// Bytes of the workspace's file system.
    pub disk_total_bytes: u64,
    /// Bytes kept in the operations' spool.
    pub spool_bytes: u64,
    /// Memory that all processes together may use, where there is a limit that can be seen.
    #[serde(default)]
    pub memory_limit_bytes: Option<u64>,
}
