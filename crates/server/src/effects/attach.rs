//! Holds the link to a sandbox that is up, and notices when it is gone.

use super::{Job, provision};
use anyhow::Result;
use protocol::event::Event;
use protocol::ids::Epoch;
use sandbox::provider::{MachineState, SandboxKey};
use std::time::Duration;

/// Pauses between attempts to reach a guest whose machine still runs.
const RECONNECT: [Duration; 5] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// Runs as long as the sandbox lives.
pub async fn run(job: &Job, epoch: Epoch) -> Result<()> {
    let agent = job.handle.id;
    loop {
        let held = job
            .app
            .machines
            .get(agent)
            .filter(|machine| machine.epoch == epoch && !machine.link.is_closed());
        let machine = match held {
            Some(machine) => Ok(machine),
            None => reconnect(job, epoch).await?,
        };
        match machine {
            Ok(machine) => tokio::select! {
                _ = machine.link.closed() => {}
                () = job.cancel.cancelled() => return Ok(()),
            },
            Err(reason) => {
                job.app.machines.remove(agent, epoch);
                return job.report(vec![Event::SandboxLost { epoch, reason }]).await;
            }
        }
    }
}

type Reached = std::result::Result<crate::machines::Machine, String>;

async fn reconnect(job: &Job, epoch: Epoch) -> Result<Reached> {
    let key = SandboxKey { agent: job.handle.id, epoch };
    let mut last = String::new();
    for pause in RECONNECT {
        match job.app.provider.find(key).await {
            Ok(Some(machine)) => match machine.state {
                MachineState::Running => {}
                MachineState::Ended { reason } => return Ok(Err(reason)),
            },
            Ok(None) => return Ok(Err("the machine is no longer there".to_owned())),
            // TRUST: an unreachable provider says nothing about the machine.
            Err(error) => return Err(error.into()),
        }
        match provision::link(job, epoch).await {
            Ok(machine) => return Ok(Ok(machine)),
            Err(error) => last = format!("{error:#}"),
        }
        tokio::time::sleep(pause).await;
    }
    Ok(Err(format!("its guest does not answer: {last}")))
}
