//! Reads the events of an Anthropic Messages stream.

use super::request::Input;
use crate::conversation::{Part, Raw};
use crate::dialect::{Decoder, parse};
use crate::error::{self, ModelError, WireError};
use crate::piece::{Finish, Piece, Stop, Usage};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use std::collections::VecDeque;

/// An answer as far as it has arrived.
#[derive(Default)]
pub(crate) struct Answer {
    response_id: Option<String>,
    blocks: Vec<Block>,
    calls: usize,
    usage: Usage,
    stop_reason: Option<String>,
    finished: bool,
}

/// One content block: the start event's JSON, and what the deltas added.
struct Block {
    start: Map<String, Value>,
    kind: Kind,
    text: String,
    signature: String,
    citations: Vec<Value>,
    call: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    ToolUse,
    Other,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    index: Option<usize>,
    message: Option<MessageStart>,
    content_block: Option<Map<String, Value>>,
    delta: Option<Delta>,
    usage: Option<WireUsage>,
    error: Option<WireError>,
}

#[derive(Deserialize)]
struct MessageStart {
    id: Option<String>,
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct Delta {
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    partial_json: Option<String>,
    citation: Option<Value>,
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct WireUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
}

impl Decoder for Answer {
    fn event(&mut self, data: &str, out: &mut VecDeque<Piece>) -> Result<(), ModelError> {
        let event: Event = parse(data)?;
        match event.kind.as_str() {
            "message_start" => self.started(event.message, out),
            "content_block_start" => self.block_started(event, out)?,
            "content_block_delta" => self.block_grew(event, out)?,
            "message_delta" => {
                self.count(event.usage.as_ref(), out);
                let reason = event.delta.and_then(|delta| delta.stop_reason);
                self.stop_reason = reason.or(self.stop_reason.take());
            }
            "message_stop" => self.finish(out)?,
            "error" => return Err(error::from_stream(&event.error.unwrap_or_default())),
            // Pings and events to come.
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, _out: &mut VecDeque<Piece>) -> Result<(), ModelError> {
        if self.finished { Ok(()) } else { Err(ModelError::CutStream) }
    }
}

impl Answer {
    fn started(&mut self, message: Option<MessageStart>, out: &mut VecDeque<Piece>) {
        if let Some(message) = message {
            self.count(message.usage.as_ref(), out);
            self.response_id = message.id;
        }
    }

    /// Later events repeat the counters with their newest values.
    fn count(&mut self, usage: Option<&WireUsage>, out: &mut VecDeque<Piece>) {
        let Some(usage) = usage else { return };
        self.usage = usage.over(self.usage);
        out.push_back(Piece::Counted(self.usage));
    }

    fn block_started(&mut self, event: Event, out: &mut VecDeque<Piece>) -> Result<(), ModelError> {
        if event.index != Some(self.blocks.len()) {
            return Err(ModelError::Malformed("a content block is out of order".to_owned()));
        }
        let block = Block::of(event.content_block.unwrap_or_default(), self.calls);
        if block.kind == Kind::ToolUse {
            self.calls += 1;
            out.push_back(Piece::ToolCallStarted {
                index: block.call,
                id: block.string("id"),
                name: block.string("name"),
            });
        }
        self.blocks.push(block);
        Ok(())
    }

    fn block_grew(&mut self, event: Event, out: &mut VecDeque<Piece>) -> Result<(), ModelError> {
        let block = event.index.and_then(|index| self.blocks.get_mut(index));
        let (Some(block), Some(delta)) = (block, event.delta) else {
            return Err(ModelError::Malformed("a delta belongs to no content block".to_owned()));
        };
        block.grow(delta, out);
        Ok(())
    }

