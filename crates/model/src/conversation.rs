//! What is sent to a model: a system prompt, tools and messages made of parts.

use crate::dialect::Dialect;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One request: everything the model is to know.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// System prompt in blocks; the stable ones first, so that caches hold.
    pub system: Vec<Arc<str>>,
    /// Tools the model may call, in a stable order.
    pub tools: Arc<[ToolSpec]>,
    /// The conversation, oldest first.
    pub messages: Vec<Arc<Message>>,
    /// Chosen values of the model's parameters (`effort`, `thinking`); see [`crate::catalog`].
    pub parameters: BTreeMap<String, String>,
    /// Most tokens of the answer; the model's own maximum when absent.
    pub max_output_tokens: Option<u64>,
    /// Groups requests that share a prefix (the agent's id), where a provider can use it.
    pub cache_key: Option<String>,
}

/// A tool as it is declared to the model.
#[derive(Debug, Clone)]
pub struct ToolSpec {
    /// Unique; letters, digits, `_` and `-`.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// JSON schema of its arguments.
    pub input_schema: Arc<RawValue>,
}

impl ToolSpec {
    /// A tool from its name, description and the JSON schema of its arguments.
    pub fn new(
        name: impl Into<String>,
        description: impl Into<String>,
        input_schema: &serde_json::Value,
    ) -> Self {
        let schema = RawValue::from_string(input_schema.to_string()).unwrap_or_default();
        Self { name: name.into(), description: description.into(), input_schema: Arc::from(schema) }
    }
}

/// Who speaks in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A person, or the platform on a person's behalf.
    User,
    /// The model.
    Assistant,
    /// Tools, answering the calls of the assistant message before.
    Tool,
}

/// One message of the conversation.
#[derive(Debug, Clone)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
    /// Whose wire format the parts' `raw` texts are in; only the same dialect replays them.
    pub dialect: Option<Dialect>,
}

impl Message {
    /// A message of a person.
    pub fn user(parts: Vec<Part>) -> Self {
        Self { role: Role::User, parts, dialect: None }
    }

    /// A message of a person: text only.
    pub fn user_text(text: impl Into<String>) -> Self {
        Self::user(vec![Part::text(text)])
    }

    /// The results of the tool calls in the assistant message before.
    pub fn tool_results(parts: Vec<Part>) -> Self {
        Self { role: Role::Tool, parts, dialect: None }
    }

    /// A message of the model; the dialect of its raw parts is recognised from their shape.
    pub fn assistant(parts: Vec<Part>) -> Self {
        let dialect = parts.iter().filter_map(Part::raw).find_map(Dialect::of_raw);
        Self { role: Role::Assistant, parts, dialect }
    }
}

/// One part of a message.
#[derive(Debug, Clone)]
pub enum Part {
    /// Plain text.
    Text {
        /// The text.
        text: String,
        /// The provider's own JSON, for replay.
        raw: Option<Raw>,
    },
    /// Thinking, or a summary of it (may be empty when the provider hides it).
    Thinking {
        /// What may be shown to people.
        text: String,
        /// The provider's own JSON with its signature or encrypted content.
        raw: Option<Raw>,
    },
    /// The model calls a tool.
    ToolCall {
        /// The id that the provider gave the call.
        id: String,
        /// The tool's name.
        name: String,
        /// The JSON text as the model wrote it; it may be malformed.
        arguments: String,
        /// The provider's own JSON, for replay.
        raw: Option<Raw>,
    },
    /// What a tool gave back.
    ToolResult {
        /// The id of the call.
        id: String,
        /// What the model is told.
        text: String,
        /// Whether the tool failed.
        is_error: bool,
        /// Images to look at.
        images: Vec<Image>,
    },
    /// An image.
    Image(Image),
    /// A part of a kind this crate does not know; kept and replayed to the same dialect.
    Opaque {
        /// The provider's own JSON.
        raw: Raw,
    },
}

impl Part {
    /// Text without a provider's JSON.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), raw: None }
    }

    /// The result of a tool call, without images.
    pub fn tool_result(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self::ToolResult { id: id.into(), text: text.into(), is_error: false, images: Vec::new() }
    }

    /// The provider's own JSON, if the part carries it.
    pub const fn raw(&self) -> Option<&Raw> {
        match self {
            Self::Text { raw, .. } | Self::Thinking { raw, .. } | Self::ToolCall { raw, .. } => {
                raw.as_ref()
            }
            Self::Opaque { raw } => Some(raw),
            Self::ToolResult { .. } | Self::Image(_) => None,
        }
    }
}

/// An image, its bytes in base64 (encoded once, shared by all requests).
#[derive(Debug, Clone)]
pub struct Image {
    /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
    pub mime_type: String,
    /// The bytes in base64.
    pub base64: Arc<str>,
}

/// A provider's own JSON text of one part, never reformatted.
#[derive(Debug, Clone)]
pub struct Raw(Arc<RawValue>);

impl Raw {
    /// Takes JSON text as it was received or stored; `None` if it is not JSON.
    pub fn parse(text: impl Into<String>) -> Option<Self> {
        RawValue::from_string(text.into()).ok().map(|json| Self(Arc::from(json)))
    }

    /// The text, byte for byte.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    pub(crate) fn json(&self) -> &RawValue {
        &self.0
    }

    /// Serialises a value that is known to be JSON.
    pub(crate) fn of(value: &impl serde::Serialize) -> Option<Self> {
        serde_json::value::to_raw_value(value).ok().map(|json| Self(Arc::from(json)))
    }
}

impl From<Box<RawValue>> for Raw {
    fn from(json: Box<RawValue>) -> Self {
        Self(Arc::from(json))
    }
}

impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}
