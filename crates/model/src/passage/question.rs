//! What matters of a request that another program wrote: which model it asks, and how much it may cost.
//!
//! TRUST: the provider reads the same bytes with a parser of its own. Whatever the two could read as
//! different things (a field that stands twice, a field in other letters) is refused.

use super::Wire;
use crate::Capabilities;
use crate::piece::Usage;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Bytes of a request that a token is taken to have before the provider has counted.
const TOKEN_BYTES: u64 = 3;
/// Most answers to one question.
const ANSWERS_MAX: u64 = 8;
/// What is read of a request; the rest is the provider's business.
const FIELDS: [&str; 13] = [
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "generationConfig",
    "n",
    "background",
    "models",
    "fallbacks",
    "mcp_servers",
    "tools",
];

/// What matters of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The model that its body asks; Gemini has it in the path.
    pub model: Option<String>,
    /// Most tokens of one answer, where it says so.
    output: Option<u64>,
    /// How many answers it wants.
    answers: u64,
    /// Where a stream's usage is to be asked for, and with which words.
    amendment: Option<(usize, &'static str)>,
    bytes: u64,
}

/// A request that is not let through, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadQuestion(String);

impl Question {
    /// Reads a request's body.
    pub fn read(wire: Wire, body: &[u8]) -> Result<Self, BadQuestion> {
        let bad = |why: String| BadQuestion(format!("the body is not JSON as expected: {why}"));
        let text = std::str::from_utf8(body).map_err(|error| bad(error.to_string()))?;
        let fields: Fields<'_> =
            serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        fields.refuse_detours()?;
        let amendment = match wire {
            Wire::OpenaiChat => fields.amendment(text)?,
            Wire::Anthropic
            | Wire::AnthropicCount
            | Wire::OpenaiResponses
            | Wire::Gemini
            | Wire::GeminiStream => None,
        };
        Ok(Self {
            model: fields.get("model")?,
            output: fields.output()?,
            answers: fields.get::<u64>("n")?.unwrap_or(1).clamp(1, ANSWERS_MAX),
            amendment,
            bytes: u64::try_from(body.len()).unwrap_or(u64::MAX),
        })
    }

    /// The body as it is sent: byte for byte, but for the one request to be told a stream's usage.
    pub fn amended(&self, body: bytes::Bytes) -> bytes::Bytes {
        let Some((at, words)) = self.amendment else { return body };
        match (body.get(..at), body.get(at..)) {
            (Some(before), Some(after)) => [before, words.as_bytes(), after].concat().into(),
            (None, _) | (_, None) => body,
        }
    }

    /// What it may use up, as far as anybody can tell before.
    pub fn aside(&self, capabilities: &Capabilities) -> Usage {
        let output = self.output.unwrap_or(u64::MAX).min(capabilities.max_output);
        Usage {
            input_tokens: self.bytes.div_ceil(TOKEN_BYTES).min(capabilities.context_window),
            output_tokens: output.saturating_mul(self.answers),
            ..Usage::default()
        }
    }
}

/// The fields of a body that are read; each stands there once, in these letters.
struct Fields<'a>(BTreeMap<&'static str, &'a RawValue>);

impl<'a> Fields<'a> {
    fn get<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, BadQuestion> {
        let Some(raw) = self.0.get(name) else { return Ok(None) };
        serde_json::from_str(raw.get())
            .map_err(|_| BadQuestion(format!("the field {name} is not as expected")))
    }

    fn output(&self) -> Result<Option<u64>, BadQuestion> {
        let mut most = None;
        for name in ["max_tokens", "max_completion_tokens", "max_output_tokens"] {
            most = most.max(self.get::<u64>(name)?);
        }
        let config: Option<Value> = self.get("generationConfig")?;
        let of_config = |name: &str| config.as_ref()?.get(name)?.as_u64();
        Ok(most.max(of_config("maxOutputTokens")))
    }

    /// What would have another model answer, nobody be told the cost, or the provider visit hosts that
    /// this sandbox may not reach.
    fn refuse_detours(&self) -> Result<(), BadQuestion> {
        let refuse = |field: &str, why: &str| Err(BadQuestion(format!("the field {field} {why}")));
        let is_set = |name: &str| {
            self.0.get(name).is_some_and(|raw| !matches!(raw.get(), "null" | "false" | "[]"))
        };
        for name in ["models", "fallbacks"] {
            if is_set(name) {
                return refuse(name, "is not let through: one request asks one model");
            }
        }
        if is_set("background") {
            return refuse("background", "is not let through: nobody would be told what it costs");
        }
        if let Some(answers) = self.get::<u64>("n")?
            && answers > ANSWERS_MAX
        {
            return refuse("n", "is too large: at most 8 answers to one request");
        }
        let tools: Option<Value> = self.get("tools")?;
        let is_remote = |tool: &Value| {
            let kind = tool.get("type").and_then(Value::as_str).unwrap_or_default();
            kind == "mcp" || kind == "mcp_toolset"
        };
        let tools = tools.as_ref().and_then(Value::as_array);
        if is_set("mcp_servers") || tools.is_some_and(|tools| tools.iter().any(is_remote)) {
            let why = "is not let through: the provider would speak to hosts that the sandbox may not reach";
            return refuse("mcp_servers or tools", why);
        }
        Ok(())
    }

