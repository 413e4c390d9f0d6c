//! What the gateway saw, handed on to the agents' logs.

use crate::app::App;
use gateway::audit::{Audit, Passage, Peer, Recorded};
use gateway::policy::{Denial, DenialCode};
use protocol::event::Event;
use protocol::ids::OrgId;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Denials that wait to be recorded; more are counted by the gateway's log only.
const WAITING: usize = 1024;
/// Distinct denials recorded of one sandbox: a loop inside must not fill the log.
const PER_SANDBOX: usize = 200;

/// Receives on the gateway's tasks and hands over at once.
pub struct Channel {
    sender: mpsc::Sender<(Peer, Denial)>,
}

/// The two ends.
pub fn channel() -> (Channel, mpsc::Receiver<(Peer, Denial)>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Channel { sender }, receiver)
}

impl Audit for Channel {
    fn denied(&self, peer: Peer, denial: &Denial) {
        if self.sender.try_send((peer, denial.clone())).is_err() {
            tracing::warn!(agent.id = %peer.agent, host = %denial.host, "a denial was not recorded: too many at once");
        }
    }

    fn passed(&self, peer: Peer, passage: &Passage) {
        tracing::debug!(
            agent.id = %peer.agent, host = %passage.host, port = passage.port,
            bytes_up = passage.bytes_up, bytes_down = passage.bytes_down, "a connection ended"
        );
    }

    fn recorded(&self, peer: Peer, recorded: &Recorded) {
        tracing::info!(agent.id = %peer.agent, commit = %recorded.commit, "a push from inside was stored");
    }
}

/// Records each denial once per sandbox, until the server ends.
pub async fn record(app: Arc<App>, mut denials: mpsc::Receiver<(Peer, Denial)>) {
    let mut seen: HashSet<(Peer, String, u16, DenialCode)> = HashSet::new();
    while let Some(Some((peer, denial))) = app.shutdown.run_until_cancelled(denials.recv()).await {
        let of_sandbox = seen.iter().filter(|(of, ..)| *of == peer).count();
        let what = (peer, denial.host.clone(), denial.port, denial.code);
        if of_sandbox >= PER_SANDBOX || !seen.insert(what) {
            continue;
        }
        // Newer sandboxes of the agent replace what older ones were denied.
        seen.retain(|(of, ..)| of.agent != peer.agent || of.epoch >= peer.epoch);
        let handle = app.agents.handle(&OrgId::default_org(), peer.agent);
        let event = Event::Denied {
            epoch: peer.epoch,
            host: denial.host.clone(),
            port: denial.port,
            code: denial.code.as_str().to_owned(),
            message: denial.words.clone(),
        };
        if let Err(error) = handle.report(vec![event], None).await {
            tracing::debug!(agent.id = %peer.agent, error = format!("{error:#}"), "a denial came too late");
        }
    }
}
