//! Reads what an answer cost while it passes, from the provider's own figures.

use super::Wire;
use crate::dialect::{anthropic, openai_chat, openai_responses};
use crate::piece::Usage;
use crate::sse::EventReader;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::VecDeque;

/// Largest answer in one piece of which the cost is read.
const WHOLE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Reads one answer.
pub struct Meter {
    wire: Wire,
    form: Form,
    usage: Usage,
    is_told: bool,
}

enum Form {
    Events(Box<EventReader>),
    Whole(Vec<u8>),
    /// Too large or malformed: nothing is read of it any more.
    Unreadable,
}

/// The fields of any dialect that lead to figures.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Part<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, rename = "usageMetadata")]
    usage_metadata: Option<&'a RawValue>,
    candidates: Option<Vec<Candidate>>,
}

#[derive(Deserialize)]
struct Candidate {
    #[serde(rename = "finishReason")]
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct GeminiUsage {
    prompt_token_count: u64,
    tool_use_prompt_token_count: u64,
    candidates_token_count: u64,
    thoughts_token_count: u64,
    cached_content_token_count: u64,
}

impl Meter {
    /// Of an answer with this content type.
    pub fn new(wire: Wire, content_type: &str) -> Self {
        let form = if content_type.starts_with("text/event-stream") {
            Form::Events(Box::default())
        } else {
            Form::Whole(Vec::new())
        };
        Self { wire, form, usage: Usage::default(), is_told: false }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        match &mut self.form {
            Form::Events(reader) => {
                let mut events = VecDeque::new();
                let read = reader.push(bytes, &mut events);
                for event in events {
                    self.read(&event);
                }
                if read.is_err() {
                    self.form = Form::Unreadable;
                }
            }
            Form::Whole(whole) if whole.len() + bytes.len() <= WHOLE_BYTES_MAX => {
                whole.extend_from_slice(bytes);
            }
            Form::Whole(_) => self.form = Form::Unreadable,
            Form::Unreadable => {}
        }
    }

    /// The answer is over.
    pub fn end(&mut self) {
        if let Form::Whole(whole) = std::mem::replace(&mut self.form, Form::Unreadable) {
            let text = String::from_utf8_lossy(&whole);
            match serde_json::from_str::<Vec<&RawValue>>(&text) {
                // A stream of Gemini's without events.
                Ok(parts) => parts.iter().for_each(|part| self.read(part.get())),
                Err(_) => self.read(&text),
            }
        }
    }

    /// What it cost, once the provider has told all of it.
    pub fn told(&self) -> Option<Usage> {
        self.is_told.then_some(self.usage)
    }

    fn read(&mut self, text: &str) {
        // What is no JSON (`[DONE]`) has no figures.
        let Ok(part) = serde_json::from_str::<Part<'_>>(text) else { return };
        match self.wire {
            Wire::Anthropic | Wire::AnthropicCount => self.anthropic(&part),
            Wire::OpenaiResponses => self.responses(&part),
            Wire::OpenaiChat => {
                let usage = part.usage.and_then(parsed::<openai_chat::answer::WireUsage>);
                self.tell(usage.map(openai_chat::answer::WireUsage::into_usage));
            }
            Wire::Gemini | Wire::GeminiStream => self.gemini(&part),
        }
    }

    fn tell(&mut self, usage: Option<Usage>) {
        if let Some(usage) = usage {
            self.usage = usage;
            self.is_told = true;
        }
    }

