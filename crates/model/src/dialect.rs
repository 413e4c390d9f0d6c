//! The family of wire formats. Each member says how a [`Request`] is written and an answer is read.

use crate::catalog::ModelEntry;
use crate::conversation::{Raw, Request};
use crate::error::ModelError;
use crate::piece::Piece;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

pub mod anthropic;
pub mod openai_chat;
pub mod openai_responses;

/// A wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Anthropic Messages.
    Anthropic,
    /// OpenAI Responses.
    OpenaiResponses,
    /// OpenAI Chat Completions, spoken by most other servers.
    OpenaiChat,
}

impl Dialect {
    /// Recognises whose part a raw JSON text is, by its shape.
    pub fn of_raw(raw: &Raw) -> Option<Self> {
        let shape: Shape = serde_json::from_str(raw.as_str()).ok()?;
        match shape.kind.as_deref() {
            Some("text" | "thinking" | "redacted_thinking" | "tool_use") => Some(Self::Anthropic),
            Some("message" | "reasoning" | "function_call") => Some(Self::OpenaiResponses),
            Some("function") => Some(Self::OpenaiChat),
            None if shape.has_reasoning_field() => Some(Self::OpenaiChat),
            Some(_) | None => None,
        }
    }

    /// Address of the endpoint under a base URL.
    pub(crate) fn url(self, base_url: &str) -> String {
        let base = base_url.trim_end_matches('/');
        match self {
            Self::Anthropic => format!("{}/v1/messages", base.trim_end_matches("/v1")),
            Self::OpenaiResponses => format!("{base}/responses"),
            Self::OpenaiChat => format!("{base}/chat/completions"),
        }
    }

    /// The body of a request.
    pub(crate) fn body(
        self,
        entry: &ModelEntry,
        request: &Request,
    ) -> Result<Vec<u8>, serde_json::Error> {
        match self {
            Self::Anthropic => anthropic::request::body(entry, request),
            Self::OpenaiResponses => openai_responses::request::body(entry, request),
            Self::OpenaiChat => openai_chat::request::body(entry, request),
        }
    }

    /// A reader for one answer.
    pub(crate) fn decoder(self) -> Box<dyn Decoder> {
        match self {
            Self::Anthropic => Box::<anthropic::answer::Answer>::default(),
            Self::OpenaiResponses => Box::<openai_responses::answer::Answer>::default(),
            Self::OpenaiChat => Box::<openai_chat::answer::Answer>::default(),
        }
    }
}

/// Reads the events of one answer.
pub(crate) trait Decoder: Send {
    /// Takes one server-sent event and adds the pieces it yields.
    fn event(&mut self, data: &str, out: &mut VecDeque<Piece>) -> Result<(), ModelError>;

    /// The stream ended: adds what is still owed, or says that the answer was cut.
    fn end(&mut self, out: &mut VecDeque<Piece>) -> Result<(), ModelError>;
}

#[derive(Deserialize)]
struct Shape {
    #[serde(rename = "type")]
    kind: Option<String>,
    reasoning: Option<IgnoredAny>,
    reasoning_content: Option<IgnoredAny>,
    reasoning_details: Option<IgnoredAny>,
}

impl Shape {
    const fn has_reasoning_field(&self) -> bool {
        self.reasoning.is_some()
            || self.reasoning_content.is_some()
            || self.reasoning_details.is_some()
    }
}

/// Parses an event's JSON, or says what is wrong with it.
pub(crate) fn parse<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, ModelError> {
    serde_json::from_str(data)
        .map_err(|error| ModelError::Malformed(format!("event is not as expected: {error}")))
}

/// The text blocks of a system prompt as one.
pub(crate) fn joined(system: &[std::sync::Arc<str>]) -> String {
    system.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Dialect> {
        Dialect::of_raw(&Raw::parse(text).unwrap())
    }

    #[test]
    fn raw_parts_tell_their_dialect() {
        assert_eq!(of(r#"{"type":"tool_use","id":"a"}"#), Some(Dialect::Anthropic));
        assert_eq!(of(r#"{"id":"rs","type":"reasoning"}"#), Some(Dialect::OpenaiResponses));
        assert_eq!(of(r#"{"type":"function","function":{}}"#), Some(Dialect::OpenaiChat));
        assert_eq!(of(r#"{"reasoning_content":"x"}"#), Some(Dialect::OpenaiChat));
        assert_eq!(of(r#"{"type":"hologram"}"#), None);
        assert_eq!(of("[]"), None);
    }

    #[test]
    fn base_urls_work_with_and_without_a_slash() {
        let messages = "http://h/v1/messages";
        assert_eq!(Dialect::Anthropic.url("http://h"), messages);
        assert_eq!(Dialect::Anthropic.url("http://h/v1/"), messages);
        assert_eq!(Dialect::OpenaiChat.url("http://h/v1/"), "http://h/v1/chat/completions");
    }
}
