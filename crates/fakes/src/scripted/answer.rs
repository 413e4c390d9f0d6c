//! An answer before it is written in a dialect, and the signatures that let the server recognise its
//! own words when they come back.

use super::seen::Seen;
use serde_json::Value;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};

/// Characters that a token is taken to have.
const CHARS_PER_TOKEN: u64 = 4;
/// Characters per streamed event.
const CHUNK_CHARS: usize = 24;

/// Stands for a check: malformed arguments cannot come back unchanged in every dialect.
const MALFORMED: &str = "malformed-------";

/// What the model answers.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Random, shared by all ids of the answer.
    pub(crate) nonce: String,
    pub(crate) model: String,
    pub(crate) thinking: Option<String>,
    pub(crate) is_opaque: bool,
    /// The model declines instead of finishing.
    pub(crate) is_refusal: bool,
    pub(crate) text: Option<String>,
    pub(crate) calls: Vec<Call>,
    pub(crate) usage: Usage,
}

/// A tool call in an answer.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// JSON text; on purpose malformed in some scripts.
    pub(crate) arguments: String,
}

/// Tokens; the three kinds of input do not overlap.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) input: u64,
    pub(crate) cache_read: u64,
    pub(crate) cache_write: u64,
    pub(crate) output: u64,
}

impl Answer {
    /// The id of a call: prefix, nonce, number, and a check over what the call said.
    pub(crate) fn call_id(&self, prefix: &str, number: usize, call: &Call) -> String {
        let thought = if self.thinking.is_some() { 'r' } else { 'p' };
        let check = checksum(&self.nonce, &call.name, &call.arguments);
        format!("{prefix}{}{number:02x}{check}{thought}", self.nonce)
    }

    /// Tokens of the answer itself.
    pub(crate) fn output_tokens(&self) -> u64 {
        let texts = [&self.thinking, &self.text].into_iter().flatten().map(String::len);
        let calls = self.calls.iter().map(|call| call.name.len() + call.arguments.len());
        texts.chain(calls).sum::<usize>() as u64 / CHARS_PER_TOKEN + 1
    }
}

/// One of our own call ids, taken apart again.
pub(crate) struct OwnId<'a> {
    pub(crate) nonce: &'a str,
    check: &'a str,
    /// The answer began with thinking.
    pub(crate) thought: bool,
}

impl<'a> OwnId<'a> {
    /// Recognises an id that [`Answer::call_id`] made with this prefix.
    pub(crate) fn parse(prefix: &str, id: &'a str) -> Option<Self> {
        let rest = id.strip_prefix(prefix).filter(|rest| rest.len() == 16 + 2 + 16 + 1)?;
        let (nonce, check, thought) = (rest.get(..16)?, rest.get(18..34)?, rest.get(34..)?);
        Some(Self { nonce, check, thought: thought == "r" })
    }

    /// Whether the call still says what it said. Spacing does not count: clients may reformat.
    pub(crate) fn matches(&self, name: &str, arguments: &str) -> bool {
        self.check == MALFORMED || self.check == checksum(self.nonce, name, arguments)
    }
}

fn checksum(nonce: &str, name: &str, arguments: &str) -> String {
    match serde_json::from_str::<Value>(arguments) {
        Ok(value) if value.is_object() => sign(&[nonce, name, &value.to_string()]),
        Ok(_) | Err(_) => MALFORMED.to_owned(),
    }
}

/// A signature that is the same after a restart.
pub(crate) fn sign(texts: &[&str]) -> String {
    let mut hasher = DefaultHasher::new();
    texts.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// A nonce that no other answer has.
pub(crate) fn nonce() -> String {
    format!("{:016x}", RandomState::new().hash_one(0))
}

/// Tokens of the input, divided by how much of the prefix was seen before.
pub(crate) fn input_usage(seen: &Seen, known: usize) -> Usage {
    let sum = |sizes: &[(u64, u64)]| sizes.iter().map(|(_, size)| size).sum::<u64>();
    let (old, new) = seen.prefix.split_at(known.min(seen.prefix.len()));
    let (old, new) = (sum(old) / CHARS_PER_TOKEN, sum(new) / CHARS_PER_TOKEN);
    if seen.is_cached {
        Usage { cache_read: old, cache_write: new, input: 3, output: 0 }
    } else {
        Usage { input: old + new, ..Usage::default() }
    }
}

/// A text in pieces as they are streamed.
pub(crate) fn chunks(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(CHUNK_CHARS).map(|chunk| chunk.iter().collect()).collect()
}
