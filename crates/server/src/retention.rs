//! Deletes archived agents once they are as old as the settings say; nothing where they say nothing.

use crate::agents::Extras;
use crate::app::App;
use crate::clock::now_ms;
use crate::{driver, settings};
use anyhow::{Context, Result};
use protocol::ids::{AgentId, OrgId};
use protocol::input::Input;
use protocol::limits::PAGE_MAX;
use std::sync::Arc;
use std::time::Duration;
use store::records::AgentFilter;

/// Time between two looks.
const ROUND: Duration = Duration::from_secs(60 * 60);
/// Length of a day, in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Who is named in the log of a deleted agent.
const PRINCIPAL: &str = "retention";

/// Looks until the server ends.
pub async fn keep(app: Arc<App>) {
    loop {
        if let Err(error) = look(&app, now_ms()).await {
            tracing::warn!(error = format!("{error:#}"), "old agents could not be deleted");
        }
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            () = app.shutdown.cancelled() => return,
        }
    }
}

/// Has every archived agent deleted that nothing has happened to for as long as is set.
pub async fn look(app: &Arc<App>, now_ms: i64) -> Result<()> {
    let org = OrgId::default_org();
    let Some(days) = settings::read(app, &org).await?.retention_days else { return Ok(()) };
    let newest = now_ms.saturating_sub(i64::from(days) * DAY_MS);
    for agent in old(app, &org, newest).await? {
        let handle = app.agents.existing(&org, agent).await?;
        let input = Input::Delete { principal: PRINCIPAL.to_owned() };
        handle.submit(input, Extras::default()).await.context("delete an old agent")?;
        tracing::info!(agent.id = %agent, days, "an archived agent was deleted, as the settings say");
        driver::wake(app, &handle);
    }
    Ok(())
}

async fn old(app: &App, org: &OrgId, newest: i64) -> Result<Vec<AgentId>> {
    let status = Some("ARCHIVED".to_owned());
    let filter = AgentFilter { include_archived: true, status, ..AgentFilter::default() };
    let (mut old, mut cursor) = (Vec::new(), None);
    loop {
        let page = app.store.agents(org, &filter, cursor.as_ref(), PAGE_MAX).await;
        let page = page.context("list archived agents")?;
        let past = page.items.iter().filter(|record| record.row.updated_ms <= newest);
        for record in past {
            // One that is being deleted already is let be.
            if app.agents.record(org, record.id).await?.is_some() {
                old.push(record.id);
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(old);
        }
    }
}
