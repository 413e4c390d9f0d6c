//! What went over the wire, for who compares it with the host's own description of its API.

use super::ask::{Ask, Reply};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A request and its answer.
#[derive(Debug, Clone, Serialize)]
pub struct Exchange {
    /// The request's method.
    pub method: String,
    /// Its path, as it was written.
    pub path: String,
    /// What follows the question mark.
    pub query: BTreeMap<String, String>,
    /// Its body; null without one.
    pub body: Value,
    /// The answer's status.
    pub status: u16,
    /// The answer's body, if it has one.
    pub answer: Option<Value>,
}

impl Exchange {
    pub(super) fn new(ask: &Ask, reply: &Reply) -> Self {
        Self {
            method: ask.method.clone(),
            path: ask.raw_path.clone(),
            query: ask.query.clone(),
            body: ask.body.clone(),
            status: reply.status,
            answer: reply.body.clone(),
        }
    }
}
