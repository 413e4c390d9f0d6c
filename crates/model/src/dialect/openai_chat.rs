//! OpenAI Chat Completions, the dialect that most other servers speak, with vendors' reasoning fields.

pub(crate) mod answer;
pub(crate) mod request;
