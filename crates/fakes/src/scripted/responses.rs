//! OpenAI Responses, the provider's side: stateless, reasoning comes back encrypted.

use super::answer::{Answer, OwnId, chunks, sign};
use super::check::{self, Pairing};
use super::seen::{Item, Seen, Tool, flat, list, text};
use serde_json::{Value, json};

const CALL_PREFIX: &str = "call_";
/// When all answers of this provider were made.
const CREATED_AT: u64 = 1_700_000_000;

/// Reads and checks a request.
pub(crate) fn read(body: &Value) -> Result<Seen, String> {
    let wants_reasoning =
        list(body, "include").iter().any(|field| field == "reasoning.encrypted_content");
    let mut seen = Seen {
        model: text(body, "model").to_owned(),
        is_stream: body.get("stream").and_then(Value::as_bool).unwrap_or_default(),
        may_think: wants_reasoning,
        tools: list(body, "tools").iter().filter_map(tool).collect(),
        context: text(body, "instructions").to_owned(),
        is_cached: true,
        ..Seen::default()
    };
    seen.cache(&json!([body.get("tools"), body.get("instructions")]));
    if let Some(text) = body.get("input").and_then(Value::as_str) {
        seen.items.push(Item::User(text.to_owned()));
    }
    // The nonce of the reasoning item that the next call belongs to.
    let mut thought = None;
    for item in list(body, "input") {
        seen.cache(item);
        read_item(item, &mut thought, &mut seen)?;
    }
    check::tools(&seen)?;
    check::pairs(&seen, Pairing::Later)?;
    Ok(seen)
}

fn tool(tool: &Value) -> Option<Tool> {
    let schema = tool.get("parameters").cloned().unwrap_or_default();
    let is_function = text(tool, "type") == "function";
    is_function.then(|| Tool { name: text(tool, "name").to_owned(), schema })
}

fn read_item(item: &Value, thought: &mut Option<String>, seen: &mut Seen) -> Result<(), String> {
    match text(item, "type") {
        "message" | "" => read_message(item, seen),
        "reasoning" => *thought = Some(read_reasoning(item)?),
        "function_call" => read_call(item, thought.as_deref(), seen)?,
        "function_call_output" => seen.items.push(Item::Result {
            id: text(item, "call_id").to_owned(),
            text: flat(item.get("output")),
        }),
        "hologram" => {
            if text(item, "data") != sign(&["hologram", text(item, "id")]) {
                return Err("input: the hologram was changed".to_owned());
            }
        }
        kind => return Err(format!("input: unexpected item {kind:?}")),
    }
    Ok(())
}

fn read_message(item: &Value, seen: &mut Seen) {
    let words = flat(item.get("content"));
    match text(item, "role") {
        "assistant" => {
            let id = text(item, "id");
            seen.say(id.strip_prefix("msg_").unwrap_or_default(), None);
        }
        "user" => {
            seen.context.push('\n');
            seen.context.push_str(&words);
            seen.items.push(Item::User(words));
        }
        _ => {
            seen.context.push('\n');
            seen.context.push_str(&words);
        }
    }
}

fn read_reasoning(item: &Value) -> Result<String, String> {
    let summary = flat(item.get("summary"));
    let id = text(item, "id");
    if text(item, "encrypted_content") != encrypted(&summary) {
        return Err(format!("input: the encrypted content of {id} could not be verified"));
    }
    Ok(id.strip_prefix("rs_").unwrap_or_default().to_owned())
}

fn encrypted(summary: &str) -> String {
    format!("gAAAA{}", sign(&["reasoning", summary]))
}

fn read_call(item: &Value, thought: Option<&str>, seen: &mut Seen) -> Result<(), String> {
    let id = text(item, "call_id");
    let own = OwnId::parse(CALL_PREFIX, id);
    if let Some(own) = &own {
        if !own.matches(text(item, "name"), text(item, "arguments")) {
            return Err(format!("input: function_call {id} is not what the model said"));
        }
        // Clients may leave the reasoning item's id away, never the item.
        if own.thought && thought.is_none_or(|nonce| !nonce.is_empty() && nonce != own.nonce) {
            return Err(format!(
                "input: function_call {id} was provided without its required reasoning item"
            ));
        }
    }
    let nonce = own.map_or("", |own| own.nonce);
    seen.say(nonce, Some(id.to_owned()));
    Ok(())
}

/// The output items of an answer.
fn items(answer: &Answer) -> Vec<Value> {
    let nonce = &answer.nonce;
    let mut items = Vec::new();
    if let Some(thinking) = &answer.thinking {
        items.push(json!({"id": format!("rs_{nonce}"), "type": "reasoning",
            "summary": [{"type": "summary_text", "text": thinking}],
            "encrypted_content": encrypted(thinking)}));
    }
    if answer.is_opaque {
        let id = format!("holo_{nonce}");
        let data = sign(&["hologram", &id]);
        items.push(json!({"id": id, "type": "hologram", "data": data}));
    }
    if answer.is_refusal {
        let content = json!([{"type": "refusal", "refusal": "I cannot help with that."}]);
        items.push(message_item(nonce, content));
    } else if let Some(text) = &answer.text {
        let content = json!([{"type": "output_text", "text": text, "annotations": []}]);
        items.push(message_item(nonce, content));
    }
    for (number, call) in answer.calls.iter().enumerate() {
        items.push(json!({"id": format!("fc_{nonce}{number}"), "type": "function_call",
            "status": "completed", "call_id": answer.call_id(CALL_PREFIX, number, call),
            "name": call.name, "arguments": call.arguments}));
    }
    items
}

