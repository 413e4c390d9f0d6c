//! Removes what an agent leaves on our side beside its log, which its driver removes last.

use super::Job;
use crate::record;
use anyhow::{Context, Result};
use protocol::event::Event;
use sandbox::provider::SandboxKey;
use std::io::ErrorKind;

/// Removes disk, repositories and records of runs.
pub async fn run(job: &Job) -> Result<()> {
    let agent = job.handle.id;
    let epoch = job.view().await?.living()?.epoch;
    if epoch.0 > 0 {
        job.app
            .provider
            .destroy(SandboxKey { agent, epoch })
            .await
            .context("remove the sandbox's disk")?;
    }
    match tokio::fs::remove_dir_all(job.app.agent_folder(agent)).await {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).context("remove the agent's repositories");
        }
        Ok(()) | Err(_) => {}
    }
    record::erase(&job.app.store, &job.handle.org, agent).await?;
    job.report(vec![Event::Deleted]).await
}
