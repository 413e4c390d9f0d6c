//! Anthropic Messages, the provider's side.

use super::answer::{Answer, OwnId, chunks, sign};
use super::check::{self, Pairing};
use super::seen::{Item, Seen, Tool, flat, list, text};
use serde_json::{Map, Value, json};

const CALL_PREFIX: &str = "toolu_";
/// Who asks for one of these in `anthropic-beta` may speak as the system between messages:
/// `mid-conversation-system-…`, or `mid-conversation-tool-changes-…` that newer clients send instead.
const SYSTEM_BETA: &str = "mid-conversation-";
/// Most cache breakpoints that the provider takes.
const BREAKPOINTS_MAX: usize = 4;

/// Reads and checks a request.
pub(crate) fn read(body: &Value, betas: &str) -> Result<Seen, String> {
    if body.get("max_tokens").and_then(Value::as_u64).is_none_or(|tokens| tokens == 0) {
        return Err("max_tokens: Field required".to_owned());
    }
    let thinking = body.get("thinking").map_or("disabled", |thinking| text(thinking, "type"));
    let breakpoints = breakpoints(body);
    if breakpoints > BREAKPOINTS_MAX {
        return Err("A maximum of 4 blocks with cache_control may be provided".to_owned());
    }
    let mut seen = Seen {
        model: text(body, "model").to_owned(),
        is_stream: body.get("stream").and_then(Value::as_bool).unwrap_or_default(),
        may_think: thinking != "disabled",
        tools: list(body, "tools").iter().map(tool).collect(),
        context: flat(body.get("system")),
        is_cached: breakpoints > 0,
        ..Seen::default()
    };
    seen.cache(&json!([body.get("tools"), body.get("system")]));
    let messages = list(body, "messages");
    if messages.first().is_none_or(|first| text(first, "role") != "user") {
        return Err("messages: first message must use the \"user\" role".to_owned());
    }
    for message in messages {
        seen.cache(message);
        match text(message, "role") {
            "user" => read_user(message, &mut seen)?,
            "assistant" => read_assistant(message, &mut seen)?,
            "system" if betas.contains(SYSTEM_BETA) => {
                seen.context.push('\n');
                seen.context.push_str(&flat(message.get("content")));
            }
            role => return Err(format!("messages: unexpected role {role:?}")),
        }
    }
    check::tools(&seen)?;
    check::pairs(&seen, Pairing::Adjacent)?;
    Ok(seen)
}

fn tool(tool: &Value) -> Tool {
    let schema = tool.get("input_schema").cloned().unwrap_or_default();
    Tool { name: text(tool, "name").to_owned(), schema }
}

fn breakpoints(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| usize::from(name == "cache_control") + breakpoints(value))
            .sum(),
        Value::Array(values) => values.iter().map(breakpoints).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn read_user(message: &Value, seen: &mut Seen) -> Result<(), String> {
    if let Some(text) = message.get("content").and_then(Value::as_str) {
        return speak(text, seen);
    }
    for block in list(message, "content") {
        match text(block, "type") {
            "tool_result" => seen.items.push(Item::Result {
                id: text(block, "tool_use_id").to_owned(),
                text: flat(block.get("content")),
            }),
            "text" => speak(text(block, "text"), seen)?,
            "image" | "document" => {}
            kind => return Err(format!("messages: unexpected block {kind:?} of the user")),
        }
    }
    Ok(())
}

fn speak(text: &str, seen: &mut Seen) -> Result<(), String> {
    if text.is_empty() {
        return Err("messages: text content blocks must be non-empty".to_owned());
    }
    seen.context.push('\n');
    seen.context.push_str(text);
    seen.items.push(Item::User(text.to_owned()));
    Ok(())
}

fn read_assistant(message: &Value, seen: &mut Seen) -> Result<(), String> {
    seen.say("", None);
    let mut has_thought = message.get("content").is_some_and(Value::is_string);
    for block in list(message, "content") {
        match text(block, "type") {
            "thinking" => {
                has_thought = true;
                if text(block, "signature") != sign(&["thinking", text(block, "thinking")]) {
                    return Err("messages: Invalid `signature` in `thinking` block".to_owned());
                }
            }
            "redacted_thinking" => {
                if text(block, "data") != sign(&["redacted"]) {
                    return Err("messages: Invalid `data` in `redacted_thinking` block".to_owned());
                }
            }
            "tool_use" => read_call(block, has_thought, seen)?,
            "text" if text(block, "text").is_empty() => {
                return Err("messages: text content blocks must be non-empty".to_owned());
            }
            "text" => {}
            kind => return Err(format!("messages: unexpected block {kind:?} of the assistant")),
        }
    }
    Ok(())
}