fn message_item(nonce: &str, content: Value) -> Value {
    json!({"id": format!("msg_{nonce}"), "type": "message", "status": "completed",
           "role": "assistant", "content": content})
}

/// An answer that is not streamed.
pub(crate) fn whole(answer: &Answer) -> Value {
    response(answer, "completed", items(answer).into())
}

fn response(answer: &Answer, status: &str, output: Value) -> Value {
    let usage = answer.usage;
    let input = usage.input + usage.cache_read + usage.cache_write;
    json!({
        "id": format!("resp_{}", answer.nonce), "object": "response", "created_at": CREATED_AT,
        "status": status, "model": answer.model, "output": output, "error": null,
        "incomplete_details": null, "parallel_tool_calls": true, "store": false,
        "tool_choice": "auto", "tools": [],
        "usage": {
            "input_tokens": input, "input_tokens_details": {"cached_tokens": usage.cache_read},
            "output_tokens": usage.output, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": input + usage.output,
        },
    })
}

/// An answer as a stream.
pub(crate) fn frames(answer: &Answer) -> Vec<String> {
    let begun = response(answer, "in_progress", json!([]));
    let mut events = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
    ];
    for (index, item) in items(answer).iter().enumerate() {
        events.extend(item_events(index, item));
    }
    events.push(json!({"type": "response.completed", "response": whole(answer)}));
    events.into_iter().enumerate().map(|(number, event)| frame(number, event)).collect()
}

fn item_events(index: usize, item: &Value) -> Vec<Value> {
    let id = text(item, "id");
    let mut begun = item.clone();
    let mut middle = Vec::new();
    let event = |kind: &str, more: Value| {
        let mut event = json!({"type": kind, "item_id": id, "output_index": index});
        if let (Some(event), Value::Object(more)) = (event.as_object_mut(), more) {
            event.extend(more);
        }
        event
    };
    match text(item, "type") {
        "reasoning" => {
            let whole = flat(item.get("summary"));
            set(&mut begun, "summary", json!([]));
            let part = |text: &str| json!({"summary_index": 0, "part": {"type": "summary_text", "text": text}});
            middle.push(event("response.reasoning_summary_part.added", part("")));
            middle.extend(chunks(&whole).into_iter().map(|chunk| {
                event(
                    "response.reasoning_summary_text.delta",
                    json!({"summary_index": 0, "delta": chunk}),
                )
            }));
            middle.push(event(
                "response.reasoning_summary_text.done",
                json!({"summary_index": 0, "text": whole}),
            ));
            middle.push(event("response.reasoning_summary_part.done", part(&whole)));
        }
        "message" => {
            set(&mut begun, "content", json!([]));
            set(&mut begun, "status", json!("in_progress"));
            for part in list(item, "content") {
                middle.extend(content_events(part, &event));
            }
        }
        "function_call" => {
            let whole = text(item, "arguments");
            set(&mut begun, "arguments", json!(""));
            set(&mut begun, "status", json!("in_progress"));
            middle.extend(chunks(whole).into_iter().map(|chunk| {
                event("response.function_call_arguments.delta", json!({"delta": chunk}))
            }));
            middle
                .push(event("response.function_call_arguments.done", json!({"arguments": whole})));
        }
        _ => {}
    }
    let added = json!({"type": "response.output_item.added", "output_index": index, "item": begun});
    let done = json!({"type": "response.output_item.done", "output_index": index, "item": item});
    std::iter::once(added).chain(middle).chain([done]).collect()
}

fn content_events(part: &Value, event: &impl Fn(&str, Value) -> Value) -> Vec<Value> {
    let (field, kind) = match text(part, "type") {
        "refusal" => ("refusal", "response.refusal"),
        _ => ("text", "response.output_text"),
    };
    let whole = text(part, field);
    let mut empty = part.clone();
    set(&mut empty, field, json!(""));
    let mut events =
        vec![event("response.content_part.added", json!({"content_index": 0, "part": empty}))];
    events.extend(chunks(whole).into_iter().map(|chunk| {
        event(&format!("{kind}.delta"), json!({"content_index": 0, "delta": chunk, "logprobs": []}))
    }));
    events.push(event(
        &format!("{kind}.done"),
        json!({"content_index": 0, field: whole, "logprobs": []}),
    ));
    events.push(event("response.content_part.done", json!({"content_index": 0, "part": part})));
    events
}

fn set(value: &mut Value, field: &str, to: Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.insert(field.to_owned(), to);
    }
}

fn frame(number: usize, mut event: Value) -> String {
    set(&mut event, "sequence_number", number.into());
    format!("event: {}\ndata: {event}\n\n", text(&event, "type"))
}
