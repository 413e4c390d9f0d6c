//! Ends what a run left running inside, then ends its turn.

use super::Job;
use crate::terminals::is_persons;
use agent::effect::Interruption;
use anyhow::{Context, Result};
use protocol::event::{Event, TurnOutcome};
use protocol::ids::{Epoch, RunId};
use protocol::link::{Answer, Request};
use sandbox::link::{Link, LinkError};
use std::time::Duration;

/// Time the guest gets to end every process; a machine that does not answer is lost anyway.
const KILL: Duration = Duration::from_secs(5);

/// Kills first, so that "cancelled" means that nothing of it runs any more.
pub async fn run(job: &Job, run: RunId, epoch: Option<Epoch>, because: Interruption) -> Result<()> {
    let machine = epoch.and_then(|epoch| {
        job.app.machines.get(job.handle.id).filter(|machine| machine.epoch == epoch)
    });
    if let Some(machine) = machine {
        let kill = kill_all(&machine.link);
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

/// Ends everything that is not a person's: whoever sits at a terminal keeps it.
async fn kill_all(link: &Link) -> Result<Answer, LinkError> {
    let except = match link.request(Request::Ops).await? {
        Answer::Ops { ops } => ops
            .into_iter()
            .filter(|state| state.running)
            .map(|state| state.op)
            .filter(is_persons)
            .collect(),
        _ => Vec::new(),
    };
    link.request(Request::KillAll { except }).await
}
