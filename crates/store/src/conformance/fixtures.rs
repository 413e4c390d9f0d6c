//! Rows and events to test with.

use crate::log::Append;
use crate::records::{AgentRow, RunRow};
use protocol::content::Usage;
use protocol::event::{Event, RunStatus};
use protocol::ids::{AgentId, OrgId, RunId, Seq};
use uuid::Uuid;

/// An organisation by name.
pub(crate) fn org(name: &str) -> OrgId {
    OrgId(name.to_owned())
}

/// A fresh agent id.
pub(crate) fn agent() -> AgentId {
    AgentId::from_uuid(Uuid::now_v7())
}

/// An agent's row.
pub(crate) fn agent_row(name: &str, created_ms: i64) -> AgentRow {
    AgentRow {
        name: name.to_owned(),
        status: "CREATING".to_owned(),
        repo_urls: vec!["https://forge.example/a/b".to_owned()],
        pr_urls: vec![],
        archived: false,
        created_ms,
        updated_ms: created_ms,
        latest_run: None,
        branch: "errand/work".to_owned(),
        model: "scripted".to_owned(),
        usage: Usage { input_tokens: 1, ..Usage::default() },
        cost_micros: 7,
        detail: serde_json::json!({"mode": "agent"}),
        open: false,
        wake_at_ms: None,
    }
}

/// A run's row.
pub(crate) fn run_row(run: RunId, created_ms: i64) -> RunRow {
    RunRow {
        run,
        status: RunStatus::Running,
        created_ms,
        updated_ms: created_ms,
        duration_ms: None,
        prompt: "do it".to_owned(),
        result: None,
        failure: None,
        usage: Usage::default(),
        cost_micros: 0,
        git: serde_json::json!([]),
    }
}

/// An event with a text.
pub(crate) fn noticed(text: &str) -> Event {
    let run = RunId::from_uuid(Uuid::nil());
    Event::Noticed { run, code: "test".to_owned(), text: text.to_owned() }
}

/// An append of these texts after `expected`.
pub(crate) fn append(org: &OrgId, agent: AgentId, expected: u64, texts: &[&str]) -> Append {
    Append {
        org: org.clone(),
        agent,
        expected: Seq(expected),
        term: None,
        events: texts.iter().map(|text| (1_000, noticed(text))).collect(),
        agent_row: agent_row("an agent", 1_000),
        run_rows: vec![],
        sealed: vec![],
        idempotency: None,
        letters: vec![],
        audit: vec![],
        nudge: false,
    }
}

/// A fresh agent with one event.
pub(crate) async fn opened(store: &crate::Store, org: &OrgId) -> AgentId {
    let agent = agent();
    store.append(append(org, agent, 0, &["opened"])).await.unwrap();
    agent
}
