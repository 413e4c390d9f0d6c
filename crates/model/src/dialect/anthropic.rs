//! Anthropic Messages: named blocks, thinking with signatures, explicit cache breakpoints.

pub(crate) mod answer;
pub(crate) mod request;