    fn finish(&mut self, out: &mut VecDeque<Piece>) -> Result<(), ModelError> {
        let parts: Vec<Part> =
            std::mem::take(&mut self.blocks).into_iter().filter_map(Block::into_part).collect();
        let stop = match self.stop_reason.take().as_deref() {
            Some("refusal") => {
                return Err(ModelError::Refused("the provider stopped the answer".to_owned()));
            }
            Some("end_turn" | "stop_sequence") => Stop::EndTurn,
            Some("tool_use") => Stop::ToolUse,
            Some("max_tokens") => Stop::MaxTokens,
            Some("model_context_window_exceeded") => Stop::ContextFull,
            Some("pause_turn") => Stop::Paused,
            Some(other) => Stop::Other(other.to_owned()),
            None => return Err(ModelError::CutStream),
        };
        self.finished = true;
        out.push_back(Piece::Finished(Finish {
            parts,
            usage: self.usage,
            stop,
            response_id: self.response_id.take(),
        }));
        Ok(())
    }
}

impl WireUsage {
    /// What is told now, over what was told before.
    pub(crate) fn over(&self, before: Usage) -> Usage {
        let newest = |new: Option<u64>, old: u64| new.unwrap_or(old);
        Usage {
            input_tokens: newest(self.input_tokens, before.input_tokens),
            output_tokens: newest(self.output_tokens, before.output_tokens),
            cache_write_tokens: newest(self.cache_creation_input_tokens, before.cache_write_tokens),
            cache_read_tokens: newest(self.cache_read_input_tokens, before.cache_read_tokens),
        }
    }
}

impl Block {
    fn of(start: Map<String, Value>, call: usize) -> Self {
        let string =
            |name: &str| start.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let kind = match start.get("type").and_then(Value::as_str) {
            Some("text") => Kind::Text,
            Some("thinking") => Kind::Thinking,
            Some("tool_use") => Kind::ToolUse,
            Some(_) | None => Kind::Other,
        };
        let text = match kind {
            Kind::Text => string("text"),
            Kind::Thinking => string("thinking"),
            Kind::ToolUse | Kind::Other => String::new(),
        };
        let signature = string("signature");
        Self { kind, text, signature, citations: Vec::new(), call, start }
    }

    fn string(&self, name: &str) -> String {
        self.start.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn grow(&mut self, delta: Delta, out: &mut VecDeque<Piece>) {
        if let Some(text) = delta.text {
            self.text.push_str(&text);
            out.push_back(Piece::TextDelta(text));
        }
        if let Some(thinking) = delta.thinking {
            self.text.push_str(&thinking);
            out.push_back(Piece::ThinkingDelta(thinking));
        }
        if let Some(signature) = delta.signature {
            self.signature.push_str(&signature);
        }
        if let Some(json) = delta.partial_json {
            self.text.push_str(&json);
            if self.kind == Kind::ToolUse && !json.is_empty() {
                out.push_back(Piece::ToolCallDelta { index: self.call, arguments: json });
            }
        }
        self.citations.extend(delta.citation);
    }

    fn into_part(mut self) -> Option<Part> {
        match self.kind {
            // The provider refuses empty text blocks, even its own.
            Kind::Text if self.text.is_empty() => return None,
            Kind::Text => {
                self.start.insert("text".into(), self.text.clone().into());
                if !self.citations.is_empty() {
                    let citations = std::mem::take(&mut self.citations);
                    self.start.insert("citations".into(), citations.into());
                }
            }
            Kind::Thinking => {
                self.start.insert("thinking".into(), self.text.clone().into());
                self.start.insert("signature".into(), self.signature.clone().into());
            }
            Kind::ToolUse | Kind::Other => {}
        }
        // Arguments that are no object cannot be replayed as they are.
        let malformed = self.kind == Kind::ToolUse
            && !self.text.trim().is_empty()
            && serde_json::from_str::<Map<String, Value>>(&self.text).is_err();
        let raw = if malformed { None } else { Raw::of(&self) };
        Some(match self.kind {
            Kind::Text => Part::Text { text: self.text, raw },
            Kind::Thinking => Part::Thinking { text: self.text, raw },
            Kind::ToolUse => Part::ToolCall {
                id: self.string("id"),
                name: self.string("name"),
                arguments: self.arguments(),
                raw,
            },
            Kind::Other => Part::Opaque { raw: raw? },
        })
    }

    /// The model's own text; a call without arguments streams none.
    fn arguments(&self) -> String {
        if self.text.is_empty() {
            return self.start.get("input").map_or_else(|| "{}".to_owned(), Value::to_string);
        }
        self.text.clone()
    }
}

/// The block as the provider would write it whole: the arguments are spliced in byte for byte.
impl Serialize for Block {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.start {
            let streamed = name == "input" && !self.text.is_empty();
            match self.kind {
                Kind::ToolUse | Kind::Other if streamed => {
                    map.serialize_entry(name, &Input(&self.text))?;
                }
                Kind::Text | Kind::Thinking | Kind::ToolUse | Kind::Other => {
                    map.serialize_entry(name, value)?;
                }
            }
        }
        map.end()
    }
}
