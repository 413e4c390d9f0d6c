//! Where a secret was used last.

use super::windows::object;
use crate::app::App;
use crate::clock::now_ms;
use crate::secrets::{self, Phase};
use agent::state::Living;
use anyhow::{Context, Result};
use gateway::audit::Peer;
use protocol::api::audit::SecretUse;
use protocol::api::timestamp;
use protocol::ids::OrgId;
use serde_json::{Value, json};
use store::audit::{About, AuditFilter, NewRecord};

/// Records that are looked through.
const RECORDS: usize = 50;
/// Uses that are told.
const USES: usize = 10;

/// The last uses of a secret, newest first, each agent and host once.
pub async fn of(app: &App, org: &OrgId, secret: &str) -> Result<Vec<SecretUse>> {
    let mut uses: Vec<SecretUse> = Vec::new();
    for kind in ["secret.used", "secret.given"] {
        let about = About::Subject(secret);
        let filter = AuditFilter { about, kind: Some(kind), ..AuditFilter::default() };
        let records = app.store.audit(org, filter, RECORDS).await.context("read uses")?;
        for record in records {
            let Some(agent) = record.agent else { continue };
            let host = record.details.get("host").and_then(Value::as_str).map(str::to_owned);
            let agent_id = agent.to_string();
            if !uses.iter().any(|known| known.agent_id == agent_id && known.host == host) {
                uses.push(SecretUse { agent_id, host, last_at: timestamp(record.at_ms) });
            }
        }
    }
    uses.sort_by(|a, b| b.last_at.cmp(&a.last_at));
    uses.truncate(USES);
    Ok(uses)
}

/// Records which values the sandbox is given in plain.
pub async fn given(app: &App, org: &OrgId, peer: Peer, living: &Living) -> Result<()> {
    let held = secrets::of_agent(app, org, living, Phase::Work).await?;
    let plain = held.iter().filter(|held| held.is_hidden() && held.is_variable());
    let records = plain.map(|held| NewRecord {
        at_ms: now_ms(),
        kind: "secret.given",
        who: "server".to_owned(),
        subject: Some(held.id.clone()),
        agent: Some(peer.agent),
        run: living.active.as_ref().map(|active| active.run),
        details: object(json!({ "name": held.name, "epoch": peer.epoch })),
        event: None,
    });
    let records: Vec<_> = records.collect();
    if records.is_empty() {
        return Ok(());
    }
    app.store.record(org, records).await.context("record secrets that are given in plain")
}
