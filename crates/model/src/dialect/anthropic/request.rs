//! Writes a [`Request`] as an Anthropic Messages body.
//!
//! Tools and system prompt come first and carry a cache breakpoint; the last two user messages carry
//! one each, so that the next request finds this one's prefix even after many parallel results.

use crate::Thinking;
use crate::catalog::ModelEntry;
use crate::conversation::{Image, Message, Part, Raw, Request, Role, ToolSpec};
use crate::dialect::Dialect;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::sync::Arc;

/// Breakpoints spent on messages; with the system prompt's one it stays under the provider's four.
const MESSAGE_BREAKPOINTS: usize = 2;
/// Least tokens left for the answer itself beside a thinking budget.
const ANSWER_TOKENS_MIN: u64 = 1_024;

/// The body of a request.
pub(crate) fn body(entry: &ModelEntry, request: &Request) -> Result<Vec<u8>, serde_json::Error> {
    let max_tokens = request
        .max_output_tokens
        .unwrap_or(entry.capabilities.max_output)
        .min(entry.capabilities.max_output);
    let tool_choice = (!entry.capabilities.parallel_tools && !request.tools.is_empty())
        .then_some(ToolChoice { kind: "auto", disable_parallel_tool_use: true });
    serde_json::to_vec(&Body {
        model: &entry.upstream,
        max_tokens,
        stream: true,
        thinking: thinking(entry, request, max_tokens),
        output_config: effort(entry, request).map(|effort| OutputConfig { effort }),
        tool_choice,
        tools: request.tools.iter().map(Tool::of).collect(),
        system: system(&request.system),
        messages: turns(&request.messages),
    })
}

fn thinking(entry: &ModelEntry, request: &Request, max_tokens: u64) -> Option<ThinkingParam> {
    if request.parameters.get("thinking").is_some_and(|value| value == "off") {
        return None;
    }
    match entry.capabilities.thinking {
        Thinking::None | Thinking::Effort => None,
        Thinking::Adaptive => Some(ThinkingParam::Adaptive { display: "summarized" }),
        Thinking::Budget => {
            let wanted = match request.parameters.get("effort").map(String::as_str) {
                Some("low") => 2_048,
                Some("high") => 24_576,
                Some(_) | None => 8_192,
            };
            let budget_tokens = wanted.min(max_tokens.saturating_sub(ANSWER_TOKENS_MIN));
            (budget_tokens >= 1_024).then_some(ThinkingParam::Enabled { budget_tokens })
        }
    }
}

fn effort<'a>(entry: &ModelEntry, request: &'a Request) -> Option<&'a str> {
    match entry.capabilities.thinking {
        Thinking::Adaptive => request.parameters.get("effort").map(String::as_str),
        Thinking::None | Thinking::Budget | Thinking::Effort => None,
    }
}

fn system(blocks: &[Arc<str>]) -> Vec<Block<'_>> {
    let texts = blocks.iter().filter(|text| !text.is_empty());
    let mut system: Vec<_> =
        texts.map(|text| Block { content: Content::Text(text), cache: false }).collect();
    if let Some(last) = system.last_mut() {
        last.cache = true;
    }
    system
}

/// Tool results and user messages that follow each other are one user turn on the wire.
fn turns(messages: &[Arc<Message>]) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for message in messages {
        let role = match message.role {
            Role::Assistant => "assistant",
            Role::User | Role::Tool => "user",
        };
        let blocks = message.parts.iter().filter_map(|part| block(part, message.dialect));
        match turns.last_mut() {
            Some(last) if last.role == role => last.content.extend(blocks),
            Some(_) | None => turns.push(Turn { role, content: blocks.collect() }),
        }
    }
    turns.retain(|turn| !turn.content.is_empty());
    for turn in turns.iter_mut().filter(|turn| turn.role == "user") {
        // The provider wants the results before anything else in their turn.
        turn.content.sort_by_key(|block| !matches!(block.content, Content::ToolResult { .. }));
    }
    let users = turns.iter_mut().rev().filter(|turn| turn.role == "user");
    for turn in users.take(MESSAGE_BREAKPOINTS) {
        if let Some(block) = turn.content.last_mut() {
            block.cache = true;
        }
    }
    turns
}

