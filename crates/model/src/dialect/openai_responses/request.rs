//! Writes a [`Request`] as an OpenAI Responses body.

use crate::Thinking;
use crate::catalog::ModelEntry;
use crate::conversation::{Image, Message, Part, Request, Role, ToolSpec};
use crate::dialect::{Dialect, joined};
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The body of a request.
pub(crate) fn body(entry: &ModelEntry, request: &Request) -> Result<Vec<u8>, serde_json::Error> {
    let reasoning = match entry.capabilities.thinking {
        Thinking::Effort => Some(Reasoning {
            effort: request.parameters.get("effort").map(String::as_str),
            summary: "auto",
        }),
        Thinking::None | Thinking::Budget | Thinking::Adaptive => None,
    };
    let include: &[&str] = if reasoning.is_some() { &["reasoning.encrypted_content"] } else { &[] };
    serde_json::to_vec(&Body {
        model: &entry.upstream,
        instructions: joined(&request.system),
        tools: request.tools.iter().map(Tool::of).collect(),
        input: request.messages.iter().flat_map(|message| items(message)).collect(),
        stream: true,
        store: false,
        include,
        reasoning,
        parallel_tool_calls: entry.capabilities.parallel_tools,
        prompt_cache_key: request.cache_key.as_deref(),
        max_output_tokens: request.max_output_tokens,
    })
}

fn items(message: &Message) -> Vec<Item<'_>> {
    match message.role {
        Role::Assistant => {
            let own = message.dialect == Some(Dialect::OpenaiResponses);
            message.parts.iter().filter_map(|part| assistant_item(part, own)).collect()
        }
        Role::User | Role::Tool => outside_items(message),
    }
}

fn assistant_item(part: &Part, own: bool) -> Option<Item<'_>> {
    match part {
        Part::Text { raw: Some(raw), .. }
        | Part::Thinking { raw: Some(raw), .. }
        | Part::ToolCall { raw: Some(raw), .. }
        | Part::Opaque { raw }
            if own =>
        {
            Some(Item::Raw(raw.json()))
        }
        Part::Text { text, .. } if text.is_empty() => None,
        Part::Text { text, .. } => {
            Some(Item::Message { role: "assistant", content: vec![Content::OutputText(text)] })
        }
        Part::ToolCall { id, name, arguments, .. } => Some(Item::Call { id, name, arguments }),
        Part::Thinking { .. } | Part::Opaque { .. } => None,
        Part::ToolResult { .. } | Part::Image(_) => None,
    }
}

/// What people and tools say: each result is an item, the rest is one message after them.
fn outside_items(message: &Message) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    let mut content = Vec::new();
    for part in &message.parts {
        match part {
            Part::ToolResult { id, text, images, .. } => {
                items.push(Item::Output { id, output: Output { text, images } });
            }
            Part::Text { text, .. } => content.push(Content::InputText(text)),
            Part::Image(image) => content.push(Content::InputImage(image)),
            Part::Thinking { .. } | Part::ToolCall { .. } | Part::Opaque { .. } => {}
        }
    }
    if !content.is_empty() {
        items.push(Item::Message { role: "user", content });
    }
    items
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    instructions: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    input: Vec<Item<'a>>,
    stream: bool,
    store: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    include: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning<'a>>,
    parallel_tool_calls: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
}

#[derive(Serialize)]
struct Reasoning<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'a str>,
    summary: &'static str,
}

#[derive(Serialize)]
struct Tool<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    description: &'a str,
    parameters: &'a RawValue,
    strict: bool,
}

impl<'a> Tool<'a> {
    fn of(spec: &'a ToolSpec) -> Self {
        Self {
            kind: "function",
            name: &spec.name,
            description: &spec.description,
            parameters: &spec.input_schema,
            strict: false,
        }
    }
}

enum Item<'a> {
    Raw(&'a RawValue),
    Message { role: &'static str, content: Vec<Content<'a>> },
    Call { id: &'a str, name: &'a str, arguments: &'a str },
    Output { id: &'a str, output: Output<'a> },
}

enum Content<'a> {
    InputText(&'a str),
    OutputText(&'a str),
    InputImage(&'a Image),
}

struct Output<'a> {
    text: &'a str,
    images: &'a [Image],
}

/// The items in the provider's own words.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Wire<'a> {
    Message { role: &'static str, content: &'a [Content<'a>] },
    FunctionCall { call_id: &'a str, name: &'a str, arguments: &'a str },
    FunctionCallOutput { call_id: &'a str, output: &'a Output<'a> },
    InputText { text: &'a str },
    OutputText { text: &'a str },
    InputImage { image_url: String },
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Item::Raw(raw) => raw.serialize(serializer),
            Item::Message { role, content } => {
                Wire::Message { role, content }.serialize(serializer)
            }
            Item::Call { id, name, arguments } => {
                Wire::FunctionCall { call_id: id, name, arguments }.serialize(serializer)
            }
            Item::Output { id, output } => {
                Wire::FunctionCallOutput { call_id: id, output }.serialize(serializer)
            }
        }
    }
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Content::InputText(text) => Wire::InputText { text }.serialize(serializer),
            Content::OutputText(text) => Wire::OutputText { text }.serialize(serializer),
            Content::InputImage(image) => {
                let image_url = format!("data:{};base64,{}", image.mime_type, image.base64);
                Wire::InputImage { image_url }.serialize(serializer)
            }
        }
    }
}

impl Serialize for Output<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.images.is_empty() {
            return serializer.serialize_str(self.text);
        }
        let mut contents = serializer.serialize_seq(None)?;
        if !self.text.is_empty() {
            contents.serialize_element(&Content::InputText(self.text))?;
        }
        for image in self.images {
            contents.serialize_element(&Content::InputImage(image))?;
        }
        contents.end()
    }
}
