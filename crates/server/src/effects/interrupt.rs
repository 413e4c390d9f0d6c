//! Ends what a run left running inside, then ends its turn.

use super::Job;
use agent::effect::Interruption;
use anyhow::{Context, Result};
use protocol::event::{Event, TurnOutcome};
use protocol::ids::{Epoch, RunId};
use protocol::link::Request;
use std::time::Duration;

/// Time the guest gets to end every process; a machine that does not answer is lost anyway.
const KILL: Duration = Duration::from_secs(5);

/// Kills first, so that "cancelled" means that nothing of it runs any more.
pub async fn run(job: &Job, run: RunId, epoch: Option<Epoch>, because: Interruption) -> Result<()> {
    let machine = epoch.and_then(|epoch| {
        job.app.machines.get(job.handle.id).filter(|machine| machine.epoch == epoch)
    });
    if let Some(machine) = machine {
        let kill = machine.link.request(Request::KillAll { except: Vec::new() });
        tokio::time::timeout(KILL, kill)
            .await
            .context("the guest did not end the processes in time")?
            .context("end the processes")?;
    }
    let outcome = match because {
        Interruption::Cancelled => TurnOutcome::Cancelled,
        Interruption::Expired => TurnOutcome::Expired,
    };
    job.report(vec![Event::TurnEnded { run, outcome }]).await
}
