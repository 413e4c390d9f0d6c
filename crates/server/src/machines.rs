//! The links to the sandboxes that are up, by agent, and what may leave each of them.

use anyhow::{Context, Result};
use gateway::attach::AttachGuard;
use protocol::ids::{AgentId, Epoch};
use sandbox::link::Link;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// A sandbox that can be spoken to.
#[derive(Clone)]
pub struct Machine {
    /// Which incarnation.
    pub epoch: Epoch,
    /// The way in.
    pub link: Link,
    /// The way out, once the repositories it serves are known; connections end when the last holder
    /// lets go.
    pub gateway: Option<Arc<AttachGuard>>,
}

/// All links of this process.
#[derive(Default)]
pub struct Machines {
    by_agent: Mutex<HashMap<AgentId, watch::Sender<Option<Machine>>>>,
}

impl Machines {
    fn sender<T>(
        &self,
        agent: AgentId,
        look: impl FnOnce(&watch::Sender<Option<Machine>>) -> T,
    ) -> T {
        let mut by_agent = self.by_agent.lock().unwrap_or_else(PoisonError::into_inner);
        look(by_agent.entry(agent).or_insert_with(|| watch::channel(None).0))
    }

    /// This sandbox can be spoken to from now on.
    pub fn put(&self, agent: AgentId, machine: Machine) {
        self.sender(agent, |sender| sender.send_replace(Some(machine)));
    }

    /// The sandbox of this epoch is gone, or its link is.
    pub fn remove(&self, agent: AgentId, epoch: Epoch) {
        let mut by_agent = self.by_agent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = by_agent.get(&agent) {
            sender.send_if_modified(|machine| {
                machine.take_if(|machine| machine.epoch <= epoch).is_some()
            });
            if sender.receiver_count() == 0 && sender.borrow().is_none() {
                by_agent.remove(&agent);
            }
        }
    }

    /// The sandbox that can be spoken to now, if any.
    pub fn get(&self, agent: AgentId) -> Option<Machine> {
        let by_agent = self.by_agent.lock().unwrap_or_else(PoisonError::into_inner);
        by_agent.get(&agent).and_then(|sender| sender.borrow().clone())
    }

    /// The sandbox of this epoch, as soon as it can be spoken to.
    pub async fn wait(&self, agent: AgentId, epoch: Epoch) -> Result<Machine> {
        let mut receiver = self.sender(agent, watch::Sender::subscribe);
        let found = receiver
            .wait_for(|machine| machine.as_ref().is_some_and(|machine| machine.epoch >= epoch))
            .await
            .context("wait for the sandbox's link")?
            .clone();
        found.filter(|machine| machine.epoch == epoch).context("the sandbox was replaced")
    }

    /// Those that can be spoken to.
    pub fn up(&self) -> Vec<AgentId> {
        let by_agent = self.by_agent.lock().unwrap_or_else(PoisonError::into_inner);
        let up = by_agent.iter().filter(|(_, sender)| sender.borrow().is_some());
        up.map(|(agent, _)| *agent).collect()
    }

    /// How many can be spoken to.
    pub fn count(&self) -> usize {
        let by_agent = self.by_agent.lock().unwrap_or_else(PoisonError::into_inner);
        by_agent.values().filter(|sender| sender.borrow().is_some()).count()
    }
}
