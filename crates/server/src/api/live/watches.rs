//! What a live socket can watch: one agent, or the list of all.

use super::outbox::Outbox;
use crate::api::agent_id;
use crate::api::error::{ApiError, ApiResult};
use crate::api::events::text;
use crate::app::App;
use crate::auth::Caller;
use crate::live::{Entry, Item};
use crate::roster::Change;
use crate::watch::{Shown, follow};
use futures::StreamExt as _;
use protocol::api::live::ServerFrame;
use protocol::delta::Delta;
use protocol::failure::Refusal;
use protocol::ids::Seq;
use protocol::limits::LIVE_ROUND_BYTES;
use serde_json::json;
use std::sync::Arc;

/// Shows one agent until it cannot be read.
pub(super) async fn agent(
    app: &App,
    caller: &Caller,
    out: &Outbox,
    id: u64,
    agent: &str,
    after: u64,
) -> ApiResult<()> {
    let agent = agent_id(agent)?;
    let (record, _) = app.agents.record(&caller.org, agent).await?.ok_or(Refusal::NoAgent)?;
    if after > record.head.0 {
        let message = format!("is {after}, but the log ends at {}; begin again", record.head);
        return Err(ApiError::invalid("after", message));
    }
    let handle = app.agents.existing(&caller.org, agent).await?;
    let mut seat = app.presence.join(&caller.org, agent, &caller.name);
    let mut shown = std::pin::pin!(follow(handle, Seq(after)));
    loop {
        tokio::select! {
            watchers = seat.changed() => out.now(&ServerFrame::Presence { id, watchers }),
            next = shown.next() => match next.transpose()? {
                Some(shown) => show(out, id, shown).await,
                None => return Ok(()),
            },
        }
    }
}

async fn show(out: &Outbox, id: u64, shown: Shown) {
    match shown {
        Shown::Stored(page) => {
            for round in rounds(id, &page) {
                out.stored(round).await;
            }
        }
        Shown::Running(deltas) => {
            for delta in deltas {
                out.stored(delta_frame(id, &delta)).await;
            }
        }
        Shown::CaughtUp(seq) => {
            // What happens meanwhile waits in the agent's channel, or is read from the log.
            out.drained().await;
            out.now(&ServerFrame::Live { id, seq: seq.0 });
        }
        Shown::Now(Item::Event(entry)) => out.text(events_frame(id, &text(&entry))),
        Shown::Now(Item::Delta(delta)) => out.text(delta_frame(id, &delta)),
    }
}

fn events_frame(id: u64, items: &str) -> String {
    format!(r#"{{"type":"events","id":{id},"items":[{items}]}}"#)
}

fn delta_frame(id: u64, delta: &Delta) -> String {
    json!({"type": "delta", "id": id, "delta": delta}).to_string()
}

/// The events in frames of limited size.
fn rounds(id: u64, page: &[Arc<Entry>]) -> Vec<String> {
    let (mut rounds, mut items) = (Vec::new(), String::new());
    for entry in page {
        let text = text(entry);
        if !items.is_empty() && items.len() + text.len() >= LIVE_ROUND_BYTES {
            rounds.push(events_frame(id, &items));
            items.clear();
        }
        if !items.is_empty() {
            items.push(',');
        }
        items.push_str(&text);
    }
    if !items.is_empty() {
        rounds.push(events_frame(id, &items));
    }
    rounds
}

/// Shows changes of all agents of the caller's organisation.
pub(super) async fn list(app: &App, caller: &Caller, out: &Outbox, id: u64) {
    let mut changes = app.roster.watch();
    // From here on nothing is missed: a list read after this is complete.
    out.now(&ServerFrame::Live { id, seq: 0 });
    loop {
        match changes.recv().await {
            Ok(Change::Agent { org, json }) => {
                if org == caller.org {
                    out.text(format!(r#"{{"type":"agent","id":{id},"agent":{json}}}"#));
                }
            }
            Ok(Change::Gone { org, agent }) => {
                if org == caller.org {
                    out.now(&ServerFrame::AgentGone { id, agent: agent.to_string() });
                }
            }
            // The page opens again and reads the list.
            Ok(Change::Lost) | Err(_) => return out.give_up(),
        }
    }
}
