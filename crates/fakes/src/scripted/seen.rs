//! A request as the script sees it, whatever its dialect.

use serde_json::Value;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What a request holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) model: String,
    pub(crate) is_stream: bool,
    pub(crate) may_think: bool,
    pub(crate) tools: Vec<Tool>,
    /// System prompt and user text, searched for the working folder.
    pub(crate) context: String,
    pub(crate) items: Vec<Item>,
    /// What a cache would hold: hash and size of the stable head, then of each message.
    pub(crate) prefix: Vec<(u64, u64)>,
    /// Whether the request wants caching (always, where it is automatic).
    pub(crate) is_cached: bool,
}

/// A declared tool.
#[derive(Debug, Clone)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) schema: Value,
}

/// One thing in the conversation.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// Somebody speaks.
    User(String),
    /// The model spoke; the nonce is shared by all of one answer.
    Assistant { nonce: String, calls: Vec<String> },
    /// A tool's output.
    Result { id: String, text: String },
}

impl Seen {
    /// What the latest tool call gave back.
    pub(crate) fn last_result(&self) -> Option<&str> {
        self.items.iter().rev().find_map(|item| match item {
            Item::Result { text, .. } => Some(text.as_str()),
            Item::User(_) | Item::Assistant { .. } => None,
        })
    }

    /// Adds a piece of what a cache would hold.
    pub(crate) fn cache(&mut self, value: &Value) {
        let text = without_cache_control(value).to_string();
        let before = self.prefix.last().map_or(0, |(hash, _)| *hash);
        let mut hasher = DefaultHasher::new();
        (before, &text).hash(&mut hasher);
        self.prefix.push((hasher.finish(), text.len() as u64));
    }

    /// A fingerprint of the conversation so far.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.prefix.last().map_or(0, |(hash, _)| *hash)
    }

    /// Adds a call to the model's current message, or begins one.
    pub(crate) fn say(&mut self, nonce: &str, call: Option<String>) {
        match self.items.last_mut() {
            Some(Item::Assistant { nonce: last, calls }) => {
                if last.is_empty() {
                    nonce.clone_into(last);
                }
                calls.extend(call);
            }
            _ => {
                let calls = call.into_iter().collect();
                self.items.push(Item::Assistant { nonce: nonce.to_owned(), calls });
            }
        }
    }
}

/// Breakpoints move from request to request; the content they mark is the same.
fn without_cache_control(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(name, _)| *name != "cache_control")
                .map(|(name, value)| (name.clone(), without_cache_control(value)))
                .collect(),
        ),
        Value::Array(values) => Value::Array(values.iter().map(without_cache_control).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// A text field, empty when absent.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A list field, empty when absent.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The text of a content field that is a string or a list of blocks with `text`.
pub(crate) fn flat(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(blocks)) => {
            blocks.iter().map(|block| text(block, "text")).collect::<Vec<_>>().join("\n")
        }
        Some(_) | None => String::new(),
    }
}
