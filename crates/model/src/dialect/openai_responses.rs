//! OpenAI Responses, stateless: nothing is stored there, items are sent back with their encrypted
//! reasoning.

pub(crate) mod answer;
pub(crate) mod request;
