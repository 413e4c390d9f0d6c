//! What a conversation is made of, in the form that is stored.

use crate::flow::Reading;
use crate::ids::CallId;
use serde::{Deserialize, Serialize};

/// Who wrote a block of input. Text by others than owner and member never becomes an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The person the agent works for.
    Owner,
    /// Another person of the organisation with write access.
    Member,
    /// Anybody else.
    Outsider,
    /// Output of a tool.
    Tool,
    /// Fetched from the network.
    Web,
    /// Errand itself (notices, resolved conflicts).
    Platform,
}

/// How what stands beside an order begins, in a message that was asked at a forge.
pub const BESIDE: &str = "What follows belongs to it.";

/// A message of a person: text and images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prompt {
    /// Not empty.
    pub text: String,
    /// At most five; bytes are in the blob store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Image>,
    /// Who wrote it.
    pub source: Source,
    /// Where it was asked, if that was at a forge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Box<AskedAt>>,
}

impl Prompt {
    /// Text alone.
    pub const fn of(text: String, source: Source) -> Self {
        Self { text, images: Vec::new(), source, asked_at: None }
    }

    /// What was asked, without what only came with it from a forge.
    pub fn order(&self) -> &str {
        if self.asked_at.is_none() {
            return &self.text;
        }
        let whole = self.text.split_once(&format!("\n{BESIDE}"));
        whole.map_or(self.text.as_str(), |(order, _)| order).trim_end()
    }
}

/// What a message brings along that was asked at a forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AskedAt {
    /// Where, and where the answer goes.
    pub thread: Thread,
    /// What is read with it that nobody here wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
    /// What was taken out of it, in words for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_out: Vec<String>,
    /// That checks failed, and for which time in a row; none where a person asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<u32>,
}

/// An issue or a pull request at a forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Thread {
    /// The connection's id.
    pub forge: String,
    /// The repository's name there.
    pub repository: String,
    /// Which of the two.
    pub kind: ThreadKind,
    /// Its number.
    pub number: u64,
    /// Where people read it.
    pub link: String,
}

/// What has a thread at a forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThreadKind {
    /// An issue.
    Issue,
    /// A pull request.
    PullRequest,
}

/// An image in a prompt; its bytes are a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
    pub mime_type: String,
    /// Digest of the bytes in the blob store (blake3, hex).
    pub blob: String,
    /// Size in bytes.
    pub size: u64,
}

/// One part of a finished model message.
///
/// `raw` is the provider's own JSON for the part, exactly as received, so that it can be replayed
/// byte-faithfully (thinking signatures, encrypted reasoning, blocks we do not know).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Part {
    /// Text for the person.
    Text {
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        raw: Option<String>,
    },
    /// Thinking or a reasoning summary.
    Thinking {
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        raw: Option<String>,
    },
    /// A tool call; `arguments` is the JSON text the model wrote (it may be malformed).
    ToolCall {
        call: CallId,
        /// The id the provider gave it, to be sent back with the result.
        provider_id: String,
        name: String,
        arguments: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        raw: Option<String>,
    },
    /// A part of a kind we do not know; kept and replayed.
    Opaque { raw: String },
}

/// What a tool gave back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolResult {
    /// What the model is told.
    pub text: String,
    /// Whether the model is told that it failed.
    pub is_error: bool,
    /// Structured detail for people (exit code, diff, matches), as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<serde_json::Value>,
    /// The text was cut; the whole is readable through the shell-output tool.
    #[serde(default)]
    pub truncated: bool,
}

/// Tokens of one model call or a sum of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    /// Input tokens neither read from nor written to a cache.
    pub input_tokens: u64,
    /// Output tokens, thinking included.
    pub output_tokens: u64,
    /// Tokens written to the provider's cache.
    pub cache_write_tokens: u64,
    /// Tokens read from the provider's cache.
    pub cache_read_tokens: u64,
}

impl Usage {
    /// Sum of all four kinds.
    pub const fn total(&self) -> u64 {
        self.input_tokens + self.output_tokens + self.cache_write_tokens + self.cache_read_tokens
    }

    /// Adds another usage.
    pub const fn add(&mut self, other: &Usage) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cache_write_tokens += other.cache_write_tokens;
        self.cache_read_tokens += other.cache_read_tokens;
    }
}

/// One entry of the agent's to-do list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Todo {
    /// What is to be done.
    pub text: String,
    /// How far it is.
    pub state: TodoState,
}

/// How far a to-do is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TodoState {
    /// Not begun.
    Pending,
    /// Being worked on.
    InProgress,
    /// Finished.
    Done,
    /// Given up.
    Dropped,
}
