//! Gives a sandbox the agent's own network once what prepares its disk is over: build secrets stand for nothing any
//! more, and what was opened with them is closed. No command of the agent runs before this is in the log.
//!
//! TRUST: what a sandbox may reach is computed from the log each time, so a server that died in between comes back
//! to one that is narrow, and narrows it again.

use super::{Job, provision};
use crate::egress;
use crate::secrets::{self, Phase};
use anyhow::Result;
use protocol::api::secrets::SecretKind;
use protocol::event::Event;
use protocol::ids::Epoch;

/// Narrows it, and says which secrets that took away.
pub async fn run(job: &Job, epoch: Epoch) -> Result<()> {
    let machine = job.app.machines.wait(job.handle.id, epoch).await?;
    provision::serve(job, machine).await?;
    egress::narrow(&job.app, &job.handle).await?;
    let view = job.view().await?;
    let held = secrets::of_agent(&job.app, &job.handle.org, view.living()?, Phase::Build).await?;
    let taken = held.into_iter().filter(|held| held.kind == SecretKind::BuildSecret);
    let secrets = taken.filter(secrets::Held::is_grant).map(|held| held.name).collect();
    job.report(vec![Event::NetworkNarrowed { epoch, secrets }]).await
}
