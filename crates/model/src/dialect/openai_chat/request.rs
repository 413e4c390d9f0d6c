//! Writes a [`Request`] as an OpenAI Chat Completions body.

use crate::Thinking;
use crate::catalog::ModelEntry;
use crate::conversation::{Image, Message, Part, Raw, Request, Role, ToolSpec};
use crate::dialect::{Dialect, joined};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// The body of a request.
pub(crate) fn body(entry: &ModelEntry, request: &Request) -> Result<Vec<u8>, serde_json::Error> {
    let mut messages = Vec::new();
    if !request.system.is_empty() {
        messages.push(Wire::System(joined(&request.system)));
    }
    for message in &request.messages {
        match message.role {
            Role::Assistant => messages.extend(Spoken::of(message).map(Wire::Assistant)),
            Role::User | Role::Tool => outside(message, &mut messages),
        }
    }
    let effort = match entry.capabilities.thinking {
        Thinking::Effort => request.parameters.get("effort").map(String::as_str),
        Thinking::None | Thinking::Budget | Thinking::Adaptive => None,
    };
    let parallel =
        (!entry.capabilities.parallel_tools && !request.tools.is_empty()).then_some(false);
    serde_json::to_vec(&Body {
        model: &entry.upstream,
        tools: request.tools.iter().map(Tool::of).collect(),
        messages,
        stream: true,
        stream_options: StreamOptions { include_usage: true },
        parallel_tool_calls: parallel,
        reasoning_effort: effort,
        max_tokens: request.max_output_tokens,
    })
}

/// Results become `tool` messages; what the dialect cannot put there follows as a user message.
fn outside<'a>(message: &'a Message, out: &mut Vec<Wire<'a>>) {
    let mut content = Vec::new();
    for part in &message.parts {
        match part {
            Part::ToolResult { id, text, images, .. } => {
                out.push(Wire::Tool { id, text });
                content.extend(images.iter().map(Content::Image));
            }
            Part::Text { text, .. } => content.push(Content::Text(text)),
            Part::Image(image) => content.push(Content::Image(image)),
            Part::Thinking { .. } | Part::ToolCall { .. } | Part::Opaque { .. } => {}
        }
    }
    if !content.is_empty() {
        out.push(Wire::User(content));
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    messages: Vec<Wire<'a>>,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct Tool<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a RawValue,
}

impl<'a> Tool<'a> {
    fn of(spec: &'a ToolSpec) -> Self {
        let function = Function {
            name: &spec.name,
            description: &spec.description,
            parameters: &spec.input_schema,
        };
        Self { kind: "function", function }
    }
}

enum Wire<'a> {
    System(String),
    User(Vec<Content<'a>>),
    Assistant(Spoken<'a>),
    Tool { id: &'a str, text: &'a str },
}

impl Serialize for Wire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Wire::System(text) => {
                map.serialize_entry("role", "system")?;
                map.serialize_entry("content", text)?;
            }
            Wire::User(content) => {
                map.serialize_entry("role", "user")?;
                match content.as_slice() {
                    // Older servers take nothing but a string.
                    [Content::Text(text)] => map.serialize_entry("content", text)?,
                    contents => map.serialize_entry("content", contents)?,
                }
            }
            Wire::Assistant(spoken) => spoken.serialize_into(&mut map)?,
            Wire::Tool { id, text } => {
                map.serialize_entry("role", "tool")?;
                map.serialize_entry("tool_call_id", id)?;
                map.serialize_entry("content", text)?;
            }
        }
        map.end()
    }
}

/// What the model said: text, calls, and the vendor's reasoning fields as they came.
struct Spoken<'a> {
    text: String,
    calls: Vec<Call<'a>>,
    reasoning: Vec<(String, Value)>,
}

impl<'a> Spoken<'a> {
    fn of(message: &'a Message) -> Option<Self> {
        let own = message.dialect == Some(Dialect::OpenaiChat);
        let mut spoken = Self { text: String::new(), calls: Vec::new(), reasoning: Vec::new() };
        for part in &message.parts {
            match part {
                Part::Text { text, .. } => spoken.text.push_str(text),
                Part::ToolCall { raw: Some(raw), .. } if own => spoken.calls.push(Call::Raw(raw)),
                Part::ToolCall { id, name, arguments, .. } => {
                    spoken.calls.push(Call::Made { id, name, arguments });
                }
                Part::Thinking { raw: Some(raw), .. } if own => spoken.recall(raw),
                Part::Thinking { .. }
                | Part::Opaque { .. }
                | Part::ToolResult { .. }
                | Part::Image(_) => {}
            }
        }
        (!spoken.text.is_empty() || !spoken.calls.is_empty()).then_some(spoken)
    }

    fn recall(&mut self, raw: &Raw) {
        if let Ok(Value::Object(fields)) = serde_json::from_str(raw.as_str()) {
            self.reasoning.extend(fields);
        }
    }

    fn serialize_into<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("role", "assistant")?;
        for (name, value) in &self.reasoning {
            map.serialize_entry(name, value)?;
        }
        let text = (!self.text.is_empty()).then_some(&self.text);
        map.serialize_entry("content", &text)?;
        if !self.calls.is_empty() {
            map.serialize_entry("tool_calls", &self.calls)?;
        }
        Ok(())
    }
}

enum Call<'a> {
    Raw(&'a Raw),
    Made { id: &'a str, name: &'a str, arguments: &'a str },
}

#[derive(Serialize)]
struct WireCall<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: WireFunction<'a>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl Serialize for Call<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Call::Raw(raw) => raw.json().serialize(serializer),
            Call::Made { id, name, arguments } => {
                let function = WireFunction { name, arguments };
                WireCall { id, kind: "function", function }.serialize(serializer)
            }
        }
    }
}

enum Content<'a> {
    Text(&'a str),
    Image(&'a Image),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireContent<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: ImageUrl },
}

#[derive(Serialize)]
struct ImageUrl {
    url: String,
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Content::Text(text) => WireContent::Text { text }.serialize(serializer),
            Content::Image(image) => {
                let url = format!("data:{};base64,{}", image.mime_type, image.base64);
                WireContent::ImageUrl { image_url: ImageUrl { url } }.serialize(serializer)
            }
        }
    }
}
