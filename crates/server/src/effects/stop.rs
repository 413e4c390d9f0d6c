//! Ends a sandbox.

use super::Job;
use crate::audit;
use anyhow::{Context, Result};
use protocol::event::Event;
use protocol::ids::Epoch;
use sandbox::provider::SandboxKey;

/// Stops it, keeping or removing its disk.
pub async fn run(job: &Job, epoch: Epoch, keep_disk: bool) -> Result<()> {
    let key = SandboxKey { agent: job.handle.id, epoch };
    job.app.machines.remove(job.handle.id, epoch);
    let provider = &job.app.provider;
    if keep_disk { provider.stop(key).await } else { provider.destroy(key).await }
        .context("end the sandbox")?;
    audit::windows::flush(&job.app).await;
    job.report(vec![Event::SandboxStopped { epoch }]).await
}
