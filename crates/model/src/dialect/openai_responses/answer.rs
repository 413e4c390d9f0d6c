//! Reads the events of an OpenAI Responses stream.

use crate::conversation::{Part, Raw};
use crate::dialect::{Decoder, parse};
use crate::error::{self, ModelError, WireError};
use crate::piece::{Finish, Piece, Stop, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::VecDeque;

/// An answer as far as it has arrived.
#[derive(Default)]
pub(crate) struct Answer {
    parts: Vec<Part>,
    /// Output indices of the function calls, in order of appearance.
    calls: Vec<u64>,
    finished: bool,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    delta: Option<String>,
    output_index: Option<u64>,
    item: Option<Box<RawValue>>,
    response: Option<Response>,
    error: Option<WireError>,
    code: Option<serde_json::Value>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Response {
    id: Option<String>,
    usage: Option<WireUsage>,
    error: Option<WireError>,
    incomplete_details: Option<IncompleteDetails>,
}

#[derive(Deserialize)]
struct IncompleteDetails {
    reason: Option<String>,
}

#[derive(Deserialize, Default)]
pub(crate) struct WireUsage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    input_tokens_details: Option<InputDetails>,
}

#[derive(Deserialize)]
struct InputDetails {
    #[serde(default)]
    cached_tokens: u64,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: String,
    status: Option<String>,
    call_id: Option<String>,
    name: Option<String>,
    arguments: Option<String>,
    #[serde(default)]
    content: Option<Vec<Text>>,
    #[serde(default)]
    summary: Option<Vec<Text>>,
    encrypted_content: Option<String>,
}

#[derive(Deserialize)]
struct Text {
    text: Option<String>,
    refusal: Option<String>,
}

impl Decoder for Answer {
    fn event(&mut self, data: &str, out: &mut VecDeque<Piece>) -> Result<(), ModelError> {
        let event: Event = parse(data)?;
        match event.kind.as_str() {
            "response.output_text.delta" => out.extend(event.delta.map(Piece::TextDelta)),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                out.extend(event.delta.map(Piece::ThinkingDelta));
            }
            "response.output_item.added" => self.item_added(&event, out)?,
            "response.function_call_arguments.delta" => self.call_grew(event, out),
            "response.output_item.done" => self.item_done(event.item)?,
            "response.completed" | "response.incomplete" => self.finish(event.response, out)?,
            "response.failed" => {
                let error = event.response.and_then(|response| response.error);
                return Err(error::from_stream(&error.unwrap_or_default()));
            }
            "error" => {
                let flat = WireError { kind: None, code: event.code, message: event.message };
                return Err(error::from_stream(&event.error.unwrap_or(flat)));
            }
            // Lifecycle events that repeat what others say, and events to come.
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, _out: &mut VecDeque<Piece>) -> Result<(), ModelError> {
        if self.finished { Ok(()) } else { Err(ModelError::CutStream) }
    }
}

impl Answer {
    fn item_added(&mut self, event: &Event, out: &mut VecDeque<Piece>) -> Result<(), ModelError> {
        let Some(raw) = &event.item else { return Ok(()) };
        let item: Item = parse(raw.get())?;
        if item.kind == "function_call" {
            out.push_back(Piece::ToolCallStarted {
                index: self.calls.len(),
                id: item.call_id.unwrap_or_default(),
                name: item.name.unwrap_or_default(),
            });
            self.calls.push(event.output_index.unwrap_or_default());
        }
        Ok(())
    }

    fn call_grew(&self, event: Event, out: &mut VecDeque<Piece>) {
        let output = event.output_index.unwrap_or_default();
        let index = self.calls.iter().position(|&call| call == output);
        if let (Some(index), Some(arguments)) = (index, event.delta) {
            out.push_back(Piece::ToolCallDelta { index, arguments });
        }
    }

    fn item_done(&mut self, raw: Option<Box<RawValue>>) -> Result<(), ModelError> {
        let Some(raw) = raw else { return Ok(()) };
        let item: Item = parse(raw.get())?;
        let raw = Raw::from(raw);
        self.parts.extend(match item.kind.as_str() {
            "message" => Some(item.message(raw)?),
            "reasoning" => Some(item.reasoning(raw)),
            "function_call" => item.call(raw),
            _ => Some(Part::Opaque { raw }),
        });
        Ok(())
    }

    fn finish(
        &mut self,
        response: Option<Response>,
        out: &mut VecDeque<Piece>,
    ) -> Result<(), ModelError> {
        let response = response
            .ok_or_else(|| ModelError::Malformed("the final event has no response".to_owned()))?;
        let called = self.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
        let reason = response.incomplete_details.and_then(|details| details.reason);
        let stop = match reason.as_deref() {
            Some("max_output_tokens") => Stop::MaxTokens,
            Some("content_filter") => {
                return Err(ModelError::Refused("the provider filtered the answer".to_owned()));
            }
            Some(other) => Stop::Other(other.to_owned()),
            None if called => Stop::ToolUse,
            None => Stop::EndTurn,
        };
        self.finished = true;
        out.push_back(Piece::Finished(Finish {
            parts: std::mem::take(&mut self.parts),
            usage: response.usage.unwrap_or_default().into_usage(),
            stop,
            response_id: response.id,
        }));
        Ok(())
    }
}

impl Item {
    fn message(self, raw: Raw) -> Result<Part, ModelError> {
        let contents = self.content.unwrap_or_default();
        if let Some(refusal) = contents.iter().find_map(|content| content.refusal.clone()) {
            return Err(ModelError::Refused(refusal));
        }
        let text = contents.into_iter().filter_map(|content| content.text).collect();
        Ok(Part::Text { text, raw: Some(raw) })
    }

    /// Nothing is stored at the provider, so a reasoning item without its encrypted content would be
    /// an unknown id when sent back.
    fn reasoning(self, raw: Raw) -> Part {
        let texts: Vec<String> =
            self.summary.unwrap_or_default().into_iter().filter_map(|part| part.text).collect();
        let raw = self.encrypted_content.is_some().then_some(raw);
        Part::Thinking { text: texts.join("\n\n"), raw }
    }

    /// A call that was cut by the length limit is no call.
    fn call(self, raw: Raw) -> Option<Part> {
        if self.status.as_deref() == Some("incomplete") {
            return None;
        }
        Some(Part::ToolCall {
            id: self.call_id.unwrap_or_default(),
            name: self.name.unwrap_or_default(),
            arguments: self.arguments.unwrap_or_default(),
            raw: Some(raw),
        })
    }
}

impl WireUsage {
    /// The provider counts cached tokens within the input.
    pub(crate) fn into_usage(self) -> Usage {
        let cached = self.input_tokens_details.map_or(0, |details| details.cached_tokens);
        Usage {
            input_tokens: self.input_tokens.saturating_sub(cached),
            output_tokens: self.output_tokens,
            cache_write_tokens: 0,
            cache_read_tokens: cached,
        }
    }
}
