//! Bodies about an agent's machine: terminals, files, ports, previews, use of resources.

use crate::api::live::Watcher;
use crate::link::EntryKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A terminal inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Terminal {
    /// 1–32 of `a-z 0-9 -`.
    pub name: String,
    /// Whether its program still runs.
    pub alive: bool,
    /// It is a tmux session, which the agent can attach to as well.
    pub shared: bool,
    /// Who types, if anybody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<String>,
    /// How many look at it.
    pub viewers: u32,
    /// ISO 8601.
    pub created_at: String,
}

/// `POST /v1/agents/{id}/terminals`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenTerminal {
    /// 1–32 of `a-z 0-9 -`; `main` unless given. One that is open already is answered.
    pub name: Option<String>,
    /// 1–1000, default 80.
    pub cols: Option<u16>,
    /// 1–1000, default 24.
    pub rows: Option<u16>,
}

/// What the page says on a terminal's socket, as text; what is typed are binary messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub enum ToTerminal {
    /// The window has another size. Counts from whoever types, or from anybody while nobody does.
    Resize {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// I type from now on.
    Take,
    /// I do not type any more.
    Release,
}

/// What the server says on a terminal's socket, as text; what is printed are binary messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum FromTerminal {
    /// First of all, and again at every change.
    State {
        /// Who types, if anybody does.
        writer: Option<String>,
        /// It is the reader.
        you: bool,
        /// Who looks at it.
        viewers: Vec<Watcher>,
    },
    /// The terminal printed faster than this reader read: so many bytes were left out here.
    Skipped {
        /// How many.
        bytes: u64,
    },
    /// Something was not done.
    Error {
        /// `read_only`, `bad_message`, `sandbox_gone`.
        code: String,
        /// Plain words.
        message: String,
    },
    /// The program ended; nothing follows.
    Exit {
        /// Its exit status, unless a signal ended it.
        code: Option<i32>,
    },
}

/// Something in a directory inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileEntry {
    /// Absolute.
    pub path: String,
    /// The last part of it.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
    /// Bytes, for a file.
    pub size: u64,
}

/// What something in a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum FileKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// Socket, pipe or device.
    Other,
}

impl From<EntryKind> for FileKind {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::File => Self::File,
            EntryKind::Directory => Self::Directory,
            EntryKind::Link => Self::Link,
            EntryKind::Other => Self::Other,
        }
    }
}

/// A directory inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileList {
    /// Sorted by name.
    pub items: Vec<FileEntry>,
    /// Some were left out.
    pub more: bool,
}

/// What is at a path inside; of a link the link itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileStat {
    /// Absolute.
    pub path: String,
    /// The last part of it.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
    /// Bytes.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// ISO 8601.
    pub modified_at: String,
    /// Where a link points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// As `GET …/files/content` gives it.
    pub etag: String,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileWritten {
    /// Absolute.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Nothing was there before.
    pub created: bool,
    /// For the next `If-Match`.
    pub etag: String,
}

/// `POST /v1/agents/{id}/files/directories`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MakeDirectory {
    /// Absolute; missing directories above it are made too.
    pub path: String,
}

/// A port inside on which somebody listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Port {
    /// Its number.
    pub port: u16,
    /// The address it is bound to.
    pub address: String,
    /// What the environment file calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Name of the program, where it can be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
}

/// `POST /v1/agents/{id}/previews`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreatePreview {
    /// The port inside.
    pub port: u16,
}

/// A way into a port inside for one browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// Opens it; works once.
    pub url: String,
    /// ISO 8601: until when the address must have been opened.
    pub expires_at: String,
}

/// What a machine is using.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MachineStats {
    /// CPU time of all processes that run, in milliseconds.
    pub cpu_ms: u64,
    /// Memory of all processes, in bytes.
    pub memory_bytes: u64,
    /// What they may use together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit_bytes: Option<u64>,
    /// Processes.
    pub processes: u32,
    /// How many there may be at the same time, threads included.
    pub processes_limit: u32,
    /// Processor time that all may use together, in thousandths of one processor.
    pub cpu_limit_millis: u32,
    /// Bytes used on the workspace's file system.
    pub disk_used_bytes: u64,
    /// Bytes of the workspace's file system.
    pub disk_total_bytes: u64,
    /// When this was measured, in milliseconds since 1970.
    pub at_ms: i64,
    /// When it goes to sleep if nothing happens until then, in milliseconds since 1970; absent while
    /// a run works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_stop_at_ms: Option<i64>,
    /// When it goes to sleep whatever happens, in milliseconds since 1970; the next message wakes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_stop_at_ms: Option<i64>,
}

/// Whether the machine comes up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waking {
    /// The agent's id.
    pub id: String,
    /// `none`, `starting`, `up`, `stopping`: poll the agent, or watch it live.
    pub sandbox: String,
}
