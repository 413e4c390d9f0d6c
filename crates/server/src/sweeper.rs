//! Compares the provider's machines with the log, and ends those that no agent wants; removes what
//! people sent and never used, builds that nobody begins with, and what was made ready for agents that
//! were never opened.
//!
//! A machine goes only after two looks in a row agree that it is nobody's. Nothing is ever made here:
//! a list that comes back empty says nothing.

use crate::app::App;
use crate::clock::{ms_of, now_ms};
use agent::state::Sandbox;
use anyhow::{Context, Result};
use protocol::ids::{AgentId, Epoch, OrgId};
use protocol::limits::UPLOAD_MS;
use sandbox::provider::SandboxKey;
use std::collections::HashSet;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks.
const ROUND: Duration = Duration::from_secs(60);
/// Rounds after which old builds, and what was made ready for nobody, are looked for.
const SELDOM: u64 = 60;

/// Sweeps until the server ends.
pub async fn sweep(app: Arc<App>) {
    let mut suspects = HashSet::new();
    for round in 0_u64.. {
        if round.is_multiple_of(SELDOM) {
            for removed in [leftovers(&app).await, orphans(&app).await] {
                if let Err(error) = removed {
                    let error = format!("{error:#}");
                    tracing::warn!(error, "what was made ready for nobody could not be removed");
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            () = app.shutdown.cancelled() => return,
        }
        if let Err(error) = crate::uploads::sweep(&app).await {
            tracing::warn!(error = format!("{error:#}"), "old uploads could not be removed");
        }
        if round.is_multiple_of(SELDOM)
            && let Err(error) = crate::builds::sweep(&app).await
        {
            tracing::warn!(error = format!("{error:#}"), "old builds could not be removed");
        }
        match look(&app, &suspects).await {
            Ok(found) => suspects = found,
            Err(error) => {
                // No two looks in a row: begin again.
                suspects.clear();
                tracing::warn!(error = format!("{error:#}"), "the sweeper could not look");
            }
        }
    }
}

/// Removes what a server that ended on the way made ready for agents that it did not open: packs and
/// pictures for forks and uploads. A client that asks again under the same id can do so as long as an
/// upload is kept; until then it may still be opened.
async fn leftovers(app: &App) -> Result<()> {
    let (org, old_ms) = (OrgId::default_org(), now_ms().saturating_sub(UPLOAD_MS));
    let mut folders = match tokio::fs::read_dir(app.agent_folders()).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        folders => folders.context("list the folders of agents")?,
    };
    while let Some(folder) = folders.next_entry().await.context("list the folders of agents")? {
        let agent = folder.file_name().to_str().and_then(|name| AgentId::parse(name).ok());
        let Some(agent) = agent else { continue };
        let changed = folder.metadata().await.and_then(|found| found.modified());
        if ms_of(changed.context("look at an agent's folder")?) >= old_ms
            || app.store.agent(&org, agent).await?.is_some()
        {
            continue;
        }
        tracing::info!(agent.id = %agent, "removing what is left of an agent that was never opened");
        app.store.delete_agent(&org, agent).await.context("release its pictures")?;
        if let Err(error) = tokio::fs::remove_dir_all(folder.path()).await {
            tracing::warn!(agent.id = %agent, %error, "its folder could not be removed");
        }
    }
    Ok(())
}

/// Ends the machines in which a server that ended on the way built images. An agent is in the log, and
/// a builder known, before its machine is made, so one look is enough.
async fn orphans(app: &App) -> Result<()> {
    let org = OrgId::default_org();
    for machine in app.provider.list().await.context("list the machines")? {
        let key = machine.key;
        // What a host is probed with is nobody's either, and ends by itself.
        let is_known = key.agent.uuid().is_nil() || app.builders.has(key.agent);
        if !is_known && app.store.agent(&org, key.agent).await?.is_none() {
            tracing::info!(sandbox = %key, "ending a machine that is left of a build");
            app.provider.destroy(key).await.context("destroy a machine")?;
        }
    }
    Ok(())
}

/// Ends the machines that were suspects before and still are; gives the suspects of this look.
async fn look(app: &Arc<App>, before: &HashSet<SandboxKey>) -> Result<HashSet<SandboxKey>> {
    let mut suspects = HashSet::new();
    for machine in app.provider.list().await.context("list the machines")? {
        if is_wanted(app, machine.key).await? {
            continue;
        }
        if before.contains(&machine.key) {
            tracing::warn!(sandbox = %machine.key, "ending a machine that no agent wants");
            end(app, machine.key).await?;
        } else {
            suspects.insert(machine.key);
        }
    }
    Ok(suspects)
}

/// A machine of a living agent is its driver's business, however it stands.
async fn is_wanted(app: &App, key: SandboxKey) -> Result<bool> {
    if app.builders.has(key.agent) {
        return Ok(true);
    }
    let handle = app.agents.handle(&OrgId::default_org(), key.agent);
    let view = handle.view().await?;
    let Some(living) = view.state.living() else { return Ok(false) };
    Ok(match &living.sandbox {
        Sandbox::Wanted { epoch, .. }
        | Sandbox::Up { epoch, .. }
        | Sandbox::Remains { epoch, .. }
        | Sandbox::Stopping { epoch, .. } => *epoch == key.epoch,
        // An ended machine keeps the disk for the next one.
        Sandbox::Absent => living.epoch == key.epoch && key.epoch > Epoch(0),
    })
}

async fn end(app: &App, key: SandboxKey) -> Result<()> {
    let handle = app.agents.handle(&OrgId::default_org(), key.agent);
    // The disk of an agent that exists outlives any machine.
    if handle.view().await?.state.living().is_some() {
        app.provider.stop(key).await.context("stop a machine")
    } else {
        app.provider.destroy(key).await.context("destroy a machine")
    }
}