    /// Where a stream of Chat Completions is to be asked for its usage; nowhere if that is said already.
    fn amendment(&self, text: &str) -> Result<Option<(usize, &'static str)>, BadQuestion> {
        if self.get::<bool>("stream")? != Some(true) {
            return Ok(None);
        }
        let inside = |raw: &str| raw.find('{').map(|at| at + 1);
        let start = |raw: &str| (raw.as_ptr() as usize).checked_sub(text.as_ptr() as usize);
        let options =
            self.0.get("stream_options").map(|raw| raw.get()).filter(|raw| *raw != "null");
        let Some(raw) = options else {
            if self.0.contains_key("stream_options") {
                return Err(BadQuestion("the field stream_options is null: leave it out".into()));
            }
            let words = "\"stream_options\":{\"include_usage\":true},";
            return Ok(inside(text).map(|at| (at, words)));
        };
        let given: serde_json::Map<String, Value> = self.get("stream_options")?.unwrap_or_default();
        if given.contains_key("include_usage") {
            return Ok(None);
        }
        let words =
            if given.is_empty() { "\"include_usage\":true" } else { "\"include_usage\":true," };
        Ok(start(raw).and_then(|start| Some((start + inside(raw)?, words))))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = BTreeMap<&'static str, &'de RawValue>;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    let value: &'de RawValue = map.next_value()?;
                    let known = FIELDS.iter().find(|known| known.eq_ignore_ascii_case(&name));
                    let Some(known) = known else { continue };
                    if *known != name || fields.insert(*known, value).is_some() {
                        let words = format!("the field {name} stands twice or in other letters");
                        return Err(serde::de::Error::custom(words));
                    }
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Reader).map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(wire: Wire, body: &str) -> Result<Question, BadQuestion> {
        Question::read(wire, body.as_bytes())
    }

    #[test]
    fn a_body_that_two_readers_could_read_differently_is_refused() {
        let table = [
            r#"{"model":"a","model":"b"}"#,
            r#"{"model":"a","Model":"b"}"#,
            r#"{"model":"a","mod\u0065l":"b"}"#,
            r#"{"model":"a","models":["b"]}"#,
            r#"{"model":"a","background":true}"#,
            r#"{"model":"a","n":1000}"#,
            r#"{"model":"a","mcp_servers":[{"url":"https://x"}]}"#,
            r#"{"model":"a","tools":[{"type":"mcp","server_url":"https://x"}]}"#,
            r#"{"model":1}"#,
            r#"{"model":"a"} {"model":"b"}"#,
            r#"["model"]"#,
            "{\"model\":\"a\",}",
        ];
        for body in table {
            assert!(read(Wire::OpenaiChat, body).is_err(), "{body}");
        }
        assert!(Question::read(Wire::Anthropic, b"{\"model\":\"\xff\"}").is_err());
    }

    #[test]
    fn only_a_stream_of_chat_completions_that_says_nothing_is_asked_for_its_usage() {
        let table = [
            (
                r#"{ "model":"a","stream":true}"#,
                r#"{"stream_options":{"include_usage":true}, "model":"a","stream":true}"#,
            ),
            (
                r#"{"stream_options" : { },"model":"a","stream":true}"#,
                r#"{"stream_options" : {"include_usage":true },"model":"a","stream":true}"#,
            ),
            (
                r#"{"stream":true,"stream_options":{"x":1}}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true,"x":1}}"#,
            ),
        ];
        for (body, expected) in table {
            let amended = read(Wire::OpenaiChat, body).unwrap().amended(body.to_owned().into());
            assert_eq!(amended, expected.as_bytes());
            assert_eq!(read(Wire::OpenaiResponses, body).unwrap().amendment, None);
        }
        for same in
            [r#"{"model":"a"}"#, r#"{"stream":true,"stream_options":{"include_usage":false}}"#]
        {
            let amended = read(Wire::OpenaiChat, same).unwrap().amended(same.to_owned().into());
            assert_eq!(amended, same.as_bytes());
        }
    }

    #[test]
    fn what_is_set_aside_is_no_more_than_the_model_can_use() {
        let capabilities = crate::catalog::compatible_capabilities();
        let aside = |body: &str| read(Wire::Gemini, body).unwrap().aside(&capabilities);
        assert_eq!(aside("{}").output_tokens, capabilities.max_output);
        assert_eq!(aside(r#"{"generationConfig":{"maxOutputTokens":7}}"#).output_tokens, 7);
        assert_eq!(aside(r#"{"max_tokens":5,"n":3}"#).output_tokens, 15);
        assert_eq!(aside(r#"{"max_tokens":99999999}"#).output_tokens, capabilities.max_output);
        let long = format!(r#"{{"x":"{}"}}"#, "y".repeat(1_000_000));
        assert_eq!(aside(&long).input_tokens, capabilities.context_window);
    }
}
