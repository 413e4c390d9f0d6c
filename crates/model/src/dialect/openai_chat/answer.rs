//! Reads the chunks of an OpenAI Chat Completions stream.

use crate::conversation::{Part, Raw};
use crate::dialect::{Decoder, parse};
use crate::error::{self, ModelError, WireError};
use crate::piece::{Finish, Piece, Stop, Usage};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::VecDeque;

/// An answer as far as it has arrived.
#[derive(Default)]
pub(crate) struct Answer {
    response_id: Option<String>,
    text: String,
    refusal: String,
    reasoning: Reasoning,
    calls: Vec<Call>,
    usage: Usage,
    finish_reason: Option<String>,
    finished: bool,
}

/// The vendor's reasoning fields, gathered under their own names.
#[derive(Default)]
struct Reasoning {
    reasoning_content: String,
    reasoning: String,
    reasoning_details: Vec<Value>,
}

/// A tool call, its first chunk kept whole for the fields vendors add.
struct Call {
    index: u64,
    fields: Map<String, Value>,
    id: String,
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
struct Chunk {
    id: Option<String>,
    choices: Option<Vec<Choice>>,
    usage: Option<WireUsage>,
    error: Option<WireError>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    reasoning_details: Option<Vec<Value>>,
    tool_calls: Option<Vec<Map<String, Value>>>,
}

#[derive(Deserialize)]
pub(crate) struct WireUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

impl Decoder for Answer {
    fn event(&mut self, data: &str, out: &mut VecDeque<Piece>) -> Result<(), ModelError> {
        if data.trim() == "[DONE]" {
            return self.finish(out);
        }
        let chunk: Chunk = parse(data)?;
        if let Some(error) = chunk.error {
            return Err(error::from_stream(&error));
        }
        self.response_id = chunk.id.or(self.response_id.take());
        if let Some(usage) = chunk.usage {
            self.usage = usage.into_usage();
        }
        for choice in chunk.choices.into_iter().flatten() {
            self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
            if let Some(delta) = choice.delta {
                self.grow(delta, out);
            }
        }
        Ok(())
    }

    /// Some servers close without the `[DONE]`; a finish reason is as good.
    fn end(&mut self, out: &mut VecDeque<Piece>) -> Result<(), ModelError> {
        if self.finished { Ok(()) } else { self.finish(out) }
    }
}

impl Answer {
    fn grow(&mut self, delta: Delta, out: &mut VecDeque<Piece>) {
        if let Some(text) = delta.content.filter(|text| !text.is_empty()) {
            self.text.push_str(&text);
            out.push_back(Piece::TextDelta(text));
        }
        self.refusal.push_str(&delta.refusal.unwrap_or_default());
        self.reasoning.reasoning_details.extend(delta.reasoning_details.unwrap_or_default());
        let content = delta.reasoning_content.unwrap_or_default();
        let reasoning = delta.reasoning.unwrap_or_default();
        self.reasoning.reasoning_content.push_str(&content);
        self.reasoning.reasoning.push_str(&reasoning);
        // Servers that send both fields send the same text in both.
        let shown = if content.is_empty() { reasoning } else { content };
        if !shown.is_empty() {
            out.push_back(Piece::ThinkingDelta(shown));
        }
        for fields in delta.tool_calls.into_iter().flatten() {
            self.call_grew(fields, out);
        }
    }

    fn call_grew(&mut self, fields: Map<String, Value>, out: &mut VecDeque<Piece>) {
        let id = text(&fields, "id");
        let function = fields.get("function").and_then(Value::as_object);
        let name = function.map(|function| text(function, "name")).unwrap_or_default();
        let arguments = function.map(|function| text(function, "arguments")).unwrap_or_default();
        let index = fields.get("index").and_then(Value::as_u64);
        let position = self.position(index, &id).unwrap_or_else(|| {
            let index = index.unwrap_or(self.calls.len() as u64);
            out.push_back(Piece::ToolCallStarted {
                index: self.calls.len(),
                id: id.clone(),
                name: name.clone(),
            });
            self.calls.push(Call { index, fields, id, name, arguments: String::new() });
            self.calls.len() - 1
        });
        if let Some(call) = self.calls.get_mut(position) {
            call.arguments.push_str(&arguments);
        }
        if !arguments.is_empty() {
            out.push_back(Piece::ToolCallDelta { index: position, arguments });
        }
    }

