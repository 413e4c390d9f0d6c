//! OpenAI Chat Completions, the provider's side, with the `reasoning_content` of other vendors.

use super::answer::{Answer, OwnId, chunks};
use super::check::{self, Pairing};
use super::seen::{Item, Seen, Tool, flat, list, text};
use serde_json::{Value, json};

const CALL_PREFIX: &str = "chatcall_";
/// When all answers of this provider were made.
const CREATED_AT: u64 = 1_700_000_000;

/// Reads and checks a request.
pub(crate) fn read(body: &Value, require_reasoning_content: bool) -> Result<Seen, String> {
    let mut seen = Seen {
        model: text(body, "model").to_owned(),
        is_stream: body.get("stream").and_then(Value::as_bool).unwrap_or_default(),
        may_think: true,
        tools: list(body, "tools").iter().map(tool).collect(),
        is_cached: true,
        ..Seen::default()
    };
    seen.cache(&json!([body.get("tools")]));
    let messages = list(body, "messages");
    if messages.is_empty() {
        return Err("messages: must not be empty".to_owned());
    }
    for message in messages {
        seen.cache(message);
        let words = flat(message.get("content"));
        match text(message, "role") {
            "user" => {
                seen.context.push('\n');
                seen.context.push_str(&words);
                seen.items.push(Item::User(words));
            }
            "assistant" => read_assistant(message, require_reasoning_content, &mut seen)?,
            "tool" => seen
                .items
                .push(Item::Result { id: text(message, "tool_call_id").to_owned(), text: words }),
            "system" | "developer" => seen.context.push_str(&words),
            role => return Err(format!("messages: unexpected role {role:?}")),
        }
    }
    check::tools(&seen)?;
    check::pairs(&seen, Pairing::Adjacent)?;
    Ok(seen)
}

fn tool(tool: &Value) -> Tool {
    let function = tool.get("function").cloned().unwrap_or_default();
    let schema = function.get("parameters").cloned().unwrap_or_default();
    Tool { name: text(&function, "name").to_owned(), schema }
}

fn read_assistant(
    message: &Value,
    require_reasoning_content: bool,
    seen: &mut Seen,
) -> Result<(), String> {
    seen.say("", None);
    let has_thought = !text(message, "reasoning_content").is_empty();
    for call in list(message, "tool_calls") {
        let id = text(call, "id");
        let function = call.get("function").cloned().unwrap_or_default();
        let own = OwnId::parse(CALL_PREFIX, id);
        if let Some(own) = &own {
            if !own.matches(text(&function, "name"), text(&function, "arguments")) {
                return Err(format!("messages: tool call {id} is not what the model said"));
            }
            if own.thought && require_reasoning_content && !has_thought {
                return Err(format!("messages: missing `reasoning_content` beside call {id}"));
            }
        }
        let nonce = own.map_or("", |own| own.nonce);
        seen.say(nonce, Some(id.to_owned()));
    }
    Ok(())
}

fn call(answer: &Answer, number: usize) -> Option<Value> {
    let call = answer.calls.get(number)?;
    Some(json!({
        "id": answer.call_id(CALL_PREFIX, number, call), "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }))
}

fn finish_reason(answer: &Answer) -> &'static str {
    if answer.is_refusal {
        "content_filter"
    } else if answer.calls.is_empty() {
        "stop"
    } else {
        "tool_calls"
    }
}

fn usage(answer: &Answer) -> Value {
    let usage = answer.usage;
    let input = usage.input + usage.cache_read + usage.cache_write;
    json!({
        "prompt_tokens": input, "completion_tokens": usage.output,
        "total_tokens": input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
    })
}

/// An answer that is not streamed.
pub(crate) fn whole(answer: &Answer) -> Value {
    let calls: Vec<Value> =
        (0..answer.calls.len()).filter_map(|number| call(answer, number)).collect();
    let mut message = json!({"role": "assistant", "content": answer.text, "refusal": null});
    if let Some(fields) = message.as_object_mut() {
        if !calls.is_empty() {
            fields.insert("tool_calls".to_owned(), calls.into());
        }
        if let Some(thinking) = &answer.thinking {
            fields.insert("reasoning_content".to_owned(), thinking.as_str().into());
        }
    }
    json!({
        "id": format!("chatcmpl-{}", answer.nonce), "object": "chat.completion",
        "created": CREATED_AT, "model": answer.model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason(answer)}],
        "usage": usage(answer),
    })
}

/// An answer as a stream.
pub(crate) fn frames(answer: &Answer) -> Vec<String> {
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    let texts = |field: &str, whole: &Option<String>| {
        let pieces = chunks(whole.as_deref().unwrap_or_default());
        pieces.into_iter().map(|chunk| json!({field: chunk})).collect::<Vec<_>>()
    };
    deltas.extend(texts("reasoning_content", &answer.thinking));
    deltas.extend(texts("content", &answer.text));
    deltas.extend(call_deltas(answer));
    let mut frames: Vec<String> = deltas
        .into_iter()
        .map(|delta| {
            frame(answer, json!([{"index": 0, "delta": delta, "finish_reason": null}]), Value::Null)
        })
        .collect();
    let last = json!([{"index": 0, "delta": {}, "finish_reason": finish_reason(answer)}]);
    frames.push(frame(answer, last, Value::Null));
    frames.push(frame(answer, json!([]), usage(answer)));
    frames.push("data: [DONE]\n\n".to_owned());
    frames
}

/// The calls begin together and grow by turns, as some providers do it.
fn call_deltas(answer: &Answer) -> Vec<Value> {
    let mut deltas = Vec::new();
    let mut rest = Vec::new();
    for (number, said) in answer.calls.iter().enumerate() {
        let Some(mut begun) = call(answer, number) else { continue };
        if let Some(fields) = begun.as_object_mut() {
            fields.insert("index".to_owned(), number.into());
            let function = json!({"name": said.name, "arguments": ""});
            fields.insert("function".to_owned(), function);
        }
        deltas.push(json!({"tool_calls": [begun]}));
        for (round, chunk) in chunks(&said.arguments).into_iter().enumerate() {
            let delta = json!({"index": number, "function": {"arguments": chunk}});
            rest.push((round, json!({"tool_calls": [delta]})));
        }
    }
    rest.sort_by_key(|(round, _)| *round);
    deltas.extend(rest.into_iter().map(|(_, delta)| delta));
    deltas
}

fn frame(answer: &Answer, choices: Value, usage: Value) -> String {
    let chunk = json!({
        "id": format!("chatcmpl-{}", answer.nonce), "object": "chat.completion.chunk",
        "created": CREATED_AT, "model": answer.model, "choices": choices, "usage": usage,
    });
    format!("data: {chunk}\n\n")
}
