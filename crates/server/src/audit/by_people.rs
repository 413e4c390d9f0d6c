//! What people change beside agents, and how they enter machines: recorded after it took place, before the answer.

use super::windows::object;
use crate::app::App;
use crate::auth::Caller;
use crate::clock::now_ms;
use anyhow::{Context, Result};
use protocol::ids::AgentId;
use serde_json::Value;
use store::audit::NewRecord;

/// What somebody did.
pub struct Deed {
    /// Noun and verb.
    pub kind: &'static str,
    /// To what, by its id.
    pub subject: Option<String>,
    /// Of which agent.
    pub agent: Option<AgentId>,
    /// More: an object.
    pub details: Value,
}

impl Deed {
    /// To something with an id.
    pub fn to(kind: &'static str, subject: impl ToString, details: Value) -> Self {
        Self { kind, subject: Some(subject.to_string()), agent: None, details }
    }

    /// To something without one.
    pub const fn plain(kind: &'static str, details: Value) -> Self {
        Self { kind, subject: None, agent: None, details }
    }

    /// In an agent's machine.
    pub const fn inside(kind: &'static str, agent: AgentId, details: Value) -> Self {
        Self { kind, subject: None, agent: Some(agent), details }
    }
}

/// Records it.
pub async fn note(app: &App, caller: &Caller, deed: Deed) -> Result<()> {
    let mut details = object(deed.details);
    // Names of keys may repeat, ids do not.
    details.insert("key".to_owned(), caller.credential.key.clone().into());
    let record = NewRecord {
        at_ms: now_ms(),
        kind: deed.kind,
        who: format!("key:{}", caller.name),
        subject: deed.subject,
        agent: deed.agent,
        run: None,
        details,
        event: None,
    };
    app.store.record(&caller.org, vec![record]).await.context("write to the audit log")
}