fn read_call(block: &Value, has_thought: bool, seen: &mut Seen) -> Result<(), String> {
    let id = text(block, "id");
    let input = block.get("input").filter(|input| input.is_object());
    let input = input.ok_or("messages: tool_use.input: Input should be an object")?;
    let own = OwnId::parse(CALL_PREFIX, id);
    if let Some(own) = &own {
        if !own.matches(text(block, "name"), &input.to_string()) {
            return Err(format!("messages: tool_use {id} is not what the model said"));
        }
        if own.thought && seen.may_think && !has_thought {
            return Err(format!("messages: expected `thinking` before tool_use {id}"));
        }
    }
    let nonce = own.map_or("", |own| own.nonce);
    seen.say(nonce, Some(id.to_owned()));
    Ok(())
}

/// The content blocks of an answer.
fn blocks(answer: &Answer) -> Vec<Value> {
    let mut blocks = Vec::new();
    if let Some(thinking) = &answer.thinking {
        let signature = sign(&["thinking", thinking]);
        blocks.push(json!({"type": "thinking", "thinking": thinking, "signature": signature}));
    }
    if answer.is_opaque {
        blocks.push(json!({"type": "redacted_thinking", "data": sign(&["redacted"])}));
    }
    if let Some(text) = &answer.text {
        blocks.push(json!({"type": "text", "text": text}));
    }
    for (number, call) in answer.calls.iter().enumerate() {
        let id = answer.call_id(CALL_PREFIX, number, call);
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        blocks.push(json!({"type": "tool_use", "id": id, "name": call.name, "input": input}));
    }
    blocks
}

/// An answer that is not streamed.
pub(crate) fn whole(answer: &Answer) -> Value {
    message(answer, blocks(answer).into(), stop_reason(answer).into())
}

fn message(answer: &Answer, content: Value, stop_reason: Value) -> Value {
    let usage = answer.usage;
    json!({
        "id": format!("msg_{}", answer.nonce), "type": "message", "role": "assistant",
        "model": answer.model, "content": content, "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": {
            "input_tokens": usage.input, "output_tokens": usage.output,
            "cache_creation_input_tokens": usage.cache_write,
            "cache_read_input_tokens": usage.cache_read,
        },
    })
}

fn stop_reason(answer: &Answer) -> &'static str {
    if answer.is_refusal {
        "refusal"
    } else if answer.calls.is_empty() {
        "end_turn"
    } else {
        "tool_use"
    }
}

/// An answer as a stream.
pub(crate) fn frames(answer: &Answer) -> Vec<String> {
    let start = message(answer, json!([]), Value::Null);
    let mut frames = vec![
        frame(json!({"type": "message_start", "message": start})),
        frame(json!({"type": "ping"})),
    ];
    let mut calls = answer.calls.iter();
    for (index, block) in blocks(answer).into_iter().enumerate() {
        let is_call = text(&block, "type") == "tool_use";
        let arguments = is_call.then(|| calls.next()).flatten().map(|call| call.arguments.as_str());
        frames.extend(block_frames(index, &block, arguments));
    }
    frames.push(frame(json!({
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason(answer), "stop_sequence": null},
        "usage": {"output_tokens": answer.usage.output},
    })));
    frames.push(frame(json!({"type": "message_stop"})));
    frames
}

fn block_frames(index: usize, block: &Value, arguments: Option<&str>) -> Vec<String> {
    let mut start: Map<String, Value> = block.as_object().cloned().unwrap_or_default();
    let mut deltas = Vec::new();
    let mut pour = |start: &mut Map<String, Value>, field: &str, kind: &str, whole: &str| {
        start.insert(field.to_owned(), "".into());
        deltas.extend(chunks(whole).into_iter().map(|chunk| json!({"type": kind, field: chunk})));
    };
    match text(block, "type") {
        "thinking" => {
            pour(&mut start, "thinking", "thinking_delta", text(block, "thinking"));
            pour(&mut start, "signature", "signature_delta", text(block, "signature"));
        }
        "text" => pour(&mut start, "text", "text_delta", text(block, "text")),
        "tool_use" => {
            start.insert("input".to_owned(), json!({}));
            let pieces = chunks(arguments.unwrap_or_default());
            deltas.extend(
                pieces
                    .into_iter()
                    .map(|chunk| json!({"type": "input_json_delta", "partial_json": chunk})),
            );
        }
        _ => {}
    }
    let start = json!({"type": "content_block_start", "index": index, "content_block": start});
    let deltas = deltas
        .into_iter()
        .map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta}));
    let stop = json!({"type": "content_block_stop", "index": index});
    std::iter::once(start).chain(deltas).chain([stop]).map(frame).collect()
}

fn frame(data: Value) -> String {
    format!("event: {}\ndata: {data}\n\n", text(&data, "type"))
}
