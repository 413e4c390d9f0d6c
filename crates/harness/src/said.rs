//! Translates between the stored form of a message and the form a model is sent.

use crate::hidden;
use model::conversation::{Image, Message, Part, Raw, Role};
use model::dialect::Dialect;
use protocol::content::{self, Prompt, Source, ToolResult};
use protocol::ids::{CallId, RunId, Step};
use std::collections::HashMap;
use std::sync::Arc;

/// One message before its images are at hand.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    /// By people or the platform.
    User(Vec<Block>),
    /// By the model.
    Assistant { dialect: String, parts: Vec<content::Part> },
    /// By tools: the provider's id of each call and its result.
    Tools(Vec<(String, ToolResult)>),
}

/// Text with images.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) text: String,
    pub(crate) images: Vec<content::Image>,
}

impl Block {
    /// A prompt of a person, as the model reads it.
    pub(crate) fn prompt(prompt: Prompt) -> Self {
        Self { text: labelled(prompt.source, prompt.text), images: prompt.images }
    }

    /// A message that steers a running run.
    pub(crate) fn steering(prompt: Prompt) -> Self {
        let text = labelled(prompt.source, prompt.text);
        Self { text: format!("<steering>\n{text}\n</steering>"), images: prompt.images }
    }

    /// Something the platform says.
    pub(crate) fn notice(text: &str) -> Self {
        Self { text: format!("<notice>\n{text}\n</notice>"), images: Vec::new() }
    }

    /// What stands for older messages.
    pub(crate) fn summary(text: &str) -> Self {
        Self { text: format!("<summary>\n{text}\n</summary>"), images: Vec::new() }
    }
}

/// TRUST: text by others than owner and member is marked as data; the system prompt says what that
/// means. The closing mark is taken out of the text, so that it cannot end its own quotation.
fn labelled(source: Source, text: String) -> String {
    let name = match source {
        Source::Platform => return text,
        Source::Owner | Source::Member => return hidden::flagged(text),
        Source::Outsider => "outsider",
        Source::Tool => "tool",
        Source::Web => "web",
    };
    let text = hidden::stripped(&text).replace("</untrusted", "<\u{200b}/untrusted");
    format!("<untrusted source=\"{name}\">\n{text}\n</untrusted>")
}

impl Said {
    /// Digests of the images that the message shows.
    pub(crate) fn images(&self) -> Vec<String> {
        let images: Vec<content::Image> = match self {
            Self::User(blocks) => blocks.iter().flat_map(|block| block.images.clone()).collect(),
            Self::Assistant { .. } => Vec::new(),
            Self::Tools(results) => {
                results.iter().flat_map(|(_, result)| images_of(result)).collect()
            }
        };
        images.into_iter().map(|image| image.blob).collect()
    }

    /// The message for a model; an image without bytes becomes a line of text.
    pub(crate) fn message(&self, bytes: &HashMap<String, Arc<str>>) -> Message {
        match self {
            Self::User(blocks) => Message::user(user_parts(blocks, bytes)),
            Self::Assistant { dialect, parts } => Message {
                role: Role::Assistant,
                parts: parts.iter().filter_map(to_model).collect(),
                dialect: dialect_of(dialect),
            },
            Self::Tools(results) => Message::tool_results(
                results.iter().map(|(id, result)| result_part(id, result, bytes)).collect(),
            ),
        }
    }
}

fn user_parts(blocks: &[Block], bytes: &HashMap<String, Arc<str>>) -> Vec<Part> {
    let mut parts = Vec::new();
    for block in blocks {
        parts.push(Part::text(block.text.as_str()));
        for image in &block.images {
            parts.push(match found(image, bytes) {
                Some(image) => Part::Image(image),
                None => Part::text("[an image that cannot be shown to this model]"),
            });
        }
    }
    parts
}

fn result_part(id: &str, result: &ToolResult, bytes: &HashMap<String, Arc<str>>) -> Part {
    let wanted = images_of(result);
    let images: Vec<Image> = wanted.iter().filter_map(|image| found(image, bytes)).collect();
    let mut text = result.text.clone();
    if images.len() < wanted.len() {
        text.push_str("\n[the image cannot be shown to this model]");
    }
    Part::ToolResult { id: id.to_owned(), text, is_error: result.is_error, images }
}

fn found(image: &content::Image, bytes: &HashMap<String, Arc<str>>) -> Option<Image> {
    let base64 = bytes.get(&image.blob)?.clone();
    Some(Image { mime_type: image.mime_type.clone(), base64 })
}

/// Images that a tool result refers to (`detail.images`).
fn images_of(result: &ToolResult) -> Vec<content::Image> {
    let images = result.detail.as_ref().and_then(|detail| detail.get("images"));
    images.and_then(|images| serde_json::from_value(images.clone()).ok()).unwrap_or_default()
}

fn dialect_of(name: &str) -> Option<Dialect> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
}

/// The name under which a dialect is stored; empty when the model is of no known one.
pub(crate) fn dialect_name(dialect: Option<Dialect>) -> String {
    let name = dialect.and_then(|dialect| serde_json::to_value(dialect).ok());
    name.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

fn to_model(part: &content::Part) -> Option<Part> {
    let raw = |raw: &Option<String>| raw.as_ref().and_then(|raw| Raw::parse(raw.as_str()));
    Some(match part {
        content::Part::Text { text, raw: json } => {
            Part::Text { text: text.clone(), raw: raw(json) }
        }
        content::Part::Thinking { text, raw: json } => {
            Part::Thinking { text: text.clone(), raw: raw(json) }
        }
        content::Part::ToolCall { provider_id, name, arguments, raw: json, .. } => Part::ToolCall {
            id: provider_id.clone(),
            name: name.clone(),
            arguments: arguments.clone(),
            raw: raw(json),
        },
        content::Part::Opaque { raw } => Part::Opaque { raw: Raw::parse(raw.as_str())? },
    })
}

/// The parts of an answer as they are stored; calls get their ids here.
pub(crate) fn to_stored(parts: Vec<Part>, run: RunId, step: Step) -> Vec<content::Part> {
    let mut calls = 0;
    let text = |raw: Option<Raw>| raw.map(|raw| raw.as_str().to_owned());
    let stored = parts.into_iter().filter_map(|part| {
        Some(match part {
            Part::Text { text: said, raw } => content::Part::Text { text: said, raw: text(raw) },
            Part::Thinking { text: said, raw } => {
                content::Part::Thinking { text: said, raw: text(raw) }
            }
            Part::ToolCall { id, name, arguments, raw } => {
                calls += 1;
                let call = call_id(run, step, calls);
                content::Part::ToolCall { call, provider_id: id, name, arguments, raw: text(raw) }
            }
            Part::Opaque { raw } => content::Part::Opaque { raw: raw.as_str().to_owned() },
            // A model answers with neither of these.
            Part::ToolResult { .. } | Part::Image(_) => return None,
        })
    });
    stored.collect()
}

/// Name of a tool call: unique in its agent because steps are, and safe as a file name.
pub(crate) fn call_id(run: RunId, step: Step, index: u32) -> CallId {
    let run: String = run.uuid().simple().to_string().chars().take(8).collect();
    CallId(format!("{run}-{step}-{index}"))
}

/// The text of a message for people.
pub(crate) fn text_of(parts: &[content::Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        content::Part::Text { text, .. } if !text.trim().is_empty() => Some(text.as_str()),
        content::Part::Text { .. }
        | content::Part::Thinking { .. }
        | content::Part::ToolCall { .. }
        | content::Part::Opaque { .. } => None,
    });
    texts.collect::<Vec<_>>().join("\n\n")
}
