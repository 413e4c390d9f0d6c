//! The audit log: what people and agents did, and what left, in one chain of records of the whole organisation
//! (`store::audit`).
//!
//! ```text
//!   an agent's event ── of_events ──► one transaction with the event
//!   a person's change ─ by_people ──► after the change, before the answer
//!   the gateway ─────── windows ────► every ten seconds, when a sandbox ends, when somebody looks, at the end
//! ```
//!
//! A crash loses at most the window of the gateway that was not written, and a record of a change whose answer was
//! never given. Denials also stand in the agents' logs, at once and each once.

pub mod by_people;
pub mod of_events;
pub mod traffic;
pub mod uses;
pub mod windows;

pub use store::audit::chain;

use crate::app::{App, AppCell};
use gateway::audit::{Audit, Passage, Peer, Recorded};
use gateway::policy::{Denial, DenialCode};
use protocol::event::Event;
use protocol::ids::OrgId;
use protocol::process::Process;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::mpsc;
use windows::Windows;

/// Denials that wait to be recorded; more are counted in the audit log only.
const WAITING: usize = 1024;
/// Distinct denials recorded of one sandbox: a loop inside must not fill the log.
const PER_SANDBOX: usize = 200;

/// What was denied to whom.
pub struct Denied {
    peer: Peer,
    denial: Denial,
    process: Option<Process>,
}

/// Receives on the gateway's tasks and hands over at once.
pub struct Channel {
    sender: mpsc::Sender<Denied>,
    windows: Arc<Windows>,
}

impl Channel {
    /// Where it is all added up.
    pub fn windows(&self) -> Arc<Windows> {
        Arc::clone(&self.windows)
    }
}

/// The two ends.
pub fn channel(app: &Arc<AppCell>) -> (Channel, mpsc::Receiver<Denied>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Channel { sender, windows: Arc::new(Windows::new(app)) }, receiver)
}

impl Audit for Channel {
    fn denied(&self, peer: Peer, denial: &Denial, process: Option<&Process>) {
        self.windows.denied(peer.agent, denial, process);
        let denied = Denied { peer, denial: denial.clone(), process: process.cloned() };
        if self.sender.try_send(denied).is_err() {
            tracing::warn!(agent.id = %peer.agent, host = %denial.host, "a denial is counted in the audit log only: too many at once");
        }
    }

    fn passed(&self, peer: Peer, passage: &Passage) {
        self.windows.passed(peer.agent, passage);
    }

    fn recorded(&self, peer: Peer, recorded: &Recorded) {
        self.windows.received(peer.agent, recorded);
        tracing::info!(agent.id = %peer.agent, commit = %recorded.commit, "a push from inside was stored");
    }
}

/// Records each denial once per sandbox, until the server ends.
pub async fn record(app: Arc<App>, mut denials: mpsc::Receiver<Denied>) {
    let mut seen: HashSet<(Peer, String, u16, DenialCode)> = HashSet::new();
    while let Some(Some(denied)) = app.shutdown.run_until_cancelled(denials.recv()).await {
        let Denied { peer, denial, process } = denied;
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
            process,
        };
        if let Err(error) = handle.report(vec![event], None).await {
            tracing::debug!(agent.id = %peer.agent, error = format!("{error:#}"), "a denial came too late");
        }
    }
}
