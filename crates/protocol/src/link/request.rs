//! What the server asks of a guest.

use super::{Bytes64, OpId};
use crate::ids::{AgentId, Epoch, Term};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// A control message from the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ToGuest {
    /// The first message, on channel 0.
    Hello(Hello),
    /// Are you there? On channel 0.
    Ping { nonce: u64 },
    /// The lease holds for so long from now; a guest whose lease ran out ends itself. On channel 0.
    Renew { lease_ms: u64 },
    /// Opens a channel.
    Request { request: Request },
    /// So many bytes of data more may be sent on this channel.
    Credit { bytes: u32 },
    /// No more data from the server on this channel.
    End,
    /// The server wants no answer any more.
    Cancel,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// [`super::VERSION`] of the server.
    pub version: u32,
    /// The agent whose sandbox this shall be.
    pub agent: AgentId,
    /// The incarnation it shall be.
    pub epoch: Epoch,
    /// Fencing number of the server's lease.
    pub term: Term,
}

/// One request; it opens a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Request {
    /// Starts a process → `Started`.
    Start(Start),
    /// Output as it arrives, from these offsets → data (first byte 1 = stdout, 2 = stderr), `Exited`.
    Follow { op: OpId, from_stdout: u64, from_stderr: u64 },
    /// The end of a process → `Exited`.
    Wait { op: OpId },
    /// A piece of the kept output → `Output`.
    Read { op: OpId, stream: Stream, offset: u64, max: u32 },
    /// Bytes for standard input; `end` closes it → `Done`.
    Input { op: OpId, bytes: Bytes64, end: bool },
    /// Starts a process whose output is not kept → `Opened`, data both ways (out: first byte 1 =
    /// stdout, 2 = stderr; in: standard input until `End`), `Exited`. It ends with the channel.
    Exec(Start),
    /// Sits down at a process's terminal → data both ways, `Exited`. What comes out is in pieces as
    /// [`super::Piece`] cuts them, beginning with the newest `replay_bytes` that are kept; what goes in
    /// are the bytes typed.
    Attach { op: OpId, replay_bytes: u64 },
    /// Another size of the terminal → `Done`.
    Resize { op: OpId, size: PtySize },
    /// Ends the process and everything that came from it; answered when all are gone → `Exited`.
    /// A signal other than 9 is followed by 9 after [`super::KILL_GRACE_MS`].
    Kill { op: OpId, signal: i32 },
    /// Sends a signal to everything that came from a process or an `Exec`, which may do with it what
    /// they like → `Done`.
    Signal { op: OpId, signal: i32 },
    /// Ends every process but those of `except`; answered when all are gone → `Done`.
    KillAll { except: Vec<OpId> },
    /// The result is safe with the server and may be forgotten → `Done`, also when unknown.
    Ack { op: OpId },
    /// What operations are known → `Ops`.
    Ops,

    /// Lines of a text file → `File`.
    ReadFile(ReadFile),
    /// A whole file, atomically → `Written`.
    WriteFile(WriteFile),
    /// Exact replacement in a file → `Edited`.
    EditFile(EditFile),
    /// Makes ready an edit that may follow under the same name, and changes nothing → `Done`, at once.
    DraftEdit(EditFile),
    /// A directory → `Listing`.
    ListDir(ListDir),
    /// Files by name, ignored ones left out → `Paths`.
    Glob(Glob),
    /// Lines by regular expression, ignored files left out → `Matches`.
    Grep(Grep),
    /// What is at a path → `Found`; with `follow`, what a link there leads to.
    Stat {
        cwd: String,
        path: String,
        #[serde(default)]
        follow: bool,
    },
    /// A directory, with those above it → `Done`, also when it is there already.
    MakeDir { op: OpId, cwd: String, path: String },
    /// Removes a file, link or empty directory; a full one with `recursive` → `Done`.
    Remove { op: OpId, cwd: String, path: String, recursive: bool },
    /// A file's raw bytes → data, `Done`.
    Download { cwd: String, path: String },
    /// A file from raw bytes, atomically: data until `End` → `Written`. With `expect`, only if the
    /// file's [`super::Found::version`] is still this one (empty: only if there is none).
    Upload {
        op: OpId,
        cwd: String,
        path: String,
        mode: Option<u32>,
        #[serde(default)]
        expect: Option<String>,
    },

    /// Where the worktree stands → `Head`.
    Head { repo_path: String },
    /// A new repository and its worktree: data of a pack and of its index → `Head`, also when there
    /// is one already.
    CheckOut(Box<CheckOut>),
    /// The worktree as a tree object → `Worktree`.
    Checkpoint(Checkpoint),
    /// Objects as a pack → data, `PackEnd`.
    Pack(Pack),
    /// Objects from a pack or bundle: data until `End` → `Done`.
    Unpack(Unpack),
    /// Commits whose trees and parents are there → `Done`.
    AddCommits(AddCommits),
    /// Moves a local branch without touching files → `Moved`.
    MoveBranch(MoveBranch),

    /// A connection to a port on the sandbox's loopback → `Opened`, data both ways, `Done`.
    Connect { port: u16 },
    /// Ports inside on which somebody listens → `Ports`.
    Ports,
    /// The process that holds the socket with this address inside → `Owner`.
    Owner { transport: Transport, address: SocketAddr },
    /// What the machine is using → `Stats`.
    Stats,
}