    fn anthropic(&mut self, part: &Part<'_>) {
        let started = part
            .message
            .and_then(|message| serde_json::from_str::<Part<'_>>(message.get()).ok()?.usage);
        for usage in started.into_iter().chain(part.usage) {
            if let Some(usage) = parsed::<anthropic::answer::WireUsage>(usage) {
                self.usage = usage.over(self.usage);
            }
        }
        // The first figures of a stream know the output's beginning only.
        let is_last = matches!(part.kind.as_deref(), Some("message_delta" | "message"));
        self.is_told |= is_last && part.usage.is_some();
    }

    fn responses(&mut self, part: &Part<'_>) {
        let inner = part
            .response
            .and_then(|response| serde_json::from_str::<Part<'_>>(response.get()).ok()?.usage);
        let usage = inner.or(part.usage).and_then(parsed::<openai_responses::answer::WireUsage>);
        self.tell(usage.map(openai_responses::answer::WireUsage::into_usage));
    }

    /// Every part repeats the figures so far; the one with a reason to stop has them all.
    fn gemini(&mut self, part: &Part<'_>) {
        if let Some(usage) = part.usage_metadata.and_then(parsed::<GeminiUsage>) {
            let input = usage.prompt_token_count.saturating_add(usage.tool_use_prompt_token_count);
            self.usage = Usage {
                input_tokens: input.saturating_sub(usage.cached_content_token_count),
                output_tokens: usage
                    .candidates_token_count
                    .saturating_add(usage.thoughts_token_count),
                cache_write_tokens: 0,
                cache_read_tokens: usage.cached_content_token_count,
            };
            let mut candidates = part.candidates.iter().flatten();
            self.is_told |= candidates.any(|candidate| candidate.finish_reason.is_some());
        }
    }
}

fn parsed<T: DeserializeOwned>(raw: &RawValue) -> Option<T> {
    serde_json::from_str::<Option<T>>(raw.get()).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(wire: Wire, content_type: &str, chunks: &[&str]) -> Option<Usage> {
        let mut meter = Meter::new(wire, content_type);
        chunks.iter().for_each(|chunk| meter.push(chunk.as_bytes()));
        meter.end();
        meter.told()
    }

    fn usage(input: u64, output: u64, written: u64, read: u64) -> Option<Usage> {
        let (input_tokens, output_tokens) = (input, output);
        let (cache_write_tokens, cache_read_tokens) = (written, read);
        Some(Usage { input_tokens, output_tokens, cache_write_tokens, cache_read_tokens })
    }

    const SSE: &str = "text/event-stream; charset=utf-8";
    const JSON: &str = "application/json";

    #[test]
    fn a_stream_is_counted_by_its_own_figures_cached_tokens_apart() {
        let start = "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5,\"cache_creation_input_tokens\":7,\"cache_read_input_tokens\":11,\"output_tokens\":1}}}\n\n";
        let delta =
            "data: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":13}}\n\n";
        assert_eq!(told(Wire::Anthropic, SSE, &[start, delta]), usage(5, 13, 7, 11));
        let (left, right) = delta.split_at(20);
        assert_eq!(told(Wire::Anthropic, SSE, &[start, left, right]), usage(5, 13, 7, 11));
        let done = "data: {\"type\":\"response.incomplete\",\"response\":{\"usage\":{\"input_tokens\":10,\"input_tokens_details\":{\"cached_tokens\":4},\"output_tokens\":3}}}\n\n";
        assert_eq!(told(Wire::OpenaiResponses, SSE, &[done]), usage(6, 3, 0, 4));
        let chat = "data: {\"choices\":[],\"usage\":null}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":2,\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\ndata: [DONE]\n\n";
        assert_eq!(told(Wire::OpenaiChat, SSE, &[chat]), usage(6, 2, 0, 4));
        let gemini = "data: {\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":2,\"thoughtsTokenCount\":3,\"cachedContentTokenCount\":4}}\n\n";
        assert_eq!(told(Wire::GeminiStream, SSE, &[gemini]), usage(5, 5, 0, 4));
    }

    #[test]
    fn an_answer_in_one_piece_is_counted_too() {
        let anthropic = r#"{"type":"message","usage":{"input_tokens":5,"output_tokens":2}}"#;
        assert_eq!(told(Wire::Anthropic, JSON, &[anthropic]), usage(5, 2, 0, 0));
        let responses = r#"{"object":"response","usage":{"input_tokens":5,"output_tokens":2}}"#;
        assert_eq!(told(Wire::OpenaiResponses, JSON, &[responses]), usage(5, 2, 0, 0));
        let chat = r#"{"usage":{"prompt_tokens":5,"completion_tokens":2}}"#;
        assert_eq!(told(Wire::OpenaiChat, JSON, &[chat]), usage(5, 2, 0, 0));
        let list = r#"[{"usageMetadata":{"promptTokenCount":5}},{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2}}]"#;
        assert_eq!(told(Wire::GeminiStream, JSON, &[list]), usage(5, 2, 0, 0));
    }

    #[test]
    fn what_breaks_off_before_its_figures_is_not_told() {
        let start = "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n";
        assert_eq!(told(Wire::Anthropic, SSE, &[start]), None);
        let running = "data: {\"candidates\":[{}],\"usageMetadata\":{\"promptTokenCount\":9}}\n\n";
        assert_eq!(told(Wire::GeminiStream, SSE, &[running]), None);
        assert_eq!(told(Wire::OpenaiChat, SSE, &["data: {\"choices\":[]}\n\n"]), None);
        assert_eq!(told(Wire::Anthropic, JSON, &["{\"type\":\"message\""]), None);
    }
}
