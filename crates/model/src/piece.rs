//! What streams back: pieces to show live, and at the end the finished answer.

use crate::conversation::{Message, Part};
use std::time::Duration;

/// One item of an answer's stream.
#[derive(Debug, Clone)]
pub enum Piece {
    /// More text for the person.
    TextDelta(String),
    /// More thinking.
    ThinkingDelta(String),
    /// The model begins to write a tool call.
    ToolCallStarted {
        /// Position among the answer's calls; the deltas carry it too.
        index: usize,
        /// The id that the provider gave the call.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// More of a call's arguments.
    ToolCallDelta {
        /// Position among the answer's calls.
        index: usize,
        /// The next bytes of the JSON text.
        arguments: String,
    },
    /// What the provider has counted of this attempt so far, in place of what it said before.
    Counted(Usage),
    /// The attempt failed and another follows: what was streamed so far is void.
    Retrying {
        /// Number of the attempt to come; the first was 1.
        attempt: u32,
        /// How long it waits before.
        delay: Duration,
        /// Why, in words for the watcher.
        reason: String,
    },
    /// The whole answer; nothing follows.
    Finished(Finish),
}

/// The whole answer.
#[derive(Debug, Clone)]
pub struct Finish {
    /// The parts, complete and with their raw JSON where the dialect needs it.
    pub parts: Vec<Part>,
    /// Tokens spent.
    pub usage: Usage,
    /// Why the model stopped.
    pub stop: Stop,
    /// The provider's id of the answer, for support requests.
    pub response_id: Option<String>,
}

impl Finish {
    /// The answer as a message of the conversation.
    pub fn to_message(&self) -> Message {
        Message::assistant(self.parts.clone())
    }
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It has said what it wanted.
    EndTurn,
    /// It waits for its tool calls.
    ToolUse,
    /// The answer reached its maximum length.
    MaxTokens,
    /// The context window is full.
    ContextFull,
    /// The provider interrupted a long turn: send the answer back to continue.
    Paused,
    /// Something this crate does not know, in the provider's words.
    Other(String),
}

/// Tokens of one answer. The four kinds do not overlap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input neither read from nor written to a cache.
    pub input_tokens: u64,
    /// Output, thinking included.
    pub output_tokens: u64,
    /// Input written to the provider's cache.
    pub cache_write_tokens: u64,
    /// Input read from the provider's cache.
    pub cache_read_tokens: u64,
}

impl Usage {
    /// All input tokens, cached or not: how full the context was.
    pub const fn context_tokens(&self) -> u64 {
        self.input_tokens
            .saturating_add(self.cache_write_tokens)
            .saturating_add(self.cache_read_tokens)
    }
}