/// A process to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// Its name.
    pub op: OpId,
    /// Program and arguments; a program without a slash is looked for in `PATH`.
    pub argv: Vec<String>,
    /// Absolute working directory.
    pub cwd: String,
    /// Variables, set over those that the sandbox was made with.
    pub env: Vec<(String, String)>,
    /// As whom.
    pub user: User,
    /// Time limit in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Standard input.
    pub stdin: Stdin,
    /// A terminal instead of pipes; all output is then stdout.
    pub pty: Option<PtySize>,
    /// Bytes of output kept per stream; what comes after is counted and thrown away. Of a terminal
    /// the newest are kept instead.
    pub output_cap: u64,
}

/// As whom a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum User {
    /// The unprivileged user `agent`.
    Agent,
    /// Root of the sandbox's namespace, with the small capability set.
    Root,
}

/// What a socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Transport {
    /// Connections.
    Tcp,
    /// Packets.
    Udp,
}

/// What a process reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Stdin {
    /// Nothing.
    Null,
    /// These bytes, then the end.
    Bytes { bytes: Bytes64 },
    /// What `Input` brings. A process with a terminal always has this.
    Open,
}

/// Size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PtySize {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

/// Which output of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// First byte of a data frame of `Follow`.
    pub const fn tag(self) -> u8 {
        match self {
            Self::Stdout => 1,
            Self::Stderr => 2,
        }
    }

    /// The stream of a data frame's first byte.
    pub const fn from_tag(tag: u8) -> Option<Self> {
        match tag {
            1 => Some(Self::Stdout),
            2 => Some(Self::Stderr),
            _ => None,
        }
    }
}

/// Lines of a text file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadFile {
    /// What a relative path is relative to.
    pub cwd: String,
    /// The file.
    pub path: String,
    /// Lines skipped.
    pub offset_line: u64,
    /// Lines at most.
    pub limit_lines: u64,
    /// Bytes of text at most.
    pub max_bytes: u64,
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WriteFile {
    /// The operation's name.
    pub op: OpId,
    /// What a relative path is relative to.
    pub cwd: String,
    /// The file; missing directories are made.
    pub path: String,
    /// All of it.
    pub content: String,
    /// Permission bits; without, an existing file keeps its own.
    pub mode: Option<u32>,
}

/// An exact replacement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EditFile {
    /// The operation's name.
    pub op: OpId,
    /// What a relative path is relative to.
    pub cwd: String,
    /// The file.
    pub path: String,
    /// The text to find; not empty.
    pub old: String,
    /// The text to put there.
    pub new: String,
    /// Replace every occurrence; without, there must be exactly one.
    pub all: bool,
}

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListDir {
    /// What a relative path is relative to.
    pub cwd: String,
    /// The directory.
    pub path: String,
    /// Levels, 1 being the directory's own entries.
    pub depth: u32,
    /// Entries at most.
    pub limit: u32,
}

/// Files by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Glob {
    /// What a relative path is relative to.
    pub cwd: String,
    /// `*`, `**`, `?`, `[a-z]`, `{a,b}`; without a slash it is matched at any depth.
    pub pattern: String,
    /// Where to look.
    pub path: String,
    /// Paths at most; the most recently changed come first.
    pub limit: u32,
}

/// Lines by regular expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grep {
    /// What a relative path is relative to.
    pub cwd: String,
    /// The regular expression.
    pub pattern: String,
    /// A file or directory.
    pub path: String,
    /// Only files whose name matches.
    pub glob: Option<String>,
    /// Letters match whatever their case.
    pub ignore_case: bool,
    /// Lines shown before and after each match.
    pub context: u32,
    /// Matching lines at most.
    pub limit: u32,
}

/// The worktree as a tree object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// The operation's name.
    pub op: OpId,
    /// Absolute path of the worktree.
    pub repo_path: String,
    /// Paths left out beside `.artifacts`, relative to the worktree.
    pub exclude: Vec<String>,
}

/// Objects as a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pack {
    /// Absolute path of the worktree.
    pub repo_path: String,
    /// Commits or trees wanted, full ids.
    pub want: Vec<String>,
    /// Commits the receiver has; unknown ones are ignored.
    pub have: Vec<String>,
}

/// Objects from a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unpack {
    /// Absolute path of the worktree.
    pub repo_path: String,
    /// Refs set afterwards: full name and full id.
    pub refs: Vec<(String, String)>,
}

/// A new repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckOut {
    /// Absolute path of the worktree.
    pub repo_path: String,
    /// Address that `origin` has.
    pub url: String,
    /// The branch that is fetched from `origin`, its head there being `commit`.
    pub upstream: String,
    /// Whether that is where `HEAD` of `origin` points.
    pub upstream_is_default: bool,
    /// The branch that is checked out.
    pub branch: String,
    /// Full id of the commit that is checked out.
    pub commit: String,
    /// Hexadecimal checksum by which git names the pack's files.
    pub pack: String,
    /// Bytes of the pack, which come first.
    pub pack_bytes: u64,
    /// Bytes of its index, which follow.
    pub index_bytes: u64,
    /// Variables of the checkout, set over those that the sandbox was made with.
    pub env: Vec<(String, String)>,
}

/// Commits as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddCommits {
    /// Absolute path of the worktree.
    pub repo_path: String,
    /// Full id and exact content of each.
    pub commits: Vec<(String, Bytes64)>,
}

/// Moving a branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MoveBranch {
    /// Absolute path of the worktree.
    pub repo_path: String,
    /// Short name of the branch.
    pub branch: String,
    /// Where it must be; all zeros for "does not exist".
    pub old: String,
    /// Where it shall be.
    pub new: String,
}