fn block(part: &Part, dialect: Option<Dialect>) -> Option<Block<'_>> {
    let replayed = |raw: &'_ Raw| dialect == Some(Dialect::Anthropic) && !raw.as_str().is_empty();
    let content = match part {
        Part::Text { raw: Some(raw), .. }
        | Part::Thinking { raw: Some(raw), .. }
        | Part::ToolCall { raw: Some(raw), .. }
        | Part::Opaque { raw }
            if replayed(raw) =>
        {
            Content::Raw(raw.json())
        }
        Part::Text { text, .. } if text.is_empty() => return None,
        Part::Text { text, .. } => Content::Text(text),
        Part::Thinking { .. } | Part::Opaque { .. } => return None,
        Part::ToolCall { id, name, arguments, .. } => Content::ToolUse { id, name, arguments },
        Part::ToolResult { id, text, is_error, images } => {
            Content::ToolResult { id, text, is_error: *is_error, images }
        }
        Part::Image(image) => Content::Image(image),
    };
    Some(Block { content, cache: false })
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u64,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<ThinkingParam>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ToolChoice>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<Turn<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ThinkingParam {
    Adaptive { display: &'static str },
    Enabled { budget_tokens: u64 },
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    effort: &'a str,
}

#[derive(Serialize)]
struct ToolChoice {
    #[serde(rename = "type")]
    kind: &'static str,
    disable_parallel_tool_use: bool,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a RawValue,
}

impl<'a> Tool<'a> {
    fn of(spec: &'a ToolSpec) -> Self {
        Self { name: &spec.name, description: &spec.description, input_schema: &spec.input_schema }
    }
}

#[derive(Serialize)]
struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

struct Block<'a> {
    content: Content<'a>,
    cache: bool,
}

enum Content<'a> {
    Raw(&'a RawValue),
    Text(&'a str),
    Image(&'a Image),
    ToolUse { id: &'a str, name: &'a str, arguments: &'a str },
    ToolResult { id: &'a str, text: &'a str, is_error: bool, images: &'a [Image] },
}

#[derive(Serialize)]
struct CacheControl {
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct ImageSource<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    media_type: &'a str,
    data: &'a str,
}

impl Serialize for Block<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Content::Raw(raw) = self.content {
            return raw.serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        match self.content {
            Content::Raw(_) => {}
            Content::Text(text) => {
                map.serialize_entry("type", "text")?;
                map.serialize_entry("text", text)?;
            }
            Content::Image(image) => {
                map.serialize_entry("type", "image")?;
                let source = ImageSource {
                    kind: "base64",
                    media_type: &image.mime_type,
                    data: &image.base64,
                };
                map.serialize_entry("source", &source)?;
            }
            Content::ToolUse { id, name, arguments } => {
                map.serialize_entry("type", "tool_use")?;
                map.serialize_entry("id", id)?;
                map.serialize_entry("name", name)?;
                map.serialize_entry("input", &Input(arguments))?;
            }
            Content::ToolResult { id, text, is_error, images } => {
                map.serialize_entry("type", "tool_result")?;
                map.serialize_entry("tool_use_id", id)?;
                map.serialize_entry("content", &ResultContent { text, images })?;
                if is_error {
                    map.serialize_entry("is_error", &true)?;
                }
            }
        }
        if self.cache {
            map.serialize_entry("cache_control", &CacheControl { kind: "ephemeral" })?;
        }
        map.end()
    }
}

/// What a tool returned: a string, or blocks where there are images.
struct ResultContent<'a> {
    text: &'a str,
    images: &'a [Image],
}

impl Serialize for ResultContent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.images.is_empty() {
            return serializer.serialize_str(self.text);
        }
        let mut blocks = serializer.serialize_seq(None)?;
        if !self.text.is_empty() {
            blocks.serialize_element(&Block { content: Content::Text(self.text), cache: false })?;
        }
        for image in self.images {
            blocks.serialize_element(&Block { content: Content::Image(image), cache: false })?;
        }
        blocks.end()
    }
}

/// A call's arguments: the provider takes an object only, so anything else is wrapped in one.
pub(super) struct Input<'a>(pub(super) &'a str);

impl Serialize for Input<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.trim();
        if text.is_empty() {
            return serializer.serialize_map(Some(0))?.end();
        }
        match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) if text.starts_with('{') => raw.serialize(serializer),
            Ok(_) | Err(_) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("malformed_arguments", text)?;
                map.end()
            }
        }
    }
}