    /// Which call a chunk belongs to: by index, else by id, else the last one.
    fn position(&self, index: Option<u64>, id: &str) -> Option<usize> {
        match index {
            Some(index) => self.calls.iter().position(|call| call.index == index),
            None if id.is_empty() => self.calls.len().checked_sub(1),
            None => self.calls.iter().position(|call| call.id == id),
        }
    }

    fn finish(&mut self, out: &mut VecDeque<Piece>) -> Result<(), ModelError> {
        let stop = match self.finish_reason.take().as_deref() {
            _ if !self.refusal.is_empty() => {
                return Err(ModelError::Refused(std::mem::take(&mut self.refusal)));
            }
            Some("content_filter") => {
                return Err(ModelError::Refused("the provider filtered the answer".to_owned()));
            }
            // Several servers say "stop" although they called tools.
            Some("tool_calls" | "function_call" | "stop") if !self.calls.is_empty() => {
                Stop::ToolUse
            }
            Some("stop" | "tool_calls" | "function_call") => Stop::EndTurn,
            Some("length") => Stop::MaxTokens,
            Some(other) => Stop::Other(other.to_owned()),
            None => return Err(ModelError::CutStream),
        };
        self.finished = true;
        let (usage, response_id) = (self.usage, self.response_id.take());
        out.push_back(Piece::Finished(Finish { parts: self.parts(), usage, stop, response_id }));
        Ok(())
    }

    fn parts(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        parts.extend(std::mem::take(&mut self.reasoning).into_part());
        if !self.text.is_empty() {
            parts.push(Part::text(std::mem::take(&mut self.text)));
        }
        parts.extend(std::mem::take(&mut self.calls).into_iter().map(Call::into_part));
        parts
    }
}

impl Reasoning {
    fn into_part(self) -> Option<Part> {
        let mut fields = Map::new();
        for (name, text) in
            [("reasoning_content", &self.reasoning_content), ("reasoning", &self.reasoning)]
        {
            if !text.is_empty() {
                fields.insert(name.to_owned(), Value::from(text.as_str()));
            }
        }
        if !self.reasoning_details.is_empty() {
            fields.insert("reasoning_details".to_owned(), self.reasoning_details.into());
        }
        if fields.is_empty() {
            return None;
        }
        let shown =
            if self.reasoning_content.is_empty() { self.reasoning } else { self.reasoning_content };
        Some(Part::Thinking { text: shown, raw: Raw::of(&fields) })
    }
}

impl Call {
    fn into_part(mut self) -> Part {
        self.fields.shift_remove("index");
        self.fields.entry("type").or_insert_with(|| "function".into());
        let function = self.fields.entry("function").or_insert_with(|| Map::new().into());
        if let Some(function) = function.as_object_mut() {
            function.insert("arguments".to_owned(), Value::from(self.arguments.as_str()));
        }
        let raw = Raw::of(&self.fields);
        Part::ToolCall { id: self.id, name: self.name, arguments: self.arguments, raw }
    }
}

impl WireUsage {
    /// The dialect counts cached tokens within the prompt.
    pub(crate) fn into_usage(self) -> Usage {
        let cached = self.prompt_tokens_details.and_then(|details| details.cached_tokens);
        let cached = cached.unwrap_or_default();
        Usage {
            input_tokens: self.prompt_tokens.saturating_sub(cached),
            output_tokens: self.completion_tokens,
            cache_write_tokens: 0,
            cache_read_tokens: cached,
        }
    }
}

fn text(fields: &Map<String, Value>, name: &str) -> String {
    fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
