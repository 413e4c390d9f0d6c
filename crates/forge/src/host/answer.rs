//! An answer of a host: its limits, its words, its body.

use super::next_of;
use crate::forge::{ForgeError, Result};
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// Characters of a host's words that are passed on.
const WORDS_CHARS: usize = 300;
/// The wait where a host says "too many" and no time.
pub const WAIT_UNNAMED: Duration = Duration::from_secs(60);
/// The longest wait that is believed.
const WAIT_MAX: Duration = Duration::from_secs(60 * 60);

/// What a host answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Vec<u8>,
}

impl Answer {
    /// Only an answer that says that it was done.
    pub fn done(self) -> Result<Self> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(self.refusal()) }
    }

    /// Whether what was asked for is not there, or not any more.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self.status, 404 | 410)
    }

    /// The refusal that this answer is.
    pub fn refusal(&self) -> ForgeError {
        ForgeError::Rejected { detail: self.words() }
    }

    /// What is in it.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.bytes).map_err(|error| ForgeError::Rejected {
            detail: format!("its answer cannot be read: {error}"),
        })
    }

    /// A header, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where the list goes on.
    pub fn next_page(&self) -> Option<&str> {
        next_of(&self.headers)
    }

    /// How long the host wants to be left alone, if this answer says that.
    pub(super) fn limited(&self, now: i64) -> Option<Duration> {
        let number = |name| self.header(name)?.trim().parse::<i64>().ok();
        let after = number("retry-after");
        let spent = number("x-ratelimit-remaining") == Some(0)
            || number("ratelimit-remaining") == Some(0)
            || self.words().to_lowercase().contains("rate limit");
        match self.status {
            429 => {}
            403 if after.is_some() || spent => {}
            503 if after.is_some() => {}
            _ => return None,
        }
        let reset = number("x-ratelimit-reset").or_else(|| number("ratelimit-reset"));
        let wait = after.or_else(|| reset.map(|reset| reset.saturating_sub(now)));
        let wait =
            wait.map_or(WAIT_UNNAMED, |s| Duration::from_secs(u64::try_from(s).unwrap_or(0)));
        Some(wait.clamp(Duration::from_secs(1), WAIT_MAX))
    }

    /// The host's own words about it, for people.
    pub fn words(&self) -> String {
        let said = serde_json::from_slice::<Value>(&self.bytes).map(|value| told(&value));
        let said = said.unwrap_or_default();
        let visible = said.chars().map(|c| if c.is_control() { ' ' } else { c });
        let words: String = visible.take(WORDS_CHARS).collect();
        if words.is_empty() { format!("status {}", self.status) } else { words }
    }
}

/// The sentences in an error's body: `message`, `error`, and what stands in `errors`.
pub fn told(value: &Value) -> String {
    let mut said: Vec<&str> = Vec::new();
    collect(value, &mut said, 0);
    said.join("; ")
}

fn collect<'a>(value: &'a Value, said: &mut Vec<&'a str>, depth: u8) {
    match value {
        Value::String(text) => said.push(text),
        Value::Array(items) if depth < 4 => {
            items.iter().for_each(|item| collect(item, said, depth + 1));
        }
        Value::Object(fields) if depth < 4 => {
            let known = ["message", "error", "error_description", "errors", "detail"];
            let mut named = known.iter().filter_map(|name| fields.get(*name)).peekable();
            if named.peek().is_some() {
                named.for_each(|field| collect(field, said, depth + 1));
            } else if depth > 0 {
                // Complaints by field.
                fields.values().for_each(|field| collect(field, said, depth + 1));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {}
    }
}
