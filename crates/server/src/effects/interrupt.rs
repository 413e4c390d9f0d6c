//! Ends what a run left running inside, then ends its turn.

use super::{Job, set_up};
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
    if let Some(epoch) = epoch {
        // After a restart of the server the link comes a moment later: what cannot be reached yet may
        // still be running, and "cancelled" would be a lie.
        let kill = async {
            let machine = job.app.machines.wait(job.handle.id, epoch).await?;
            kill_all(&machine.link).await.context("end the processes")
        };
        tokio::time::timeout(KILL, kill)
            .await
            .context("the guest did not end the processes in time")??;
    }
    let outcome = match because {
        Interruption::Cancelled => TurnOutcome::Cancelled,
        Interruption::Expired => TurnOutcome::Expired,
    };
    job.report(vec![Event::TurnEnded { run, outcome }]).await
}

/// Ends everything that is not a person's, who keeps their terminals, nor the machine's.
async fn kill_all(link: &Link) -> Result<Answer, LinkError> {
    let except = match link.request(Request::Ops).await? {
        Answer::Ops { ops } => ops
            .into_iter()
            .filter(|state| state.running && is_persons(&state.op) || set_up::outlives_runs(state))
            .map(|state| state.op)
            .collect(),
        _ => Vec::new(),
    };
    link.request(Request::KillAll { except }).await
}
